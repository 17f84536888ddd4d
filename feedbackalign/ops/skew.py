"""From a skew-symmetric matrix to an orthogonal one: the exponential and the Cayley map, each with its adjoint.

    exponential    E = exp(A),  Aᵀ = −A          iA is Hermitian, iA = U diag(μ) U*, so E = Re(U diag(e^{−iμ}) U*)
    its adjoint    L(G) = Re(U ((U* G U) ∘ Φ) U*),  Φ_jk = e^{i(μ_j + μ_k)/2} sinc((μ_j − μ_k)/2)
    Cayley         E = (I − A/2)⁻¹ (I + A/2) = 2R − I,  R = (I − A/2)⁻¹
    its adjoint    Rᵀ G Rᵀ

An adjoint takes ∂L/∂E to ∂L/∂A: ⟨G, dE⟩ = ⟨adjoint(G), dA⟩ for every small change dA. That of the exponential is the
Fréchet derivative at Aᵀ = −A, which is why Φ has +i where E has −i; with −i it would be right to first order in A only.
sinc(x) = sin(x)/x has no trouble where two μ are equal. The Cayley map differs from the exponential by O(A³).
"""

import numpy as np


def skew_exp(A):
    """exp(A) of a skew-symmetric A (d, d): -> E (d, d), and what the adjoint needs, μ (d,) and U (d, d), complex.

    >>> E, _, _ = skew_exp(np.array([[0.0, -np.pi / 2], [np.pi / 2, 0.0]]))
    >>> E.round(12) + 0.0
    array([[ 0., -1.],
           [ 1.,  0.]])
    """
    mu, U = np.linalg.eigh(1j * A)
    return ((U * np.exp(-1j * mu)) @ U.conj().T).real.copy(), mu, U


def skew_exp_adjoint(G, mu, U):
    """∂L/∂E (d, d) -> ∂L/∂A (d, d), with μ and U as `skew_exp` gave them."""
    phase = np.exp(0.5j * mu)                                                   # (d,)
    phi = np.outer(phase, phase) * np.sinc((mu[:, None] - mu) / (2 * np.pi))    # (d, d); np.sinc(x) = sin(πx)/(πx)
    inner = U.conj().T @ G @ U
    return (U @ (inner * phi) @ U.conj().T).real.copy()


def cayley(A):
    """(I − A/2)⁻¹ (I + A/2) of a skew-symmetric A (d, d): -> E (d, d), and what the adjoint needs, R (d, d).

    >>> E, _ = cayley(np.array([[0.0, -2.0], [2.0, 0.0]]))
    >>> E.round(12) + 0.0
    array([[ 0., -1.],
           [ 1.,  0.]])
    """
    identity = np.eye(len(A), dtype=A.dtype)
    R = np.linalg.solve(identity - 0.5 * A, identity)
    return 2.0 * R - identity, R


def cayley_adjoint(G, R):
    """∂L/∂E (d, d) -> ∂L/∂A (d, d), with R as `cayley` gave it."""
    return R.T @ G @ R.T
