"""Lesson 13, without symmetry: an error from states on a circle, and a gradient measured with noise."""

import numpy as np

from feedbackalign.exercises.base import Exercise


def cauchy_sum(states, betas):
    """Exercise 13.1. The error of every unit from the states at N points of a circle (equation 4).

    states (N, batch, units), complex, hold a(β_k), settled at the nudges betas (N,), which go round the whole circle.
    Return δ, (batch, units), real.
    """
    raise NotImplementedError


def _circles(rng):
    """States that a polynomial in β makes, so that they are what a settled network's are: conjugate at conjugate β."""
    cases = []
    for N, batch, units, radius in [(6, 4, 3, 0.5), (8, 2, 5, 1.5)]:
        betas = radius * np.exp(2j * np.pi * np.arange(N) / N)
        powers = betas[:, None] ** np.arange(8)                                         # (N, 8)
        cases.append((np.tensordot(powers, rng.normal(size=(8, batch, units)), axes=1), betas))
    return cases


def _mean_over_the_circle(states, betas):
    return (states / betas[:, None, None]).real.mean(axis=0)


def local_pull_of_noise(noise, answer, noise_below, answer_below):
    """Exercise 13.2. The homeostatic gradient of one layer's W from noise and the answers to it (equation 7).

    noise (P, out) holds P probes ε of the layer, one a row, answer (P, out) what it answered, r; noise_below and
    answer_below (P, in) are those of the layer below. Return the mean over the probes of 2 (r εᵀ − ε rᵀ) at the
    synapses of W, which lead from below into the layer, (out, in).
    """
    raise NotImplementedError


def _probes(rng):
    return [tuple(rng.normal(size=(P, size)) for size in (out, out, inputs, inputs))
            for P, out, inputs in [(6, 3, 4), (5, 4, 2)]]


def _hebbian_minus_anti_hebbian(noise, answer, noise_below, answer_below):
    return 2 * (answer.T @ noise_below - noise.T @ answer_below) / len(noise)           # (out, P) x (P, in)


EXERCISES = {
    "13.1": Exercise(task=cauchy_sum, cases=_circles, right=_mean_over_the_circle, batch="betas", mistakes=[
        ("you multiplied with β_k; Cauchy's formula divides by it",
         lambda states, betas: (states * betas[:, None, None]).real.mean(axis=0)),
        ("you divided by |β_k|; it is the complex β_k, direction and all, that counts",
         lambda states, betas: (states / np.abs(betas)[:, None, None]).real.mean(axis=0)),
        ("you took the real part before you divided: the imaginary parts of a(β_k) count as well",
         lambda states, betas: (states.real / betas[:, None, None]).real.mean(axis=0)),
        ("you divided the real part by the real part; divide first, and then take the real part",
         lambda states, betas: (states.real / betas.real[:, None, None]).mean(axis=0)),
        ("you did not divide by β_k: this is the mean of the states, which is a(0)",
         lambda states, betas: states.real.mean(axis=0)),
        ("you conjugated the states", lambda states, betas: (states.conj() / betas[:, None, None]).real.mean(axis=0)),
    ]),
    "13.2": Exercise(task=local_pull_of_noise, cases=_probes, right=_hebbian_minus_anti_hebbian, batch="noise",
                     mistakes=[
        ("this is the Hebbian half only; the anti-Hebbian one, ε rᵀ, is to be subtracted",
         lambda noise, answer, noise_below, answer_below: 2 * answer.T @ noise_below / len(noise)),
        ("this is the anti-Hebbian half only; the Hebbian one, r εᵀ, belongs before it",
         lambda noise, answer, noise_below, answer_below: -2 * noise.T @ answer_below / len(noise)),
        ("you added the two halves; the second is subtracted",
         lambda noise, answer, noise_below, answer_below: 2 * (answer.T @ noise_below + noise.T @ answer_below)
         / len(noise)),
        ("you paired noise with noise and answer with answer; each half pairs the one with the other",
         lambda noise, answer, noise_below, answer_below: 2 * (answer.T @ answer_below - noise.T @ noise_below)
         / len(noise)),
    ]),
}
