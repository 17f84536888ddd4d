"""The checks of lesson 14 accept what is right and name what is wrong."""

import numpy as np

from tests.exercises.proof import prove
from tests.solutions import lesson_14 as solutions


def moved(h, h_above, target_above, Q, c, unit=np.tanh):
    return h + unit(target_above @ Q.T + c) - unit(h_above @ Q.T + c)


def test_14_1():
    prove("14.1", right=[solutions.difference_target, solutions.difference_target_by_loops], kind="other",
          own={"plain": (lambda h, h_above, target_above, Q, c: np.tanh(target_above @ Q.T + c), "plain target"),
               "no h": (lambda h, *arguments: moved(0 * h, *arguments), "add h"),
               "difference first": (lambda h, h_above, target_above, Q, c: h + np.tanh(
                   (target_above - h_above) @ Q.T + c), "through it alone"),
               "no tanh": (lambda *arguments: moved(*arguments, unit=np.array), "left out tanh"),
               "no bias": (lambda h, h_above, target_above, Q, c: moved(h, h_above, target_above, Q, 0), "bias c"),
               "exchanged": (lambda h, h_above, target_above, Q, c: moved(h, target_above, h_above, Q, c), "exchanged"),
               "transposed Q": (lambda h, h_above, target_above, Q, c: np.tanh(target_above @ Q), "write the shape"),
               "transposed": (lambda *arguments: moved(*arguments).T, "shape")})


def slope(noise, shift, Q, met=None):
    return 2 * (shift @ Q.T - noise).T @ (shift if met is None else met) / len(noise)


def test_14_2():
    prove("14.2", right=[solutions.feedback_gradient, solutions.feedback_gradient_by_differences],
          kind="feedback update",
          own={"no 2": (lambda *arguments: slope(*arguments) / 2, "factor 2"),
               "no noise": (lambda noise, shift, Q: slope(0 * noise, shift, Q), "not taken off"),
               "noise added": (lambda noise, shift, Q: slope(-noise, shift, Q), "not added"),
               "own answer": (lambda noise, shift, Q: slope(noise, shift, Q, met=shift @ Q.T), "own answer"),
               "mean over units": (lambda noise, shift, Q: slope(noise, shift, Q) / noise.shape[1], "sums over them")},
          without={"W used": "no forward weights are given", "derivative left out": "this feedback is linear"})
