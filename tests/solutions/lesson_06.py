"""Lesson 6, learning the feedback."""

import numpy as np

import feedbackalign as fa


def kolen_pollack_step(weight, B, error, x, lr, decay):
    gradient = error.T @ x
    return weight - lr * (gradient + decay * weight), B - lr * (gradient + decay * B)


def kolen_pollack_step_by_the_package(weight, B, error, x, lr, decay):
    net = fa.networks.mlp([weight.shape[1], len(weight)], rng=np.random.default_rng(0), dtype=np.float64)
    net.layer("fc1").weight[...] = weight
    rule = fa.rules.make("kp", net, rng=np.random.default_rng(1), route="explicit")
    rule.set_feedback("fc1", B=B)
    net.forward(x)
    step = rule.backward(error)
    fa.optimizer.SGD(lr=lr, weight_decay=decay).step(net.parameters() | rule.parameters(), step.grads)
    return net.layer("fc1").weight, rule.feedback_weights("fc1")


def mirror_step(B, weight, noise, rate, sigma):
    answer = noise @ weight.T
    return (1 - rate * sigma**2) * B + rate * answer.T @ noise / len(noise)


def mirror_step_sample_by_sample(B, weight, noise, rate, sigma):
    new = B - rate * sigma**2 * B
    for sample in noise:
        new += rate / len(noise) * np.outer(weight @ sample, sample)
    return new
