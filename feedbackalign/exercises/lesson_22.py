"""Lesson 22, few synapses: the path of sparse product feedback, and what is expected of it."""

import numpy as np

from feedbackalign import ops
from feedbackalign.exercises import hints
from feedbackalign.exercises.base import Exercise
from feedbackalign.exercises.limits import epsilons


def sparse_path(weight, B, mask):
    """Exercise 22.1. The path of sparse product feedback once R has forgotten its start (equation 1).

    weight (out, in), B (out, mid), mask (mid, in) booleans, True where R has a synapse. There R is Bᵀ W, elsewhere it
    is zero. Return what stands in the place of W on the way down, B R, (out, in).
    """
    raise NotImplementedError


def _sparse_layer(rng, out, inputs, mid, density):
    mask = rng.random((mid, inputs)) < density
    mask[0, 0], mask[-1, -1] = density == 1, True                   # some synapse exists, and some does not
    return rng.normal(size=(out, inputs)), rng.normal(size=(out, mid)), mask


def _sparse_layers(rng):
    return [_sparse_layer(rng, *sizes) for sizes in [(4, 6, 9, 0.5), (3, 5, 12, 0.2)]]


def _sparse_layers_at_the_limits(rng):
    weight, B, mask = _sparse_layer(rng, 3, 4, 6, 0.4)
    return {"every synapse": _sparse_layer(rng, 7, 2, 3, 1.0), "no synapse": (weight, B, mask & False),
            "one output": _sparse_layer(rng, 1, 4, 6, 0.6), "one input": _sparse_layer(rng, 5, 1, 8, 0.4),
            "one unit in the middle": _sparse_layer(rng, 4, 3, 1, 0.5),
            "weights of 0 for one output": (weight * [[0.0], [1.0], [1.0]], B, mask),
            "tiny weights": (1e-150 * weight, B, mask), "huge weights": (1e150 * weight, B, mask)}


def _path(weight, B, mask, middle=slice(None)):
    R = mask * (B.T @ weight)
    return ops.linear.linear_transport(B[:, middle], R[middle])     # (out, mid) x (mid, in) -> (out, in)


def expected_path(expansion, density):
    """Exercise 22.2. The angle and the length that a sparse path is expected to have (equation 2).

    expansion r, how many units the middle population has for each output, and density d are numbers. Return the angle
    between W and B R in degrees, and ‖B R‖ / ‖W‖.
    """
    raise NotImplementedError


def _settings(rng):
    return [(10.0, 0.3), (4.0, 0.7), (1.0, 1.0), (50.0, 0.01), (0.5, 0.2)]


def _settings_at_the_limits(rng):
    return {"one synapse in two": (2.0, 0.5), "a tiny density": (3.0, 1e-150), "a tiny expansion": (1e-150, 0.6),
            "many units in the middle": (1e4, 0.9),
            "fewer units in the middle than outputs": (0.25, 1.0)}


def _expected(expansion, density):
    angle = np.degrees(np.arctan(1 / np.sqrt(expansion * density)))
    return float(angle), float(np.sqrt(density**2 + density / expansion))


EXERCISES = {
    "22.1": Exercise(task=sparse_path, cases=_sparse_layers, limits=_sparse_layers_at_the_limits, right=_path,
                     mistakes=[
        ("R has no synapse where the mask is False: there it is zero",
         lambda weight, B, mask: B @ B.T @ weight),
        ("your mask stands on its head: it is True where a synapse exists",
         lambda weight, B, mask: _path(weight, B, ~mask)),
        ("this is W: B Bᵀ is the identity on average only", lambda weight, B, mask: weight + 0.0),
        ("these are the terms that W_oi itself has in the sum; the cross-talk from the other outputs belongs to it too",
         lambda weight, B, mask: weight * (B**2 @ mask)),
        (f"{hints.OVERWRITTEN_IN_LOOP}, over the units in the middle",
         lambda *given: _path(*given, middle=slice(-1, None))),
        (f"{hints.FIRST_LEFT_OUT}, that of the first unit in the middle",
         lambda *given: _path(*given, middle=slice(1, None))),
        (f"{hints.LAST_LEFT_OUT}, that of the last unit in the middle",
         lambda *given: _path(*given, middle=slice(None, -1))),
        (hints.mean_twice("units in the middle, and the path is a sum over them"),
         lambda weight, B, mask: _path(weight, B, mask) / len(mask)),
    ]),
    "22.2": Exercise(task=expected_path, cases=_settings, limits=_settings_at_the_limits, right=_expected,
                     parts=("angle", "length"), mistakes=[
        ("the angle is in radians; degrees are asked for",
         lambda r, d: (np.radians(_expected(r, d)[0]), _expected(r, d)[1])),
        ("this is the angle of the path with all its synapses, at d = 1",
         lambda r, d: (_expected(r, 1.0)[0], _expected(r, d)[1])),
        ("this is the complement of the angle: the noise stands above d W in the tangent, not below it",
         lambda r, d: (90 - _expected(r, d)[0], _expected(r, d)[1])),
        ("you forgot the root in the angle: 1/(r d) is a ratio of variances",
         lambda r, d: (float(np.degrees(np.arctan(1 / (r * d)))), _expected(r, d)[1])),
        ("this is the square of the length: you forgot the root",
         lambda r, d: (_expected(r, d)[0], _expected(r, d)[1]**2)),
        ("d W alone has this length: you left out the noise", lambda r, d: (_expected(r, d)[0], d)),
        ("the noise alone has this length: you left out d W", lambda r, d: (_expected(r, d)[0], float(np.sqrt(d / r)))),
        ("lengths at right angles add up as their squares do; you added them as they are",
         lambda r, d: (_expected(r, d)[0], d + float(np.sqrt(d / r)))),
        ("the variance of the noise keeps a share d, not d²: only one of two masks thins it out",
         lambda r, d: (_expected(r, d)[0], float(np.sqrt(d**2 + d**2 / r)))),
        *epsilons(lambda r, d, e: (_expected(r, d)[0], float(np.sqrt(d**2 + d / (r + e))))),
        ("you exchanged the two: the angle comes first", lambda r, d: _expected(r, d)[::-1]),
    ]),
}
