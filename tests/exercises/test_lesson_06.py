"""The checks of lesson 6 accept what is right and name what is wrong."""

import numpy as np

from tests.exercises.proof import prove
from tests.solutions import lesson_06 as solutions


def stepped(weight, B, error, x, lr, decay, *, of=1.0, B_of=1.0, shrink=1.0, B_shrink=1.0):
    gradient = of * (error.T @ x)
    return ((1 - shrink * lr * decay) * weight - lr * gradient, (1 - B_shrink * lr * decay) * B - lr * B_of * gradient)


def test_6_1():
    right = solutions.kolen_pollack_step
    prove("6.1", right=[right, solutions.kolen_pollack_step_by_the_package], kind="feedback update",
          wrong={"W used": (lambda *arguments: (right(*arguments)[0], right(*arguments)[0].copy()), "weight transport"),
                 "no 1/N": (lambda weight, B, error, *rest: stepped(weight, B, error, *rest, of=len(error)),
                            "N times the right one"),
                 "twice 1/N": (lambda weight, B, error, *rest: stepped(weight, B, error, *rest, of=1 / len(error)),
                               "1/N of the right one"),
                 "sign": (lambda *arguments: stepped(*arguments, of=-1), "both climb")},
          own={"B stands still": (lambda weight, B, *rest: (right(weight, B, *rest)[0], B + 0), "no step at all"),
               "B without decay": (lambda *arguments: stepped(*arguments, B_shrink=0), "B has no decay"),
               "no decay": (lambda *arguments: stepped(*arguments, shrink=0, B_shrink=0), "keeps its length"),
               "decay of the other": (lambda weight, B, error, x, lr, decay: (
                   right(weight, B, error, x, lr, decay)[0], B - lr * (error.T @ x) - lr * decay * weight),
                   "its own weight"),
               "decay beside the rate": (lambda weight, B, error, x, lr, decay: (
                   (1 - decay) * weight - lr * error.T @ x, (1 - decay) * B - lr * error.T @ x), "multiplies both"),
               "B climbs": (lambda *arguments: stepped(*arguments, B_of=-1), "B climbs"),
               "in place": (in_place, "changes its argument weight"),
               "gradients turned round": (lambda weight, B, error, x, lr, decay: (
                   weight - lr * (x.T @ error), B - lr * (x.T @ error)), "write the shape")},
          without={"derivative left out": "no unit lies between"})


def in_place(weight, B, error, x, lr, decay):
    weight -= lr * (error.T @ x + decay * weight)
    return weight, B - lr * (error.T @ x + decay * B)


def mirrored(B, weight, noise, rate, sigma, *, shrink=None, by=1.0, answer=lambda zeta: zeta):
    shrink = rate * sigma**2 if shrink is None else shrink
    return B - shrink * B + by * rate * np.einsum("no,ni->oi", answer(noise @ weight.T), noise) / len(noise)


def test_6_2():
    prove("6.2", right=[solutions.mirror_step, solutions.mirror_step_sample_by_sample], kind="feedback update",
          wrong={"W used": (lambda B, weight, noise, rate, sigma: B + rate * sigma**2 * (weight - B), "W itself"),
                 "no 1/N": (lambda B, weight, noise, *rest: mirrored(B, weight, noise, *rest, by=len(noise)),
                            "N times too large"),
                 "twice 1/N": (lambda B, weight, noise, *rest: mirrored(B, weight, noise, *rest, by=1 / len(noise)),
                               "divided by N twice"),
                 "sign": (lambda *arguments: mirrored(*arguments, by=-1.0), "away from W")},
          own={"no decay": (lambda *arguments: mirrored(*arguments, shrink=0.0), "left out the decay"),
               "decay without sigma": (lambda B, weight, noise, rate, sigma: mirrored(
                   B, weight, noise, rate, sigma, shrink=rate), "not η_m:"),
               "decay by sigma": (lambda B, weight, noise, rate, sigma: mirrored(
                   B, weight, noise, rate, sigma, shrink=rate * sigma), "not η_m σ"),
               "divided by the variance": (lambda B, weight, noise, rate, sigma: mirrored(
                   B, weight, noise, rate, sigma, by=sigma**-2), "as well"),
               "noise made larger": (lambda B, weight, noise, rate, sigma: mirrored(
                   B, weight, sigma * noise, rate, sigma), "of deviation σ already"),
               "ReLU on the answer": (lambda *arguments: mirrored(
                   *arguments, answer=lambda zeta: np.maximum(zeta, 0)), "without ReLU")},
          without={"derivative left out": "no unit lies between"})
