"""The checks of lesson 8 accept what is right and name what is wrong."""

import numpy as np

from tests.exercises.proof import prove
from tests.solutions import lesson_08 as solutions


def test_8_1():
    right = solutions.count_reciprocal

    def cosine(weight, feedback):
        both = weight * feedback != 0
        w, b = weight[both], feedback[both]
        return right(weight, feedback)[0], w @ b / np.sqrt((w @ w) * (b @ b))

    prove("8.1", right=[right, solutions.count_reciprocal_by_loops, solutions.count_reciprocal_by_the_package],
          kind="other",
          own={"of all pairs": (lambda weight, feedback: (np.mean(weight * feedback != 0), right(weight, feedback)[1]),
                                "not of all pairs"),
               "of the feedback": (lambda weight, feedback: (right(feedback, weight)[0], right(weight, feedback)[1]),
                                   "yours is of the feedback synapses"),
               "all feedback": (lambda weight, feedback: (np.count_nonzero(feedback) / np.count_nonzero(weight),
                                                          right(weight, feedback)[1]), "wherever they are"),
               "zeros taken in": (lambda weight, feedback: (right(weight, feedback)[0], np.corrcoef(
                   weight.ravel(), feedback.ravel())[0, 1]), "a synapse is missing"),
               "cosine": (cosine, "cosine"),
               "exchanged": (lambda *arguments: right(*arguments)[::-1], "the share comes first"),
               "share alone": (lambda *arguments: right(*arguments)[0], "2 things")})


def stepped(R, mask, B, error, x, lr, decay, *, by=1.0, shrink=1.0):
    return mask * ((1 - shrink * lr * decay) * R - by * lr * (B.T @ error.T @ x))


def test_8_2():
    prove("8.2", right=[solutions.masked_step, solutions.masked_step_by_gradient], kind="feedback update",
          wrong={"no 1/N": (lambda R, mask, B, error, *rest: stepped(R, mask, B, error, *rest, by=len(error)),
                            "N times the right one"),
                 "twice 1/N": (lambda R, mask, B, error, *rest: stepped(R, mask, B, error, *rest, by=1 / len(error)),
                               "1/N of the right one"),
                 "sign": (lambda *arguments: stepped(*arguments, by=-1.0), "R climbs")},
          own={"no mask": (lambda R, mask, *rest: stepped(R, True, *rest), "grow where none exist"),
               "mask on its head": (lambda R, mask, *rest: stepped(R, np.logical_not(mask), *rest), "on its head"),
               "growing": (lambda *arguments: stepped(*arguments, shrink=-1.0), "lets R grow"),
               "no decay": (lambda *arguments: stepped(*arguments, shrink=0.0), "left out the decay"),
               "decay beside the rate": (lambda R, mask, B, error, x, lr, decay: stepped(
                   R, mask, B, error, x, lr, decay, shrink=1 / lr), "multiplies both"),
               "the change alone": (lambda R, *rest: stepped(R, *rest) - R, "not the new R"),
               "in place": (in_place, "changes its argument R")},
          without={"W used": "no W is given", "derivative left out": "no unit lies between"})


def in_place(R, mask, B, error, x, lr, decay):
    R -= lr * ((error @ B).T @ x + decay * R)
    R *= mask
    return R
