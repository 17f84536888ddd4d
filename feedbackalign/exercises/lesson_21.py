"""Lesson 21, implicit steps: what goes down through new weights, and one step with its limit."""

from feedbackalign import ops
from feedbackalign.exercises.base import Exercise
from feedbackalign.rules.implicit.solve import amended


def error_below(x, W, b, step, error):
    """Exercise 21.1. The error at a ReLU layer's inputs, after its weights have been solved for (equation 4).

    x (N, in), W (out, in) and b (out,) as they were in the forward pass; step is W − W⁺; error e (N, out) at the output
    of the ReLU. Return (N, in).
    """
    raise NotImplementedError


def _layers(rng):
    return [(rng.normal(size=(N, inputs)), rng.normal(size=(out, inputs)), rng.normal(size=out),
             rng.normal(size=(out, inputs)), rng.normal(size=(N, out)))
            for N, inputs, out in [(6, 3, 5), (4, 5, 3)]]


def _masked(x, W, b, error):
    return ops.activations.relu_backward(error, ops.linear.linear(x, W, b))


def _below(x, W, b, step, error):
    return ops.linear.linear_transport(_masked(x, W, b, error), W - step)


def implicit_step(x, error, eta, penalty):
    """Exercise 21.2. The implicit step W − V of a linear layer without bias (equation 1), and its backprop limit.

    x (N, in), error Δ (N, out), penalty λ. Return (W − V (out, in), what λ/η times it tends to as λ grows (out, in)).
    """
    raise NotImplementedError


def _batches(rng):
    return [(rng.normal(size=(N, inputs)), rng.normal(size=(N, out)), eta, penalty)
            for N, inputs, out, eta, penalty in [(5, 3, 4, 0.5, 2.0), (3, 6, 2, 0.2, 0.5)]]


def _step(x, error, eta, penalty):
    return eta * amended(x, error, penalty)


def _both(x, error, eta, penalty):
    return _step(x, error, eta, penalty), ops.linear.linear_weight_gradient(error, x)


EXERCISES = {
    "21.1": Exercise(task=error_below, cases=_layers, right=_below, mistakes=[
        ("the error went down through the old weights", lambda x, W, b, step, error: _masked(x, W, b, error) @ W),
        ("the slopes are those after the step; it is the forward pass's that count",
         lambda x, W, b, step, error: _masked(x, W - step, b, error) @ (W - step)),
        ("the step is added; W⁺ = W − step", lambda x, W, b, step, error: _masked(x, W, b, error) @ (W + step)),
        ("you left out the slopes of the ReLU", lambda x, W, b, step, error: error @ (W - step)),
        ("the slopes are taken without the bias",
         lambda x, W, b, step, error: _masked(x, W, 0 * b, error) @ (W - step)),
    ]),
    "21.2": Exercise(task=implicit_step, cases=_batches, right=_both, parts=("step", "limit"), batch="x", mistakes=[
        ("the limit is that of a short η; it is λ that grows",
         lambda x, error, eta, penalty: (_step(x, error, eta, penalty), penalty * amended(x, error, penalty))),
        ("η is left out of the step",
         lambda x, error, eta, penalty: (amended(x, error, penalty), error.T @ x)),
        ("λ stands where 1/λ belongs",
         lambda x, error, eta, penalty: (_step(x, error, eta, 1 / penalty), error.T @ x)),
        ("this is an explicit step: no slope is asked for where it ends",
         lambda x, error, eta, penalty: (eta / penalty * error.T @ x, error.T @ x)),
        ("the limit still has η in it", lambda x, error, eta, penalty: (_step(x, error, eta, penalty),
                                                                          eta * error.T @ x)),
        ("½ stands before one of the two sums only",
         lambda x, error, eta, penalty: (_step(x, error, eta, 2 * penalty), error.T @ x)),
    ]),
}
