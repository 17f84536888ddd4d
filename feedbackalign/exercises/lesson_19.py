"""Lesson 19, weights that stay orthogonal: a step of the iso flow, and the way back through an exponential."""

import numpy as np

from feedbackalign.exercises import hints
from feedbackalign.exercises.base import Exercise
from feedbackalign.exercises.limits import epsilons
from feedbackalign.ops import initialisers
from feedbackalign.ops.skew import cayley, skew_exp, skew_exp_adjoint
from feedbackalign.ops.vector_fields import iso, symmetric


def turned(W, Q, N, h):
    """Exercise 19.1. One step of the matrices in the iso flow (equations 2 and 5).

    W (d, d) is orthogonal, Q and N (d, d) are what is learnt, h is the length of the step. Return the next W, (d, d).
    """
    raise NotImplementedError


def _layer(rng, d, h, size=0.4):
    return initialisers.orthogonal((d, d), rng), *(size * rng.normal(size=(2, d, d))), h


def _matrices(rng):
    return [_layer(rng, 4, 0.1), _layer(rng, 5, 0.3)]


def _matrices_at_the_limits(rng):
    W, Q, N, h = _layer(rng, 4, 0.2)
    return {"d = 1": _layer(rng, 1, 0.5), "d = 2": _layer(rng, 2, 0.7), "a step of length 1": _layer(rng, 5, 1.0, 0.2),
            "turns by more than 90°": _layer(rng, 3, 3.0, 0.65), "a reflection": (W * [1, 1, 1, -1], Q, N, h),
            "W the identity": (np.eye(4), Q, N, h), "Q and N that are symmetric": (W, Q + Q.T, N + N.T, 0.03),
            "Q_s and N_s that commute": (np.eye(4), Q, Q.T, h), "Q and N of zeros": (W, 0 * Q, 0 * N, h)}


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


def _exponential(rng, d, size=1.0):
    M = size * rng.normal(size=(d, d))
    return rng.normal(size=(d, d)), *skew_exp(M - M.T)[1:]


def _exponentials(rng):
    return [_exponential(rng, 4), _exponential(rng, 5)]


def _exponentials_at_the_limits(rng):
    G, mu, U = _exponential(rng, 4)
    turn = np.array([[1, 1], [1j, -1j]]) / np.sqrt(2)               # eigenvectors of one turn in a plane
    return {"d = 1": _exponential(rng, 1), "d = 2": _exponential(rng, 2), "A = 0": (G, 0 * mu, np.eye(4) + 0j),
            "equal eigenvalues": (G, np.array([0.8, -0.8, 0.8, -0.8]), np.kron(np.eye(2), turn)),
            "turns by more than 180°": _exponential(rng, 5, 3.0), "a small A": _exponential(rng, 3, 0.01),
            "a tiny G": (1e-150 * G, mu, U), "a huge G": (1e150 * G, mu, U)}


def _with(phi, G, mu, U):
    """Equation 7 with another Φ, a function of μ_j (d, 1) and μ_k (d,)."""
    return (U @ ((U.conj().T @ G @ U) * phi(mu[:, None], mu)) @ U.conj().T).real.copy()


def _sinc(x):
    return np.sinc(x / np.pi)


def _by_itself(x, epsilon=0.0):
    return np.sin(x) / (x + epsilon)


def _phase(j, k):
    return np.exp(0.5j * (j + k))


def _phi(mu):
    """Φ (d, d)."""
    return _phase(mu[:, None], mu) * _sinc((mu[:, None] - mu) / 2)


Q_ALONE, N_ALONE = "Q is not made symmetric: Q_s = Q + Qᵀ", "N is not made symmetric: N_s = N + Nᵀ"
BOTH_ALONE = "neither Q nor N is made symmetric: Q_s = Q + Qᵀ and N_s = N + Nᵀ"

EXERCISES = {
    "19.1": Exercise(task=turned, cases=_matrices, limits=_matrices_at_the_limits, right=_turned, mistakes=[
        ("M itself is in the exponential; B = M − Mᵀ belongs there, or W does not stay orthogonal",
         lambda W, Q, N, h: W @ _power_series(h * iso(W, Q, N))),
        ("M + Mᵀ is in the exponential; B = M − Mᵀ belongs there, or W does not stay orthogonal",
         lambda W, Q, N, h: W @ _power_series(h * symmetric(iso(W, Q, N)))),
        ("this is W + h W B, which drifts away from the orthogonal matrices; take the exponential",
         lambda W, Q, N, h: W + h * W @ _commutator(W, Q, N)),
        ("this is the Cayley map, which is near the exponential for short steps alone; Eq. 2 has the exponential",
         lambda W, Q, N, h: W @ cayley(h * _commutator(W, Q, N))[0]),
        ("this is a series for the exponential that ends too early", lambda W, Q, N, h: W @ _power_series(
            h * _commutator(W, Q, N), terms=3)),
        ("np.exp goes entry by entry; the exponential of a matrix is another thing",
         lambda W, Q, N, h: W @ np.exp(h * _commutator(W, Q, N))),
        ("W is left out: W_{k+1} = W_k exp(h B_k)", lambda W, Q, N, h: skew_exp(h * _commutator(W, Q, N))[0]),
        (f"{hints.ORDER_SWAPPED}: B is H N_s − N_s H, and you turn W the other way round",
         lambda W, Q, N, h: _turned(W, Q, N, -h)),
        (f"{hints.ORDER_SWAPPED}: W_{{k+1}} = W_k exp(h B_k), and your exponential stands on the left of W",
         lambda W, Q, N, h: skew_exp(h * _commutator(W, Q, N))[0] @ W),
        (f"{hints.ORDER_SWAPPED}: H is Wᵀ Q_s W, not W Q_s Wᵀ",
         lambda W, Q, N, h: W @ skew_exp(h * _commutator(W.T, Q, N))[0]),
        (f"{hints.ORDER_SWAPPED}, twice: H is Wᵀ Q_s W, and exp(h B) stands on the right of W",
         lambda W, Q, N, h: skew_exp(h * _commutator(W.T, Q, N))[0] @ W),
        (f"{hints.SIGN}: Q_s is Q + Qᵀ",
         lambda W, Q, N, h: _along(W, W.T @ (Q - Q.T) @ W @ symmetric(N), h)),
        (f"{hints.SIGN}: N_s is N + Nᵀ",
         lambda W, Q, N, h: _along(W, W.T @ symmetric(Q) @ W @ (N - N.T), h)),
        ("H is Wᵀ Q_s W, and yours is Q_s", lambda W, Q, N, h: W @ skew_exp(h * _commutator(np.eye(len(W)), Q, N))[0]),
        ("you left out h", lambda W, Q, N, h: _turned(W, Q, N, 1.0)),
        ("Q_s and N_s have no ½: Q_s = Q + Qᵀ and N_s = N + Nᵀ", lambda W, Q, N, h: _turned(W, Q, N, h / 4)),
        ("one of Q_s and N_s has a ½ too much, or B has", lambda W, Q, N, h: _turned(W, Q, N, h / 2)),
        (Q_ALONE, lambda W, Q, N, h: _along(W, W.T @ Q @ W @ symmetric(N), h)),
        (Q_ALONE, lambda W, Q, N, h: _bracketed(W, Q, symmetric(N), h)),
        (N_ALONE, lambda W, Q, N, h: _along(W, W.T @ symmetric(Q) @ W @ N, h)),
        (N_ALONE, lambda W, Q, N, h: _bracketed(W, symmetric(Q), N, h)),
        (BOTH_ALONE, lambda W, Q, N, h: _along(W, W.T @ Q @ W @ N, h)),
        (BOTH_ALONE, _bracketed),
    ]),
    "19.2": Exercise(task=exponential_backward, cases=_exponentials, limits=_exponentials_at_the_limits,
                     right=skew_exp_adjoint, mistakes=[
        (f"{hints.SIGN}: Φ has e^(+i…), the opposite of the exponential's, and U is as it came, not its conjugate",
         lambda G, mu, U: skew_exp_adjoint(G, -mu, U)),
        ("you left out sinc", lambda G, mu, U: _with(_phase, G, mu, U)),
        ("np.sinc(x) is sin(πx)/(πx): divide its argument by π",
         lambda G, mu, U: _with(lambda j, k: _phase(j, k) * np.sinc((j - k) / 2), G, mu, U)),
        ("sinc is 1 where two eigenvalues are equal, as on the diagonal; sin(x)/x by itself is nan there",
         lambda G, mu, U: _with(lambda j, k: _phase(j, k) * _by_itself((j - k) / 2), G, mu, U)),
        ("the halves are missing: Φ holds (μ_j + μ_k)/2 and (μ_j − μ_k)/2",
         lambda G, mu, U: _with(lambda j, k: _phase(j, k)**2 * _sinc(j - k), G, mu, U)),
        ("the half of the phase is missing: e^(i(μ_j + μ_k)/2)",
         lambda G, mu, U: _with(lambda j, k: _phase(j, k)**2 * _sinc((j - k) / 2), G, mu, U)),
        ("the half of sinc's argument is missing: (μ_j − μ_k)/2",
         lambda G, mu, U: _with(lambda j, k: _phase(j, k) * _sinc(j - k), G, mu, U)),
        ("you left out the phase e^(i(μ_j + μ_k)/2)",
         lambda G, mu, U: _with(lambda j, k: _sinc((j - k) / 2), G, mu, U)),
        *[("a plus and a minus are exchanged: the phase holds μ_j + μ_k, and sinc μ_j − μ_k",
           lambda G, mu, U, s=s, t=t: _with(lambda j, k: _phase(j, s * k) * _sinc((j + t * k) / 2), G, mu, U))
          for s, t in [(-1, 1), (-1, -1), (1, 1)]],
        ("this is G turned back by exp(−A), as if all matrices could change places: Φ goes entry by entry",
         lambda G, mu, U: (U * np.exp(1j * mu) @ U.conj().T @ G).real.copy()),
        (f"{hints.ORDER_SWAPPED}: it is U ((U* G U) ∘ Φ) U*, with U* where you have U",
         lambda G, mu, U: skew_exp_adjoint(G, mu, U.conj().T)),
        ("U* is the transpose with conjugate entries, U.conj().T, and yours is U.T",
         lambda G, mu, U: (U @ ((U.T @ G @ U) * _phi(mu)) @ U.T).real.copy()),
        ("G stands there as it is, not transposed", lambda G, mu, U: skew_exp_adjoint(G.T, mu, U)),
        *[("every entry of A counts as free, so Aᵀ = −A asks for no symmetric part to be taken off",
           lambda G, mu, U, half=half: half * (skew_exp_adjoint(G, mu, U) - skew_exp_adjoint(G, mu, U).T))
          for half in (1.0, 0.5)],
        ("∘ goes entry by entry, and yours is the product of matrices", lambda G, mu, U: (
            U @ (U.conj().T @ G @ U @ _phi(mu)) @ U.conj().T).real.copy()),
        *[(f"{hint}, and where two eigenvalues are equal sinc is 1", mistake) for hint, mistake in epsilons(
            lambda G, mu, U, epsilon: _with(lambda j, k: _phase(j, k) * _by_itself((j - k) / 2, epsilon), G, mu, U))],
    ]),
}
