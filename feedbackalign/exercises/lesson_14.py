"""Lesson 14, targets: the difference target of a hidden layer, and what its feedback learns from noise."""

import numpy as np

from feedbackalign.exercises.base import Exercise
from feedbackalign.layers import Identity, Tanh
from feedbackalign.rules.targets.reconstruction import Feedback, reconstruction


def difference_target(h, h_above, target_above, Q, c):
    """Exercise 14.1. The target of difference target propagation, through feedback of tanh units (equation 6).

    h (N, hidden) is what the layer answered, h_above and target_above (N, above) are the answer and the target of the
    layer above, Q (hidden, above) and c (hidden,) the feedback. Return ĥ, (N, hidden).
    """
    raise NotImplementedError


def _layer_below(rng):
    cases = []
    for N, hidden, above in [(5, 4, 3), (3, 2, 6)]:
        h_above = rng.normal(size=(N, above))
        cases.append((rng.normal(size=(N, hidden)), h_above, h_above + 0.3 * rng.normal(size=(N, above)),
                      rng.normal(size=(hidden, above)), rng.normal(size=hidden)))
    return cases


def _corrected(h, h_above, target_above, Q, c):
    g = Feedback(Q, c, Tanh())
    return h + g(target_above) - g(h_above)


def feedback_gradient(noise, shift, Q):
    """Exercise 14.2. What feedback learns from noise: the gradient of equation 5 by Q, mean over the batch.

    noise (N, hidden) was added to the layer's answer, and the output moved by shift = y' − y, (N, out), for it; Q has
    the shape (hidden, out). The loss is the mean over the batch of Σ (Q shift − noise)². Return (hidden, out).
    """
    raise NotImplementedError


def _noise_and_answers(rng):
    return [(rng.normal(size=(N, hidden)), rng.normal(size=(N, out)), rng.normal(size=(hidden, out)))
            for N, hidden, out in [(5, 4, 3), (7, 2, 6)]]


def _slope(noise, shift, Q):
    return reconstruction(Feedback(Q, None, Identity()), noise, shift)[1]["Q"]


EXERCISES = {
    "14.1": Exercise(task=difference_target, cases=_layer_below, right=_corrected, batch="h", mistakes=[
        ("this is g(ĥ) alone, plain target propagation: what g gets wrong at h_above is not taken off",
         lambda h, h_above, target_above, Q, c: np.tanh(target_above @ Q.T + c)),
        ("the move is missing its start: add h",
         lambda h, h_above, target_above, Q, c: np.tanh(target_above @ Q.T + c) - np.tanh(h_above @ Q.T + c)),
        ("you put the difference of ĥ and h above through the feedback; each goes through it alone",
         lambda h, h_above, target_above, Q, c: h + np.tanh((target_above - h_above) @ Q.T + c)),
        ("you left out tanh: g(t) = tanh(Q t + c)",
         lambda h, h_above, target_above, Q, c: h + (target_above - h_above) @ Q.T),
        ("you left out the bias c of the feedback",
         lambda h, h_above, target_above, Q, c: h + np.tanh(target_above @ Q.T) - np.tanh(h_above @ Q.T)),
        ("the two are exchanged: the target's comes first, and what belongs to h_above is taken off",
         lambda h, h_above, target_above, Q, c: h - np.tanh(target_above @ Q.T + c) + np.tanh(h_above @ Q.T + c)),
    ]),
    "14.2": Exercise(task=feedback_gradient, cases=_noise_and_answers, right=_slope, batch="noise", mistakes=[
        ("you left out the factor 2 of the square's derivative", lambda *given: _slope(*given) / 2),
        ("this is the gradient of Σ (Q shift)²: the noise, which should come back, is not taken off",
         lambda noise, shift, Q: _slope(0 * noise, shift, Q)),
        ("noise has to be taken off Q shift, not added to it", lambda noise, shift, Q: _slope(-noise, shift, Q)),
        ("what is left over meets the shift that Q was given, not Q's own answer",
         lambda noise, shift, Q: 2 * (shift @ Q.T - noise).T @ (shift @ Q.T) / len(noise)),
        ("you divided by the number of units too; the loss sums over them",
         lambda noise, shift, Q: _slope(noise, shift, Q) / noise.shape[1]),
    ]),
}
