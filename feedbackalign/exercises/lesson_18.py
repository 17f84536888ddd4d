"""Lesson 18, spike times: when a neuron fires first, and the error that comes down through the spikes."""

import numpy as np

from feedbackalign import ops
from feedbackalign.exercises import hints
from feedbackalign.exercises.base import Exercise
from feedbackalign.exercises.limits import epsilons
from feedbackalign.exercises.sums import of_a_sum


def first_spike(times, w, threshold):
    """Exercise 18.1. When one neuron fires first (equations 1 and 2).

    times (N, in) are the times of its input spikes, in any order, w (in,) its weights, some of them negative; their sum
    is positive, so it fires in the end. Return the time of its first spike in every sample, (N,).
    """
    raise NotImplementedError


def _neuron(rng, N, inputs, threshold):
    w = rng.normal(0.0, 1.5, size=inputs)
    return rng.random((N, inputs)), w + (0.5 - w.sum()) / inputs, threshold             # their sum is 0.5


def _one_neuron(rng):
    return [_neuron(rng, 40, 6, 0.05), _neuron(rng, 30, 8, 0.08)]


def _one_neuron_at_the_limits(rng):
    times, w, threshold = _neuron(rng, 20, 5, 0.06)
    return {"one sample": _neuron(rng, 1, 6, 0.05), "one input": _neuron(rng, 4, 1, 0.3),
            "one sample and one input": _neuron(rng, 1, 1, 0.2), "inputs that are in order": (np.sort(times), w, 0.1),
            "weights above 0": (times, np.abs(w), threshold),
            "a weight of zero": (times, np.where(np.arange(5) == 2, 0.0, w + w[2] / 4), 0.1),
            "a threshold that takes all inputs": (times, w, 3.0), "a low threshold": (times, w, 1e-6),
            "tiny weights and threshold": (times, 1e-11 * w, 1e-11 * threshold)}


def _fires(times, w, threshold):
    return ops.spikes.first_spikes(times, w[None], threshold)[0][:, 0]


def _in_order(times, w):
    """The input spikes in order, and each one's weight: (N, in) both."""
    order = np.argsort(times, axis=1)
    return np.take_along_axis(times, order, axis=1), w[order]


def _added_up(terms):
    return np.cumsum(terms, axis=1)


def _inside(c, S, t, ends):
    return (S > 0) & (t <= c) & (c <= ends)


def _reached(c, S, t, ends):
    """Whether the potential is at ϑ by the segment's end."""
    return (S > 0) & (c <= ends)


def _on_segments(t, w, threshold, *, S_of=_added_up, P_of=_added_up, counts=_inside, pick=np.argmax, sign=1, of=None,
                 epsilon=0.0):
    """Where the potential first crosses ϑ, of inputs that stand in order; the first c_k if no segment has one.

    `counts` says which c_k do, `pick` takes one of them, `sign` is that of P, `of` replaces ϑ in the crossing alone.
    """
    if not t.shape[1]:
        return np.full(len(t), np.nan)
    S, P = S_of(w), sign * P_of(w * t)
    ends = np.append(t[:, 1:], np.full((len(t), 1), np.inf), axis=1)
    c = (threshold + P) / (S + epsilon)
    k = pick(counts(c, S, t, ends), axis=1)[:, None]
    return np.take_along_axis(c if of is None else (of + P) / S, k, axis=1)[:, 0]


def _sorted(**changes):
    return lambda times, w, threshold: _on_segments(*_in_order(times, w), threshold, **changes)


def _unsorted(times_of, **changes):
    """Weights in the order in which they are given."""
    return lambda times, w, threshold: _on_segments(times_of(times), np.broadcast_to(w, times.shape), threshold,
                                                    **changes)


def _as_given(times):
    return times


def _last(valid, axis):
    return valid.shape[axis] - 1 - np.flip(valid, axis).argmax(axis)


def _smallest(times, w, threshold):
    """The smallest c_k of those on a line that rises."""
    t, w = _in_order(times, w)
    S = np.cumsum(w, axis=1)
    return np.where(S > 0, (threshold + np.cumsum(w * t, axis=1)) / S, np.inf).min(axis=1)


def _of_inputs(kept):
    def mistake(times, w, threshold):
        t, w = _in_order(times, w)
        return _on_segments(t[:, kept], w[:, kept], threshold)
    return mistake


def _without_the_last(terms):
    return np.cumsum(terms, axis=1) - terms


def _with_the_next(terms):
    sums = np.cumsum(terms, axis=1)
    return np.concatenate([sums[:, 1:], sums[:, -1:]], axis=1)


def _walked_with_one_weight(times, w, threshold):
    """From input to input, where the slope is that of the last weight alone."""
    found = np.empty(len(times))
    for n, inputs in enumerate(zip(*_in_order(times, w))):
        now = slope = potential = 0.0
        for t, weight in zip(*inputs):
            then = potential + slope * (t - now)
            if then >= threshold and slope > 0:
                break
            now, potential, slope = t, then, weight
        found[n] = now + (threshold - potential) / slope
    return found


def error_at_inputs(labels, spikes, times, W, beta):
    """Exercise 18.2. From the labels down to the error at the input spikes of the output layer (equations 4 and 5).

    labels (N,) are the right classes; spikes (N, out) are when the outputs fired, times (N, in) when their inputs did,
    W (out, in). The loss is the cross-entropy of the logits −β spikes, the mean over the batch. Return ∂loss/∂times,
    (N, in).
    """
    raise NotImplementedError


def _outputs(rng, N, inputs, outputs, beta, threshold=0.6):
    times, W = rng.random((N, inputs)), rng.uniform(0.2, 1.2, size=(outputs, inputs))
    return rng.integers(outputs, size=N), ops.spikes.first_spikes(times, W, threshold)[0], times, W, beta


def _an_output_layer(rng):
    return [_outputs(rng, 6, 5, 3, 2.0), _outputs(rng, 9, 6, 4, 0.7)]


def _an_output_layer_at_the_limits(rng):
    labels, spikes, times, W, beta = _outputs(rng, 7, 5, 3, 1.3)
    signed = np.where(np.arange(6) == 2, -0.5, rng.uniform(0.4, 1.2, size=(3, 6)))
    silenced = np.where(np.arange(5) == 1, 0.0, W)
    early = np.sort(rng.random((5, 6)))                         # the input whose weight is below 0 comes third
    return {"one sample": _outputs(rng, 1, 4, 3, 1.5), "two outputs": _outputs(rng, 5, 3, 2, 0.5),
            "weights below 0": (labels[:5], ops.spikes.first_spikes(early, signed, 0.9)[0], early, signed, 1.7),
            "synapses of weight zero": (labels, ops.spikes.first_spikes(times, silenced, 0.4)[0], times, silenced, 0.9),
            "outputs that fire last of all": _outputs(rng, 8, 3, 4, 1.1, threshold=4.0),
            "a large β": (labels, spikes, times, W, 30.0), "a tiny β": (labels, spikes, times, W, 1e-150),
            "tiny weights": (labels, spikes, times, 1e-11 * W, beta),
            "huge weights": (labels, spikes, times, 1e150 * W, beta)}


def _sent_down(labels, spikes, times, W, beta, *, outer=None, inner=None, axis=1, before=None, slopes=None, N=None,
               target=1.0, kept=slice(None)):
    """The right answer, and the wrong ones by what they take instead: `outer` and `inner` for the two β."""
    logits = -(beta if inner is None else inner) * spikes
    p = np.exp(logits - logits.max(axis=axis, keepdims=True))
    p = p / p.sum(axis=axis, keepdims=True)
    error = target * ops.losses.one_hot(labels, len(W)) - p                             # (N, out)
    error = error * (beta if outer is None else outer) / (N or len(labels))
    came = ops.spikes.causal_set(spikes, times) if before is None else before           # (N, out, in)
    S = (W * came).sum(axis=2) if slopes is None else slopes                            # (N, out)
    return np.einsum("no,oi,noi->ni", (error / S)[:, kept], W[kept], came[:, kept])


def _all(spikes, times):
    return np.ones((*spikes.shape, times.shape[1]), bool)


def _slopes(spikes, times, W):
    return (W * ops.spikes.causal_set(spikes, times)).sum(axis=2)


def _slopes_after(spikes, times, W):
    return (W * ~ops.spikes.causal_set(spikes, times)).sum(axis=2)


def _by_lags(labels, spikes, times, W, beta):
    came = ops.spikes.causal_set(spikes, times)
    lags = np.where(came, spikes[:, :, None] - times[:, None, :], 0.0)
    error = beta * (ops.losses.one_hot(labels, len(W)) - ops.losses.softmax(-beta * spikes)) / len(labels)
    return -np.einsum("no,noi->ni", error / _slopes(spikes, times, W), lags)


def _by_slopes(change):
    """The error with other slopes, made of S, W and the arguments' shapes."""
    def mistake(labels, spikes, times, W, beta):
        return _sent_down(labels, spikes, times, W, beta, slopes=change(_slopes(spikes, times, W), W))
    return mistake


def _last_weight(labels, spikes, times, W, beta):
    """S as the weight of the last input alone, in the given order, that came before the spike."""
    came = ops.spikes.causal_set(spikes, times)
    last = times.shape[1] - 1 - np.flip(came, axis=2).argmax(axis=2)                    # (N, out)
    return _sent_down(labels, spikes, times, W, beta, slopes=W[np.arange(len(W)), last])


def _of_outputs(kept):
    return lambda *given: _sent_down(*given, kept=kept)


def _last_to_reach(labels, spikes, times, W, beta):
    """For every input, the share of the last output that it came before."""
    came = ops.spikes.causal_set(spikes, times)
    later = np.flip(np.cumsum(np.flip(came, 1), axis=1), 1) > 1                         # others follow
    return _sent_down(labels, spikes, times, W, beta, before=came & ~later, slopes=_slopes(spikes, times, W))


EXERCISES = {
    "18.1": Exercise(task=first_spike, cases=_one_neuron, limits=_one_neuron_at_the_limits, right=_fires,
                     batch="times", mistakes=[
        ("you summed over all inputs; those that come after the spike have no say in it",
         lambda times, w, threshold: (threshold + times @ w) / w.sum()),
        ("this is the last time that the potential crosses ϑ upwards; a neuron fires at the first",
         _sorted(pick=_last)),
        *[("a segment's crossing counts only where it lies between the segment's own ends",
         mistake) for mistake in (
            _sorted(counts=lambda c, S, t, ends: c > 0), _sorted(counts=lambda c, S, t, ends: (S > 0) & (c >= t)),
            _sorted(counts=lambda c, S, t, ends: c >= t), _sorted(counts=lambda c, S, t, ends: c <= ends), _smallest)],
        *[("the inputs must be put in the order of their times first", _unsorted(_as_given, counts=counts))
          for counts in (_inside, _reached)],
        ("the times are in order, and the weights are not: each goes along with its input", _unsorted(np.sort)),
        (f"{hints.SIGN}, that of Σ w t: the crossing is at (ϑ + Σ w t) / S", _sorted(sign=-1)),
        (f"{hints.SIGN}, that of ϑ: the crossing is at (ϑ + Σ w t) / S",
         lambda times, w, threshold: _on_segments(*_in_order(times, w), -threshold)),
        (f"{hints.CLIPPED}: inputs of a weight below 0 count, too",
         lambda times, w, threshold: _fires(times, np.maximum(w, 0), threshold)),
        (f"{hints.ABS}: weights below 0 pull the potential down",
         lambda times, w, threshold: _fires(times, np.abs(w), threshold)),
        ("you left out ϑ", lambda times, w, threshold: _on_segments(*_in_order(times, w), 0.0)),
        ("you left out ϑ in the crossing", _sorted(of=0.0)),
        *[(f"{hints.OFF_BY_ONE}: S and P hold only the inputs before the one at which the segment begins",
           _sorted(S_of=_without_the_last, P_of=_without_the_last, counts=counts)) for counts in (_inside, _reached)],
        *[(f"{hints.OFF_BY_ONE}: S and P hold the input at which the segment ends, too",
           _sorted(S_of=_with_the_next, P_of=_with_the_next, counts=counts)) for counts in (_inside, _reached)],
        (f"{hints.OVERWRITTEN_IN_LOOP}, for S and P", _sorted(S_of=np.array, P_of=np.array)),
        (f"{hints.OVERWRITTEN_IN_LOOP}, for S", _sorted(S_of=np.array)),
        (f"{hints.OVERWRITTEN_IN_LOOP}, for P", _sorted(P_of=np.array)),
        (f"{hints.OVERWRITTEN_IN_LOOP}, for the slope", _walked_with_one_weight),
        *of_a_sum("inputs", _of_inputs)[1:],
        *epsilons(lambda times, w, threshold, epsilon: _sorted(epsilon=epsilon)(times, w, threshold)),
    ]),
    "18.2": Exercise(task=error_at_inputs, cases=_an_output_layer, limits=_an_output_layer_at_the_limits,
                     right=_sent_down, batch="spikes", mistakes=[
        (f"{hints.SIGN}: this is the error of a logit, and a later spike makes its logit −β t smaller",
         lambda *given: -_sent_down(*given)),
        ("inputs that come after the spike did not move it: the sum is over those with t_in < t",
         lambda labels, spikes, times, W, beta: _sent_down(labels, spikes, times, W, beta, before=_all(spikes, times))),
        ("inputs that come after the spike did not move it, and the slope S is missing: divide by it",
         lambda labels, spikes, times, W, beta: _sent_down(labels, spikes, times, W, beta, before=_all(spikes, times),
                                                           slopes=1.0)),
        *[("the inputs that count are those before the spike, t_in < t, not those after it",
           lambda labels, spikes, times, W, beta, slopes=slopes: _sent_down(
               labels, spikes, times, W, beta, before=~ops.spikes.causal_set(spikes, times),
               slopes=slopes(spikes, times, W))) for slopes in (_slopes, _slopes_after)],
        *[("this is Eq. 3, of the weights, summed over the outputs; the error at the inputs has w / S, Eq. 4",
           lambda *given, sign=sign: sign * _by_lags(*given)) for sign in (1, -1)],
        ("S is right; inputs that come after the spike get no error, either, for they did not move it",
         lambda labels, spikes, times, W, beta: _sent_down(labels, spikes, times, W, beta, before=_all(spikes, times),
                                                           slopes=_slopes(spikes, times, W))),
        (hints.slope_of_the_wrong("all inputs; S is the sum of the weights of those alone that came before the spike"),
         _by_slopes(lambda S, W: np.broadcast_to(W.sum(axis=1), S.shape))),
        (f"{hints.SLOPE_LEFT_OUT} of the potential, S: divide by it", _by_slopes(lambda S, W: 1.0)),
        (f"{hints.SLOPE_TWICE}: 1/S, of the potential's slope, belongs there once", _by_slopes(lambda S, W: S**2)),
        ("you multiplied with S, the slope of the potential; divide by it", _by_slopes(lambda S, W: 1 / S)),
        (f"{hints.CLIPPED}: S is what the weights make it, however small",
         _by_slopes(lambda S, W: np.maximum(S, 0.05))),
        ("β belongs into the softmax too: the logits are −β t", lambda *given: _sent_down(*given, inner=1.0)),
        ("the logits are −β t, and yours are β t", lambda *given: _sent_down(*given, inner=-given[-1])),
        ("the logits are −β t, and yours are β t", lambda *given: -_sent_down(*given, inner=-given[-1])),
        ("β is left out of the error: it is the slope of −β t", lambda *given: _sent_down(*given, outer=1.0)),
        ("the label's 1 is missing in the error", lambda *given: _sent_down(*given, target=0.0)),
        *[(f"{hints.WRONG_AXIS}: the softmax is over the outputs of one sample", lambda *given, axis=axis: _sent_down(
            *given, axis=axis)) for axis in (0, None)],
        (hints.wrong_N("samples, not of outputs"), lambda labels, spikes, *rest: _sent_down(
            labels, spikes, *rest, N=spikes.shape[1])),
        (hints.wrong_N("samples, not of samples times outputs"), lambda labels, spikes, *rest: _sent_down(
            labels, spikes, *rest, N=spikes.size)),
        (f"{hints.OVERWRITTEN_IN_LOOP}, for S, over the inputs", _last_weight),
        *of_a_sum("outputs", _of_outputs), (f"{hints.OVERWRITTEN_IN_LOOP}, over the outputs", _last_to_reach),
        *epsilons(lambda *given: _by_slopes(lambda S, W: S + given[-1])(*given[:-1])),
    ]),
}
