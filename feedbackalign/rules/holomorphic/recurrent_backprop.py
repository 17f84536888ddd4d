"""Recurrent backprop: the true error of a settled network whose weights need not be symmetric.

    δ = (I − D Jᵀ)⁻¹ D e            every unit's exact share in the settled loss (Almeida 1987, Pineda 1987)
    ∂W_n = δ_nᵀ a_{n−1}             post error times pre activity, for every synapse, upward (W) or downward (B)

e = ∂ℓ/∂a at the top, D = σ' at the free state, J the recurrent weights (with softmax pooling: the field's Jacobian).
What nudging finds instead is (I − D J)⁻¹ D e, and δ − δ_EP = 2 J'⁻ᵀ A δ_EP with J' = J − D⁻¹, A = (J − Jᵀ)/2.

It is the implicit gradient of `equilibrium.exact_gradients` with B in W's place from above, and so is most of its code.
"""

import numpy as np

from feedbackalign.rules.equilibrium.dynamics import readout_gradients, top_error
from feedbackalign.rules.equilibrium.exact_gradients import gradients_of_errors, sent_back, slopes, solved_errors

__all__ = ["gradients_of_errors", "iterated_errors", "readout_gradients", "recurrent_backprop", "solved_errors"]


def recurrent_backprop(chain, x, free, targets, *, feedback, damping=0.5, tolerance=1e-14, most=100_000):
    """The true error vectors δ = (I − D Jᵀ)⁻¹ D e at a settled free state, per sample: a list of arrays.

    Dense chains by one solve per sample, others by the damped iteration δ ← h δ + (1 − h) D (Jᵀ δ + e).

    Almeida 1987; Pineda 1987.
    """
    if all(state.ndim == 2 for state in free):
        return solved_errors(chain, x, free, targets, feedback)
    return iterated_errors(chain, x, free, targets, feedback, damping, tolerance, most)


def iterated_errors(chain, x, free, targets, feedback, damping=0.5, tolerance=1e-14, most=100_000):
    """δ by iterating until it moves no more than `tolerance` of its largest entry."""
    D, e = slopes(chain, x, free, feedback), top_error(chain, free[-1], targets)
    deltas = [np.zeros_like(state) for state in free]
    for _ in range(most):
        back = sent_back(chain, free, deltas, feedback)
        back[-1] += e
        new = [damping * d + (1 - damping) * slope * b for d, slope, b in zip(deltas, D, back)]
        moved = max(float(np.abs(after - before).max()) for after, before in zip(new, deltas))
        deltas = new
        if moved <= tolerance * max(float(np.abs(delta).max()) for delta in deltas):
            break
    return deltas
