"""The checks of lesson 9 accept what is right and name what is wrong."""

import numpy as np
import pytest

from tests.exercises.proof import prove
from tests.solutions import lesson_09 as solutions


def jittered(loss, weight, noise, sigma, *, by=None, before=None, credit=None, below=None):
    rose = loss(weight + (sigma if by is None else by) * noise) - (loss(weight) if before is None else before)
    return rose / (sigma if below is None else below) * (noise if credit is None else credit)


def rise(loss, weight, noise, sigma):
    return loss(weight + noise * sigma) - loss(weight)


def left_jittered(loss, weight, noise, sigma):
    before = loss(weight)
    weight += sigma * noise
    return (loss(weight) - before) / sigma * noise


def one_by_one(loss, weight, noise, sigma):
    estimate = np.zeros(noise.shape)
    for place in np.ndindex(*noise.shape):
        moved = weight.copy()
        moved[place] += sigma * noise[place]
        estimate[place] = (loss(moved) - loss(weight)) * noise[place] / sigma
    return estimate


def test_9_1():
    def central(apart):
        return lambda loss, weight, noise, sigma: (loss(weight + sigma * noise) - loss(weight - sigma * noise)) / (
            apart * sigma) * noise

    prove("9.1", right=[solutions.weight_perturbation, solutions.weight_perturbation_in_place], kinds={
        "sign": [lambda *given: -jittered(*given), lambda *given: jittered(*given, by=-given[-1]),
                 lambda *given: -jittered(*given, by=-given[-1]),
                 lambda *given: jittered(*given, before=-given[0](given[1]))],
        "absolute value": [lambda *given: np.abs(jittered(*given)),
                           lambda *given: abs(rise(*given)) * given[2] / given[-1]],
        "cut off": [lambda *given: np.maximum(jittered(*given), 0.0), lambda *given: np.clip(jittered(*given), -1, 1),
                    lambda *given: max(rise(*given), 0.0) * given[2] / given[-1]],
        "mean twice": [lambda *given: jittered(*given) / given[1].size,
                       lambda *given: jittered(*given) / len(given[1])],
        "epsilon": [lambda *given, epsilon=epsilon: jittered(*given, below=given[-1] + epsilon)
                    for epsilon in (1e-6, 1e-8, 1e-12)]},
        own={"sigma twice": (lambda *given: jittered(*given) / given[-1], "divided by σ twice"),
             "no sigma below": (lambda *given: jittered(*given, below=1.0), "did not divide by σ"),
             "no sigma above": (lambda *given: jittered(*given, by=1.0), "jittered by ξ itself"),
             "no sigma at all": (lambda *given: jittered(*given, by=1.0, below=1.0), "whatever comes for sigma"),
             "times sigma": (lambda *given: rise(*given) * given[-1] * given[2], "multiplied by σ"),
             "no baseline": (lambda *given: jittered(*given, before=0.0), "did not subtract"),
             "both ways": (central(2), "jittered both ways"), "both ways, not halved": (central(1), "both ways"),
             "times the weights": (lambda loss, weight, noise, sigma: (
                 loss(weight * (1 + sigma * noise)) - loss(weight)) * noise / sigma, "not multiplied with them"),
             "noise alone": (lambda loss, weight, noise, sigma: (loss(sigma * noise) - loss(weight)) * noise / sigma,
                             "in their place"),
             "divided by the noise": (lambda *given: jittered(*given, credit=1 / given[2]), "divided by the noise"),
             "no credit": (lambda *given: jittered(*given, credit=np.ones(given[2].shape)), "its own ξ"),
             "one number": (lambda *given: jittered(*given, credit=1.0), "its own ξ"),
             "credit by sign": (lambda *given: jittered(*given, credit=np.sign(given[2])), "times its sign"),
             "noise of length one": (lambda *given: jittered(*given) / np.linalg.norm(given[2]), "length of the noise"),
             "noise of a square of one": (lambda *given: jittered(*given) / (given[2]**2).sum(), "length of the noise"),
             "a number below": (lambda *given: jittered(*given, below=0.1), "in one place you have a number"),
             "a number above": (lambda *given: jittered(*given, by=0.1), "in one place you have a number"),
             "sign of the change": (lambda *given: np.sign(rise(*given)) * given[2], "its sign alone"),
             "a step": (lambda *given: given[1] - jittered(*given), "W after a step"),
             "one by one": (one_by_one, "jittered alone"),
             "left jittered": (left_jittered, "write weight = weight + …")})


def credited(x, noise, losses, jittered_losses, sigma, *, change=None, samples=slice(None), N=None):
    rose = jittered_losses - losses if change is None else change(losses, jittered_losses)
    return np.einsum("n,no,ni->oi", (rose * np.ones(len(x)))[samples], noise[samples], x[samples]) / (
        sigma * (N or len(x)))


def means_first(x, noise, losses, jittered_losses, sigma):
    return np.outer(((jittered_losses - losses)[:, None] * noise).mean(axis=0), x.mean(axis=0)) / sigma


def last_sample_only(x, noise, losses, jittered_losses, sigma):
    dW = np.zeros((noise.shape[1], x.shape[1]))
    for n in range(len(x)):
        dW = np.outer(noise[n], x[n]) * (jittered_losses[n] - losses[n])
    return dW / (sigma * len(x))


@pytest.mark.slow
def test_9_2():
    def changed(change):
        return lambda *given: credited(*given, change=change)

    def of_samples(samples):
        return lambda *given: credited(*given, samples=samples)

    prove("9.2", right=[solutions.node_perturbation, solutions.node_perturbation_by_samples], kinds={
        "sign": [lambda *given: -credited(*given), changed(lambda was, now: was + now)],
        "absolute value": [lambda *given: np.abs(credited(*given)), changed(lambda was, now: abs(now - was))],
        "cut off": [lambda *given: np.maximum(credited(*given), 0.0),
                    changed(lambda was, now: np.clip(now - was, 0, None))],
        "wrong N": [lambda *given: credited(*given, N=given[1].size),
                    lambda *given: credited(*given, N=given[0].shape[1]),
                    lambda *given: credited(*given, N=given[1].shape[1])],
        "off by one": lambda *given: credited(*given) * np.float64(len(given[0])) / (len(given[0]) - 1),
        "overwritten in a loop": [last_sample_only, lambda *given: last_sample_only(*given) * len(given[0])],
        "first left out": of_samples(slice(1, None)), "last left out": of_samples(slice(None, -1)),
        "epsilon": [lambda *given, epsilon=epsilon: credited(*given[:-1], given[-1] + epsilon)
                    for epsilon in (1e-7, 1e-8, 1e-12)]},
        own={"mean loss for all": (changed(lambda was, now: now.mean() - was.mean()), "each has a change of its own"),
             "summed loss for all": (changed(lambda was, now: sum(now - was)), "each has a change of its own"),
             "no sigma": (lambda *given: credited(*given[:-1], 1.0), "did not divide by σ"),
             "sigma twice": (lambda *given: credited(*given[:-1], given[-1]**2), "divided by σ twice"),
             "times sigma": (lambda *given: credited(*given[:-1], 1 / given[-1]), "multiplied by σ"),
             "no baseline": (changed(lambda was, now: now), "did not subtract"),
             "without the input": (lambda x, *rest: credited(np.ones(x.shape), *rest), "eᵀ x"),
             "without the noise": (lambda x, noise, *rest: credited(x, 0 * noise + 1, *rest), "left out the noise"),
             "mean of the losses taken off": (changed(lambda was, now: now - was.mean()), "is the mean of the batch"),
             "credit by sign": (lambda x, noise, *rest: credited(x, np.sign(noise), *rest), "times its sign"),
             "signs of the changes": (changed(lambda was, now: np.sign(now - was)), "its sign alone"),
             "signs alone": (lambda *given: credited(*given[:-1], 1.0, change=lambda was, now: np.sign(now - was)),
                             "its sign alone"),
             "means first": (means_first, "took the means"),
             "sums first": (lambda *given: means_first(*given) * len(given[0]), "took the means"),
             "divided by the noise": (lambda x, noise, *rest: credited(x, 1 / noise, *rest), "divided by the noise"),
             "over the wrong axis": (lambda x, noise, losses, jittered_losses, sigma: (
                 (jittered_losses - losses) * noise).T @ x / (sigma * len(x)), "write the shape")})
