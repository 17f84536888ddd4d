"""Lesson 10, depth: what several imprecise layers make of an error, and what a shortcut carries."""

import numpy as np

from feedbackalign.exercises.base import Exercise


def delta_angle(weight_angles):
    """Exercise 10.1. How far off an error is after some layers (equation 1).

    weight_angles (L,) holds θ₁ … θ_L in degrees, the weight angles of the layers that it went down through.
    Return the delta angle in degrees, a float.
    """
    raise NotImplementedError


def _some_layers(rng):
    return [(rng.uniform(10.0, 60.0, size=layers),) for layers in (3, 6, 2)]


def _cosines_multiply(weight_angles):
    return float(np.degrees(np.arccos(np.prod(np.cos(np.radians(weight_angles))))))


def error_below_block(error, v, B1, B2):
    """Exercise 10.2. Send an error down through a residual block, by feedback alignment.

    The block's forward pass was y = x + ReLU(v) W2ᵀ with v = x W1ᵀ. B1 (hidden, in) stands in for W1 and B2
    (in, hidden) for W2; the shortcut has no weights. error (N, in) is at y, v (N, hidden).
    Return the error at x, (N, in).
    """
    raise NotImplementedError


def _one_block(rng):
    return [(rng.normal(size=(N, inputs)), 2 * rng.normal(size=(N, hidden)), rng.normal(size=(hidden, inputs)),
             rng.normal(size=(inputs, hidden))) for N, inputs, hidden in [(6, 3, 4), (4, 5, 2)]]


def _both_ways(error, v, B1, B2):
    return error + _branch(error, v > 0, B1, B2)


def _branch(error, slope, B1, B2):
    return (error @ B2 * slope) @ B1                            # (N, in) -> (N, hidden) -> (N, in)


EXERCISES = {
    "10.1": Exercise(task=delta_angle, cases=_some_layers, right=_cosines_multiply, mistakes=[
        ("you added the angles; it is their cosines that multiply", lambda angles: float(np.sum(angles))),
        ("this is the cosine; the angle is its arccos", lambda angles: float(np.prod(np.cos(np.radians(angles))))),
        ("this is in radians", lambda angles: float(np.radians(_cosines_multiply(angles)))),
        ("NumPy's cos takes radians, and the angles are in degrees",
         lambda angles: float(np.degrees(np.arccos(np.prod(np.cos(angles)))))),
        ("you took the mean of the cosines; every layer keeps its share of what the last one kept, so they multiply",
         lambda angles: float(np.degrees(np.arccos(np.mean(np.cos(np.radians(angles))))))),
        ("the last layer is missing", lambda angles: _cosines_multiply(angles[:-1])),
    ]),
    "10.2": Exercise(task=error_below_block, cases=_one_block, right=_both_ways, mistakes=[
        ("you left out the shortcut: it carries its error as it is, and the two are added",
         lambda error, v, B1, B2: _branch(error, v > 0, B1, B2)),
        ("you left out the slope of the ReLU", lambda error, v, B1, B2: error + _branch(error, 1.0, B1, B2)),
        ("you multiplied with ReLU(v); its slope, 1 where v > 0, is what belongs there",
         lambda error, v, B1, B2: error + _branch(error, np.maximum(v, 0), B1, B2)),
        ("the ReLU's kink is at 0, not at 1", lambda error, v, B1, B2: error + _branch(error, v > 1, B1, B2)),
        ("the error of the shortcut is there twice",
         lambda error, v, B1, B2: 2 * error + _branch(error, v > 0, B1, B2)),
        ("B1 and B2 are used the other way round, and transposed: the error meets B2 first",
         lambda error, v, B1, B2: error + _branch(error, v > 0, B2.T, B1.T)),
    ]),
}
