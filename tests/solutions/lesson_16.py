"""Lesson 16, layers that predict each other."""

import numpy as np


def sweep(x, u1, u2, W1, W2, Wb, eta, epsilon):
    v, w = x @ W1.T, np.clip(u2, 0, 1) @ Wb
    u1 = u1 + eta * (v + w - 2 * u1) / epsilon
    v = np.clip(u1, 0, 1) @ W2.T
    u2 = u2 + eta * (v - u2) / epsilon - eta * u2
    return np.concatenate([u1, u2], axis=1)


def sweep_by_neurons(x, u1, u2, W1, W2, Wb, eta, epsilon):
    def rate(u):
        return min(max(u, 0.0), 1.0)
    new = np.empty((len(x), u1.shape[1] + u2.shape[1]))
    for n in range(len(x)):
        for i in range(u1.shape[1]):
            basal = sum(W1[i, j] * x[n, j] for j in range(x.shape[1]))
            apical = sum(rate(u2[n, k]) * Wb[k, i] for k in range(u2.shape[1]))
            new[n, i] = u1[n, i] + eta * ((basal - u1[n, i]) / epsilon + (apical - u1[n, i]) / epsilon)
        for k in range(u2.shape[1]):
            basal = sum(W2[k, i] * rate(new[n, i]) for i in range(u1.shape[1]))
            new[n, u1.shape[1] + k] = u2[n, k] + eta * ((basal - u2[n, k]) / epsilon - u2[n, k])
    return new


def backward_predictor_gradient(free_below, free, nudged_below, nudged, Wb, beta):
    free_error, nudged_error = free_below - free @ Wb, nudged_below - nudged @ Wb
    return (free.T @ free_error - nudged.T @ nudged_error) / beta / len(free)


def backward_predictor_gradient_by_samples(free_below, free, nudged_below, nudged, Wb, beta):
    total = np.zeros_like(Wb)
    for n in range(len(free)):
        total += np.outer(nudged[n], nudged_below[n] - nudged[n] @ Wb)
        total -= np.outer(free[n], free_below[n] - free[n] @ Wb)
    return -total / (beta * len(free))
