"""The checks of lesson 20 accept what is right and name what is wrong."""

import numpy as np
import pytest

from tests.exercises.proof import prove
from tests.exercises.sums import of_a_sum
from tests.solutions import lesson_20 as solutions


def inputs_and_one(x):
    return np.concatenate([x, np.ones((len(x), 1))], axis=1)


def corrected(x, delta, epsilon):
    return np.linalg.solve(x @ x.T + epsilon * np.eye(len(x)), delta)


def steps(E, x, sent, W):
    return E.T @ x, E.sum(axis=0), sent @ W


def of_samples(kept, both=True):
    def wrong(x, delta, W, epsilon):
        E, of_W, of_b = corrected(inputs_and_one(x), delta, epsilon), np.zeros(W.shape), np.zeros(len(W))
        for n in range(len(x))[kept]:
            of_W += np.outer(E[n], x[n])
            of_b += E[n]
        return of_W, of_b if both else E.sum(axis=0), delta @ W
    return wrong


def test_20_1():
    def with_(change, bias=True):
        """Both steps by errors that are changed, and K with or without the bias."""
        return lambda x, delta, W, epsilon: steps(change(x @ x.T + bias, epsilon, delta), x, delta, W)

    def raw_bias(x, delta, W, epsilon):
        return corrected(inputs_and_one(x), delta, epsilon).T @ x, delta.sum(axis=0), delta @ W

    def raw_and_outside(x, delta, W, epsilon):
        return corrected(x, delta, epsilon).T @ x, delta.sum(axis=0), delta @ W

    def a_K_each(x, delta, W, epsilon):
        for_b = np.linalg.solve(1 + epsilon * np.eye(len(x)), delta)
        return corrected(x, delta, epsilon).T @ x, for_b.sum(axis=0), delta @ W

    def through_new_weights(x, delta, W, epsilon):
        E = corrected(inputs_and_one(x), delta, epsilon)
        return steps(E, x, delta, W - E.T @ x)

    def added(x, delta, W, epsilon):
        of_W, of_b, below = solutions.amended_layer(x, delta, W, epsilon)
        return -of_W, -of_b, below

    def below(kept):
        def wrong(x, delta, W, epsilon):
            sums = sum((np.outer(delta[:, unit], W[unit]) for unit in range(len(W))[kept]), np.zeros(x.shape))
            return (*solutions.amended_layer(x, delta, W, epsilon)[:2], sums)
        return wrong

    terms, of_W_alone = of_a_sum(of_samples), of_a_sum(lambda kept: of_samples(kept, both=False))
    of_outputs = of_a_sum(below)
    prove("20.1", right=[solutions.amended_layer, solutions.amended_layer_by_inputs], kinds={
        "sign": [added, lambda *given: tuple(-part for part in solutions.amended_layer(*given))],
        **{kind: [terms[kind], of_W_alone[kind], of_outputs[kind]] for kind in terms}},
        own={"bias outside K": (lambda x, delta, W, epsilon: steps(corrected(x, delta, epsilon), x, delta, W),
                                "left out of K: it"),
             "added": (added, "what is subtracted from W and b"),
             "raw bias": (raw_bias, "the bias takes the raw errors"),
             "raw bias, outside K": (raw_and_outside, "left out of K and takes"),
             "amended errors sent down": (lambda x, delta, W, epsilon: steps(
                 corrected(inputs_and_one(x), delta, epsilon), x, corrected(inputs_and_one(x), delta, epsilon), W),
                 "needs the raw ones"),
             "through the new weights": (through_new_weights, "as it was"),
             "a K each": (a_K_each, "have a K each"),
             "each by itself": (with_(lambda K, epsilon, delta: delta / (np.diag(K) + epsilon)[:, None]), "all pairs"),
             "mean of K": (with_(lambda K, epsilon, delta: np.linalg.solve(
                 K / len(K) + epsilon * np.eye(len(K)), delta)), "without 1/N"),
             "gradient": (with_(lambda K, epsilon, delta: delta), "nothing is amended"),
             "not inverted": (with_(lambda K, epsilon, delta: K @ delta + epsilon * delta), "its inverse"),
             "ε everywhere": (with_(lambda K, epsilon, delta: np.linalg.pinv(K + epsilon) @ delta), "on the diagonal"),
             "no ε": (with_(lambda K, epsilon, delta: np.linalg.pinv(K) @ delta), "ε is left out")})


def moved_by_samples(kept):
    def wrong(x, delta, mu, epsilon):
        step = np.zeros((delta.shape[1], x.shape[1]))
        for error, inputs in zip(corrected(x, delta, epsilon)[kept], x[kept]):
            step += np.outer(error, inputs)
        return -mu * x @ step.T
    return wrong


def moved_by_inputs(kept):
    def wrong(x, delta, mu, epsilon):
        K = sum((np.outer(column, column) for column in x.T[kept]), np.zeros((len(x), len(x))))
        return -mu * K @ np.linalg.solve(K + epsilon * np.eye(len(x)), delta)
    return wrong


@pytest.mark.slow
def test_20_2():
    terms, of_inputs = of_a_sum(moved_by_samples), of_a_sum(moved_by_inputs)
    prove("20.2", right=[solutions.induced_move, solutions.induced_move_by_eigenvalues], kinds={
        "epsilon": [lambda x, delta, mu, epsilon: solutions.induced_move(x, delta, mu, epsilon + 1e-12),
                    lambda x, delta, mu, epsilon: solutions.induced_move(x, delta, mu, epsilon + 1e-8)],
        **{kind: [terms[kind], of_inputs[kind]] for kind in terms}},
        own={"gradient": (lambda x, delta, mu, epsilon: -mu * (x @ x.T) @ delta, "the gradient step's move"),
             "error": (lambda x, delta, mu, epsilon: -mu * corrected(x, delta, epsilon), "K times that"),
             "each by itself": (lambda x, delta, mu, epsilon: -mu * x @ x.T @ (
                 delta / (np.einsum("ni,ni->n", x, x) + epsilon)[:, None]), "all pairs"),
             "not inverted": (lambda x, delta, mu, epsilon: -mu * (x @ x.T) @ (x @ x.T @ delta + epsilon * delta),
                              "its inverse"),
             "wanted": (lambda x, delta, mu, epsilon: -mu * delta, "was wanted"),
             "no μ": (lambda x, delta, mu, epsilon: solutions.induced_move(x, delta, 1.0, epsilon), "μ is left out"),
             "no ε": (lambda x, delta, mu, epsilon: -mu * x @ np.linalg.lstsq(x, delta, rcond=None)[0],
                      "ε is left out"),
             "ε everywhere": (lambda x, delta, mu, epsilon: -mu * x @ x.T @ np.linalg.pinv(x @ x.T + epsilon) @ delta,
                              "on the diagonal"),
             "uphill": (lambda *given: -solutions.induced_move(*given), "the step is subtracted"),
             "with bias": (lambda x, delta, mu, epsilon: solutions.induced_move(inputs_and_one(x), delta, mu, epsilon),
                           "this layer has none")})
