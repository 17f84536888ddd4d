"""The checks of lesson 12 accept what is right and name what is wrong."""

import numpy as np
import pytest

from tests.exercises.proof import prove
from tests.solutions import lesson_12 as solutions

EVERY, LAST, BUT_LAST, BUT_FIRST = slice(None), slice(-1, None), slice(None, -1), slice(1, None)


def step(x, s1, s2, W1, b1, W2, damping, *, kept=None, taken=None, unit=None, from_x=1.0, bias=1.0, from_s2=1.0,
         below=EVERY, above=EVERY):
    v = from_x * np.einsum("ni,hi->nh", x[:, below], W1[:, below]) + bias * b1
    v = v + from_s2 * np.einsum("no,oh->nh", s2[:, above], W2[above])
    asked = np.minimum(np.maximum(v / 2, 0), 1) if unit is None else unit(v)
    return (damping if kept is None else kept) * s1 + (1 - damping if taken is None else taken) * asked


def clipped(v):
    return np.clip(v / 2, 0, 1)


def apart(x, s1, s2, W1, b1, W2, damping):
    return damping * s1 + (1 - damping) * (clipped(x @ W1.T + b1) + clipped(s2 @ W2))


def unit_below_alone(x, s1, s2, W1, b1, W2, damping):
    return damping * s1 + (1 - damping) * (clipped(x @ W1.T + b1) + s2 @ W2)


def unit_of_the_mixture(x, s1, s2, W1, b1, W2, damping):
    return clipped(damping * s1 + (1 - damping) * (x @ W1.T + b1 + s2 @ W2))


def half_of_the_mixture(x, s1, s2, W1, b1, W2, damping):
    return np.clip(damping * s1 + (1 - damping) * (x @ W1.T + b1 + s2 @ W2) / 2, 0, 1)


def logistic(v):
    return 1 / (1 + np.exp(np.clip(-v, -700, 700)))


def last_of_both_loops(x, s1, s2, W1, b1, W2, damping):
    new = s1.copy()
    for n, unit in np.ndindex(*s1.shape):
        for i in range(x.shape[1]):
            below = x[n, i] * W1[unit, i]
        for o in range(s2.shape[1]):
            above = s2[n, o] * W2[o, unit]
        new[n, unit] = damping * s1[n, unit] + (1 - damping) * clipped(below + b1[unit] + above)
    return new


def last_input_without_bias(x, s1, s2, W1, b1, W2, damping):
    drive = b1
    for i in range(x.shape[1]):
        drive = np.outer(x[:, i], W1[:, i])
    return damping * s1 + (1 - damping) * clipped(drive + s2 @ W2)


def last_unit_above_alone(x, s1, s2, W1, b1, W2, damping):
    drive = x @ W1.T + b1
    for o in range(s2.shape[1]):
        drive = np.outer(s2[:, o], W2[o])
    return damping * s1 + (1 - damping) * clipped(drive)


def test_12_1():
    def only(**which):
        return lambda *given: step(*given, **which)

    prove("12.1", right=[solutions.settle_hidden, solutions.settle_hidden_by_units], kinds={
        "sign": [lambda *given: -step(*given), only(from_s2=-1.0), only(from_x=-1.0), only(bias=-1.0),
                 lambda *given: step(*given, kept=-given[-1]), lambda *given: step(*given, taken=given[-1] - 1)],
        "mean twice": [lambda *given: step(*given) / len(given[0]),
                       lambda *given: step(*given, taken=(1 - given[-1]) / len(given[0]))],
        "absolute value": only(unit=lambda v: clipped(np.abs(v))),
        "overwritten in a loop": [only(below=LAST), only(above=LAST), last_of_both_loops, last_input_without_bias,
                                  last_unit_above_alone],
        "first left out": [only(below=BUT_FIRST), only(above=BUT_FIRST)],
        "last left out": [only(below=BUT_LAST), only(above=BUT_LAST)]},
        own={"no state": (only(kept=0.0, taken=1.0), "nothing of the old state is kept:"),
             "no state, but its share": (only(kept=0.0), "though what is asked has its share"),
             "whole state": (only(kept=1.0), "added whole"),
             "asked in full": (only(taken=1.0), "its share is 1 − damping"),
             "both in full": (only(kept=1.0, taken=1.0), "both count in full"),
             "shares exchanged": (lambda *given: step(*given[:-1], 1 - given[-1]), "the shares are exchanged"),
             "one share for both": (lambda *given: step(*given, taken=given[-1]), "not damping too"),
             "nothing from above": (only(from_s2=0.0), "from above, s2 W2"),
             "nothing from below": (only(from_x=0.0), "from below, x W1ᵀ"),
             "no bias": (only(bias=0.0), "left out the bias"),
             "two biases": (only(bias=2.0), "the bias is there twice"),
             "no unit": (only(unit=lambda v: v), "left out the unit"),
             "not halved": (only(unit=lambda v: np.clip(v, 0, 1)), "left out the half"),
             "halved twice": (only(unit=lambda v: np.clip(v / 4, 0, 1)), "the half twice"),
             "the change": (lambda x, s1, *rest: step(x, s1, *rest) - s1, "what changes, not the new state"),
             "halved late": (only(unit=lambda v: np.clip(v, 0, 1) / 2), "the half after the clip"),
             "not clipped": (only(unit=lambda v: v / 2), "yours is not clipped"),
             "no end above": (only(unit=lambda v: v * (v > 0) / 2), "no end at 1"),
             "no end below": (only(unit=lambda v: np.where(v < 2, v / 2, 1)), "no end at 0"),
             "ends at −1": (only(unit=lambda v: np.clip(v / 2, -1, 1)), "ends at −1"),
             "units apart": (apart, "the drives are added first"),
             "unit below alone": (unit_below_alone, "from below alone"),
             "half of the mixture": (half_of_the_mixture, "of the drive and the old state"),
             "unit of the share": (lambda x, s1, s2, W1, b1, W2, damping: damping * s1 + clipped(
                 (1 - damping) * (x @ W1.T + b1 + s2 @ W2)), "σ of the drive's share"),
             "logistic": (only(unit=logistic), "not the logistic function"),
             "σ of the state above": (lambda x, s1, s2, *rest: step(x, s1, clipped(s2), *rest), "a state already"),
             "bias not halved": (only(unit=clipped, bias=2.0), "not halved with the drives"),
             "unit of the mixture": (unit_of_the_mixture, "of the drive and the old state"),
             "tanh": (only(unit=np.tanh), "not tanh"), "sine": (only(unit=np.sin), "should be")})


def contrast(below_plus, plus, below_minus, minus, beta, *, samples=EVERY, N=None, at_plus=-1.0, at_minus=1.0):
    products = at_plus * np.einsum("no,ni->oi", plus[samples], below_plus[samples]) + at_minus * np.einsum(
        "no,ni->oi", minus[samples], below_minus[samples])
    return products / (2 * beta * (N or len(plus)))


def of_differences(below_plus, plus, below_minus, minus, beta):
    return (plus - minus).T @ (below_plus - below_minus) / (2 * beta * len(plus))


def last_sample_only(below_plus, plus, below_minus, minus, beta):
    total = np.zeros((plus.shape[1], below_plus.shape[1]))
    for n in range(len(plus)):
        total = np.outer(minus[n], below_minus[n]) - np.outer(plus[n], below_plus[n])
    return total / (2 * beta * len(plus))


@pytest.mark.slow
def test_12_2():
    def only(**which):
        return lambda *given: contrast(*given, **which)

    def with_beta(change):
        return lambda *given: contrast(*given[:-1], change(given[-1]))

    def of_other_states(choose):
        return lambda *given: contrast(*choose(*given[:-1]), given[-1])

    prove("12.2", right=[solutions.symmetric_estimate, solutions.symmetric_estimate_by_samples], kinds={
        "sign": [lambda *given: -contrast(*given), only(at_plus=1.0), only(at_plus=-1.0, at_minus=-1.0)],
        "other phase left out": [only(at_plus=0.0), only(at_minus=0.0), only(at_plus=0.0, at_minus=2.0),
                                 only(at_plus=-2.0, at_minus=0.0), only(at_plus=0.0, at_minus=-1.0),
                                 only(at_plus=1.0, at_minus=0.0)],
        "off by one": lambda *given: contrast(*given) * np.float64(len(given[0])) / (len(given[0]) - 1),
        "wrong N": [lambda *given: contrast(*given, N=given[1].size),
                    lambda *given: contrast(*given, N=given[0].shape[1]),
                    lambda *given: contrast(*given, N=given[1].shape[1])],
        "overwritten in a loop": [last_sample_only, lambda *given: last_sample_only(*given) * len(given[0])],
        "first left out": only(samples=BUT_FIRST), "last left out": only(samples=BUT_LAST),
        "epsilon": [with_beta(lambda beta, epsilon=epsilon: beta + epsilon) for epsilon in (1e-6, 1e-8, 1e-12)]},
        own={"product of differences": (lambda *given: -of_differences(*given), "a difference of products"),
             "with its sign": (of_differences, "a difference of products"),
             "one β": (with_beta(lambda beta: beta / 2), "2β apart"),
             "no β": (with_beta(lambda beta: 1.0), "you did not divide by β"),
             "neither": (with_beta(lambda beta: 0.5), "you did not divide by 2β"),
             "times β": (with_beta(lambda beta: 1 / beta), "multiplied by β"),
             "β squared": (with_beta(lambda beta: beta * beta), "by β² in the place of β"),
             "times 2": (with_beta(lambda beta: beta / 4), "multiplied by 2"),
             "below as under +β": (of_other_states(lambda a, b, c, d: (a, b, a, d)), "each product has its own"),
             "below as under −β": (of_other_states(lambda a, b, c, d: (c, b, c, d)), "each product has its own"),
             "below in the middle": (of_other_states(lambda a, b, c, d: ((a + c) / 2, b, (a + c) / 2, d)),
                                     "each product has its own"),
             "the layer stays": (of_other_states(lambda a, b, c, d: (a, b, c, b)), "the layer itself is nudged too"),
             "crossed": (of_other_states(lambda a, b, c, d: (c, b, a, d)), "each product is of one phase"),
             "bracket missing": (lambda *given: contrast(*given, at_minus=2 * given[-1] * len(given[0])), "a bracket"),
             "bracket missing, other way": (lambda *given: contrast(*given, at_plus=-2 * given[-1] * len(given[0])),
                                            "a bracket"),
             "means first": (lambda *given: contrast(*(state.mean(axis=0)[None] for state in given[:-1]), given[-1]),
                             "took the means")})
