"""A network, a batch and feedback given by formulas alone, for numbers that hold to the last printed digit."""

import numpy as np

from feedbackalign import layers
from feedbackalign.networks import Network

SIZES = (2, 4, 3, 2)


def golden_network():
    """-> (net, x (1, 2), y (1, 2)): tanh, linear output, squared error.

    W_l[i, j] = 0.8 sin(1 + i + 2j + 3l), b_l[i] = 0.1 cos(i + l), l from 1; x = (cos 0, cos 1), y = (sin 0, sin 1).
    """
    rng, stack = np.random.default_rng(0), []
    for number, (inputs, outputs) in enumerate(zip(SIZES, SIZES[1:]), start=1):
        layer = layers.Linear(inputs, outputs, rng=rng, dtype=np.float64)
        i, j = np.mgrid[:outputs, :inputs]
        layer.weight[...] = 0.8 * np.sin(1 + i + 2 * j + 3 * number)
        layer.bias[...] = 0.1 * np.cos(np.arange(outputs) + number)
        stack += [layer, layers.Tanh()]
    places = np.arange(2.0)
    return Network(stack[:-1], loss="squared-error"), np.cos(places)[None], np.sin(places)[None]


def golden_feedback(number, rows, columns, scale):
    """scale · cos(2 + p − q + number): (rows, columns)."""
    p, q = np.mgrid[:rows, :columns]
    return scale * np.cos(2 + p - q + number)


def golden_noise(number, units):
    """sin(3p + number): (1, units)."""
    return np.sin(3 * np.arange(units) + number)[None]
