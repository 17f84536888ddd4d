"""Lesson 19, weights that stay orthogonal: a step of the iso flow, and the way back through an exponential."""

import numpy as np

from feedbackalign.exercises.base import Exercise
from feedbackalign.ops import initialisers
from feedbackalign.ops.skew import skew_exp, skew_exp_adjoint
from feedbackalign.ops.vector_fields import iso, symmetric


def turned(W, Q, N, h):
    """Exercise 19.1. One step of the matrices in the iso flow (equations 2 and 5).

    W (d, d) is orthogonal, Q and N (d, d) are what is learnt, h is the length of the step. Return the next W, (d, d).
    """
    raise NotImplementedError


def _matrices(rng):
    return [(initialisers.orthogonal((d, d), rng), 0.4 * rng.normal(size=(d, d)), 0.4 * rng.normal(size=(d, d)), h)
            for d, h in [(4, 0.1), (5, 0.3)]]


def _commutator(W, Q, N):
    M = iso(W, Q, N)
    return M - M.T


def _turned(W, Q, N, h):
    return _along(W, iso(W, Q, N), h)


def _along(W, M, h):
    """A step along B = M − Mᵀ."""
    return W @ skew_exp(h * (M - M.T))[0]


def _bracketed(W, Q_s, N_s, h):
    """A step along B = H N_s − N_s H, which is skew-symmetric only where Q_s and N_s are symmetric."""
    H = W.T @ Q_s @ W
    return W @ _power_series(h * (H @ N_s - N_s @ H))


def _power_series(A, terms=40):
    """exp(A) of any small A."""
    E = term = np.eye(len(A))
    for n in range(1, terms):
        term = term @ A / n
        E = E + term
    return E


def exponential_backward(G, mu, U):
    """Exercise 19.2. From ∂L/∂exp(A) to ∂L/∂A (equation 7).

    G (d, d) is ∂L/∂exp(A); mu (d,) and U (d, d), complex, are the eigenvalues and eigenvectors of iA. Return ∂L/∂A,
    (d, d), real, as if every entry of A were free.
    """
    raise NotImplementedError


def _exponentials(rng):
    cases = []
    for d in (4, 5):
        M = rng.normal(size=(d, d))
        cases.append((rng.normal(size=(d, d)), *skew_exp(M - M.T)[1:]))
    return cases


def _with(phi, G, mu, U):
    """Equation 7 with another Φ, a function of μ_j (d, 1) and μ_k (d,)."""
    return (U @ ((U.conj().T @ G @ U) * phi(mu[:, None], mu)) @ U.conj().T).real.copy()


def _sinc(x):
    return np.sinc(x / np.pi)


Q_ALONE, N_ALONE = "Q is not made symmetric: Q_s = Q + Qᵀ", "N is not made symmetric: N_s = N + Nᵀ"
BOTH_ALONE = "neither Q nor N is made symmetric: Q_s = Q + Qᵀ and N_s = N + Nᵀ"

EXERCISES = {
    "19.1": Exercise(task=turned, cases=_matrices, right=_turned, mistakes=[
        ("M itself is in the exponential; B = M − Mᵀ belongs there, or W does not stay orthogonal",
         lambda W, Q, N, h: W @ _power_series(h * iso(W, Q, N))),
        ("this is W + h W B, which drifts away from the orthogonal matrices; take the exponential",
         lambda W, Q, N, h: W + h * W @ _commutator(W, Q, N)),
        ("W is turned the other way round: B is H N_s − N_s H, in this order",
         lambda W, Q, N, h: _turned(W, Q, N, -h)),
        ("you left out h", lambda W, Q, N, h: _turned(W, Q, N, 1.0)),
        ("the exponential stands on the left of W; W_{k+1} = W_k exp(h B_k)",
         lambda W, Q, N, h: skew_exp(h * _commutator(W, Q, N))[0] @ W),
        (Q_ALONE, lambda W, Q, N, h: _along(W, W.T @ Q @ W @ symmetric(N), h)),
        (Q_ALONE, lambda W, Q, N, h: _bracketed(W, Q, symmetric(N), h)),
        (N_ALONE, lambda W, Q, N, h: _along(W, W.T @ symmetric(Q) @ W @ N, h)),
        (N_ALONE, lambda W, Q, N, h: _bracketed(W, symmetric(Q), N, h)),
        (BOTH_ALONE, lambda W, Q, N, h: _along(W, W.T @ Q @ W @ N, h)),
        (BOTH_ALONE, _bracketed),
        ("H is Wᵀ Q_s W, not W Q_s Wᵀ", lambda W, Q, N, h: W @ skew_exp(h * _commutator(W.T, Q, N))[0]),
    ]),
    "19.2": Exercise(task=exponential_backward, cases=_exponentials, right=skew_exp_adjoint, mistakes=[
        ("Φ has the sign of the exponential, e^(−i…); it is the opposite one, e^(+i…)",
         lambda G, mu, U: skew_exp_adjoint(G, -mu, U)),
        ("you left out sinc", lambda G, mu, U: _with(lambda j, k: np.exp(0.5j * (j + k)), G, mu, U)),
        ("np.sinc(x) is sin(πx)/(πx): divide its argument by π",
         lambda G, mu, U: _with(lambda j, k: np.exp(0.5j * (j + k)) * np.sinc((j - k) / 2), G, mu, U)),
        ("the halves are missing: Φ holds (μ_j + μ_k)/2 and (μ_j − μ_k)/2",
         lambda G, mu, U: _with(lambda j, k: np.exp(1j * (j + k)) * _sinc(j - k), G, mu, U)),
        ("you left out the phase e^(i(μ_j + μ_k)/2)",
         lambda G, mu, U: _with(lambda j, k: _sinc((j - k) / 2), G, mu, U)),
        ("this is G turned back by exp(−A), as if all matrices could change places: Φ goes entry by entry",
         lambda G, mu, U: (U * np.exp(1j * mu) @ U.conj().T @ G).real.copy()),
    ]),
}
