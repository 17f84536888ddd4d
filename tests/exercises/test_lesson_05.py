"""The checks of lesson 5 accept what is right and name what is wrong."""

import numpy as np
import pytest

from tests.exercises.proof import prove
from tests.solutions import lesson_05 as solutions


def through(feedback=lambda weight, M: abs(M) * np.sign(weight), slope=lambda v, sent: v > 0, outputs=slice(None)):
    def wrong(error, weight, M, v):
        sent = error[:, outputs] @ feedback(weight, M)[outputs]
        return sent * slope(v, sent)
    return wrong


def last_output_only(error, weight, M, v):
    answer = np.zeros(v.shape)
    for n, i in zip(*np.nonzero(v > 0)):
        for o in range(len(weight)):
            answer[n, i] = error[n, o] * abs(M[o, i]) * np.sign(weight[o, i])
    return answer


def test_5_1():
    prove("5.1", right=[solutions.signed_error, solutions.signed_error_by_loops], kinds={
        "slope left out": through(slope=lambda v, sent: 1.0),
        "slope of the wrong": [through(slope=lambda v, sent: sent > 0), through(slope=lambda v, sent: np.cosh(v)**-2)],
        "epsilon": [through(lambda weight, M, e=e: abs(M) * weight / (abs(weight) + e)) for e in (1e-6, 1e-8, 1e-12)],
        "overwritten in a loop": last_output_only,
        "first left out": through(outputs=slice(1, None)), "last left out": through(outputs=slice(None, -1))},
        own={"W used": (through(lambda weight, M: weight), "through W itself"),
             "M as drawn": (through(lambda weight, M: M), "as it was drawn"),
             "sizes of M alone": (through(lambda weight, M: abs(M)), "through |M|"),
             "ReLU of v": (through(slope=lambda v, sent: np.maximum(v, 0)), "multiplied with ReLU(v)"),
             "slope at 0": (through(slope=lambda v, sent: v >= 0), "write v > 0, not v >= 0"),
             "mean size": (through(lambda weight, M: abs(M).mean() * np.sign(weight)), "of its own"),
             "signs of M left in": (through(lambda weight, M: M * np.sign(weight)), "take |M|"),
             "bare signs": (through(lambda weight, M: np.sign(weight)), "the signs alone"),
             "exchanged": (through(lambda weight, M: abs(weight) * np.sign(M)), "the other way round"),
             "sign of zero is plus": (through(lambda weight, M: np.where(weight >= 0, 1, -1) * abs(M)), "no sign"),
             "sign of zero is minus": (through(lambda weight, M: np.where(weight > 0, abs(M), -abs(M))), "minus"),
             "sign of zero is nan": (through(lambda weight, M: weight / abs(weight) * abs(M)), "is nan: use np.sign"),
             "M overwritten": (overwriting, "write M = M * …, not M *= …")})


def overwriting(error, weight, M, v):
    M *= np.sign(weight)
    return error @ M * (v > 0)


def of_moments(above, below, angle=lambda cosine: np.degrees(np.arccos(np.clip(cosine, -1, 1)))):
    return lambda weight: float(angle(above(weight) / below(weight)))


def mean_size(weight):
    return np.abs(weight).mean()


def root_mean_square(weight):
    return np.sqrt((weight**2).mean())


@pytest.mark.slow
def test_5_2():
    rows = of_moments(lambda weight: np.abs(weight).mean(axis=tuple(range(1, weight.ndim))),
                      lambda weight: np.sqrt((weight**2).mean(axis=tuple(range(1, weight.ndim)))),
                      lambda cosines: np.degrees(np.arccos(np.clip(cosines, -1, 1))).mean())
    prove("5.2", right=[solutions.angle_to_signs, solutions.angle_to_signs_by_the_package], kinds={
        "spectral norm": of_moments(lambda weight: np.abs(weight).sum() / np.sqrt(weight.size),
                                    lambda weight: np.linalg.norm(weight, 2)),
        "not clipped": of_moments(mean_size, root_mean_square, lambda cosine: np.degrees(np.arccos(cosine))),
        "epsilon": [of_moments(mean_size, lambda weight: root_mean_square(weight) + 1e-12),
                    of_moments(mean_size, lambda weight: np.sqrt((weight**2).mean() + 1e-8))]},
        own={"radians": (of_moments(mean_size, root_mean_square, np.arccos), "radians"),
             "cosine": (of_moments(mean_size, root_mean_square, np.positive), "this is the cosine"),
             "the other side": (lambda weight: 180 - solutions.angle_to_signs(weight), "180° minus"),
             "not flattened": (rows, "rows' angles"),
             "not divided": (of_moments(mean_size, lambda weight: 1.0), "did not divide"),
             "mean of w": (of_moments(np.mean, root_mean_square), "the mean of |w|"),
             "standard deviation": (of_moments(mean_size, np.std), "about the mean"),
             "no root": (of_moments(mean_size, lambda weight: (weight**2).mean()), "forgot the root")})
