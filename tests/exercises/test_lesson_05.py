"""The checks of lesson 5 accept what is right and name what is wrong."""

import numpy as np

from tests.exercises.proof import prove
from tests.solutions import lesson_05 as solutions


def through(feedback):
    return lambda error, weight, M, v: np.where(v > 0, error @ feedback(weight, M), 0.0)


def test_5_1():
    prove("5.1", right=[solutions.signed_error, solutions.signed_error_by_loops], kind="feedback error",
          wrong={"W used": (through(lambda weight, M: weight), "through W itself"),
                 "derivative left out": (lambda error, weight, M, v: error @ (abs(M) * np.sign(weight)), "the slope")},
          own={"M as drawn": (through(lambda weight, M: M), "as it was drawn"),
               "signs of M left in": (through(lambda weight, M: M * np.sign(weight)), "take |M|"),
               "bare signs": (through(lambda weight, M: np.sign(weight)), "the signs alone"),
               "exchanged": (through(lambda weight, M: abs(weight) * np.sign(M)), "the other way round"),
               "sign of zero is plus": (through(lambda weight, M: np.where(weight >= 0, 1, -1) * abs(M)), "no sign"),
               "sign of zero is minus": (through(lambda weight, M: np.where(weight > 0, abs(M), -abs(M))), "minus"),
               "M overwritten": (overwriting, "changes its argument M")})


def overwriting(error, weight, M, v):
    M *= np.sign(weight)
    return error @ M * (v > 0)


def of_moments(above, below, angle=lambda cosine: np.degrees(np.arccos(np.clip(cosine, -1, 1)))):
    return lambda weight: float(angle(above(weight) / below(weight)))


def mean_size(weight):
    return np.abs(weight).mean()


def root_mean_square(weight):
    return np.sqrt((weight**2).mean())


def test_5_2():
    rows = of_moments(lambda weight: np.abs(weight).mean(axis=tuple(range(1, weight.ndim))),
                      lambda weight: np.sqrt((weight**2).mean(axis=tuple(range(1, weight.ndim)))),
                      lambda cosines: np.degrees(np.arccos(cosines)).mean())
    prove("5.2", right=[solutions.angle_to_signs, solutions.angle_to_signs_by_the_package], kind="angle",
          wrong={"radians": (of_moments(mean_size, root_mean_square, np.arccos), "radians"),
                 "cosine": (of_moments(mean_size, root_mean_square, np.positive), "this is the cosine"),
                 "not flattened": (rows, "rows' angles"),
                 "lengths left out": (of_moments(mean_size, lambda weight: 1.0), "did not divide")},
          own={"mean of w": (of_moments(np.mean, root_mean_square), "the mean of |w|"),
               "standard deviation": (of_moments(mean_size, np.std), "about the mean"),
               "no root": (of_moments(mean_size, lambda weight: (weight**2).mean()), "forgot the root")})
