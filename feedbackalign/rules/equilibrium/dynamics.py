"""Networks that settle: units that are driven from below and from above until nothing moves.

The same weights that drive a layer from below also let the layer above drive it back. A state is one array per layer,
*after* pooling; one step of layer n, σ being the unit and P the pooling,

    from below      P(W_n s_{n−1} + b_n)
    from above      W_{n+1}ᵀ P*(s_{n+1})           P* the adjoint of P at the present state
    at the top      −β ∂ℓ/∂s                        the nudge: towards a lower loss for β > 0
    s_n ← σ(sum of these)

With tied weights this is s ← σ(∂Φ/∂s) for the primitive function Φ = Σ_n ⟨s_n, P(W_n s_{n−1} + b_n)⟩ − β ℓ
(Laborieux et al. 2021). Under cross-entropy the last Linear is a readout that stays outside the dynamics and nudges the
layer below it; under squared error it settles like the others. What settles is a chain (Conv, [Pool], unit)*, Flatten,
(Linear, unit)*; `networks.chains.settling_chain` reads it off a network and refuses anything else.
"""

import numpy as np

from feedbackalign.layers import MaxPool2d
from feedbackalign.ops import pooling
from feedbackalign.validation import require_known

SWEEPS = ("alternating", "synchronous")

# ------------------------------------------------------------------------------------------- the two directions
#
# Both directions of a max pooled layer need its winners at the same state below. `winners`, where it is given, is
# {layer: (state below, its winners)}: what from_below found, kept for from_above. It saves a fourth of a whole update.

def as_input(stage, below):
    """The state below in the form the stage's weights take: images are flattened where the weights are dense."""
    return below.reshape(len(below), *stage.below_shape)


def pooled(stage, z):
    """P(z): (N, C, H, W) -> (N, C, rows, cols); z itself without pooling. -> (P(z), winners or None)"""
    if stage.pool is None:
        return z, None
    if isinstance(stage.pool, MaxPool2d):
        return pooling.max_pool(z, stage.pool.size, stage.pool.stride)
    return pooling.average_pool(z, stage.pool.size, stage.pool.stride), None


def unpooled(stage, signal, below, weights, winners=None):
    """P*(signal), the adjoint of the pooling at the pre-activation that `weights` make of the state below."""
    if stage.pool is None:
        return signal
    shape = (len(signal), *stage.output_shape)
    if isinstance(stage.pool, MaxPool2d):
        seen, winner = (winners or {}).get(stage.name, (None, None))
        if seen is not below:
            _, winner = pooled(stage, stage.layer.respond(as_input(stage, below), weights))     # the present argmax
        return pooling.max_unpool(signal, winner, shape, stage.pool.size, stage.pool.stride)
    return pooling.average_unpool(signal, shape, stage.pool.size, stage.pool.stride)


def from_below(stage, below, winners=None):
    """P(W s_{n−1} + b): what the state below asks of this layer."""
    z = stage.layer.answer(as_input(stage, below))                              # (N, in) -> (N, out[, rows, cols])
    answer, winner = pooled(stage, z)
    if winners is not None and winner is not None:
        winners[stage.name] = below, winner
    return answer


def from_above(stage, state, below, weights, winners=None):
    """Wᵀ P*(s): what the stage's state asks of the layer below, through W or other weights of its shape."""
    signal = unpooled(stage, state, below, weights, winners)
    down = stage.layer.transport(signal, weights, input_shape=(len(signal), *stage.below_shape))
    return down.reshape(below.shape)


def top_error(chain, top, targets):
    """∂ℓ/∂s at the top, per sample: (N, …) -> (N, …)."""
    if chain.readout is None:
        return chain.network.sample_errors(top, targets)
    error = chain.network.sample_errors(answer(chain, top), targets)            # (N, classes)
    return (error @ chain.readout.weight).reshape(top.shape)                    # (N, classes) x (classes, in)


def answer(chain, top):
    """The network's output at this top state: the readout's logits, or the state itself. (N, …) -> (N, out)"""
    if chain.readout is None:
        return top
    return chain.readout.answer(top.reshape(len(top), -1))


# --------------------------------------------------------------------------------------------------- the dynamics

def preactivation(chain, states, n, drive, beta, targets, feedback, winners=None):
    """v_n: everything that layer n is asked at the present state."""
    v = drive if n == 0 else from_below(chain.stages[n], states[n - 1], winners)
    if n + 1 < len(chain.stages):
        above = chain.stages[n + 1]
        weights = above.layer.weight if feedback is None else feedback[above.name]
        return v + from_above(above, states[n + 1], states[n], weights, winners)
    if beta:
        return v - beta * top_error(chain, states[n], targets)
    return v


def settle(chain, x, states, *, steps, beta=0.0, targets=None, feedback=None, sweep="alternating", damping=0.0,
           until=0.0, watch=None):
    """Let the states move for some steps, nudged by β.

    Parameters
    ----------
    chain : Chain
    x : array (N, …)
        The clamped input; its drive is computed once.
    states : list of arrays
        Where to start; not changed.
    steps : int
    beta, targets : float, array
        The nudge; none at β = 0.
    feedback : dict, optional
        {layer: weights in W's shape} that take W's place from above, for untied weights.
    sweep : "alternating" or "synchronous"
        Odd layers first and then even ones, each seeing the other's newest state; or all at once from the old state,
        as the step-by-step truths want it. Synchronous layers can fall into cycles of length two.
    damping : float in [0, 1)
        h: s ← h s + (1 − h) σ(v).
    until : float
        Stop before `steps` once no unit moves by more than this.
    watch : callable, optional
        Called with the states after every step.

    Returns
    -------
    states, residual
        The residual is the largest distance, in the last step, between a unit and what it was asked to be.

    Raises
    ------
    FloatingPointError
        If a unit is no longer finite, naming phase, step and layer.
    """
    require_known(sweep, SWEEPS, "sweep")
    with np.errstate(over="ignore", invalid="ignore"):                          # told below, by name
        drive = from_below(chain.stages[0], x)
        states, residual = list(states), float("inf")
        winners = {} if feedback is None else None                              # B has winners of its own
        for step in range(steps):
            moves = _one_step(chain, states, drive, beta, targets, feedback, sweep, damping, winners)
            residual = float(np.max(moves))                                     # NaN if any of them is
            if not np.isfinite(residual):
                bad = [stage.name for stage, move in zip(chain.stages, moves) if not np.isfinite(move)]
                raise FloatingPointError(f"the {'nudged' if beta else 'free'} phase is no longer finite at step "
                                         f"{step + 1}, layer {bad[0]}")
            if watch:
                watch(list(states))
            if residual <= until:
                break
    return states, residual


def _one_step(chain, states, drive, beta, targets, feedback, sweep, damping, winners):
    """Every layer moves once, its entry of `states` replaced: -> each layer's largest distance to what it was asked."""
    layers = range(len(chain.stages))
    moves = [0.0 for _ in layers]
    for group in [layers] if sweep == "synchronous" else [layers[::2], layers[1::2]]:
        present = list(states)                                                  # one group moves at once
        for n in group:
            v = preactivation(chain, present, n, drive, beta, targets, feedback, winners)
            asked = chain.stages[n].unit.function(v)
            moves[n] = np.abs(asked - present[n]).max()
            states[n] = asked if damping == 0 else damping * present[n] + (1 - damping) * asked
    return moves


def primitive(chain, x, states):
    """Φ without the loss, per sample: Σ_n ⟨s_n, P(W_n s_{n−1} + b_n)⟩ -> (N,)."""
    below, total = x, 0.0
    for stage, state in zip(chain.stages, states):
        total = total + (state * from_below(stage, below)).reshape(len(x), -1).sum(axis=1)
        below = state
    return total


def synapse_product(stage, state, below, weights):
    """∂/∂W ⟨s, P(W s_below + b)⟩, batch mean: what is active at the two ends of every synapse, in W's shape.

    `weights` (W, or others of its shape) decide the winners of max pooling.
    """
    return stage.layer.outer(unpooled(stage, state, below, weights), as_input(stage, below)) / len(state)


def primitive_gradients(chain, x, states):
    """G(s) = ∂Φ/∂θ, batch mean, of every settling layer: {"fc1.weight": array, "fc1.bias": array, …}."""
    gradients, below = {}, x
    for stage, state in zip(chain.stages, states):
        gradients[f"{stage.name}.weight"] = synapse_product(stage, state, below, stage.layer.weight)
        if stage.layer.bias is not None:
            gradients[f"{stage.name}.bias"] = unit_mean(state)
        below = state
    return gradients


def readout_gradients(chain, top, targets):
    """The ordinary cross-entropy gradient of the readout at this top state; {} where there is no readout."""
    if chain.readout is None:
        return {}
    name, N = chain.readout.name, len(top)
    error = chain.network.sample_errors(answer(chain, top), targets)            # (N, classes)
    gradients = {f"{name}.weight": chain.readout.outer(error, top.reshape(N, -1)) / N}
    if chain.readout.bias is not None:
        gradients[f"{name}.bias"] = error.sum(axis=0) / N
    return gradients


def unit_mean(state):
    """Summed over positions, mean over the batch: (N, out[, rows, cols]) -> (out,)."""
    return state.sum(axis=(0, *range(2, state.ndim))) / len(state)
