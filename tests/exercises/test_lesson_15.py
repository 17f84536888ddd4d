"""The checks of lesson 15 accept what is right and name what is wrong."""

import numpy as np

from tests.exercises.proof import prove
from tests.solutions import lesson_15 as solutions


def solved(J, Q, delta, damping, system=None):
    system = J @ Q + damping * np.eye(Q.shape[1]) if system is None else system
    return np.stack([np.linalg.inv(matrix) @ missing for matrix, missing in zip(system, delta)])


def test_15_1():
    prove("15.1", right=[solutions.steady_control, solutions.steady_control_by_samples], kind="other",
          own={"no leak": (lambda J, Q, delta, damping: solved(J, Q, delta, 0.0), "left out α̃ I"),
               "leak everywhere": (lambda J, Q, delta, damping: solved(J, Q, delta, 0.0, J @ Q + damping),
                                   "on the diagonal alone"),
               "transposed loop": (lambda J, Q, delta, damping: solved(
                   J, Q, delta, 0.0, (J @ Q + damping * np.eye(Q.shape[1])).swapaxes(1, 2)), "(J Q)ᵀ"),
               "product for inverse": (lambda J, Q, delta, damping: np.einsum(
                   "nij,nj->ni", J @ Q + damping * np.eye(Q.shape[1]), delta), "its inverse"),
               "one J for all": (lambda J, Q, delta, damping: solved(
                   np.repeat(J.mean(axis=0)[None], len(J), axis=0), Q, delta, damping), "a J of its own"),
               "not solved": (lambda J, Q, delta, damping: delta.copy(), "δ itself"),
               "sign": (lambda *arguments: -solved(*arguments), "sign"),
               "transposed": (lambda *arguments: solved(*arguments).T, "shape"),
               "the push": (lambda J, Q, delta, damping: solved(J, Q, delta, damping) @ Q.T, "shape")})


def learnt(v, v_ff, below, step_size, signal=None):
    signal = np.tanh(v) - np.tanh(v_ff) if signal is None else signal
    return -np.einsum("nh,ni->hi", signal, below) / (step_size * len(v))


def test_15_2():
    prove("15.2", right=[solutions.control_update, solutions.control_update_by_samples], kind="feedback update",
          wrong={"derivative left out": (lambda v, v_ff, below, step_size: learnt(
              v, v_ff, below, step_size, v - v_ff), "difference of the rates"),
              "sign": (lambda *arguments: -learnt(*arguments), "hand over −ΔW")},
          own={"tanh of the difference": (lambda v, v_ff, below, step_size: learnt(
              v, v_ff, below, step_size, np.tanh(v - v_ff)), "before they are subtracted"),
              "λ left out": (lambda v, v_ff, below, step_size: learnt(v, v_ff, below, 1.0), "did not divide by λ"),
              "λ twice": (lambda v, v_ff, below, step_size: learnt(v, v_ff, below, step_size**2), "by λ twice"),
              "the rate itself": (lambda v, v_ff, below, step_size: learnt(
                  v, v_ff, below, step_size, np.tanh(v)), "how far the push moved it")},
          without={"W used": "no weights are given"})
