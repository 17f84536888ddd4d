"""Where a matrix W of a flow is led: three vector fields M(t, W), and what an error at M says of W and the parameters.

The flow turns W by the skew-symmetric B = M − Mᵀ. With G = ∂L/∂M, in the same order:

    iso          M = H N_s,  H = Wᵀ Q_s W,  Q_s = Q + Qᵀ,  N_s = N + Nᵀ    so B = [H, N_s]: a double bracket flow
                 ∂H = G N_s,   ∂N_s = H G,   ∂Q_s = W ∂H Wᵀ,   ∂W = Q_s W (∂H + ∂Hᵀ)
    gated        M = Σ_i a_i F_i,  vec F_i = V_i tanh(U_i [t; vec W] + p_i) + q_i      gates i, row-major vec
                 the chain rule, gate by gate
    free-time    M = S_k, learnt for every step by itself

In the iso flow H keeps its eigenvalues (it is isospectral), and tr(H N_s) can only grow: Brockett 1991.
"""

import numpy as np


def symmetric(M):
    """M + Mᵀ."""
    return M + M.T


def iso(W, Q, N):
    """W, Q, N (d, d) -> M (d, d)."""
    return W.T @ symmetric(Q) @ W @ symmetric(N)


def iso_backward(G, W, Q, N):
    """G, W, Q, N (d, d) -> ∂W, ∂Q, ∂N (d, d)."""
    QW, N_s = symmetric(Q) @ W, symmetric(N)
    G_H = G @ N_s
    return QW @ symmetric(G_H), symmetric(W @ G_H @ W.T), symmetric(W.T @ QW @ G)


def gated(W, t, a, U, p, V, q):
    """W (d, d), t a number, a (gates,), U (gates, hidden, d² + 1), p (gates, hidden), V (gates, d², hidden) and
    q (gates, d²) -> M (d, d).
    """
    z = _hidden(_time_and_matrix(W, t), U, p)                                   # (gates, hidden)
    return (a @ _fields(z, V, q)).reshape(W.shape)                              # (gates,) x (gates, d²) -> (d, d)


def gated_backward(G, W, t, a, U, p, V, q):
    """G (d, d), the rest as for `gated` -> ∂W, ∂a, ∂U, ∂p, ∂V, ∂q, each in its array's shape."""
    seen = _time_and_matrix(W, t)                                               # (d² + 1,)
    z = _hidden(seen, U, p)                                                     # (gates, hidden)
    g = G.ravel()                                                               # (d²,)
    g_a = _fields(z, V, q) @ g                                                  # (gates, d²) x (d²,) -> (gates,)
    g_q = np.outer(a, g)                                                        # (gates, d²)
    g_V = g_q[:, :, None] * z[:, None, :]                                       # (gates, d², hidden)
    g_p = np.einsum("gdh,gd->gh", V, g_q) * (1.0 - z * z)                       # (gates, hidden), through tanh
    g_U = g_p[:, :, None] * seen                                                # (gates, hidden, d² + 1)
    g_W = np.tensordot(g_p, U, 2)[1:].reshape(W.shape)                          # -> (d² + 1,) -> (d, d); t is no input
    return g_W, g_a, g_U, g_p, g_V, g_q


def _time_and_matrix(W, t):
    """[t; vec W]: (d, d) -> (d² + 1,)."""
    seen = np.empty(W.size + 1, dtype=W.dtype)
    seen[0], seen[1:] = t, W.ravel()
    return seen


def _hidden(seen, U, p):
    return np.tanh(U @ seen + p)                                                # (gates, hidden)


def _fields(z, V, q):
    return np.einsum("gdh,gh->gd", V, z) + q                                    # (gates, d²)


def free_time(W, S):
    """W, S (d, d) -> M (d, d), which is S: where W stands does not matter."""
    return S.copy()


def free_time_backward(G, W, S):
    """G, W, S (d, d) -> ∂W, which is zero, and ∂S (d, d)."""
    return np.zeros_like(W), G.copy()
