"""Lesson 15, a controller instead of a backward pass: the control at rest, and what the push teaches."""

import numpy as np

from feedbackalign.exercises.base import Exercise


def steady_control(J, Q, delta, damping):
    """Exercise 15.1. The control at rest, for every sample its own (equation 5).

    J (N, out, units) are the derivatives of the output by all voltages, Q (units, out) the feedback weights of all
    layers, delta (N, out) what is missing at the output, damping α̃ a number. Return u, (N, out).
    """
    raise NotImplementedError


def _loops(rng):
    """J Q near the identity, so that no case is close to singular."""
    cases = []
    for N, out, units in [(4, 3, 7), (5, 2, 6)]:
        J = rng.normal(size=(N, out, units))
        Q = np.linalg.pinv(J.mean(axis=0)) + 0.05 * rng.normal(size=(units, out))
        J = J.mean(axis=0) + 0.2 * (J - J.mean(axis=0))
        cases.append((J, Q, rng.normal(size=(N, out)), 0.3))
    return cases


def _solved(J, Q, delta, damping, system=None):
    JQ = J @ Q if system is None else system                    # (N, out, units) x (units, out) -> (N, out, out)
    return np.linalg.solve(JQ + damping * np.eye(J.shape[1]), delta[..., None])[..., 0]


def control_update(v, v_ff, below, step_size):
    """Exercise 15.2. What the weights of a layer of tanh units learn from the push, as a gradient (equation 4).

    v and v_ff (N, hidden) are the voltages with and without what the controller adds, below (N, in) the rates of the
    layer below, step_size is λ. Return −ΔW, (hidden, in): the optimiser goes against what it is given.
    """
    raise NotImplementedError


def _pushed_layer(rng):
    cases = []
    for N, hidden, inputs in [(5, 3, 4), (4, 6, 2)]:
        v_ff = rng.normal(size=(N, hidden))
        cases.append((v_ff + 0.4 * rng.normal(size=(N, hidden)), v_ff, rng.normal(size=(N, inputs)), 0.05))
    return cases


def _learnt(v, v_ff, below, step_size, signal=None):
    signal = np.tanh(v) - np.tanh(v_ff) if signal is None else signal           # (N, hidden)
    return signal.T @ below / (-step_size * len(v))                             # (hidden, N) x (N, in)


EXERCISES = {
    "15.1": Exercise(task=steady_control, cases=_loops, right=_solved, batch="delta", mistakes=[
        ("you left out α̃ I: the leak keeps the controller from going all the way",
         lambda J, Q, delta, damping: _solved(J, Q, delta, 0.0)),
        ("α̃ was added to every entry of J Q; α̃ I has it on the diagonal alone",
         lambda J, Q, delta, damping: np.linalg.solve(J @ Q + damping, delta[..., None])[..., 0]),
        ("you solved with (J Q)ᵀ: the rows of delta are samples, u_n = (J_n Q + α̃ I)⁻¹ δ_n",
         lambda J, Q, delta, damping: _solved(J, Q, delta, damping, (J @ Q).swapaxes(1, 2))),
        ("you multiplied with J Q + α̃ I; its inverse belongs there",
         lambda J, Q, delta, damping: ((J @ Q + damping * np.eye(J.shape[1])) @ delta[..., None])[..., 0]),
        ("you solved with the mean of J over the samples; every sample has a J of its own",
         lambda J, Q, delta, damping: _solved(J, Q, delta, damping, J.mean(axis=0) @ Q + 0 * (J @ Q))),
        ("this is δ itself: nothing has been solved", lambda J, Q, delta, damping: delta.copy()),
    ]),
    "15.2": Exercise(task=control_update, cases=_pushed_layer, right=_learnt, batch="below", mistakes=[
        ("you took the difference of the voltages; Eq. 4 has the difference of the rates, φ(v) − φ(v_ff)",
         lambda v, v_ff, below, step_size: _learnt(v, v_ff, below, step_size, v - v_ff)),
        ("you put the difference of the voltages through tanh; each is put through it before they are subtracted",
         lambda v, v_ff, below, step_size: _learnt(v, v_ff, below, step_size, np.tanh(v - v_ff))),
        ("you did not divide by λ: the update would shrink with the size of the target step",
         lambda v, v_ff, below, step_size: step_size * _learnt(v, v_ff, below, step_size)),
        ("you divided by λ twice", lambda v, v_ff, below, step_size: _learnt(v, v_ff, below, step_size) / step_size),
        ("you used the rate itself; what teaches is how far the push moved it, φ(v) − φ(v_ff)",
         lambda v, v_ff, below, step_size: _learnt(v, v_ff, below, step_size, np.tanh(v))),
        ("this is ΔW itself; the optimiser subtracts what it is given, so hand over −ΔW",
         lambda *given: -_learnt(*given)),
    ]),
}
