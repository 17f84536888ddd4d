"""Answers to the exercises of lesson 1, written from its text alone."""

import numpy as np

import feedbackalign as fa


def hidden_error(error, weight, v):
    return (error @ weight) * (1 - np.tanh(v)**2)


def hidden_error_by_loops(error, weight, v):
    sent = np.zeros(v.shape)
    for n, i in np.ndindex(*v.shape):
        for o in range(len(weight)):
            sent[n, i] += error[n, o] * weight[o, i] / np.cosh(v[n, i])**2
    return sent


def hidden_error_assigned(error, weight, v):
    sent = np.zeros(v.shape)
    for o in range(len(weight)):
        sent = error[:, o:o + 1] * weight[o] * (1 - np.tanh(v)**2)
    return sent


def hidden_error_without_the_last(error, weight, v):
    sent = np.zeros(v.shape)
    for o in range(len(weight) - 1):
        sent += error[:, o:o + 1] * weight[o] * (1 - np.tanh(v)**2)
    return sent


def hidden_error_in_place(error, weight, v):
    np.tanh(v, out=v)
    return (error @ weight) * (1 - v**2)


def two_layer_gradients(x, targets, W1, W2, slope=lambda v, h: 1 - h**2):
    v = x @ W1.T
    h = np.tanh(v)
    e2 = (h @ W2.T - targets) / len(x)
    e1 = (e2 @ W2) * slope(v, h)
    return e1.T @ x, e2.T @ h


def two_layer_gradients_by_sample(x, targets, W1, W2):
    dW1, dW2 = np.zeros(W1.shape), np.zeros(W2.shape)
    for sample, target in zip(x, targets):
        h = np.tanh(W1 @ sample)
        e2 = W2 @ h - target
        dW2 += np.outer(e2, h) / np.float64(len(x))
        dW1 += np.outer(W2.T @ e2 * (1 - h) * (1 + h), sample) / np.float64(len(x))
    return dW1, dW2


def two_layer_gradients_without_1_over_N(x, targets, W1, W2):
    h = np.tanh(x @ W1.T)
    e2 = h @ W2.T - targets
    return ((e2 @ W2) * (1 - h**2)).T @ x, e2.T @ h


def two_layer_gradients_of_a_linear_hidden_layer(x, targets, W1, W2):
    h = x @ W1.T
    e2 = (np.tanh(h) @ W2.T - targets) / len(x)
    return ((e2 @ W2) * (1 - np.tanh(h)**2)).T @ x, e2.T @ h


def two_layer_gradients_after_a_step(x, targets, W1, W2):
    dW2 = two_layer_gradients(x, targets, W1, W2)[1]
    return two_layer_gradients(x, targets, W1, W2 - dW2)[0], dW2


ANSWERS = [
    ("1.1", "right", "", hidden_error),
    ("1.1", "right", "", hidden_error_by_loops),
    ("1.1", "right", "", lambda error, weight, v:
        np.einsum("no,oi,ni->ni", error, weight, np.float32(1) - np.tanh(v)**2)),
    ("1.1", "right", "", lambda error, weight, v:
        fa.ops.linear.linear_transport(error, weight) * fa.ops.activations.tanh_derivative(v)),
    ("1.1", "wrong", "slope forgotten", lambda error, weight, v: error @ weight),
    ("1.1", "wrong", "slope applied twice", lambda error, weight, v: (error @ weight) * (1 - np.tanh(v)**2)**2),
    ("1.1", "wrong", "slope of the wrong quantity", lambda error, weight, v: (error @ weight) * (1 - v**2)),
    ("1.1", "wrong", "slope of another unit", lambda error, weight, v: (error @ weight) * (v > 0)),
    ("1.1", "wrong", "unit for its slope", lambda error, weight, v: (error @ weight) * np.tanh(v)),
    ("1.1", "wrong", "1/N twice", lambda error, weight, v: hidden_error(error, weight, v) / len(v)),
    ("1.1", "wrong", "squeezed", lambda error, weight, v: hidden_error(error, weight, v).squeeze()),
    ("1.1", "wrong", "transposed", lambda error, weight, v: hidden_error(error, weight, v).T),
    ("1.1", "wrong", "assigned for added", hidden_error_assigned),
    ("1.1", "wrong", "last term left out", hidden_error_without_the_last),
    ("1.1", "wrong", "argument changed", hidden_error_in_place),
    ("1.1", "wrong", "mean for a sum", lambda error, weight, v: hidden_error(error, weight, v) / len(weight)),
    ("1.2", "right", "", two_layer_gradients),
    ("1.2", "right", "", two_layer_gradients_by_sample),
    ("1.2", "wrong", "1/N missing", two_layer_gradients_without_1_over_N),
    ("1.2", "wrong", "1/N twice", lambda x, targets, W1, W2:
        tuple(gradient / len(x) for gradient in two_layer_gradients(x, targets, W1, W2))),
    ("1.2", "wrong", "1/N of the wrong N", lambda x, targets, W1, W2:
        tuple(gradient * len(x) / targets.size for gradient in two_layer_gradients(x, targets, W1, W2))),
    ("1.2", "wrong", "constant of the example", lambda x, targets, W1, W2:
        tuple(gradient * len(x) / 6 for gradient in two_layer_gradients(x, targets, W1, W2))),
    ("1.2", "wrong", "slope forgotten", lambda x, targets, W1, W2:
        two_layer_gradients(x, targets, W1, W2, lambda v, h: 1)),
    ("1.2", "wrong", "slope of the wrong quantity", lambda x, targets, W1, W2:
        two_layer_gradients(x, targets, W1, W2, lambda v, h: 1 - np.tanh(h)**2)),
    ("1.2", "wrong", "unit forgotten", two_layer_gradients_of_a_linear_hidden_layer),
    ("1.2", "wrong", "sign", lambda x, targets, W1, W2:
        tuple(-gradient for gradient in two_layer_gradients(x, targets, W1, W2))),
    ("1.2", "wrong", "answers in another order", lambda x, targets, W1, W2:
        two_layer_gradients(x, targets, W1, W2)[::-1]),
    ("1.2", "wrong", "new value for the old", two_layer_gradients_after_a_step),
    ("1.2", "wrong", "factor left out", lambda x, targets, W1, W2:
        tuple(2 * gradient for gradient in two_layer_gradients(x, targets, W1, W2))),
    ("1.2", "wrong", "squeezed", lambda x, targets, W1, W2:
        tuple(gradient.squeeze() for gradient in two_layer_gradients(x, targets, W1, W2))),
]
