"""The checks of lesson 10 accept what is right and name what is wrong."""

import numpy as np
import pytest

from tests.exercises.proof import prove
from tests.solutions import lesson_10 as solutions

LAST, BUT_LAST, BUT_FIRST = slice(-1, None), slice(None, -1), slice(1, None)


def turned(cosine=np.prod, angle=np.arccos, degrees=np.degrees, radians=np.radians, layers=slice(None), last=float):
    def answer(weight_angles):
        with np.errstate(invalid="ignore"):
            return last(degrees(angle(cosine(np.cos(radians(weight_angles[layers]))))))
    return answer


def logarithms(weight_angles):
    with np.errstate(invalid="ignore"):
        return float(np.degrees(np.arccos(np.exp(np.log(np.cos(np.radians(weight_angles))).sum()))))


def last_layer_only(weight_angles):
    kept = 1.0
    for cosine in np.cos(np.radians(weight_angles)):
        kept = cosine
    return float(np.degrees(np.arccos(kept)))


def as_it_is(value):
    return value


def test_10_1():
    prove("10.1", right=[solutions.delta_angle, solutions.delta_angle_layer_by_layer], kinds={
        "absolute value": [turned(lambda cosines: np.abs(cosines).prod()), turned(lambda cosines: np.sqrt(
            1 - cosines.prod()**2), angle=np.arcsin)],
        "sign": [lambda angles: -turned()(angles), lambda angles: 180.0 - turned()(angles)],
        "cut off": [turned(lambda cosines: np.clip(cosines.prod(), 0, 1)), lambda angles: min(turned()(angles), 90.0)],
        "overwritten in a loop": last_layer_only,
        "first left out": turned(layers=BUT_FIRST), "last left out": turned(layers=BUT_LAST)},
        own={"sum": (lambda angles: float(angles.sum()), "added the angles"),
             "sum of squares": (lambda angles: float(np.linalg.norm(angles)), "added the squares"),
             "first": (lambda angles: float(angles[0]), "this is the first angle"),
             "largest": (lambda angles: float(angles.max()), "the largest angle"),
             "mean of angles": (lambda angles: float(angles.mean()), "the mean of the angles"),
             "cosine": (turned(angle=as_it_is, degrees=as_it_is), "this is the cosine"),
             "radians": (turned(degrees=as_it_is), "this is in radians"),
             "degrees into cos": (turned(radians=as_it_is), "NumPy's cos takes radians"),
             "degrees everywhere": (turned(radians=as_it_is, degrees=as_it_is), "and the answer is in radians"),
             "mean": (turned(np.mean), "the mean of the cosines"),
             "sum of cosines": (turned(np.sum), "you added the cosines"),
             "folded sum": (lambda angles: turned()(angles.sum()[None]), "added the angles"),
             "product of angles": (lambda angles: float(angles.prod()), "you multiplied the angles"),
             "folded product of angles": (lambda angles: turned()(angles.prod()[None]), "you multiplied the angles"),
             "mean angle for all": (lambda angles: turned()(np.full(len(angles), angles.mean())), "the mean of them"),
             "first for all": (lambda angles: turned()(np.full(len(angles), angles[0])), "the first for all"),
             "squares": (turned(lambda cosines: np.prod(cosines * cosines)), "not their squares"),
             "from 0": (lambda angles: turned()(np.append(angles, 90.0)), "yours begins at 0"),
             "logarithms": (logarithms, "no logarithm"),
             "after every layer": (turned(np.cumprod, degrees=np.degrees, angle=np.arccos, last=np.array), "a float"),
             "cosine for radians": (turned(angle=as_it_is), "taken for radians"),
             "arcsin": (turned(angle=np.arcsin), "you took the arcsin"),
             "sines": (lambda angles: float(np.degrees(np.arcsin(np.prod(np.sin(np.radians(angles)))))), "the sines"),
             "an array": (lambda angles: np.array([turned()(angles)]), "a number")})


def block(error, v, B1, B2, slope=None, shortcut=1.0, inputs=slice(None), hidden=slice(None)):
    middle = np.einsum("ni,ih->nh", error[:, inputs], B2[inputs]) * (v > 0 if slope is None else slope)
    return shortcut * error + np.einsum("nh,hi->ni", middle[:, hidden], B1[hidden])


def last_hidden_unit_only(error, v, B1, B2):
    answer = error.copy()
    for n, i in np.ndindex(*error.shape):
        for h in range(v.shape[1]):
            branch = (error[n] @ B2[:, h]) * (v[n, h] > 0) * B1[h, i]
        answer[n, i] += branch
    return answer


def last_hidden_unit_instead(error, v, B1, B2):
    answer = error.copy()
    for h in range(v.shape[1]):
        answer = np.outer((error @ B2[:, h]) * (v[:, h] > 0), B1[h])
    return answer


@pytest.mark.slow
def test_10_2():
    def sloped(slope):
        return lambda error, v, B1, B2: block(error, v, B1, B2, slope=slope(v))

    def only(**which):
        return lambda *given: block(*given, **which)

    prove("10.2", right=[solutions.error_below_block, solutions.error_below_block_by_the_package], kinds={
        "slope left out": sloped(np.ones_like),
        "slope of the wrong": [lambda error, v, B1, B2: block(error, v, B1, B2, slope=np.heaviside(error @ B2, 0)),
                               sloped(lambda v: 1 / np.cosh(np.clip(v, -300, 300))**2)],
        "absolute value": [lambda *given: np.abs(block(*given)), sloped(np.abs)],
        "mean twice": [lambda *given: block(*given) / len(given[0]),
                       lambda *given: block(*given, shortcut=1 / len(given[0])),
                       lambda error, *rest: error + block(error, *rest, shortcut=0.0) / len(error)],
        "order swapped": lambda error, v, B1, B2: block(error, v, B2.T, B1.T),
        "sign": [lambda *given: -block(*given), only(shortcut=-1.0),
                 lambda error, *rest: 2 * error - block(error, *rest)],
        "overwritten in a loop": [last_hidden_unit_only, last_hidden_unit_instead, only(inputs=LAST),
                                  only(inputs=LAST, hidden=LAST)],
        "first left out": [only(hidden=BUT_FIRST), only(inputs=BUT_FIRST)],
        "last left out": [only(hidden=BUT_LAST), only(inputs=BUT_LAST)]},
        own={"no shortcut": (only(shortcut=0.0), "left out the shortcut"),
             "shortcut twice": (only(shortcut=2.0), "twice"),
             "shortcut alone": (lambda error, *rest: error.copy(), "the shortcut's error alone"),
             "mean of both": (lambda *given: block(*given) / 2, "this is their mean"),
             "ReLU for its slope": (sloped(lambda v: v * (v > 0)), "you multiplied with ReLU(v)"),
             "v for the slope": (sloped(lambda v: v), "you multiplied with v;"),
             "kink at 1": (sloped(lambda v: v > 1), "not at 1"),
             "below 0": (sloped(lambda v: v < 0), "yours is 1 where it is below"),
             "sign of v": (sloped(np.sign), "yours is −1"),
             "above a small number": (sloped(lambda v: v > 1e-6), "however small v is"),
             "signs": (lambda error, v, B1, B2: block(error, v, np.sign(B1), np.sign(B2)), "the signs of B1 and B2"),
             "shortcut masked": (lambda error, v, B1, B2: block(error * (error > 0), v, B1, B2), "should be")})
