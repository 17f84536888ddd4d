"""The checks of lesson 16 accept what is right and name what is wrong."""

import numpy as np

from tests.exercises.proof import prove
from tests.solutions import lesson_16 as solutions


def rate(u):
    return np.clip(u, 0, 1)


def step(x, u1, u2, W1, W2, Wb, eta, epsilon, *, seen=None, own=1.0, above=1.0, activity=rate):
    low = u1 + eta * (x @ W1.T - u1 + above * (activity(u2) @ Wb - u1)) / epsilon
    top = u2 + eta * (((activity(low) if seen is None else seen) @ W2.T - u2) / epsilon - own * u2)
    return np.hstack([low, top])


def test_16_1():
    def top_first(x, u1, u2, W1, W2, Wb, eta, epsilon):
        top = u2 + eta * ((rate(u1) @ W2.T - u2) / epsilon - u2)
        return np.hstack([u1 + eta * (x @ W1.T + rate(top) @ Wb - 2 * u1) / epsilon, top])

    prove("16.1", right=[solutions.sweep, solutions.sweep_by_neurons], kind="settling step",
          wrong={"transposed": (lambda *given: step(*given).T, "shape"),
                 "sign": (lambda *given: step(*given[:-2], -given[-2], given[-1]), "should be"),
                 "derivative left out": (lambda *given: step(*given, activity=lambda u: u), "a layer sees rates"),
                 "step size left out": (lambda *given: step(*given[:-2], 1.0, given[-1]), "you forgot η"),
                 "state left out": (lambda *given: step(*given) - np.hstack(given[1:3]), "should be")},
          own={"synchronous": (lambda x, u1, *rest: step(x, u1, *rest, seen=rate(u1)), "layers move in turn"),
               "output first": (top_first, "the output moved before"),
               "W2 for Wb": (lambda x, u1, u2, W1, W2, Wb, *rest: step(x, u1, u2, W1, W2, W2, *rest),
                             "nothing is mirrored"),
               "rates": (lambda *given: rate(step(*given)), "return the voltages"),
               "no own leak": (lambda *given: step(*given, own=0.0), "−u is missing"),
               "own leak over ε": (lambda *given: step(*given, own=1 / given[-1]), "stands under no ε"),
               "no apical dendrite": (lambda *given: step(*given, above=0.0), "apical dendrite"),
               "no ε": (lambda *given: step(*given[:-1], 1.0), "forgot ε")})


def contrast(free_below, free, nudged_below, nudged, Wb, beta):
    return -(nudged.T @ (nudged_below - nudged @ Wb) - free.T @ (free_below - free @ Wb)) / (beta * len(free))


def test_16_2():
    def of_errors(free_below, free, nudged_below, nudged, Wb, beta):
        change = (nudged_below - nudged @ Wb) - (free_below - free @ Wb)
        return -nudged.T @ change / (beta * len(free))

    prove("16.2", right=[solutions.backward_predictor_gradient, solutions.backward_predictor_gradient_by_samples],
          kind="feedback update",
          own={"unsigned β": (lambda *given: contrast(*given[:-1], abs(given[-1])), "the sign of β"),
               "no β": (lambda *given: given[-1] * contrast(*given), "did not divide by β"),
               "rates alone": (lambda free_below, free, nudged_below, nudged, Wb, beta: contrast(
                   free_below, free, nudged_below, nudged, 0 * Wb, beta), "less its prediction"),
               "one phase": (lambda free_below, free, nudged_below, nudged, Wb, beta: -nudged.T @ (
                   nudged_below - nudged @ Wb) / (beta * len(free)), "only the nudged phase"),
               "difference of errors": (of_errors, "rates of its own")},
          without={"W used": "no W is given", "derivative left out": "no unit lies between"})
