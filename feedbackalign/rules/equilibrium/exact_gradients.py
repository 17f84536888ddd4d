"""The exact gradients of a settled network: what the settling rules are measured against.

At a settled free state s with slopes σ'(v), an error e at the top comes back through the transposes of the very weights
that the states act by, R[n+1, n] = W_{n+1} and R[n, n+1] = W_{n+1}ᵀ (or Bᵀ):

    δ⁰ = σ' e,   δᵏ⁺¹ = σ' Rᵀ δᵏ             backpropagation through time, k steps before the end
    δ = Σ_k δᵏ = (I − σ' Rᵀ)⁻¹ σ' e           the implicit gradient, its limit
    ∂W_n = δ_nᵀ s_{n−1} + s_nᵀ δ_{n−1}        both uses of a tied weight

The partial sums are backpropagation through time for synchronous sweeps only; the limit holds for every sweep, as all
have the same fixed points.
"""

import itertools

import numpy as np

from feedbackalign.rules.equilibrium.dynamics import (as_input, before_pooling, chosen, down, from_above, from_below,
                                                      pooled_change, preactivation, readout_gradients, settle,
                                                      synapse_product, top_error, unit_mean, unpooled,
                                                      weights_from_above)

EXACTLY = 1e-10                     # a free residual above this does not count as settled
LONGEST, LONGEST_OF_IMAGES = 20_000, 2_000      # steps to get there
AT_ONCE = 2**22                     # entries of the linear systems solved at once: 32 MB in float64


def settle_exactly(chain, x, *, feedback=None, sweep="alternating", damping=0.0, longest=None):
    """The free state of every sample, settled to 1e-12 where that is possible.

    Those that do not settle under the given sweep (in cycles of length two, for example) are tried with damped
    alternating sweeps, which have the same fixed points.

    Parameters
    ----------
    chain, x, feedback, sweep, damping
        As for `dynamics.settle`; float64.
    longest : int, optional
        Steps for each of the two attempts; 20,000 of dense layers and 2,000 of convolutions if None.

    Returns
    -------
    states, residual
        Above `EXACTLY` the network did not settle.
    """
    states = chain.rest(len(x))
    if longest is None:
        longest = LONGEST_OF_IMAGES if chain.has_images else LONGEST
    for attempt in ({"sweep": sweep, "damping": damping}, {"sweep": "alternating", "damping": max(damping, 0.5)}):
        states, residual = settle(chain, x, states, steps=longest, until=EXACTLY / 100, feedback=feedback, **attempt)
        if residual <= EXACTLY / 100:
            break
    return states, residual


def slopes(chain, x, states, feedback=None):
    """σ'(v) of every layer at a settled free state."""
    drive = from_below(chain.stages[0], x)
    return [stage.unit.derivative(preactivation(chain, states, n, drive, 0.0, None, feedback))
            for n, stage in enumerate(chain.stages)]


# -------------------------------------------------------------------------------------------- errors that come back

def jacobian_times(chain, states, signals, up, down_by, feedback):
    """The dynamics linearised at these states, applied to one signal per layer: R s, before any slope σ'.

    With up = W and down_by = B it is how the drive of every layer changes with all states. With up = B and down_by = W
    it is the transpose: what came down goes up. All three are {layer: weights in W's shape}; B is `feedback`, which
    softmax pooling reads: there a layer acts on itself too, for B's pooling weights depend on its own state.
    """
    answers = between_layers(chain, states, signals, up, down_by)
    for n, above in enumerate(chain.stages[1:]):
        if is_curved(above):
            B = feedback[above.name]
            change = unpooled_change(above, states[n + 1], states[n], signals[n], B)
            answers[n] += down(above, change, B).reshape(answers[n].shape)
    return answers


def between_layers(chain, states, signals, up, down_by):
    """The part of `jacobian_times` that comes from other layers: all of it, but with softmax pooling."""
    answers = []
    for n, (stage, signal) in enumerate(zip(chain.stages, signals)):
        total = np.zeros_like(signal)
        if n > 0:
            change = stage.layer.respond(as_input(stage, signals[n - 1]), up[stage.name])
            total += pooled_change(stage, change, states[n - 1], up[stage.name])
        if n + 1 < len(signals):
            above = chain.stages[n + 1]
            total += from_above(above, signals[n + 1], states[n], down_by[above.name])
        answers.append(total)
    return answers


def is_curved(stage):
    """Whether the slopes of the stage's pooling move with its pre-activation: softmax pooling's do."""
    return stage.pool is not None and stage.pool.is_curved


def unpooled_change(stage, signal, below, below_change, weights):
    """How the unpooling of a signal changes when the state below does, for pooling that is curved: (N, C, H, W)."""
    change = stage.layer.respond(as_input(stage, below_change), weights)
    return stage.pool.unpooled_change(signal, change, before_pooling(stage, below, weights))


def slope_product(stage, post, pre, below, weights):
    """∂/∂weights ⟨post, P'(z) weights · pre⟩ at the z that the weights make of the state below, summed over the batch.

    post lies at the stage's output, pre at its input: what a synapse adds to the Jacobian, in W's shape. Curved pooling
    adds that the weights set its slopes too.
    """
    product = stage.layer.outer(unpooled(stage, post, below, weights), as_input(stage, pre))
    if is_curved(stage):
        product += stage.layer.outer(unpooled_change(stage, post, below, pre, weights), as_input(stage, below))
    return product


def forward_weights(chain):
    """{layer: W} of every settling layer."""
    return {stage.name: stage.layer.weight for stage in chain.stages}


def sent_back(chain, states, deltas, feedback=None):
    """Rᵀ δ: every layer's errors through the transposes of the weights that its states act by."""
    W = forward_weights(chain)
    B = W if feedback is None else feedback
    return jacobian_times(chain, states, deltas, up=B, down_by=W, feedback=B)


def error_series(chain, x, states, targets, feedback=None):
    """The errors of backpropagation through time at a settled state, k = 0, 1, 2 … steps before its end.

    Yields lists δ_n = σ'(v_n) · (what has come back), per sample, without end.
    """
    slope, deltas = slopes_and_errors(chain, x, states, targets, feedback)
    while True:
        yield deltas
        deltas = earlier_errors(chain, states, slope, deltas, feedback)


def slopes_and_errors(chain, x, states, targets, feedback=None):
    """σ'(v), and δ⁰ = σ' e: zero but at the top."""
    slope = slopes(chain, x, states, feedback)
    deltas = [np.zeros_like(state) for state in states]
    deltas[-1] = slope[-1] * top_error(chain, states[-1], targets)
    return slope, deltas


def earlier_errors(chain, states, slope, deltas, feedback=None):
    """δᵏ⁺¹ = σ' Rᵀ δᵏ."""
    return [s * error for s, error in zip(slope, sent_back(chain, states, deltas, feedback))]


def gradients_of_errors(chain, x, states, deltas, feedback=None):
    """Batch-mean gradients from errors δ at a settled state.

    With tied weights (feedback None) both uses of every weight are counted; else "fc2.weight" is the forward use and
    "fc2.B" the feedback use.
    """
    gradients, below, below_delta = {}, x, None
    for stage, state, delta in zip(chain.stages, states, deltas):
        name = stage.name
        gradients[f"{name}.weight"] = synapse_product(stage, delta, below, stage.layer.weight)
        if stage.layer.bias is not None:
            gradients[f"{name}.bias"] = unit_mean(delta)
        if below_delta is not None:
            B = weights_from_above(stage, feedback)
            use = slope_product(stage, state, below_delta, below, B) / len(x)
            if feedback is None:
                gradients[f"{name}.weight"] += use
            else:
                gradients[f"{name}.B"] = use
        below, below_delta = state, delta
    return gradients


# -------------------------------------------------------------------------------------------------- the references

def truncated_gradients(chain, x, states, targets, steps, feedback=None):
    """Backpropagation through the last `steps` synchronous steps at a settled state: the errors' partial sum.

    -> {"fc1.weight": array, …}, the readout's ordinary gradient included.
    """
    total = _sum(itertools.islice(error_series(chain, x, states, targets, feedback), steps))
    return gradients_of_errors(chain, x, states, total, feedback) | readout_gradients(chain, states[-1], targets)


def implicit_gradients(chain, x, states, targets, feedback=None, most=5_000):
    """The exact gradient of the settled loss: of dense chains by a linear solve, of others by the series' limit.

    -> {"fc1.weight": array, …}, remainder: the last term of the series over its sum; above `EXACTLY` after `most`
    terms it has not converged. 0 for dense chains.
    """
    remainder = 0.0
    if all(state.ndim == 2 for state in states):
        deltas = solved_errors(chain, x, states, targets, feedback)
    else:
        deltas, remainder = _series_limit(chain, x, states, targets, feedback, most)
    gradients = gradients_of_errors(chain, x, states, deltas, feedback)
    return gradients | readout_gradients(chain, states[-1], targets), remainder


def _sum(series):
    total = next(series)
    for terms in series:
        total = [a + b for a, b in zip(total, terms)]
    return total


def _series_limit(chain, x, states, targets, feedback, most):
    """Σ_k δᵏ, and its last term over the sum; samples whose terms have vanished rest while the others go on."""
    slope, terms = slopes_and_errors(chain, x, states, targets, feedback)
    total, moving = [term.copy() for term in terms], np.arange(len(x))
    for _ in range(most):
        terms = earlier_errors(chain, states, slope, terms, feedback)
        for whole, term in zip(total, terms):
            whole[moving] += term
        size = max(float(np.abs(whole).max()) for whole in total)
        last = np.max([np.abs(term).reshape(len(moving), -1).max(axis=1) for term in terms], axis=0)    # (samples,)
        if not size < 1e100:                                # it diverges: no need to see where
            return total, float("inf")
        going = last > EXACTLY / 100 * size
        if not going.any():
            break
        if 2 * going.sum() <= len(moving):
            moving = moving[going]
            slope, terms, states = ([chosen(array, going) for array in arrays] for arrays in (slope, terms, states))
    return total, float(last.max()) / size if size else 0.0


def recurrent_matrix(chain, feedback=None):
    """All settling units of a dense chain in one matrix: R[post, pre], (n, n), and where each layer lies in it."""
    sizes = [len(stage.layer.weight) for stage in chain.stages]
    ends = np.cumsum([0, *sizes])
    places = [slice(start, end) for start, end in zip(ends, ends[1:])]
    R = np.zeros((ends[-1], ends[-1]), dtype=chain.network.dtype)
    for n, stage in enumerate(chain.stages[1:], start=1):
        R[places[n], places[n - 1]] = stage.layer.weight
        R[places[n - 1], places[n]] = weights_from_above(stage, feedback).T
    return R, places


def solved_errors(chain, x, states, targets, feedback=None):
    """δ = D λ with (I − Rᵀ D) λ = e, sample by sample; dense chains only."""
    R, places = recurrent_matrix(chain, feedback)
    slope = np.concatenate(slopes(chain, x, states, feedback), axis=1)          # (N, n)
    error = np.zeros_like(slope)
    error[:, places[-1]] = top_error(chain, states[-1], targets)
    solved, some = np.empty_like(slope), max(1, AT_ONCE // R.size)
    for start in range(0, len(x), some):
        part = slice(start, start + some)
        system = np.eye(len(R)) - R.T * slope[part, None, :]                    # (some, n, n): I − Rᵀ D
        solved[part] = np.linalg.solve(system, error[part, :, None])[:, :, 0]
    delta = slope * solved
    return [delta[:, place] for place in places]
