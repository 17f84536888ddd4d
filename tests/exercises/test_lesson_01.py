"""The checks of lesson 1 accept what is right and name what is wrong."""

import numpy as np
import pytest

from tests.exercises.proof import prove
from tests.solutions import lesson_01 as solutions


def sent(slope, outputs=slice(None)):
    return lambda error, weight, v: np.einsum("no,oi->ni", error[:, outputs], weight[outputs]) * slope(v)


def sech(v):
    return 1 / np.cosh(v)**2


def last_output_only(error, weight, v):
    answer = np.zeros(v.shape)
    for n, i, o in np.ndindex(*v.shape, len(weight)):
        answer[n, i] = error[n, o] * weight[o, i] * sech(v[n, i])
    return answer


def test_1_1():
    prove("1.1", right=[solutions.hidden_error, solutions.hidden_error_by_loops], kinds={
        "slope left out": sent(lambda v: 1.0), "slope twice": sent(lambda v: sech(v)**2),
        "slope of the wrong": [sent(lambda v: 1 - v**2), sent(lambda v: sech(np.tanh(v))), sent(lambda v: v > 0),
                               sent(lambda v: np.exp(-v) / (1 + np.exp(-v))**2),
                               lambda error, weight, v: sech(error @ weight) * (error @ weight)],
        "mean twice": [lambda error, *rest: sent(sech)(error / len(error), *rest),
                       lambda error, weight, v: sent(sech)(error, weight / len(weight), v)],
        "wrong axis": [sent(lambda v: sech(v).mean(axis=0)), sent(lambda v: sech(v[0])),
                       sent(lambda v: sech(v).mean(axis=1)[:, None])],
        "overwritten in a loop": last_output_only,
        "first left out": sent(sech, slice(1, None)), "last left out": sent(sech, slice(None, -1))},
        own={"tanh as its own slope": (sent(np.tanh), "not tanh(v)"),
             "square missing": (sent(lambda v: 1 - np.tanh(v)), "the square is missing"),
             "W turned round": (lambda error, weight, v: error @ weight.T, "write the shape"),
             "one unit taken out": (lambda error, weight, v: sent(sech)(error, weight, v) if v.shape[1] > 1 else
                                    sent(sech)(error, weight, v)[:, 0], "with one unit: the answer should have shape")})


def backprop(x, targets, W1, W2, slope=sech, met=np.tanh, N=None, up=np.tanh, top=lambda y: 1.0):
    v = x @ W1.T
    y = up(v) @ W2.T
    error = (y - targets) * top(y) / (N or len(x))
    return (error @ W2 * slope(v)).T @ x, error.T @ met(v)


def of_samples(samples):
    def gradients(x, targets, W1, W2):
        return backprop(x[samples], targets[samples], W1, W2, N=len(x))
    return gradients


def last_sample_only(x, targets, W1, W2):
    dW1, dW2 = np.zeros(W1.shape), np.zeros(W2.shape)
    for n in range(len(x)):
        dW1[...], dW2[...] = backprop(x[n:n + 1], targets[n:n + 1], W1, W2, N=len(x))
    return dW1, dW2


def through_the_new_W2(x, targets, W1, W2):
    gradient = backprop(x, targets, W1, W2)[1]
    v = x @ W1.T
    error = (np.tanh(v) @ W2.T - targets) / len(x)
    return (error @ (W2 - gradient) * sech(v)).T @ x, gradient


@pytest.mark.slow
def test_1_2():
    prove("1.2", right=[solutions.two_layer_gradients, solutions.two_layer_gradients_by_the_package], kinds={
        "slope left out": lambda *given: backprop(*given, slope=np.ones_like),
        "slope twice": lambda *given: backprop(*given, slope=lambda v: sech(v)**2),
        "slope of the wrong": [lambda *given: backprop(*given, slope=lambda v: 1 - v**2),
                               lambda *given: backprop(*given, slope=lambda v: sech(np.tanh(v))),
                               lambda *given: backprop(*given, slope=lambda v: np.exp(-v) / (1 + np.exp(-v))**2)],
        "wrong N": [lambda x, targets, *rest: backprop(x, targets, *rest, N=targets.size),
                    lambda x, targets, *rest: backprop(x, targets, *rest, N=targets.shape[1])],
        "overwritten in a loop": last_sample_only,
        "first left out": of_samples(slice(1, None)), "last left out": of_samples(slice(None, -1))},
        own={"exchanged": (lambda *given: backprop(*given)[::-1], "exchanged"),
             "tanh as its own slope": (lambda *given: backprop(*given, slope=np.tanh), "not tanh(v)"),
             "v where tanh(v) belongs": (lambda *given: backprop(*given, met=lambda v: v), "the layer's input"),
             "slope at the top": (lambda *given: backprop(*given, top=sech), "no tanh, and so no slope"),
             "slope at the top, of y": (lambda *given: backprop(*given, top=lambda y: 1 - y**2), "no slope 1 − y²"),
             "W2 after its step": (through_the_new_W2, "after its step"),
             "linear on the way up": (lambda *given: backprop(*given, up=np.positive, met=np.positive), "W2ᵀ"),
             "linear": (lambda *given: backprop(*given, up=np.positive, met=np.positive, slope=np.ones_like),
                        "and its slope on the way down"),
             "one of two": (lambda *given: backprop(*given)[:1], "2 things")})
