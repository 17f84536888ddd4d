"""Answers to the exercises of lesson 19, written from its text alone."""

import numpy as np

from feedbackalign.ops import skew


def direction(W, Q, N):
    M = W.T @ (Q + Q.T) @ W @ (N + N.T)
    return M - M.T


def turned(W, Q, N, h):
    return W @ skew.skew_exp(h * direction(W, Q, N))[0]


def turned_by_a_series(W, Q, N, h):
    small, exponential, term = h * direction(W, Q, N) / 2**20, np.eye(len(W)), np.eye(len(W))
    for k in range(1, 12):
        term = term @ small / k
        exponential = exponential + term
    for _ in range(20):
        exponential = exponential @ exponential
    return W @ exponential


def turned_by_eigenvectors(W, Q, N, h):
    H, N_s = np.einsum("ji,jk,kl->il", W, Q + Q.T, W), N + N.T
    mu, U = np.linalg.eigh(1j * np.float64(h) * (H @ N_s - N_s @ H))
    return W @ (U * np.exp(-1j * mu) @ U.conj().T).real


def turned_by(W, B, h):
    """One step along any skew B."""
    return W @ skew.skew_exp(h * B)[0]


def cayley(W, Q, N, h):
    B, one = h * direction(W, Q, N) / 2, np.eye(len(W))
    return W @ np.linalg.solve(one - B, one + B)


def turned_in_place(W, Q, N, h):
    Q += Q.T.copy()
    N += N.T.copy()
    M = W.T @ Q @ W @ N
    return turned_by(W, M - M.T, h)


def turned_by_the_transposed_frame(W, Q, N, h):
    M = W @ (Q + Q.T) @ W.T @ (N + N.T)
    return turned_by(W, M - M.T, h)


def turned_without_symmetric_parts(W, Q, N, h):
    M = W.T @ Q @ W @ N
    return turned_by(W, M - M.T, h)


def turned_with_halves(W, Q, N, h):
    M = W.T @ (Q + Q.T) / 2 @ W @ (N + N.T) / 2
    return turned_by(W, M - M.T, h)


def turned_entry_by_entry(W, Q, N, h):
    return W @ np.exp(h * direction(W, Q, N))


def second_order(W, Q, N, h):
    B = h * direction(W, Q, N)
    return W @ (np.eye(len(W)) + B + B @ B / 2)


def unskewed(W, Q, N, h):
    """The exponential of h M, as if the difference to its transpose were not needed."""
    small, exponential = h * W.T @ (Q + Q.T) @ W @ (N + N.T) / 2**20, np.eye(len(W))
    exponential = exponential + small + small @ small / 2
    return W @ np.linalg.matrix_power(exponential, 2**20)


def phi(mu, sign=1):
    half_sum, half_difference = np.add.outer(mu, mu) / 2, np.subtract.outer(mu, mu) / 2
    return np.exp(sign * 1j * half_sum) * np.sinc(half_difference / np.pi)


def exponential_backward(G, mu, U):
    return (U @ ((U.conj().T @ G @ U) * phi(mu)) @ U.conj().T).real


def exponential_backward_by_loops(G, mu, U):
    inner = np.conj(U).T @ G @ U
    for j, k in np.ndindex(*G.shape):
        half = (mu[j] - mu[k]) / 2
        inner[j, k] *= np.exp(0.5j * (mu[j] + mu[k])) * (np.sin(half) / half if half else 1.0)
    return np.real(U @ inner @ np.conj(U).T)


def exponential_backward_by_quadrature(G, mu, U):
    """The derivative is ∫ exp(sAᵀ) G exp((1 − s)Aᵀ) ds over s from 0 to 1, by Gauss's rule."""
    nodes, weights = np.polynomial.legendre.leggauss(60)
    inner, total = U.conj().T @ G @ U, 0
    for s, weight in zip((nodes + 1) / 2, weights / 2):
        total = total + weight * np.exp(1j * s * mu)[:, None] * inner * np.exp(1j * (1 - s) * mu)
    return (U @ total @ U.conj().T).real


def backward_with(G, U, factor, last=None):
    """Eq. 7 with another Φ, or another last factor."""
    return (U @ ((U.conj().T @ G @ U) * factor) @ (U.conj().T if last is None else last)).real


def divided_differences(mu, epsilon):
    e, difference = np.exp(1j * mu), np.subtract.outer(mu, mu)
    return np.where(np.eye(len(mu)), e, np.subtract.outer(e, e) / (1j * (difference + epsilon)))


ANSWERS = [
    ("19.1", "right", "", turned),
    ("19.1", "right", "", turned_by_a_series),
    ("19.1", "right", "", turned_by_eigenvectors),
    ("19.1", "wrong", "first order for the whole", lambda W, Q, N, h: W + h * W @ direction(W, Q, N)),
    ("19.1", "wrong", "first order for the whole", second_order),
    ("19.1", "wrong", "another operation", cayley),
    ("19.1", "wrong", "another operation", turned_entry_by_entry),
    ("19.1", "wrong", "argument changed", turned_in_place),
    ("19.1", "wrong", "transposed inside", turned_by_the_transposed_frame),
    ("19.1", "wrong", "term left out", turned_without_symmetric_parts),
    ("19.1", "wrong", "factor left out", turned_with_halves),
    ("19.1", "wrong", "term left out", unskewed),
    ("19.1", "wrong", "order of a product swapped", lambda W, Q, N, h:
        skew.skew_exp(h * direction(W, Q, N))[0] @ W),
    ("19.1", "wrong", "sign", lambda W, Q, N, h: turned(W, Q, N, -h)),
    ("19.1", "wrong", "roles swapped", lambda W, Q, N, h: turned(W, N, Q, h)),
    ("19.1", "wrong", "step size left out", lambda W, Q, N, h: turned(W, Q, N, 1.0)),
    ("19.1", "wrong", "factor at the wrong place", lambda W, Q, N, h:
        W @ (np.eye(len(W)) + h * (skew.skew_exp(direction(W, Q, N))[0] - np.eye(len(W))))),
    ("19.1", "wrong", "constant of the example", lambda W, Q, N, h: turned(W, Q, N, 0.1)),
    ("19.1", "wrong", "factor left out", lambda W, Q, N, h: skew.skew_exp(h * direction(W, Q, N))[0]),
    ("19.1", "wrong", "squeezed", lambda W, Q, N, h: turned(W, Q, N, h).squeeze()),
    ("19.2", "right", "", exponential_backward),
    ("19.2", "right", "", exponential_backward_by_loops),
    ("19.2", "right", "", exponential_backward_by_quadrature),
    ("19.2", "wrong", "sign of one term", lambda G, mu, U: backward_with(G, U, phi(mu, -1))),
    ("19.2", "wrong", "factor left out", lambda G, mu, U:
        backward_with(G, U, np.exp(0.5j * np.add.outer(mu, mu)) * np.sinc(np.subtract.outer(mu, mu) / 2))),
    ("19.2", "wrong", "factor left out", lambda G, mu, U:
        backward_with(G, U, np.exp(0.5j * np.add.outer(mu, mu)) * np.sinc(np.subtract.outer(mu, mu) / np.pi))),
    ("19.2", "wrong", "factor left out", lambda G, mu, U:
        backward_with(G, U, np.exp(1j * np.add.outer(mu, mu)) * np.sinc(np.subtract.outer(mu, mu) / 2 / np.pi))),
    ("19.2", "wrong", "factor left out", lambda G, mu, U:
        backward_with(G, U, np.exp(0.5j * np.add.outer(mu, mu)))),
    ("19.2", "wrong", "factor left out", lambda G, mu, U:
        backward_with(G, U, np.sinc(np.subtract.outer(mu, mu) / 2 / np.pi))),
    ("19.2", "wrong", "epsilon in a denominator", lambda G, mu, U:
        backward_with(G, U, divided_differences(mu, 1e-8))),
    ("19.2", "wrong", "0/0", lambda G, mu, U:
        backward_with(G, U, divided_differences(mu, 0))),
    ("19.2", "wrong", "conjugate", lambda G, mu, U: (U @ ((U.T @ G @ U) * phi(mu)) @ U.T).real),
    ("19.2", "wrong", "conjugate", lambda G, mu, U: exponential_backward(G, mu, U.conj())),
    ("19.2", "wrong", "another operation", lambda G, mu, U:
        (U @ (U.conj().T @ G @ U @ phi(mu)) @ U.conj().T).real),
    ("19.2", "wrong", "real part forgotten", lambda G, mu, U: U @ ((U.conj().T @ G @ U) * phi(mu)) @ U.conj().T),
    ("19.2", "wrong", "abs where a sign belongs", lambda G, mu, U:
        np.abs(U @ ((U.conj().T @ G @ U) * phi(mu)) @ U.conj().T)),
    ("19.2", "wrong", "transposed", lambda G, mu, U: exponential_backward(G, mu, U).T),
    ("19.2", "wrong", "term too many", lambda G, mu, U:
        exponential_backward(G, mu, U) - exponential_backward(G, mu, U).T),
    ("19.2", "wrong", "first order for the whole", lambda G, mu, U:
        G @ (U * np.exp(1j * mu) @ U.conj().T).real),
    ("19.2", "wrong", "squeezed", lambda G, mu, U: exponential_backward(G, mu, U).squeeze()),
]
