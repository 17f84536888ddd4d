"""Lateral weights that follow the inverse of their layer's correlations, three updates of it.

R ← λ R + (1 − λ) XᵀX/N has, with γ = (1 − λ)/λ, the inverse

    woodbury    B ← (B − c Zᵀ (I + c X Zᵀ)⁻¹ Z) / λ        c = γ/N, Z = X B                 exact
    rank1       B ← (B − γ zᵀz / (1 + γ z xᵀ)) / λ         a batch of one, z = x B          exact
    paper       B ← (B − c Zᵀ Z) / λ                       first order in γ

ε stands in none of them, though the objective has B = (R + εI)⁻¹. The paper's update leaves B positive definite if and
only if c λ_max(X B Xᵀ) < 1; a step that would not is refused. As tr(B R) = n on average, expect that for a batch of one
from λ ≤ 1 − 1/n.

X (N, n) are the rates of one batch. Bozkurt, Pehlevan, Erdogan 2023, arXiv 2306.04810.
"""

import numpy as np

UPDATES = ("paper", "rank1", "woodbury", "none")


def growth(B, X, gamma):
    """(γ/N) λ_max(X B Xᵀ): below 1 the paper's update leaves B (n, n) positive definite. X (N, n) -> float.

    >>> round(growth(np.eye(2), np.array([[3.0, 4.0]]), 0.01), 12)
    0.25
    """
    K = X.astype(np.float64) @ B @ X.T                                          # (N, N)
    return gamma / len(X) * float(np.linalg.eigvalsh((K + K.T) / 2)[-1])


def require_definite(B, X, gamma, name):
    """Refuse a step of the paper's update after which B would not be positive definite, naming the layer."""
    bound = gamma / len(X) * float(((X @ B) * X).sum())                         # with the trace in place of λ_max
    value = growth(B, X, gamma) if bound >= 1 else bound
    if not value < 1:
        raise FloatingPointError(f"{name}.lateral: the paper's update would no longer be positive definite: "
                                 f"(γ/N) λ_max(X B Xᵀ) is {value:.4g}, expected below 1. Take forgetting nearer to 1, "
                                 f"or lateral=\"woodbury\"")


def paper(B, X, forgetting):
    """The published update: B (n, n), rates X (N, n), λ -> (n, n).

    >>> paper(np.eye(1), np.ones((1, 1)), 0.5)
    array([[0.]])
    """
    Z = X @ B                                                                   # (N, n)
    return (B - (1 - forgetting) / forgetting / len(X) * (Z.T @ Z)) / forgetting


def rank1(B, X, forgetting):
    """The exact update for a batch of one: B (n, n), rates X (1, n), λ -> (n, n).

    >>> rank1(np.eye(1), np.ones((1, 1)), 0.5)
    array([[1.]])
    """
    if len(X) != 1:
        raise ValueError(f"lateral=\"rank1\" takes one sample a batch, got {len(X)}: use \"woodbury\"")
    gamma = (1 - forgetting) / forgetting
    z = X @ B                                                                   # (1, n)
    return (B - gamma * (z.T @ z) / (1 + gamma * float((z * X).sum()))) / forgetting


def woodbury(B, X, forgetting):
    """The exact update for a batch: B (n, n), rates X (N, n), λ -> (n, n).

    >>> woodbury(np.eye(1), np.ones((2, 1)), 0.5)
    array([[1.]])
    """
    c = (1 - forgetting) / forgetting / len(X)
    Z = X @ B                                                                   # (N, n)
    inner = np.eye(len(X), dtype=B.dtype) + c * (X @ Z.T)                       # (N, N) = L Lᵀ
    Y = np.linalg.solve(np.linalg.cholesky(inner), Z)                           # L⁻¹ Z, (N, n)
    return (B - c * (Y.T @ Y)) / forgetting                                     # symmetric to the last bit
