"""Lesson 16, layers that predict each other: one sweep of two layers, and how a backward predictor learns."""

import numpy as np

from feedbackalign import ops
from feedbackalign.exercises import hints
from feedbackalign.exercises.base import Exercise
from feedbackalign.exercises.limits import epsilons
from feedbackalign.exercises.sums import of_a_sum


def sweep(x, u1, u2, W1, W2, Wb, eta, epsilon):
    """Exercise 16.1. One free sweep of a hidden layer and the output (equations 3 and 4 with β = 0).

    x (N, in) is held; u1 (N, hidden) and u2 (N, out) are the voltages, r = clip(u, 0, 1) the rates. W1 (hidden, in),
    W2 (out, hidden), Wb (out, hidden), in W2's shape. The hidden layer moves first, and the output sees its new rates.
    Return the new voltages side by side, (N, hidden + out).
    """
    raise NotImplementedError


def _layers(rng, N, inputs, hidden, out, eta, epsilon):
    return (rng.random((N, inputs)), rng.normal(size=(N, hidden)), rng.normal(size=(N, out)),
            rng.normal(size=(hidden, inputs)), rng.normal(size=(out, hidden)), rng.normal(size=(out, hidden)), eta,
            epsilon)


def _two_layers(rng):
    return [_layers(rng, 6, 3, 4, 5, 0.05, 0.15), _layers(rng, 4, 5, 3, 2, 0.1, 0.4)]


def _two_layers_at_the_limits(rng):
    *states_and_weights, eta, epsilon = _layers(rng, 5, 3, 4, 2, 0.3, 0.8)
    x, u1, u2, *weights = states_and_weights
    return {"one sample": _layers(rng, 1, 3, 4, 2, 0.1, 0.5), "one hidden unit": _layers(rng, 5, 3, 1, 4, 0.2, 0.5),
            "one output": _layers(rng, 4, 2, 5, 1, 0.05, 0.3), "one input": _layers(rng, 6, 1, 3, 4, 0.1, 0.2),
            "one sample, and one unit in each layer": _layers(rng, 1, 1, 1, 1, 0.2, 0.6),
            "an ε above 1": (*states_and_weights, 0.7, 2.5), "a tiny ε": (*states_and_weights, eta, 1e-100),
            "tiny inputs and voltages": (1e-150 * x, 1e-150 * u1, 1e-150 * u2, *weights, eta, epsilon),
            "voltages far from 0": (x, 1e3 * u1, 1e3 * u2, *weights, eta, epsilon)}


def _rates(u):
    return np.clip(u, 0, 1)


def _sweep(x, u1, u2, W1, W2, Wb, eta, epsilon, *, up=_rates, down=_rates, sees=None, leak=1.0, hidden_leak=0.0,
           apical=1.0, pull=1.0, output_epsilon=None, old=1.0, kept=(slice(None),) * 3):
    """`up` and `down` make rates of voltages, `sees` takes the new hidden voltages' place, `kept` cuts the sums."""
    inputs, outputs, hidden = kept
    v1, w1 = x[:, inputs] @ W1[:, inputs].T, down(u2)[:, outputs] @ Wb[outputs]
    new1 = u1 + eta * (((v1 - u1) + apical * (w1 - pull * u1)) / epsilon - hidden_leak * u1)
    v2 = up(new1 if sees is None else sees)[:, hidden] @ W2[:, hidden].T
    new2 = u2 + eta * ((v2 - u2) / (output_epsilon or epsilon) - leak * u2)
    return np.hstack([new1 - (1 - old) * u1, new2 - (1 - old) * u2])


def _output_first(x, u1, u2, W1, W2, Wb, eta, epsilon):
    new2 = u2 + eta * ((_rates(u1) @ W2.T - u2) / epsilon - u2)
    new1 = u1 + eta * ((x @ W1.T - u1) + (_rates(new2) @ Wb - u1)) / epsilon
    return np.hstack([new1, new2])


def _exchanged(x, u1, *rest):
    new = _sweep(x, u1, *rest)
    return np.hstack([new[:, u1.shape[1]:], new[:, :u1.shape[1]]])


def _twice(x, u1, u2, *rest):
    once = _sweep(x, u1, u2, *rest)
    return _sweep(x, once[:, :u1.shape[1]], once[:, u1.shape[1]:], *rest)


def backward_predictor_gradient(free_below, free, nudged_below, nudged, Wb, beta):
    """Exercise 16.2. The gradient of Wb (n, below) from a free and a nudged phase (equation 6).

    free and nudged (N, n) are a layer's rates, free_below and nudged_below (N, below) those of the layer below it,
    which r Wb predicts. β may be negative. Return the gradient, (n, below).
    """
    raise NotImplementedError


def _phases(rng, N, below, n, beta):
    return (rng.random((N, below)), rng.random((N, n)), rng.random((N, below)), rng.random((N, n)),
            rng.normal(size=(n, below)), beta)


def _two_phases(rng):
    return [_phases(rng, 6, 3, 4, 0.5), _phases(rng, 4, 5, 2, -0.8)]


def _two_phases_at_the_limits(rng):
    *rates, Wb, beta = _phases(rng, 5, 4, 3, 0.7)
    return {"one sample": _phases(rng, 1, 3, 4, -0.3), "one unit": _phases(rng, 5, 3, 1, 0.6),
            "one unit below": _phases(rng, 4, 1, 3, -1.0),
            "one sample, one unit and one below": _phases(rng, 1, 1, 1, 0.4), "a tiny β": (*rates, Wb, 1e-150),
            "a tiny negative β": (*rates, Wb, -1e-150), "tiny rates": (*(1e-100 * rate for rate in rates), Wb, beta)}


def _products(below, rates, Wb):
    """rᵀ e←, summed over the batch: (n, below)."""
    return rates.T @ (below - rates @ Wb)


def _contrast(free_below, free, nudged_below, nudged, Wb, beta, *, N=None, samples=(slice(None),) * 2, phases=(1, 1)):
    """`samples` and `phases`: the samples that are added up, and the factor, of the nudged and of the free phase."""
    change = (phases[0] * _products(nudged_below[samples[0]], nudged[samples[0]], Wb)
              - phases[1] * _products(free_below[samples[1]], free[samples[1]], Wb))
    return -change / (beta * (N or len(free)))


def _of_one_phase(rates_of):
    """The change of the errors, times the rates of one phase."""
    def mistake(free_below, free, nudged_below, nudged, Wb, beta):
        change = (nudged_below - nudged @ Wb) - (free_below - free @ Wb)
        return -rates_of(free, nudged).T @ change / (beta * len(free))
    return mistake


def _crossed(free_below, free, nudged_below, nudged, Wb, beta):
    change = nudged.T @ (nudged_below - free @ Wb) - free.T @ (free_below - nudged @ Wb)
    return -change / (beta * len(free))


EXERCISES = {
    "16.1": Exercise(task=sweep, cases=_two_layers, limits=_two_layers_at_the_limits, right=_sweep, mistakes=[
        ("the output saw the old hidden rates: layers move in turn, so it sees the new ones",
         lambda x, u1, *rest: _sweep(x, u1, *rest, sees=u1)),
        ("the output moved before the hidden layer", _output_first),
        ("you read W2 backwards in place of Wb: nothing is mirrored here",
         lambda x, u1, u2, W1, W2, Wb, *rest: _sweep(x, u1, u2, W1, W2, W2, *rest)),
        ("voltages went through the weights: a layer sees rates, clip(u, 0, 1)",
         lambda *given: _sweep(*given, up=np.array, down=np.array)),
        ("the output's voltages went through Wb: a layer sees rates, clip(u, 0, 1)",
         lambda *given: _sweep(*given, down=np.array)),
        ("the hidden voltages went through W2: a layer sees rates, clip(u, 0, 1)",
         lambda *given: _sweep(*given, up=np.array)),
        ("a rate is 1 at most: clip(u, 0, 1)",
         lambda *given: _sweep(*given, up=ops.activations.relu, down=ops.activations.relu)),
        (f"{hints.DECAY_SIGN}: the output's own term is −u", lambda *given: _sweep(*given, leak=-1.0)),
        ("the output's own −u is missing", lambda *given: _sweep(*given, leak=0.0)),
        ("the output's own −u stands under no ε", lambda *given: _sweep(*given, leak=1 / given[-1])),
        ("ε stands under the output's dendrite, too: (v − u)/ε",
         lambda *given: _sweep(*given, output_epsilon=1.0)),
        ("the output alone has a −u of its own; the hidden layer has none (Eq. 3)",
         lambda *given: _sweep(*given, hidden_leak=1.0)),
        ("the hidden layer has an apical dendrite too, (w − u)/ε", lambda *given: _sweep(*given, apical=0.0)),
        ("ε stands under the apical dendrite, too: (w − u)/ε", lambda *given: _sweep(*given, apical=given[-1])),
        ("each of the two dendrites pulls with its own −u: v + w − 2u", lambda *given: _sweep(*given, pull=0.0)),
        ("you left out ε: the dendrites pull with (v − u)/ε", lambda *given: _sweep(*given[:-1], 1.0)),
        ("you multiplied with ε; divide by it", lambda *given: _sweep(*given[:-1], 1 / given[-1])),
        *epsilons(lambda *given: _sweep(*given[:-2], given[-2] + given[-1])),
        ("these are rates; return the voltages", lambda *given: _rates(_sweep(*given))),
        ("this is the change alone; the new voltage is u and its change", lambda *given: _sweep(*given, old=0.0)),
        (f"{hints.SIGN}: a voltage moves towards what its dendrites say",
         lambda *given: _sweep(*given[:-2], -given[-2], given[-1])),
        ("you left out η", lambda *given: _sweep(*given[:-2], 1.0, given[-1])),
        ("the hidden layer's voltages come first", _exchanged), ("these are two sweeps; one is asked for", _twice),
        *of_a_sum("units", lambda kept: lambda *given: _sweep(*given, kept=(kept, kept, kept))),
        *[(hints.OVERWRITTEN_IN_LOOP + where, lambda *given, kept=kept: _sweep(*given, kept=kept)) for where, kept in [
            (", over the inputs", (slice(-1, None), slice(None), slice(None))),
            (", over the outputs", (slice(None), slice(-1, None), slice(None))),
            (", over the hidden units", (slice(None), slice(None), slice(-1, None)))]],
    ]),
    "16.2": Exercise(task=backward_predictor_gradient, cases=_two_phases, limits=_two_phases_at_the_limits,
                     right=_contrast, batch="free", mistakes=[
        (f"{hints.ABS}: divide by β, not by |β|, or half of all batches learn the wrong way",
         lambda *given: _contrast(*given[:-1], abs(given[-1]))),
        ("you multiplied with the sign of β; divide by β, its size included",
         lambda *given: _contrast(*given[:-1], np.sign(given[-1]))),
        ("the prediction is made of the other phase's rates; each phase predicts with its own", _crossed),
        ("you did not divide by β", lambda *given: _contrast(*given[:-1], 1.0)),
        ("you multiplied with β; divide by it", lambda *given: _contrast(*given[:-1], 1 / given[-1])),
        ("you divided by β twice", lambda *given: _contrast(*given) / given[-1]),
        *epsilons(lambda *given: _contrast(*given[:-2], given[-2] + given[-1])),
        *epsilons(lambda *given: _contrast(*given[:-2], given[-2] + given[-1] / len(given[0]))),
        ("this is the change of the rates' products alone: the error is r_below less its prediction r Wb",
         lambda *given: _contrast(*given[:-2], 0 * given[-2], given[-1])),
        ("r_below is missing in the error: it is r_below less its prediction r Wb",
         lambda free_below, free, nudged_below, *rest: _contrast(0 * free_below, free, 0 * nudged_below, *rest)),
        (f"{hints.OTHER_PHASE_LEFT_OUT}: only the nudged one counts in your answer",
         lambda *given: _contrast(*given, phases=(1, 0))),
        (f"{hints.OTHER_PHASE_LEFT_OUT}: only the free one counts in your answer",
         lambda *given: _contrast(*given, phases=(0, 1))),
        (f"{hints.OTHER_PHASE_LEFT_OUT}: only the free one counts in your answer, and its sign is wrong",
         lambda *given: _contrast(*given, phases=(0, -1))),
        ("the free phase is subtracted from the nudged one, and you added it",
         lambda *given: _contrast(*given, phases=(1, -1))),
        ("this is the difference of the errors times the nudged rates; each phase has rates of its own",
         _of_one_phase(lambda free, nudged: nudged)),
        ("this is the difference of the errors times the free rates; each phase has rates of its own",
         _of_one_phase(lambda free, nudged: free)),
        ("this is the difference of the errors times the difference of the rates; take the difference of the products",
         _of_one_phase(lambda free, nudged: nudged - free)),
        (hints.wrong_N("samples, not of units"), lambda *given: _contrast(*given, N=given[1].shape[1])),
        (hints.wrong_N("samples, not of units below"), lambda *given: _contrast(*given, N=given[0].shape[1])),
        (hints.wrong_N("samples, not of samples times units"), lambda *given: _contrast(*given, N=given[1].size)),
        *of_a_sum("samples", lambda kept: lambda *given: _contrast(*given, samples=(kept, kept))),
        *[(f"{hints.OVERWRITTEN_IN_LOOP}, over the samples of one phase",
           lambda *given, samples=samples: _contrast(*given, samples=samples))
          for samples in [(slice(-1, None), slice(None)), (slice(None), slice(-1, None))]],
        (f"{hints.OVERWRITTEN_IN_LOOP}, over the samples, and 1/N is missing",
         lambda *given: _contrast(*given, samples=(slice(-1, None),) * 2, N=1)),
    ]),
}
