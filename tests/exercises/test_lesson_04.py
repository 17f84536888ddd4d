"""The checks of lesson 4 accept what is right and name what is wrong."""

import numpy as np
import pytest

from tests.exercises.proof import prove
from tests.solutions import lesson_04 as solutions


def sent(slope=lambda v, error: v > 0, classes=slice(None)):
    def wrong(output_error, feedback, preactivations):
        errors = [output_error[:, classes] @ B[classes] for B in feedback]
        return [error * slope(v, error) for error, v in zip(errors, preactivations)]
    return wrong


def mixed(is_left_out):
    def wrong(output_error, feedback, preactivations):
        layers = enumerate(zip(feedback, preactivations))
        return [output_error @ B * ((v > 0) | is_left_out(k, len(feedback) - 1)) for k, (B, v) in layers]
    return wrong


def last_class_only(output_error, feedback, preactivations):
    errors = []
    for B, v in zip(feedback, preactivations):
        error = np.zeros(v.shape)
        for c in range(len(B)):
            error = np.outer(output_error[:, c], B[c]) * (v > 0)
        errors.append(error)
    return errors


def test_4_1():
    def upside_down(*arguments):
        return solutions.direct_errors(*arguments)[::-1]

    def only_the_top(output_error, feedback, preactivations):
        return output_error @ feedback[-1] * (preactivations[-1] > 0)

    def right(*arguments):
        return tuple(solutions.direct_errors(*arguments))

    prove("4.1", right=[right, solutions.direct_errors, solutions.direct_errors_by_layers], kinds={
        "slope left out": [sent(lambda v, error: 1.0), mixed(lambda k, top: k == top), mixed(lambda k, top: k == 0)],
        "slope of the wrong": [sent(lambda v, error: error > 0), sent(lambda v, error: np.cosh(v)**-2)],
        "overwritten in a loop": last_class_only,
        "first left out": sent(classes=slice(1, None)), "last left out": sent(classes=slice(None, -1))},
        own={"ReLU of v": (sent(lambda v, error: np.maximum(v, 0)), "multiplied with ReLU(v)"),
             "slope of v > 1": (sent(lambda v, error: v > 1), "not where v > 1"),
             "slope at 0": (sent(lambda v, error: v >= 0), "with pre-activations of exactly 0"),
             "slope at 0, in words": (sent(lambda v, error: 1 - (v < 0)), "write v > 0, not v >= 0"),
             "wrong way round": (sent(lambda v, error: v <= 0), "wrong way round"),
             "upside down": (upside_down, "on its head"),
             "only the top": (only_the_top, "3 things"),
             "B turned round": (lambda output_error, feedback, preactivations: [
                 output_error @ B.T for B in feedback], "write the shape")})


def from_the_bottom(weights):
    product, products = np.eye(weights[0].shape[1]), []
    for W in weights:
        product = W @ product
        products.append(product)
    return products


@pytest.mark.slow
def test_4_2():
    def right(weights):
        return tuple(solutions.matching_feedback(weights))

    def stopped_early(weights):
        return [*solutions.matching_feedback(weights)[1:], np.eye(len(weights[-1]))]

    def without_the_top(weights):
        return [np.linalg.multi_dot([np.eye(weights[-1].shape[1]), *weights[k:-1][::-1], np.eye(weights[k].shape[1])])
                for k in range(len(weights))]

    prove("4.2", right=[right, solutions.matching_feedback, solutions.matching_feedback_by_the_package], kinds={
        "last left out": stopped_early, "first left out": without_the_top},
        own={"upside down": (lambda weights: solutions.matching_feedback(weights)[::-1], "on its head"),
             "from the bottom": (from_the_bottom, "from the bottom up"),
             "products of two": (lambda weights: [above @ W for W, above in zip(weights, weights[1:])] + [
                 weights[-1] * 1], "of two of them"),
             "the weights": (lambda weights: [1 * W for W in weights], "weights themselves"),
             "views of the weights": (lambda weights: [*right(weights)[:-1], weights[-1]], "a view of it")})
