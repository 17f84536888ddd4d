"""Lesson 13, without symmetry: an error from states on a circle, and the pull that noise tells."""

import numpy as np

from feedbackalign.exercises.base import Exercise


# ---------------------------------------------------------------------------------------------------------------- 13.1

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


# ---------------------------------------------------------------------------------------------------------------- 13.2

def local_pull_of_noise(J, noise):
    """Exercise 13.2. The homeostatic gradient from noise and the answer to it (equation 7).

    J (n, n) has a row for every unit that hears and a column for every unit that is heard; noise (P, n) holds P
    probes ε, one a row. Return the mean over the probes of 2 (r εᵀ − ε rᵀ) with r = J ε, (n, n).
    """
    raise NotImplementedError


def _probes(rng):
    return [(rng.normal(size=(n, n)), rng.normal(size=(P, n))) for n, P in [(4, 6), (3, 5)]]


def _hebbian_minus_anti_hebbian(J, noise):
    answer = noise @ J.T                                                                # (P, n)
    return 2 * (answer.T @ noise - noise.T @ answer) / len(noise)


EXERCISES = {
    "13.1": Exercise(task=cauchy_sum, cases=_circles, right=_mean_over_the_circle, batch="betas", mistakes=[
        ("you multiplied with β_k; Cauchy's formula divides by it",
         lambda states, betas: (states * betas[:, None, None]).real.mean(axis=0)),
        ("you divided by |β_k|; it is the complex β_k, direction and all, that counts",
         lambda states, betas: (states / np.abs(betas)[:, None, None]).real.mean(axis=0)),
        ("you took the real part before you divided: the imaginary parts of a(β_k) count as well",
         lambda states, betas: (states.real / betas[:, None, None]).real.mean(axis=0)),
        ("you did not divide by β_k: this is the mean of the states, which is a(0)",
         lambda states, betas: states.real.mean(axis=0)),
        ("this is complex; take its real part",
         lambda states, betas: (states / betas[:, None, None]).mean(axis=0)),
        ("you conjugated the states",
         lambda states, betas: (states.conj() / betas[:, None, None]).real.mean(axis=0)),
    ]),
    "13.2": Exercise(task=local_pull_of_noise, cases=_probes, right=_hebbian_minus_anti_hebbian, batch="noise",
                     mistakes=[
        ("this is the Hebbian half only; the anti-Hebbian one, ε rᵀ, is to be subtracted",
         lambda J, noise: 2 * (noise @ J.T).T @ noise / len(noise)),
        ("the two halves are exchanged: r εᵀ is the one that ε rᵀ is subtracted from",
         lambda J, noise: -_hebbian_minus_anti_hebbian(J, noise)),
        ("you added the two halves; the second is subtracted",
         lambda J, noise: 2 * ((noise @ J.T).T @ noise + noise.T @ (noise @ J.T)) / len(noise)),
        ("your answer to the noise is Jᵀ ε: with probes in rows, r is noise @ J.T",
         lambda J, noise: _hebbian_minus_anti_hebbian(J.T, noise)),
        ("this is the exact gradient, 2 (J − Jᵀ), which reads Jᵀ; Eq. 7 is what noise tells about it",
         lambda J, noise: 2 * (J - J.T)),
    ]),
}
