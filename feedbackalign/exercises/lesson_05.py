"""Lesson 5, sign symmetry: an error sent down through signs, and the angle between weights and their signs."""

import numpy as np

from feedbackalign import alignment, ops
from feedbackalign.exercises.base import Exercise


def signed_error(error, weight, M, v):
    """Exercise 5.1. Send the error down through W's signs with M's magnitudes (equation 1), and on through ReLU.

    error (N, out) at the layer's output, weight and M (out, in), v (N, in) the pre-activations of the ReLU units below.
    Return the error at v, (N, in). M is as it was drawn, of both signs; a synapse with weight 0 sends nothing.
    """
    raise NotImplementedError


def _signed_layers(rng):
    cases = []
    for N, out, inputs in [(5, 3, 6), (4, 7, 2)]:
        weight = rng.normal(size=(out, inputs))
        weight[0, 1] = weight[2, 0] = 0.0
        cases.append((rng.normal(size=(N, out)), weight, rng.normal(size=(out, inputs)), rng.normal(size=(N, inputs))))
    return cases


def _through(error, feedback, v):
    return ops.linear.linear_transport(error, feedback) * ops.activations.relu_derivative(v)


def angle_to_signs(weight):
    """Exercise 5.2. Degrees between a weight array of any shape and its signs, from its moments (equation 2)."""
    raise NotImplementedError


def _weights(rng):
    return [(rng.normal(size=(7, 5)),), (rng.uniform(-0.2, 0.1, size=(6, 2, 3, 4)),), (rng.laplace(size=(3, 11)),)]


def _degrees(cosine):
    return float(np.degrees(np.arccos(cosine)))


EXERCISES = {
    "5.1": Exercise(
        task=signed_error, cases=_signed_layers,
        right=lambda error, weight, M, v: _through(error, np.abs(M) * np.sign(weight), v), mistakes=[
            ("you left out the slope of ReLU, which is 1 where v > 0 and 0 elsewhere",
             lambda error, weight, M, v: error @ (np.abs(M) * np.sign(weight))),
            ("you sent the error through W itself; only its signs may be known on the way down",
             lambda error, weight, M, v: _through(error, weight, v)),
            ("you sent the error through M as it was drawn; the signs must be W's",
             lambda error, weight, M, v: _through(error, M, v)),
            ("M has signs of its own, which spoil W's: take |M|",
             lambda error, weight, M, v: _through(error, M * np.sign(weight), v)),
            ("you used the signs alone; each has its magnitude |M|",
             lambda error, weight, M, v: _through(error, np.sign(weight), v)),
            ("you used |W| and the signs of M; it is the other way round",
             lambda error, weight, M, v: _through(error, np.abs(weight) * np.sign(M), v)),
            ("a weight of exactly 0 has no sign and sends nothing: np.sign(0) is 0, np.copysign and `>= 0` give 1",
             lambda error, weight, M, v: _through(error, np.copysign(M, weight), v)),
            ("a weight of exactly 0 has no sign and sends nothing; yours sends with a minus",
             lambda error, weight, M, v: _through(error, np.where(weight > 0, 1, -1) * np.abs(M), v)),
        ]),
    "5.2": Exercise(
        task=angle_to_signs, cases=_weights, right=lambda weight: alignment.angle(weight, np.sign(weight)), mistakes=[
            ("this is in radians", lambda weight: float(np.radians(alignment.angle(weight, np.sign(weight))))),
            ("this is the cosine; the angle is its arccos, in degrees",
             lambda weight: float(np.abs(weight).mean() / np.sqrt((weight**2).mean()))),
            ("you took the mean of w; equation 2 has the mean of |w|",
             lambda weight: _degrees(weight.mean() / np.sqrt((weight**2).mean()))),
            ("you divided by the standard deviation, which is taken about the mean; equation 2 has √(mean w²)",
             lambda weight: _degrees(min(np.abs(weight).mean() / weight.std(), 1.0))),
            ("you forgot the root: divide by √(mean w²), not by mean w²",
             lambda weight: float(np.degrees(np.arccos(np.clip(np.abs(weight).mean() / (weight**2).mean(), -1, 1))))),
            ("you did not divide by √(mean w²), so a layer with small weights would seem further from its signs",
             lambda weight: float(np.degrees(np.arccos(np.clip(np.abs(weight).mean(), -1, 1))))),
            ("you took the mean of the rows' angles; flatten the whole array, it is one long vector",
             lambda weight: float(np.mean([alignment.angle(row, np.sign(row)) for row in weight]))),
        ]),
}
