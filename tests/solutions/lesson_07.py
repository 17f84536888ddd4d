"""Lesson 7, product feedback alignment."""

import numpy as np

import feedbackalign as fa


def product_feedback(x, error, weight, B, R):
    return error @ B @ R, error.T @ x, B.T @ (error.T @ x)


def product_feedback_by_the_package(x, error, weight, B, R):
    net = fa.networks.Network([fa.layers.Tanh(), fa.layers.Linear(x.shape[1], error.shape[1], dtype=np.float64,
                                                                  rng=np.random.default_rng(0))])
    expansion = B.shape[1] // len(B)
    rule = fa.rules.make("pfa", net, rng=np.random.default_rng(1), expansion=expansion, route="two-hop")
    rule.set_feedback("fc1", B=B, R=R)
    layer = net.layer("fc1")
    layer.forward(x)
    local = layer.local_gradients(error)
    return rule.send_back(layer, error), local["weight"], rule.learn_feedback(layer, error, local)["fc1.R"]


def echo_of_the_start(lrs, decays, momentum):
    c, v, echo = 1.0, 0.0, []
    for eta, decay in zip(lrs, decays):
        v = momentum * v + decay * c
        c = c - eta * v
        echo.append(c)
    return np.array(echo)


def echo_by_matrices(lrs, decays, momentum):
    state, echo = np.array([1.0, 0.0]), np.empty(len(lrs))                          # (c, v)
    for step in range(len(lrs)):
        state = np.array([[1, -lrs[step]], [0, 1]]) @ np.array([[1, 0], [decays[step], momentum]]) @ state
        echo[step] = state[0]
    return echo
