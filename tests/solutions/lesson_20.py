"""Lesson 20, consequentialism."""

import numpy as np


def amended_layer(x, delta, W, epsilon):
    K = x @ x.T + 1 + epsilon * np.eye(len(x))
    E = np.linalg.solve(K, delta)
    return E.T @ x, E.sum(axis=0), delta @ W


def amended_layer_by_inputs(x, delta, W, epsilon):
    """The other of the two solves, of the size of the inputs."""
    inputs = np.concatenate([x, np.ones((len(x), 1))], axis=1)
    step = delta.T @ inputs @ np.linalg.inv(inputs.T @ inputs + epsilon * np.eye(inputs.shape[1]))
    below = np.array([sum(d * w for d, w in zip(row, W)) for row in delta])
    return step[:, :-1].copy(), step[:, -1].copy(), below


def induced_move(x, delta, mu, epsilon):
    K = x @ x.T
    return -mu * K @ np.linalg.solve(K + epsilon * np.eye(len(x)), delta)


def induced_move_by_eigenvalues(x, delta, mu, epsilon):
    s, U = np.linalg.eigh(x @ x.T)
    return -mu * U @ ((s / (s + epsilon))[:, None] * (U.T @ delta))
