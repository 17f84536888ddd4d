"""Lesson 4, direct feedback: the errors of all hidden layers, and the B with which a linear network is exact."""

import numpy as np

from feedbackalign import ops
from feedbackalign.exercises.base import Exercise


def direct_errors(output_error, feedback, preactivations):
    """Exercise 4.1. The error at every hidden layer of ReLU units, each straight from the output (equation 1).

    output_error (N, classes); feedback and preactivations are lists over the hidden layers, bottom to top: B (classes,
    units) and v (N, units), the units' input. Return the list of errors at the pre-activations, each (N, units): what
    `send_back` delivers, times the slope of ReLU, which is 1 where v > 0 and 0 elsewhere.
    """
    raise NotImplementedError


def _hidden_layers(rng):
    return [(rng.normal(size=(N, classes)), [rng.normal(size=(classes, units)) for units in hidden],
             [rng.normal(size=(N, units)) for units in hidden])
            for N, classes, hidden in [(5, 3, (6, 4, 7)), (2, 4, (5, 3))]]


def _direct(output_error, feedback, preactivations, slope=ops.activations.relu_derivative):
    return tuple(ops.linear.linear_transport(output_error, B) * slope(v) for B, v in zip(feedback, preactivations))


def matching_feedback(weights):
    """Exercise 4.2. B for every layer of a linear network, so that e_L B is what backprop sends to the layer's inputs.

    weights: list of W (out, in), bottom to top, L of them. Return the list of B_l (classes, in), bottom to top, as
    new arrays: B_l = W_L … W_l.
    """
    raise NotImplementedError


def _weights(rng):
    return [([rng.normal(size=(out, inputs)) for inputs, out in zip(sizes, sizes[1:])],)
            for sizes in [(6, 4, 7, 3), (5, 2, 8, 3, 4)]]


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


EXERCISES = {
    "4.1": Exercise(task=direct_errors, cases=_hidden_layers, right=_direct, batch="output_error", mistakes=[
        ("you left out the slope of ReLU: B delivers the error at the units, and it still has to pass through them",
         lambda *given: _direct(*given, slope=np.ones_like)),
        ("you put ReLU on the error; its slope is taken at the pre-activation v, whatever the sign of the error",
         lambda output_error, feedback, preactivations: tuple(np.maximum(output_error @ B, 0) for B in feedback)),
        ("you multiplied with ReLU(v); its slope is 1 where v > 0, whatever v is",
         lambda *given: _direct(*given, slope=ops.activations.relu)),
        ("the slope of ReLU is 1 where v > 0, not where v > 1", lambda *given: _direct(*given, slope=lambda v: v > 1)),
        ("the list stands on its head: the lowest layer comes first", lambda *given: _direct(*given)[::-1]),
    ]),
    "4.2": Exercise(task=matching_feedback, cases=_weights, right=_products, mistakes=[
        ("the list stands on its head: the lowest layer comes first", lambda weights: _products(weights)[::-1]),
        ("B_l ends with the layer's own W: you stopped one layer above, where the error is at the layer's output",
         lambda weights: (*_products(weights)[1:], np.eye(len(weights[-1])))),
        ("you multiplied from the bottom up; B_l comes from the top down to layer l, and has a row for every class",
         _from_the_bottom),
        ("these are the weights themselves; B_l is the product of all W from the top down to layer l",
         lambda weights: tuple(W.copy() for W in weights)),
        ("each product stands on its head: you have W_lᵀ … W_Lᵀ, the transpose of W_L … W_l",
         lambda weights: tuple(B.T for B in _products(weights))),
    ]),
}
