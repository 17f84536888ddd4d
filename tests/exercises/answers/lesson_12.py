"""Answers to the exercises of lesson 12, written from its text alone."""

import numpy as np

import feedbackalign as fa


def settle_hidden(x, s1, s2, W1, b1, W2, damping):
    drive = x @ W1.T + b1 + s2 @ W2
    return damping * s1 + (1 - damping) * np.clip(drive / 2, 0, 1)


def settle_hidden_by_loops(x, s1, s2, W1, b1, W2, damping):
    new = np.zeros(s1.shape)
    for n, unit in np.ndindex(*s1.shape):
        drive = W1[unit] @ x[n] + b1[unit] + W2[:, unit] @ s2[n]
        new[n, unit] = s1[n, unit] + (1 - damping) * (min(max(drive / 2, 0.0), 1.0) - s1[n, unit])
    return new


def settle_hidden_by_the_package(x, s1, s2, W1, b1, W2, damping):
    drive = fa.ops.linear.linear(x, W1, b1) + fa.ops.linear.linear_transport(s2, W2)
    return np.float64(1 - damping) * fa.ops.activations.soft_clip(drive) + damping * s1


def settle_hidden_in_place(x, s1, s2, W1, b1, W2, damping):
    s1 *= damping
    s1 += (1 - damping) * np.clip((x @ W1.T + b1 + s2 @ W2) / 2, 0, 1)
    return s1.copy()


def settle_hidden_with(x, s1, s2, W1, b1, W2, damping, unit):
    return damping * s1 + (1 - damping) * unit(x @ W1.T + b1 + s2 @ W2)


def product(post, pre):
    return post.T @ pre / len(post)


def symmetric_estimate(below_plus, plus, below_minus, minus, beta):
    return -(product(plus, below_plus) - product(minus, below_minus)) / (2 * beta)


def symmetric_estimate_by_loops(below_plus, plus, below_minus, minus, beta):
    change = np.zeros((plus.shape[1], below_plus.shape[1]))
    for n in range(len(plus)):
        change += np.outer(minus[n], below_minus[n])
        change -= np.outer(plus[n], below_plus[n])
    return change / (2 * len(plus) * beta)


def symmetric_estimate_by_einsum(below_plus, plus, below_minus, minus, beta):
    posts, belows = np.stack([plus, minus]), np.stack([below_plus, below_minus])
    return np.einsum("p,pno,pni->oi", np.float64([-0.5, 0.5]) / beta, posts, belows) / len(plus)


def estimate_of_differences(below_plus, plus, below_minus, minus, beta):
    return -product(plus - minus, below_plus - below_minus) / (2 * beta)


def estimate_with_the_mean_below(below_plus, plus, below_minus, minus, beta):
    return -product(plus - minus, (below_plus + below_minus) / 2) / (2 * beta)


ANSWERS = [
    ("12.1", "right", "", settle_hidden),
    ("12.1", "right", "", settle_hidden_by_loops),
    ("12.1", "right", "", settle_hidden_by_the_package),
    ("12.1", "wrong", "roles swapped", lambda x, s1, s2, W1, b1, W2, damping:
        settle_hidden(x, s1, s2, W1, b1, W2, 1 - damping)),
    ("12.1", "wrong", "term left out", lambda x, s1, s2, W1, b1, W2, damping:
        (1 - damping) * settle_hidden(x, s1, s2, W1, b1, W2, 0)),
    ("12.1", "wrong", "step size left out", lambda x, s1, s2, W1, b1, W2, damping:
        settle_hidden(x, s1, s2, W1, b1, W2, 0)),
    ("12.1", "wrong", "term left out", lambda x, s1, s2, W1, b1, W2, damping:
        settle_hidden(x, s1, 0 * s2, W1, b1, W2, damping)),
    ("12.1", "wrong", "term left out", lambda x, s1, s2, W1, b1, W2, damping:
        settle_hidden(0 * x, s1, s2, W1, b1, W2, damping)),
    ("12.1", "wrong", "bias left out", lambda x, s1, s2, W1, b1, W2, damping:
        settle_hidden(x, s1, s2, W1, 0, W2, damping)),
    ("12.1", "wrong", "sign", lambda x, s1, s2, W1, b1, W2, damping:
        settle_hidden(x, s1, -s2, W1, b1, W2, damping)),
    ("12.1", "wrong", "unit forgotten", lambda x, s1, s2, W1, b1, W2, damping:
        settle_hidden_with(x, s1, s2, W1, b1, W2, damping, lambda v: v)),
    ("12.1", "wrong", "factor left out", lambda x, s1, s2, W1, b1, W2, damping:
        settle_hidden_with(x, s1, s2, W1, b1, W2, damping, lambda v: np.clip(v, 0, 1))),
    ("12.1", "wrong", "factor at the wrong place", lambda x, s1, s2, W1, b1, W2, damping:
        settle_hidden_with(x, s1, s2, W1, b1, W2, damping, lambda v: np.clip(v, 0, 1) / 2)),
    ("12.1", "wrong", "clipped otherwise", lambda x, s1, s2, W1, b1, W2, damping:
        settle_hidden_with(x, s1, s2, W1, b1, W2, damping, lambda v: np.maximum(v / 2, 0))),
    ("12.1", "wrong", "clipped otherwise", lambda x, s1, s2, W1, b1, W2, damping:
        settle_hidden_with(x, s1, s2, W1, b1, W2, damping, lambda v: np.minimum(v / 2, 1))),
    ("12.1", "wrong", "clipped otherwise", lambda x, s1, s2, W1, b1, W2, damping:
        np.clip(damping * s1 + (1 - damping) * (x @ W1.T + b1 + s2 @ W2) / 2, 0, 1)),
    ("12.1", "wrong", "constant of the example", lambda x, s1, s2, W1, b1, W2, damping:
        settle_hidden(x, s1, s2, W1, b1, W2, 0.3)),
    ("12.1", "wrong", "argument changed", settle_hidden_in_place),
    ("12.1", "wrong", "squeezed", lambda x, s1, s2, W1, b1, W2, damping:
        settle_hidden(x, s1, s2, W1, b1, W2, damping).squeeze()),
    ("12.2", "right", "", symmetric_estimate),
    ("12.2", "right", "", symmetric_estimate_by_loops),
    ("12.2", "right", "", symmetric_estimate_by_einsum),
    ("12.2", "wrong", "sign", lambda below_plus, plus, below_minus, minus, beta:
        symmetric_estimate(below_plus, plus, below_minus, minus, -beta)),
    ("12.2", "wrong", "factor left out", lambda below_plus, plus, below_minus, minus, beta:
        symmetric_estimate(below_plus, plus, below_minus, minus, beta / 2)),
    ("12.2", "wrong", "other phase left out", lambda below_plus, plus, below_minus, minus, beta:
        -product(plus, below_plus) / (2 * beta)),
    ("12.2", "wrong", "sign of one term", lambda below_plus, plus, below_minus, minus, beta:
        -(product(plus, below_plus) + product(minus, below_minus)) / (2 * beta)),
    ("12.2", "wrong", "other phase's input", lambda below_plus, plus, below_minus, minus, beta:
        symmetric_estimate(below_plus, plus, below_plus, minus, beta)),
    ("12.2", "wrong", "operations in another order", estimate_of_differences),
    ("12.2", "wrong", "other phase's input", estimate_with_the_mean_below),
    ("12.2", "wrong", "1/N missing", lambda below_plus, plus, below_minus, minus, beta:
        len(plus) * symmetric_estimate(below_plus, plus, below_minus, minus, beta)),
    ("12.2", "wrong", "1/N twice", lambda below_plus, plus, below_minus, minus, beta:
        symmetric_estimate(below_plus, plus, below_minus, minus, beta) / len(plus)),
    ("12.2", "wrong", "step size left out", lambda below_plus, plus, below_minus, minus, beta:
        symmetric_estimate(below_plus, plus, below_minus, minus, 1)),
    ("12.2", "wrong", "constant of the example", lambda below_plus, plus, below_minus, minus, beta:
        symmetric_estimate(below_plus, plus, below_minus, minus, 0.5)),
    ("12.2", "wrong", "transposed", lambda below_plus, plus, below_minus, minus, beta:
        symmetric_estimate(plus, below_plus, minus, below_minus, beta)),
    ("12.2", "wrong", "squeezed", lambda below_plus, plus, below_minus, minus, beta:
        symmetric_estimate(below_plus, plus, below_minus, minus, beta).squeeze()),
]
