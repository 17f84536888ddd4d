"""The checks of lesson 20 accept what is right and name what is wrong."""

import numpy as np

from tests.exercises.proof import prove
from tests.solutions import lesson_20 as solutions


def inputs_and_one(x):
    return np.concatenate([x, np.ones((len(x), 1))], axis=1)


def corrected(x, delta, epsilon):
    return np.linalg.solve(x @ x.T + epsilon * np.eye(len(x)), delta)


def steps(E, x, sent, W):
    return E.T @ x, E.sum(axis=0), sent @ W


def test_20_1():
    def raw_bias(x, delta, W, epsilon):
        E = corrected(inputs_and_one(x), delta, epsilon)
        return E.T @ x, delta.sum(axis=0), delta @ W

    prove("20.1", right=[solutions.amended_layer, solutions.amended_layer_by_inputs], kind="other", own={
        "bias outside K": (lambda x, delta, W, epsilon: steps(corrected(x, delta, epsilon), x, delta, W),
                           "left out of K"),
        "raw bias": (raw_bias, "takes the amended ones"),
        "amended errors sent down": (lambda x, delta, W, epsilon: steps(
            corrected(inputs_and_one(x), delta, epsilon), x, corrected(inputs_and_one(x), delta, epsilon), W),
            "needs the raw ones"),
        "gradient": (lambda x, delta, W, epsilon: steps(delta, x, delta, W), "nothing is amended"),
        "not inverted": (lambda x, delta, W, epsilon: steps((x @ x.T + 1 + epsilon * np.eye(len(x))) @ delta, x, delta,
                                                            W), "its inverse"),
        "no ε": (lambda x, delta, W, epsilon: steps(np.linalg.pinv(x @ x.T + 1) @ delta, x, delta, W),
                 "ε is left out")})


def test_20_2():
    prove("20.2", right=[solutions.induced_move, solutions.induced_move_by_eigenvalues], kind="other", own={
        "gradient": (lambda x, delta, mu, epsilon: -mu * (x @ x.T) @ delta, "the gradient step's move"),
        "error": (lambda x, delta, mu, epsilon: -mu * corrected(x, delta, epsilon), "K times that"),
        "wanted": (lambda x, delta, mu, epsilon: -mu * delta, "was wanted"),
        "no μ": (lambda x, delta, mu, epsilon: solutions.induced_move(x, delta, 1.0, epsilon), "μ is left out"),
        "with bias": (lambda x, delta, mu, epsilon: solutions.induced_move(inputs_and_one(x), delta, mu, epsilon),
                      "this layer has none")})
