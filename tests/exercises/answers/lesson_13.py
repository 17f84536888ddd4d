"""Answers to the exercises of lesson 13, written from its text alone."""

import numpy as np


def cauchy_sum(states, betas):
    return (states / betas[:, None, None]).mean(axis=0).real


def cauchy_sum_by_loops(states, betas):
    total = np.zeros(states.shape[1:], dtype=complex)
    for state, beta in zip(states, betas):
        total += state / beta
    return total.real / len(betas)


def cauchy_sum_by_parts(states, betas):
    weights = betas.conj() / np.abs(betas)**2                   # 1/β
    real = np.tensordot(weights.real, states.real, 1) - np.tensordot(weights.imag, states.imag, 1)
    return real / np.float64(betas.size)


def cauchy_sum_assigned(states, betas):
    for state, beta in zip(states, betas):
        total = state / beta
    return total.real / len(betas)


def cauchy_sum_of_real_parts(states, betas):
    return (states.real / betas.real[:, None, None]).mean(axis=0)


def central_pair(states, betas):
    half = len(betas) // 2
    return ((states[0] - states[half]) / (betas[0] - betas[half])).real


def cauchy_sum_in_place(states, betas):
    states /= betas[:, None, None]
    return states.mean(axis=0).real


def local_pull_of_noise(noise, answer, noise_below, answer_below):
    return 2 * (answer.T @ noise_below - noise.T @ answer_below) / len(noise)


def local_pull_by_loops(noise, answer, noise_below, answer_below):
    pull = np.zeros((noise.shape[1], noise_below.shape[1]))
    for p in range(len(noise)):
        pull += np.outer(answer[p], noise_below[p]) - np.outer(noise[p], answer_below[p])
    return pull * 2 / len(noise)


def local_pull_of_all_units(noise, answer, noise_below, answer_below):
    epsilon, r = np.hstack([noise_below, noise]), np.hstack([answer_below, answer])
    whole = np.float64(2) * np.mean(r[:, :, None] * epsilon[:, None, :] - epsilon[:, :, None] * r[:, None, :], axis=0)
    below = noise_below.shape[1]
    return whole[below:, :below].copy()


def local_pull_assigned(noise, answer, noise_below, answer_below):
    for p in range(len(noise)):
        pull = np.outer(answer[p], noise_below[p]) - np.outer(noise[p], answer_below[p])
    return 2 * pull / len(noise)


ANSWERS = [
    ("13.1", "right", "", cauchy_sum),
    ("13.1", "right", "", cauchy_sum_by_loops),
    ("13.1", "right", "", cauchy_sum_by_parts),
    ("13.1", "wrong", "assigned for added", cauchy_sum_assigned),
    ("13.1", "wrong", "broadcast over the wrong axis", lambda states, betas: (states / betas).mean(axis=0).real),
    ("13.1", "wrong", "operations in another order", cauchy_sum_of_real_parts),
    ("13.1", "wrong", "too few values", central_pair),
    ("13.1", "wrong", "argument changed", cauchy_sum_in_place),
    ("13.1", "wrong", "real part forgotten", lambda states, betas: (states / betas[:, None, None]).mean(axis=0)),
    ("13.1", "wrong", "abs where a sign belongs", lambda states, betas:
        np.abs((states / betas[:, None, None]).mean(axis=0))),
    ("13.1", "wrong", "conjugate", lambda states, betas: (states / betas.conj()[:, None, None]).mean(axis=0).real),
    ("13.1", "wrong", "another operation", lambda states, betas:
        (states * betas[:, None, None]).mean(axis=0).real),
    ("13.1", "wrong", "size or sign alone", lambda states, betas:
        (states / np.abs(betas)[:, None, None]).mean(axis=0).real),
    ("13.1", "wrong", "1/N missing", lambda states, betas: (states / betas[:, None, None]).sum(axis=0).real),
    ("13.1", "wrong", "1/N of the wrong N", lambda states, betas:
        (states / betas[:, None, None]).sum(axis=0).real / states.shape[1]),
    ("13.1", "wrong", "first term left out", lambda states, betas:
        (states[1:] / betas[1:, None, None]).mean(axis=0).real),
    ("13.1", "wrong", "last term left out", lambda states, betas:
        (states[:-1] / betas[:-1, None, None]).sum(axis=0).real / len(betas)),
    ("13.1", "wrong", "constant of the example", lambda states, betas:
        (states / (betas / np.abs(betas))[:, None, None]).mean(axis=0).real / 0.5),
    ("13.1", "wrong", "sign", lambda states, betas: -cauchy_sum(states, betas)),
    ("13.1", "wrong", "squeezed", lambda states, betas: cauchy_sum(states, betas).squeeze()),
    ("13.2", "right", "", local_pull_of_noise),
    ("13.2", "right", "", local_pull_by_loops),
    ("13.2", "right", "", local_pull_of_all_units),
    ("13.2", "wrong", "assigned for added", local_pull_assigned),
    ("13.2", "wrong", "factor left out", lambda noise, answer, noise_below, answer_below:
        local_pull_of_noise(noise, answer, noise_below, answer_below) / 2),
    ("13.2", "wrong", "sign", lambda noise, answer, noise_below, answer_below:
        -local_pull_of_noise(noise, answer, noise_below, answer_below)),
    ("13.2", "wrong", "sign of one term", lambda noise, answer, noise_below, answer_below:
        local_pull_of_noise(-noise, answer, noise_below, answer_below)),
    ("13.2", "wrong", "term left out", lambda noise, answer, noise_below, answer_below:
        2 * answer.T @ noise_below / len(noise)),
    ("13.2", "wrong", "term left out", lambda noise, answer, noise_below, answer_below:
        -2 * noise.T @ answer_below / len(noise)),
    ("13.2", "wrong", "roles swapped", lambda noise, answer, noise_below, answer_below:
        2 * (answer.T @ answer_below - noise.T @ noise_below) / len(noise)),
    ("13.2", "wrong", "1/N missing", lambda noise, answer, noise_below, answer_below:
        len(noise) * local_pull_of_noise(noise, answer, noise_below, answer_below)),
    ("13.2", "wrong", "1/N of the wrong N", lambda noise, answer, noise_below, answer_below:
        len(noise) * local_pull_of_noise(noise, answer, noise_below, answer_below) / noise.size),
    ("13.2", "wrong", "constant of the example", lambda noise, answer, noise_below, answer_below:
        (answer.T @ noise_below - noise.T @ answer_below) / 3),
    ("13.2", "wrong", "transposed", lambda noise, answer, noise_below, answer_below:
        local_pull_of_noise(noise, answer, noise_below, answer_below).T),
    ("13.2", "wrong", "squeezed", lambda noise, answer, noise_below, answer_below:
        local_pull_of_noise(noise, answer, noise_below, answer_below).squeeze()),
]
