"""Lesson 12, networks that settle: one step of the dynamics, and a gradient from two nudged phases."""

import numpy as np

from feedbackalign import ops
from feedbackalign.exercises import hints
from feedbackalign.exercises.base import Exercise


def settle_hidden(x, s1, s2, W1, b1, W2, damping):
    """Exercise 12.1. One damped step of a hidden layer between an input and a layer above (equation 1).

    x (N, in) is held, s1 (N, hidden) is the layer's state and s2 (N, out) that of the layer above; W1 (hidden, in),
    b1 (hidden,), W2 (out, hidden). The unit is σ(v) = clip(v / 2, 0, 1). The layer keeps the share `damping` of its old
    state and takes the rest from what it is asked to be. Return its new state, (N, hidden).
    """
    raise NotImplementedError


def _network(rng, N, inputs, hidden, out, damping):
    return (rng.normal(size=(N, inputs)), rng.random((N, hidden)), rng.random((N, out)),
            rng.normal(size=(hidden, inputs)), rng.normal(size=hidden), rng.normal(size=(out, hidden)), damping)


def _networks(rng):
    return [_network(rng, 6, 3, 4, 5, 0.3), _network(rng, 4, 5, 3, 2, 0.8)]


def _networks_at_the_limits(rng):
    x, s1, s2, W1, b1, W2, damping = _network(rng, 7, 3, 5, 4, 0.4)
    return {"one sample": _network(rng, 1, 3, 4, 5, 0.2), "one hidden unit": _network(rng, 6, 3, 1, 4, 0.6),
            "one input": _network(rng, 5, 1, 4, 3, 0.1), "one unit above": _network(rng, 3, 4, 5, 1, 0.7),
            "one sample, and one unit of each kind": (np.array([[0.5]]), np.array([[0.25]]), np.array([[0.75]]),
                                                      np.array([[1.5]]), np.array([-0.5]), np.array([[1.2]]), 0.35),
            "nothing kept": (x, s1, s2, W1, b1, W2, 0.0), "all kept": (x, s1, s2, W1, b1, W2, 1.0),
            "drives far beyond both ends": (x, s1, s2, 100 * W1, b1, W2, damping),
            "drives between both ends": (0.1 * x, s1, 0.1 * s2, W1, 0.3 + 0.1 * b1, W2, damping),
            "tiny states and drives": (1e-150 * x, 1e-150 * s1, 1e-150 * s2, W1, 1e-150 * b1, W2, damping),
            "a huge input": (1e150 * x, s1, s2, W1, b1, W2, damping)}


def _drive(x, s2, W1, b1, W2, *, below=slice(None), above=slice(None)):
    """From below and above, before the unit: (N, hidden)."""
    return ops.linear.linear(x[:, below], W1[:, below], b1) + ops.linear.linear_transport(s2[:, above], W2[above])


def _unit(v):
    return np.clip(v / 2, 0, 1)


def _damped(x, s1, s2, W1, b1, W2, damping, *, unit=_unit, kept=1.0, asked=1.0, drive=_drive):
    return kept * damping * s1 + asked * (1 - damping) * unit(drive(x, s2, W1, b1, W2))


def _driven(drive):
    """A mistake in the drive alone: drive(x, s2, W1, b1, W2) -> (N, hidden)."""
    return lambda *given: _damped(*given, drive=drive)


def _shaped(unit):
    """A mistake in the unit alone."""
    return lambda *given: _damped(*given, unit=unit)


def _partly(**only):
    """A mistake in a sum: only some inputs (`below`), or some units above."""
    return _driven(lambda *given: _drive(*given, **only))


def symmetric_estimate(below_plus, plus, below_minus, minus, beta):
    """Exercise 12.2. The gradient of one layer's W from two nudged phases (equation 4).

    plus (N, out) and below_plus (N, in) are the states of the layer and of the one below it under +β, minus and
    below_minus those under −β. Return ĝ of the batch mean, (out, in).
    """
    raise NotImplementedError


def _phases(rng, N, inputs, out, beta):
    return rng.random((N, inputs)), rng.random((N, out)), rng.random((N, inputs)), rng.random((N, out)), beta


def _pairs_of_phases(rng):
    return [_phases(rng, 6, 3, 4, 0.3), _phases(rng, 4, 5, 2, 0.2)]


def _phases_at_the_limits(rng):
    *states, beta = _phases(rng, 5, 3, 2, 0.4)
    return {"one sample": _phases(rng, 1, 3, 4, 0.6), "one unit": _phases(rng, 6, 4, 1, 0.9),
            "one unit below": _phases(rng, 3, 1, 4, 0.1),
            "one sample, and one unit in each layer": _phases(rng, 1, 1, 1, 0.7),
            "a β above 1": _phases(rng, 7, 4, 3, 2.5),
            "a silent layer under −β": (*states[:3], 0 * states[3], beta), "a tiny β": (*states, 1e-150),
            "a huge β": (*states, 1e150), "tiny states": (*(1e-70 * state for state in states), beta),
            "huge states": (*(1e70 * state for state in states), beta)}


def _contrast(below_plus, plus, below_minus, minus, beta, *, samples=slice(None), N=None, first=1.0, second=1.0):
    product = ops.linear.linear_weight_gradient
    return (first * product(minus[samples], below_minus[samples]) - second * product(plus[samples], below_plus[samples])
            ) / (2 * beta * (N or len(plus)))


def _by_other_beta(change):
    """A mistake in β alone: change(beta) stands in its place."""
    return lambda *given: _contrast(*given[:-1], change(given[-1]))


def _with_one_below(one):
    """A mistake: the layer below has one state in both phases."""
    return lambda below_plus, plus, below_minus, minus, beta: _contrast(
        one(below_plus, below_minus), plus, one(below_plus, below_minus), minus, beta)


LAST, BUT_LAST, BUT_FIRST = slice(-1, None), slice(None, -1), slice(1, None)

EXERCISES = {
    "12.1": Exercise(
        task=settle_hidden, cases=_networks, limits=_networks_at_the_limits, right=_damped, mistakes=[
            ("nothing of the old state is kept: damping times s1 belongs to the new one",
             lambda *given: _damped(*given[:-1], 0.0)),
            ("nothing of the old state is kept, though what is asked has its share: damping times s1 is to be added",
             lambda *given: _damped(*given, kept=0.0)),
            ("the old state is added whole; the layer keeps the share `damping` of it",
             lambda x, s1, *rest: s1 + _damped(x, 0 * s1, *rest)),
            ("what is asked counts in full; its share is 1 − damping",
             lambda x, s1, s2, W1, b1, W2, damping: damping * s1 + _unit(_drive(x, s2, W1, b1, W2))),
            ("both count in full; their shares are damping and 1 − damping",
             lambda x, s1, s2, W1, b1, W2, damping: s1 + _unit(_drive(x, s2, W1, b1, W2))),
            ("the shares are exchanged: `damping` is that of the old state",
             lambda *given: _damped(*given[:-1], 1 - given[-1])),
            ("the share of what is asked is 1 − damping, not damping too",
             lambda x, s1, s2, W1, b1, W2, damping: damping * (s1 + _unit(_drive(x, s2, W1, b1, W2)))),
            (f"{hints.SIGN}, that of the old state's share: it is added to what is asked",
             lambda *given: _damped(*given, kept=-1.0)),
            (f"{hints.SIGN}, that of what is asked: it is added to the old state's share",
             lambda *given: _damped(*given, asked=-1.0)),
            ("you left out the drive from above, s2 W2", _driven(lambda x, s2, *rest: _drive(x, 0 * s2, *rest))),
            ("you left out the drive from below, x W1ᵀ", _driven(lambda x, *rest: _drive(0 * x, *rest))),
            ("you left out the bias", _driven(lambda x, s2, W1, b1, W2: _drive(x, s2, W1, 0 * b1, W2))),
            ("the bias is there twice, or is not halved with the drives: σ is of their sum, and there is one bias",
             _driven(lambda x, s2, W1, b1, W2: _drive(x, s2, W1, 2 * b1, W2))),
            (f"{hints.SIGN}, that of the drive from above", _driven(lambda x, s2, *rest: _drive(x, -s2, *rest))),
            (f"{hints.SIGN}, that of the drive from below", _driven(lambda x, *rest: _drive(-x, *rest))),
            (f"{hints.SIGN}, that of the bias", _driven(lambda x, s2, W1, b1, W2: _drive(x, s2, W1, -b1, W2))),
            ("you left out the unit: σ of the drive is what the layer is asked to be", _shaped(lambda v: v)),
            ("σ(v) is clip(v / 2, 0, 1): you left out the half", _shaped(lambda v: np.clip(v, 0, 1))),
            ("σ(v) is clip(v / 2, 0, 1): you took the half twice", _shaped(lambda v: _unit(v / 2))),
            ("this is what changes, not the new state", lambda x, s1, *rest: _damped(x, s1, *rest) - s1),
            ("σ(v) is clip(v / 2, 0, 1): you took the half after the clip", _shaped(lambda v: np.clip(v, 0, 1) / 2)),
            ("σ is clipped at 0 and at 1; yours is not clipped", _shaped(lambda v: v / 2)),
            ("σ is clipped at 0 and at 1; yours has no end at 1", _shaped(lambda v: np.maximum(v / 2, 0))),
            ("σ is clipped at 0 and at 1; yours has no end at 0", _shaped(lambda v: np.minimum(v / 2, 1))),
            ("σ is clipped at 0 and at 1; yours ends at −1", _shaped(lambda v: np.clip(v / 2, -1, 1))),
            (f"{hints.ABS}: σ of a drive below 0 is 0", _shaped(lambda v: _unit(np.abs(v)))),
            *[("σ is of the drive alone; yours is of the drive and the old state, which is kept as it is",
               lambda x, s1, s2, W1, b1, W2, damping, times=times: _unit(
                   times * damping * s1 + (1 - damping) * _drive(x, s2, W1, b1, W2))) for times in (1, 2)],
            ("what is asked is σ of the drive, and then its share; yours is σ of the drive's share",
             lambda x, s1, s2, W1, b1, W2, damping: (
                 damping * s1 + _unit((1 - damping) * _drive(x, s2, W1, b1, W2)))),
            ("σ is clip(v / 2, 0, 1) here, not the logistic function", _shaped(lambda v: 1 / (1 + np.exp(-v)))),
            ("σ is clip(v / 2, 0, 1) here, not tanh", _shaped(np.tanh)),
            ("s2 is a state already; it goes down as it is, without a σ",
             _driven(lambda x, s2, *rest: _drive(x, _unit(s2), *rest))),
            (f"{hints.mean_twice('samples')}: every sample has a state of its own", lambda *given: (
                given[-1] * given[1] + (1 - given[-1]) * _damped(*given[:-1], 0.0) / len(given[0]))),
            ("σ is taken of each drive by itself; the drives are added first",
             lambda x, s1, s2, W1, b1, W2, damping: damping * s1 + (1 - damping) * (
                 _unit(x @ W1.T + b1) + _unit(s2 @ W2))),
            ("σ is taken of the drive from below alone; the two drives are added first",
             lambda x, s1, s2, W1, b1, W2, damping: damping * s1 + (1 - damping) * (_unit(x @ W1.T + b1) + s2 @ W2)),
            *[(f"{hints.OVERWRITTEN_IN_LOOP}, over the {which}", mistake) for which, mistake in [
                ("inputs", _partly(below=LAST)), ("units above", _partly(above=LAST)),
                ("inputs and the units above", _partly(below=LAST, above=LAST)),
                ("inputs, and the bias with it", _driven(lambda x, s2, W1, b1, W2: _drive(
                    x, s2, W1, 0 * b1, W2, below=LAST))),
                ("units above, and all the rest with it", _driven(lambda x, s2, W1, b1, W2: _drive(
                    0 * x, s2, W1, 0 * b1, W2, above=LAST)))]],
            *[(f"{hint}, {whose}", mistake) for hint, whose, mistake in [
                (hints.FIRST_LEFT_OUT, "the first input's", _partly(below=BUT_FIRST)),
                (hints.FIRST_LEFT_OUT, "that of the first unit above", _partly(above=BUT_FIRST)),
                (hints.LAST_LEFT_OUT, "the last input's", _partly(below=BUT_LAST)),
                (hints.LAST_LEFT_OUT, "that of the last unit above", _partly(above=BUT_LAST))]],
        ]),
    "12.2": Exercise(
        task=symmetric_estimate, cases=_pairs_of_phases, limits=_phases_at_the_limits, right=_contrast, batch="plus",
        mistakes=[
            ("you divided by β; the two phases are 2β apart", _by_other_beta(lambda beta: beta / 2)),
            ("you did not divide by β", _by_other_beta(lambda beta: 1.0)),
            ("you did not divide by 2β", _by_other_beta(lambda beta: 0.5)),
            ("you multiplied by β, where Eq. 4 divides by it", _by_other_beta(lambda beta: 1 / beta)),
            ("you divided by β² in the place of β", _by_other_beta(lambda beta: beta**2)),
            ("you multiplied by 2, where Eq. 4 divides by 2β", _by_other_beta(lambda beta: beta / 4)),
            *[(f"{hints.OTHER_PHASE_LEFT_OUT}, that of {missing}", lambda *given, kept=kept: _contrast(*given, **kept))
              for missing, kept in [("+β", {"second": 0.0}), ("+β", {"first": 2.0, "second": 0.0}),
                                    ("−β", {"first": 0.0}), ("−β", {"first": 0.0, "second": 2.0})]],
            (f"{hints.SIGN}, that of the product under +β: it is taken off",
             lambda *given: _contrast(*given, second=-1.0)),
            (f"{hints.SIGN}, that of the product under −β: it is added", lambda *given: _contrast(*given, first=-1.0)),
            *[("both products are divided by 2βN; one of yours is not, as if a bracket were missing",
               lambda *given, only=only: _contrast(*given, **{only: 2 * given[-1] * len(given[0])}))
              for only in ("first", "second")],
            ("this is the product of the differences; what counts is a difference of products",
             lambda below_plus, plus, below_minus, minus, beta:
             (plus - minus).T @ (below_minus - below_plus) / (2 * beta * len(plus))),
            *[("you compared the layer's own states only; the layer below is nudged too, so each product has its own",
               _with_one_below(one)) for one in (lambda below_plus, below_minus: below_plus,
                                                 lambda below_plus, below_minus: below_minus,
                                                 lambda below_plus, below_minus: (below_plus + below_minus) / 2)],
            ("you compared the states of the layer below only; the layer itself is nudged too",
             lambda below_plus, plus, below_minus, minus, beta: _contrast(below_plus, plus, below_minus, plus, beta)),
            ("each product is of one phase; you multiplied the states of one with those of the other",
             lambda below_plus, plus, below_minus, minus, beta: _contrast(below_minus, plus, below_plus, minus, beta)),
            ("you took the means over the batch before the products; each sample has products of its own",
             lambda *given: _contrast(*(states.mean(axis=0, keepdims=True) for states in given[:-1]), given[-1])),
            *[(hints.wrong_N(f"samples, {not_of}"), lambda *given, count=count: _contrast(*given, N=count(*given)))
              for not_of, count in [("not of units", lambda below_plus, plus, *rest: plus.shape[1]),
                                    ("not of units below", lambda below_plus, *rest: below_plus.shape[1]),
                                    ("not of samples times units", lambda below_plus, plus, *rest: plus.size)]],
            (f"{hints.OFF_BY_ONE}: the mean divides by N, not by N − 1",
             lambda *given: _contrast(*given) * np.divide(len(given[0]), len(given[0]) - 1)),
            *[(f"{hint}, {where}", lambda *given, only=only: _contrast(*given, samples=only))
              for hint, where, only in [(hints.OVERWRITTEN_IN_LOOP, "over the samples", LAST),
                                        (hints.FIRST_LEFT_OUT, "the first sample's", BUT_FIRST),
                                        (hints.LAST_LEFT_OUT, "the last sample's", BUT_LAST)]],
        ]),
}
