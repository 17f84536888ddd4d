"""Settling in the complex plane: the dynamics of a chain of layers under a real or complex nudge of its top.

    a ← h a + (1 − h) σ(W a_below + Bᵀ a_above + b + β ∂ℓ/∂a)          all layers at once

W drives a layer from below; B, in W's shape, is what the layer above sends back, a synapse of its own. Two conventions
differ from `dynamics`: β > 0 *raises* the loss here, so that da/dβ is the error vector itself and updates descend along
it; and states are float64 or complex128 whatever the network's dtype, since differences of states are divided by β.

Laborieux & Zenke, arXiv 2209.00530 (2022) and arXiv 2309.02214 (2023). What settles is a chain as in `dynamics`; how
the answer to a nudge is read stands in `nudging`, the exact error in `recurrent_backprop`.
"""

import numpy as np

from feedbackalign.layers import AvgPool2d, MaxPool2d
from feedbackalign.layers.pooling import Pool2d
from feedbackalign.ops import losses, pooling
from feedbackalign.rules.equilibrium.dynamics import as_input
from feedbackalign.rules.holomorphic import units

class SoftmaxPool2d(Pool2d):
    """Softmax pooling of a settling chain: the holomorphic stand-in for max pooling. It knows its sizes, no more."""


# -------------------------------------------------------------------------------------- what may settle like this

def require_holomorphic(chain):
    """Refuse a unit or a pooling with a kink, naming the layer; -> the chain."""
    for stage in chain.stages:
        if stage.unit.kind not in units.UNITS:
            raise ValueError(f"{stage.unit.name} after {stage.name} is not holomorphic: expected a unit without kinks "
                             f"({', '.join(units.UNITS)}), got {stage.unit.kind!r}")
        if isinstance(stage.pool, MaxPool2d):
            raise ValueError(f"{stage.pool.name} after {stage.name} is not holomorphic: expected average or softmax "
                             f"pooling (pooling='softmax'), got {stage.pool!r}")
    return chain


def rest(chain, N):
    """All activities zero, in float64, for a batch of N."""
    return [state.astype(np.float64) for state in chain.rest(N)]


def target_array(chain, output, targets):
    """Targets as numbers: labels become one-hot under either loss. (N,) or (N, out) -> (N, out)"""
    targets = chain.network.checked_targets(output, targets)
    return losses.one_hot(targets, output.shape[1]) if targets.ndim == 1 else targets.astype(np.float64)


# ------------------------------------------------------------------------------------------------------- the field

def pooled(stage, z):
    """P(z), or z where nothing pools: (N, C, H, W) -> (N, C, rows, cols)"""
    if isinstance(stage.pool, SoftmaxPool2d):
        return units.softmax_pool(z, stage.pool.size, stage.pool.stride)
    if isinstance(stage.pool, AvgPool2d):
        return pooling.average_pool(z, stage.pool.size, stage.pool.stride)
    return z


def pooled_change(stage, z, direction):
    """The pooling, linearised at z, applied to a direction; z is read by softmax pooling alone."""
    if isinstance(stage.pool, SoftmaxPool2d):
        return units.softmax_pool_change(z, direction, stage.pool.size, stage.pool.stride)
    return pooled(stage, direction)


def unpooled(stage, signal, z):
    """P*(signal), the adjoint of the pooling linearised at z."""
    if stage.pool is None:
        return signal
    if isinstance(stage.pool, SoftmaxPool2d):
        return units.softmax_unpool(signal, z, stage.pool.size, stage.pool.stride)
    shape = (len(signal), *stage.layer.output_shape(stage.below_shape))
    return pooling.average_unpool(signal, shape, stage.pool.size, stage.pool.stride)


def before_pooling(stage, below, weights):
    """What `weights` make of the state below, where a softmax pooling has to know it; else None.

    Without bias: it shifts whole windows, and no slope of the pooling notices.
    """
    return stage.layer.respond(as_input(stage, below), weights) if isinstance(stage.pool, SoftmaxPool2d) else None


def from_below(stage, below):
    """P(W a_{n−1} + b): (N, in…) -> (N, out…)."""
    return pooled(stage, stage.layer.answer(as_input(stage, below)))            # (N, in) x (in, out) -> (N, out)


def down(stage, signal, weights):
    """Carry a signal at the stage's pre-activation down, through `weights` transposed and never conjugated."""
    return stage.layer.transport(signal, weights, input_shape=(len(signal), *stage.below_shape))


def from_above(stage, state, below, weights):
    """Bᵀ P*(a_n): what the stage asks of the layer below it. (N, out…) -> (N, in…)"""
    signal = unpooled(stage, state, before_pooling(stage, below, weights))
    return down(stage, signal, weights).reshape(below.shape)                    # (N, out) x (out, in) -> (N, in)


def answer(chain, top):
    """The network's output at this top state, real or complex: (N, …) -> (N, out)."""
    if chain.readout is None:
        return top
    return chain.readout.answer(top.reshape(len(top), -1))                      # (N, in) x (in, classes)


def output_error(chain, top, targets):
    """∂ℓ/∂output per sample: (N, …), target_array (N, out) -> (N, out)."""
    output = answer(chain, top)
    return (units.softmax(output) if chain.network.loss_name == "cross-entropy" else output) - targets


def top_error(chain, top, targets):
    """e = ∂ℓ/∂a at the top, per sample: (N, …) -> (N, …)."""
    error = output_error(chain, top, targets)
    return error if chain.readout is None else (error @ chain.readout.weight).reshape(top.shape)


def preactivation(chain, states, n, drive, feedback):
    """v_n at the present states, without nudge."""
    v = drive if n == 0 else from_below(chain.stages[n], states[n - 1])
    if n + 1 < len(chain.stages):
        above = chain.stages[n + 1]
        v = v + from_above(above, states[n + 1], states[n], feedback[above.name])
    return v


def settle(chain, x, states, *, steps, feedback, beta=0.0, targets=None, damping=0.5, until=0.0, watch=None):
    """Let the activities move for some steps under a real or complex nudge.

    Parameters
    ----------
    chain : Chain
    x : array (N, …)
        The clamped input; its drive is computed once.
    states : list of arrays
        Where to start; not changed. Complex from the first complex nudge on.
    steps : int
    feedback : dict
        {layer: B in W's shape} for every settling layer but the lowest.
    beta : float or complex
        β; the nudge is +β ∂ℓ/∂a at the present activities.
    targets : array (N, out)
        Of `target_array`; not read at β = 0.
    damping : float in [0, 1)
        h.
    until : float
        Stop before `steps` once no unit moves by more than this.
    watch : callable, optional
        Called with the states after every step.

    Returns
    -------
    states, residual
        The last step's largest change of any unit.

    Raises
    ------
    FloatingPointError
        Where the phase is no longer finite: with nudge, step and layer.
    """
    drive = from_below(chain.stages[0], x)
    functions = [units.UNITS[stage.unit.kind][0] for stage in chain.stages]
    residual = float("inf")
    for step in range(steps):
        new = []
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):     # told below, by name
            for n, function in enumerate(functions):
                v = preactivation(chain, states, n, drive, feedback)
                if beta and n + 1 == len(states):
                    v = v + beta * top_error(chain, states[n], targets)
                new.append(damping * states[n] + (1 - damping) * function(v))
            residual = max(float(np.abs(after - before).max()) for after, before in zip(new, states))
        if not np.isfinite(residual):
            bad = next(stage.name for stage, state in zip(chain.stages, new) if not np.isfinite(state).all())
            raise FloatingPointError(f"the {f'phase nudged by {beta:.3g}' if beta else 'free phase'} is no longer "
                                     f"finite at step {step + 1}, layer {bad}")
        states = new
        if watch:
            watch(states)
        if residual <= until:
            break
    return states, residual


def slopes(chain, x, free, feedback):
    """D: σ'(v) of every layer at a settled free state."""
    drive = from_below(chain.stages[0], x)
    return [units.UNITS[stage.unit.kind][1](preactivation(chain, free, n, drive, feedback))
            for n, stage in enumerate(chain.stages)]


def linear_answer(chain, free, signals, *, up, down_by, feedback):
    """The field's Jacobian at the free state, applied to a signal: J s with up = W, down_by = B.

    With up = B, down_by = W it is Jᵀ s: what came down goes up. Softmax pooling also lets a layer act on itself,
    since B's pooling weights depend on the layer below; that part is symmetric.
    """
    answers = []
    for n, (stage, signal) in enumerate(zip(chain.stages, signals)):
        total = np.zeros_like(signal)
        if n > 0:
            below = as_input(stage, signals[n - 1])
            at = before_pooling(stage, free[n - 1], up[stage.name])
            total = total + pooled_change(stage, at, stage.layer.respond(below, up[stage.name]))
        if n + 1 < len(signals):
            above = chain.stages[n + 1]
            at = before_pooling(above, free[n], down_by[above.name])
            back = down(above, unpooled(above, signals[n + 1], at), down_by[above.name])
            if isinstance(above.pool, SoftmaxPool2d):
                B = feedback[above.name]
                at, direction = before_pooling(above, free[n], B), above.layer.respond(as_input(above, signal), B)
                change = units.softmax_unpool_change(free[n + 1], at, direction, above.pool.size, above.pool.stride)
                back = back + down(above, change, B)
            total = total + back.reshape(total.shape)
        answers.append(total)
    return answers
