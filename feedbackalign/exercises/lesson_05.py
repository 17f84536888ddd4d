"""Lesson 5, sign symmetry: an error sent down through signs, and the angle between weights and their signs."""

import numpy as np

from feedbackalign import alignment, ops
from feedbackalign.exercises import hints
from feedbackalign.exercises.base import Exercise
from feedbackalign.exercises.limits import epsilons, lifting, unclipped


def signed_error(error, weight, M, v):
    """Exercise 5.1. Send the error down through W's signs with M's magnitudes (equation 1), and on through ReLU.

    error (N, out) at the layer's output, weight and M (out, in), v (N, in) the pre-activations of the ReLU units below.
    Return the error at v, (N, in). M is as it was drawn, of both signs; a synapse with weight 0 sends nothing. The
    slope of ReLU is 1 where v > 0 and 0 elsewhere.
    """
    raise NotImplementedError


def _layer(rng, N, out, inputs):
    return (rng.normal(size=(N, out)), rng.normal(size=(out, inputs)), rng.normal(size=(out, inputs)),
            rng.normal(size=(N, inputs)))


def _signed_layers(rng):
    cases = []
    for N, out, inputs in [(5, 3, 6), (4, 7, 2)]:
        error, weight, M, v = _layer(rng, N, out, inputs)
        weight[0, 1] = weight[2, 0] = 0.0
        cases.append((error, weight, M, v))
    return cases


def _signed_layers_at_the_limits(rng):
    error, weight, M, v = _layer(rng, 4, 3, 5)
    e, w, m, one = _layer(rng, 1, 3, 4)
    return {"one sample": (e, w, m, np.abs(one) * [1, 1, -1, 1]), "one unit": _layer(rng, 6, 3, 1),
            "one output": _layer(rng, 4, 1, 3), "weights of 0 everywhere": (error, 0.0 * weight, M, v),
            "tiny weights": (error, 1e-150 * weight, M, v), "huge weights": (error, 1e150 * weight, M, v),
            "pre-activations of exactly 0": (error, weight, M, np.where(v < 0.5, v, 0.0)),
            "a tiny error": (1e-150 * error, weight, M, v), "huge magnitudes": (error, weight, 1e150 * M, v)}


def _through(error, feedback, v, slope=ops.activations.relu_derivative, outputs=slice(None)):
    return ops.linear.linear_transport(error[:, outputs], feedback[outputs]) * slope(v)


def _signed(error, weight, M, v, **changes):
    return _through(error, np.abs(M) * np.sign(weight), v, **changes)


def angle_to_signs(weight):
    """Exercise 5.2. Degrees between a weight array of any shape and its signs, from its moments (equation 2)."""
    raise NotImplementedError


def _weights(rng):
    return [(rng.normal(size=(7, 5)),), (rng.uniform(-0.2, 0.1, size=(6, 8)),), (rng.laplace(size=(3, 11)),)]


def _weights_at_the_limits(rng):
    weight = rng.laplace(size=(4, 6))

    def of_one_size():
        return (rng.uniform(0.1, 3.0) * rng.choice([-1.0, 1.0], size=(3, 5)),)
    return {"tiny weights": (1e-150 * weight,), "huge weights": (1e150 * weight,), "one weight": (np.array([[-0.3]]),),
            "one row": (rng.normal(size=(1, 9)),), "one axis": (rng.normal(size=12),),
            **lifting("weights of one size", of_one_size, _cosines),
            "a kernel of four axes": (rng.normal(size=(6, 2, 3, 4)),)}


def _cosines(weight):
    """The cosine by each of the usual formulas, which round in different places."""
    size, norm, signs = np.abs(weight), np.linalg.norm, np.sign(weight)
    return [size.mean() / np.sqrt((weight**2).mean()), size.sum() / (norm(weight) * np.sqrt(weight.size)),
            np.sum(weight * signs) / (norm(weight) * norm(signs)), size.mean() / np.sqrt(np.mean(size * size)),
            weight.ravel() @ signs.ravel() / (norm(weight) * norm(signs)), size.mean() / (weight**2).mean()**0.5,
            size.mean() * np.sqrt(weight.size) / norm(weight)]


def _to_signs(weight):
    return alignment.angle(weight, np.sign(weight))


def _degrees(cosine):
    return float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))


def _mean_size(weight):
    return np.abs(weight).mean()


def _root_mean_square(weight):
    return np.sqrt((weight**2).mean())


EXERCISES = {
    "5.1": Exercise(
        task=signed_error, cases=_signed_layers, limits=_signed_layers_at_the_limits, right=_signed, mistakes=[
            (f"{hints.SLOPE_LEFT_OUT} of ReLU, which is 1 where v > 0 and 0 elsewhere",
             lambda *given: _signed(*given, slope=np.ones_like)),
            (hints.slope_of_the_wrong("the error; it belongs at v"),
             lambda *given: np.maximum(_signed(*given, slope=np.ones_like), 0)),
            (hints.slope_of_the_wrong("tanh(v); these units are ReLU"),
             lambda *given: _signed(*given, slope=lambda v: 1 - np.tanh(v)**2)),
            ("the slope of ReLU at v = 0 is 0, and yours is 1: write v > 0, not v >= 0",
             lambda *given: _signed(*given, slope=lambda v: v >= 0)),
            ("each synapse has a magnitude |M| of its own, and you took their mean",
             lambda error, weight, M, v: _through(error, np.abs(M).mean() * np.sign(weight), v)),
            ("you multiplied with ReLU(v); its slope is 1 where v > 0, whatever v is",
             lambda *given: _signed(*given, slope=ops.activations.relu)),
            ("you sent the error through W itself; only its signs may be known on the way down",
             lambda error, weight, M, v: _through(error, weight, v)),
            ("you sent the error through M as it was drawn; the signs must be W's",
             lambda error, weight, M, v: _through(error, M, v)),
            ("you sent the error through |M|; the signs must be W's",
             lambda error, weight, M, v: _through(error, np.abs(M), v)),
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
            ("a weight of exactly 0 has no sign and sends nothing, but 0 / |0| is nan: use np.sign",
             lambda error, weight, M, v: _through(error, np.abs(M) * (weight / np.abs(weight)), v)),
            *epsilons(lambda error, weight, M, v, e: _through(error, np.abs(M) * (weight / (np.abs(weight) + e)), v)),
            (f"{hints.OVERWRITTEN_IN_LOOP}, over the outputs", lambda *given: _signed(*given, outputs=slice(-1, None))),
            (f"{hints.FIRST_LEFT_OUT}, the first output's", lambda *given: _signed(*given, outputs=slice(1, None))),
            (f"{hints.LAST_LEFT_OUT}, the last output's", lambda *given: _signed(*given, outputs=slice(None, -1))),
        ]),
    "5.2": Exercise(
        task=angle_to_signs, cases=_weights, limits=_weights_at_the_limits, right=_to_signs, tolerance=1e-7,
        at_least=180.0, mistakes=[
            ("this is in radians", lambda weight: float(np.radians(_to_signs(weight)))),
            ("this is the cosine; the angle is its arccos, in degrees",
             lambda weight: float(_mean_size(weight) / _root_mean_square(weight))),
            ("this is 180° minus the angle", lambda weight: 180.0 - _to_signs(weight)),
            ("you took the mean of w; equation 2 has the mean of |w|",
             lambda weight: _degrees(weight.mean() / _root_mean_square(weight))),
            ("you divided by the standard deviation, which is taken about the mean; equation 2 has √(mean w²)",
             lambda weight: _degrees(_mean_size(weight) / weight.std())),
            ("you forgot the root: divide by √(mean w²), not by mean w²",
             lambda weight: _degrees(_mean_size(weight) / (weight**2).mean())),
            ("you did not divide by √(mean w²), so a layer with small weights would seem further from its signs",
             lambda weight: _degrees(_mean_size(weight))),
            ("you took the mean of the rows' angles; flatten the whole array, it is one long vector",
             lambda weight: float(np.mean([_to_signs(row) for row in weight]))),
            (hints.SPECTRAL_NORM,
             lambda weight: _degrees(np.abs(weight).sum() / (np.linalg.norm(weight, 2) * weight.size**0.5))),
            *unclipped(_to_signs),
            *epsilons(lambda weight, e: _degrees(_mean_size(weight) / (_root_mean_square(weight) + e))),
            *epsilons(lambda weight, e: _degrees(_mean_size(weight) / np.sqrt((weight**2).mean() + e))),
        ]),
}
