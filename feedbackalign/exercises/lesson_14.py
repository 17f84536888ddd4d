"""Lesson 14, targets: the difference target of a hidden layer, and what its feedback learns from noise."""

import numpy as np

from feedbackalign.exercises import hints
from feedbackalign.exercises.base import Exercise
from feedbackalign.exercises.sums import of_two_sums
from feedbackalign.layers import Identity, Tanh
from feedbackalign.rules.targets.reconstruction import Feedback, reconstruction


def difference_target(h, h_above, target_above, Q, c):
    """Exercise 14.1. The target of difference target propagation, through feedback of tanh units (equation 6).

    h (N, hidden) is what the layer answered, h_above and target_above (N, above) are the answer and the target of the
    layer above, Q (hidden, above) and c (hidden,) the feedback. Return ĥ, (N, hidden).
    """
    raise NotImplementedError


def _layer(rng, N, hidden, above, move=0.3):
    h_above = rng.normal(size=(N, above))
    return (rng.normal(size=(N, hidden)), h_above, h_above + move * rng.normal(size=(N, above)),
            rng.normal(size=(hidden, above)), rng.normal(size=hidden))


def _layers(rng):
    return [_layer(rng, 5, 4, 3), _layer(rng, 3, 2, 6)]


def _layers_at_the_limits(rng):
    h, h_above, target_above, Q, c = _layer(rng, 4, 5, 3)
    return {"one sample": _layer(rng, 1, 4, 3), "one unit": _layer(rng, 6, 1, 3),
            "one unit above": _layer(rng, 5, 4, 1), "one sample, and one unit in each layer": _layer(rng, 1, 1, 1),
            "a target far away": _layer(rng, 7, 3, 2, 5.0),
            "a target that is the answer": (h, h_above, h_above.copy(), Q, c),
            "feedback of 0": (h, h_above, target_above, 0 * Q, c),
            "feedback units far from 0": (h, h_above, target_above, 100 * Q, c),
            "a tiny layer, without bias": (1e-150 * h, 1e-150 * h_above, 1e-150 * target_above, Q, 0 * c),
            "a huge answer of the layer": (1e150 * h, h_above, target_above, Q, c)}


def _corrected(h, h_above, target_above, Q, c, *, start=1.0, up=1.0, off=1.0, unit=np.tanh, units=slice(None)):
    g = Feedback(Q[:, units], c, Tanh())
    return start * h + up * unit(g.drive(target_above[:, units])) - off * unit(g.drive(h_above[:, units]))


def _slope_at(drive):
    """A mistake: the move by the slope of g, as for a small one; drive(at the target, at h_above) -> where it is."""
    def mistake(h, h_above, target_above, Q, c):
        slope = 1 - np.tanh(drive(target_above @ Q.T + c, h_above @ Q.T + c))**2
        return h + slope * ((target_above - h_above) @ Q.T)
    return mistake


def feedback_gradient(noise, shift, Q):
    """Exercise 14.2. What feedback learns from noise: the gradient of equation 5 by Q, mean over the batch.

    noise (N, hidden) was added to the layer's answer, and the output moved by shift = y' − y, (N, out), for it; Q has
    the shape (hidden, out). The loss is the mean over the batch of Σ (shift Qᵀ − noise)². Return (hidden, out).
    """
    raise NotImplementedError


def _noisy(rng, N, hidden, out):
    return rng.normal(size=(N, hidden)), rng.normal(size=(N, out)), rng.normal(size=(hidden, out))


def _noise_and_answers(rng):
    return [_noisy(rng, 5, 4, 3), _noisy(rng, 7, 2, 6)]


def _noise_at_the_limits(rng):
    noise, shift, Q = _noisy(rng, 6, 3, 4)
    return {"one sample": _noisy(rng, 1, 4, 3), "one unit": _noisy(rng, 5, 1, 3), "one output": _noisy(rng, 3, 4, 1),
            "one sample, unit and output": _noisy(rng, 1, 1, 1), "more outputs than samples": _noisy(rng, 2, 3, 5),
            "feedback of 0": (noise, shift, 0 * Q), "a unit without noise": (noise * [1, 0, 1], shift, Q),
            "tiny noise": (1e-70 * noise, 1e-70 * shift, Q), "huge noise": (1e70 * noise, 1e70 * shift, Q)}


def _slope(noise, shift, Q):
    return reconstruction(Feedback(Q, None, Identity()), noise, shift)[1]["Q"]


def _summed(samples=slice(None), outputs=slice(None), N=lambda noise, shift: len(noise)):
    """A mistake in a sum: only some samples, or some outputs that go down, and divided by another N."""
    def mistake(noise, shift, Q):
        left = shift[samples, outputs] @ Q[:, outputs].T - noise[samples]
        return 2 * left.T @ shift[samples] / N(noise, shift)
    return mistake


LAST, BUT_LAST, BUT_FIRST = slice(-1, None), slice(None, -1), slice(1, None)

EXERCISES = {
    "14.1": Exercise(
        task=difference_target, cases=_layers, limits=_layers_at_the_limits, right=_corrected, batch="h", mistakes=[
            ("this is g(ĥ) alone, plain target propagation: what g gets wrong at h_above is not taken off",
             lambda *given: _corrected(*given, start=0.0, off=0.0)),
            ("the move is missing its start: add h", lambda *given: _corrected(*given, start=0.0)),
            ("g of the answer above, g(h_above), is still to be taken off", lambda *given: _corrected(*given, off=0.0)),
            ("g of the target above, g(target_above), is still to be added", lambda *given: _corrected(*given, up=0.0)),
            (f"{hints.SIGN}, that of g(h_above): it is taken off", lambda *given: _corrected(*given, off=-1.0)),
            (f"{hints.SIGN}, that of the move, for its two ends are exchanged: what belongs to h_above is taken off",
             lambda *given: _corrected(*given, up=-1.0, off=-1.0)),
            (f"{hints.SIGN}, that of h: the move starts there", lambda *given: _corrected(*given, start=-1.0)),
            *[("you put the difference of ĥ and h above through the feedback; each goes through it alone",
               lambda h, h_above, target_above, Q, c, bias=bias: h + np.tanh((target_above - h_above) @ Q.T + bias * c))
              for bias in (1.0, 0.0)],
            *[("you left out tanh: g(t) = tanh(Q t + c)",
               lambda *given, more=more: _corrected(*given, unit=np.positive) + more * given[-1]) for more in (0, 1)],
            ("g of the answer above has a tanh too; yours has one at the target alone",
             lambda h, h_above, target_above, Q, c: h + np.tanh(target_above @ Q.T + c) - (h_above @ Q.T + c)),
            ("tanh belongs to the feedback alone; yours is of h too",
             lambda h, *rest: np.tanh(_corrected(h, *rest, unit=np.positive))),
            ("you left out the bias c of the feedback", lambda *given: _corrected(*given[:-1], 0 * given[-1])),
            (f"{hints.SIGN}, that of the bias c", lambda *given: _corrected(*given[:-1], -given[-1])),
            *[("the feedback's units are tanh, and yours are others",
               lambda *given, unit=unit: _corrected(*given, unit=unit))
              for unit in (lambda v: np.maximum(v, 0), lambda v: 1 / (1 + np.exp(-v)))],
            (f"{hints.ABS}: a unit's target may be below its answer",
             lambda h, *rest: h + np.abs(_corrected(0 * h, *rest))),
            (f"{hints.mean_twice('samples')}: every sample has a target of its own",
             lambda h, *rest: h + _corrected(0 * h, *rest) / len(h)),
            ("the bias c belongs into both tanh; yours has it at the target alone",
             lambda h, h_above, target_above, Q, c: h + np.tanh(target_above @ Q.T + c) - np.tanh(h_above @ Q.T)),
            ("the bias c belongs into tanh; yours is added after it",
             lambda h, h_above, target_above, Q, c: h + np.tanh(target_above @ Q.T) + c - np.tanh(h_above @ Q.T)),
            *[("this holds for a small move only, for it goes along the slope of g; take the difference of both ends",
               _slope_at(where)) for where in (lambda target, answer: answer, lambda target, answer: target)],
            *[(f"{hint}, {where}", lambda *given, only=only: _corrected(*given, units=only))
              for hint, where, only in [(hints.OVERWRITTEN_IN_LOOP, "over the units above", LAST),
                                        (hints.FIRST_LEFT_OUT, "that of the first unit above", BUT_FIRST),
                                        (hints.LAST_LEFT_OUT, "that of the last unit above", BUT_LAST)]],
        ]),
    "14.2": Exercise(
        task=feedback_gradient, cases=_noise_and_answers, limits=_noise_at_the_limits, right=_slope, batch="noise",
        mistakes=[
            ("you left out the factor 2 of the square's derivative", lambda *given: _slope(*given) / 2),
            ("this is the gradient of Σ (shift Qᵀ)²: the noise, which should come back, is not taken off",
             lambda noise, shift, Q: _slope(0 * noise, shift, Q)),
            ("shift Qᵀ, which comes back, is missing: only the noise is there",
             lambda noise, shift, Q: _slope(noise, shift, 0 * Q)),
            (f"{hints.SIGN}, that of the noise: it is taken off shift Qᵀ, not added to it",
             lambda noise, shift, Q: _slope(-noise, shift, Q)),
            ("what is left over meets the shift that Q was given, not Q's own answer",
             lambda noise, shift, Q: 2 * (shift @ Q.T - noise).T @ (shift @ Q.T) / len(noise)),
            ("what is left over meets the shift that Q was given, not itself", lambda noise, shift, Q: (
                2 * (shift @ Q.T - noise).T @ (shift @ Q.T - noise) / len(noise))),
            ("what is left over meets the shift that Q was given, not the noise",
             lambda noise, shift, Q: 2 * (shift @ Q.T - noise).T @ noise / len(noise)),
            ("this feedback is linear: Q shift, without a tanh",
             lambda noise, shift, Q: 2 * (np.tanh(shift @ Q.T) - noise).T @ shift / len(noise)),
            ("you left out the shift that Q was given: what is left over is to be multiplied with it",
             lambda noise, shift, Q: 2 * (shift @ Q.T - noise).T @ np.ones_like(shift) / len(noise)),
            (f"{hints.ABS}: what is left over may be below 0",
             lambda noise, shift, Q: 2 * np.abs(shift @ Q.T - noise).T @ shift / len(noise)),
            *[(hints.wrong_N(f"samples, {not_of}"), _summed(N=count)) for not_of, count in [
                ("not of samples times units: the loss sums over the units", lambda noise, shift: noise.size),
                ("not of units", lambda noise, shift: noise.shape[1]),
                ("not of samples times outputs", lambda noise, shift: shift.size),
                ("not of outputs", lambda noise, shift: shift.shape[1])]],
            (f"{hints.OFF_BY_ONE}: the mean divides by N, not by N − 1",
             lambda noise, shift, Q: _slope(noise, shift, Q) * np.divide(len(noise), len(noise) - 1)),
            ("this is Q after a step, not the gradient", lambda noise, shift, Q: Q - _slope(noise, shift, Q)),
            ("the gradient has what is left over itself, not its square",
             lambda noise, shift, Q: 2 * ((shift @ Q.T - noise)**2).T @ shift / len(noise)),
            ("you took the means over the batch before the product; each sample has a product of its own",
             lambda noise, shift, Q: _slope(noise.mean(axis=0, keepdims=True), shift.mean(axis=0, keepdims=True), Q)),
            *of_two_sums("samples", "outputs", _summed),
        ]),
}
