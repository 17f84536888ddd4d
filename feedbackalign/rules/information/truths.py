"""What is exactly true of the rule: what its `own_truths` show in `feedbackalign check`.

    lateral_inverse     woodbury and rank1 keep B the inverse of the correlations
    definite            the paper's update leaves B positive definite if and only if (γ/N) λ_max(X B Xᵀ) < 1
    tied                with Wb = W the lowest layer's update is ε times the gradient through the settled network
"""

import numpy as np

from feedbackalign.alignment import angle, relative_distance
from feedbackalign.networks import mlp
from feedbackalign.rules.information import lateral

MARGIN = 0.02               # between a voltage and the kinks of its rate


def settling_rule(kind, rng, *, sizes=(7, 8, 6, 4), samples=6, forgetting=0.999, bias=True, **options):
    """A rule on a small network that has one fixed point, and fresh inputs: -> rule, x (samples, in), labels.

    ‖W‖₂ above the lowest layer and ‖Wb‖₂ are .8, γε‖B‖₂ is at most .05. The step takes u at once to where it is driven,
    so a phase needs less than 100 sweeps.

    >>> from feedbackalign.rules.information.corinfomax import CorInfoMax
    >>> rule, x, labels = settling_rule(CorInfoMax, np.random.default_rng(0))
    >>> rule.free_phase(x)[1] < 1e-14
    True
    """
    network = mlp(sizes, activation="hard-sigmoid", loss="squared-error", bias=bias, rng=rng, dtype=np.float64)
    for layer in network.weighted_layers() if bias else ():
        layer.bias[...] = 0.2 * rng.random(size=layer.bias.shape)
    made = {"leak": 0.5, "epsilon": 0.15, "free_steps": 400, "nudged_steps": 400, "sign": "fixed"} | options
    made.setdefault("step_size", 1 / (made["leak"] + 2 / made["epsilon"]))
    rule = kind(network, rng=rng, forgetting=forgetting, **made)
    for layer in network.weighted_layers()[1:]:
        layer.weight *= 0.8 / np.linalg.norm(layer.weight, 2)
        rule.Wb[layer.name] *= 0.8 / np.linalg.norm(rule.Wb[layer.name], 2)
    for B in rule.B.values():
        B *= min(1.0, 0.05 / (rule.neurons.gamma * rule.neurons.epsilon * np.linalg.norm(B, 2)))
    x = rng.random((samples, sizes[0]))
    return rule, x, rng.integers(sizes[-1], size=samples)


def off_the_kinks(rule, x, margin=MARGIN):
    """Which samples have no voltage near 0 or 1 in the settled free phase: (N,) of bool."""
    activities, _ = rule.free_phase(rule.admit(x))
    nearest = [np.minimum(np.abs(layer.voltages), np.abs(layer.voltages - 1)).min(axis=1) for layer in activities]
    return np.min(nearest, axis=0) > margin


def lateral_inverse(kind, rng, steps=300, n=12):
    """B against the inverse of R ← λR + (1 − λ)XᵀX/N, after some batches."""
    for update, N in ((lateral.rank1, 1), (lateral.woodbury, 5)):
        J = rng.normal(size=(n, n))
        R = J @ J.T / n + np.eye(n)
        B, forgetting = np.linalg.inv(R), 0.99
        for _ in range(steps):
            X = rng.random((N, n))
            R = forgetting * R + (1 - forgetting) * X.T @ X / N
            B = update(B, X, forgetting)
        exact = np.linalg.inv(R)
        yield (f"{update.__name__}: B after {steps} batches of {N} against the inverse of the correlations",
               np.linalg.norm(B - exact) / np.linalg.norm(exact), 1e-10)


def definite(kind, rng, cases=200):
    """Whether B stays positive definite, and whether the criterion says so."""
    wrong = 0
    for _ in range(cases):
        n, N = rng.integers(1, 8, size=2)
        J, X = rng.normal(size=(n, n)), rng.random((N, n))
        B = J @ J.T + 0.1 * np.eye(n)
        forgetting = rng.uniform(0.3, 0.99)
        value = lateral.growth(B, X, (1 - forgetting) / forgetting)
        if abs(value - 1) > 1e-6:
            stays = np.linalg.eigvalsh(lateral.paper(B, X, forgetting))[0] > 0
            wrong += stays != (value < 1)
    yield f"paper: how often the criterion is wrong about {cases} random steps", wrong, 0


def tied(kind, rng):
    """Wb = W: the centred contrast at β = 1e-3 against ε times the implicit gradient, at the lowest layer."""
    clear = np.array([False])
    while not clear.any():                              # until some samples are clear of the kinks
        rule, x, labels = settling_rule(kind, rng, samples=40, beta=1e-3, phases=3)
        rule.match_to_tied()
        clear = off_the_kinks(rule, x)
    x, labels = x[clear], labels[clear]
    ours = rule.gradients(x, labels).grads
    exact = {name: rule.neurons.epsilon * gradient
             for name, gradient in rule.references(x, labels)["implicit"].items()}
    yield ("with Wb = W, β = 1e-3: fc1's update and the implicit gradient, angle in degrees",
           angle(ours["fc1.weight"], exact["fc1.weight"]), 0.1)
    yield ("with Wb = W, β = 1e-3: fc1's update against ε times the implicit gradient",
           relative_distance(ours, {name: exact[name] for name in ("fc1.weight", "fc1.bias")}), 1e-3)

