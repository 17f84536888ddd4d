"""The checks of lesson 6 accept what is right and name what is wrong."""

import numpy as np
import pytest

from tests.exercises.proof import prove
from tests.solutions import lesson_06 as solutions


def stepped(weight, B, error, x, lr, decay, *, of=1.0, B_of=1.0, shrink=1.0, B_shrink=1.0):
    gradient = of * (error.T @ x)
    return ((1 - shrink * lr * decay) * weight - lr * gradient, (1 - B_shrink * lr * decay) * B - lr * B_of * gradient)


def with_samples(which):
    return lambda weight, B, error, x, *rest: stepped(weight, B, error[which], x[which], *rest)


def last_sample_only(weight, B, error, x, lr, decay):
    gradient = np.zeros(weight.shape)
    for n in range(len(x)):
        gradient[...] = np.outer(error[n], x[n])
    return weight - lr * (gradient + decay * weight), B - lr * (gradient + decay * B)


def test_6_1():
    right = solutions.kolen_pollack_step
    prove("6.1", right=[right, solutions.kolen_pollack_step_by_the_package], kinds={
        "no mean": lambda weight, B, error, *rest: stepped(weight, B, error, *rest, of=len(error)),
        "mean twice": lambda weight, B, error, *rest: stepped(weight, B, error, *rest, of=1 / len(error)),
        "sign": [lambda *given: stepped(*given, of=-1), lambda *given: stepped(*given, B_of=-1)],
        "decay's sign": [lambda *given: stepped(*given, shrink=-1, B_shrink=-1),
                         lambda *given: stepped(*given, shrink=-1), lambda *given: stepped(*given, B_shrink=-1)],
        "overwritten in a loop": last_sample_only,
        "first left out": with_samples(slice(1, None)), "last left out": with_samples(slice(None, -1))},
        own={"W copied": (lambda *given: (right(*given)[0], right(*given)[0].copy()), "weight transport"),
             "exchanged": (lambda *given: right(*given)[::-1], "exchanged"),
             "W stands still": (lambda weight, *rest: (weight + 0, right(weight, *rest)[1]), "W takes no step"),
             "no rate at the gradient": (lambda weight, B, error, x, lr, decay: stepped(
                 weight, B, error, x, lr, decay, of=1 / lr), "multiplies the gradient too"),
             "no rate": (lambda weight, B, error, x, lr, decay: stepped(
                 weight, B, error, x, lr, decay, of=1 / lr, shrink=1 / lr, B_shrink=1 / lr), "no learning rate"),
             "decay alone": (lambda weight, B, error, x, lr, decay: tuple(
                 part - lr * (error.T @ x) - lr * decay for part in (weight, B)), "not λ alone"),
             "B stands still": (lambda weight, B, *rest: (right(weight, B, *rest)[0], B + 0), "no step at all"),
             "B without decay": (lambda *given: stepped(*given, B_shrink=0), "B has no decay"),
             "no decay": (lambda *given: stepped(*given, shrink=0, B_shrink=0), "keeps its length"),
             "decay of the other": (lambda weight, B, error, x, lr, decay: (
                 right(weight, B, error, x, lr, decay)[0], B - lr * (error.T @ x) - lr * decay * weight),
                 "its own weight"),
             "decay beside the rate": (lambda weight, B, error, x, lr, decay: (
                 (1 - decay) * weight - lr * error.T @ x, (1 - decay) * B - lr * error.T @ x), "multiplies both"),
             "decay after the step": (lambda weight, B, error, x, lr, decay: tuple(
                 part - lr * decay * part for part in (weight - lr * error.T @ x, B - lr * error.T @ x)),
                 "before the step"),
             "in place": (in_place, "changes its argument weight: write weight = weight - …, not weight -= …"),
             "in place by name": (in_place_by_name, "changes its argument weight: work on a copy"),
             "gradients turned round": (lambda weight, B, error, x, lr, decay: (
                 weight - lr * (x.T @ error), B - lr * (x.T @ error)), "write the shape")})


def in_place(weight, B, error, x, lr, decay):
    weight -= lr * (error.T @ x + decay * weight)
    return weight, B - lr * (error.T @ x + decay * B)


def in_place_by_name(weight, B, error, x, lr, decay):
    np.subtract(weight, lr * (error.T @ x + decay * weight), out=weight)
    return weight, B - lr * (error.T @ x + decay * B)


def mirrored(B, weight, noise, rate, sigma, *, shrink=None, by=1.0, answer=lambda zeta: zeta, samples=slice(None)):
    shrink = rate * sigma**2 if shrink is None else shrink
    products = np.einsum("no,ni->oi", answer(noise @ weight.T)[samples], noise[samples])
    return B - shrink * B + by * rate * products / len(noise)


def by(factor):
    """The correlation times factor(N, out, inputs)."""
    return lambda B, weight, noise, *rest: mirrored(B, weight, noise, *rest, by=factor(len(noise), *weight.shape))


def last_noise_only(B, weight, noise, rate, sigma):
    for sample in noise:
        correlation = np.outer(weight @ sample, sample) / len(noise)
    return (1 - rate * sigma**2) * B + rate * correlation


@pytest.mark.slow
def test_6_2():
    prove("6.2", right=[solutions.mirror_step, solutions.mirror_step_sample_by_sample], kinds={
        "no mean": by(lambda N, out, inputs: N), "mean twice": by(lambda N, out, inputs: 1 / N),
        "wrong N": [by(lambda N, out, inputs: N / inputs), by(lambda N, out, inputs: N / out),
                    by(lambda N, out, inputs: 1 / inputs), by(lambda N, out, inputs: np.divide(N, N - 1))],
        "sign": by(lambda N, out, inputs: -1),
        "decay's sign": lambda B, weight, noise, rate, sigma: mirrored(
            B, weight, noise, rate, sigma, shrink=-rate * sigma**2),
        "overwritten in a loop": last_noise_only,
        "first left out": lambda *given: mirrored(*given, samples=slice(1, None)),
        "last left out": lambda *given: mirrored(*given, samples=slice(None, -1))},
        own={"W used": (lambda B, weight, noise, rate, sigma: B + rate * sigma**2 * (weight - B), "W itself"),
             "no decay": (lambda *given: mirrored(*given, shrink=0.0), "left out the decay"),
             "B not kept": (lambda B, weight, noise, rate, sigma: mirrored(
                 B, weight, noise, rate, sigma, shrink=1 + rate * sigma**2), "the step is added to B"),
             "decay without sigma": (lambda B, weight, noise, rate, sigma: mirrored(
                 B, weight, noise, rate, sigma, shrink=rate), "not η_m:"),
             "decay by the variance": (lambda B, weight, noise, rate, sigma: mirrored(
                 B, weight, noise, rate, sigma, shrink=sigma**2), "not σ²"),
             "decay by sigma": (lambda B, weight, noise, rate, sigma: mirrored(
                 B, weight, noise, rate, sigma, shrink=rate * sigma), "not η_m σ"),
             "divided by the variance": (lambda B, weight, noise, rate, sigma: mirrored(
                 B, weight, noise, rate, sigma, by=sigma**-2), "as well"),
             "noise made larger": (lambda B, weight, noise, rate, sigma: mirrored(
                 B, weight, sigma * noise, rate, sigma), "of deviation σ already"),
             "no rate": (lambda B, weight, noise, rate, sigma: mirrored(
                 B, weight, noise, rate, sigma, by=1 / rate), "multiplies the correlation"),
             "through B": (lambda B, weight, *rest: mirrored(B, B, *rest), "not through B"),
             "decay of W": (lambda B, weight, noise, rate, sigma: mirrored(
                 B, weight, noise, rate, sigma, shrink=0.0) - rate * sigma**2 * weight, "what decays is B"),
             "ReLU on the answer": (lambda *given: mirrored(
                 *given, answer=lambda zeta: np.maximum(zeta, 0)), "without ReLU")})
