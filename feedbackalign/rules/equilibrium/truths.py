"""What is exactly true of the settling rules, as numbers: what their `own_truths` show in `feedbackalign check`.

    nudge           the estimate's distance to the exact gradient falls with β (one-sided) and with β² (symmetric)
    common_update   W − B of untied weights only decays under the common update
    circle          N points on a circle tell the derivative; with symmetric weights that is the true error
    homeostasis     its gradient in closed form is the slope of its loss, and its steps shrink W − B by 1 − 4 η λ/n

Every function takes the rule's class and a Generator and yields (what, value, tolerance). All start from a network that
settles: at a state that still moves an estimate says nothing about the estimator.
"""

import numpy as np

from feedbackalign.layers import ACTIVATIONS, Linear
from feedbackalign.networks import Network
from feedbackalign.networks.chains import settling_chain
from feedbackalign.optimizer import SGD
from feedbackalign.rules.equilibrium.exact_gradients import EXACTLY, settle_exactly
from feedbackalign.rules.holomorphic import nudging, recurrent_backprop
from feedbackalign.rules.holomorphic import homeostasis as homeostatic

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
    distance = sum(float(((ours[name] - array) ** 2).sum()) for name, array in exact.items())
    return float(np.sqrt(distance / sum(float((array**2).sum()) for array in exact.values())))


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
    start = {name: network.layer(name).weight - B for name, B in rule.B.items()}
    sgd = SGD(lr=lr, weight_decay=decay)
    for _ in range(steps):
        sgd.step(network.parameters() | rule.parameters(), rule.gradients(x, labels).grads)
    ends = {name: network.layer(name).weight - B for name, B in rule.B.items()}
    faded = {name: (1 - lr * decay) ** steps * gap for name, gap in start.items()}
    yield f"W − B after {steps} common updates against (1 − ηλ)^{steps} of it", relative(ends, faded), 1e-12


def circle(kind, rng):
    """Cauchy sums against the tangent; the tangent against recurrent backprop where B = W."""
    network, x, labels = settled_network(rng, unit="dsilu")
    rule = kind(network, rng=rng, **LONG)
    for name, B in rule.B.items():
        B[...] = 0.5 * B + 0.5 * network.layer(name).weight             # neither equal nor unrelated
    free, _ = rule.settle(x, rule.free_phase(x)[0], steps=5000, until=1e-14)
    targets = rule.targets(free, labels)

    def phase(beta):
        return rule.settle(x, free, steps=5000, beta=beta, targets=targets, until=1e-14)

    def tangent():
        return named(nudging.tangent(rule.chain, x, free, targets, steps=5000, feedback=rule.B, until=1e-16).deltas)

    exact = tangent()
    sums = {(N, radius): nudging.cauchy_sum(phase, free, nudging.half_circle(radius, N))
            for N, radius in ((2, 0.05), (2, 0.1), (8, 0.05))}
    errors = {circle: relative(named(found.deltas), exact) for circle, found in sums.items()}
    ratio = errors[2, 0.1] / errors[2, 0.05]
    yield (f"2 points: error of δ at radius 0.1 over that at 0.05: {ratio:.4g}, relative distance to 4",
           abs(ratio / 4 - 1), 0.2)
    yield "8 points at radius 0.05: δ against the tangent", errors[8, 0.05], 1e-7
    yield "8 points at radius 0.05: mean-value defect", nudging.mean_value_defect(sums[8, 0.05], free, 0.05), 1e-6
    whole = nudging.cauchy_sum(phase, free, nudging.whole_circle(0.05, 8))
    yield "half the circle against the whole", relative(named(sums[8, 0.05].deltas), named(whole.deltas)), 1e-10
    rule.match_to_tied()
    free, _ = rule.settle(x, free, steps=5000, until=1e-14)
    true = recurrent_backprop.solved_errors(rule.chain, x, free, targets, rule.B)
    yield "tangent at B = W against recurrent backprop", relative(tangent(), named(true)), 1e-10


def named(arrays):
    """{0: array, 1: array …}"""
    return dict(enumerate(arrays))


def homeostasis(kind, rng, h=1e-6, steps=20, lr=0.1):
    """Closed form against central differences of the loss; steps on homeostasis alone; probes in the mean."""
    network, _, _ = settled_network(rng)
    rule = kind(network, rng=rng, estimate="closed-form")
    weights = {f"{name}.weight": network.layer(name).weight for name in rule.B} | rule.parameters()
    closed = rule.homeostatic_gradients(1)
    slopes = {name: np.empty_like(array) for name, array in weights.items()}
    for name, array in weights.items():
        for place in np.ndindex(array.shape):
            held, losses = array[place], []
            for moved in (held + h, held - h):
                array[place] = moved
                losses.append(homeostatic.chain_loss(rule.chain, rule.B))
            array[place] = held
            slopes[name][place] = (losses[0] - losses[1]) / (2 * h)
    yield "closed form of homeostasis against central differences", relative(closed, slopes), 1e-6

    probes = homeostatic.draw_probes(rule.chain, 20_000, rng)
    local = homeostatic.probed_chain_gradient(rule.chain, rule.B, probes, local=True)
    yield "local probes (20 000) against the closed form", relative(local, closed), 0.15

    gaps = {name: network.layer(name).weight - B for name, B in rule.B.items()}
    rate = lr * rule.coefficient / homeostatic.neurons(rule.chain)
    for _ in range(steps):
        pull = rule.homeostatic_gradients(1)
        for name, array in weights.items():
            array -= rate * pull[name]
    ends = {name: network.layer(name).weight - B for name, B in rule.B.items()}
    faded = {name: (1 - 4 * rate) ** steps * gap for name, gap in gaps.items()}
    yield f"W − B after {steps} homeostatic steps against (1 − 4ηλ/n)^{steps} of it", relative(ends, faded), 1e-12
