"""Lesson 13, without symmetry: an error from states on a circle, and a gradient measured with noise."""

import numpy as np

from feedbackalign.exercises import hints
from feedbackalign.exercises.base import Exercise


def cauchy_sum(states, betas):
    """Exercise 13.1. The error of every unit from the states at N points of a circle (equation 4).

    states (N, batch, units), complex, hold s(β_k), settled at the nudges betas (N,), which go round the whole circle.
    Return δ, (batch, units), real.
    """
    raise NotImplementedError


def _circle(rng, N, batch, units, radius, at_rest=1.0):
    """States that a polynomial in β makes, so that they are what a settled network's are: conjugate at conjugate β."""
    turns = np.exp(2j * np.pi * np.arange(N) / N)
    parts = rng.normal(size=(8, batch, units)) * radius ** np.arange(8.0)[:, None, None]
    parts[0] *= at_rest
    return np.tensordot(turns[:, None] ** np.arange(8), parts, axes=1), radius * turns      # (N, 8) x (8, batch, units)


def _circles(rng):
    return [_circle(rng, 6, 4, 3, 0.5), _circle(rng, 8, 2, 5, 1.5)]


def _circles_at_the_limits(rng):
    states, betas = _circle(rng, 6, 3, 2, 0.8)
    return {"one sample": _circle(rng, 5, 1, 3, 0.7), "one unit": _circle(rng, 6, 4, 1, 1.2),
            "one sample and one unit": _circle(rng, 4, 1, 1, 0.6), "two points": _circle(rng, 2, 4, 3, 0.9),
            "one point": _circle(rng, 1, 2, 3, 0.4), "a radius of 1": _circle(rng, 10, 3, 2, 1.0),
            "a tiny circle, and states of 0 without a nudge": _circle(rng, 6, 2, 3, 1e-70, at_rest=0.0),
            "tiny states": (1e-150 * states, betas), "huge states": (1e150 * states, betas)}


def _mean_over_the_circle(states, betas):
    return (states / betas[:, None, None]).real.mean(axis=0)


def _nudged(factor):
    """A mistake in what belongs to a point: factor(betas) (N,) stands in the place of 1/β."""
    return lambda states, betas: (states * factor(betas)[:, None, None]).real.mean(axis=0)


def _points(points, N=len):
    """A mistake in the sum: these points only, divided by N(betas)."""
    return lambda states, betas: (states[points] / betas[points, None, None]).real.sum(axis=0) / N(betas)


def local_pull_of_noise(noise, answer, noise_below, answer_below):
    """Exercise 13.2. The homeostatic gradient of one layer's W from noise and the answers to it (equation 7).

    noise (P, out) holds P probes ε of the layer, one a row, answer (P, out) what it answered, r; noise_below and
    answer_below (P, in) are those of the layer below. Return the mean over the probes of 2 (rᵀ ε − εᵀ r) at the
    synapses of W, which lead from below into the layer, (out, in).
    """
    raise NotImplementedError


def _layer(rng, P, out, inputs):
    return tuple(rng.normal(size=(P, size)) for size in (out, out, inputs, inputs))


def _probes(rng):
    return [_layer(rng, 6, 3, 4), _layer(rng, 5, 4, 2)]


def _probes_at_the_limits(rng):
    probes = _layer(rng, 4, 3, 2)
    return {"one probe": _layer(rng, 1, 3, 4), "one unit": _layer(rng, 5, 1, 3), "one unit below": _layer(rng, 3, 4, 1),
            "one probe, and one unit in each layer": _layer(rng, 1, 1, 1),
            "more units than probes": _layer(rng, 2, 5, 4),
            "a layer that does not answer": (probes[0], 0 * probes[1], *probes[2:]),
            "tiny noise": tuple(1e-70 * array for array in probes),
            "huge noise": tuple(1e70 * array for array in probes)}


def _two_halves(noise, answer, noise_below, answer_below, *, hebbian=1.0, anti=1.0, probes=slice(None), P=None):
    return 2 * (hebbian * answer[probes].T @ noise_below[probes] - anti * noise[probes].T @ answer_below[probes]
                ) / (P or len(noise))                                                   # (out, P) x (P, in)


LAST, BUT_LAST, BUT_FIRST = slice(-1, None), slice(None, -1), slice(1, None)

EXERCISES = {
    "13.1": Exercise(
        task=cauchy_sum, cases=_circles, limits=_circles_at_the_limits, right=_mean_over_the_circle, batch="betas",
        counted="points", mistakes=[
            ("you multiplied with β_k; Cauchy's formula divides by it", _nudged(lambda betas: betas)),
            ("you multiplied with the conjugate of β_k, and did not divide by |β_k|²: that is not 1/β_k",
             _nudged(np.conj)),
            ("you took the conjugate of β_k or of s(β_k); both count as they are",
             _nudged(lambda betas: 1 / betas.conj())),
            ("you divided by |β_k|; it is the complex β_k, direction and all, that counts",
             _nudged(lambda betas: 1 / np.abs(betas))),
            ("you divided by β_k/|β_k|; its length counts too", _nudged(lambda betas: np.abs(betas) / betas)),
            ("you divided by β_k twice", _nudged(lambda betas: 1 / betas**2)),
            ("you took the real part before you divided: the imaginary parts of s(β_k) count as well",
             lambda states, betas: _mean_over_the_circle(states.real, betas)),
            ("you divided the real part by the real part; divide first, and then take the real part",
             lambda states, betas: _mean_over_the_circle(states.real, betas.real)),
            ("you did not divide by β_k: this is the mean of the states, which is s(0)", _nudged(np.ones_like)),
            ("you did not divide by β_k, and not by N", lambda states, betas: states.real.sum(axis=0)),
            (f"{hints.ABS}: of s(β_k) / β_k the real part counts",
             lambda states, betas: np.abs(states / betas[:, None, None]).mean(axis=0)),
            ("the mean goes over the points, the first axis; yours goes over the samples",
             lambda states, betas: (states / betas[:, None, None]).real.mean(axis=1)),
            ("the mean goes over the points alone: every sample and unit has its own δ",
             lambda states, betas: float((states / betas[:, None, None]).real.mean())),
            ("this is what one point says; the mean goes over all of them", _points(slice(0, 1), N=lambda betas: 1)),
            ("this is what two opposite points say; the mean goes over all of them", lambda states, betas: (
                (states[0] - states[len(betas) // 2]).real / (2 * np.abs(betas[0])))),
            (hints.wrong_N("points, not of samples"),
             lambda states, betas: _points(slice(None), N=lambda betas: states.shape[1])(states, betas)),
            (hints.wrong_N("points, not of units"),
             lambda states, betas: _points(slice(None), N=lambda betas: states.shape[2])(states, betas)),
            *[("the sum goes round the whole circle; yours ends half way",
               lambda states, betas, N=N: _points(slice(0, len(betas) // 2), N)(states, betas))
              for N in (len, lambda betas: len(betas) // 2)],
            (f"{hints.OFF_BY_ONE}: each state is divided by the β of the next point",
             lambda states, betas: _mean_over_the_circle(states, np.roll(betas, -1))),
            (f"{hints.OFF_BY_ONE}: the mean divides by N, not by N − 1",
             _points(slice(None), N=lambda betas: len(betas) - 1)),
            (f"{hints.OFF_BY_ONE}: the mean divides by N, not by N + 1",
             _points(slice(None), N=lambda betas: len(betas) + 1)),
            *[(f"{hint}, {where}", _points(points, N)) for hint, where, points in [
                (hints.OVERWRITTEN_IN_LOOP, "over the points", LAST),
                (hints.FIRST_LEFT_OUT, "the first point's", BUT_FIRST),
                (hints.LAST_LEFT_OUT, "the last point's", BUT_LAST)]
              for N in (len, lambda betas: len(betas) - 1)],
        ]),
    "13.2": Exercise(
        task=local_pull_of_noise, cases=_probes, limits=_probes_at_the_limits, right=_two_halves, batch="noise",
        counted="probes", mistakes=[
            ("this is the Hebbian half only; the anti-Hebbian one, εᵀ r, is to be subtracted",
             lambda *given: _two_halves(*given, anti=0.0)),
            ("this is the anti-Hebbian half only; the Hebbian one, rᵀ ε, belongs before it",
             lambda *given: _two_halves(*given, hebbian=0.0)),
            ("you added the two halves; the second is subtracted", lambda *given: _two_halves(*given, anti=-1.0)),
            ("you paired noise with noise and answer with answer; each half pairs the one with the other",
             lambda noise, answer, noise_below, answer_below: _two_halves(noise, answer, answer_below, noise_below)),
            ("this is the product of the differences; what counts is a difference of products",
             lambda noise, answer, noise_below, answer_below:
             2 * (answer - noise).T @ (noise_below - answer_below) / len(noise)),
            ("W leads from below into the layer, so one of each pair is of the layer below",
             lambda noise, answer, *below: _two_halves(noise, answer, noise, answer)),
            ("this is what one probe says; the mean goes over all of them",
             lambda *given: _two_halves(*given, probes=slice(0, 1), P=1)),
            ("you left out the factor 2 of Eq. 7", lambda *given: _two_halves(*given) / 2),
            ("the factor 2 counts for both halves; the second of yours has none",
             lambda *given: _two_halves(*given, anti=0.5)),
            *[("the mean is over both halves; one of yours is a sum, as if a bracket were missing",
               lambda *given, only=only: _two_halves(*given, **{only: len(given[0])})) for only in ("hebbian", "anti")],
            ("you took the means over the probes before the products; each probe has products of its own",
             lambda *given: _two_halves(*(array.mean(axis=0, keepdims=True) for array in given))),
            *[(hints.wrong_N(f"probes, {not_of}"), lambda *given, count=count: _two_halves(*given, P=count(*given)))
              for not_of, count in [("not of units", lambda noise, *rest: noise.shape[1]),
                                    ("not of units below", lambda *given: given[-1].shape[1]),
                                    ("not of probes times units", lambda noise, *rest: noise.size)]],
            (f"{hints.OFF_BY_ONE}: the mean divides by P, not by P − 1",
             lambda *given: _two_halves(*given) * np.divide(len(given[0]), len(given[0]) - 1)),
            *[(f"{hint}, {where}", lambda *given, only=only: _two_halves(*given, probes=only))
              for hint, where, only in [(hints.OVERWRITTEN_IN_LOOP, "over the probes", LAST),
                                        (hints.FIRST_LEFT_OUT, "the first probe's", BUT_FIRST),
                                        (hints.LAST_LEFT_OUT, "the last probe's", BUT_LAST)]],
        ]),
}
