"""The checks of lesson 1 accept what is right and name what is wrong."""

import numpy as np

from tests.exercises.proof import prove
from tests.solutions import lesson_01 as solutions


def test_1_1():
    prove("1.1", right=[solutions.hidden_error, solutions.hidden_error_by_loops], kind="dense backward",
          wrong={"derivative left out": (lambda error, weight, v: error @ weight, "left out the slope")},
          own={"tanh as its own slope": (lambda error, weight, v: error @ weight * np.tanh(v), "not tanh(v)"),
               "v taken for tanh(v)": (lambda error, weight, v: error @ weight * (1 - v**2), "put through tanh"),
               "slope of a ReLU": (lambda error, weight, v: np.where(v > 0, error @ weight, 0), "ReLU"),
               "tanh twice": (lambda error, weight, v: error @ weight / np.cosh(np.tanh(v))**2, "pre-activation"),
               "W turned round": (lambda error, weight, v: error @ weight.T, "write the shape")})


def backprop(x, targets, W1, W2, slope=None, met=np.tanh):
    v = x @ W1.T
    error = (np.tanh(v) @ W2.T - targets) / len(x)
    return (error @ W2 * (1 if slope is None else slope(v))).T @ x, error.T @ met(v)


def test_1_2():
    def right(*arguments):
        return solutions.two_layer_gradients(*arguments)
    prove("1.2", right=[right, solutions.two_layer_gradients_by_the_package], kind="dense backward",
          wrong={"derivative left out": (backprop, "left out the slope")},
          own={"exchanged": (lambda *arguments: right(*arguments)[::-1], "exchanged"),
               "tanh as its own slope": (lambda *arguments: backprop(*arguments, slope=np.tanh), "not tanh(v)"),
               "v where tanh(v) belongs": (lambda *arguments: backprop(
                   *arguments, slope=lambda v: 1 - np.tanh(v)**2, met=lambda v: v), "the layer's input"),
               "one of two": (lambda *arguments: right(*arguments)[:1], "2 things")})
