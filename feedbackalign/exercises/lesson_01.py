"""Lesson 1, backprop by hand: the error at a hidden layer, and all of backprop in a network of two layers."""

import numpy as np

from feedbackalign import ops
from feedbackalign.exercises.base import Exercise


def hidden_error(error, weight, v):
    """Exercise 1.1. Send the error down one layer, to the pre-activations v of tanh units (as in Eq. 6).

    error (N, out) is ∂L/∂z at the layer's output, weight (out, in), v (N, in), and the layer's input was tanh(v).
    Return ∂L/∂v, (N, in).
    """
    raise NotImplementedError


def _one_layer(rng):
    return [(rng.normal(size=(N, out)), rng.normal(size=(out, inputs)), rng.normal(size=(N, inputs)))
            for N, out, inputs in [(5, 3, 4), (3, 2, 7)]]


def _through_tanh(error, weight, v):
    return ops.linear.linear_transport(error, weight) * ops.activations.tanh_derivative(v)


def two_layer_gradients(x, targets, W1, W2):
    """Exercise 1.2. All of backprop, for y = tanh(x W1ᵀ) W2ᵀ and the mean over the batch of ½ Σ (y − targets)².

    x (N, in), targets (N, out), W1 (hidden, in), W2 (out, hidden). Return (∂L/∂W1, ∂L/∂W2), in the shapes of W1 and W2
    (Eq. 5 and 6; the error at the output of this loss is (y − targets) / N).
    """
    raise NotImplementedError


def _two_layers(rng):
    return [(rng.normal(size=(N, inputs)), rng.normal(size=(N, out)), rng.normal(size=(hidden, inputs)),
             rng.normal(size=(out, hidden))) for N, inputs, hidden, out in [(6, 4, 5, 3), (4, 3, 2, 5)]]


def _backprop(x, targets, W1, W2, slope=lambda v: 1 - np.tanh(v)**2, way_down=np.matmul):
    v = x @ W1.T                                            # (N, hidden)
    error = (np.tanh(v) @ W2.T - targets) / len(x)          # (N, out)
    hidden = way_down(error, W2) * slope(v)                 # (N, hidden)
    return hidden.T @ x, error.T @ np.tanh(v)


EXERCISES = {
    "1.1": Exercise(task=hidden_error, cases=_one_layer, right=_through_tanh, mistakes=[
        ("you left out the slope of tanh, 1 − tanh(v)²", lambda error, weight, v: error @ weight),
        ("the slope of tanh is 1 − tanh(v)², not tanh(v)", lambda error, weight, v: error @ weight * np.tanh(v)),
        ("the slope is 1 − tanh(v)², and v is still to be put through tanh",
         lambda error, weight, v: error @ weight * (1 - v**2)),
        ("you multiplied with the slope of a ReLU; these units are tanh",
         lambda error, weight, v: error @ weight * (v > 0)),
        ("the slope is taken at tanh(v); it belongs at the pre-activation v",
         lambda error, weight, v: error @ weight * (1 - np.tanh(np.tanh(v))**2)),
    ]),
    "1.2": Exercise(task=two_layer_gradients, cases=_two_layers, right=_backprop, parts=("∂L/∂W1", "∂L/∂W2"), mistakes=[
        ("you left out the slope of tanh, 1 − tanh(v)², on the way to W1",
         lambda *given: _backprop(*given, slope=np.ones_like)),
        ("the slope of tanh is 1 − tanh(v)², not tanh(v)", lambda *given: _backprop(*given, slope=np.tanh)),
        ("you exchanged the two: ∂L/∂W1 comes first", lambda *given: _backprop(*given)[::-1]),
        ("what meets the error at W2 is tanh(v), the layer's input, not v",
         lambda x, targets, W1, W2: (_backprop(x, targets, W1, W2)[0],
                                     ((np.tanh(x @ W1.T) @ W2.T - targets) / len(x)).T @ (x @ W1.T))),
    ]),
}
