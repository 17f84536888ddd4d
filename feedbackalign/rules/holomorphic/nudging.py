"""Reading the answer to a nudge: a finite circle in the complex plane gives the exact derivative at its centre.

    δ = da*/dβ at 0  =  1/2πi ∮ a*(β) / β² dβ             Cauchy, if a* has no singularity inside the circle
                     ≈  1/N Σ_k a*(β_k) / β_k              β_k = r exp(2πi k/N): wrong by O(rᴺ), not by O(r)
    a*(0)            ≈  1/N Σ_k a*(β_k)                    the mean-value property: a check that costs nothing

The nudge is +β ∂ℓ/∂a, so that β > 0 *raises* the loss and da/dβ is the error itself. This β is minus the one of
`equilibrium.dynamics`, whose `settle` is called with −β. In this pair of coordinates δ = D (I − J D)⁻¹ e, D = σ' at the
free state and J the recurrent weights: the true error vector D (I − Jᵀ D)⁻¹ e where J is symmetric. N = 1 is the
one-sided estimate of equilibrium propagation, N = 2 the symmetric one.

Laborieux & Zenke, arXiv 2209.00530 (2022) and arXiv 2309.02214 (2023).
"""

import dataclasses

import numpy as np

from feedbackalign.ops.norms import norm
from feedbackalign.rules.equilibrium.dynamics import settle, top_error
from feedbackalign.rules.equilibrium.exact_gradients import forward_weights, jacobian_times, slopes
from feedbackalign.validation import require_integer, require_step



@dataclasses.dataclass
class Estimate:
    """What a nudging found, per sample and layer.

    Attributes
    ----------
    deltas : list of arrays
        δ_n ≈ da_n/dβ at β = 0, real, in the shape of the states.
    mean : list of arrays or None
        The mean of the states over the circle, real; None for the tangent, whose states do not move.
    residual : float
        The largest residual of its phases.
    """

    deltas: list
    mean: list = None
    residual: float = 0.0


def require_circle(radius, points):
    """Refuse a circle that cannot be walked; -> (radius, points). Its states are complex128."""
    return require_step(radius, "radius", np.float64), require_integer(points, "points", low=1)


def half_circle(radius, points):
    """[(β, how often it counts)]: a(β̄) is the conjugate of a(β), so the lower half need not be settled.

    Real β stay real numbers, and so do the states that they nudge.

    >>> half_circle(0.5, 2)
    [(0.5, 1), (-0.5, 1)]
    >>> [count for _, count in half_circle(0.5, 8)]
    [1, 2, 2, 2, 1]
    """
    circle = []
    for k in range(points // 2 + 1):
        if k == 0 or 2 * k == points:
            circle.append((radius if k == 0 else -radius, 1))
        else:
            circle.append((complex(radius * np.exp(2j * np.pi * k / points)), 2))
    return circle


def whole_circle(radius, points):
    """[(β, 1)] for all N points, to check the shortcut by."""
    return [(complex(radius * np.exp(2j * np.pi * k / points)), 1) for k in range(points)]


def cauchy_sum(phase, free, circle):
    """δ = Re 1/N Σ_k a(β_k) / β_k, and the mean of the a(β_k).

    Parameters
    ----------
    phase : callable
        β -> (states, residual), settled from the free state.
    free : list of arrays
        a(0). Subtracted at N = 1, whose sum would otherwise hold a(0)/β.
    circle : list of (β, count)
        Of `half_circle` or `whole_circle`.

    Returns
    -------
    Estimate
    """
    N, worst = sum(count for _, count in circle), 0.0
    deltas, mean = [np.zeros_like(a) for a in free], [np.zeros_like(a) for a in free]
    for beta, count in circle:
        states, residual = phase(beta)
        worst = max(worst, residual)
        for delta, average, state, start in zip(deltas, mean, states, free):
            moved = state - start if N == 1 else state
            delta += count * (moved / beta).real / N
            average += count * state.real / N
    return Estimate(deltas, mean, worst)


def tangent(chain, x, free, targets, *, steps, feedback, damping=0.5, until=0.0):
    """The limit r → 0, exactly: the derivative of every settling step by β, carried forward from 0.

    d ← h d + (1 − h) D (J d + e). After T steps it is wrong by the T-th power of the slowest mode. It stops before
    `steps` once nothing moves by more than `until`.
    """
    slope, error = slopes(chain, x, free, feedback), top_error(chain, free[-1], targets)
    W = forward_weights(chain)
    deltas, residual = [np.zeros_like(state) for state in free], float("inf")
    for _ in range(steps):
        answers = jacobian_times(chain, free, deltas, up=W, down_by=feedback, feedback=feedback)
        answers[-1] += error
        new = [damping * d + (1 - damping) * D * a for d, D, a in zip(deltas, slope, answers)]
        residual = max(float(np.abs(after - before).max()) for after, before in zip(new, deltas))
        deltas = new
        if residual <= until:
            break
    return Estimate(deltas, None, residual)


def oscillate(chain, x, targets, *, radius, points, periods, steps, feedback, damping=0.5):
    """Never stop and never reset: β walks round the circle while the network follows, and two means are kept.

    Each of the N points holds for `steps` steps. The mean of the activities stands for the free state, by the
    mean-value property; the mean of a/β is δ. The first period, which starts from rest, is not counted.

    Returns
    -------
    Estimate
        With `mean`, the state in which this mode reads its gradient.
    """
    circle = whole_circle(radius, points)
    states = chain.rest(len(x), np.float64)
    mean, deltas = [np.zeros_like(s) for s in states], [np.zeros_like(s) for s in states]
    worst = 0.0
    for period in range(1 + periods):
        for beta, _ in circle:
            states, residual = settle(chain, x, states, steps=steps, feedback=feedback, beta=-beta, targets=targets,
                                      sweep="synchronous", damping=damping)
            if period == 0:
                continue
            worst = max(worst, residual)
            for delta, average, state in zip(deltas, mean, states):
                delta += (state / beta).real / (periods * points)
                average += state.real / (periods * points)
    return Estimate(deltas, mean, worst)


def mean_value_defect(estimate, free, radius):
    """‖mean_k a(β_k) − a(0)‖ / (r ‖δ‖): how far the circle is from enclosing a holomorphic a(β).

    The mean over a circle of a holomorphic function is its value at the centre. A radius beyond the nearest
    singularity does not show in the residual, it shows here. With N = 1 the defect is 1 by construction.

    Returns
    -------
    float or None
        None for the tangent, which has no radius, and where both norms are 0.
    """
    if estimate.mean is None:
        return None
    moved = norm([norm(m - a) for m, a in zip(estimate.mean, free)])
    length = norm([norm(d) for d in estimate.deltas])
    if length == 0:
        return None if moved == 0 else float("inf")
    return float(moved / (radius * length))
