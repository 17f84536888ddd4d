"""Answers to the exercises of lesson 20, written from its text alone."""

import numpy as np


def amended_layer(x, delta, W, epsilon):
    K = x @ x.T + 1
    E = np.linalg.solve(K + epsilon * np.eye(len(x)), delta)
    return E.T @ x, E.sum(axis=0), delta @ W


def amended_layer_by_one_more_input(x, delta, W, epsilon):
    rows = np.column_stack([x, np.ones(len(x))])
    step = np.linalg.solve(rows.T @ rows + epsilon * np.eye(rows.shape[1]), rows.T @ delta).T
    return step[:, :-1].copy(), step[:, -1].copy(), np.einsum("no,oi->ni", delta, W)


def amended_layer_by_eigenvalues(x, delta, W, epsilon):
    s, V = np.linalg.eigh(np.einsum("ni,mi->nm", x, x) + np.ones((len(x), len(x))))
    E = V / (s + np.float64(epsilon)) @ V.T @ delta
    return np.tensordot(E, x, axes=(0, 0)), np.ones(len(x)) @ E, delta @ W


def layer_with(x, delta, W, epsilon, *, bias=1.0, ridge=np.eye, scale=1.0):
    """The right layer, with one of its parts in another way."""
    E = scale * np.linalg.solve(x @ x.T + bias + epsilon * ridge(len(x)), delta)
    return E.T @ x, E.sum(axis=0), delta @ W


def amended_errors_below(x, delta, W, epsilon):
    E = np.linalg.solve(x @ x.T + 1 + epsilon * np.eye(len(x)), delta)
    return E.T @ x, E.sum(axis=0), E @ W


def errors_below_through_new_weights(x, delta, W, epsilon):
    step, bias_step, _ = amended_layer(x, delta, W, epsilon)
    return step, bias_step, delta @ (W - step)


def mean_of_the_bias(x, delta, W, epsilon):
    step, bias_step, below = amended_layer(x, delta, W, epsilon)
    return step, bias_step / len(x), below


def bias_by_the_raw_errors(x, delta, W, epsilon):
    step, _, below = amended_layer(x, delta, W, epsilon)
    return step, delta.sum(axis=0), below


def layer_by_the_covariance(x, delta, W, epsilon):
    step = np.linalg.solve(x.T @ x + epsilon * np.eye(x.shape[1]), x.T @ delta).T
    return step, delta.sum(axis=0) / (len(x) + epsilon), delta @ W


def sample_by_sample(x, delta, W, epsilon):
    E = delta / ((x**2).sum(axis=1, keepdims=True) + 1 + epsilon)
    return E.T @ x, E.sum(axis=0), delta @ W


def layer_in_place(x, delta, W, epsilon):
    below = delta @ W
    delta[...] = np.linalg.solve(x @ x.T + 1 + epsilon * np.eye(len(x)), delta)
    return delta.T @ x, delta.sum(axis=0), below


def induced_move(x, delta, mu, epsilon):
    K = x @ x.T
    return -mu * K @ np.linalg.solve(K + epsilon * np.eye(len(x)), delta)


def induced_move_by_the_step(x, delta, mu, epsilon):
    E = np.linalg.inv(np.inner(x, x) + epsilon * np.identity(len(x))) @ delta
    step = np.zeros((delta.shape[1], x.shape[1]))
    for amended, seen in zip(E, x):
        step -= mu * np.outer(amended, seen)
    return x @ step.T


def induced_move_by_singular_values(x, delta, mu, epsilon):
    U, s, _ = np.linalg.svd(x, full_matrices=False)
    return np.float64(-mu) * (U * (s**2 / (s**2 + epsilon))) @ (U.T @ delta)


def move_without(x, delta, mu, epsilon):
    K = x @ x.T
    return -mu * np.linalg.solve(K + epsilon * np.eye(len(x)), delta)


def move_in_place(x, delta, mu, epsilon):
    delta *= -mu
    return induced_move(x, delta, -1, epsilon)


ANSWERS = [
    ("20.1", "right", "", amended_layer),
    ("20.1", "right", "", amended_layer_by_one_more_input),
    ("20.1", "right", "", amended_layer_by_eigenvalues),
    ("20.1", "wrong", "another quantity", amended_errors_below),
    ("20.1", "wrong", "new value for the old", errors_below_through_new_weights),
    ("20.1", "wrong", "mean for a sum", mean_of_the_bias),
    ("20.1", "wrong", "another quantity", bias_by_the_raw_errors),
    ("20.1", "wrong", "another quantity", layer_by_the_covariance),
    ("20.1", "wrong", "term left out", sample_by_sample),
    ("20.1", "wrong", "argument changed", layer_in_place),
    ("20.1", "wrong", "bias left out", lambda *arguments: layer_with(*arguments, bias=0.0)),
    ("20.1", "wrong", "identity and ones swapped", lambda *arguments: layer_with(*arguments, ridge=lambda n: 1.0)),
    ("20.1", "wrong", "identity and ones swapped", lambda x, delta, W, epsilon:
        layer_with(x, delta, W, epsilon, bias=np.eye(len(x)))),
    ("20.1", "wrong", "term left out", lambda x, delta, W, epsilon: layer_with(x, delta, W, 1e-9)),
    ("20.1", "wrong", "sign of one term", lambda x, delta, W, epsilon: layer_with(x, delta, W, -epsilon)),
    ("20.1", "wrong", "constant of the example", lambda x, delta, W, epsilon: layer_with(x, delta, W, 0.5)),
    ("20.1", "wrong", "1/N twice", lambda x, delta, W, epsilon:
        layer_with(x, delta, W, epsilon, scale=1 / len(x))),
    ("20.1", "wrong", "sign", lambda *arguments: layer_with(*arguments, scale=-1.0)),
    ("20.1", "wrong", "solve left out", lambda x, delta, W, epsilon: (delta.T @ x, delta.sum(axis=0), delta @ W)),
    ("20.1", "wrong", "squeezed", lambda *arguments: tuple(part.squeeze() for part in amended_layer(*arguments))),
    ("20.2", "right", "", induced_move),
    ("20.2", "right", "", induced_move_by_the_step),
    ("20.2", "right", "", induced_move_by_singular_values),
    ("20.2", "wrong", "argument changed", move_in_place),
    ("20.2", "wrong", "another quantity", move_without),
    ("20.2", "wrong", "law for every case", lambda x, delta, mu, epsilon: -mu * delta),
    ("20.2", "wrong", "sign", lambda x, delta, mu, epsilon: -induced_move(x, delta, mu, epsilon)),
    ("20.2", "wrong", "solve left out", lambda x, delta, mu, epsilon: -mu * x @ x.T @ delta),
    ("20.2", "wrong", "term too many", lambda x, delta, mu, epsilon:
        -mu * (x @ x.T + 1) @ np.linalg.solve(x @ x.T + 1 + epsilon * np.eye(len(x)), delta)),
    ("20.2", "wrong", "identity and ones swapped", lambda x, delta, mu, epsilon:
        -mu * x @ x.T @ np.linalg.solve(x @ x.T + epsilon + 1e-12 * np.eye(len(x)), delta)),
    ("20.2", "wrong", "term left out", lambda x, delta, mu, epsilon: induced_move(x, delta, mu, 1e-9)),
    ("20.2", "wrong", "sign of one term", lambda x, delta, mu, epsilon: induced_move(x, delta, mu, -epsilon)),
    ("20.2", "wrong", "step size left out", lambda x, delta, mu, epsilon: induced_move(x, delta, 1, epsilon)),
    ("20.2", "wrong", "factor squared", lambda x, delta, mu, epsilon: induced_move(x, delta, mu**2, epsilon)),
    ("20.2", "wrong", "1/N twice", lambda x, delta, mu, epsilon: induced_move(x, delta, mu, epsilon) / len(x)),
    ("20.2", "wrong", "constant of the example", lambda x, delta, mu, epsilon: induced_move(x, delta, 0.3, epsilon)),
    ("20.2", "wrong", "abs where a sign belongs", lambda x, delta, mu, epsilon:
        -mu * np.abs(x @ x.T) @ np.linalg.solve(np.abs(x @ x.T) + epsilon * np.eye(len(x)), delta)),
    ("20.2", "wrong", "term left out", lambda x, delta, mu, epsilon:
        -mu * delta * (x**2).sum(axis=1, keepdims=True) / ((x**2).sum(axis=1, keepdims=True) + epsilon)),
    ("20.2", "wrong", "squeezed", lambda *arguments: induced_move(*arguments).squeeze()),
]
