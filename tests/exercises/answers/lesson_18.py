"""Answers to the exercises of lesson 18, written from its text alone."""

import numpy as np

import feedbackalign as fa


def first_spike(times, w, threshold):
    found = np.zeros(len(times))
    for n, row in enumerate(times):
        order = np.argsort(row)
        starts, sums = row[order], np.cumsum(w[order])
        moments, ends = np.cumsum(w[order] * row[order]), [*row[order][1:], np.inf]
        for start, end, S, moment in zip(starts, ends, sums, moments):
            if S > 0 and start <= (threshold + moment) / S <= end:
                found[n] = (threshold + moment) / S
                break
    return found


def potential(t, row, w):
    return w @ np.maximum(t - row, 0)


def first_spike_by_potentials(times, w, threshold):
    found = []
    for row in times:
        before = row.min()
        for t in [*np.sort(row)[1:], np.inf]:
            if not np.isfinite(t) or potential(t, row, w) >= threshold:
                slope = w[row <= before].sum()
                found.append(before + (threshold - potential(before, row, w)) / slope)
                break
            before = t
    return np.array(found)


def first_spike_of_arrays(times, w, threshold):
    order = np.argsort(times, axis=1)
    starts, weights = np.take_along_axis(times, order, axis=1), w[order]
    S = np.cumsum(weights, axis=1)
    crossings = threshold + np.cumsum(weights * starts, axis=1)
    crossings = np.divide(crossings, S, out=np.full(S.shape, np.inf), where=S > 0)
    ends = np.hstack([starts[:, 1:], np.full((len(times), 1), np.inf)])
    possible = (starts <= crossings) & (crossings <= ends)
    return crossings[np.arange(len(times)), possible.argmax(axis=1)]


def spike_as_if_all_had_come(times, w, threshold):
    return (threshold + times @ w) / w.sum()


def last_possible_spike(times, w, threshold):
    found = first_spike(times, w, threshold)
    for n, row in enumerate(times):
        last = np.max(row)
        if potential(last, row, w) < threshold:
            found[n] = (threshold + w @ row) / w.sum()
    return found


def spike_without_looking_back(times, w, threshold):
    order = np.argsort(times, axis=1)
    starts, weights = np.take_along_axis(times, order, axis=1), w[order]
    S = np.cumsum(weights, axis=1)
    crossings = np.where(S > 0, (threshold + np.cumsum(weights * starts, axis=1)) / np.where(S > 0, S, 1), np.inf)
    ends = np.hstack([starts[:, 1:], np.full((len(times), 1), np.inf)])
    return np.where(crossings <= ends, crossings, np.inf).min(axis=1)


def smallest_crossing(times, w, threshold):
    order = np.argsort(times, axis=1)
    starts, weights = np.take_along_axis(times, order, axis=1), w[order]
    S, moments = np.cumsum(weights, axis=1), np.cumsum(weights * starts, axis=1)
    return np.where(S > 0, (threshold + moments) / np.where(S > 0, S, 1), np.inf).min(axis=1)


def spike_in_the_given_order(times, w, threshold):
    found = np.zeros(len(times))
    for n, row in enumerate(times):
        S = moment = 0.0
        for j in range(len(w)):
            S, moment = S + w[j], moment + w[j] * row[j]
            found[n] = (threshold + moment) / S
            if S > 0 and (j == len(w) - 1 or found[n] <= row[j + 1]):
                break
    return found


def spike_on_a_grid(times, w, threshold):
    found = np.zeros(len(times))
    for n, row in enumerate(times):
        grid = np.linspace(row.min(), spike_as_if_all_had_come(times, w, threshold)[n] + row.max(), 2001)
        V = np.maximum(grid[:, None] - row, 0) @ w
        found[n] = grid[np.argmax(threshold <= V)]
    return found


def sorted_in_place(times, w, threshold):
    found = first_spike(times, w, threshold)
    times.sort(axis=1)
    return found


def output_errors(labels, spikes, beta):
    p = fa.ops.losses.softmax(-beta * spikes)
    return beta * (np.eye(spikes.shape[1])[labels] - p) / len(labels)


def error_at_inputs(labels, spikes, times, W, beta):
    e = output_errors(labels, spikes, beta)
    before = times[:, None, :] < spikes[:, :, None]             # (N, out, in)
    weights = before * W
    S = weights.sum(axis=2)
    return ((e / S)[:, :, None] * weights).sum(axis=1)


def error_at_inputs_by_loops(labels, spikes, times, W, beta):
    below = np.zeros(times.shape)
    for n in range(len(labels)):
        odds = np.exp(-beta * (spikes[n] - spikes[n].min()))
        for i in range(len(W)):
            C = times[n] < spikes[n, i]
            e = beta * (float(i == labels[n]) - odds[i] / odds.sum())
            below[n] += np.where(C, e * W[i] / W[i, C].sum(), 0)
    return below / len(labels)


def error_at_inputs_by_einsum(labels, spikes, times, W, beta):
    e = -beta * fa.ops.losses.cross_entropy_error(-beta * spikes, labels) / np.float64(len(labels))
    came = np.less(times[:, None], spikes[:, :, None]).astype(np.float64)
    S = np.einsum("noi,oi->no", came, W)
    return np.einsum("no,noi,oi->ni", e / S, came, W)


def wrong_error(labels, spikes, times, W, beta, *, e=None, came=None, S=None):
    """The right error at the inputs, with one of its parts in another way."""
    e = output_errors(labels, spikes, beta) if e is None else e
    came = times[:, None, :] < spikes[:, :, None] if came is None else came
    weights = came * W
    S = weights.sum(axis=2) if S is None else S(weights)
    return ((e / S)[:, :, None] * weights).sum(axis=1)


def error_assigned(labels, spikes, times, W, beta):
    e = output_errors(labels, spikes, beta)
    for i in range(len(W)):
        C = times < spikes[:, i:i + 1]
        below = np.where(C, e[:, i:i + 1] * W[i] / (C * W[i]).sum(axis=1, keepdims=True), 0)
    return below


ANSWERS = [
    ("18.1", "right", "", first_spike),
    ("18.1", "right", "", first_spike_by_potentials),
    ("18.1", "right", "", first_spike_of_arrays),
    ("18.1", "wrong", "inputs that come later counted", spike_as_if_all_had_come),
    ("18.1", "wrong", "another crossing", last_possible_spike),
    ("18.1", "wrong", "another crossing", spike_without_looking_back),
    ("18.1", "wrong", "another crossing", smallest_crossing),
    ("18.1", "wrong", "another order", spike_in_the_given_order),
    ("18.1", "wrong", "another order", lambda times, w, threshold:
        first_spike(np.sort(times, axis=1), w, threshold)),
    ("18.1", "wrong", "another crossing", spike_on_a_grid),
    ("18.1", "wrong", "argument changed", sorted_in_place),
    ("18.1", "wrong", "constant of the example", lambda times, w, threshold: first_spike(times, w, 0.05)),
    ("18.1", "wrong", "constant of the lesson", lambda times, w, threshold: first_spike(times, w, 1.0)),
    ("18.1", "wrong", "one sign alone", lambda times, w, threshold:
        first_spike(times, np.maximum(w, 0), threshold)),
    ("18.1", "wrong", "abs where a sign belongs", lambda times, w, threshold:
        first_spike(times, np.abs(w), threshold)),
    ("18.1", "wrong", "term left out", lambda times, w, threshold: first_spike(times, w, 0.0)),
    ("18.1", "wrong", "first value for all", lambda times, w, threshold:
        np.full(len(times), first_spike(times[:1], w, threshold)[0])),
    ("18.1", "wrong", "squeezed", lambda times, w, threshold: first_spike(times, w, threshold).squeeze()),
    ("18.2", "right", "", error_at_inputs),
    ("18.2", "right", "", error_at_inputs_by_loops),
    ("18.2", "right", "", error_at_inputs_by_einsum),
    ("18.2", "wrong", "assigned for added", error_assigned),
    ("18.2", "wrong", "sign", lambda *arguments: -error_at_inputs(*arguments)),
    ("18.2", "wrong", "1/N missing", lambda *arguments: error_at_inputs(*arguments) * len(arguments[0])),
    ("18.2", "wrong", "1/N twice", lambda *arguments: error_at_inputs(*arguments) / len(arguments[0])),
    ("18.2", "wrong", "inputs that come later counted", lambda labels, spikes, times, W, beta:
        wrong_error(labels, spikes, times, W, beta, came=np.ones((*spikes.shape, W.shape[1])))),
    ("18.2", "wrong", "tie counted", lambda labels, spikes, times, W, beta:
        wrong_error(labels, spikes, times, W, beta, came=times[:, None, :] <= spikes[:, :, None])),
    ("18.2", "wrong", "inputs that come later counted", lambda labels, spikes, times, W, beta:
        wrong_error(labels, spikes, times, W, beta, S=lambda weights: W.sum(axis=1))),
    ("18.2", "wrong", "factor left out", lambda labels, spikes, times, W, beta:
        wrong_error(labels, spikes, times, W, beta, S=lambda weights: np.ones(spikes.shape))),
    ("18.2", "wrong", "abs where a sign belongs", lambda labels, spikes, times, W, beta:
        wrong_error(labels, spikes, times, W, beta, S=lambda weights: np.abs(weights).sum(axis=2))),
    ("18.2", "wrong", "held away from zero", lambda labels, spikes, times, W, beta:
        wrong_error(labels, spikes, times, W, beta, S=lambda weights: np.maximum(weights.sum(axis=2), 0.05))),
    ("18.2", "wrong", "epsilon in a denominator", lambda labels, spikes, times, W, beta:
        wrong_error(labels, spikes, times, W, beta, S=lambda weights: weights.sum(axis=2) + 1e-8)),
    ("18.2", "wrong", "sign of one term", lambda labels, spikes, times, W, beta:
        wrong_error(labels, spikes, times, W, beta, e=-output_errors(labels, spikes, -beta))),
    ("18.2", "wrong", "step size left out", lambda labels, spikes, times, W, beta:
        wrong_error(labels, spikes, times, W, beta, e=output_errors(labels, spikes, beta) / beta)),
    ("18.2", "wrong", "step size left out", lambda labels, spikes, times, W, beta:
        wrong_error(labels, spikes, times, W, beta, e=beta * output_errors(labels, spikes, 1))),
    ("18.2", "wrong", "constant of the example", lambda labels, spikes, times, W, beta:
        error_at_inputs(labels, spikes, times, W, 2.0)),
    ("18.2", "wrong", "term left out", lambda labels, spikes, times, W, beta:
        wrong_error(labels, spikes, times, W, beta,
                    e=-beta * fa.ops.losses.softmax(-beta * spikes) / len(labels))),
    ("18.2", "wrong", "exp without a shift", lambda labels, spikes, times, W, beta:
        wrong_error(labels, spikes, times, W, beta, e=beta / len(labels) * (np.eye(len(W))[labels] - np.exp(
            -beta * spikes) / np.exp(-beta * spikes).sum(axis=1, keepdims=True)))),
    ("18.2", "wrong", "squeezed", lambda *arguments: error_at_inputs(*arguments).squeeze()),
]
