"""The checks of lesson 3 accept what is right and name what is wrong."""

import numpy as np

from tests.exercises.proof import prove
from tests.solutions import lesson_03 as solutions


def test_3_1():
    def update(error, B, x, slope):
        return np.einsum("no,oh,nh,ni->hi", error, B, slope, x)

    prove("3.1", right=[solutions.feedback_update, solutions.feedback_update_by_samples], kind="feedback update",
          wrong={"W used": (lambda e, W, B, v, x: update(e, W, x, v > 0), "through W"),
                 "derivative left out": (lambda e, W, B, v, x: update(e, B, x, np.ones_like(v)), "left out the slope")},
          own={"v as slope": (lambda e, W, B, v, x: update(e, B, x, v * (v > 0)), "not v"),
               "silent units": (lambda e, W, B, v, x: update(e, B, x, v <= 0), "wrong way round"),
               "above 1": (lambda e, W, B, v, x: update(e, B, x, v > 1), "not above 1"),
               "B turned round": (lambda e, W, B, v, x: (e @ B.T * (v > 0)).T @ x, "write the shape")})


def test_3_2():
    def cosine(u, v):
        return np.vdot(u, v) / np.linalg.norm(u) / np.linalg.norm(v)

    def by_rows(u, v):
        return np.mean([solutions.angle_between(*rows) for rows in zip(u, v)])

    prove("3.2", right=[solutions.angle_between, solutions.angle_between_by_the_package], kind="angle",
          wrong={"radians": (lambda u, v: np.arccos(cosine(u, v)), "radians"),
                 "cosine": (cosine, "the cosine"),
                 "not flattened": (by_rows, "flatten"),
                 "lengths left out": (lambda u, v: np.degrees(np.arccos(np.clip(np.vdot(u, v), -1, 1))), "lengths")},
          own={"the other side": (lambda u, v: np.degrees(np.arccos(-cosine(u, v))), "180° minus"),
               "acute": (lambda u, v: np.degrees(np.arccos(abs(cosine(u, v)))), "absolute value"),
               "an array": (lambda u, v: np.full(3, solutions.angle_between(u, v)), "shape")})
