"""The checks of lesson 7 accept what is right and name what is wrong."""

import numpy as np

from tests.exercises.proof import prove
from tests.solutions import lesson_07 as solutions

right = solutions.product_feedback


def way_down(through):
    return lambda x, error, weight, B, R: (through(error, weight, B, R), *right(x, error, weight, B, R)[1:])


def R_gradient(of):
    return lambda x, error, weight, B, R: (*right(x, error, weight, B, R)[:2], of(x, error, weight, B, R))


def test_7_1():
    prove("7.1", right=[right, solutions.product_feedback_by_the_package], kind="feedback update",
          wrong={"W used": (way_down(lambda error, weight, B, R: error @ weight), "through W;")},
          own={"the end of the path": (way_down(lambda error, weight, B, R: error @ B @ B.T @ weight), "as it is"),
               "R reads W": (R_gradient(lambda x, error, weight, B, R: B.T @ weight), "R never sees W"),
               "R's weights too": (R_gradient(lambda x, error, weight, B, R: R * ((error @ B).T @ x)), "m = e B alone"),
               "R's 1/N twice": (R_gradient(lambda x, error, weight, B, R: B.T @ error.T @ x / len(x)), "∂R is 1/N"),
               "R climbs": (R_gradient(lambda x, error, weight, B, R: -B.T @ error.T @ x), "∂R climbs"),
               "two of three": (lambda *arguments: right(*arguments)[:2], "3 things, e_in"),
               "another order": (lambda *arguments: right(*arguments)[::-1], "should have shape"),
               "R before B": (way_down(lambda error, weight, B, R: error @ R @ B), "write the shape")},
          without={"derivative left out": "no unit lies between"})


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


def test_7_2():
    prove("7.2", right=[solutions.echo_of_the_start, solutions.echo_by_matrices], kind="other",
          own={"no momentum": (lambda lrs, decays, momentum: recursion(lrs, decays, 0.0), "left out the momentum"),
               "before the step": (lambda *arguments: np.array([1, *recursion(*arguments)[:-1]]), "before each step"),
               "rate inside": (rate_inside, "outside the velocity"),
               "dampened": (lambda lrs, decays, momentum: recursion(
                   lrs, decays, momentum, fresh=1 - momentum), "by 1 − μ"),
               "velocity too late": (velocity_too_late, "step before"),
               "decay of a constant": (lambda *arguments: recursion(*arguments, decay_of=lambda c: 1.0), "not λ c"),
               "no schedule": (lambda lrs, decays, momentum: recursion(
                   [lrs[0]] * len(lrs), [decays[0]] * len(lrs), momentum), "from step to step"),
               "continuous time": (lambda lrs, decays, momentum: np.exp(
                   -np.cumsum(lrs * decays) / (1 - momentum)), "on average"),
               "slow law": (lambda lrs, decays, momentum: np.cumprod(
                   1 - lrs * decays / (1 - momentum)), "gathered way"),
               "growing": (lambda *arguments: recursion(*arguments, climb=True), "c would grow"),
               "the last alone": (lambda *arguments: recursion(*arguments)[-1:], "shape"),
               "sign": (lambda *arguments: -recursion(*arguments), "sign")})
