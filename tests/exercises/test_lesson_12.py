"""The checks of lesson 12 accept what is right and name what is wrong."""

import numpy as np

from tests.exercises.proof import prove
from tests.solutions import lesson_12 as solutions


def step(x, s1, s2, W1, b1, W2, damping, *, kept=None, taken=None, unit=lambda v: np.clip(v / 2, 0, 1), above=1.0):
    v = x @ W1.T + b1 + above * s2 @ W2
    return (damping if kept is None else kept) * s1 + (1 - damping if taken is None else taken) * unit(v)


def test_12_1():
    def apart(x, s1, s2, W1, b1, W2, damping):
        return damping * s1 + (1 - damping) * (np.clip((x @ W1.T + b1) / 2, 0, 1) + np.clip(s2 @ W2 / 2, 0, 1))

    prove("12.1", right=[solutions.settle_hidden, solutions.settle_hidden_by_units], kind="settling step",
          wrong={"transposed": (lambda x, s1, s2, W1, b1, W2, damping: step(x, s1, s2, W1, b1, W2, damping).T, "shape"),
                 "sign": (lambda *arguments: step(*arguments, above=-1.0), "from above has the wrong sign"),
                 "derivative left out": (lambda *arguments: step(*arguments, unit=lambda v: v), "left out the unit"),
                 "step size left out": (lambda *arguments: step(*arguments, taken=1.0), "its share is 1 − damping"),
                 "state left out": (lambda *arguments: step(*arguments, kept=0.0, taken=1.0), "nothing of the old")},
          own={"whole state": (lambda *arguments: step(*arguments, kept=1.0), "added whole"),
               "shares exchanged": (lambda *arguments: step(*arguments[:-1], 1 - arguments[-1]), "exchanged"),
               "nothing from above": (lambda *arguments: step(*arguments, above=0.0), "from above, s2 W2"),
               "nothing from below": (lambda x, *rest: step(np.zeros_like(x), *rest), "from below"),
               "no bias": (lambda x, s1, s2, W1, b1, W2, damping: step(x, s1, s2, W1, 0 * b1, W2, damping),
                           "left out the bias"),
               "units apart": (apart, "added first"),
               "not halved": (lambda *arguments: step(*arguments, unit=lambda v: np.clip(v, 0, 1)), "should be")})


def contrast(below_plus, plus, below_minus, minus, beta):
    return (minus.T @ below_minus - plus.T @ below_plus) / (2 * beta * len(plus))


def test_12_2():
    def of_differences(below_plus, plus, below_minus, minus, beta):
        return -(plus - minus).T @ (below_plus - below_minus) / (2 * beta * len(plus))

    prove("12.2", right=[solutions.symmetric_estimate, solutions.symmetric_estimate_by_samples],
          kind="feedback update",
          own={"product of differences": (of_differences, "difference of the products"),
               "one β": (lambda *arguments: 2 * contrast(*arguments), "2β apart"),
               "no β": (lambda *arguments: arguments[-1] * contrast(*arguments), "did not divide by β"),
               "below stays": (lambda below_plus, plus, below_minus, minus, beta: contrast(
                   below_plus, plus, below_plus, minus, beta), "each product has its own"),
               "one phase": (lambda below_plus, plus, below_minus, minus, beta: contrast(
                   below_plus, plus, below_minus, 0 * minus, beta), "should be")},
          without={"W used": "no weights are given", "derivative left out": "no unit lies between"})
