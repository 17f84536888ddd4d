"""Lesson 13, without symmetry."""

import numpy as np

from feedbackalign.rules.holomorphic import nudging


def cauchy_sum(states, betas):
    return np.real(np.tensordot(1 / betas, states, axes=1)) / len(betas)


def cauchy_sum_by_the_package(states, betas):
    at = {complex(beta): ([state], 0.0) for beta, state in zip(betas, states)}
    circle = [(complex(beta), 1) for beta in betas]
    return nudging.cauchy_sum(at.get, [np.zeros(states.shape[1:])], circle).deltas[0]


def local_pull_of_noise(noise, answer, noise_below, answer_below):
    total = 0.0
    for n in range(len(noise)):
        total = total + np.outer(answer[n], noise_below[n]) - np.outer(noise[n], answer_below[n])
    return 2 * total / len(noise)


def local_pull_of_noise_at_once(noise, answer, noise_below, answer_below):
    hebbian = np.einsum("po,pi->oi", answer, noise_below)
    return 2 / len(noise) * (hebbian - np.einsum("po,pi->oi", noise, answer_below))
