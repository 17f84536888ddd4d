"""The checks of lesson 13 accept what is right and name what is wrong."""

import numpy as np

from tests.exercises.proof import prove
from tests.solutions import lesson_13 as solutions


def around(states, betas, *, by=lambda betas: 1 / betas, of=lambda states: states):
    return (of(states) * by(betas)[:, None, None]).real.sum(axis=0) / len(betas)


def test_13_1():
    prove("13.1", right=[solutions.cauchy_sum, solutions.cauchy_sum_by_the_package], kind="other",
          own={"sign": (lambda states, betas: -around(states, betas), "sign"),
               "no 1/N": (lambda states, betas: around(states, betas) * len(betas), "N times the right one"),
               "multiplied": (lambda states, betas: around(states, betas, by=lambda b: b), "divides by it"),
               "length of β": (lambda states, betas: around(states, betas, by=lambda b: 1 / abs(b)),
                               "direction and all"),
               "real part first": (lambda states, betas: around(states, betas, of=np.real), "imaginary parts"),
               "real by real": (lambda states, betas: around(states.real, betas.real), "divide first"),
               "not divided": (lambda states, betas: around(states, betas, by=np.ones_like), "which is a(0)"),
               "complex": (lambda states, betas: (states / betas[:, None, None]).mean(axis=0), "complex"),
               "conjugated": (lambda states, betas: around(states, betas, of=np.conj), "conjugated"),
               "first point alone": (lambda states, betas: (states[0] / betas[0]).real, "should be")},
          without={"float32": "the answer is made real"})


def pull(noise, answer, noise_below, answer_below, first=1.0, second=-1.0):
    return 2 * (first * answer.T @ noise_below + second * noise.T @ answer_below) / len(noise)


def test_13_2():
    prove("13.2", right=[solutions.local_pull_of_noise, solutions.local_pull_of_noise_at_once],
          kind="feedback update",
          own={"Hebbian alone": (lambda *arguments: pull(*arguments, second=0.0), "Hebbian half only"),
               "anti-Hebbian alone": (lambda *arguments: pull(*arguments, first=0.0), "anti-Hebbian half only"),
               "added": (lambda *arguments: pull(*arguments, second=1.0), "is subtracted"),
               "like with like": (lambda noise, answer, noise_below, answer_below: pull(
                   noise, answer, answer_below, noise_below), "noise with noise"),
               "factor two left out": (lambda *arguments: pull(*arguments) / 2, "0.5 times")},
          without={"W used": "no weights are given", "derivative left out": "no unit lies between"})
