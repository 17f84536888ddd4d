"""The checks of lesson 4 accept what is right and name what is wrong."""

import numpy as np

from tests.exercises.proof import prove
from tests.solutions import lesson_04 as solutions


def each(change):
    return lambda output_error, feedback, preactivations: [
        change(output_error @ B, v) for B, v in zip(feedback, preactivations)]


def test_4_1():
    def upside_down(*arguments):
        return solutions.direct_errors(*arguments)[::-1]

    def only_the_top(output_error, feedback, preactivations):
        return output_error @ feedback[-1] * (preactivations[-1] > 0)

    def right(*arguments):
        return tuple(solutions.direct_errors(*arguments))

    prove("4.1", right=[right, solutions.direct_errors, solutions.direct_errors_by_layers], kind="dense backward",
          wrong={"derivative left out": (each(lambda error, v: error), "left out the slope")},
          own={"ReLU of the error": (each(lambda error, v: np.maximum(error, 0)), "put ReLU on the error"),
               "ReLU of v": (each(lambda error, v: error * np.maximum(v, 0)), "multiplied with ReLU(v)"),
               "slope of v > 1": (each(lambda error, v: np.where(v > 1, error, 0)), "not where v > 1"),
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


def test_4_2():
    def right(weights):
        return tuple(solutions.matching_feedback(weights))

    def stopped_early(weights):
        return [*solutions.matching_feedback(weights)[1:], np.eye(len(weights[-1]))]

    prove("4.2", right=[right, solutions.matching_feedback, solutions.matching_feedback_by_the_package], kind="other",
          own={"upside down": (lambda weights: solutions.matching_feedback(weights)[::-1], "on its head"),
               "own W left out": (stopped_early, "one layer above"),
               "from the bottom": (from_the_bottom, "from the bottom up"),
               "the weights": (lambda weights: [1 * W for W in weights], "weights themselves"),
               "transposed": (lambda weights: [B.T for B in right(weights)], "each product stands on its head"),
               "views of the weights": (lambda weights: [*right(weights)[:-1], weights[-1]], "a view of it"),
               "sign": (lambda weights: [-B for B in right(weights)], "sign")})
