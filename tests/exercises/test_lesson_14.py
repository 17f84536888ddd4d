"""The checks of lesson 14 accept what is right and name what is wrong."""

import numpy as np
import pytest

from tests.exercises.proof import prove
from tests.solutions import lesson_14 as solutions

EVERY, LAST, BUT_LAST, BUT_FIRST = slice(None), slice(-1, None), slice(None, -1), slice(1, None)


def moved(h, h_above, target_above, Q, c, unit=np.tanh, start=1.0, up=1.0, off=-1.0, units=EVERY, c_off=1.0):
    def g(above, bias):
        return unit(np.einsum("na,ha->nh", above[:, units], Q[:, units]) + bias)
    return start * h + up * g(target_above, c) + off * g(h_above, c_off * c)


def along_the_slope(where):
    def answer(h, h_above, target_above, Q, c):
        v = (h_above if where == "h_above" else target_above) @ Q.T + c
        return h + (target_above - h_above) @ Q.T * (1 - np.tanh(v)**2)
    return answer


def last_unit_only(h, h_above, target_above, Q, c):
    answer = h.copy()
    for n, i in np.ndindex(*h.shape):
        for a in range(Q.shape[1]):
            to, off = Q[i, a] * target_above[n, a], Q[i, a] * h_above[n, a]
        answer[n, i] += np.tanh(to + c[i]) - np.tanh(off + c[i])
    return answer


def test_14_1():
    def only(**which):
        return lambda *given: moved(*given, **which)

    prove("14.1", right=[solutions.difference_target, solutions.difference_target_by_loops], kinds={
        "sign": [lambda *given: -moved(*given), only(off=1.0), only(start=-1.0),
                 lambda h, h_above, target_above, Q, c: moved(h, target_above, h_above, Q, c)],
        "overwritten in a loop": last_unit_only,
        "first left out": only(units=BUT_FIRST), "last left out": only(units=BUT_LAST)},
        own={"plain": (only(start=0.0, off=0.0), "plain target"), "no h": (only(start=0.0), "add h"),
             "nothing taken off": (only(off=0.0), "still to be taken off"),
             "nothing added": (only(up=0.0), "still to be added"),
             "difference first": (lambda h, h_above, target_above, Q, c: h + np.tanh(
                 (target_above - h_above) @ Q.T + c), "through it alone"),
             "difference first, no bias": (lambda h, h_above, target_above, Q, c: h + np.tanh(
                 (target_above - h_above) @ Q.T), "through it alone"),
             "no tanh": (only(unit=np.array), "left out tanh"),
             "one tanh": (lambda h, h_above, target_above, Q, c: (
                 h + np.tanh(target_above @ Q.T + c) - h_above @ Q.T - c), "one at the target alone"),
             "tanh of all": (lambda *given: np.tanh(moved(*given, unit=np.array)), "yours is of h too"),
             "no bias": (lambda *given: moved(*given[:-1], 0), "left out the bias c"),
             "bias at the target": (only(c_off=0.0), "at the target alone"),
             "bias outside": (lambda *given: moved(*given[:-1], 0) + given[-1], "added after it"),
             "bias turned": (lambda *given: moved(*given[:-1], -given[-1]), "that of the bias c"),
             "ReLU": (only(unit=lambda v: v * (v > 0)), "are tanh, and yours are others"),
             "logistic": (only(unit=lambda v: 0.5 + 0.5 * np.tanh(v / 2)), "are tanh, and yours are others"),
             "no tanh, bias once": (lambda h, h_above, target_above, Q, c: h + target_above @ Q.T + c - h_above @ Q.T,
                                    "left out tanh"),
             "move without sign": (lambda h, *rest: h + abs(moved(h, *rest, start=0.0)), "below its answer"),
             "move by N": (lambda h, *rest: h + moved(h, *rest, start=0.0) / len(h), "a target of its own"),
             "slope at the answer": (along_the_slope("h_above"), "a small move only"),
             "slope at the target": (along_the_slope("target_above"), "a small move only"),
             "transposed Q": (lambda h, h_above, target_above, Q, c: np.tanh(target_above @ Q), "write the shape")})


def slope(noise, shift, Q, *, samples=EVERY, outputs=EVERY, met=None, N=None):
    left = np.einsum("no,ho->nh", shift[samples, outputs], Q[:, outputs]) - noise[samples]
    return 2 * np.einsum("nh,no->ho", left, shift[samples] if met is None else met) / (N or len(noise))


def last_sample_only(noise, shift, Q):
    gradient = np.zeros(Q.shape)
    for back, moved in zip(noise, shift):
        gradient = 2 * np.outer(Q @ moved - back, moved)
    return gradient / len(noise)


@pytest.mark.slow
def test_14_2():
    def only(**which):
        return lambda *given: slope(*given, **which)

    prove("14.2", right=[solutions.feedback_gradient, solutions.feedback_gradient_by_differences], kinds={
        "sign": [lambda *given: -slope(*given), lambda noise, shift, Q: slope(-noise, shift, Q)],
        "absolute value": [lambda *given: np.abs(slope(*given)), lambda noise, shift, Q: (
            2 * np.abs(noise - shift @ Q.T).T @ shift / len(noise))],
        "off by one": lambda *given: slope(*given) * np.float64(len(given[0])) / (len(given[0]) - 1),
        "wrong N": [lambda *given: slope(*given, N=given[0].size), lambda *given: slope(*given, N=given[0].shape[1]),
                    lambda *given: slope(*given, N=given[1].size), lambda *given: slope(*given, N=given[1].shape[1])],
        "overwritten in a loop": [last_sample_only, lambda *given: last_sample_only(*given) * len(given[0]),
                                  only(outputs=LAST), only(samples=LAST, outputs=LAST)],
        "first left out": [only(samples=BUT_FIRST), only(outputs=BUT_FIRST)],
        "last left out": [only(samples=BUT_LAST), only(outputs=BUT_LAST)]},
        own={"no 2": (lambda *given: slope(*given) / 2, "factor 2"),
             "no noise": (lambda noise, shift, Q: slope(0 * noise, shift, Q), "not taken off"),
             "noise alone": (lambda noise, shift, Q: -2 * noise.T @ shift / len(noise), "only the noise is there"),
             "own answer": (lambda noise, shift, Q: 2 * (shift @ Q.T - noise).T @ (shift @ Q.T) / len(noise),
                            "own answer"),
             "noise met": (lambda noise, shift, Q: 2 * (Q @ shift.T - noise.T) @ noise / len(noise), "not the noise"),
             "tanh": (lambda noise, shift, Q: slope(noise, shift, 0 * Q) + 2 * np.tanh(
                 shift @ Q.T).T @ shift / len(noise), "this feedback is linear"),
             "itself met": (lambda noise, shift, Q: slope(noise, shift, Q, met=shift @ Q.T - noise), "not itself"),
             "a step": (lambda noise, shift, Q: Q - slope(noise, shift, Q), "Q after a step"),
             "square": (lambda noise, shift, Q: 2 * np.square(shift @ Q.T - noise).T @ shift / len(noise),
                        "not its square"),
             "nothing met": (lambda *given: slope(*given, met=np.ones(given[1].shape)), "left out the shift"),
             "means first": (lambda noise, shift, Q: slope(noise.mean(axis=0)[None], shift.mean(axis=0)[None], Q),
                             "took the means")})
