"""Lesson 16, layers that predict each other: one sweep of two layers, and how a backward predictor learns."""

import numpy as np

from feedbackalign.exercises.base import Exercise


def sweep(x, u1, u2, W1, W2, Wb, eta, epsilon):
    """Exercise 16.1. One free sweep of a hidden layer and the output (equations 3 and 4 with β = 0).

    x (N, in) is held; u1 (N, hidden) and u2 (N, out) are the voltages, r = clip(u, 0, 1) the rates. W1 (hidden, in),
    W2 (out, hidden), Wb (out, hidden), in W2's shape. The hidden layer moves first, and the output sees its new rates.
    Return the new voltages side by side, (N, hidden + out).
    """
    raise NotImplementedError


def _two_layers(rng):
    return [(rng.random((N, inputs)), rng.normal(size=(N, hidden)), rng.normal(size=(N, out)),
             rng.normal(size=(hidden, inputs)), rng.normal(size=(out, hidden)), rng.normal(size=(out, hidden)), eta,
             epsilon) for N, inputs, hidden, out, eta, epsilon in [(6, 3, 4, 5, 0.05, 0.15), (4, 5, 3, 2, 0.1, 0.4)]]


def _rates(u):
    return np.clip(u, 0, 1)


def _sweep(x, u1, u2, W1, W2, Wb, eta, epsilon, *, rates=_rates, below=None, leak=1.0, apical=1.0):
    """`below` takes the place of the new hidden rates that the output sees."""
    new1 = u1 + eta * ((x @ W1.T - u1) + apical * (rates(u2) @ Wb - u1)) / epsilon
    seen = rates(new1) if below is None else below
    new2 = u2 + eta * ((seen @ W2.T - u2) / epsilon - leak * u2)
    return np.hstack([new1, new2])


def _output_first(x, u1, u2, W1, W2, Wb, eta, epsilon):
    new2 = u2 + eta * ((_rates(u1) @ W2.T - u2) / epsilon - u2)
    new1 = u1 + eta * ((x @ W1.T - u1) + (_rates(new2) @ Wb - u1)) / epsilon
    return np.hstack([new1, new2])


def backward_predictor_gradient(free_below, free, nudged_below, nudged, Wb, beta):
    """Exercise 16.2. The gradient of Wb (n, below) from a free and a nudged phase (equation 6).

    free and nudged (N, n) are a layer's rates, free_below and nudged_below (N, below) those of the layer below it,
    which r Wb predicts. β may be negative. Return the gradient, (n, below).
    """
    raise NotImplementedError


def _two_phases(rng):
    return [(rng.random((N, below)), rng.random((N, n)), rng.random((N, below)), rng.random((N, n)),
             rng.normal(size=(n, below)), beta) for N, n, below, beta in [(6, 4, 3, 0.5), (4, 2, 5, -0.8)]]


def _products(below, rates, Wb):
    """rᵀ e←, summed over the batch: (n, below)."""
    return rates.T @ (below - rates @ Wb)


def _contrast(free_below, free, nudged_below, nudged, Wb, beta):
    return -(_products(nudged_below, nudged, Wb) - _products(free_below, free, Wb)) / (beta * len(free))


EXERCISES = {
    "16.1": Exercise(task=sweep, cases=_two_layers, right=_sweep, mistakes=[
        ("the output saw the old hidden rates: layers move in turn, so it sees the new ones",
         lambda x, u1, *rest: _sweep(x, u1, *rest, below=_rates(u1))),
        ("the output moved before the hidden layer", _output_first),
        ("you read W2 backwards in place of Wb: nothing is mirrored here",
         lambda x, u1, u2, W1, W2, Wb, *rest: _sweep(x, u1, u2, W1, W2, W2, *rest)),
        ("voltages went through the weights: a layer sees rates, clip(u, 0, 1)",
         lambda *given: _sweep(*given, rates=lambda u: u)),
        ("the output's own −u is missing", lambda *given: _sweep(*given, leak=0.0)),
        ("the output's own −u stands under no ε", lambda *given: _sweep(*given, leak=1 / given[-1])),
        ("the hidden layer has an apical dendrite too, (w − u)/ε", lambda *given: _sweep(*given, apical=0.0)),
        ("you forgot ε: the dendrites pull with (v − u)/ε",
         lambda *given: _sweep(*given[:-1], 1.0)),
        ("these are rates; return the voltages", lambda *given: _rates(_sweep(*given))),
        ("you forgot η", lambda *given: _sweep(*given[:-2], 1.0, given[-1])),
    ]),
    "16.2": Exercise(task=backward_predictor_gradient, cases=_two_phases, right=_contrast, batch="free", mistakes=[
        ("you divided by |β|: the sign of β belongs to it, or half of all batches learn the wrong way",
         lambda *given: _contrast(*given[:-1], abs(given[-1]))),
        ("you did not divide by β", lambda *given: _contrast(*given[:-1], 1.0)),
        ("this is the change of the rates' products alone: the error is r_below less its prediction r Wb",
         lambda free_below, free, nudged_below, nudged, Wb, beta: _contrast(free_below, free, nudged_below, nudged,
                                                                            0 * Wb, beta)),
        ("only the nudged phase counts in your answer; subtract the free phase's product",
         lambda free_below, free, nudged_below, nudged, Wb, beta: -_products(nudged_below, nudged, Wb)
         / (beta * len(free))),
        ("this is the difference of the errors times the nudged rates; each phase has rates of its own",
         lambda free_below, free, nudged_below, nudged, Wb, beta: -nudged.T @ (
             (nudged_below - nudged @ Wb) - (free_below - free @ Wb)) / (beta * len(free))),
    ]),
}
