"""Networks that settle: units that are driven from below and from above until nothing moves.

The same weights that drive a layer from below also let the layer above drive it back. A state is one array per layer,
*after* pooling; one step of layer n, σ being the unit and P the pooling,

    from below      P(W_n s_{n−1} + b_n)
    from above      W_{n+1}ᵀ P*(s_{n+1})           P* the adjoint of P at the present state; with untied weights
                                                   B in W's place, in P* too
    at the top      −β ∂ℓ/∂s                        the nudge: towards a lower loss for β > 0
    s_n ← σ(sum of these)

With tied weights this is s ← σ(∂Φ/∂s) for the primitive function Φ = Σ_n ⟨s_n, P(W_n s_{n−1} + b_n)⟩ − β ℓ
(Laborieux et al. 2021). Under cross-entropy the last Linear is a readout that stays outside the dynamics and nudges the
layer below it, unless the chain was read with readout=False; then, and under squared error, it settles like the others.
What settles is a chain, read off a network by `networks.chains.settling_chain`.

States may be complex, and so may β (Laborieux & Zenke 2022): no weight, state or signal is conjugated here. Then units
and poolings must be holomorphic; softmax pooling stands in for max pooling.
"""

import math

import numpy as np

from feedbackalign.ops import losses
from feedbackalign.ops.convolution import batch_innermost
from feedbackalign.ops.quiet import quiet
from feedbackalign.validation import require_known

SWEEPS = ("alternating", "synchronous")


# ------------------------------------------------------------------------------------------------------- the pooling

def as_input(stage, below):
    """The state below in the form the stage's weights take: images are flattened where the weights are dense."""
    return below.reshape(len(below), *stage.below_shape)


def before_pooling(stage, below, weights):
    """What `weights` make of the state below: where the slopes of a pooling are taken.

    Without bias, which shifts whole windows and so changes no slope.
    """
    return stage.layer.respond(as_input(stage, below), weights)


def where_pooled(stage, below, weights):
    """The same for a pooling whose slopes depend on it, else None."""
    return None if stage.pool.is_linear else before_pooling(stage, below, weights)


def pooled(stage, z):
    """P(z): (N, C, H, W) -> (N, C, rows, cols); z itself without pooling."""
    return z if stage.pool is None else stage.pool.pooled(z)


def pooled_change(stage, change, below, weights):
    """How P changes with its pre-activation, at the one that `weights` make of the state below: linear in `change`."""
    return change if stage.pool is None else stage.pool.change(change, where_pooled(stage, below, weights))


def unpooled(stage, signal, below, weights):
    """P*(signal), the adjoint of `pooled_change`: (N, C, rows, cols) -> (N, C, H, W)."""
    if stage.pool is None:
        return signal
    return stage.pool.unpooled(signal, (len(signal), *stage.output_shape), where_pooled(stage, below, weights))


# ------------------------------------------------------------------------------------------------ the two directions

class Responses:
    """What the weights make of the states below, pooled; kept as long as those states stay.

    A layer's drive from below, and how its pooling sends the layer's state down, are read off one pre-activation: half
    of the convolutions upwards are saved. States are replaced and never changed, so a state that is the same array has
    not moved.
    """

    def __init__(self):
        self.kept = {}

    def of(self, stage, below, weights):
        """P(weights · s), without bias, and the pooling's routes back."""
        kept = self.kept.get(stage.name)
        if kept is None or kept[0] is not below or kept[1] is not weights:
            z = before_pooling(stage, below, weights)
            kept = self.kept[stage.name] = (below, weights, *stage.pool.routes(z))
        return kept[2:]


def from_below(stage, below, responses=None):
    """P(W s_{n−1} + b), the drive from the state below: (N, in…) -> (N, out…).

    The bias is added behind the pooling: it shifts whole windows.
    """
    layer = stage.layer
    if stage.pool is None:
        return layer.answer(as_input(stage, below))
    drive = (responses or Responses()).of(stage, below, layer.weight)[0]
    return drive if layer.bias is None else drive + layer.bias[:, None, None]


def from_above(stage, state, below, weights, responses=None):
    """Wᵀ P*(s), how the stage's state drives the layer below, through W or other weights of its shape."""
    if stage.pool is not None and not stage.pool.is_linear:
        routes = (responses or Responses()).of(stage, below, weights)[1]
        state = stage.pool.along(state, (len(state), *stage.output_shape), routes)
    else:
        state = unpooled(stage, state, below, weights)
    return down(stage, state, weights).reshape(below.shape)


def down(stage, signal, weights):
    """Carry a signal at the stage's pre-activation down: (N, out…) -> (N, in…)."""
    return stage.layer.transport(signal, weights, input_shape=(len(signal), *stage.below_shape))


def answer(chain, top):
    """The network's output at this top state: the readout's logits, or the state itself. (N, …) -> (N, out)"""
    return top if chain.readout is None else chain.readout.answer(top.reshape(len(top), -1))


def output_error(chain, top, targets):
    """∂ℓ/∂output, per sample: (N, …) -> (N, out). Under cross-entropy targets may also be one-hot rows, (N, out)."""
    output = answer(chain, top)
    if chain.network.loss_name == "cross-entropy" and np.ndim(targets) == 2:
        return losses.softmax(output) - targets
    return chain.network.sample_errors(output, targets)


def top_error(chain, top, targets):
    """∂ℓ/∂s at the top, per sample: (N, …) -> (N, …)."""
    error = output_error(chain, top, targets)
    return error if chain.readout is None else (error @ chain.readout.weight).reshape(top.shape)


def weights_from_above(stage, feedback):
    """The weights by which a stage drives the layer below: W, or B where the weights are untied."""
    return stage.layer.weight if feedback is None else feedback[stage.name]


# --------------------------------------------------------------------------------------------------- the dynamics

def preactivation(chain, states, n, drive, beta, targets, feedback, responses=None):
    """v_n, all that drives layer n at the present state."""
    v = drive if n == 0 else from_below(chain.stages[n], states[n - 1], responses)
    if n + 1 < len(chain.stages):
        above = chain.stages[n + 1]
        return v + from_above(above, states[n + 1], states[n], weights_from_above(above, feedback), responses)
    if isinstance(beta, np.ndarray) or beta:
        return v - for_each(beta, v) * top_error(chain, states[n], targets)
    return v


def for_each(beta, v):
    """β as it multiplies v (N, …): a number, or an array (N,) with one for each sample."""
    return beta if np.ndim(beta) == 0 else beta.reshape(-1, *[1] * (v.ndim - 1))


def settle(chain, x, states, **phase):
    """`settle_each` with its options: -> states, the largest residual of all samples."""
    states, residuals = settle_each(chain, x, states, **phase)
    return states, float(residuals.max())


def settle_each(chain, x, states, *, steps, beta=0.0, targets=None, feedback=None, sweep="alternating", damping=0.0,
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
    beta, targets : float, complex or array (N,) of them; array
        The nudge, towards a lower loss for β > 0; none at β = 0. Targets are labels (N,) or numbers (N, out).
    feedback : dict, optional
        {layer: weights in W's shape} that take W's place from above, for untied weights.
    sweep : "alternating" or "synchronous"
        Every second layer from the lowest, then the others from their newest states; or all at once from the old
        state, as backpropagation through time needs it. Synchronous layers can fall into cycles of length two.
    damping : float in [-0.5, 1)
        h: s ← h s + (1 − h) σ(v). Below 0 a unit goes beyond where it is driven: successive over-relaxation.
    until : float
        A sample whose residual is no larger has settled. Once half of the samples have, the others go on without them;
        once all have, the phase ends before `steps`. At 0 all go on together.
    watch : callable, optional
        Called with the states after every step.

    Returns
    -------
    states, residuals
        (N,): the largest distance, in a sample's last step, between a unit and the value it is driven to.

    Raises
    ------
    FloatingPointError
        If a unit is no longer finite, naming phase, step and layer.
    """
    require_known(sweep, SWEEPS, "sweep")
    with quiet():                                                               # reported below, by name
        drive = from_below(chain.stages[0], x)
        states, moving, residuals, responses = list(states), np.arange(len(x)), np.full(len(x), np.inf), Responses()
        whole = states
        for step in range(steps):
            moves = _one_step(chain, states, drive, beta, targets, feedback, sweep, damping, responses)
            residual = residuals[moving] = np.maximum.reduce(moves)             # (samples,)
            largest = residual.max()                                            # NaN if any of them is
            if not math.isfinite(largest):
                bad = [stage.name for stage, move in zip(chain.stages, moves) if not np.isfinite(move).all()]
                phase = "nudged" if np.any(beta) else "free"
                raise FloatingPointError(f"the {phase} phase is no longer finite at step {step + 1}, layer {bad[0]}")
            if watch:
                watch(_put_back(whole, moving, states))
            if largest <= until:
                break
            unsettled = residual > until
            if until and 2 * unsettled.sum() <= len(moving):
                whole = _put_back(whole, moving, states)
                moving, targets = moving[unsettled], None if targets is None else np.asarray(targets)[unsettled]
                beta = beta if np.ndim(beta) == 0 else beta[unsettled]
                drive, *states = (chosen(array, unsettled) for array in (drive, *states))
    return _put_back(whole, moving, states), residuals


def chosen(array, which):
    """Some samples of a batch; images with the batch innermost in memory, as they were."""
    return array[which] if array.ndim == 2 else batch_innermost(array[which])


def _put_back(whole, moving, states):
    """The states of the whole batch, with those of the samples that still move."""
    if len(moving) == len(whole[0]):
        return list(states)
    whole = [array.copy(order="K") for array in whole]
    for array, state in zip(whole, states):
        array[moving] = state
    return whole


def _one_step(chain, states, drive, beta, targets, feedback, sweep, damping, responses):
    """Every layer moves once, its entry of `states` replaced: -> (layers, samples), the largest distances to σ(v)."""
    layers = range(len(chain.stages))
    moves = [None for _ in layers]
    for group in [layers] if sweep == "synchronous" else [layers[::2], layers[1::2]]:
        present = list(states)                                                  # one group moves at once
        for n in group:
            v = preactivation(chain, present, n, drive, beta, targets, feedback, responses)
            value = chain.stages[n].unit.function(v)
            moves[n] = np.abs(value - present[n]).max(axis=tuple(range(1, value.ndim)))
            states[n] = value if damping == 0 else damping * present[n] + (1 - damping) * value
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

    `weights` (W, or others of its shape) decide the winners of max pooling, and the shares of softmax pooling.
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
    """The ordinary gradient of the readout at this top state; {} where there is no readout."""
    if chain.readout is None:
        return {}
    name, N = chain.readout.name, len(top)
    error = output_error(chain, top, targets)                                   # (N, classes)
    gradients = {f"{name}.weight": chain.readout.outer(error, top.reshape(N, -1)) / N}
    if chain.readout.bias is not None:
        gradients[f"{name}.bias"] = error.sum(axis=0) / N
    return gradients


def unit_mean(state):
    """Summed over positions, mean over the batch: (N, out[, rows, cols]) -> (out,)."""
    return state.sum(axis=(0, *range(2, state.ndim))) / len(state)
