"""Answers to the exercises of lesson 4, written from its text alone."""

import numpy as np

import feedbackalign as fa


def direct_errors(output_error, feedback, preactivations):
    return [(output_error @ B) * (v > 0) for B, v in zip(feedback, preactivations)]


def direct_errors_by_loops(output_error, feedback, preactivations):
    errors = []
    for B, v in zip(feedback, preactivations):
        sent = np.zeros(v.shape)
        for n, unit in zip(*np.nonzero(v > 0)):
            sent[n, unit] = sum(output_error[n, k] * B[k, unit] for k in range(len(B)))
        errors.append(sent)
    return errors


def direct_errors_by_the_package(output_error, feedback, preactivations):
    sent = [fa.ops.linear.linear_transport(output_error, B) for B in feedback]
    return [fa.ops.activations.relu_backward(error, v) for error, v in zip(sent, preactivations)]


def without_the_top_slope(output_error, feedback, preactivations):
    errors = direct_errors(output_error, feedback, preactivations)
    return [*errors[:-1], output_error @ feedback[-1]]


def slopes_in_place(output_error, feedback, preactivations):
    for v in preactivations:
        v[...] = v > 0
    return [(output_error @ B) * v for B, v in zip(feedback, preactivations)]


def matching_feedback(weights):
    found = [weights[-1].copy()]
    for W in weights[-2::-1]:
        found.insert(0, found[0] @ W)
    return found


def matching_feedback_by_products(weights):
    found = []
    for layer in range(len(weights)):
        B = np.eye(len(weights[-1]))
        for W in reversed(weights[layer:]):
            B = B @ W
        found.append(B)
    return found


def matching_feedback_by_multi_dot(weights):
    top = np.eye(len(weights[-1]))
    return [np.linalg.multi_dot([top, *reversed(weights[layer:])]) for layer in range(len(weights))]


def top_not_copied(weights):
    return [*matching_feedback(weights)[:-1], weights[-1]]


def one_layer_too_high(weights):
    return [*matching_feedback(weights)[1:], np.eye(len(weights[-1]))]


def top_two_first(weights):
    found = [weights[-1] @ weights[-2], weights[-1].copy()]
    for W in weights[-3::-1]:
        found.insert(0, found[0] @ W)
    return found


def weights_in_place(weights):
    for layer in range(len(weights) - 2, -1, -1):
        weights[layer] = weights[layer + 1] @ weights[layer]
    return [B.copy() for B in weights]


ANSWERS = [
    ("4.1", "right", "", direct_errors),
    ("4.1", "right", "", direct_errors_by_loops),
    ("4.1", "right", "", direct_errors_by_the_package),
    ("4.1", "wrong", "slope forgotten", lambda output_error, feedback, preactivations:
        [output_error @ B for B in feedback]),
    ("4.1", "wrong", "slope of the wrong quantity", lambda output_error, feedback, preactivations:
        [(output_error @ B) * (output_error @ B > 0) for B in feedback]),
    ("4.1", "wrong", "unit for its slope", lambda output_error, feedback, preactivations:
        [(output_error @ B) * np.maximum(v, 0) for B, v in zip(feedback, preactivations)]),
    ("4.1", "wrong", "slope at the kink", lambda output_error, feedback, preactivations:
        [(output_error @ B) * (v >= 0) for B, v in zip(feedback, preactivations)]),
    ("4.1", "wrong", "slope of the wrong quantity", lambda output_error, feedback, preactivations:
        [(output_error @ B) * (v > 1) for B, v in zip(feedback, preactivations)]),
    ("4.1", "wrong", "slope of another unit", lambda output_error, feedback, preactivations:
        [(output_error @ B) * (1 - np.tanh(v)**2) for B, v in zip(feedback, preactivations)]),
    ("4.1", "wrong", "slope forgotten", without_the_top_slope),
    ("4.1", "wrong", "1/N twice", lambda output_error, feedback, preactivations:
        [error / len(error) for error in direct_errors(output_error, feedback, preactivations)]),
    ("4.1", "wrong", "answers in another order", lambda output_error, feedback, preactivations:
        direct_errors(output_error, feedback, preactivations)[::-1]),
    ("4.1", "wrong", "last term left out", lambda output_error, feedback, preactivations:
        direct_errors(output_error, feedback, preactivations)[:-1]),
    ("4.1", "wrong", "constant of the example", lambda output_error, feedback, preactivations:
        [(output_error @ feedback[k]) * (preactivations[k] > 0) for k in range(3)]),
    ("4.1", "wrong", "argument changed", slopes_in_place),
    ("4.1", "wrong", "squeezed", lambda output_error, feedback, preactivations:
        [error.squeeze() for error in direct_errors(output_error, feedback, preactivations)]),
    ("4.2", "right", "", matching_feedback),
    ("4.2", "right", "", matching_feedback_by_products),
    ("4.2", "right", "", matching_feedback_by_multi_dot),
    ("4.2", "wrong", "argument returned", top_not_copied),
    ("4.2", "wrong", "index past the end", top_two_first),
    ("4.2", "wrong", "off by one", one_layer_too_high),
    ("4.2", "wrong", "argument changed", weights_in_place),
    ("4.2", "wrong", "answers in another order", lambda weights: matching_feedback(weights)[::-1]),
    ("4.2", "wrong", "transposed", lambda weights: [B.T.copy() for B in matching_feedback(weights)]),
    ("4.2", "wrong", "order of a product swapped", lambda weights:
        [np.linalg.multi_dot([np.eye(weights[layer].shape[1]), *(W.T for W in weights[layer:])])
         for layer in range(len(weights))]),
    ("4.2", "wrong", "constant of the example", lambda weights:
        [weights[2] @ weights[1] @ weights[0], weights[2] @ weights[1], weights[2].copy()]),
    ("4.2", "wrong", "too few values", lambda weights:
        [weights[-1].copy() if W is weights[-1] else above @ W for W, above in zip(weights, [*weights[1:], None])]),
    ("4.2", "wrong", "squeezed", lambda weights: [B.squeeze() for B in matching_feedback(weights)]),
    ("4.2", "wrong", "sign", lambda weights: [-B for B in matching_feedback(weights)]),
]
