"""Lesson 1, backprop by hand: the error at a hidden layer, and all of backprop in a network of two layers."""

import numpy as np

from feedbackalign import ops
from feedbackalign.exercises import hints
from feedbackalign.exercises.base import Exercise


def hidden_error(error, weight, v):
    """Exercise 1.1. Send the error down one layer, to the pre-activations v of tanh units (as in Eq. 6).

    error (N, out) is ∂L/∂z at the layer's output, weight (out, in), v (N, in), and the layer's input was tanh(v).
    Return ∂L/∂v, (N, in).
    """
    raise NotImplementedError


def _layer(rng, N, out, inputs):
    return rng.normal(size=(N, out)), rng.normal(size=(out, inputs)), rng.normal(size=(N, inputs))


def _layers(rng):
    return [_layer(rng, 5, 3, 4), _layer(rng, 3, 2, 7)]


def _layers_at_the_limits(rng):
    error, weight, v = _layer(rng, 4, 3, 5)
    return {"one sample": _layer(rng, 1, 3, 4), "one unit": _layer(rng, 6, 2, 1), "one output": _layer(rng, 4, 1, 3),
            "one sample, one unit and one output": _layer(rng, 1, 1, 1),
            "a tiny error": (1e-150 * error, weight, v), "a huge error": (1e150 * error, weight, v),
            "pre-activations far from 0": (error, weight, np.where(v > 1, 300.0, np.where(v < -1, -300.0, v)))}


def _through_tanh(error, weight, v):
    return ops.linear.linear_transport(error, weight) * ops.activations.tanh_derivative(v)


def _slope_of_sigmoid(v):
    return 0.25 / np.cosh(v / 2)**2


def two_layer_gradients(x, targets, W1, W2):
    """Exercise 1.2. All of backprop, for y = tanh(x W1ᵀ) W2ᵀ and the mean over the batch of ½ Σ (y − targets)².

    x (N, in), targets (N, out), W1 (hidden, in), W2 (out, hidden). Return (∂L/∂W1, ∂L/∂W2), in the shapes of W1 and W2
    (Eq. 5 and 6; the error at the output of this loss is (y − targets) / N).
    """
    raise NotImplementedError


def _network(rng, N, inputs, hidden, out):
    return (rng.normal(size=(N, inputs)), rng.normal(size=(N, out)), rng.normal(size=(hidden, inputs)),
            rng.normal(size=(out, hidden)))


def _networks(rng):
    return [_network(rng, 6, 4, 5, 3), _network(rng, 4, 3, 2, 5)]


def _networks_at_the_limits(rng):
    x, targets, W1, W2 = _network(rng, 5, 3, 6, 2)
    return {"one sample": _network(rng, 1, 4, 3, 2), "one hidden unit": _network(rng, 5, 3, 1, 2),
            "one output": _network(rng, 7, 2, 3, 1), "one input": _network(rng, 3, 1, 4, 2),
            "tiny inputs": (1e-150 * x, targets, W1, W2), "huge targets": (x, 1e150 * targets, W1, W2),
            "hidden units far from 0": (x, targets, W1 * np.array([[1], [50], [1], [1], [-50], [1]]), W2)}


def _backprop(x, targets, W1, W2, slope=lambda v: 1 - np.tanh(v)**2, met=np.tanh, samples=slice(None), N=None,
              way_up=np.tanh, top=np.ones_like, down=None):
    v = x @ W1.T                                                        # (N, hidden)
    y = way_up(v) @ W2.T
    error = (y - targets) * top(y) / (N or len(x))                      # (N, out)
    hidden = error @ (W2 if down is None else down) * slope(v)          # (N, hidden)
    return hidden[samples].T @ x[samples], error[samples].T @ met(v)[samples]


EXERCISES = {
    "1.1": Exercise(task=hidden_error, cases=_layers, limits=_layers_at_the_limits, right=_through_tanh, mistakes=[
        (f"{hints.SLOPE_LEFT_OUT} of tanh, 1 − tanh(v)²", lambda error, weight, v: error @ weight),
        (hints.SLOPE_TWICE, lambda error, weight, v: error @ weight * (1 - np.tanh(v)**2)**2),
        ("the slope of tanh is 1 − tanh(v)², not tanh(v)", lambda error, weight, v: error @ weight * np.tanh(v)),
        (hints.slope_of_the_wrong("1 − v²; v is still to be put through tanh"),
         lambda error, weight, v: error @ weight * (1 - v**2)),
        ("the square is missing: the slope of tanh is 1 − tanh(v)²",
         lambda error, weight, v: error @ weight * (1 - np.tanh(v))),
        (hints.slope_of_the_wrong("a ReLU; these units are tanh"), lambda error, weight, v: error @ weight * (v > 0)),
        (hints.slope_of_the_wrong("a sigmoid; these units are tanh"),
         lambda error, weight, v: error @ weight * _slope_of_sigmoid(v)),
        (hints.slope_of_the_wrong("the error that came down; it belongs at the pre-activation v"),
         lambda error, weight, v: error @ weight * (1 - np.tanh(error @ weight)**2)),
        (f"{hints.WRONG_AXIS}: every sample has slopes of its own, and you took their mean over the samples",
         lambda error, weight, v: error @ weight * (1 - np.tanh(v)**2).mean(axis=0)),
        (f"{hints.WRONG_AXIS}: every sample has slopes of its own, and you took those of the first",
         lambda error, weight, v: error @ weight * (1 - np.tanh(v[0])**2)),
        (f"{hints.WRONG_AXIS}: every unit has a slope of its own, and you took their mean over the units",
         lambda error, weight, v: error @ weight * (1 - np.tanh(v)**2).mean(axis=1, keepdims=True)),
        (hints.slope_of_the_wrong("at tanh(v); it belongs at the pre-activation v"),
         lambda error, weight, v: error @ weight * (1 - np.tanh(np.tanh(v))**2)),
        (hints.mean_twice("outputs, and the error is a sum over them"),
         lambda error, weight, v: error @ weight / len(weight) * (1 - np.tanh(v)**2)),
        (f"{hints.OVERWRITTEN_IN_LOOP}, over the outputs",
         lambda error, weight, v: error[:, -1:] * weight[-1] * (1 - np.tanh(v)**2)),
        (f"{hints.FIRST_LEFT_OUT}, the first output's",
         lambda error, weight, v: error[:, 1:] @ weight[1:] * (1 - np.tanh(v)**2)),
        (f"{hints.LAST_LEFT_OUT}, the last output's",
         lambda error, weight, v: error[:, :-1] @ weight[:-1] * (1 - np.tanh(v)**2)),
    ]),
    "1.2": Exercise(
        task=two_layer_gradients, cases=_networks, limits=_networks_at_the_limits, right=_backprop,
        parts=("∂L/∂W1", "∂L/∂W2"), mistakes=[
            (f"{hints.SLOPE_LEFT_OUT} of tanh, 1 − tanh(v)², on the way to W1",
             lambda *given: _backprop(*given, slope=np.ones_like)),
            (f"{hints.SLOPE_TWICE}, on the way to W1",
             lambda *given: _backprop(*given, slope=lambda v: (1 - np.tanh(v)**2)**2)),
            ("the slope of tanh is 1 − tanh(v)², not tanh(v)", lambda *given: _backprop(*given, slope=np.tanh)),
            (hints.slope_of_the_wrong("at tanh(v); it belongs at the pre-activation v"),
             lambda *given: _backprop(*given, slope=lambda v: 1 - np.tanh(np.tanh(v))**2)),
            (hints.slope_of_the_wrong("1 − v²; v is still to be put through tanh"),
             lambda *given: _backprop(*given, slope=lambda v: 1 - v**2)),
            ("you exchanged the two: ∂L/∂W1 comes first", lambda *given: _backprop(*given)[::-1]),
            (hints.slope_of_the_wrong("a sigmoid; these units are tanh"),
             lambda *given: _backprop(*given, slope=_slope_of_sigmoid)),
            ("the output y has no tanh, and so no slope", lambda *given: _backprop(
                *given, top=lambda y: 1 - np.tanh(y)**2)),
            ("the output y has no tanh, and so no slope 1 − y²", lambda *given: _backprop(
                *given, top=lambda y: 1 - y**2)),
            ("the error goes down through W2 as it was, not through W2 after its step",
             lambda x, targets, W1, W2: _backprop(x, targets, W1, W2, down=W2 - _backprop(x, targets, W1, W2)[1])),
            ("you left out tanh on the way up: y = tanh(x W1ᵀ) W2ᵀ", lambda *given: _backprop(
                *given, way_up=np.positive, met=np.positive)),
            ("you left out tanh on the way up, and its slope on the way down", lambda *given: _backprop(
                *given, way_up=np.positive, met=np.positive, slope=np.ones_like)),
            ("what meets the error at W2 is tanh(v), the layer's input, not v",
             lambda *given: _backprop(*given, met=lambda v: v)),
            (hints.wrong_N("samples; a mean over all entries divides by the outputs too"),
             lambda x, targets, W1, W2: _backprop(x, targets, W1, W2, N=targets.size)),
            (hints.wrong_N("samples, not of outputs"),
             lambda x, targets, W1, W2: _backprop(x, targets, W1, W2, N=len(W2))),
            (f"{hints.OVERWRITTEN_IN_LOOP}, over the samples",
             lambda *given: _backprop(*given, samples=slice(-1, None))),
            (f"{hints.FIRST_LEFT_OUT}, the first sample's", lambda *given: _backprop(*given, samples=slice(1, None))),
            (f"{hints.LAST_LEFT_OUT}, the last sample's", lambda *given: _backprop(*given, samples=slice(None, -1))),
        ]),
}
