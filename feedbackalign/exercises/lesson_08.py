"""Lesson 8, no symmetry anywhere: counting reciprocal pairs, and one step under a mask."""

import numpy as np

from feedbackalign import ops
from feedbackalign.exercises.base import Exercise


def count_reciprocal(weight, feedback):
    """Exercise 8.1. Share and correlation of reciprocal pairs, from two arrays (out, in) in which 0 is no synapse.

    Return (share, correlation): the part of the pairs with a forward synapse that have a feedback synapse too, and
    Pearson's correlation of the two weights over the pairs that have both.
    """
    raise NotImplementedError


def _pairs(rng):
    cases = []
    for shape, forward, backward in [((7, 5), 0.7, 0.5), ((6, 9), 0.4, 0.8)]:
        weight = rng.normal(loc=0.3, size=shape) * (rng.random(shape) < forward)
        feedback = (rng.normal(loc=0.5, size=shape) + weight) * (rng.random(shape) < backward)
        cases.append((weight, feedback))
    return cases


def _correlation(pairs):
    return float(np.corrcoef(*pairs)[0, 1])


def _counted(weight, feedback):
    both = (weight != 0) & (feedback != 0)
    return float(both.sum() / (weight != 0).sum()), _correlation((weight[both], feedback[both]))


def masked_step(R, mask, B, error, x, lr, decay):
    """Exercise 8.2. One step of SGD for the sparse R of product feedback alignment, without momentum.

    R (mid, in), mask (mid, in) booleans, B (out, mid), error (N, out), which holds its 1/N, x (N, in), η and λ.
    The gradient is (e B)ᵀ x, decay is added to it; return the new R, zero where no synapse exists.
    """
    raise NotImplementedError


def _sparse_layers(rng):
    cases = []
    for N, inputs, out, mid, lr, decay in [(5, 4, 3, 8, 0.2, 0.1), (3, 7, 2, 5, 0.05, 0.4)]:
        mask = rng.random((mid, inputs)) < 0.6
        cases.append((rng.normal(size=(mid, inputs)) * mask, mask, rng.normal(size=(out, mid)),
                      rng.normal(size=(N, out)), rng.normal(size=(N, inputs)), lr, decay))
    return cases


def _step(R, mask, B, error, x, lr, decay, *, scale=1.0, shrink=1.0):
    middle = ops.linear.linear_transport(error, B)                              # (N, out) x (out, mid) -> (N, mid)
    gradient = ops.linear.linear_weight_gradient(middle, x)                     # (mid, N) x (N, in) -> (mid, in)
    return (R - lr * (scale * gradient + shrink * decay * R)) * mask


EXERCISES = {
    "8.1": Exercise(task=count_reciprocal, cases=_pairs, right=_counted, parts=("share", "correlation"), mistakes=[
        ("the share is of the pairs with a forward synapse, not of all pairs",
         lambda weight, feedback: (float(((weight != 0) & (feedback != 0)).mean()), _counted(weight, feedback)[1])),
        ("the share is of the forward synapses; yours is of the feedback synapses",
         lambda weight, feedback: (_counted(feedback, weight)[0], _counted(weight, feedback)[1])),
        ("you counted the feedback synapses wherever they are; only those beside a forward synapse make a pair",
         lambda weight, feedback: (float((feedback != 0).sum() / (weight != 0).sum()), _counted(weight, feedback)[1])),
        ("the correlation is over the pairs that have both; you took in those where a synapse is missing",
         lambda weight, feedback: (_counted(weight, feedback)[0], _correlation((weight.ravel(), feedback.ravel())))),
        ("this is a cosine: Pearson's correlation takes the two means away first",
         lambda weight, feedback: (_counted(weight, feedback)[0], float((weight * feedback).sum() / np.sqrt(
             (weight[feedback != 0]**2).sum() * (feedback[weight != 0]**2).sum())))),
        ("you exchanged the two: the share comes first", lambda *given: _counted(*given)[::-1]),
    ]),
    "8.2": Exercise(task=masked_step, cases=_sparse_layers, right=_step, batch="error", mistakes=[
        ("synapses grow where none exist: the mask goes on after the step, or on the gradient",
         lambda R, mask, B, error, x, lr, decay: R - lr * ((error @ B).T @ x + decay * R)),
        ("your mask stands on its head: it is True where a synapse exists",
         lambda R, mask, *rest: _step(R, ~mask, *rest)),
        ("decay lets R grow: it is added to the gradient, and both are taken away from R",
         lambda *given: _step(*given, shrink=-1.0)),
        ("you left out the decay", lambda *given: _step(*given, shrink=0.0)),
        ("decay is added to the gradient, so the learning rate multiplies both",
         lambda R, mask, B, error, x, lr, decay: (R - lr * ((error @ B).T @ x) - decay * R) * mask),
        ("R climbs: a step of SGD goes against the gradient", lambda *given: _step(*given, scale=-1.0)),
        ("your gradient is 1/N of the right one: the error holds its 1/N already",
         lambda R, mask, B, error, *rest: _step(R, mask, B, error, *rest, scale=1 / len(error))),
        ("your gradient is N times the right one: the error is that of the batch mean already",
         lambda R, mask, B, error, *rest: _step(R, mask, B, error, *rest, scale=len(error))),
        ("this is what changes, not the new R", lambda R, *rest: _step(R, *rest) - R),
    ]),
}
