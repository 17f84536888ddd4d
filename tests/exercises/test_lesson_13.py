"""The checks of lesson 13 accept what is right and name what is wrong."""

import numpy as np
import pytest

from tests.exercises.proof import prove
from tests.solutions import lesson_13 as solutions

EVERY, BUT_LAST, BUT_FIRST = slice(None), slice(None, -1), slice(1, None)


def around(states, betas, *, by=np.reciprocal, of=lambda states: states, part=np.real, points=EVERY, N=len):
    with np.errstate(all="ignore"):
        each = part(np.einsum("nbu,n->nbu", of(states), by(betas)))
        return each[points].sum(axis=0) / np.float64(N(betas))


def last_point_only(states, betas):
    total = np.zeros(states.shape[1:])
    for state, beta in zip(states, betas):
        total = (state / beta).real
    return total / len(betas)


def weakened(epsilon):
    return [lambda betas: 1 / (betas + epsilon), lambda betas: betas.conj() / (abs(betas)**2 + epsilon),
            lambda betas: betas.conj() / abs(betas) / (abs(betas) + epsilon)]


def test_13_1():
    def only(**which):
        return lambda *given: around(*given, **which)

    def one_less(betas):
        return len(betas) - 1

    prove("13.1", right=[solutions.cauchy_sum, solutions.cauchy_sum_by_the_package], kinds={
        "absolute value": [lambda *given: np.abs(around(*given)), only(part=np.abs)],
        "wrong N": [lambda states, betas: around(states, betas, N=lambda betas: states.shape[1]),
                    lambda states, betas: around(states, betas, N=lambda betas: states.shape[2])],
        "off by one": [only(N=one_less), only(N=lambda betas: len(betas) + 1),
                       lambda states, betas: around(states, np.append(betas[1:], betas[0]))],
        "overwritten in a loop": [last_point_only, lambda states, betas: last_point_only(states, betas) * len(betas),
                                  only(points=slice(-1, None), N=one_less)],
        "first left out": [only(points=BUT_FIRST), only(points=BUT_FIRST, N=one_less)],
        "last left out": [only(points=BUT_LAST), only(points=BUT_LAST, N=one_less)],
        "epsilon": [only(by=by) for epsilon in (1e-6, 1e-8, 1e-12) for by in weakened(epsilon)]},
        own={"multiplied": (only(by=lambda b: b), "divides by it"),
             "conjugate for inverse": (only(by=np.conj), "that is not 1/β_k"),
             "divided by the conjugate": (only(by=lambda b: 1 / b.conj()), "the conjugate of β_k or of s(β_k)"),
             "length of β": (only(by=lambda b: 1 / abs(b)), "direction and all"),
             "direction of β": (only(by=lambda b: abs(b) / b), "its length counts too"),
             "divided twice": (only(by=lambda b: b**-2), "by β_k twice"),
             "real part first": (only(of=np.real), "the imaginary parts of s(β_k) count"),
             "real by real": (lambda states, betas: around(states.real, betas.real), "divide first"),
             "not divided": (only(by=np.ones_like), "which is s(0)"),
             "not divided by anything": (only(by=np.ones_like, N=lambda betas: 1), "and not by N"),
             "complex": (lambda states, betas: (states / betas[:, None, None]).mean(axis=0), "complex"),
             "conjugated": (only(of=np.conj), "the conjugate of β_k or of s(β_k)"),
             "first point alone": (lambda states, betas: (states[0] / betas[0]).real, "what one point says"),
             "half way": (lambda states, betas: around(states, betas, points=slice(0, len(betas) // 2)), "half way"),
             "mean of half the way": (lambda states, betas: around(
                 states, betas, points=slice(0, len(betas) // 2), N=lambda betas: len(betas) // 2), "half way"),
             "mean over the samples": (lambda states, betas: (states / betas[:, None, None]).mean(axis=1).real,
                                       "the first axis"),
             "mean over all": (lambda states, betas: float(np.mean(states / betas[:, None, None]).real), "its own δ"),
             "imaginary part": (only(part=np.imag), "every entry is zero"),
             "two points alone": (lambda states, betas: (
                 states[0] - states[len(betas) // 2]).real / (2 * betas[0].real), "two opposite points"),
             "over the wrong axis": (lambda states, betas: (states / betas).real.mean(axis=0), "write the shape")},
        without={"float32": "the answer is made real"})


def pull(noise, answer, noise_below, answer_below, first=1.0, second=-1.0, probes=EVERY, P=None):
    halves = first * np.einsum("po,pi->oi", answer[probes], noise_below[probes]) + second * np.einsum(
        "po,pi->oi", noise[probes], answer_below[probes])
    return 2 * halves / (P or len(noise))


def last_probe_only(noise, answer, noise_below, answer_below):
    total = np.zeros((noise.shape[1], noise_below.shape[1]))
    for p in range(len(noise)):
        total = np.outer(answer[p], noise_below[p]) - np.outer(noise[p], answer_below[p])
    return 2 * total / len(noise)


@pytest.mark.slow
def test_13_2():
    def only(**which):
        return lambda *given: pull(*given, **which)

    prove("13.2", right=[solutions.local_pull_of_noise, solutions.local_pull_of_noise_at_once], kinds={
        "wrong N": [lambda *given: pull(*given, P=given[0].size), lambda *given: pull(*given, P=given[0].shape[1]),
                    lambda *given: pull(*given, P=given[2].shape[1])],
        "off by one": lambda *given: pull(*given) * np.float64(len(given[0])) / (len(given[0]) - 1),
        "overwritten in a loop": [last_probe_only, lambda *given: last_probe_only(*given) * len(given[0])],
        "first left out": only(probes=BUT_FIRST), "last left out": only(probes=BUT_LAST)},
        own={"Hebbian alone": (only(second=0.0), "Hebbian half only"),
             "anti-Hebbian alone": (only(first=0.0), "anti-Hebbian half only"),
             "added": (only(second=1.0), "is subtracted"),
             "like with like": (lambda noise, answer, noise_below, answer_below: pull(
                 noise, answer, answer_below, noise_below), "noise with noise"),
             "factor two left out": (lambda *given: pull(*given) / 2, "left out the factor 2"),
             "bracket missing": (lambda *given: pull(*given, first=float(len(given[0]))), "a bracket"),
             "bracket missing, other way": (lambda *given: pull(*given, second=-float(len(given[0]))), "a bracket"),
             "factor two at one half": (only(second=-0.5), "the second of yours has none"),
             "product of differences": (lambda noise, answer, noise_below, answer_below: 2 * (noise - answer).T @ (
                 answer_below - noise_below) / len(noise), "a difference of products"),
             "first probe alone": (only(probes=slice(1), P=1), "what one probe says"),
             "within the layer": (lambda noise, answer, *below: pull(noise, answer, noise, answer), "from below"),
             "no mean": (only(P=1), "N is the number of probes"),
             "means first": (lambda *given: pull(*(array.mean(axis=0)[None] for array in given)), "took the means")})
