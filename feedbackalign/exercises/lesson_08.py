"""Lesson 8, no symmetry anywhere: counting reciprocal pairs, and one step under a mask."""

import numpy as np

from feedbackalign import ops
from feedbackalign.exercises import hints
from feedbackalign.exercises.base import Exercise
from feedbackalign.exercises.sums import of_two_sums


def count_reciprocal(weight, feedback):
    """Exercise 8.1. Share and correlation of reciprocal pairs, from two arrays (out, in) in which 0 is no synapse.

    Return (share, correlation): the part of the pairs with a forward synapse that have a feedback synapse too, and
    Pearson's correlation of the two weights over the pairs that have both.
    """
    raise NotImplementedError


def _pair(rng, shape, forward, backward, along=1.0):
    weight = rng.normal(loc=0.3, size=shape) * (rng.random(shape) < forward)
    return weight, (rng.normal(loc=0.5, size=shape) + along * weight) * (rng.random(shape) < backward)


def _pairs(rng):
    return [_pair(rng, (7, 5), 0.7, 0.5), _pair(rng, (6, 9), 0.4, 0.8)]


def _pairs_at_the_limits(rng):
    weight, feedback = _pair(rng, (8, 6), 0.6, 0.6)
    return {"one output": _pair(rng, (1, 12), 0.8, 0.6), "one input": _pair(rng, (14, 1), 0.6, 0.8),
            "one pair that has no feedback": (np.array([[0.5, -1.0, 2.0]]), np.array([[1.5, 0.0, -0.5]])),
            "every synapse there": _pair(rng, (4, 5), 1.0, 1.0),
            "a negative correlation": _pair(rng, (9, 7), 0.7, 0.7, along=-3.0),
            "parallel weights": (weight, 3 * weight * (feedback != 0)),
            "antiparallel weights": (weight, -0.2 * weight * (feedback != 0)),
            "tiny weights": (1e-70 * weight, 1e-70 * feedback), "huge weights": (1e70 * weight, 1e70 * feedback)}


def _counted(weight, feedback):
    both = (weight != 0) & (feedback != 0)
    return float(both.sum() / (weight != 0).sum()), ops.norms.correlation(weight[both], feedback[both])


def _share(part):
    """A mistake in the share alone: part(is there a forward synapse, is there one of feedback) -> number."""
    return lambda weight, feedback: (float(part(weight != 0, feedback != 0)), _counted(weight, feedback)[1])


def _correlation(alike, of=np.logical_and):
    """A mistake in the correlation alone: alike(weights, feedbacks), over the pairs that `of` chooses."""
    def mistake(weight, feedback):
        chosen = of(weight != 0, feedback != 0)
        return _counted(weight, feedback)[0], float(alike(weight[chosen], feedback[chosen]))
    return mistake


def _covariance(w, b):
    return ((w - w.mean()) * (b - b.mean())).mean()


def _cosine(w, b):
    return (w * b).sum() / np.sqrt((w**2).sum()) / np.sqrt((b**2).sum())


def masked_step(R, mask, B, error, x, lr, decay):
    """Exercise 8.2. One step of SGD for the sparse R of product feedback alignment, without momentum.

    R (mid, in), mask (mid, in) booleans, B (out, mid), error (N, out), which holds its 1/N, x (N, in), η and λ.
    The gradient is (e B)ᵀ x, decay is added to it; return the new R, zero where no synapse exists.
    """
    raise NotImplementedError


def _layer(rng, N, inputs, out, mid, lr, decay, density=0.6):
    mask = rng.random((mid, inputs)) < density
    return (rng.normal(size=(mid, inputs)) * mask, mask, rng.normal(size=(out, mid)), rng.normal(size=(N, out)),
            rng.normal(size=(N, inputs)), lr, decay)


def _layers(rng):
    return [_layer(rng, 5, 4, 3, 8, 0.2, 0.1), _layer(rng, 3, 7, 2, 5, 0.05, 0.4)]


def _layers_at_the_limits(rng):
    R, mask, B, error, x, lr, decay = _layer(rng, 4, 6, 3, 5, 0.3, 0.2)
    return {"one sample": _layer(rng, 1, 4, 3, 5, 0.4, 0.3), "one output": _layer(rng, 4, 3, 1, 5, 0.3, 0.5),
            "one unit in the middle": _layer(rng, 6, 5, 4, 1, 0.7, 0.2), "one input": _layer(rng, 3, 1, 2, 6, 0.1, 0.9),
            "every synapse there": _layer(rng, 4, 3, 2, 5, 0.6, 0.25, density=1.0),
            "synapses that exist and are 0": (R * (rng.random(R.shape) < 0.5), mask, B, error, x, lr, decay),
            "a decay that erases R": (R, mask, B, error, x, 0.5, 2.0),
            "a tiny R and a tiny error": (1e-150 * R, mask, B, 1e-150 * error, x, lr, decay),
            "a huge R and a huge error": (1e150 * R, mask, B, 1e150 * error, x, lr, decay)}


def _step(R, mask, B, error, x, lr, decay, *, scale=1.0, shrink=1.0, samples=slice(None), outputs=slice(None)):
    middle = ops.linear.linear_transport(error[samples, outputs], B[outputs])   # (N, out) x (out, mid) -> (N, mid)
    gradient = ops.linear.linear_weight_gradient(middle, x[samples])            # (mid, N) x (N, in) -> (mid, in)
    return (R - lr * (scale * gradient + shrink * decay * R)) * mask


BUT_LAST, BUT_FIRST = slice(None, -1), slice(1, None)

EXERCISES = {
    "8.1": Exercise(
        task=count_reciprocal, cases=_pairs, limits=_pairs_at_the_limits, right=_counted,
        parts=("share", "correlation"), mistakes=[
            (hints.wrong_N("pairs with a forward synapse, not of all pairs"), _share(lambda w, b: (w & b).mean())),
            (hints.wrong_N("pairs with a forward synapse, not of feedback synapses"),
             _share(lambda w, b: (w & b).sum() / b.sum())),
            (hints.wrong_N("pairs with a forward synapse, not of those with a synapse of any kind"),
             _share(lambda w, b: (w & b).sum() / (w | b).sum())),
            ("you counted the feedback synapses wherever they are; only those beside a forward synapse make a pair",
             _share(lambda w, b: b.sum() / w.sum())),
            ("this is the number of pairs that have both, not their share", _share(lambda w, b: (w & b).sum())),
            (f"{hints.OVERWRITTEN_IN_LOOP}, over the outputs", _share(lambda w, b: (w & b)[-1].sum() / w.sum())),
            *[("a weight below 0 is a synapse too", mistake) for mistake in (
                lambda weight, feedback: _counted(np.maximum(weight, 0), np.maximum(feedback, 0)),
                lambda weight, feedback: _counted(weight, feedback * ((weight > 0) & (feedback > 0))))],
            ("a synapse exists where its weight is not 0, however small the weight is",
             lambda weight, feedback: _counted(weight * (abs(weight) > 1e-8), feedback * (abs(feedback) > 1e-8))),
            ("a pair has both synapses whatever their signs, and you took the pairs with equal signs",
             lambda weight, feedback: (_counted(weight, feedback * (weight * feedback > 0)))),
            *[("the correlation is over the pairs that have both; you took in those where a synapse is missing",
               _correlation(ops.norms.correlation, of=of))
              for of in (lambda w, b: w | True, lambda w, b: w | b, lambda w, b: w, lambda w, b: b)],
            ("this is a cosine: Pearson's correlation takes the two means away first",
             _correlation(_cosine)),
            ("the two means are those of the pairs that have both; yours are of all entries", lambda weight, feedback: (
                _counted(weight, feedback)[0], float(_cosine(*(
                    (array - array.mean())[weight * feedback != 0] for array in (weight, feedback)))))),
            (f"{hints.ABS}: a weight keeps its sign", _correlation(lambda w, b: ops.norms.correlation(abs(w), abs(b)))),
            ("these are the signs' correlation; the weights have sizes too",
             _correlation(lambda w, b: ops.norms.correlation(np.sign(w), np.sign(b)))),
            ("this is the square of the correlation", _correlation(lambda w, b: ops.norms.correlation(w, b)**2)),
            *[("this is the covariance; the correlation divides it by the two standard deviations",
               _correlation(covariance)) for covariance in (_covariance, lambda w, b: np.cov(w, b)[0, 1])],
            *[(hints.wrong_N("pairs in every mean: np.cov divides by n − 1 and np.std by n, and a sum by nothing"),
               _correlation(lambda w, b, factor=factor: ops.norms.correlation(w, b) * factor(len(w))))
              for factor in (lambda n: n / (n - 1), lambda n: (n - 1) / n, lambda n: n, lambda n: n - 1)],
            ("you exchanged the two: the share comes first", lambda *given: _counted(*given)[::-1]),
            (f"{hints.FIRST_LEFT_OUT}, the first output's",
             lambda weight, feedback: _counted(weight[BUT_FIRST], feedback[BUT_FIRST])),
            (f"{hints.LAST_LEFT_OUT}, the last output's",
             lambda weight, feedback: _counted(weight[BUT_LAST], feedback[BUT_LAST])),
        ]),
    "8.2": Exercise(
        task=masked_step, cases=_layers, limits=_layers_at_the_limits, right=_step, batch="error", mistakes=[
            ("synapses grow where none exist: the mask goes on after the step, or on the gradient",
             lambda R, mask, *rest: _step(R, True, *rest)),
            ("your mask stands on its head: it is True where a synapse exists",
             lambda R, mask, *rest: _step(R, ~mask, *rest)),
            ("a synapse that exists may have the weight 0, and it learns: ask the mask, not R",
             lambda R, mask, *rest: _step(R, R != 0, *rest)),
            (f"{hints.DECAY_SIGN}, so that it lets R grow: it is added to the gradient, and both are taken away from R",
             lambda *given: _step(*given, shrink=-1.0)),
            ("you left out the decay", lambda *given: _step(*given, shrink=0.0)),
            ("decay is added to the gradient, so the learning rate multiplies both",
             lambda R, mask, B, error, x, lr, decay: _step(R, mask, B, error, x, lr, decay, shrink=1 / lr)),
            ("decay is that of the old R; yours is of the R that has taken its step",
             lambda *given: (1 - given[-2] * given[-1]) * _step(*given, shrink=0.0)),
            ("you left out the learning rate",
             lambda R, mask, B, error, x, lr, decay: _step(R, mask, B, error, x, 1.0, decay)),
            ("the learning rate multiplies the gradient too, not the decay alone",
             lambda R, mask, B, error, x, lr, decay: _step(R, mask, B, error, x, lr, decay, scale=1 / lr)),
            (f"{hints.SIGN}, that of the gradient, so that R climbs: a step of SGD goes against it",
             lambda *given: _step(*given, scale=-1.0)),
            (f"{hints.SIGN}, that of the whole step: gradient and decay are taken away from R",
             lambda *given: _step(*given, scale=-1.0, shrink=-1.0)),
            ("the decay counts once a step, not once for every sample",
             lambda R, mask, B, error, *rest: _step(R, mask, B, error, *rest, shrink=len(error))),
            *[("decay adds λ R, neither 2 λ R nor λ R / 2", lambda *given, times=times: _step(*given, shrink=times))
              for times in (2.0, 0.5)],
            ("decay is of R itself; yours is of its signs", lambda *given: (
                _step(*given, shrink=0.0) - given[-2] * given[-1] * np.sign(given[0]))),
            ("the signs of B are not B", lambda R, mask, B, *rest: _step(R, mask, np.sign(B), *rest)),
            (f"{hints.mean_twice('samples')}, by which the error is divided already",
             lambda R, mask, B, error, *rest: _step(R, mask, B, error, *rest, scale=1 / len(error))),
            (f"{hints.mean_twice('samples')}, and the decay has none", lambda R, mask, B, error, *rest: (
                _step(R, mask, B, error, *rest, scale=1 / len(error), shrink=1 / len(error)))),
            *[("you summed over the batch before the product; each sample has a product of its own",
               lambda R, mask, B, error, x, lr, decay, mean=mean: _step(
                   R, mask, B, mean(error, axis=0, keepdims=True), mean(x, axis=0, keepdims=True), lr, decay))
              for mean in (np.mean, np.sum)],
            (f"{hints.ABS}: the gradient has one", lambda *given: (
                _step(*given, scale=0.0) - given[-2] * np.abs(_step(0 * given[0], *given[1:-2], -1.0, 0.0)))),
            ("your gradient is N times the right one: the error is that of the batch mean already",
             lambda R, mask, B, error, *rest: _step(R, mask, B, error, *rest, scale=len(error))),
            ("this is what changes, not the new R", lambda R, *rest: _step(R, *rest) - R),
            ("this is the gradient, not the new R", lambda R, mask, B, error, x, lr, decay: _step(
                0 * R, mask, B, error, x, -1.0, decay)),
            *of_two_sums("samples", "outputs", lambda samples, outputs: lambda *given: _step(
                *given, samples=samples, outputs=outputs)),
        ]),
}
