"""Lesson 15, a controller instead of a backward pass: the control at rest, and what the push teaches."""

import numpy as np

from feedbackalign.exercises import hints
from feedbackalign.exercises.base import Exercise
from feedbackalign.exercises.limits import epsilons
from feedbackalign.exercises.sums import of_a_sum


def steady_control(J, Q, delta, damping):
    """Exercise 15.1. The control at rest, for every sample its own (equation 5).

    J (N, out, units) are the derivatives of the output by all voltages, Q (units, out) the feedback weights of all
    layers, delta (N, out) what is missing at the output, damping α̃ a number. Return u, (N, out).
    """
    raise NotImplementedError


def _loop(rng, N, out, units, damping):
    """J Q near the identity, so that none is close to singular."""
    J = rng.normal(size=(N, out, units))
    Q = np.linalg.pinv(J.mean(axis=0)) + 0.05 * rng.normal(size=(units, out))
    J = J.mean(axis=0) + 0.2 * (J - J.mean(axis=0))
    return J, Q, rng.normal(size=(N, out)), damping


def _loops(rng):
    return [_loop(rng, 4, 3, 7, 0.3), _loop(rng, 5, 2, 6, 0.7)]


def _loops_at_the_limits(rng):
    J, Q, delta, damping = _loop(rng, 6, 3, 5, 0.2)
    return {"one sample": _loop(rng, 1, 3, 6, 0.5), "one output": _loop(rng, 4, 1, 5, 0.4),
            "one output and one unit": _loop(rng, 3, 1, 1, 0.6), "as many samples as outputs": _loop(rng, 3, 3, 5, 0.1),
            "no leak": (J, Q, delta, 0.0), "feedback that pushes the wrong way": (J, -Q, delta, damping),
            "little missing": (J, Q, 1e-150 * delta, damping), "much missing": (J, Q, 1e150 * delta, damping),
            "tiny J, Q and damping": (1e-75 * J, 1e-75 * Q, delta, 1e-150 * damping)}


def _solved(J, Q, delta, damping, JQ=None):
    JQ = J @ Q if JQ is None else JQ                            # (N, out, units) x (units, out) -> (N, out, out)
    return np.linalg.solve(JQ + damping * np.eye(J.shape[1]), delta[..., None])[..., 0]


def control_update(v, v_ff, below, step_size):
    """Exercise 15.2. What the weights of a layer of tanh units learn from the push, as a gradient (equation 4).

    v and v_ff (N, hidden) are the voltages with and without what the controller adds, below (N, in) the rates of the
    layer below, step_size is λ. Return −ΔW, (hidden, in): the optimiser goes against what it is given.
    """
    raise NotImplementedError


def _pushed(rng, N, hidden, inputs, step_size, far=1.0):
    v_ff = far * rng.normal(size=(N, hidden))
    return v_ff + 0.4 * far * rng.normal(size=(N, hidden)), v_ff, rng.normal(size=(N, inputs)), step_size


def _pushed_layers(rng):
    return [_pushed(rng, 5, 3, 4, 0.05), _pushed(rng, 4, 6, 2, 0.2)]


def _pushed_layers_at_the_limits(rng):
    v, v_ff, below, step_size = _pushed(rng, 6, 4, 3, 0.1)
    return {"one sample": _pushed(rng, 1, 3, 4, 0.3), "one unit": _pushed(rng, 5, 1, 3, 0.02),
            "one input": _pushed(rng, 4, 3, 1, 0.5), "one sample, one unit and one input": _pushed(rng, 1, 1, 1, 2.0),
            "voltages far from 0": _pushed(rng, 7, 3, 2, 0.1, far=100.0), "a tiny λ": (v, v_ff, below, 1e-150),
            "tiny rates below": (v, v_ff, 1e-150 * below, step_size),
            "huge rates below": (v, v_ff, 1e150 * below, step_size)}


def _learnt(v, v_ff, below, step_size, signal=None, N=None, samples=slice(None)):
    signal = np.tanh(v) - np.tanh(v_ff) if signal is None else signal           # (N, hidden)
    return signal[samples].T @ below[samples] / (-step_size * (N or len(v)))    # (hidden, N) x (N, in)


def _slope_with(v, v_ff):
    return 1 - np.tanh(v)**2


def _slope_without(v, v_ff):
    return 1 - np.tanh(v_ff)**2


EXERCISES = {
    "15.1": Exercise(task=steady_control, cases=_loops, limits=_loops_at_the_limits, right=_solved, batch="delta",
                     mistakes=[
        ("you left out α̃ I: the leak keeps the controller from going all the way",
         lambda J, Q, delta, damping: _solved(J, Q, delta, 0.0)),
        (f"{hints.DECAY_SIGN}: the leak α̃ I is added to J Q",
         lambda J, Q, delta, damping: _solved(J, Q, delta, -damping)),
        ("α̃ was added to every entry of J Q; α̃ I has it on the diagonal alone",
         lambda J, Q, delta, damping: _solved(J, Q, delta, 0.0, J @ Q + damping)),
        (f"{hints.ORDER_SWAPPED}: u_n = (J_n Q + α̃ I)⁻¹ δ_n, and for δ_n (J_n Q + α̃ I)⁻¹ you solved with (J Q)ᵀ",
         lambda J, Q, delta, damping: _solved(J, Q, delta, damping, (J @ Q).swapaxes(1, 2))),
        ("you multiplied with J Q + α̃ I; its inverse belongs there",
         lambda J, Q, delta, damping: ((J @ Q + damping * np.eye(J.shape[1])) @ delta[..., None])[..., 0]),
        ("you solved with the mean of J over the samples; every sample has a J of its own",
         lambda J, Q, delta, damping: _solved(J, Q, delta, damping, J.mean(axis=0) @ Q + 0 * (J @ Q))),
        ("you solved with J Jᵀ; the controller acts through Q, so it is J Q",
         lambda J, Q, delta, damping: _solved(J, Q, delta, damping, J @ J.swapaxes(1, 2))),
        ("this is δ itself: nothing has been solved", lambda J, Q, delta, damping: delta.copy()),
        *epsilons(lambda J, Q, delta, damping, epsilon: _solved(J, Q, delta, damping + epsilon)),
        *of_a_sum("units", lambda kept: lambda J, Q, delta, damping: _solved(J, Q, delta, damping,
                                                                             J[..., kept] @ Q[kept])),
    ]),
    "15.2": Exercise(task=control_update, cases=_pushed_layers, limits=_pushed_layers_at_the_limits, right=_learnt,
                     batch="below", mistakes=[
        ("you took the difference of the voltages; Eq. 4 has the difference of the rates, φ(v) − φ(v_ff)",
         lambda v, v_ff, *rest: _learnt(v, v_ff, *rest, signal=v - v_ff)),
        ("you put the difference of the voltages through tanh; each is put through it before they are subtracted",
         lambda v, v_ff, *rest: _learnt(v, v_ff, *rest, signal=np.tanh(v - v_ff))),
        *[("this is the difference of the voltages times a slope; Eq. 4 has the difference of the rates, "
           "φ(v) − φ(v_ff)", lambda v, v_ff, *rest, at=at: _learnt(v, v_ff, *rest, signal=(v - v_ff) * at(v, v_ff)))
          for at in (_slope_with, _slope_without)],
        *[("there is no slope in Eq. 4: the difference of the rates is all", lambda v, v_ff, *rest, at=at: _learnt(
            v, v_ff, *rest, signal=(np.tanh(v) - np.tanh(v_ff)) * at(v, v_ff)))
          for at in (_slope_with, _slope_without)],
        ("these units are tanh, not ReLU",
         lambda v, v_ff, *rest: _learnt(v, v_ff, *rest, signal=np.maximum(v, 0) - np.maximum(v_ff, 0))),
        ("`below` holds rates already, so no tanh of it",
         lambda v, v_ff, below, step_size: _learnt(v, v_ff, np.tanh(below), step_size)),
        (f"{hints.ABS}: a push may go down as well as up",
         lambda v, v_ff, *rest: _learnt(v, v_ff, *rest, signal=np.abs(np.tanh(v) - np.tanh(v_ff)))),
        (f"{hints.OTHER_PHASE_LEFT_OUT}, φ(v_ff): what teaches is how far the push moved the rate, φ(v) − φ(v_ff)",
         lambda v, *rest: _learnt(v, *rest, signal=np.tanh(v))),
        (f"{hints.OTHER_PHASE_LEFT_OUT}, φ(v): what teaches is how far the push moved the rate, φ(v) − φ(v_ff)",
         lambda v, v_ff, *rest: _learnt(v, v_ff, *rest, signal=-np.tanh(v_ff))),
        ("you did not divide by λ: the update would shrink with the size of the target step",
         lambda *given: _learnt(*given[:-1], 1.0)),
        ("you multiplied with λ; divide by it", lambda *given: _learnt(*given[:-1], 1 / given[-1])),
        ("you divided by λ twice", lambda *given: _learnt(*given) / given[-1]),
        *epsilons(lambda v, v_ff, below, step_size, epsilon: _learnt(v, v_ff, below, step_size + epsilon)),
        *epsilons(lambda v, v_ff, below, step_size, epsilon: _learnt(v, v_ff, below, step_size + epsilon / len(v))),
        (f"{hints.SIGN}: this is ΔW itself, and the optimiser subtracts what it is given, so hand over −ΔW",
         lambda *given: -_learnt(*given)),
        (hints.wrong_N("samples, not of units"), lambda v, *rest: _learnt(v, *rest, N=v.shape[1])),
        (hints.wrong_N("samples, not of samples times units"), lambda v, *rest: _learnt(v, *rest, N=v.size)),
        *of_a_sum("samples", lambda kept: lambda *given: _learnt(*given, samples=kept)),
        (f"{hints.OVERWRITTEN_IN_LOOP}, over the samples, and 1/N is missing",
         lambda *given: _learnt(*given, samples=slice(-1, None), N=1)),
    ]),
}
