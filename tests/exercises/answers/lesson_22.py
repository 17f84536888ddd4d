"""Answers to the exercises of lesson 22, written from its text alone."""

import numpy as np


def sparse_path(weight, B, mask):
    return B @ ((B.T @ weight) * mask)


def sparse_path_by_loops(weight, B, mask):
    R = np.zeros(mask.shape)
    for middle, unit in zip(*np.nonzero(mask)):
        R[middle, unit] = B[:, middle] @ weight[:, unit]
    return B @ R


def path_by(what):
    return lambda weight, B, mask: what(weight, B, np.asarray(mask, dtype=float))


def expected_path(expansion, density):
    return np.degrees(np.arctan(1 / np.sqrt(expansion * density))), np.sqrt(density**2 + density / expansion)


def expected_path_as_a_triangle(expansion, density):
    length = np.hypot(density, np.sqrt(density / expansion))
    return np.degrees(np.arccos(density / length)), length


def law(degrees, length):
    return lambda r, d: (degrees(r, d), length(r, d))


def right_angle(r, d):
    return np.degrees(np.arctan(1 / np.sqrt(r * d)))


def right_length(r, d):
    return np.sqrt(d * d + d / r)


ANSWERS = [
    ("22.1", "right", "", sparse_path),
    ("22.1", "right", "", sparse_path_by_loops),
    ("22.1", "wrong", "term left out", path_by(lambda weight, B, mask: B @ (B.T @ weight))),
    ("22.1", "wrong", "another quantity", path_by(lambda weight, B, mask: (B.T @ weight) * mask)),
    ("22.1", "wrong", "squeezed", lambda *given: np.squeeze(sparse_path(*given))),
    ("22.1", "wrong", "sign", lambda *given: -sparse_path(*given)),
    ("22.1", "wrong", "mask by what is not zero", path_by(lambda weight, B, mask: B @ mask)),
    ("22.1", "wrong", "assigned for added", path_by(
        lambda weight, B, mask: B[:, -1:] @ ((B.T @ weight) * mask)[-1:])),
    ("22.2", "right", "", expected_path),
    ("22.2", "right", "", expected_path_as_a_triangle),
    ("22.2", "wrong", "radians", law(lambda r, d: np.arctan(1 / np.sqrt(r * d)), right_length)),
    ("22.2", "wrong", "term left out", law(right_angle, lambda r, d: d)),
    ("22.2", "wrong", "root left out", law(right_angle, lambda r, d: d * d + d / r)),
    ("22.2", "wrong", "constant of the lesson", law(lambda r, d: right_angle(10, d), lambda r, d: right_length(10, d))),
    ("22.2", "wrong", "another quantity", law(lambda r, d: np.degrees(np.arctan(np.sqrt(r * d))), right_length)),
]
