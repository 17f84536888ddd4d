"""Correlative information: how much two layers tell about each other, as far as correlations know.

Of two random vectors x and y, with correlation matrices Rx, Ry, Ryx (not centred) and a small ε:

    Eq. 1   I(x, y) = ½ log|Rx + εI| + ½ log|Ry + εI| − ½ log|[Rx + εI, Rxy; Ryx, Ry + εI]|
    Eq. 2   I→ = ½ log|Ry + εI| − ½ log|Ry + εI − Ryx (Rx + εI)⁻¹ Rxy|             predict y from x

Both are equal, and so is Eq. 2 with x and y exchanged: one form needs a forward predictor, the other a backward one,
and neither has to be the transpose of the other. The best predictor W* = Ryx (Rx + εI)⁻¹ minimises
mean ‖y − W x‖² + ε ‖W‖², and with the correlation Re of its errors

    Eq. 3   Ry + εI − Ryx (Rx + εI)⁻¹ Rxy = Re + ε W* W*ᵀ + εI

The network drops ε W* W*ᵀ and takes log|Re + εI| ≈ n log ε + tr(Re)/ε, which is never less: `layer_information`.

Bozkurt, Pehlevan, Erdogan 2023, arXiv 2306.04810.
"""

import numpy as np


def log_determinant(R, epsilon):
    """log|R + εI|: (n, n) -> float."""
    return float(np.linalg.slogdet(R + epsilon * np.eye(len(R)))[1])


def joint_information(Rx, Ry, Ryx, epsilon):
    """Eq. 1: Rx (n, n), Ry (m, m), Ryx (m, n) -> float.

    >>> bool(np.isclose(joint_information(np.eye(1), np.eye(1), np.array([[0.5]]), 0.0), -0.5 * np.log(0.75)))
    True
    """
    both = np.block([[Rx, Ryx.T], [Ryx, Ry]])
    return 0.5 * (log_determinant(Rx, epsilon) + log_determinant(Ry, epsilon) - log_determinant(both, epsilon))


def predictor(Rx, Ryx, epsilon):
    """The best linear predictor of y from x: (n, n), (m, n) -> (m, n)."""
    return np.linalg.solve(Rx + epsilon * np.eye(len(Rx)), Ryx.T).T                     # Rx is symmetric


def predictive_information(Rx, Ry, Ryx, epsilon):
    """Eq. 2, by predicting y from x: Rx (n, n), Ry (m, m), Ryx (m, n) -> float.

    >>> Rx, Ry, Ryx = np.eye(2), np.eye(1), np.array([[0.5, 0.1]])
    >>> forward, backward = predictive_information(Rx, Ry, Ryx, 0.1), predictive_information(Ry, Rx, Ryx.T, 0.1)
    >>> round(forward, 9) == round(backward, 9) == round(joint_information(Rx, Ry, Ryx, 0.1), 9)
    True
    """
    left = Ry - predictor(Rx, Ryx, epsilon) @ Ryx.T
    return 0.5 * (log_determinant(Ry, epsilon) - log_determinant(left, epsilon))


def layer_information(rates, errors, epsilon):
    """What a layer's rates tell, less what their prediction misses, in the network's own approximation.

    ½ [log|R + εI| − n log ε − mean ‖e‖² / ε], R the correlation of the rates: a lower bound of the exact ½ [log|R + εI|
    − log|Re + εI|].

    Parameters
    ----------
    rates, errors : arrays (N, n)
        The layer's rates, and the errors of their prediction from the layer below or above.
    epsilon : float

    >>> rates = np.array([[1.0, 0.0], [0.0, 1.0]])
    >>> bool(np.isclose(layer_information(rates, 0 * rates, 0.5), np.log(2)))
    True
    """
    N, n = rates.shape
    missed = float((errors**2).sum()) / N
    return 0.5 * (log_determinant(rates.T @ rates / N, epsilon) - n * float(np.log(epsilon)) - missed / epsilon)
