"""The checks of lesson 18 accept what is right and name what is wrong."""

import numpy as np
import pytest

from tests.exercises.proof import prove
from tests.exercises.sums import of_a_sum
from tests.solutions import lesson_18 as solutions


def first(times, w, threshold, *, order=None, S_of=np.cumsum, P_of=np.cumsum, valid=None, pick=0, of=None):
    """Sample by sample; `valid` says which segments count, of c, their ends and whether ϑ is reached there."""
    found = np.empty(len(times))
    for n, row in enumerate(times):
        t, weights = (row[np.argsort(row)], w[np.argsort(row)]) if order is None else order(row, w)
        S, P = S_of(weights), P_of(weights * t)
        ends = np.append(t[1:], np.inf)
        c = (threshold + P) / S
        k = np.flatnonzero((S > 0) & (c >= t) & (c <= ends) if valid is None else valid(S, P, c, ends))
        k = k[pick] if len(k) else 0
        found[n] = c[k] if of is None else (of + P[k]) / S[k]
    return found


def of_inputs(kept):
    def wrong(times, w, threshold):
        return first(times, w, threshold, order=lambda row, w: (np.sort(row)[kept], w[np.argsort(row)][kept]))
    return wrong


def overwriting(times, w, threshold):
    spikes = np.empty(len(times))
    for n in range(len(times)):
        now = slope = potential = 0.0
        for j in np.argsort(times[n]):
            then = potential + slope * (times[n, j] - now)
            if then >= threshold and slope > 0:
                break
            now, potential, slope = times[n, j], then, w[j]
        spikes[n] = now + (threshold - potential) / slope
    return spikes


def test_18_1():
    def all_inputs(times, w, threshold):
        return (threshold + (times * w).sum(axis=1)) / w.sum()

    def small(times, w, threshold):
        order = np.argsort(times, axis=1)
        t, w = np.take_along_axis(times, order, axis=1), w[order]
        S, P = w.cumsum(axis=1), (w * t).cumsum(axis=1)
        c, ends = (threshold + P) / (S + 1e-9), np.append(t[:, 1:], np.full((len(t), 1), np.inf), axis=1)
        return c[np.arange(len(t)), ((S > 0) & (c >= t) & (c <= ends)).argmax(axis=1)]

    def after_its_begin(least):
        def wrong(times, w, threshold):
            order = np.argsort(times, axis=1)
            t, w = np.take_along_axis(times, order, axis=1), w[order]
            S = w.cumsum(axis=1)
            c = (threshold + (w * t).cumsum(axis=1)) / S
            return c[np.arange(len(t)), ((S > least) & (c >= t)).argmax(axis=1)]
        return wrong

    def smallest(times, w, threshold):
        found = []
        for row in times:
            sums = [(w[row <= t].sum(), (w * row)[row <= t].sum()) for t in np.sort(row)]
            found.append(min((threshold + P) / S for S, P in sums if S > 0))
        return np.array(found)

    def exclusive(terms):
        return np.append(0.0, np.cumsum(terms)[:-1])

    def one_more(terms):
        return np.append(np.cumsum(terms)[1:], terms.sum())

    def asked(**changes):
        return lambda *given: first(*given, **changes)

    def reaching(**changes):
        def wrong(times, w, threshold):
            return first(times, w, threshold, **changes,
                         valid=lambda S, P, c, ends: (S > 0) & (S * ends - P >= threshold))
        return wrong

    prove("18.1", right=[solutions.first_spike, solutions.first_spike_by_walking], kinds={
        "overwritten in a loop": [asked(S_of=np.array, P_of=np.array), reaching(S_of=np.array, P_of=np.array),
                                  asked(S_of=np.array), asked(P_of=np.array), overwriting],
        "off by one": [asked(S_of=exclusive, P_of=exclusive), reaching(S_of=exclusive, P_of=exclusive),
                       asked(S_of=one_more, P_of=one_more), reaching(S_of=one_more, P_of=one_more)],
        "absolute value": asked(order=lambda row, w: (np.sort(row), abs(w[np.argsort(row)]))),
        "cut off": lambda times, w, threshold: solutions.first_spike(times, np.maximum(w, 0), threshold),
        "sign": [lambda *given: -first(*given), lambda times, w, threshold: first(times, w, -threshold),
                 asked(P_of=lambda terms: -np.cumsum(terms))],
        "first left out": of_inputs(slice(1, None)), "last left out": of_inputs(slice(None, -1)), "epsilon": small},
        own={"all inputs": (all_inputs, "have no say in it"), "last valid": (asked(pick=-1), "fires at the first"),
             "outside its segment": (asked(valid=lambda S, P, c, ends: c > 0), "between the segment's own ends"),
             "within no end": (asked(valid=lambda S, P, c, ends: (S > 0) & (c > 0)), "the segment's own ends"),
             "before its end": (asked(valid=lambda S, P, c, ends: c <= ends), "the segment's own ends"),
             "after its begin": (after_its_begin(0.0), "the segment's own ends"),
             "after its begin, any slope": (after_its_begin(-np.inf), "the segment's own ends"),
             "smallest": (smallest, "the segment's own ends"),
             "not sorted": (asked(order=lambda row, w: (row, w)), "must be put in the order"),
             "not sorted, reached": (reaching(order=lambda row, w: (row, w)), "must be put in the order"),
             "times sorted": (asked(order=lambda row, w: (np.sort(row), w)), "goes along with its input"),
             "times sorted, reached": (reaching(order=lambda row, w: (np.sort(row), w)), "goes along with its input"),
             "no threshold": (lambda times, w, threshold: first(times, w, 0.0), "left out ϑ"),
             "no threshold at last": (asked(of=0.0), "left out ϑ in the crossing"),
             "threshold 1": (lambda times, w, threshold: first(times, w, 1.0), "whatever comes for threshold")})


def down(labels, spikes, times, W, beta, *, inside=None, outside=None, causal=True, slopes=None, axis=1, N=None,
         hot=1.0, kept=slice(None)):
    p = np.exp(-(inside or beta) * spikes)
    e = (outside or beta) * (hot * np.eye(len(W))[labels] - p / p.sum(axis=axis, keepdims=True)) / (N or len(labels))
    before = (times[:, None, :] < spikes[:, :, None]) if causal else np.ones((*spikes.shape, times.shape[1]))
    S = (before * W).sum(axis=2)
    e = e / (S if slopes is None else slopes(S, W))
    return np.einsum("no,noi->ni", e[:, kept], (W * before)[:, kept])


def last_output_that_it_reaches(labels, spikes, times, W, beta):
    e_in = np.zeros(times.shape)
    for n, i in np.ndindex(*spikes.shape):
        p = np.exp(-beta * spikes[n, i]) / np.exp(-beta * spikes[n]).sum()
        before = times[n] < spikes[n, i]
        e_in[n, before] = beta * ((labels[n] == i) - p) / len(labels) * W[i, before] / W[i, before].sum()
    return e_in


@pytest.mark.slow
def test_18_2():
    def all_get_an_error(labels, spikes, times, W, beta):
        before = times[:, None, :] < spikes[:, :, None]
        return down(labels, spikes, times, W, beta, causal=False, slopes=lambda S, W: (W * before).sum(axis=2))

    def error(labels, spikes, beta):
        p = np.exp(-beta * spikes)
        return beta * (np.eye(spikes.shape[1])[labels] - p / p.sum(axis=1, keepdims=True)) / len(labels)

    def after(of_slopes):
        def wrong(labels, spikes, times, W, beta):
            before = times[:, None, :] < spikes[:, :, None]
            with np.errstate(all="ignore"):
                e = error(labels, spikes, beta) / (of_slopes(before) * W).sum(axis=2)
            return np.einsum("no,noi->ni", e, W * ~before)
        return wrong

    def of_the_weights(labels, spikes, times, W, beta):
        lags = np.maximum(spikes[:, :, None] - times[:, None, :], 0)
        return -np.einsum("no,noi->ni", error(labels, spikes, beta) / ((lags > 0) * W).sum(axis=2), lags)

    def with_slopes(slopes):
        return lambda *given: down(*given, slopes=slopes)

    def last_weight(labels, spikes, times, W, beta):
        e_in, e = np.zeros(times.shape), error(labels, spikes, beta)
        for n, i in np.ndindex(*spikes.shape):
            before = times[n] < spikes[n, i]
            e_in[n] += e[n, i] / W[i, before][-1] * W[i] * before
        return e_in

    terms = of_a_sum(lambda kept: lambda *given: down(*given, kept=kept))
    prove("18.2", right=[solutions.error_at_inputs, solutions.error_at_inputs_by_spikes], kinds={
        "sign": lambda *given: -down(*given), "slope left out": with_slopes(lambda S, W: 1.0),
        "slope twice": with_slopes(lambda S, W: S * S), "slope of the wrong": with_slopes(lambda S, W: W.sum(axis=1)),
        "wrong axis": [lambda *given: down(*given, axis=0), lambda *given: down(*given, axis=(0, 1))],
        "wrong N": [lambda labels, spikes, *rest: down(labels, spikes, *rest, N=spikes.shape[1]),
                    lambda labels, spikes, *rest: down(labels, spikes, *rest, N=spikes.size)],
        "epsilon": [with_slopes(lambda S, W: S + 1e-12), with_slopes(lambda S, W: S + 1e-8)],
        **terms, "overwritten in a loop": [terms["overwritten in a loop"], last_output_that_it_reaches, last_weight]},
        own={"of a logit": (lambda *given: -down(*given), "makes its logit −β t smaller"),
             "all causal": (lambda *given: down(*given, causal=False), "did not move it"),
             "all get an error": (all_get_an_error, "get no error, either"),
             "after the spike": (after(lambda before: before), "not those after it"),
             "after the spike, S too": (after(lambda before: ~before), "not those after it"),
             "nothing of times": (lambda *given: down(*given, causal=False, slopes=lambda S, W: 1.0), "S is missing"),
             "Eq. 3": (of_the_weights, "of the weights"),
             "Eq. 3, without its sign": (lambda *given: -of_the_weights(*given), "of the weights"),
             "times S": (with_slopes(lambda S, W: 1 / S), "multiplied with S"),
             "S of 0.05 at least": (with_slopes(lambda S, W: np.maximum(S, 0.05)), "however small"),
             "softmax of −t": (lambda *given: down(*given, inside=1.0), "β belongs into the softmax"),
             "softmax of βt": (lambda *given: down(*given, inside=-given[-1]), "yours are β t"),
             "softmax of βt, and its error": (lambda *given: -down(*given, inside=-given[-1]), "yours are β t"),
             "no β": (lambda *given: down(*given, outside=1.0), "left out of the error"),
             "no β at all": (lambda *given: down(*given, inside=1.0, outside=1.0), "whatever comes for beta"),
             "no label": (lambda *given: down(*given, hot=0.0), "the label's 1 is missing")})
