"""The checks of lesson 15 accept what is right and name what is wrong."""

import numpy as np
import pytest

from tests.exercises.proof import prove
from tests.exercises.sums import of_a_sum
from tests.solutions import lesson_15 as solutions


def solved(J, Q, delta, damping, system=None):
    system = J @ Q + damping * np.eye(Q.shape[1]) if system is None else system
    return np.stack([np.linalg.inv(matrix) @ missing for matrix, missing in zip(system, delta)])


def of_units(kept):
    def wrong(J, Q, delta, damping):
        return solved(J, Q, delta, 0.0, np.einsum("nok,kp->nop", J[:, :, kept], Q[kept])
                      + damping * np.eye(Q.shape[1]))
    return wrong


def test_15_1():
    def rows_times_inverse(J, Q, delta, damping):
        return np.stack([missing @ np.linalg.inv(j @ Q + damping * np.eye(len(j))) for j, missing in zip(J, delta)])

    prove("15.1", right=[solutions.steady_control, solutions.steady_control_by_samples], kinds={
        "decay's sign": lambda J, Q, delta, damping: solved(J, Q, delta, -damping),
        "order swapped": rows_times_inverse,
        "epsilon": [lambda J, Q, delta, damping: solved(J, Q, delta, damping + 1e-12),
                    lambda J, Q, delta, damping: solved(J, Q, delta, damping + 1e-7)],
        **of_a_sum(of_units)},
        own={"no leak": (lambda J, Q, delta, damping: solved(J, Q, delta, 0.0), "left out α̃ I"),
             "leak everywhere": (lambda J, Q, delta, damping: solved(J, Q, delta, 0.0, J @ Q + damping),
                                 "on the diagonal alone"),
             "product for inverse": (lambda J, Q, delta, damping: np.einsum(
                 "nij,nj->ni", J @ Q + damping * np.eye(Q.shape[1]), delta), "its inverse"),
             "one J for all": (lambda J, Q, delta, damping: solved(
                 np.repeat(J.mean(axis=0)[None], len(J), axis=0), Q, delta, damping), "a J of its own"),
             "J twice": (lambda J, Q, delta, damping: solved(J, Q, delta, damping, np.einsum("nau,nbu->nab", J, J)
                                                             + damping * np.eye(Q.shape[1])), "acts through Q"),
             "not solved": (lambda J, Q, delta, damping: delta.copy(), "δ itself"),
             "the push": (lambda J, Q, delta, damping: solved(J, Q, delta, damping) @ Q.T, "shape"),
             "samples as columns": (lambda J, Q, delta, damping: np.linalg.solve(
                 J @ Q + damping * np.eye(Q.shape[1]), delta[:, None].repeat(Q.shape[1], axis=1)), "shape")})


def learnt(v, v_ff, below, step_size, signal=None):
    signal = np.tanh(v) - np.tanh(v_ff) if signal is None else signal
    return -np.einsum("nh,ni->hi", signal, below) / (step_size * len(v))


def of_samples(kept):
    return lambda v, v_ff, below, step_size: learnt(v[kept], v_ff[kept], below[kept], step_size) * len(v[kept]) / len(
        v) if len(v[kept]) else np.zeros((v.shape[1], below.shape[1]))


@pytest.mark.slow
def test_15_2():
    def sech(v):
        return 1 / np.cosh(v)**2

    def by(signal):
        return lambda v, v_ff, *rest: learnt(v, v_ff, *rest, signal(v, v_ff))

    def relu(v):
        return np.maximum(v, 0)

    terms = of_a_sum(of_samples)
    prove("15.2", right=[solutions.control_update, solutions.control_update_by_samples], kinds={
        "sign": lambda *given: -learnt(*given),
        "other phase left out": [lambda v, *rest: learnt(v, *rest, np.tanh(v)),
                                 lambda v, v_ff, *rest: learnt(v, v_ff, *rest, -np.tanh(v_ff))],
        "wrong N": [lambda v, *rest: learnt(v, *rest) * len(v) / v.shape[1],
                    lambda v, *rest: learnt(v, *rest) / v.shape[1]],
        "epsilon": [lambda v, v_ff, below, step_size: learnt(v, v_ff, below, step_size + 1e-12),
                    lambda v, v_ff, below, step_size: -(np.tanh(v) - np.tanh(v_ff)).T @ below / (
                        step_size * len(v) + 1e-16)],
        "absolute value": [by(lambda v, v_ff: abs(np.tanh(v) - np.tanh(v_ff))), lambda *given: abs(learnt(*given))],
        **terms, "overwritten in a loop": [terms["overwritten in a loop"],
                                           lambda *given: len(given[0]) * terms["overwritten in a loop"](*given)]},
        own={"voltages": (by(lambda v, v_ff: v - v_ff), "difference of the rates"),
             "tanh of the difference": (by(lambda v, v_ff: np.tanh(v - v_ff)), "before they are subtracted"),
             "linearised": (by(lambda v, v_ff: (v - v_ff) * sech(v_ff)), "times a slope"),
             "linearised elsewhere": (by(lambda v, v_ff: (v - v_ff) * sech(v)), "times a slope"),
             "slope besides": (by(lambda v, v_ff: (np.tanh(v) - np.tanh(v_ff)) * sech(v)), "no slope in Eq. 4"),
             "another": (by(lambda v, v_ff: (np.tanh(v) - np.tanh(v_ff)) * sech(v_ff)), "no slope in Eq. 4"),
             "ReLU": (by(lambda v, v_ff: relu(v) - relu(v_ff)), "not ReLU"),
             "tanh below": (lambda v, v_ff, below, step_size: learnt(v, v_ff, np.tanh(below), step_size), "already"),
             "ΔW": (lambda *given: -learnt(*given), "hand over −ΔW"),
             "λ left out": (lambda v, v_ff, below, step_size: learnt(v, v_ff, below, 1.0), "did not divide by λ"),
             "λ upstairs": (lambda v, v_ff, below, step_size: learnt(v, v_ff, below, 1 / step_size), "divide by it"),
             "λ twice": (lambda v, v_ff, below, step_size: learnt(v, v_ff, below, step_size**2), "by λ twice")})
