"""What is exactly true of the settling rules: what their `own_truths` show in `feedbackalign check`.

    nudge           the estimate's distance to the exact gradient falls with β (one-sided) and with β² (symmetric)
    common_update   W − B of untied weights only decays under the common update

A truth takes the rule's class and a Generator and yields (what, value, tolerance). All start from a network that
settles: at a state that still moves an estimate says nothing about the estimator.
"""

import numpy as np

from feedbackalign.layers import ACTIVATIONS, Linear
from feedbackalign.networks import Network
from feedbackalign.networks.chains import settling_chain
from feedbackalign.ops import norms
from feedbackalign.optimizer import SGD
from feedbackalign.rules.base import take_step
from feedbackalign.rules.equilibrium.exact_gradients import EXACTLY, settle_exactly

LONG = {"free_steps": 500, "nudged_steps": 500}


def settled_network(rng, *, sizes=(10, 12, 9, 5), unit="steep-sigmoid", samples=6):
    """Dense layers under squared error, weights in ±1/√in scaled down until all samples settle: -> network, x, labels.

    >>> network, x, labels = settled_network(np.random.default_rng(0))
    >>> settle_exactly(settling_chain(network), x)[1] < 1e-10
    True
    """
    stack = []
    for inputs, outputs in zip(sizes, sizes[1:]):
        stack += [Linear(inputs, outputs, rng=rng, dtype=np.float64), ACTIVATIONS[unit]()]
    network = Network(stack, loss="squared-error")
    for layer in network.weighted_layers():
        for array in layer.parameters().values():
            array[...] = rng.uniform(-1, 1, size=array.shape) / np.sqrt(layer.weight.shape[1])
    x, labels = rng.random((samples, sizes[0])), rng.integers(sizes[-1], size=samples)
    while settle_exactly(settling_chain(network), x, longest=200)[1] > EXACTLY:
        for layer in network.weighted_layers():
            layer.weight *= 0.8
    return network, x, labels


def relative(ours, exact):
    """‖ours − exact‖ / ‖exact‖ over all arrays of two dicts together, by the keys of `exact`."""
    return norms.relative([ours[name] for name in exact], exact.values())


def nudge(kind, rng):
    """Bias O(β) and O(β²) against the implicit gradient; untied weights at B = W, where their rule is exact."""
    network, x, labels = settled_network(rng)

    def made(estimator, beta):
        rule = kind(network, rng=np.random.default_rng(0), estimator=estimator, beta=beta, **LONG)
        rule.match_to_tied()
        return rule

    def estimate(estimator, beta):
        return made(estimator, beta).gradients(x, labels).grads

    exact = made("symmetric", 0.1).references(x, labels)["implicit"]
    errors = {(estimator, beta): relative(estimate(estimator, beta), exact)
              for estimator in ("one-sided", "symmetric") for beta in (1e-2, 1e-3)}
    yield "symmetric estimate against the implicit gradient, β = 1e-3", errors["symmetric", 1e-3], 1e-4
    for estimator, order in (("one-sided", 1), ("symmetric", 2)):
        ratio = errors[estimator, 1e-2] / errors[estimator, 1e-3]
        yield (f"{estimator} error at β = 1e-2 over that at 1e-3: {ratio:.4g}, relative distance to {10**order}",
               abs(ratio / 10**order - 1), 0.2)
    both = [estimate("one-sided", beta) for beta in (1e-2, -1e-2)]
    mean = {name: (both[0][name] + both[1][name]) / 2 for name in exact}
    symmetric = estimate("symmetric", 1e-2)
    yield ("mean of the two signs of random-sign against symmetric",
           relative(mean, {name: symmetric[name] for name in exact}), 1e-10)


def common_update(kind, rng, steps=20, lr=0.1, decay=0.02):
    """W − B after some steps of plain SGD is (1 − η λ)ᵏ (W − B), whatever the data."""
    network, x, labels = settled_network(rng)
    rule = kind(network, rng=rng, update="kolen-pollack")
    start = apart(rule)
    sgd = SGD(lr=lr, weight_decay=decay)
    for _ in range(steps):
        take_step(rule, sgd, x, labels)
    faded = {name: (1 - lr * decay) ** steps * gap for name, gap in start.items()}
    yield f"W − B after {steps} common updates against (1 − ηλ)^{steps} of it", relative(apart(rule), faded), 1e-12


def apart(rule):
    """W − B of every layer that has feedback weights of its own: {layer: array}."""
    return {name: rule.network.layer(name).weight - B for name, B in rule.B.items()}
