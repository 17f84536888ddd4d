"""The checks of lesson 7 accept what is right and name what is wrong."""

import numpy as np
import pytest

from tests.exercises.proof import prove
from tests.solutions import lesson_07 as solutions

right = solutions.product_feedback


def way_down(through):
    return lambda x, error, weight, B, R: (through(error, weight, B, R), *right(x, error, weight, B, R)[1:])


def R_gradient(of):
    return lambda x, error, weight, B, R: (*right(x, error, weight, B, R)[:2], of(x, error, weight, B, R))


def of_samples(which, R_alone=False):
    def wrong(x, error, weight, B, R):
        down, gradient, _ = right(x, error, weight, B, R)
        return down, gradient if R_alone else error[which].T @ x[which], B.T @ error[which].T @ x[which]
    return wrong


def scaled(of, R_alone=False):
    def wrong(x, *rest):
        down, gradient, R_gradient = right(x, *rest)
        return down, gradient if R_alone else of(len(x)) * gradient, of(len(x)) * R_gradient
    return wrong


def last_sample_only(x, error, weight, B, R):
    dW, dR = np.zeros(weight.shape), np.zeros(R.shape)
    for n in range(len(x)):
        dW[...], dR[...] = np.outer(error[n], x[n]), np.outer(error[n] @ B, x[n])
    return error @ B @ R, dW, dR


def test_7_1():
    prove("7.1", right=[right, solutions.product_feedback_by_the_package], kinds={
        "no mean": [scaled(float), scaled(float, R_alone=True)],
        "mean twice": [scaled(lambda N: 1 / N), scaled(lambda N: 1 / N, R_alone=True)],
        "sign": R_gradient(lambda x, error, weight, B, R: -B.T @ error.T @ x),
        "overwritten in a loop": [last_sample_only, of_samples(slice(-1, None), R_alone=True)],
        "first left out": of_samples(slice(1, None)), "last left out": of_samples(slice(None, -1))},
        own={"W used": (way_down(lambda error, weight, B, R: error @ weight), "through W;"),
             "the end of the path": (way_down(lambda error, weight, B, R: error @ B @ B.T @ weight), "as it is"),
             "R reads W": (R_gradient(lambda x, error, weight, B, R: B.T @ weight), "R never sees W"),
             "R's weights too": (R_gradient(lambda x, error, weight, B, R: R * ((error @ B).T @ x)), "m = e B alone"),
             "everything's sign": (lambda *given: tuple(-part for part in right(*given)), "wrong everywhere"),
             "two of three": (lambda *given: right(*given)[:2], "3 things, e_in"),
             "another order": (lambda *given: right(*given)[::-1], "the order is e_in"),
             "R before B": (way_down(lambda error, weight, B, R: error @ R @ B), "write the shape")})


def recursion(lrs, decays, momentum, *, start=(1.0, 0.0), fresh=1.0, decay_of=lambda c: c, climb=False):
    (c, v), echo = start, []
    for eta, decay in zip(lrs, decays):
        v = momentum * v + fresh * decay * decay_of(c)
        c = c + eta * v if climb else c - eta * v
        echo.append(c)
    return np.array(echo)


def rate_inside(lrs, decays, momentum):
    c, v, echo = 1.0, 0.0, []
    for eta, decay in zip(lrs, decays):
        v = momentum * v - eta * decay * c
        c += v
        echo.append(c)
    return np.array(echo)


def velocity_too_late(lrs, decays, momentum):
    c, v, echo = 1.0, 0.0, []
    for eta, decay in zip(lrs, decays):
        before, c = c, c - eta * v
        v = momentum * v + decay * before
        echo.append(c)
    return np.array(echo)


def of_the_step_before(rates):
    return rates[np.maximum(np.arange(len(rates)) - 1, 0)]


def nesterov(lrs, decays, momentum):
    c, v, echo = 1.0, 0.0, []
    for eta, decay in zip(lrs, decays):
        fresh = decay * c
        v = momentum * v + fresh
        c -= eta * (momentum * v + fresh)
        echo.append(c)
    return np.array(echo)


@pytest.mark.slow
def test_7_2():
    prove("7.2", right=[solutions.echo_of_the_start, solutions.echo_by_matrices], kinds={
        "off by one": [lambda *given: np.array([1, *recursion(*given)[:-1]]),
                       lambda lrs, *rest: recursion(of_the_step_before(lrs), *rest),
                       lambda lrs, decays, momentum: recursion(lrs, of_the_step_before(decays), momentum)],
        "first left out": lambda *given: recursion(*given)[1:], "last left out": lambda *given: recursion(*given)[:-1],
        "decay's sign": lambda *given: recursion(*given, climb=True)},
        own={"no momentum": (lambda lrs, decays, momentum: recursion(lrs, decays, 0.0), "left out the momentum"),
             "the start too": (lambda *given: np.array([1, *recursion(*given)]), "no part of the answer"),
             "exchanged": (lambda lrs, decays, momentum: recursion(decays, lrs, momentum), "are exchanged"),
             "Nesterov": (nesterov, "Nesterov"),
             "rate inside": (rate_inside, "outside the velocity"),
             "dampened": (lambda lrs, decays, momentum: recursion(
                 lrs, decays, momentum, fresh=1 - momentum), "by 1 − μ"),
             "velocity too late": (velocity_too_late, "step before"),
             "decay of a constant": (lambda *given: recursion(*given, decay_of=lambda c: 1.0), "not λ c"),
             "no schedule": (lambda lrs, decays, momentum: recursion(
                 [lrs[0]] * len(lrs), [decays[0]] * len(lrs), momentum), "from step to step"),
             "continuous time": (lambda lrs, decays, momentum: np.exp(
                 -np.cumsum(lrs * decays) / (1 - momentum)), "on average"),
             "slow law": (lambda lrs, decays, momentum: np.cumprod(
                 1 - lrs * decays / (1 - momentum)), "gathered way"),
             "the last alone": (lambda *given: recursion(*given)[-1], "after every step"),
             "the last, in an array": (lambda *given: recursion(*given)[-1:], "shape")})
