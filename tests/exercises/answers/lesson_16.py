"""Answers to the exercises of lesson 16, written from its text alone."""

import numpy as np


def rate(u):
    return np.clip(u, 0, 1)


def sweep(x, u1, u2, W1, W2, Wb, eta, epsilon):
    v, w = x @ W1.T, rate(u2) @ Wb
    new1 = u1 + eta * ((v - u1) + (w - u1)) / epsilon
    new2 = u2 + eta * ((rate(new1) @ W2.T - u2) / epsilon - u2)
    return np.concatenate([new1, new2], axis=1)


def sweep_by_loops(x, u1, u2, W1, W2, Wb, eta, epsilon):
    new = np.hstack([u1, u2])
    hidden = u1.shape[1]
    for n in range(len(x)):
        for i in range(hidden):
            v, w = W1[i] @ x[n], Wb[:, i] @ rate(u2[n])
            new[n, i] += eta * (v + w - 2 * u1[n, i]) / epsilon
        for o in range(len(W2)):
            v = W2[o] @ rate(new[n, :hidden])
            new[n, hidden + o] += eta * ((v - u2[n, o]) / epsilon - u2[n, o])
    return new


def sweep_by_shares(x, u1, u2, W1, W2, Wb, eta, epsilon):
    share = np.float64(eta) / epsilon
    new1 = (1 - 2 * share) * u1 + share * (np.einsum("ni,hi->nh", x, W1) + np.einsum("no,oh->nh", rate(u2), Wb))
    new2 = (1 - share - eta) * u2 + share * np.einsum("nh,oh->no", np.minimum(np.maximum(new1, 0), 1), W2)
    return np.hstack((new1, new2))


def wrong_sweep(x, u1, u2, W1, W2, Wb, eta, epsilon, *, rates_above=rate, rates_below=rate, old=False, leak=1.0,
                from_above=1.0, clipped=False):
    """The right sweep, with one of its parts in another way."""
    new1 = u1 + eta * ((x @ W1.T - u1) + from_above * (rates_above(u2) @ Wb - u1)) / epsilon
    new2 = u2 + eta * ((rates_below(u1 if old else new1) @ W2.T - u2) / epsilon - leak * u2)
    both = np.concatenate([new1, new2], axis=1)
    return rate(both) if clipped else both


def sweep_in_place(x, u1, u2, W1, W2, Wb, eta, epsilon):
    u1 += eta * ((x @ W1.T - u1) + (rate(u2) @ Wb - u1)) / epsilon
    u2 += eta * ((rate(u1) @ W2.T - u2) / epsilon - u2)
    return np.hstack([u1, u2])


def sweep_in_two_halves(x, u1, u2, W1, W2, Wb, eta, epsilon):
    half = u1 + eta * (x @ W1.T - u1) / epsilon
    new1 = half + eta * (rate(u2) @ Wb - half) / epsilon
    return np.hstack([new1, u2 + eta * ((rate(new1) @ W2.T - u2) / epsilon - u2)])


def sweep_from_the_top(x, u1, u2, W1, W2, Wb, eta, epsilon):
    new2 = u2 + eta * ((rate(u1) @ W2.T - u2) / epsilon - u2)
    new1 = u1 + eta * ((x @ W1.T - u1) + (rate(new2) @ Wb - u1)) / epsilon
    return np.hstack([new1, new2])


def backward_predictor_gradient(free_below, free, nudged_below, nudged, Wb, beta):
    def at_synapses(below, rates):
        return rates.T @ (below - rates @ Wb)
    return -(at_synapses(nudged_below, nudged) - at_synapses(free_below, free)) / (beta * len(free))


def backward_predictor_gradient_by_loops(free_below, free, nudged_below, nudged, Wb, beta):
    gradient = np.zeros(Wb.shape)
    for n in range(len(free)):
        gradient += np.outer(free[n], free_below[n] - free[n] @ Wb)
        gradient -= np.outer(nudged[n], nudged_below[n] - nudged[n] @ Wb)
    return gradient / beta / len(free)


def backward_predictor_gradient_by_moments(free_below, free, nudged_below, nudged, Wb, beta):
    mixed = np.einsum("na,nb->ab", nudged, nudged_below) - np.einsum("na,nb->ab", free, free_below)
    own = nudged.T @ nudged - free.T @ free
    return (own @ Wb - mixed) / np.float64(beta * free.shape[0])


def gradient_of_differences(free_below, free, nudged_below, nudged, Wb, beta):
    rates = nudged - free
    return -rates.T @ (nudged_below - free_below - rates @ Wb) / (beta * len(free))


def gradient_with_free_rates(free_below, free, nudged_below, nudged, Wb, beta):
    change = (nudged_below - nudged @ Wb) - (free_below - free @ Wb)
    return -free.T @ change / (beta * len(free))


def gradient_assigned(free_below, free, nudged_below, nudged, Wb, beta):
    for n in range(len(free)):
        gradient = np.outer(free[n], free_below[n] - free[n] @ Wb)
        gradient -= np.outer(nudged[n], nudged_below[n] - nudged[n] @ Wb)
    return gradient / (beta * len(free))


ANSWERS = [
    ("16.1", "right", "", sweep),
    ("16.1", "right", "", sweep_by_loops),
    ("16.1", "right", "", sweep_by_shares),
    ("16.1", "wrong", "argument changed", sweep_in_place),
    ("16.1", "wrong", "new value for the old", sweep_in_two_halves),
    ("16.1", "wrong", "another order", sweep_from_the_top),
    ("16.1", "wrong", "old value for the new", lambda *arguments: wrong_sweep(*arguments, old=True)),
    ("16.1", "wrong", "unit forgotten", lambda *arguments: wrong_sweep(*arguments, rates_below=lambda u: u)),
    ("16.1", "wrong", "unit forgotten", lambda *arguments: wrong_sweep(*arguments, rates_above=lambda u: u)),
    ("16.1", "wrong", "clipped otherwise", lambda *arguments:
        wrong_sweep(*arguments, rates_below=lambda u: np.maximum(u, 0))),
    ("16.1", "wrong", "clipped otherwise", lambda *arguments: wrong_sweep(*arguments, clipped=True)),
    ("16.1", "wrong", "term left out", lambda *arguments: wrong_sweep(*arguments, leak=0.0)),
    ("16.1", "wrong", "sign of one term", lambda *arguments: wrong_sweep(*arguments, leak=-1.0)),
    ("16.1", "wrong", "term left out", lambda *arguments: wrong_sweep(*arguments, from_above=0.0)),
    ("16.1", "wrong", "sign", lambda *arguments: wrong_sweep(*arguments, from_above=-1.0)),
    ("16.1", "wrong", "W in the place of B", lambda x, u1, u2, W1, W2, Wb, eta, epsilon:
        sweep(x, u1, u2, W1, W2, W2, eta, epsilon)),
    ("16.1", "wrong", "constant of the example", lambda x, u1, u2, W1, W2, Wb, eta, epsilon:
        sweep(x, u1, u2, W1, W2, Wb, 0.05, 0.15)),
    ("16.1", "wrong", "answers in another order", lambda x, u1, u2, *rest:
        np.hstack(np.split(sweep(x, u1, u2, *rest), [u1.shape[1]], axis=1)[::-1])),
    ("16.1", "wrong", "squeezed", lambda *arguments: sweep(*arguments).squeeze()),
    ("16.2", "right", "", backward_predictor_gradient),
    ("16.2", "right", "", backward_predictor_gradient_by_loops),
    ("16.2", "right", "", backward_predictor_gradient_by_moments),
    ("16.2", "wrong", "operations in another order", gradient_of_differences),
    ("16.2", "wrong", "other phase's input", gradient_with_free_rates),
    ("16.2", "wrong", "assigned for added", gradient_assigned),
    ("16.2", "wrong", "other phase left out", lambda free_below, free, nudged_below, nudged, Wb, beta:
        -nudged.T @ (nudged_below - nudged @ Wb) / (beta * len(free))),
    ("16.2", "wrong", "term left out", lambda free_below, free, nudged_below, nudged, Wb, beta:
        -(nudged.T @ nudged_below - free.T @ free_below) / (beta * len(free))),
    ("16.2", "wrong", "sign", lambda free_below, free, nudged_below, nudged, Wb, beta:
        backward_predictor_gradient(nudged_below, nudged, free_below, free, Wb, beta)),
    ("16.2", "wrong", "sign of one term", lambda free_below, free, nudged_below, nudged, Wb, beta:
        backward_predictor_gradient(free_below, free, nudged_below, nudged, -Wb, beta)),
    ("16.2", "wrong", "abs where a sign belongs", lambda free_below, free, nudged_below, nudged, Wb, beta:
        backward_predictor_gradient(free_below, free, nudged_below, nudged, Wb, abs(beta))),
    ("16.2", "wrong", "step size left out", lambda free_below, free, nudged_below, nudged, Wb, beta:
        backward_predictor_gradient(free_below, free, nudged_below, nudged, Wb, 1)),
    ("16.2", "wrong", "factor left out", lambda free_below, free, nudged_below, nudged, Wb, beta:
        backward_predictor_gradient(free_below, free, nudged_below, nudged, Wb, 2 * beta)),
    ("16.2", "wrong", "constant of the example", lambda free_below, free, nudged_below, nudged, Wb, beta:
        backward_predictor_gradient(free_below, free, nudged_below, nudged, Wb, 0.5)),
    ("16.2", "wrong", "1/N missing", lambda *arguments:
        backward_predictor_gradient(*arguments) * len(arguments[0])),
    ("16.2", "wrong", "1/N twice", lambda *arguments: backward_predictor_gradient(*arguments) / len(arguments[0])),
    ("16.2", "wrong", "transposed", lambda *arguments: backward_predictor_gradient(*arguments).T),
    ("16.2", "wrong", "squeezed", lambda *arguments: backward_predictor_gradient(*arguments).squeeze()),
]
