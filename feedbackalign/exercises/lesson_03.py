"""Lesson 3, feedback alignment: an update through random weights, and the angle that measures how good it is."""

import numpy as np

from feedbackalign import alignment, ops
from feedbackalign.exercises.base import Exercise


def feedback_update(error, W, B, v, x):
    """Exercise 3.1. The update of a hidden layer of ReLU units under feedback alignment (equations 2 and 3).

    error (N, out) is ∂L/∂z at the output of the layer above, which has the weights W (out, hidden) and the feedback
    weights B (out, hidden); v (N, hidden) are the hidden layer's pre-activations, x (N, in) its input. Return its ∂W,
    (hidden, in). The error already holds the 1/N of the mean.
    """
    raise NotImplementedError


def _hidden_layers(rng):
    return [(rng.normal(size=(N, out)), rng.normal(size=(out, hidden)), rng.normal(size=(out, hidden)),
             rng.normal(size=(N, hidden)), rng.normal(size=(N, inputs)))
            for N, out, hidden, inputs in [(7, 3, 5, 4), (5, 2, 4, 6)]]


def _update(error, W, B, v, x):
    hidden = ops.linear.linear_transport(error, B) * ops.activations.relu_derivative(v)
    return ops.linear.linear_weight_gradient(hidden, x)


def angle_between(u, v):
    """Exercise 3.2. The angle between two arrays of one shape, taken as two long vectors, in degrees.

    u and v may have any shape; neither is zero. Return a number between 0 and 180.
    """
    raise NotImplementedError


def _pairs(rng):
    near = rng.normal(size=(4, 3))
    return [(rng.normal(size=(3, 5)), rng.normal(size=(3, 5))), (near, near + 0.1 * rng.normal(size=near.shape)),
            (near, 0.5 * rng.normal(size=near.shape) - 2 * near),
            (rng.normal(size=(2, 3, 4)), rng.normal(size=(2, 3, 4)))]


def _cosine(u, v):
    return float(np.cos(np.radians(alignment.angle(u, v))))


EXERCISES = {
    "3.1": Exercise(task=feedback_update, cases=_hidden_layers, right=_update, mistakes=[
        ("you sent the error through W: feedback alignment sends it through B",
         lambda error, W, B, v, x: _update(error, W, W, v, x)),
        ("you left out the slope of the ReLU: where v ≤ 0 the unit was silent, and no error passes",
         lambda error, W, B, v, x: (error @ B).T @ x),
        ("the slope of a ReLU is 1 or 0, not v", lambda error, W, B, v, x: (error @ B * np.maximum(v, 0)).T @ x),
        ("the slope of the ReLU is the wrong way round: the error passes where v > 0",
         lambda error, W, B, v, x: (error @ B * (v <= 0)).T @ x),
        ("the slope of a ReLU is 1 above 0, not above 1", lambda error, W, B, v, x: (error @ B * (v > 1)).T @ x),
    ]),
    "3.2": Exercise(task=angle_between, cases=_pairs, right=alignment.angle, tolerance=1e-7, mistakes=[
        ("this is the angle in radians", lambda u, v: np.radians(alignment.angle(u, v))),
        ("this is the cosine of the angle", _cosine),
        ("this is 180° minus the angle", lambda u, v: 180 - alignment.angle(u, v)),
        ("this is the mean of the angles of the rows: flatten the arrays first",
         lambda u, v: np.mean([alignment.angle(*rows) for rows in zip(u, v)])),
        ("divide by the lengths of both arrays before the arccos",
         lambda u, v: np.degrees(np.arccos(np.clip(np.sum(u * v), -1, 1)))),
        ("this is the acute angle: an angle between vectors goes up to 180°, so do not take the absolute value",
         lambda u, v: np.degrees(np.arccos(abs(_cosine(u, v))))),
    ]),
}
