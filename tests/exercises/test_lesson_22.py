"""The checks of lesson 22 accept what is right and name what is wrong."""

import numpy as np
import pytest

from tests.exercises.proof import prove
from tests.solutions import lesson_22 as solutions


def test_22_1():
    right = solutions.sparse_path

    def of_middle(units):
        return lambda weight, B, mask: right(weight, B[:, units], mask[units])
    prove("22.1", right=[right, solutions.sparse_path_by_loops], kinds={
        "overwritten in a loop": of_middle([-1]),
        "first left out": of_middle(slice(1, None)), "last left out": of_middle(slice(None, -1))},
          own={"no mask": (lambda weight, B, mask: B @ (B.T @ weight), "no synapse"),
               "mask on its head": (lambda weight, B, mask: right(weight, B, np.logical_not(mask)), "on its head"),
               "W": (lambda weight, B, mask: weight.copy(), "this is W"),
               "no cross-talk": (lambda weight, B, mask: np.einsum("om,om,mi,oi->oi", B, B, mask, weight),
                                 "cross-talk"),
               "R alone": (lambda weight, B, mask: mask * (B.T @ weight), "shape"),
               "mean": (lambda weight, B, mask: right(weight, B, mask) / B.shape[1], "a sum over them"),
               "mask overwritten": (overwriting, "changes its argument mask")})


def overwriting(weight, B, mask):
    path = solutions.sparse_path(weight, B, mask)
    mask[...] = True
    return path


def angle_of(angle):
    return lambda r, d: (angle(r, d), solutions.expected_path(r, d)[1])


def length_of(length):
    return lambda r, d: (solutions.expected_path(r, d)[0], length(r, d))


@pytest.mark.slow
def test_22_2():
    numbers = "numbers cannot be changed"
    prove("22.2", right=[solutions.expected_path, solutions.expected_path_by_its_two_parts], kinds={
        "epsilon": [length_of(lambda r, d: np.sqrt(d * d + d / (r + 1e-8))),
                    length_of(lambda r, d: np.sqrt(d * (d + 1 / (r + 1e-12))))]},
          own={"radians": (angle_of(lambda r, d: np.arctan(1 / np.sqrt(r * d))), "radians"),
               "full density": (angle_of(lambda r, d: np.degrees(np.arctan(1 / np.sqrt(r)))), "at d = 1"),
               "complement": (angle_of(lambda r, d: np.degrees(np.arctan(np.sqrt(r * d)))), "complement"),
               "no root in the angle": (angle_of(lambda r, d: np.degrees(np.arctan(1 / (r * d)))), "variances"),
               "no root in the length": (length_of(lambda r, d: d * d + d / r), "the square of the length"),
               "no noise": (length_of(lambda r, d: d), "left out the noise"),
               "noise alone": (length_of(lambda r, d: np.sqrt(d / r)), "left out d W"),
               "lengths added": (length_of(lambda r, d: d + np.sqrt(d / r)), "as their squares do"),
               "both masks": (length_of(lambda r, d: np.sqrt(d * d + d * d / r)), "not d²"),
               "a constant": (length_of(lambda r, d: np.sqrt(d * d + d / 10)), "should be"),
               "exchanged": (lambda r, d: solutions.expected_path(r, d)[::-1], "the angle comes first"),
               "the angle alone": (lambda r, d: solutions.expected_path(r, d)[0], "2 things")},
          without={"argument returned": numbers, "argument changed": numbers})
