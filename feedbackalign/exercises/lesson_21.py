"""Lesson 21, implicit steps: what goes down through new weights, and one step with its limit."""

import numpy as np

from feedbackalign import ops
from feedbackalign.exercises import hints
from feedbackalign.exercises.base import Exercise
from feedbackalign.exercises.limits import epsilons
from feedbackalign.exercises.sums import of_a_sum
from feedbackalign.rules.implicit.solve import amended


def error_below(x, W, b, step, error):
    """Exercise 21.1. The error at a ReLU layer's inputs, after its weights have been solved for (equation 4).

    x (N, in), W (out, in) and b (out,) as they were in the forward pass; step is W − W⁺; error e (N, out) at the output
    of the ReLU. Return (N, in).
    """
    raise NotImplementedError


def _layer(rng, N, inputs, out):
    return (rng.normal(size=(N, inputs)), rng.normal(size=(out, inputs)), rng.normal(size=out),
            rng.normal(size=(out, inputs)), rng.normal(size=(N, out)))


def _layers(rng):
    return [_layer(rng, 6, 3, 5), _layer(rng, 4, 5, 3)]


def _layers_at_the_limits(rng):
    x, W, b, step, error = _layer(rng, 7, 4, 3)
    one_x, one_W, _, one_step, one_error = _layer(rng, 1, 4, 3)
    return {"one sample": (one_x, one_W, np.abs(one_W @ one_x[0]) + [1, 2, -9], one_step, one_error),
            "one unit": _layer(rng, 8, 3, 1), "one input": _layer(rng, 5, 1, 4),
            "a unit that is silent": (x, W, b - [0, 99, 0], step, error),
            "no unit that is silent": (x, W, b + 99, step, error), "no bias": (x, W, 0 * b, step, error),
            "new weights of zero": (x, W, b, np.where(np.arange(4) == 2, W, step), error),
            "a tiny error": (x, W, b, step, 1e-150 * error), "a huge error": (x, W, b, step, 1e150 * error)}


def _below(x, W, b, step, error, slopes=None, through=None, kept=slice(None)):
    """The right answer, and the wrong ones by the slopes (N, out) or the weights (out, in) that they take instead."""
    slopes = ops.activations.relu_derivative(ops.linear.linear(x, W, b)) if slopes is None else slopes
    through = W - step if through is None else through
    return ops.linear.linear_transport((error * slopes)[:, kept], through[kept])


def implicit_step(x, error, eta, penalty):
    """Exercise 21.2. The implicit step W − V of a linear layer without bias (equation 1), and its backprop limit.

    x (N, in), error Δ (N, out), penalty λ. Return (W − V (out, in), what λ/η times it tends to as λ grows (out, in)).
    """
    raise NotImplementedError


def _batch(rng, N, inputs, out, eta, penalty):
    return rng.normal(size=(N, inputs)), rng.normal(size=(N, out)), eta, penalty


def _batches(rng):
    return [_batch(rng, 5, 3, 4, 0.5, 2.0), _batch(rng, 3, 6, 2, 0.2, 0.5)]


def _batches_at_the_limits(rng):
    x, error, eta, penalty = _batch(rng, 4, 5, 3, 0.6, 0.8)
    signs = np.array([[1], [-1], [1], [-1]])
    return {"one sample": _batch(rng, 1, 4, 3, 0.5, 0.7), "one input": _batch(rng, 5, 1, 3, 0.2, 1.5),
            "one output": _batch(rng, 6, 3, 1, 0.4, 0.3),
            "one sample, one input and one output": _batch(rng, 1, 1, 1, 0.9, 3.0),
            "as many samples as inputs": _batch(rng, 4, 4, 3, 1.0, 0.2),
            "samples that are equal": (0 * x + x[0], error, eta, penalty),
            "samples that are opposite": (signs * x[0], error, eta, penalty), "a large λ": (x, error, eta, 1e6),
            "a tiny error": (x, 1e-150 * error, eta, penalty), "a huge error": (x, 1e150 * error, eta, penalty),
            "tiny inputs and λ": (1e-75 * x, error, eta, 1e-150 * penalty),
            "huge inputs and λ": (1e75 * x, error, eta, 1e150 * penalty)}


def _step(x, error, eta, penalty):
    return eta * amended(x, error, penalty)


def _limit(x, error):
    return ops.linear.linear_weight_gradient(error, x)


def _both(x, error, eta, penalty):
    return _step(x, error, eta, penalty), _limit(x, error)


def _another_step(step):
    """The limit is right."""
    return lambda x, error, eta, penalty: (step(x, error, eta, penalty), _limit(x, error))


def _another_limit(limit):
    """The step is right."""
    return lambda x, error, eta, penalty: (_step(x, error, eta, penalty), limit(x, error, eta, penalty))


def _by_samples(kept, kept_in_limit=None):
    """Sums over a part of the samples, by the solve of the samples' size."""
    def mistake(x, error, eta, penalty):
        E = np.linalg.solve(x @ x.T + penalty * np.eye(len(x)), eta * error)
        part = kept if kept_in_limit is None else kept_in_limit
        return E[kept].T @ x[kept], _limit(x[part], error[part])
    return mistake


EXERCISES = {
    "21.1": Exercise(task=error_below, cases=_layers, limits=_layers_at_the_limits, right=_below, mistakes=[
        ("the error went down through the old weights; those after the step count, W⁺ = W − step",
         lambda x, W, b, step, error: _below(x, W, b, step, error, through=W)),
        ("the error went down through the step; W⁺ = W − step", lambda x, W, b, step, error: _below(
            x, W, b, step, error, through=step)),
        (f"{hints.SIGN}: W⁺ = W − step", lambda x, W, b, step, error: _below(x, W, b, -step, error)),
        (f"{hints.SLOPE_LEFT_OUT} of the ReLU", lambda x, W, b, step, error: error @ (W - step)),
        ("the error went down through the old weights, and without the slopes of the ReLU",
         lambda x, W, b, step, error: error @ W),
        (hints.slope_of_the_wrong("z after the step; that of the forward pass counts"),
         lambda x, W, b, step, error: _below(x, W, b, step, error, x @ (W - step).T + b > 0)),
        (hints.slope_of_the_wrong("z without the bias"),
         lambda x, W, b, step, error: _below(x, W, b, step, error, x @ W.T > 0)),
        (hints.slope_of_the_wrong("the error; it belongs at z = x Wᵀ + b"),
         lambda x, W, b, step, error: _below(x, W, b, step, error, error > 0)),
        (hints.slope_of_the_wrong("the layer's input x; it belongs at z = x Wᵀ + b, before the error goes down"),
         lambda x, W, b, step, error: error @ (W - step) * (x > 0)),
        (hints.slope_of_the_wrong("z with −b; the layer has z = x Wᵀ + b"),
         lambda x, W, b, step, error: _below(x, W, b, step, error, x @ W.T - b > 0)),
        (hints.slope_of_the_wrong("tanh(z); these units are ReLU"),
         lambda x, W, b, step, error: _below(x, W, b, step, error, 1 - np.tanh(x @ W.T + b)**2)),
        ("the slope of a ReLU is 1 or 0, not z", lambda x, W, b, step, error: _below(
            x, W, b, step, error, np.maximum(x @ W.T + b, 0))),
        ("the slope of the ReLU is the wrong way round: the error passes where z > 0",
         lambda x, W, b, step, error: _below(x, W, b, step, error, x @ W.T + b <= 0)),
        *of_a_sum("units", lambda kept: lambda *given: _below(*given, kept=kept)),
    ]),
    "21.2": Exercise(task=implicit_step, cases=_batches, limits=_batches_at_the_limits, right=_both,
                     parts=("step", "limit"), batch="x", mistakes=[
        ("the limit is λ/η times the step at this λ, as for a short η; it is λ that grows",
         _another_limit(lambda x, error, eta, penalty: penalty * amended(x, error, penalty))),
        ("η is left out of the step", _another_step(lambda x, error, eta, penalty: amended(x, error, penalty))),
        ("η is left out of the step, and the limit still has η in it",
         lambda x, error, eta, penalty: (amended(x, error, penalty), eta * _limit(x, error))),
        ("λ stands where 1/λ belongs", _another_step(lambda x, error, eta, penalty: _step(x, error, eta, 1 / penalty))),
        ("this is an explicit step: no slope is asked for where it ends",
         _another_step(lambda x, error, eta, penalty: eta / penalty * _limit(x, error))),
        ("this is an explicit step: neither λ nor the slope where it ends is in it",
         _another_step(lambda x, error, eta, penalty: eta * _limit(x, error))),
        ("you multiplied by xᵀx + λI; its inverse belongs there",
         _another_step(lambda x, error, eta, penalty: eta * _limit(x, error) @ (
             x.T @ x + penalty * np.eye(x.shape[1])))),
        ("λ is left out", _another_step(lambda x, error, eta, penalty: eta * np.linalg.pinv(x).dot(error).T)),
        ("λ was added to every entry; λI has it on the diagonal alone",
         _another_step(lambda x, error, eta, penalty: eta * _limit(x, error) @ np.linalg.pinv(x.T @ x + penalty))),
        ("the limit still has η in it", _another_limit(lambda x, error, eta, penalty: eta * _limit(x, error))),
        ("the limit still has η/λ in it",
         _another_limit(lambda x, error, eta, penalty: eta / penalty * _limit(x, error))),
        ("½ stands before one of the two sums only",
         _another_step(lambda x, error, eta, penalty: _step(x, error, eta, 2 * penalty))),
        ("½ stands before one of the two sums only",
         _another_step(lambda x, error, eta, penalty: _step(x, error, eta, penalty / 2))),
        (f"{hints.SIGN}: the step is W − V", _another_step(lambda *given: -_step(*given))),
        ("the two are exchanged: the step comes first", lambda *given: _both(*given)[::-1]),
        *of_a_sum("samples", _by_samples), *of_a_sum("samples", lambda kept: _by_samples(slice(None), kept)),
        *of_a_sum("samples", lambda kept: _by_samples(kept, slice(None))),
        *epsilons(lambda x, error, eta, penalty, more: (_step(x, error, eta, penalty + more), _limit(x, error))),
    ]),
}
