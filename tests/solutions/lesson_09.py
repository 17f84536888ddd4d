"""Lesson 9, perturbation learning."""

import numpy as np


def weight_perturbation(loss, weight, noise, sigma):
    rose = loss(weight + sigma * noise) - loss(weight)
    return rose / sigma * noise


def weight_perturbation_in_place(loss, weight, noise, sigma):
    kept, before = weight.copy(), loss(weight)
    weight += sigma * noise
    slope = (loss(weight) - before) / sigma
    weight[...] = kept                                      # not `-=`: that would leave a rounding
    return np.array([[slope * entry for entry in row] for row in noise])


def node_perturbation(x, noise, losses, jittered_losses, sigma):
    error = noise * (jittered_losses - losses)[:, np.newaxis] / (sigma * len(x))
    return error.T @ x


def node_perturbation_by_samples(x, noise, losses, jittered_losses, sigma):
    total = np.zeros((noise.shape[1], x.shape[1]))
    for n, rose in enumerate((jittered_losses - losses) / sigma):
        total += np.outer(rose * noise[n], x[n])
    return total / len(x)
