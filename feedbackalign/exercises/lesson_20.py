"""Lesson 20, consequentialism: a layer's amended steps, and what they move."""

import numpy as np

from feedbackalign import ops
from feedbackalign.exercises.base import Exercise
from feedbackalign.rules.implicit.solve import amended


def amended_layer(x, delta, W, epsilon):
    """Exercise 20.1. One layer with bias, z = x Wᵀ + b: its two steps at μ = 1, and the error for the layer below.

    x (N, in), delta (N, out) the errors of the samples' own losses, W (out, in). Amend delta by equation 2, the bias
    being an input that is always 1. Return (what is subtracted from W (out, in), what is subtracted from b (out,), the
    error at x (N, in)). Below go the raw errors.
    """
    raise NotImplementedError


def _layers(rng):
    return [(rng.normal(size=(N, inputs)), rng.normal(size=(N, out)), rng.normal(size=(out, inputs)), epsilon)
            for N, inputs, out, epsilon in [(5, 3, 4, 0.5), (3, 6, 2, 2.0)]]


def _with_one(x):
    return np.concatenate([x, np.ones((len(x), 1))], axis=1)


def _gram(x, epsilon):
    return x @ x.T + epsilon * np.eye(len(x))


def _steps(x, delta, W, epsilon):
    step = amended(_with_one(x), delta, epsilon)                            # (out, in + 1)
    return step[:, :-1], step[:, -1], ops.linear.linear_transport(delta, W)


def _by_errors(E, x, sent, W):
    """The steps that the corrected errors E (N, out) make, and the error that `sent` becomes below."""
    return ops.linear.linear_weight_gradient(E, x), E.sum(axis=0), ops.linear.linear_transport(sent, W)


def induced_move(x, delta, mu, epsilon):
    """Exercise 20.2. How z of a layer without bias moves by the amended step (equation 2), (N, out).

    x (N, in), delta (N, out). Find the step, and apply it; or use K alone.
    """
    raise NotImplementedError


def _batches(rng):
    return [(rng.normal(size=(N, inputs)), rng.normal(size=(N, out)), mu, epsilon)
            for N, inputs, out, mu, epsilon in [(5, 3, 4, 0.3, 0.5), (4, 6, 2, 0.7, 2.0)]]


def _moved(x, delta, mu, epsilon):
    return -mu * x @ amended(x, delta, epsilon).T


EXERCISES = {
    "20.1": Exercise(task=amended_layer, cases=_layers, right=_steps, parts=("step of W", "step of b", "error below"),
                     mistakes=[
        ("the bias is left out of K: it is an input of 1, and adds 1 to every entry",
         lambda x, delta, W, epsilon: _by_errors(np.linalg.solve(_gram(x, epsilon), delta), x, delta, W)),
        ("the bias takes the raw errors; it is one of the inputs, and takes the amended ones",
         lambda x, delta, W, epsilon: (_steps(x, delta, W, epsilon)[0], delta.sum(axis=0), delta @ W)),
        ("the amended errors go down; the layer below needs the raw ones",
         lambda x, delta, W, epsilon: (*_steps(x, delta, W, epsilon)[:2],
                                       np.linalg.solve(_gram(_with_one(x), epsilon), delta) @ W)),
        ("these are gradient steps: nothing is amended",
         lambda x, delta, W, epsilon: _by_errors(delta, x, delta, W)),
        ("you multiplied by K + εI; its inverse is what corrects the errors",
         lambda x, delta, W, epsilon: _by_errors(_gram(_with_one(x), epsilon) @ delta, x, delta, W)),
        ("ε is left out",
         lambda x, delta, W, epsilon: _by_errors(np.linalg.pinv(_gram(_with_one(x), 0.0)) @ delta, x, delta, W)),
    ]),
    "20.2": Exercise(task=induced_move, cases=_batches, right=_moved, mistakes=[
        ("this is the gradient step's move, −μ K Δ", lambda x, delta, mu, epsilon: -mu * x @ x.T @ delta),
        ("this is the corrected error, −μ (K + εI)⁻¹ Δ; what it moves is K times that",
         lambda x, delta, mu, epsilon: -mu * np.linalg.solve(_gram(x, epsilon), delta)),
        ("this is the move that was wanted", lambda x, delta, mu, epsilon: -mu * delta),
        ("μ is left out", lambda x, delta, mu, epsilon: _moved(x, delta, 1.0, epsilon)),
        ("a bias is counted; this layer has none",
         lambda x, delta, mu, epsilon: _moved(_with_one(x), delta, mu, epsilon)),
    ]),
}
