"""Lesson 18, spike times: when a neuron fires first, and the error that comes down through the spikes."""

import numpy as np

from feedbackalign import ops
from feedbackalign.exercises.base import Exercise


def first_spike(times, w, threshold):
    """Exercise 18.1. When one neuron fires first (equations 1 and 2).

    times (N, in) are the times of its input spikes, in any order, w (in,) its weights, some of them negative; their sum
    is positive, so it fires in the end. Return the time of its first spike in every sample, (N,).
    """
    raise NotImplementedError


def _one_neuron(rng):
    cases = []
    for N, inputs, threshold in [(40, 6, 0.05), (30, 8, 0.08)]:
        w = rng.normal(0.0, 1.5, size=inputs)
        cases.append((rng.random((N, inputs)), w + (0.5 - w.sum()) / inputs, threshold))        # their sum is 0.5
    return cases


def _fires(times, w, threshold):
    return ops.spikes.first_spikes(times, w[None], threshold)[0][:, 0]


def _candidates(times, w, threshold):
    """c_k of every segment, and whether it lies inside of it: (N, in) both."""
    order = np.argsort(times, axis=1)
    t, w = np.take_along_axis(times, order, axis=1), w[order]
    S, P = np.cumsum(w, axis=1), np.cumsum(w * t, axis=1)
    c = (threshold + P) / S
    ends = np.append(t[:, 1:], np.full((len(t), 1), np.inf), axis=1)
    return c, (S > 0) & (t <= c) & (c <= ends)


def _last_valid(times, w, threshold):
    c, valid = _candidates(times, w, threshold)
    return np.where(valid, c, -np.inf).max(axis=1)


def _first_positive(times, w, threshold):
    c, _ = _candidates(times, w, threshold)
    return np.take_along_axis(c, (c > 0).argmax(axis=1)[:, None], axis=1)[:, 0]


def error_at_inputs(labels, spikes, times, W, beta):
    """Exercise 18.2. From the labels down to the error at the input spikes of the output layer (equations 4 and 5).

    labels (N,) are the right classes; spikes (N, out) are when the outputs fired, times (N, in) when their inputs did,
    W (out, in). The loss is the cross-entropy of the logits −β spikes, the mean over the batch. Return ∂loss/∂times,
    (N, in).
    """
    raise NotImplementedError


def _an_output_layer(rng):
    cases = []
    for N, inputs, outputs, beta in [(6, 5, 3, 2.0), (9, 6, 4, 0.7)]:
        times, W = rng.random((N, inputs)), rng.uniform(0.2, 1.2, size=(outputs, inputs))
        spikes, _ = ops.spikes.first_spikes(times, W, 0.6)
        cases.append((rng.integers(outputs, size=N), spikes, times, W, beta))
    return cases


def _sent_down(labels, spikes, times, W, beta, *, temperature=None, before=None, slopes=None):
    """The right answer, and the wrong ones by what they take instead."""
    p = ops.losses.softmax(-(beta if temperature is None else temperature) * spikes)
    error = beta * (ops.losses.one_hot(labels, len(W)) - p) / len(labels)               # (N, out)
    came = ops.spikes.causal_set(spikes, times) if before is None else before           # (N, out, in)
    S = (W * came).sum(axis=2) if slopes is None else slopes                            # (N, out)
    return np.einsum("no,oi,noi->ni", error / S, W, came)


def _all(spikes, times):
    return np.ones((*spikes.shape, times.shape[1]), bool)


EXERCISES = {
    "18.1": Exercise(task=first_spike, cases=_one_neuron, right=_fires, batch="times", mistakes=[
        ("you summed over all inputs; those that come after the spike have no say in it",
         lambda times, w, threshold: (threshold + times @ w) / w.sum()),
        ("this is the last time that the potential crosses ϑ upwards; a neuron fires at the first", _last_valid),
        ("a segment's crossing counts only where it lies between the segment's own ends", _first_positive),
        ("the inputs must be put in the order of their times first",
         lambda times, w, threshold: _in_given_order(times, w, threshold)),
        ("you left out ϑ", lambda times, w, threshold: _fires(times, w, 1e-9)),
        ("you took ϑ as 1; it is the argument `threshold`", lambda times, w, threshold: _fires(times, w, 1.0)),
    ]),
    "18.2": Exercise(task=error_at_inputs, cases=_an_output_layer, right=_sent_down, batch="spikes", mistakes=[
        ("this is the error of a logit; a later spike makes its logit −β t smaller, so the sign turns",
         lambda *given: -_sent_down(*given)),
        ("inputs that come after the spike did not move it: the sum is over those with t_in < t",
         lambda labels, spikes, times, W, beta: _sent_down(labels, spikes, times, W, beta, before=_all(spikes, times))),
        ("S is right; inputs that come after the spike get no error, either, for they did not move it",
         lambda labels, spikes, times, W, beta: _sent_down(labels, spikes, times, W, beta, before=_all(spikes, times),
                                                           slopes=(W * ops.spikes.causal_set(spikes, times)).sum(2))),
        ("S is the sum of the weights of those inputs alone that came before the spike",
         lambda labels, spikes, times, W, beta: _sent_down(labels, spikes, times, W, beta,
                                                           slopes=np.broadcast_to(W.sum(axis=1), spikes.shape))),
        ("you did not divide by S, the slope of the potential",
         lambda labels, spikes, times, W, beta: _sent_down(labels, spikes, times, W, beta, slopes=1.0)),
        ("β belongs into the softmax too: the logits are −β t",
         lambda labels, spikes, times, W, beta: _sent_down(labels, spikes, times, W, beta, temperature=1.0)),
    ]),
}


def _in_given_order(times, w, threshold):
    """The formula of the sorted inputs, on inputs that are not."""
    S, P = np.cumsum(np.broadcast_to(w, times.shape), axis=1), np.cumsum(w * times, axis=1)
    reached = (S > 0) & (S * np.append(times[:, 1:], np.full((len(times), 1), np.inf), axis=1) - P >= threshold)
    k = reached.argmax(axis=1)[:, None]
    return ((threshold + np.take_along_axis(P, k, axis=1)) / np.take_along_axis(S, k, axis=1))[:, 0]
