"""The checks of lesson 16 accept what is right and name what is wrong."""

import numpy as np
import pytest

from tests.exercises.proof import prove
from tests.exercises.sums import of_a_sum
from tests.solutions import lesson_16 as solutions


def rate(u):
    return np.clip(u, 0, 1)


def step(x, u1, u2, W1, W2, Wb, eta, epsilon, *, seen=None, own=1.0, hidden=0.0, above=1.0, under=None, up=rate,
         down=rate):
    low = u1 + eta * (x @ W1.T - u1 + above * (down(u2) @ Wb - u1)) / epsilon - eta * hidden * u1
    top = u2 + eta * (((up(low) if seen is None else seen) @ W2.T - u2) / (under or epsilon) - own * u2)
    return np.hstack([low, top])


def masked(inputs=slice(None), outputs=slice(None), hidden=slice(None)):
    """A part of each sum: the other terms' weights count as 0."""
    def wrong(x, u1, u2, W1, W2, Wb, *rest):
        parts = [np.zeros_like(W) for W in (W1, W2, Wb)]
        parts[0][:, inputs], parts[1][:, hidden], parts[2][outputs] = W1[:, inputs], W2[:, hidden], Wb[outputs]
        return step(x, u1, u2, *parts, *rest)
    return wrong


def test_16_1():
    def top_first(x, u1, u2, W1, W2, Wb, eta, epsilon):
        top = u2 + eta * ((rate(u1) @ W2.T - u2) / epsilon - u2)
        return np.hstack([u1 + eta * (x @ W1.T + rate(top) @ Wb - 2 * u1) / epsilon, top])

    def one_leak(x, u1, u2, W1, W2, Wb, eta, epsilon):
        low = u1 + eta * (x @ W1.T + rate(u2) @ Wb - u1) / epsilon
        return np.hstack([low, u2 + eta * ((rate(low) @ W2.T - u2) / epsilon - u2)])

    last = slice(-1, None)
    prove("16.1", right=[solutions.sweep, solutions.sweep_by_neurons], kinds={
        "sign": [lambda *given: -step(*given), lambda *given: step(*given[:-2], -given[-2], given[-1])],
        "decay's sign": lambda *given: step(*given, own=-1.0),
        "epsilon": [lambda *given: step(*given[:-1], given[-1] + 1e-12),
                    lambda *given: step(*given[:-1], given[-1] + 1e-8)],
        **of_a_sum(lambda kept: masked(kept, kept, kept)),
        "overwritten in a loop": [masked(last, last, last), masked(inputs=last), masked(outputs=last),
                                  masked(hidden=last)]},
        own={"synchronous": (lambda x, u1, *rest: step(x, u1, *rest, seen=rate(u1)), "layers move in turn"),
             "output first": (top_first, "the output moved before"),
             "W2 for Wb": (lambda x, u1, u2, W1, W2, Wb, *rest: step(x, u1, u2, W1, W2, W2, *rest),
                           "nothing is mirrored"),
             "voltages": (lambda *given: step(*given, up=lambda u: u, down=lambda u: u), "voltages went through the"),
             "voltages down": (lambda *given: step(*given, down=lambda u: u), "went through Wb"),
             "voltages up": (lambda *given: step(*given, up=lambda u: u), "went through W2"),
             "ReLU": (lambda *given: step(*given, up=lambda u: np.maximum(u, 0), down=lambda u: u * (u > 0)),
                      "at most"),
             "output without ε": (lambda *given: step(*given, under=1.0), "under the output's dendrite"),
             "hidden leak": (lambda *given: step(*given, hidden=1.0), "the output alone"),
             "two sweeps": (lambda x, u1, u2, *rest: step(
                 x, *np.hsplit(step(x, u1, u2, *rest), [u1.shape[1]]), *rest), "two sweeps"),
             "rates": (lambda *given: rate(step(*given)), "return the voltages"),
             "no own leak": (lambda *given: step(*given, own=0.0), "−u is missing"),
             "own leak over ε": (lambda *given: step(*given, own=1 / given[-1]), "stands under no ε"),
             "no apical dendrite": (lambda *given: step(*given, above=0.0), "apical dendrite"),
             "apical without ε": (lambda *given: step(*given, above=given[-1]), "under the apical dendrite"),
             "one −u for two": (one_leak, "its own −u"), "no η": (lambda *given: step(*given[:-2], 1.0, given[-1]),
                                                                 "left out η"),
             "ε upstairs": (lambda *given: step(*given[:-1], 1 / given[-1]), "multiplied with ε"),
             "no ε": (lambda *given: step(*given[:-1], 1.0), "left out ε"),
             "the change": (lambda *given: step(*given) - np.hstack(given[1:3]), "the change alone"),
             "output on the left": (lambda *given: np.roll(step(*given), given[2].shape[1], axis=1), "come first"),
             "two arrays": (lambda *given: tuple(np.hsplit(step(*given), [given[1].shape[1]])), "got a tuple")})


def contrast(free_below, free, nudged_below, nudged, Wb, beta, nudge=1, rest=1):
    return -(nudge * nudged.T @ (nudged_below - nudged @ Wb) - rest * free.T @ (free_below - free @ Wb)) / (
        beta * len(free))


def of_samples(kept):
    return lambda *given: contrast(*(rates[kept] for rates in given[:4]), given[4], 1.0) * len(given[0][kept]) / (
        given[5] * len(given[0])) if len(given[0][kept]) else np.zeros(given[4].shape)


@pytest.mark.slow
def test_16_2():
    def of_errors(rates_of):
        def wrong(free_below, free, nudged_below, nudged, Wb, beta):
            change = (nudged_below - nudged @ Wb) - (free_below - free @ Wb)
            return -rates_of(free, nudged).T @ change / (beta * len(free))
        return wrong

    def by(count):
        return lambda *given: contrast(*given) * len(given[0]) / count(*given[:2])

    def crossed(free_below, free, nudged_below, nudged, Wb, beta):
        return (free.T @ (free_below - nudged @ Wb) - nudged.T @ (nudged_below - free @ Wb)) / beta / len(free)

    def one_phase_overwritten(free_one):
        def wrong(free_below, free, nudged_below, nudged, Wb, beta):
            total = {True: np.zeros(Wb.shape), False: np.zeros(Wb.shape)}
            for is_free, below, rates in [(True, free_below, free), (False, nudged_below, nudged)]:
                for b, r in zip(below, rates):
                    total[is_free] = np.outer(r, b - r @ Wb) + (0 if is_free == free_one else total[is_free])
            return (total[True] - total[False]) / (beta * len(free))
        return wrong

    terms = of_a_sum(of_samples)
    prove("16.2", right=[solutions.backward_predictor_gradient, solutions.backward_predictor_gradient_by_samples],
          kinds={
        "absolute value": [lambda *given: contrast(*given[:-1], abs(given[-1])),
                           lambda *given: abs(contrast(*given))],
        "other phase left out": [lambda *given: contrast(*given, rest=0), lambda *given: contrast(*given, nudge=0),
                                 lambda *given: contrast(*given, nudge=0, rest=-1)],
        "wrong N": [by(lambda below, rates: rates.shape[1]), by(lambda below, rates: below.shape[1]),
                    by(lambda below, rates: rates.size)],
        "epsilon": [lambda *given: contrast(*given[:-1], given[-1] + 1e-12),
                    lambda *given: contrast(*given[:-1], 1.0) * len(given[0]) / (given[-1] * len(given[0]) + 1e-8)],
        **terms, "overwritten in a loop": [one_phase_overwritten(True), one_phase_overwritten(False),
                                           terms["overwritten in a loop"],
                                           lambda *given: len(given[0]) * terms["overwritten in a loop"](*given)]},
        own={"sign of β": (lambda *given: contrast(*given[:-1], 1.0) * np.sign(given[-1]), "its size included"),
             "crossed": (crossed, "the other phase's rates"),
             "no β": (lambda *given: given[-1] * contrast(*given), "did not divide by β"),
             "β upstairs": (lambda *given: given[-1]**2 * contrast(*given), "divide by it"),
             "β twice": (lambda *given: contrast(*given) / given[-1], "β twice"),
             "rates alone": (lambda *given: contrast(*given[:4], 0 * given[4], given[5]), "less its prediction r Wb"),
             "predictions alone": (lambda below, free, n_below, *rest: contrast(0 * below, free, 0 * n_below, *rest),
                                   "r_below is missing"),
             "added": (lambda *given: contrast(*given, rest=-1), "you added it"),
             "nudged rates": (of_errors(lambda free, nudged: nudged), "the nudged rates; each"),
             "free rates": (of_errors(lambda free, nudged: free), "the free rates; each"),
             "differences": (of_errors(lambda free, nudged: nudged - free), "difference of the products")})
