"""Lesson 4, direct feedback: the errors of all hidden layers, and the B with which a linear network is exact."""

import numpy as np

from feedbackalign import ops
from feedbackalign.exercises import hints
from feedbackalign.exercises.base import Exercise


def direct_errors(output_error, feedback, preactivations):
    """Exercise 4.1. The error at every hidden layer of ReLU units, each straight from the output (equation 1).

    output_error (N, classes); feedback and preactivations are lists over the hidden layers, bottom to top: B (classes,
    units) and v (N, units), the units' input. Return the list of errors at the pre-activations, each (N, units): what
    `send_back` delivers, times the slope of ReLU, which is 1 where v > 0 and 0 elsewhere.
    """
    raise NotImplementedError


def _hidden(rng, N, classes, units):
    return (rng.normal(size=(N, classes)), [rng.normal(size=(classes, each)) for each in units],
            [rng.normal(size=(N, each)) for each in units])


def _hidden_layers(rng):
    return [_hidden(rng, 5, 3, (6, 4, 7)), _hidden(rng, 2, 4, (5, 3))]


def _hidden_layers_at_the_limits(rng):
    error, feedback, preactivations = _hidden(rng, 4, 3, (5, 2))
    return {"one sample": _hidden(rng, 1, 3, (5, 4)), "one unit": _hidden(rng, 3, 2, (4, 1)),
            "one hidden layer": _hidden(rng, 4, 3, (6,)), "one class": _hidden(rng, 5, 1, (3, 4)),
            "pre-activations of exactly 0": (error, feedback, [np.where(v < 1, v, 0.0) for v in preactivations]),
            "a tiny error": (1e-150 * error, feedback, preactivations),
            "a huge error": (1e150 * error, feedback, preactivations)}


def _direct(output_error, feedback, preactivations, slope=ops.activations.relu_derivative, classes=slice(None)):
    return tuple(ops.linear.linear_transport(output_error[:, classes], B[classes]) * slope(v)
                 for B, v in zip(feedback, preactivations))


def matching_feedback(weights):
    """Exercise 4.2. B for every layer of a linear network, so that e_L B is what backprop sends to the layer's inputs.

    weights: list of W (out, in), bottom to top, L of them. Return the list of B_l (classes, in), bottom to top, as
    new arrays: B_l = W_L … W_l.
    """
    raise NotImplementedError


def _stack(rng, *sizes):
    return ([rng.normal(size=(out, inputs)) for inputs, out in zip(sizes, sizes[1:])],)


def _stacks(rng):
    return [_stack(rng, 6, 4, 7, 3), _stack(rng, 5, 2, 8, 3, 4)]


def _stacks_at_the_limits(rng):
    (below, above), = _stack(rng, 4, 5, 3)
    return {"one layer": _stack(rng, 4, 3), "layers of one unit": _stack(rng, 3, 1, 1),
            "one class": _stack(rng, 3, 4, 1), "square weights": _stack(rng, 3, 3, 3, 3),
            "tiny weights": ([1e-70 * below, 1e-70 * above],), "huge weights": ([1e150 * below, 1e150 * above],)}


def _products(weights):
    products = [weights[-1].copy()]
    for W in reversed(weights[:-1]):
        products.append(products[-1] @ W)                       # (classes, out) x (out, in) -> (classes, in)
    return tuple(reversed(products))


def _from_the_bottom(weights):
    products = [weights[0].copy()]
    for W in weights[1:]:
        products.append(W @ products[-1])                       # W_l … W_1
    return tuple(products)


def _without_the_top(weights):
    below = _products(weights[:-1]) if len(weights) > 1 else ()
    return (*below, np.eye(weights[-1].shape[1]))


EXERCISES = {
    "4.1": Exercise(task=direct_errors, cases=_hidden_layers, limits=_hidden_layers_at_the_limits, right=_direct,
                    batch="output_error", mistakes=[
        (f"{hints.SLOPE_LEFT_OUT} of ReLU: B delivers the error at the units, and it still has to pass through them",
         lambda *given: _direct(*given, slope=np.ones_like)),
        (f"{hints.SLOPE_LEFT_OUT} of ReLU at the top hidden layer", lambda *given: (
            *_direct(*given)[:-1], _direct(*given, slope=np.ones_like)[-1])),
        (f"{hints.SLOPE_LEFT_OUT} of ReLU at the lowest layer", lambda *given: (
            _direct(*given, slope=np.ones_like)[0], *_direct(*given)[1:])),
        (hints.slope_of_the_wrong("the error; it belongs at the pre-activation v, whatever the sign of the error"),
         lambda output_error, feedback, preactivations: tuple(np.maximum(output_error @ B, 0) for B in feedback)),
        (hints.slope_of_the_wrong("tanh(v); these units are ReLU"),
         lambda *given: _direct(*given, slope=lambda v: 1 - np.tanh(v)**2)),
        ("you multiplied with ReLU(v); its slope is 1 where v > 0, whatever v is",
         lambda *given: _direct(*given, slope=ops.activations.relu)),
        ("the slope of ReLU is 1 where v > 0, not where v > 1", lambda *given: _direct(*given, slope=lambda v: v > 1)),
        ("the slope of ReLU at v = 0 is 0, and yours is 1: write v > 0, not v >= 0",
         lambda *given: _direct(*given, slope=lambda v: v >= 0)),
        ("the slope of ReLU is the wrong way round: it is 1 where v > 0",
         lambda *given: _direct(*given, slope=lambda v: v <= 0)),
        ("the list stands on its head: the lowest layer comes first", lambda *given: _direct(*given)[::-1]),
        (f"{hints.OVERWRITTEN_IN_LOOP}, over the classes", lambda *given: _direct(*given, classes=slice(-1, None))),
        (f"{hints.FIRST_LEFT_OUT}, the first class's", lambda *given: _direct(*given, classes=slice(1, None))),
        (f"{hints.LAST_LEFT_OUT}, the last class's", lambda *given: _direct(*given, classes=slice(None, -1))),
    ]),
    "4.2": Exercise(task=matching_feedback, cases=_stacks, limits=_stacks_at_the_limits, right=_products, mistakes=[
        ("the list stands on its head: the lowest layer comes first", lambda weights: _products(weights)[::-1]),
        (f"{hints.LAST_LEFT_OUT}: B_l ends with the layer's own W, and you stopped one layer above",
         lambda weights: (*_products(weights)[1:], np.eye(len(weights[-1])))),
        (f"{hints.FIRST_LEFT_OUT}: B_l begins with the top layer's W, and has a row for every class", _without_the_top),
        ("you multiplied from the bottom up; B_l comes from the top down to layer l, and has a row for every class",
         _from_the_bottom),
        ("B_l is the product of all W from the top down to layer l, and yours is of two of them",
         lambda weights: (*(above @ W for W, above in zip(weights, weights[1:])), weights[-1].copy())),
        ("these are the weights themselves; B_l is the product of all W from the top down to layer l",
         lambda weights: tuple(W.copy() for W in weights)),
    ]),
}
