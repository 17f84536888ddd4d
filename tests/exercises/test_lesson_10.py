"""The checks of lesson 10 accept what is right and name what is wrong."""

import numpy as np

from tests.exercises.proof import prove
from tests.solutions import lesson_10 as solutions


def test_10_1():
    def cosine(angles):
        return float(np.prod(np.cos(np.radians(angles))))

    prove("10.1", right=[solutions.delta_angle, solutions.delta_angle_layer_by_layer], kind="other",
          own={"sum": (lambda angles: float(angles.sum()), "added the angles"),
               "cosine": (cosine, "this is the cosine"),
               "radians": (lambda angles: float(np.arccos(cosine(angles))), "in radians"),
               "degrees into cos": (lambda angles: float(np.degrees(np.arccos(np.prod(np.cos(angles))))),
                                    "takes radians"),
               "mean": (lambda angles: float(np.degrees(np.arccos(np.cos(np.radians(angles)).mean()))), "multiply"),
               "one layer less": (lambda angles: solutions.delta_angle(angles[:-1]), "last layer is missing"),
               "one layer less at the start": (lambda angles: solutions.delta_angle(angles[1:]), "should be")})


def block(error, v, B1, B2, slope=None, shortcut=1.0):
    return shortcut * error + (error @ B2 * (v > 0 if slope is None else slope)) @ B1


def test_10_2():
    prove("10.2", right=[solutions.error_below_block, solutions.error_below_block_by_the_package],
          kind="feedback error",
          wrong={"transposed": (lambda error, v, B1, B2: block(error, v, B2.T, B1.T), "the other way round"),
                 "derivative left out": (lambda error, v, B1, B2: block(error, v, B1, B2, slope=1.0),
                                         "left out the slope")},
          own={"no shortcut": (lambda *arguments: block(*arguments, shortcut=0.0), "left out the shortcut"),
               "shortcut twice": (lambda *arguments: block(*arguments, shortcut=2.0), "twice"),
               "ReLU for its slope": (lambda error, v, B1, B2: block(error, v, B1, B2, slope=v * (v > 0)),
                                      "you multiplied with ReLU(v)"),
               "kink at 1": (lambda error, v, B1, B2: block(error, v, B1, B2, slope=v > 1), "not at 1"),
               "shortcut masked": (lambda error, v, B1, B2: block(error * (error > 0), v, B1, B2), "should be")},
          without={"W used": "no W is given"})
