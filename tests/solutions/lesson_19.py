"""Lesson 19, weights that stay orthogonal."""

import numpy as np


def turned(W, Q, N, h):
    H, N_s = W.T @ (Q + Q.T) @ W, N + N.T
    mu, U = np.linalg.eigh(1j * h * (H @ N_s - N_s @ H))
    return W @ (U @ np.diag(np.exp(-1j * mu)) @ U.conj().T).real


def turned_by_a_series(W, Q, N, h):
    M = W.T @ (Q + Q.T) @ W @ (N + N.T)
    A = h * (M - M.T) / 2**6                            # small, and then squared six times
    E = term = np.eye(len(W))
    for n in range(1, 20):
        term = term @ A / n
        E = E + term
    for _ in range(6):
        E = E @ E
    return W @ E


def exponential_backward(G, mu, U):
    j, k = np.meshgrid(mu, mu, indexing="ij")
    phi = np.exp(1j * (j + k) / 2) * np.sinc((j - k) / (2 * np.pi))
    return (U @ ((U.conj().T @ G @ U) * phi) @ U.conj().T).real.copy()


def exponential_backward_by_quotients(G, mu, U):
    """Φ_jk is (e^(iμ_j) − e^(iμ_k)) / (i(μ_j − μ_k)): the slope of the exponential between two eigenvalues."""
    inner, d = U.conj().T @ G @ U, len(mu)
    for j in range(d):
        for k in range(d):
            gap = mu[j] - mu[k]
            slope = np.exp(1j * mu[j]) if abs(gap) < 1e-12 else (np.exp(1j * mu[j]) - np.exp(1j * mu[k])) / (1j * gap)
            inner[j, k] *= slope
    return np.real(U @ inner @ U.conj().T) + 0.0
