"""Lesson 3, feedback alignment: an update through random weights, and the angle that measures how good it is."""

import numpy as np

from feedbackalign import alignment, ops
from feedbackalign.exercises import hints
from feedbackalign.exercises.base import Exercise
from feedbackalign.exercises.limits import epsilons, lifting, unclipped


def feedback_update(error, W, B, v, x):
    """Exercise 3.1. The update of a hidden layer of ReLU units under feedback alignment (equations 2 and 3).

    error (N, out) is ∂L/∂z at the output of the layer above, which has the weights W (out, hidden) and the feedback
    weights B (out, hidden); v (N, hidden) are the hidden layer's pre-activations, x (N, in) its input. Return its ∂W,
    (hidden, in). The error already holds the 1/N of the mean; the slope of ReLU is 1 where v > 0 and 0 elsewhere.
    """
    raise NotImplementedError


def _layer(rng, N, out, hidden, inputs):
    return (rng.normal(size=(N, out)), rng.normal(size=(out, hidden)), rng.normal(size=(out, hidden)),
            rng.normal(size=(N, hidden)), rng.normal(size=(N, inputs)))


def _layers(rng):
    return [_layer(rng, 7, 3, 5, 4), _layer(rng, 5, 2, 4, 6)]


def _layers_at_the_limits(rng):
    error, W, B, v, x = _layer(rng, 6, 2, 3, 4)
    e, w, b, one, z = _layer(rng, 1, 3, 5, 2)
    return {"one sample": (e, w, b, np.abs(one) * [1, -1, 1, 1, -1], z), "one unit": _layer(rng, 6, 2, 1, 3),
            "one output": _layer(rng, 4, 1, 5, 2), "one input": _layer(rng, 5, 2, 3, 1),
            "a unit that is silent": (error, W, B, v * [1, 1, 0] - [0, 0, 1], x),
            "pre-activations of exactly 0": (error, W, B, np.where(v < 0.5, v, 0.0), x),
            "tiny pre-activations": (error, W, B, 1e-150 * v, x),
            "a tiny error": (1e-150 * error, W, B, v, x), "a huge error": (1e150 * error, W, B, v, x)}


def _update(error, W, B, v, x, slope=ops.activations.relu_derivative, samples=slice(None), outputs=slice(None)):
    hidden = ops.linear.linear_transport(error[:, outputs], B[outputs]) * slope(v)
    return ops.linear.linear_weight_gradient(hidden[samples], x[samples])


def angle_between(u, v):
    """Exercise 3.2. The angle between two arrays of one shape, taken as two long vectors, in degrees.

    u and v may have any shape; neither is zero. Return a number between 0 and 180.
    """
    raise NotImplementedError


def _pairs(rng):
    near = rng.normal(size=(4, 3))
    return [(rng.normal(size=(3, 5)), rng.normal(size=(3, 5))), (near, near + 0.1 * rng.normal(size=near.shape)),
            (near, 0.5 * rng.normal(size=near.shape) - 2 * near)]


def _pairs_at_the_limits(rng):
    u, v = rng.normal(size=(2, 5, 3))

    def along(sign):
        one = rng.normal(size=(3, 4))
        return one, sign * rng.uniform(0.1, 3.0) * one
    return {"tiny arrays": (1e-70 * u, 1e-70 * v), "huge arrays": (1e70 * u, 1e70 * v),
            "a tiny array and a huge one": (1e-150 * u, 1e150 * v),
            "one number each": (np.array([2.0]), np.array([-3.0])), "right angles": (np.eye(2, 3), np.eye(2, 3, 1)),
            **lifting("parallel arrays", lambda: along(1.0), _cosines),
            **lifting("antiparallel arrays", lambda: along(-1.0), _cosines),
            "arrays of three axes": (rng.normal(size=(2, 3, 4)), rng.normal(size=(2, 3, 4)))}


def _cosines(u, v):
    """The cosine by each of the usual formulas, which round in different places."""
    norm, flat, along = np.linalg.norm, np.ravel(u), np.ravel(v)
    return [np.sum(u * v) / (norm(u) * norm(v)), flat @ along / (norm(flat) * norm(along)),
            np.sum(u * v) / np.sqrt(np.sum(u**2) * np.sum(v**2)), np.sum(u * v) / norm(u) / norm(v),
            flat @ along / np.sqrt(flat @ flat * (along @ along)), np.sum((u / norm(u)) * (v / norm(v))),
            flat / norm(flat) @ (along / norm(along))]


def _degrees(cosine, least=-1.0):
    return float(np.degrees(np.arccos(np.clip(cosine, least, 1.0))))


def _cosine(u, v):
    return float(np.cos(np.radians(alignment.angle(u, v))))


EXERCISES = {
    "3.1": Exercise(task=feedback_update, cases=_layers, limits=_layers_at_the_limits, right=_update, mistakes=[
        ("you sent the error through W: feedback alignment sends it through B",
         lambda error, W, B, v, x: _update(error, W, W, v, x)),
        (f"{hints.SLOPE_LEFT_OUT} of the ReLU: where v ≤ 0 the unit was silent, and no error passes",
         lambda *given: _update(*given, slope=np.ones_like)),
        ("you sent the error through W, where feedback alignment has B, and left out the slope of the ReLU",
         lambda error, W, B, v, x: (error @ W).T @ x),
        ("the slope of a ReLU is 1 or 0, not v", lambda *given: _update(*given, slope=ops.activations.relu)),
        ("the slope of the ReLU is the wrong way round: the error passes where v > 0",
         lambda *given: _update(*given, slope=lambda v: v <= 0)),
        ("the slope of a ReLU is 1 above 0, not above 1", lambda *given: _update(*given, slope=lambda v: v > 1)),
        ("the slope of ReLU at v = 0 is 0, and yours is 1: write v > 0, not v >= 0",
         lambda *given: _update(*given, slope=lambda v: v >= 0)),
        ("the slope of ReLU at v = 0 is 0, and 0 / 0 is nan: write v > 0",
         lambda *given: _update(*given, slope=lambda v: np.maximum(v, 0) / v)),
        *epsilons(lambda *given: _update(*given[:-1], slope=lambda v: np.maximum(v, 0) / (np.abs(v) + given[-1]))),
        (hints.slope_of_the_wrong("the error that came down; it belongs at v"),
         lambda error, W, B, v, x: np.maximum(error @ B, 0).T @ x),
        (hints.slope_of_the_wrong("tanh(v); these units are ReLU"),
         lambda *given: _update(*given, slope=lambda v: 1 - np.tanh(v)**2)),
        (f"{hints.OVERWRITTEN_IN_LOOP}, over the samples", lambda *given: _update(*given, samples=slice(-1, None))),
        (f"{hints.OVERWRITTEN_IN_LOOP}, over the outputs", lambda *given: _update(*given, outputs=slice(-1, None))),
        (f"{hints.OVERWRITTEN_IN_LOOP}, over samples and outputs",
         lambda *given: _update(*given, samples=slice(-1, None), outputs=slice(-1, None))),
        (f"{hints.FIRST_LEFT_OUT}, the first sample's", lambda *given: _update(*given, samples=slice(1, None))),
        (f"{hints.LAST_LEFT_OUT}, the last sample's", lambda *given: _update(*given, samples=slice(None, -1))),
    ]),
    "3.2": Exercise(
        task=angle_between, cases=_pairs, limits=_pairs_at_the_limits, right=alignment.angle, tolerance=1e-7,
        at_least=180.0, mistakes=[
            ("this is the angle in radians", lambda u, v: np.radians(alignment.angle(u, v))),
            ("this is the cosine of the angle", _cosine),
            ("this is 180° minus the angle", lambda u, v: 180 - alignment.angle(u, v)),
            ("this is the mean of the angles of the rows: flatten the arrays first",
             lambda u, v: np.mean([alignment.angle(*rows) for rows in zip(u, v)])),
            ("divide by the lengths of both arrays before the arccos", lambda u, v: _degrees(np.sum(u * v))),
            ("you divided by the length of one array; both belong under the dot product",
             lambda u, v: _degrees(np.sum(u * v) / np.linalg.norm(u))),
            ("you divided by the length of one array, twice; both belong under the dot product",
             lambda u, v: _degrees(np.sum(u * v) / np.sum(u**2))),
            ("the roots are missing: the length of an array is the root of the sum of squares",
             lambda u, v: _degrees(np.sum(u * v) / np.sum(u**2) / np.sum(v**2))),
            ("a length is the root of the sum of squares, and you took sums of absolute values",
             lambda u, v: _degrees(np.sum(u * v) / np.abs(u).sum() / np.abs(v).sum())),
            ("you took the means away first: that is the correlation, and an angle is taken as the arrays are",
             lambda u, v: alignment.angle(u - u.mean(), v - v.mean())),
            (f"{hints.ABS}: this is the acute angle, and an angle between vectors goes up to 180°",
             lambda u, v: _degrees(abs(_cosine(u, v)))),
            (f"{hints.CLIPPED}: an angle goes up to 180°, and its cosine down to −1",
             lambda u, v: _degrees(_cosine(u, v), least=0.0)),
            (hints.SPECTRAL_NORM, lambda u, v: _degrees(np.sum(u * v) / np.linalg.norm(u, 2) / np.linalg.norm(v, 2))),
            *unclipped(alignment.angle),
            *epsilons(lambda u, v, e: _degrees(np.sum(u * v) / (np.linalg.norm(u) * np.linalg.norm(v) + e))),
            *epsilons(lambda u, v, e: _degrees(np.sum(u * v) / ((np.linalg.norm(u) + e) * (np.linalg.norm(v) + e)))),
        ]),
}
