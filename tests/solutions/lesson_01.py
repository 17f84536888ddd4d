"""Lesson 1, backprop by hand."""

import numpy as np

import feedbackalign as fa


def hidden_error(error, weight, v):
    return error @ weight * (1 - np.tanh(v)**2)


def hidden_error_by_loops(error, weight, v):
    answer = np.zeros(v.shape)
    for n, i in np.ndindex(*v.shape):
        answer[n, i] = sum(error[n, o] * weight[o, i] for o in range(len(weight))) / np.cosh(v[n, i])**2
    return answer


def two_layer_gradients(x, targets, W1, W2):
    h = np.tanh(x @ W1.T)
    error = (h @ W2.T - targets) / len(x)
    return (error @ W2 * (1 - h**2)).T @ x, error.T @ h


def two_layer_gradients_by_the_package(x, targets, W1, W2):
    net = fa.networks.mlp([W1.shape[1], *W2.shape[::-1]], activation="tanh", loss="squared-error", bias=False,
                          rng=np.random.default_rng(0), dtype=np.float64)
    net.layer("fc1").weight[...] = W1
    net.layer("fc2").weight[...] = W2
    _, error = net.loss_and_error(net.forward(x), targets)
    gradients = net.backward(error)
    return gradients["fc1.weight"], gradients["fc2.weight"]
