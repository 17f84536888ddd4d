"""Lesson 8, no symmetry anywhere."""

import numpy as np

import feedbackalign as fa


def count_reciprocal(weight, feedback):
    both = (weight != 0) & (feedback != 0)
    return both.sum() / (weight != 0).sum(), np.corrcoef(weight[both], feedback[both])[0, 1]


def count_reciprocal_by_loops(weight, feedback):
    connected, pairs = 0, []
    for w, b in zip(weight.ravel(), feedback.ravel()):
        if w:
            connected += 1
            if b:
                pairs.append((w, b))
    pairs = np.array(pairs) - np.mean(pairs, axis=0)
    (ww, wb), (_, bb) = pairs.T @ pairs
    return len(pairs) / connected, wb / np.sqrt(ww * bb)


def count_reciprocal_by_the_package(weight, feedback):
    net = fa.networks.mlp(weight.shape[::-1], rng=np.random.default_rng(0), dtype=np.float64)
    net.layer("fc1").weight[...] = weight
    rule = fa.rules.make("fa", net, rng=np.random.default_rng(1))
    rule.set_feedback("fc1", B=feedback)
    return fa.alignment.reciprocity(rule)["fc1"]


def masked_step(R, mask, B, error, x, lr, decay):
    return np.where(mask, R - lr * ((error @ B).T @ x + decay * R), 0.0)


def masked_step_by_gradient(R, mask, B, error, x, lr, decay):
    gradient = mask * (B.T @ (error.T @ x))
    return (1 - lr * decay) * R - lr * gradient
