"""Lesson 12, networks that settle: one step of the dynamics, and a gradient from two nudged phases."""

import numpy as np

from feedbackalign import ops
from feedbackalign.exercises.base import Exercise


def settle_hidden(x, s1, s2, W1, b1, W2, damping):
    """Exercise 12.1. One damped step of a hidden layer between an input and a layer above (equation 1).

    x (N, in) is held, s1 (N, hidden) is the layer's state and s2 (N, out) that of the layer above; W1 (hidden, in),
    b1 (hidden,), W2 (out, hidden). The unit is σ(v) = clip(v / 2, 0, 1). The layer keeps the share `damping` of its old
    state and takes the rest from what it is asked to be. Return its new state, (N, hidden).
    """
    raise NotImplementedError


def _three_layers(rng):
    return [(rng.normal(size=(N, inputs)), rng.random((N, hidden)), rng.random((N, out)),
             rng.normal(size=(hidden, inputs)), rng.normal(size=hidden), rng.normal(size=(out, hidden)), damping)
            for N, inputs, hidden, out, damping in [(6, 3, 4, 5, 0.3), (4, 5, 3, 2, 0.8)]]


def _asked(x, s2, W1, b1, W2):
    """The drive from below and above, before the unit: (N, hidden)."""
    return ops.linear.linear(x, W1, b1) + ops.linear.linear_transport(s2, W2)


def _unit(v):
    return np.clip(v / 2, 0, 1)


def _damped(x, s1, s2, W1, b1, W2, damping):
    return damping * s1 + (1 - damping) * _unit(_asked(x, s2, W1, b1, W2))


def symmetric_estimate(below_plus, plus, below_minus, minus, beta):
    """Exercise 12.2. The gradient of one layer's W from two nudged phases (equation 4).

    plus (N, out) and below_plus (N, in) are the states of the layer and of the one below it under +β, minus and
    below_minus those under −β. Return ĝ of the batch mean, (out, in).
    """
    raise NotImplementedError


def _two_phases(rng):
    return [(rng.random((N, inputs)), rng.random((N, out)), rng.random((N, inputs)), rng.random((N, out)), beta)
            for N, inputs, out, beta in [(6, 3, 4, 0.5), (4, 5, 2, 0.2)]]


def _contrast(below_plus, plus, below_minus, minus, beta):
    product = ops.linear.linear_weight_gradient
    return (product(minus, below_minus) - product(plus, below_plus)) / (2 * beta * len(plus))


EXERCISES = {
    "12.1": Exercise(task=settle_hidden, cases=_three_layers, right=_damped, mistakes=[
        ("nothing of the old state is kept: damping times s1 belongs to the new one",
         lambda x, s1, s2, W1, b1, W2, damping: _unit(_asked(x, s2, W1, b1, W2))),
        ("the old state is added whole; the layer keeps the share `damping` of it",
         lambda x, s1, s2, W1, b1, W2, damping: s1 + (1 - damping) * _unit(_asked(x, s2, W1, b1, W2))),
        ("what is asked counts in full; its share is 1 − damping",
         lambda x, s1, s2, W1, b1, W2, damping: damping * s1 + _unit(_asked(x, s2, W1, b1, W2))),
        ("the shares are exchanged: `damping` is that of the old state",
         lambda x, s1, s2, W1, b1, W2, damping: _damped(x, s1, s2, W1, b1, W2, 1 - damping)),
        ("you left out the drive from above, s2 W2",
         lambda x, s1, s2, W1, b1, W2, damping: _damped(x, s1, 0 * s2, W1, b1, W2, damping)),
        ("you left out the drive from below, x W1ᵀ",
         lambda x, s1, s2, W1, b1, W2, damping: _damped(0 * x, s1, s2, W1, b1, W2, damping)),
        ("you left out the bias", lambda x, s1, s2, W1, b1, W2, damping: _damped(x, s1, s2, W1, 0 * b1, W2, damping)),
        ("you left out the unit: σ of the drive is what the layer is asked to be",
         lambda x, s1, s2, W1, b1, W2, damping: damping * s1 + (1 - damping) * _asked(x, s2, W1, b1, W2)),
        ("the drive from above has the wrong sign",
         lambda x, s1, s2, W1, b1, W2, damping: _damped(x, s1, -s2, W1, b1, W2, damping)),
        ("σ is taken of each drive by itself; the drives are added first",
         lambda x, s1, s2, W1, b1, W2, damping: damping * s1 + (1 - damping) * (
             _unit(x @ W1.T + b1) + _unit(s2 @ W2))),
    ]),
    "12.2": Exercise(task=symmetric_estimate, cases=_two_phases, right=_contrast, batch="plus", mistakes=[
        ("you divided by β; the two phases are 2β apart", lambda *given: 2 * _contrast(*given)),
        ("you did not divide by β",
         lambda below_plus, plus, below_minus, minus, beta: _contrast(below_plus, plus, below_minus, minus, 1)),
        ("this is the product of the differences; what counts is the difference of the products",
         lambda below_plus, plus, below_minus, minus, beta: (plus - minus).T @ (below_minus - below_plus)
         / (2 * beta * len(plus))),
        ("you compared the layer's own states only; the layer below is nudged too, so each product has its own",
         lambda below_plus, plus, below_minus, minus, beta: _contrast(below_plus, plus, below_plus, minus, beta)),
    ]),
}
