"""Lesson 12, networks that settle."""

import numpy as np


def settle_hidden(x, s1, s2, W1, b1, W2, damping):
    asked = np.clip((x @ W1.T + b1 + s2 @ W2) / 2, 0, 1)
    return damping * s1 + (1 - damping) * asked


def settle_hidden_by_units(x, s1, s2, W1, b1, W2, damping):
    new = np.empty_like(s1)
    for n, unit in np.ndindex(*s1.shape):
        drive = W1[unit] @ x[n] + b1[unit] + sum(s2[n, above] * W2[above, unit] for above in range(len(W2)))
        new[n, unit] = s1[n, unit] + (1 - damping) * (min(max(drive / 2, 0.0), 1.0) - s1[n, unit])
    return new


def symmetric_estimate(below_plus, plus, below_minus, minus, beta):
    return -(plus.T @ below_plus - minus.T @ below_minus) / (2 * beta * len(plus))


def symmetric_estimate_by_samples(below_plus, plus, below_minus, minus, beta):
    total = 0.0
    for n in range(len(plus)):
        total = total + np.outer(minus[n], below_minus[n]) - np.outer(plus[n], below_plus[n])
    return total / (2 * beta) / len(plus)
