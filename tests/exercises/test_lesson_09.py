"""The checks of lesson 9 accept what is right and name what is wrong."""

import numpy as np

from tests.exercises.proof import prove
from tests.solutions import lesson_09 as solutions


def jittered(loss, weight, noise, sigma, *, by=None, before=None, credit=None):
    rose = loss(weight + (sigma if by is None else by) * noise) - (loss(weight) if before is None else before)
    return rose / sigma * (noise if credit is None else credit)


def left_jittered(loss, weight, noise, sigma):
    before = loss(weight)
    weight += sigma * noise
    return (loss(weight) - before) / sigma * noise


def test_9_1():
    prove("9.1", right=[solutions.weight_perturbation, solutions.weight_perturbation_in_place], kind="other",
          own={"sign": (lambda *arguments: -jittered(*arguments), "sign"),
               "sigma twice": (lambda loss, weight, noise, sigma: jittered(loss, weight, noise, sigma) / sigma,
                               "divided by σ twice"),
               "no sigma below": (lambda loss, weight, noise, sigma: jittered(loss, weight, noise, sigma) * sigma,
                                  "did not divide by σ"),
               "no sigma above": (lambda *arguments: jittered(*arguments, by=1.0), "jittered by ξ itself"),
               "no baseline": (lambda *arguments: jittered(*arguments, before=0.0), "did not subtract"),
               "both ways": (lambda loss, weight, noise, sigma: (jittered(loss, weight, noise, sigma)
                                                                 + jittered(loss, weight, noise, -sigma)) / 2,
                             "jittered both ways"),
               "divided by the noise": (lambda loss, weight, noise, sigma: jittered(
                   loss, weight, noise, sigma, credit=1 / noise), "divided by the noise"),
               "no credit": (lambda loss, weight, noise, sigma: jittered(
                   loss, weight, noise, sigma, credit=np.ones_like(noise)), "its own ξ"),
               "transposed": (lambda *arguments: jittered(*arguments).T, "shape"),
               "left jittered": (left_jittered, "changes its argument weight")})


def credited(x, noise, losses, jittered_losses, sigma):
    return ((jittered_losses - losses)[:, None] * noise).T @ x / (sigma * len(x))


def test_9_2():
    def joint(x, noise, losses, jittered_losses, sigma):
        return (jittered_losses.mean() - losses.mean()) * noise.T @ x / (sigma * len(x))

    prove("9.2", right=[solutions.node_perturbation, solutions.node_perturbation_by_samples], kind="feedback update",
          own={"one loss for all": (joint, "each has a change of its own"),
               "no sigma": (lambda x, noise, losses, jittered_losses, sigma: sigma * credited(
                   x, noise, losses, jittered_losses, sigma), "divide by σ"),
               "no baseline": (lambda x, noise, losses, jittered_losses, sigma: credited(
                   x, noise, 0 * losses, jittered_losses, sigma), "did not subtract"),
               "without the input": (lambda x, noise, losses, jittered_losses, sigma: credited(
                   np.ones_like(x), noise, losses, jittered_losses, sigma), "eᵀ x")},
          without={"W used": "no weights are given", "derivative left out": "no unit lies between"})
