"""The checks of lesson 18 accept what is right and name what is wrong."""

import numpy as np

from tests.exercises.proof import prove
from tests.solutions import lesson_18 as solutions


def segments(times, w, threshold):
    order = np.argsort(times, axis=1)
    t, w = np.take_along_axis(times, order, axis=1), w[order]
    S, P = w.cumsum(axis=1), (w * t).cumsum(axis=1)
    return t, (threshold + P) / S, S, np.append(t[:, 1:], np.full((len(t), 1), np.inf), axis=1)


def test_18_1():
    def all_inputs(times, w, threshold):
        return (threshold + (times * w).sum(axis=1)) / w.sum()

    def last(times, w, threshold):
        t, c, S, ends = segments(times, w, threshold)
        inside = (S > 0) & (c >= t) & (c <= ends)
        return np.array([crossings[valid][-1] for crossings, valid in zip(c, inside)])

    def anywhere(times, w, threshold):
        _, c, _, _ = segments(times, w, threshold)
        return np.array([crossings[crossings > 0][0] for crossings in c])

    def unsorted(times, w, threshold):
        S, P = np.cumsum(np.tile(w, (len(times), 1)), axis=1), np.cumsum(w * times, axis=1)
        ends = np.append(times[:, 1:], np.full((len(times), 1), np.inf), axis=1)
        first = ((S > 0) & (S * ends - P >= threshold)).argmax(axis=1)
        return np.array([(threshold + P[n, k]) / S[n, k] for n, k in enumerate(first)])

    prove("18.1", right=[solutions.first_spike, solutions.first_spike_by_walking], kind="other",
          own={"all inputs": (all_inputs, "have no say in it"), "last valid": (last, "fires at the first"),
               "outside its segment": (anywhere, "between the segment's own ends"),
               "not sorted": (unsorted, "order of their times"),
               "no threshold": (lambda times, w, threshold: solutions.first_spike(times, w, 1e-9), "left out ϑ"),
               "threshold 1": (lambda times, w, threshold: solutions.first_spike(times, w, 1.0), "ϑ as 1")})


def down(labels, spikes, times, W, beta, *, inside=None, causal=True, slopes=None):
    p = np.exp(-(inside or beta) * spikes)
    e = beta * (np.eye(len(W))[labels] - p / p.sum(axis=1, keepdims=True)) / len(labels)
    before = (times[:, None, :] < spikes[:, :, None]) if causal else np.ones((*spikes.shape, times.shape[1]))
    S = (before * W).sum(axis=2) if slopes is None else slopes(W)
    return np.einsum("no,noi->ni", e / S, W * before)


def test_18_2():
    def all_get_an_error(labels, spikes, times, W, beta):
        before = times[:, None, :] < spikes[:, :, None]
        return down(labels, spikes, times, W, beta, causal=False, slopes=lambda W: (W * before).sum(axis=2))

    prove("18.2", right=[solutions.error_at_inputs, solutions.error_at_inputs_by_spikes], kind="feedback error",
          wrong={"transposed": (lambda *given: down(*given).T, "transpose"),
                 "sign": (lambda *given: -down(*given), "sign turns"),
                 "derivative left out": (lambda *given: down(*given, slopes=lambda W: 1.0), "did not divide by S")},
          own={"all causal": (lambda *given: down(*given, causal=False), "did not move it"),
               "all get an error": (all_get_an_error, "get no error, either"),
               "all weights": (lambda *given: down(*given, slopes=lambda W: W.sum(axis=1)), "of those inputs alone"),
               "softmax of −t": (lambda *given: down(*given, inside=1.0), "β belongs into the softmax"),
               "no β": (lambda *given: down(*given) / given[-1], "should be")},
          without={"W used": "the error does come down through W here"})
