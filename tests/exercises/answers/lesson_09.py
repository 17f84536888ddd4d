"""Answers to the exercises of lesson 9, written from its text alone."""

import numpy as np


def weight_perturbation(loss, weight, noise, sigma):
    return (loss(weight + sigma * noise) - loss(weight)) * noise / sigma


def weight_perturbation_and_back(loss, weight, noise, sigma):
    before, old = loss(weight), weight.copy()
    weight += sigma * noise
    change = loss(weight) - before
    weight[...] = old
    return np.multiply(change / sigma, noise)


def weight_perturbation_by_loops(loss, weight, noise, sigma):
    moved = np.array([[w + sigma * xi for w, xi in zip(*rows)] for rows in zip(weight, noise)])
    slope = (loss(moved) - loss(np.array(weight))) / sigma
    return np.array([[slope * xi for xi in row] for row in noise])


def weight_perturbation_in_place(loss, weight, noise, sigma):
    before = loss(weight)
    weight += sigma * noise
    return (loss(weight) - before) * noise / sigma


def weight_perturbation_nearly_back(loss, weight, noise, sigma):
    before = loss(weight)
    weight += sigma * noise
    change = loss(weight) - before
    weight -= sigma * noise
    return change * noise / sigma


def weight_perturbation_entry_by_entry(loss, weight, noise, sigma):
    slopes = np.zeros(weight.shape)
    for entry in np.ndindex(*weight.shape):
        moved = weight.copy()
        moved[entry] += sigma
        slopes[entry] = (loss(moved) - loss(weight)) / sigma
    return slopes


def central_difference(loss, weight, noise, sigma):
    return (loss(weight + sigma * noise) - loss(weight - sigma * noise)) / (2 * sigma) * noise


def scaled_perturbation(loss, weight, noise, sigma, factor):
    return factor * weight_perturbation(loss, weight, noise, sigma)


def node_perturbation(x, noise, losses, jittered_losses, sigma):
    change = (jittered_losses - losses)[:, None]
    return (change * noise / (sigma * len(x))).T @ x


def node_perturbation_by_loops(x, noise, losses, jittered_losses, sigma):
    gradient = np.zeros((noise.shape[1], x.shape[1]))
    for n in range(len(x)):
        gradient += (jittered_losses[n] - losses[n]) / sigma * np.outer(noise[n], x[n])
    return gradient / len(x)


def node_perturbation_by_einsum(x, noise, losses, jittered_losses, sigma):
    return np.einsum("n,no,ni->oi", jittered_losses - losses, noise, x) / np.float64(sigma * x.shape[0])


def node_perturbation_assigned(x, noise, losses, jittered_losses, sigma):
    for n in range(len(x)):
        gradient = (jittered_losses[n] - losses[n]) * np.outer(noise[n], x[n]) / (sigma * len(x))
    return gradient


def node_perturbation_of_means(x, noise, losses, jittered_losses, sigma):
    return (jittered_losses.mean() - losses.mean()) * noise.T @ x / sigma


def node_perturbation_without_the_first(x, noise, losses, jittered_losses, sigma):
    return sum((jittered_losses[n] - losses[n]) * np.outer(noise[n], x[n]) for n in range(1, len(x))) / (sigma * len(x))


ANSWERS = [
    ("9.1", "right", "", weight_perturbation),
    ("9.1", "right", "", weight_perturbation_and_back),
    ("9.1", "right", "", weight_perturbation_by_loops),
    ("9.1", "wrong", "argument changed", weight_perturbation_in_place),
    ("9.1", "wrong", "argument changed", weight_perturbation_nearly_back),
    ("9.1", "wrong", "another estimate", weight_perturbation_entry_by_entry),
    ("9.1", "wrong", "another estimate", central_difference),
    ("9.1", "wrong", "term left out", lambda loss, weight, noise, sigma:
        loss(weight + sigma * noise) * noise / sigma),
    ("9.1", "wrong", "step size left out", lambda loss, weight, noise, sigma:
        (loss(weight + noise) - loss(weight)) * noise),
    ("9.1", "wrong", "step size left out", lambda loss, weight, noise, sigma:
        (loss(weight + noise) - loss(weight)) * noise / sigma),
    ("9.1", "wrong", "step size left out", lambda loss, weight, noise, sigma:
        scaled_perturbation(loss, weight, noise, sigma, sigma)),
    ("9.1", "wrong", "factor squared", lambda loss, weight, noise, sigma:
        scaled_perturbation(loss, weight, noise, sigma, 1 / sigma)),
    ("9.1", "wrong", "factor too many", lambda loss, weight, noise, sigma:
        (loss(weight + sigma * noise) - loss(weight)) / (sigma * noise)),
    ("9.1", "wrong", "factor too many", lambda loss, weight, noise, sigma:
        scaled_perturbation(loss, weight, noise, sigma, 1 / np.vdot(noise, noise))),
    ("9.1", "wrong", "size or sign alone", lambda loss, weight, noise, sigma:
        (loss(weight + sigma * noise) - loss(weight)) * np.sign(noise) / sigma),
    ("9.1", "wrong", "sign", lambda loss, weight, noise, sigma: -weight_perturbation(loss, weight, noise, sigma)),
    ("9.1", "wrong", "abs where a sign belongs", lambda loss, weight, noise, sigma:
        abs(loss(weight + sigma * noise) - loss(weight)) * noise / sigma),
    ("9.1", "wrong", "clipped where a sign belongs", lambda loss, weight, noise, sigma:
        max(loss(weight + sigma * noise) - loss(weight), 0) * noise / sigma),
    ("9.1", "wrong", "constant of the example", lambda loss, weight, noise, sigma:
        (loss(weight + sigma * noise) - loss(weight)) * noise / 0.1),
    ("9.1", "wrong", "epsilon in a denominator", lambda loss, weight, noise, sigma:
        (loss(weight + sigma * noise) - loss(weight)) * noise / (sigma + 1e-8)),
    ("9.1", "wrong", "squeezed", lambda loss, weight, noise, sigma:
        weight_perturbation(loss, weight, noise, sigma).squeeze()),
    ("9.2", "right", "", node_perturbation),
    ("9.2", "right", "", node_perturbation_by_loops),
    ("9.2", "right", "", node_perturbation_by_einsum),
    ("9.2", "wrong", "1/N missing", lambda x, noise, losses, jittered_losses, sigma:
        len(x) * node_perturbation(x, noise, losses, jittered_losses, sigma)),
    ("9.2", "wrong", "1/N twice", lambda x, noise, losses, jittered_losses, sigma:
        node_perturbation(x, noise, losses, jittered_losses, sigma) / len(x)),
    ("9.2", "wrong", "mean for every one", node_perturbation_of_means),
    ("9.2", "wrong", "broadcast over the wrong axis", lambda x, noise, losses, jittered_losses, sigma:
        ((jittered_losses - losses) * noise / (sigma * len(x))).T @ x),
    ("9.2", "wrong", "assigned for added", node_perturbation_assigned),
    ("9.2", "wrong", "first term left out", node_perturbation_without_the_first),
    ("9.2", "wrong", "term left out", lambda x, noise, losses, jittered_losses, sigma:
        node_perturbation(x, noise, 0, jittered_losses, sigma)),
    ("9.2", "wrong", "sign", lambda x, noise, losses, jittered_losses, sigma:
        node_perturbation(x, noise, jittered_losses, losses, sigma)),
    ("9.2", "wrong", "abs where a sign belongs", lambda x, noise, losses, jittered_losses, sigma:
        node_perturbation(x, noise, 0, np.abs(jittered_losses - losses), sigma)),
    ("9.2", "wrong", "step size left out", lambda x, noise, losses, jittered_losses, sigma:
        node_perturbation(x, noise, losses, jittered_losses, 1)),
    ("9.2", "wrong", "factor squared", lambda x, noise, losses, jittered_losses, sigma:
        node_perturbation(x, noise, losses, jittered_losses, sigma**2)),
    ("9.2", "wrong", "constant of the example", lambda x, noise, losses, jittered_losses, sigma:
        node_perturbation(x, noise, losses, jittered_losses, 0.1)),
    ("9.2", "wrong", "transposed", lambda x, noise, losses, jittered_losses, sigma:
        node_perturbation(x, noise, losses, jittered_losses, sigma).T),
    ("9.2", "wrong", "squeezed", lambda x, noise, losses, jittered_losses, sigma:
        node_perturbation(x, noise, losses, jittered_losses, sigma).squeeze()),
]
