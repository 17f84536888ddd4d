"""Lesson 18, spike times."""

import numpy as np


def first_spike(times, w, threshold):
    order = np.argsort(times, axis=1)
    t, w = np.take_along_axis(times, order, axis=1), w[order]
    S, P = np.cumsum(w, axis=1), np.cumsum(w * t, axis=1)
    ends = np.append(t[:, 1:], np.full((len(t), 1), np.inf), axis=1)
    reached = S * np.where(np.isinf(ends), 1e9, ends) - P >= threshold
    k = ((S > 0) & reached).argmax(axis=1)
    rows = np.arange(len(t))
    return (threshold + P[rows, k]) / S[rows, k]


def first_spike_by_walking(times, w, threshold):
    spikes = np.empty(len(times))
    for n in range(len(times)):
        now = slope = potential = 0.0
        for j in np.argsort(times[n]):
            then = potential + slope * (times[n, j] - now)
            if then >= threshold and slope > 0:
                break
            now, potential, slope = times[n, j], then, slope + w[j]
        spikes[n] = now + (threshold - potential) / slope
    return spikes


def error_at_inputs(labels, spikes, times, W, beta):
    p = np.exp(-beta * spikes)
    p = p / p.sum(axis=1, keepdims=True)
    e = beta * (np.eye(len(W))[labels] - p) / len(labels)
    before = times[:, None, :] < spikes[:, :, None]
    S = (before * W).sum(axis=2)
    return ((e / S)[:, :, None] * W * before).sum(axis=1)


def error_at_inputs_by_spikes(labels, spikes, times, W, beta):
    e_in = np.zeros_like(times)
    for n, i in np.ndindex(*spikes.shape):
        p = np.exp(-beta * spikes[n, i]) / np.exp(-beta * spikes[n]).sum()
        e = beta * ((labels[n] == i) - p) / len(labels)
        before = times[n] < spikes[n, i]
        e_in[n, before] += e * W[i, before] / W[i, before].sum()
    return e_in
