"""What the tests of the closed form share: the rules that have one, what is left over, and what would break it."""

import numpy as np
import pytest

from feedbackalign.optimizer import SGD, Adam
from feedbackalign.training.loop import train_step
from tests.rules.tools import dense_case, make

EXPLICIT = {"kp": "explicit", "pfa": "two-hop", "pfa-o": "two-hop", "pfa-i": "contracted"}
RULES = list(EXPLICIT)
every_learning_rule = pytest.mark.parametrize("name", RULES)


def differences(rule):
    """D = R − Bᵀ W, or B − W, of every layer, from the arrays themselves."""
    D = {}
    for layer in rule.network.weighted_layers():
        held = rule.parameters() | rule.constants()
        B = held[f"{layer.name}.B"]
        R = held.get(f"{layer.name}.R")
        D[layer.name] = B - layer.weight if R is None else R - np.tensordot(B.T, layer.weight, axes=1)
    return D


def adam():
    return Adam(lr=0.01)


def several_rates():
    return SGD(lr={"fc1": 0.1, "fc2": 0.1, "fc3": 0.05})


def with_momentum_from_elsewhere():
    optimizer = SGD(lr=0.05, momentum=0.9)
    net, x, labels = dense_case()
    train_step(make("bp", net), optimizer, x, labels)
    return optimizer


class Foreign:
    """An optimiser of the user's own that knows nothing of closed forms."""

    def step(self, parameters, gradients):
        for name, parameter in parameters.items():
            parameter -= 0.05 * gradients[name]


BREAKERS = [(adam, "Adam rescales every weight by its own gradients"),
            (several_rates, "the optimiser has several learning rates"),
            (with_momentum_from_elsewhere, "the optimiser already carries momentum"),
            (Foreign, "the optimiser Foreign does not say that it treats all weights alike")]
every_breaker = pytest.mark.parametrize(("optimizer", "reason"), BREAKERS, ids=[b.__name__ for b, _ in BREAKERS])
