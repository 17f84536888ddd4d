"""Recurrent backprop: the true error of a settled network whose weights need not be symmetric.

    δ = (I − D Jᵀ)⁻¹ D e            every unit's exact share in the settled loss (Almeida 1987, Pineda 1987)
    ∂W_n = δ_nᵀ a_{n−1}             post error times pre activity, for every synapse, upward (W) or downward (B)

e = ∂ℓ/∂a at the top, D = σ' at the free state, J the recurrent weights (with softmax pooling: the field's Jacobian).
What nudging finds instead is (I − D J)⁻¹ D e, and δ − δ_EP = 2 J'⁻ᵀ A δ_EP with J' = J − D⁻¹, A = (J − Jᵀ)/2.
"""

import numpy as np

from feedbackalign.rules.equilibrium.dynamics import as_input
from feedbackalign.rules.equilibrium.exact_gradients import recurrent_matrix
from feedbackalign.rules.holomorphic import units
from feedbackalign.rules.holomorphic.dynamics import (SoftmaxPool2d, before_pooling, linear_answer, output_error,
                                                      slopes, top_error, unpooled)


def recurrent_backprop(chain, x, free, targets, *, feedback, damping=0.5, tolerance=1e-14, most=100_000):
    """The true error vectors δ = (I − D Jᵀ)⁻¹ D e at a settled free state, per sample: a list of arrays.

    Dense chains by one solve per sample, others by the damped iteration δ ← h δ + (1 − h) D (Jᵀ δ + e).

    Almeida 1987; Pineda 1987.
    """
    if all(state.ndim == 2 for state in free):
        return solved_errors(chain, x, free, targets, feedback)
    return iterated_errors(chain, x, free, targets, feedback, damping, tolerance, most)


def solved_errors(chain, x, free, targets, feedback):
    """δ by the linear solve, dense chains only."""
    W, places = recurrent_matrix(chain, feedback)                               # (n, n), post by pre
    D = np.concatenate(slopes(chain, x, free, feedback), axis=1)                # (N, n)
    e = np.zeros_like(D)
    e[:, places[-1]] = top_error(chain, free[-1], targets)
    system = np.eye(len(W)) - D[:, :, None] * W.T[None]                         # (N, n, n): I − D Wᵀ
    delta = np.linalg.solve(system, (D * e)[:, :, None])[:, :, 0]               # (N, n)
    return [delta[:, place] for place in places]


def iterated_errors(chain, x, free, targets, feedback, damping=0.5, tolerance=1e-14, most=100_000):
    """δ by iterating until it moves no more than `tolerance` of its largest entry."""
    D, e = slopes(chain, x, free, feedback), top_error(chain, free[-1], targets)
    forward = {stage.name: stage.layer.weight for stage in chain.stages}
    deltas = [np.zeros_like(state) for state in free]
    for _ in range(most):
        back = linear_answer(chain, free, deltas, up=feedback, down_by=forward, feedback=feedback)
        back[-1] = back[-1] + e
        new = [damping * d + (1 - damping) * slope * b for d, slope, b in zip(deltas, D, back)]
        moved = max(float(np.abs(after - before).max()) for after, before in zip(new, deltas))
        deltas = new
        if moved <= tolerance * max(float(np.abs(delta).max()) for delta in deltas):
            break
    return deltas


def gradients_of_errors(chain, x, states, deltas, feedback):
    """What errors δ and free activities make of every synapse, batch mean: {"fc2.weight", "fc2.bias", "fc2.B"}.

    Post error times pre activity, for W and for B alike: ∂W_n = δ_nᵀ a_{n−1}, ∂B_n = a_nᵀ δ_{n−1} in W's shape.
    """
    gradients, N = {}, len(x)
    for n, (stage, state, delta) in enumerate(zip(chain.stages, states, deltas)):
        layer, name = stage.layer, stage.name
        below = as_input(stage, x if n == 0 else states[n - 1])
        signal = unpooled(stage, delta, before_pooling(stage, below, layer.weight))
        gradients[f"{name}.weight"] = layer.outer(signal, below) / N            # (out, N) x (N, in) -> (out, in)
        if layer.bias is not None:
            gradients[f"{name}.bias"] = delta.reshape(N, len(layer.bias), -1).sum(axis=(0, 2)) / N
        if n > 0:
            B, error_below = feedback[name], as_input(stage, deltas[n - 1])
            at = before_pooling(stage, below, B)
            use = layer.outer(unpooled(stage, state, at), error_below)
            if isinstance(stage.pool, SoftmaxPool2d):                           # B also sets the pooling weights
                direction = layer.respond(error_below, B)
                use = use + layer.outer(units.softmax_unpool_change(state, at, direction, stage.pool.size,
                                                                    stage.pool.stride), below)
            gradients[f"{name}.B"] = use / N
    return gradients


def readout_gradients(chain, top, targets):
    """The ordinary gradient of the readout at this top state; {} where there is no readout."""
    if chain.readout is None:
        return {}
    name, N, error = chain.readout.name, len(top), output_error(chain, top, targets)        # (N, classes)
    gradients = {f"{name}.weight": chain.readout.outer(error, top.reshape(N, -1)) / N}
    if chain.readout.bias is not None:
        gradients[f"{name}.bias"] = error.sum(axis=0) / N
    return gradients
