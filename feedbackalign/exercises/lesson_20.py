"""Lesson 20, consequentialism: a layer's amended steps, and what they move."""

import numpy as np

from feedbackalign import ops
from feedbackalign.exercises import hints
from feedbackalign.exercises.base import Exercise
from feedbackalign.exercises.limits import epsilons
from feedbackalign.exercises.sums import of_a_sum
from feedbackalign.rules.implicit.solve import amended


def amended_layer(x, delta, W, epsilon):
    """Exercise 20.1. One layer with bias, z = x Wᵀ + b: its two steps at μ = 1, and the error for the layer below.

    x (N, in), delta (N, out) the errors of the samples' own losses, W (out, in). Amend delta by equation 2, the bias
    being an input that is always 1. Return (what is subtracted from W (out, in), what is subtracted from b (out,), the
    error at x (N, in)). Below go the raw errors.
    """
    raise NotImplementedError


def _layer(rng, N, inputs, out, epsilon):
    return rng.normal(size=(N, inputs)), rng.normal(size=(N, out)), rng.normal(size=(out, inputs)), epsilon


def _layers(rng):
    return [_layer(rng, 5, 3, 4, 0.5), _layer(rng, 3, 6, 2, 2.0)]


def _layers_at_the_limits(rng):
    x, delta, W, epsilon = _layer(rng, 4, 5, 3, 0.8)
    signs = np.array([[1], [-1], [1], [-1]])
    return {"one sample": _layer(rng, 1, 4, 3, 0.7), "one input": _layer(rng, 5, 1, 3, 1.5),
            "one output": _layer(rng, 4, 3, 1, 0.3), "one sample, one input and one output": _layer(rng, 1, 1, 1, 3.0),
            "as many samples as inputs": _layer(rng, 4, 4, 3, 0.2),
            "samples that are equal": (0 * x + x[0], delta, W, epsilon),
            "samples that are opposite": (signs * x[0], delta, W, epsilon), "a large ε": (x, delta, W, 1e6),
            "tiny errors": (x, 1e-150 * delta, W, epsilon), "huge errors": (x, 1e150 * delta, W, epsilon)}


def _with_one(x):
    return np.concatenate([x, np.ones((len(x), 1))], axis=1)


def _gram(x, epsilon):
    return x @ x.T + epsilon * np.eye(len(x))


def _corrected(x, delta, epsilon):
    return np.linalg.solve(_gram(x, epsilon), delta)


def _each_by_itself(x, delta, epsilon):
    return delta / ((x**2).sum(axis=1, keepdims=True) + epsilon)


def _steps(x, delta, W, epsilon):
    step = amended(_with_one(x), delta, epsilon)                            # (out, in + 1)
    return step[:, :-1], step[:, -1], ops.linear.linear_transport(delta, W)


def _by_errors(E, x, sent, W):
    """The steps that the corrected errors E (N, out) make, and the error that `sent` becomes below."""
    return ops.linear.linear_weight_gradient(E, x), E.sum(axis=0), ops.linear.linear_transport(sent, W)


def _of_samples(kept):
    """Sums of a part of the samples in both steps."""
    return lambda x, delta, W, epsilon: _by_errors(_corrected(_with_one(x), delta, epsilon)[kept], x[kept], delta, W)


def _of_samples_for_W(kept):
    """The same in the step of W alone."""
    return lambda *given: (_of_samples(kept)(*given)[0], *_steps(*given)[1:])


def _below(kept):
    """The error at x as the sum of a part of the outputs."""
    return lambda x, delta, W, epsilon: (*_steps(x, delta, W, epsilon)[:2], delta[:, kept] @ W[kept])


def induced_move(x, delta, mu, epsilon):
    """Exercise 20.2. How z of a layer without bias moves by the amended step (equation 2), (N, out).

    x (N, in), delta (N, out). Find the step, and apply it; or use K alone.
    """
    raise NotImplementedError


def _batch(rng, N, inputs, out, mu, epsilon):
    return rng.normal(size=(N, inputs)), rng.normal(size=(N, out)), mu, epsilon


def _batches(rng):
    return [_batch(rng, 5, 3, 4, 0.3, 0.5), _batch(rng, 4, 6, 2, 0.7, 2.0)]


def _batches_at_the_limits(rng):
    x, delta, mu, epsilon = _batch(rng, 4, 5, 3, 0.6, 0.8)
    signs = np.array([[1], [-1], [1], [-1]])
    return {"one sample": _batch(rng, 1, 4, 3, 0.5, 0.7), "one input": _batch(rng, 5, 1, 3, 0.2, 1.5),
            "one output": _batch(rng, 6, 3, 1, 0.4, 0.3),
            "one sample, one input and one output": _batch(rng, 1, 1, 1, 0.9, 3.0),
            "as many samples as inputs": _batch(rng, 4, 4, 3, 1.0, 0.2),
            "samples that are equal": (0 * x + x[0], delta, mu, epsilon),
            "samples that are opposite": (signs * x[0], delta, mu, epsilon), "a large ε": (x, delta, mu, 1e6),
            "tiny errors": (x, 1e-150 * delta, mu, epsilon), "huge errors": (x, 1e150 * delta, mu, epsilon),
            "tiny inputs and ε": (1e-75 * x, delta, mu, 1e-150 * epsilon),
            "huge inputs and ε": (1e75 * x, delta, mu, 1e150 * epsilon)}


def _moved(x, delta, mu, epsilon):
    return -mu * x @ amended(x, delta, epsilon).T


def _moved_by_samples(kept):
    """The move by a step that is the sum of a part of the samples."""
    return lambda x, delta, mu, epsilon: -mu * x @ x[kept].T @ _corrected(x, delta, epsilon)[kept]


EXERCISES = {
    "20.1": Exercise(task=amended_layer, cases=_layers, limits=_layers_at_the_limits, right=_steps,
                     parts=("step of W", "step of b", "error below"), mistakes=[
        ("the bias is left out of K: it is an input of 1, and adds 1 to every entry",
         lambda x, delta, W, epsilon: _by_errors(_corrected(x, delta, epsilon), x, delta, W)),
        ("the bias takes the raw errors; it is one of the inputs, and takes the amended ones",
         lambda x, delta, W, epsilon: (_steps(x, delta, W, epsilon)[0], delta.sum(axis=0), delta @ W)),
        ("the bias is left out of K and takes the raw errors; it is an input of 1, and takes the amended ones",
         lambda x, delta, W, epsilon: (_corrected(x, delta, epsilon).T @ x, delta.sum(axis=0), delta @ W)),
        ("the amended errors go down; the layer below needs the raw ones",
         lambda x, delta, W, epsilon: (*_steps(x, delta, W, epsilon)[:2],
                                       _corrected(_with_one(x), delta, epsilon) @ W)),
        ("the errors go down through the new weights; they go through W as it was",
         lambda x, delta, W, epsilon: (*_steps(x, delta, W, epsilon)[:2],
                                       delta @ (W - _steps(x, delta, W, epsilon)[0]))),
        ("W and b have a K each; one K, of the inputs and 1, corrects the errors of both",
         lambda x, delta, W, epsilon: (_corrected(x, delta, epsilon).T @ x,
                                       _corrected(0 * x[:, :1] + 1, delta, epsilon).sum(axis=0), delta @ W)),
        ("each error is divided by its own sample's entry of K; K holds all pairs of samples, so solve with it",
         lambda x, delta, W, epsilon: _by_errors(_each_by_itself(_with_one(x), delta, epsilon), x, delta, W)),
        ("K is a sum over the inputs, without 1/N",
         lambda x, delta, W, epsilon: _by_errors(_corrected(_with_one(x) / len(x)**0.5, delta, epsilon), x, delta, W)),
        ("these are gradient steps: nothing is amended",
         lambda x, delta, W, epsilon: _by_errors(delta, x, delta, W)),
        ("you multiplied by K + εI; its inverse is what corrects the errors",
         lambda x, delta, W, epsilon: _by_errors(_gram(_with_one(x), epsilon) @ delta, x, delta, W)),
        ("ε was added to every entry of K; εI has it on the diagonal alone",
         lambda x, delta, W, epsilon: _by_errors(np.linalg.pinv(_gram(_with_one(x), 0.0) + epsilon) @ delta, x, delta,
                                                 W)),
        ("ε is left out",
         lambda x, delta, W, epsilon: _by_errors(np.linalg.pinv(_gram(_with_one(x), 0.0)) @ delta, x, delta, W)),
        (f"{hints.SIGN}: return what is subtracted from W and b",
         lambda *given: (*(-step for step in _steps(*given)[:2]), _steps(*given)[2])),
        *of_a_sum("samples", _of_samples), *of_a_sum("samples", _of_samples_for_W), *of_a_sum("outputs", _below),
    ]),
    "20.2": Exercise(task=induced_move, cases=_batches, limits=_batches_at_the_limits, right=_moved, mistakes=[
        ("this is the gradient step's move, −μ K Δ", lambda x, delta, mu, epsilon: -mu * x @ x.T @ delta),
        ("this is the corrected error, −μ (K + εI)⁻¹ Δ; what it moves is K times that",
         lambda x, delta, mu, epsilon: -mu * _corrected(x, delta, epsilon)),
        ("each error is divided by its own sample's entry of K; K holds all pairs of samples, so solve with it",
         lambda x, delta, mu, epsilon: -mu * x @ x.T @ _each_by_itself(x, delta, epsilon)),
        ("you multiplied by K + εI; its inverse is what corrects the errors",
         lambda x, delta, mu, epsilon: -mu * x @ x.T @ _gram(x, epsilon) @ delta),
        ("this is the move that was wanted", lambda x, delta, mu, epsilon: -mu * delta),
        ("μ is left out", lambda x, delta, mu, epsilon: _moved(x, delta, 1.0, epsilon)),
        ("ε is left out", lambda x, delta, mu, epsilon: -mu * x @ np.linalg.pinv(x) @ delta),
        ("ε was added to every entry of K; εI has it on the diagonal alone",
         lambda x, delta, mu, epsilon: -mu * x @ x.T @ np.linalg.pinv(_gram(x, 0.0) + epsilon) @ delta),
        ("a bias is counted; this layer has none",
         lambda x, delta, mu, epsilon: _moved(_with_one(x), delta, mu, epsilon)),
        (f"{hints.SIGN}: the step is subtracted, so z moves by −μ …", lambda *given: -_moved(*given)),
        *of_a_sum("samples", _moved_by_samples),
        *of_a_sum("inputs", lambda kept: lambda x, *rest: _moved(x[:, kept], *rest)),
        *epsilons(lambda x, delta, mu, epsilon, more: _moved(x, delta, mu, epsilon + more)),
    ]),
}
