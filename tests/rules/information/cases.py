"""A case by hand, and rules on random networks that settle or have clear voltages."""

import numpy as np

from feedbackalign.networks import mlp
from feedbackalign.rules.information.corinfomax import CorInfoMax
from feedbackalign.rules.information.truths import off_the_kinks, settling_rule

X, LABELS = np.array([[1, 0.2, 0.4], [0.5, 0.9, 0.1]]), np.array([0, 1])


def golden(kind=CorInfoMax, **options):
    """3-2-2 without biases, λ = .99, everything set by hand."""
    network = mlp([3, 2, 2], activation="hard-sigmoid", loss="squared-error", bias=False, dtype=np.float64,
                  rng=np.random.default_rng(0))
    network.layer("fc1").weight[...] = [[0.5, -0.2, 0.3], [0.1, 0.4, -0.3]]
    network.layer("fc2").weight[...] = [[0.6, -0.1], [-0.2, 0.7]]
    rule = kind(network, rng=np.random.default_rng(1), **({"forgetting": 0.99, "sign": "fixed"} | options))
    rule.set_feedback("fc2", Wb=np.array([[0.2, -0.4], [0.3, 0.5]]))
    if rule.B:
        rule.set_feedback("fc1", lateral=np.array([[1, 0.2], [0.2, 0.8]]))
        rule.set_feedback("fc2", lateral=np.array([[1.1, -0.1], [-0.1, 0.9]]))
    return rule


def drawn(rng, kind=CorInfoMax, **options):
    """A rule on a random network of one to three layers with biases, and a batch: -> rule, x, labels."""
    sizes = rng.integers(1, 8, size=rng.integers(2, 5)).tolist()
    network = mlp(sizes, activation="hard-sigmoid", loss="squared-error", bias=bool(rng.integers(2)), rng=rng,
                  dtype=np.float64)
    for name, array in network.parameters().items():
        array[...] += 0.3 * rng.normal(size=array.shape) if name.endswith("bias") else 0
    rule = kind(network, rng=rng, **({"forgetting": 0.97, "lateral": "woodbury", "sign": "fixed"} | options))
    N = rng.integers(1, 6)
    return rule, rng.normal(size=(N, sizes[0])), rng.integers(sizes[-1], size=N)


def clear(rng, **options):
    """A settling rule and those of its samples that are clear of the kinks: -> rule, x, labels."""
    while True:
        rule, x, labels = settling_rule(CorInfoMax, rng, samples=20, **options)
        away = off_the_kinks(rule, x)
        if away.any():
            return rule, x[away], labels[away]
