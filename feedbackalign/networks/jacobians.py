"""How each layer moves the output: Jacobians of dense networks, their damped pseudoinverses, Gauss-Newton.

For one sample, h_0 = x, every layer of a chain computes

    a_i = W_i h_{i−1} + b_i        pre-activation
    h_i = s_i(a_i)                 post-activation; D_i = diag s_i'(a_i); the output is linear, h_L = a_L

and two recursions from the top give the derivatives of the output:

    J_i  = ∂h_L/∂a_i      J_L = I            J_i  = (J_{i+1} W_{i+1}) D_i          `pre_jacobians`
    J_hi = ∂h_L/∂h_i      J_hL = I           J_hi = J_{i+1} W_{i+1}                `post_jacobians`

Backprop sends the output's error e down by Jᵀ. Gauss-Newton sends it by a pseudoinverse: the smallest change that
changes the output by e.

    X^†γ = Xᵀ (X Xᵀ + γI)⁻¹        the damped pseudoinverse; γ = 0: Moore and Penrose's    `damped_pinv`
    layer by layer                 Δh_i = J_hi^†γ e, as if no other layer changed          `layerwise_gauss_newton`
    all weights together           ΔW = J_W^†γ e, J_W = ∂h_L/∂(all weights)                `joint_gauss_newton`
    all voltages together          Δa = J^†γ e, J = [J_1 … J_L]                            `minimum_norm`

For γ → ∞, γ X^†γ → Xᵀ: strong damping leads from Gauss-Newton to the gradient.

Arrays have one row or matrix per sample, batch first. Gradients are means over the batch and point uphill. Slopes,
Jacobians and gradients have the network's dtype, be the pass in float64 or not.
"""

import typing

import numpy as np

from feedbackalign.layers import Identity
from feedbackalign.networks.chains import DenseStage, dense_chain       # which reads the `stages`
from feedbackalign.validation import (describe, require_float_array, require_floats, require_instance, require_list,
                                      require_number)

__all__ = ["Pass", "damped_pinv", "dense_chain", "forward", "gradients_of_signals", "joint_gauss_newton", "last_pass",
           "layerwise_gauss_newton", "minimum_norm", "post_jacobians", "pre_jacobians", "slopes", "times"]

CUTOFF = {np.dtype(np.float64): 1e-10, np.dtype(np.float32): 1e-5}      # times the largest singular value: below is 0


class Pass(typing.NamedTuple):
    """One forward pass of a batch: pre[i] is a_{i+1} (N, n), post[i] is h_i (N, n), post[0] the input."""

    pre: list
    post: list

    @property
    def output(self):
        return self.post[-1]


def require_stages(stages):
    """Refuse anything but the stages of a dense chain."""
    return require_list(stages, "stages", lambda stage, what: require_instance(stage, DenseStage, what))


def require_pass(stages, seen):
    """Refuse stages and a pass that is not theirs."""
    require_stages(stages)
    if len(require_instance(seen, Pass, "seen").pre) != len(stages):
        raise ValueError(f"seen: expected a pass through {len(stages)} stages, got a Pass through {len(seen.pre)}")


# ---------------------------------------------------------------------------------------------------------- a pass

def forward(stages, x):
    """The pass of a batch x (N, …) -> `Pass`; no layer remembers it."""
    inputs = require_stages(stages)[0].layer.weight.shape[1]
    if require_float_array(x, "x").ndim < 2 or x.size == 0 or x[0].size != inputs:
        raise ValueError(f"x: expected samples of {inputs} numbers, got {describe(x)}")
    pre, post = [], [x.reshape(len(x), -1).astype(stages[0].layer.weight.dtype, copy=False)]
    for layer, unit in stages:
        a = layer.answer(post[-1])                                              # (N, in) x (in, out) -> (N, out)
        pre.append(a)
        post.append(unit.function(a))
    return Pass(pre, post)


def last_pass(stages, output):
    """The network's own last forward pass, from the memories of its layers; `output` (N, out) was its answer."""
    inputs = [stage.layer.input for stage in require_stages(stages)]
    if inputs[-1] is None:
        raise ValueError(f"stages: expected a forward pass of their network before, got {describe(stages)}")
    require_floats(output, "output", shape=(len(inputs[-1]), len(stages[-1].layer.weight)))
    above = [*inputs[1:], output]
    pre = [after if isinstance(stage.unit, Identity) else stage.unit.input for stage, after in zip(stages, above)]
    return Pass(pre, [*inputs, output])


def in_float64(stages, seen):
    """The same pass in float64, its rates found anew from its voltages: what moves a little from it keeps its digits.

    >>> from feedbackalign.networks import mlp
    >>> stages = dense_chain(mlp([4, 3, 2], activation="tanh", rng=np.random.default_rng(0)))
    >>> seen = in_float64(stages, forward(stages, np.ones((5, 4))))
    >>> seen.output.dtype, bool((seen.post[1] == np.tanh(seen.pre[0])).all())
    (dtype('float64'), True)
    """
    pre = [a.astype(np.float64) for a in seen.pre]
    return Pass(pre, [seen.post[0].astype(np.float64), *(unit.function(a) for (_, unit), a in zip(stages, pre))])


def slopes(stages, seen):
    """The diagonals of D_i = s_i'(a_i), a list of (N, n_i)."""
    require_pass(stages, seen)
    return [unit.derivative(a).astype(layer.weight.dtype, copy=False) for (layer, unit), a in zip(stages, seen.pre)]


# --------------------------------------------------------------------------------------------------- the Jacobians

def post_jacobians(stages, seen):
    """∂h_L/∂h_i of every layer, from the bottom up: a list of (N, out, n_i), the identity last.

    >>> from feedbackalign.networks import mlp
    >>> stages = dense_chain(mlp([4, 3, 2], activation="identity", rng=np.random.default_rng(0)))
    >>> J1, J2 = post_jacobians(stages, forward(stages, np.ones((5, 4))))
    >>> J1.shape, bool((J1 == stages[1].layer.weight).all())
    ((5, 2, 3), True)
    """
    require_pass(stages, seen)
    N, out = seen.output.shape
    J = np.broadcast_to(np.eye(out, dtype=stages[-1].layer.weight.dtype), (N, out, out)).copy()
    found = [J]
    for stage, slope in list(zip(stages, slopes(stages, seen)))[:0:-1]:
        J = (J * slope[:, None, :]) @ stage.layer.weight                        # (N, out, n) x (n, below)
        found.append(J)
    return found[::-1]


def pre_jacobians(stages, seen):
    """∂h_L/∂a_i of every layer, from the bottom up: a list of (N, out, n_i), the identity last."""
    return [J * slope[:, None, :] for J, slope in zip(post_jacobians(stages, seen), slopes(stages, seen))]


def damped_pinv(J, gamma=0.0):
    """J^†γ = Jᵀ (J Jᵀ + γI)⁻¹ of every matrix of a stack: (…, out, n) -> (…, n, out).

    For a small γ (below √eps of the trace of J Jᵀ) it uses singular values, s / (s² + γ): J Jᵀ would lose digits. With
    γ = 0, values below 1e-10 (float32: 1e-5) of the largest count as zero, so a singular J has its Moore-Penrose
    inverse too.

    Parameters
    ----------
    J : array (…, out, n)
        If an entry is not finite, the whole result is nan.
    gamma : float of at least 0

    >>> damped_pinv(np.array([[2.0, 0.0]]))
    array([[0.5],
           [0. ]])
    >>> damped_pinv(np.array([[2.0, 0.0]]), gamma=4.0)
    array([[0.25],
           [0.  ]])
    """
    gamma = require_number(gamma, "gamma", low=0)
    if require_float_array(J, "J").ndim < 2 or J.size == 0:
        raise ValueError(f"J: expected matrices (…, out, n), got {describe(J)}")
    if not np.isfinite(J).all():                            # the loss reports a run that diverges
        return np.full((*J.shape[:-2], J.shape[-1], J.shape[-2]), np.nan, dtype=J.dtype)
    eps = float(np.finfo(J.dtype).eps)
    if gamma > eps**0.5 * float(np.max((J * J).sum(axis=(-2, -1)), initial=0.0)):
        gram = J @ J.swapaxes(-1, -2) + gamma * np.eye(J.shape[-2], dtype=J.dtype)      # (…, out, out)
        return np.linalg.solve(gram, J).swapaxes(-1, -2)
    U, s, Vt = np.linalg.svd(J, full_matrices=False)        # (…, out, k), (…, k), (…, k, n)
    kept = s > CUTOFF[J.dtype] * s.max(axis=-1, keepdims=True, initial=0.0)
    inverse = np.where(kept, s, 0.0) / np.where(kept, s * s + gamma, 1.0)
    return (Vt.swapaxes(-1, -2) * inverse[..., None, :].astype(J.dtype)) @ U.swapaxes(-1, -2)


# ------------------------------------------------------------------------------------------- what follows from them

def times(matrices, vectors):
    """Matrix times vector, sample by sample: (N, a, b), (N, b) -> (N, a)."""
    require_floats(matrices, "matrices", shape=(None, None, None))
    require_floats(vectors, "vectors", shape=(None, None))
    if vectors.shape != (len(matrices), matrices.shape[2]):
        raise ValueError(f"matrices, vectors: expected shapes (N, a, b) and (N, b), got {matrices.shape} and "
                         f"{vectors.shape}")
    return (matrices @ vectors[..., None])[..., 0]


def gradients_of_signals(stages, seen, signals):
    """Gradients from a signal (N, n_i) at every layer's pre-activation: {"fc1.weight": array, "fc1.bias": array, …}.

    In backprop the signal is the sample's own error ∂ℓ/∂a_i, not divided by N.
    """
    require_pass(stages, seen)
    for signal, a in zip(require_list(signals, "signals", least=len(stages)), seen.pre):
        require_floats(signal, "signals", shape=a.shape)
    gradients = {}
    for stage, below, signal in zip(stages, seen.post, signals):
        gradients[f"{stage.name}.weight"] = outer(stage.layer, signal, below) / len(signal)     # (n_i, n_{i−1})
        if stage.layer.bias is not None:
            gradients[f"{stage.name}.bias"] = signal.sum(axis=0).astype(stage.layer.bias.dtype) / len(signal)
    return gradients


def outer(layer, signal, below):
    """signalᵀ below, summed over the batch, in the dtype of W: (N, n_i), (N, n_{i−1}) -> (n_i, n_{i−1})."""
    signal, below = (array.astype(layer.weight.dtype, copy=False) for array in (signal, below))
    return layer.outer(signal, below)


def layerwise_gauss_newton(stages, seen, error, gamma):
    """The gradients that target propagation approaches: every layer's own Gauss-Newton step in post-activations.

    The signal is D_i J_hi^†γ e, at the top e itself.

    `error` (N, out) is ∂ℓ/∂h_L of every sample's own loss, without 1/N; `gamma` ≥ 0. Returns {"fc1.weight": array, …}.
    """
    require_pass(stages, seen)
    require_floats(error, "error", shape=seen.output.shape)
    steps = [times(damped_pinv(J, gamma), error) for J in post_jacobians(stages, seen)[:-1]]    # (N, n_i)
    signals = [slope * step for slope, step in zip(slopes(stages, seen), steps)] + [error]
    return gradients_of_signals(stages, seen, signals)


def joint_gauss_newton(stages, seen, error, gamma):
    """The gradients that deep feedback control approaches: a Gauss-Newton step of all weights and biases together.

    The batch mean of J_W^†γ e. J_W J_Wᵀ = Σ_i (‖h_{i−1}‖² + 1) J_i J_iᵀ (the 1 where there is a bias), so the signal at
    layer i is J_iᵀ (J_W J_Wᵀ + γI)⁻¹ e. Parameters and return value as above.
    """
    jacobians = pre_jacobians(stages, seen)
    require_floats(error, "error", shape=seen.output.shape)
    lengths = [(below * below).sum(axis=1) + (stage.layer.bias is not None) for stage, below in zip(stages, seen.post)]
    wide = np.concatenate([J * np.sqrt(length)[:, None, None] for J, length in zip(jacobians, lengths)], axis=2)
    steps = times(damped_pinv(wide, gamma), error)          # (N, out, Σ n) -> (N, Σ n)
    ends = np.cumsum([J.shape[2] for J in jacobians])[:-1]
    signals = [step / np.where(length > 0, np.sqrt(length), 1.0)[:, None]
               for step, length in zip(np.split(steps, ends, axis=1), lengths)]
    return gradients_of_signals(stages, seen, signals)


def minimum_norm(stages, seen, error, gamma):
    """Gradients whose signal is J^†γ e, the smallest push of all layers together. Parameters as above."""
    jacobians = pre_jacobians(stages, seen)
    require_floats(error, "error", shape=seen.output.shape)
    push = times(damped_pinv(np.concatenate(jacobians, axis=2), gamma), error)                  # (N, units)
    return gradients_of_signals(stages, seen, np.split(push, np.cumsum([J.shape[2] for J in jacobians])[:-1], axis=1))
