"""The checks of lesson 21 accept what is right and name what is wrong."""

import numpy as np
import pytest

from tests.exercises.proof import prove
from tests.exercises.sums import of_a_sum
from tests.solutions import lesson_21 as solutions


def down(slopes, through=lambda W, step: W - step):
    """slopes(z, x, W, b, step, error) -> what the error is multiplied with."""
    return lambda x, W, b, step, error: np.einsum(
        "no,oi->ni", error * slopes(x @ W.T + b, x, W, b, step, error), through(W, step))


def fires(z, *rest):
    return z > 0


def of_units(kept):
    def wrong(x, W, b, step, error):
        below = np.zeros(x.shape)
        for unit in range(len(W))[kept]:
            below += np.outer(error[:, unit] * (x @ W[unit] + b[unit] > 0), W[unit] - step[unit])
        return below
    return wrong


def test_21_1():
    prove("21.1", right=[solutions.error_below, solutions.error_below_by_units], kinds={
        "sign": [down(fires, lambda W, step: W + step), down(fires, lambda W, step: step - W)],
        "slope left out": down(lambda *given: 1.0),
        "slope of the wrong": [down(lambda z, x, W, b, step, error: x @ (W - step).T + b > 0),
                               down(lambda z, x, W, b, step, error: z - b > 0),
                               down(lambda z, x, W, b, step, error: error > 0),
                               down(lambda z, x, W, b, step, error: z > 2 * b), down(lambda z, *rest: np.cosh(z)**-2.0),
                               lambda x, W, b, step, error: np.where(x > 0, error @ (W - step), 0.0)],
        **of_a_sum(of_units)},
        own={"old weights": (down(fires, lambda W, step: W), "through the old weights; those"),
             "old weights, no slopes": (lambda x, W, b, step, error: error @ W, "and without the slopes"),
             "the step": (down(fires, lambda W, step: step), "through the step"),
             "z for a slope": (down(lambda z, *rest: z * (z > 0)), "1 or 0, not z"),
             "silent units": (down(lambda z, *rest: z < 0), "wrong way round")})


def solved(x, error, penalty):
    return np.linalg.solve(x.T @ x + penalty * np.eye(x.shape[1]), x.T @ error).T


def of_samples(step, limit):
    """Both sums over a part of the samples."""
    def wrong(x, error, eta, penalty):
        E, both = np.linalg.inv(x @ x.T + penalty * np.eye(len(x))) @ error, np.zeros((2, error.shape[1], x.shape[1]))
        for place, (kept, errors) in enumerate([(step, eta * E), (limit, error)]):
            for n in range(len(x))[kept]:
                both[place] += np.outer(errors[n], x[n])
        return tuple(both)
    return wrong


@pytest.mark.slow
def test_21_2():
    def gradient(x, error):
        return error.T @ x

    def step(of):
        return lambda x, error, eta, penalty: (of(x, error, eta, penalty), gradient(x, error))

    def limit(of):
        return lambda x, error, eta, penalty: (eta * solved(x, error, penalty), of(x, error, eta, penalty))

    everything = slice(None)
    terms = [of_a_sum(lambda kept: of_samples(kept, kept)), of_a_sum(lambda kept: of_samples(kept, everything)),
             of_a_sum(lambda kept: of_samples(everything, kept))]
    prove("21.2", right=[solutions.implicit_step, solutions.implicit_step_by_least_squares], kinds={
        "sign": [step(lambda x, error, eta, penalty: -eta * solved(x, error, penalty)),
                 lambda *given: tuple(-part for part in solutions.implicit_step(*given))],
        "epsilon": [step(lambda x, error, eta, penalty: eta * solved(x, error, penalty + 1e-12)),
                    step(lambda x, error, eta, penalty: eta * solved(x, error, penalty + 1e-8))],
        **{kind: [some[kind] for some in terms] for kind in terms[0]}},
        own={"limits swapped": (limit(lambda x, error, eta, penalty: penalty * solved(x, error, penalty)),
                                "λ that grows"),
             "V − W": (step(lambda x, error, eta, penalty: -eta * solved(x, error, penalty)), "the step is W − V"),
             "no η": (step(lambda x, error, eta, penalty: solved(x, error, penalty)), "η is left out of the step"),
             "η in the wrong one": (lambda x, error, eta, penalty: (
                 solved(x, error, penalty), eta * gradient(x, error)), "step, and the limit"),
             "inverted": (step(lambda x, error, eta, penalty: eta * solved(x, error, 1 / penalty)),
                          "where 1/λ belongs"),
             "explicit": (step(lambda x, error, eta, penalty: eta / penalty * gradient(x, error)),
                          "an explicit step: no"),
             "gradient": (step(lambda x, error, eta, penalty: eta * gradient(x, error)), "neither λ"),
             "not inverted": (step(lambda x, error, eta, penalty: eta * (
                 gradient(x, error) @ x.T @ x + penalty * gradient(x, error))), "its inverse"),
             "no λ": (step(lambda x, error, eta, penalty: eta * np.linalg.lstsq(x, error, rcond=None)[0].T.copy()),
                      "λ is left out"),
             "λ everywhere": (step(lambda x, error, eta, penalty: eta * gradient(x, error) @ np.linalg.pinv(
                 x.T @ x + penalty)), "on the diagonal"),
             "η in the limit": (limit(lambda x, error, eta, penalty: eta * gradient(x, error)), "still has η in"),
             "η/λ in the limit": (limit(lambda x, error, eta, penalty: eta * gradient(x, error) / penalty),
                                  "still has η/λ"),
             "half": (step(lambda x, error, eta, penalty: eta * solved(x, error, 2 * penalty)), "½"),
             "half of the other": (step(lambda x, error, eta, penalty: eta * solved(x, error, penalty / 2)), "½"),
             "exchanged": (lambda *given: solutions.implicit_step(*given)[::-1], "are exchanged")})
