"""The checks of lesson 21 accept what is right and name what is wrong."""

import numpy as np

from tests.exercises.proof import prove
from tests.solutions import lesson_21 as solutions


def masked(x, W, b, error):
    return error * (x @ W.T + b > 0)


def test_21_1():
    prove("21.1", right=[solutions.error_below, solutions.error_below_by_units], kind="other", own={
        "old weights": (lambda x, W, b, step, error: masked(x, W, b, error) @ W, "through the old weights"),
        "new slopes": (lambda x, W, b, step, error: masked(x, W - step, b, error) @ (W - step), "the forward pass's"),
        "step added": (lambda x, W, b, step, error: masked(x, W, b, error) @ (W + step), "W⁺ = W − step"),
        "no slopes": (lambda x, W, b, step, error: error @ (W - step), "left out the slopes"),
        "no bias": (lambda x, W, b, step, error: masked(x, W, 0 * b, error) @ (W - step), "without the bias")})


def solved(x, error, penalty):
    return np.linalg.solve(x.T @ x + penalty * np.eye(x.shape[1]), x.T @ error).T


def test_21_2():
    def gradient(x, error):
        return error.T @ x

    prove("21.2", right=[solutions.implicit_step, solutions.implicit_step_by_least_squares], kind="other", own={
        "limits swapped": (lambda x, error, eta, penalty: (eta * solved(x, error, penalty),
                                                           penalty * solved(x, error, penalty)), "λ that grows"),
        "no η": (lambda x, error, eta, penalty: (solved(x, error, penalty), gradient(x, error)), "η is left out"),
        "inverted": (lambda x, error, eta, penalty: (eta * solved(x, error, 1 / penalty), gradient(x, error)),
                     "where 1/λ belongs"),
        "explicit": (lambda x, error, eta, penalty: (eta / penalty * gradient(x, error), gradient(x, error)),
                     "an explicit step"),
        "η in the limit": (lambda x, error, eta, penalty: (eta * solved(x, error, penalty),
                                                           eta * gradient(x, error)), "still has η"),
        "half": (lambda x, error, eta, penalty: (eta * solved(x, error, 2 * penalty), gradient(x, error)), "½")})
