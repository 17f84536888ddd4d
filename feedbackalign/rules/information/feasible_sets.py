"""The sets in which the rates of a layer may lie, and the projections that keep them there.

    antisparse            0 ≤ r ≤ 1              r = clip(u, 0, 1)
    signed-antisparse     −1 ≤ r ≤ 1             r = clip(u, −1, 1)
    sparse                r ≥ 0, Σ r ≤ 1         r = max(u, 0), and the dual q inhibits the layer
    signed-sparse         Σ |r| ≤ 1              r = sign(u) max(|u| − q, 0)

u are the voltages. A sparse layer has one dual q ≥ 0 for each sample, an inhibition that grows while Σ|r| is above 1:

    a ← a + η_q (−a + Σ|r| − 1 + q),   q ← max(a, 0)

Small rates η_q enforce the bound softly: at the published 1e-6 a hidden layer is a layer of ReLUs. The paper's main
results are for antisparse, its appendix has sparse. We know the two signed sets from memory alone.
"""

import numpy as np

SETS = ("antisparse", "sparse", "signed-antisparse", "signed-sparse")
WITH_DUAL = ("sparse", "signed-sparse")


def rates_of(voltages, dual, feasible):
    """The rates at these voltages (N, n) and, in a sparse layer, this dual (N,) -> (N, n).

    >>> u = np.array([[-1.5, 0.5, 1.5]])
    >>> rates_of(u, None, "antisparse"), rates_of(u, np.array([1.0]), "signed-sparse")
    (array([[0. , 0.5, 1. ]]), array([[-0.5,  0. ,  0.5]]))
    """
    if feasible == "antisparse":
        return np.clip(voltages, 0, 1)
    if feasible == "signed-antisparse":
        return np.clip(voltages, -1, 1)
    if feasible == "sparse":
        return np.maximum(voltages, 0)
    return np.sign(voltages) * np.maximum(np.abs(voltages) - dual[:, None], 0)


def slopes_of(voltages, dual, feasible):
    """∂r/∂u, 1 where the rate follows the voltage and 0 elsewhere: (N, n) -> (N, n) of bool.

    >>> slopes_of(np.array([[-1.5, 0.5, 1.5]]), None, "antisparse")
    array([[False,  True, False]])
    """
    if feasible == "antisparse":
        return (voltages > 0) & (voltages < 1)
    if feasible == "signed-antisparse":
        return np.abs(voltages) < 1
    if feasible == "sparse":
        return voltages > 0
    return np.abs(voltages) > dual[:, None]


def next_dual(companion, dual, rates, rate):
    """One step of a sparse layer's dual: (N,), (N,), rates (N, n), η_q -> companion (N,), dual (N,).

    >>> next_dual(np.zeros(1), np.zeros(1), np.array([[0.9, 0.6]]), 0.1)
    (array([0.05]), array([0.05]))
    """
    companion = companion + rate * (np.abs(rates).sum(axis=1) - 1 + dual - companion)
    return companion, np.maximum(companion, 0)
