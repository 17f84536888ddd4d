"""Lesson 6, learning the feedback: one step of Kolen-Pollack, and one phase of the weight mirror."""

import numpy as np

from feedbackalign import ops
from feedbackalign.exercises.base import Exercise


def kolen_pollack_step(weight, B, error, x, lr, decay):
    """Exercise 6.1. One step of SGD for W and for B (equation 3), with weight decay added to the gradient.

    weight, B (out, in); error (N, out), which is the gradient of the batch mean and so holds its 1/N; x (N, in);
    lr η and decay λ are numbers. Return (new weight, new B).
    """
    raise NotImplementedError


def _both_synapses(rng):
    return [(rng.normal(size=(out, inputs)), rng.normal(size=(out, inputs)), rng.normal(size=(N, out)),
             rng.normal(size=(N, inputs)), lr, decay)
            for N, out, inputs, lr, decay in [(5, 3, 4, 0.1, 0.3), (2, 6, 3, 0.4, 0.05)]]


def _steps(weight, B, error, x, lr, decay, *, scale=1.0, weight_decay=1.0, B_decay=1.0, B_gradient=1.0):
    gradient = scale * ops.linear.linear_weight_gradient(error, x)                      # (out, N) x (N, in)
    return (weight - lr * (gradient + weight_decay * decay * weight),
            B - lr * (B_gradient * gradient + B_decay * decay * B))


def mirror_step(B, weight, noise, rate, sigma):
    """Exercise 6.2. B after one mirror phase (equations 5 and 6).

    B, weight (out, in), noise ξ (N, in) of deviation sigma, rate η_m. Return the new B, (out, in).
    """
    raise NotImplementedError


def _mirrors(rng):
    return [(rng.normal(size=(out, inputs)), rng.normal(size=(out, inputs)), sigma * rng.normal(size=(N, inputs)),
             rate, sigma) for N, out, inputs, rate, sigma in [(5, 3, 4, 0.1, 0.7), (8, 2, 6, 0.2, 1.5)]]


def _mirrored(B, weight, noise, rate, sigma, *, kept=None, divide=None):
    answer = ops.linear.linear(noise, weight)                                           # (N, in) -> (N, out)    Eq. 5
    correlation = ops.linear.linear_weight_gradient(answer, noise) / (len(noise) if divide is None else divide)
    return (1 - rate * sigma**2 if kept is None else kept) * B + rate * correlation     # (out, in)              Eq. 6


EXERCISES = {
    "6.1": Exercise(task=kolen_pollack_step, cases=_both_synapses, right=_steps, parts=("new W", "new B"), mistakes=[
        ("you copied W into B; that is the weight transport which this rule does without",
         lambda *given: _steps(*given)[:1] * 2),
        ("B takes no step at all: its gradient is ∂W too", lambda weight, B, *rest: (_steps(weight, B, *rest)[0], B)),
        ("B has no decay; then D = B − W loses only what W's own decay changes, and does not vanish",
         lambda *given: _steps(*given, B_decay=0.0)),
        ("there is no weight decay; then D = B − W keeps its length for ever",
         lambda *given: _steps(*given, weight_decay=0.0, B_decay=0.0)),
        ("B decays by λW; each synapse only knows its own weight",
         lambda weight, B, error, x, lr, decay: (
             _steps(weight, B, error, x, lr, decay)[0], B - lr * (error.T @ x + decay * weight))),
        ("decay is added to the gradient, so the learning rate multiplies both: η(∂W + λW)",
         lambda weight, B, error, x, lr, decay: tuple(V - lr * (error.T @ x) - decay * V for V in (weight, B))),
        ("B climbs: its gradient has the wrong sign", lambda *given: _steps(*given, B_gradient=-1.0)),
        ("both climb: a step of SGD goes against the gradient", lambda *given: _steps(*given, scale=-1.0)),
        ("your gradient is 1/N of the right one: the error holds its 1/N already",
         lambda weight, B, error, *rest: _steps(weight, B, error, *rest, scale=1 / len(error))),
        ("your gradient is N times the right one: the error is that of the batch mean already",
         lambda weight, B, error, *rest: _steps(weight, B, error, *rest, scale=len(error))),
    ]),
    "6.2": Exercise(task=mirror_step, cases=_mirrors, right=_mirrored, batch="noise", mistakes=[
        ("you took W itself; B may only see noise and answers",
         lambda B, weight, noise, rate, sigma: (1 - rate * sigma**2) * B + rate * sigma**2 * weight),
        ("your correlation is N times too large: it is a mean over the N samples of noise",
         lambda *given: _mirrored(*given, divide=1)),
        ("you divided by N twice",
         lambda B, weight, noise, *rest: _mirrored(B, weight, noise, *rest, divide=len(noise)**2)),
        ("you left out the decay of B, which would grow and grow", lambda *given: _mirrored(*given, kept=1.0)),
        ("the decay is η_m σ², not η_m: the correlation is σ² W on average, and the two must balance at B = W",
         lambda B, weight, noise, rate, sigma: _mirrored(B, weight, noise, rate, sigma, kept=1 - rate)),
        ("the decay is η_m σ², not η_m σ",
         lambda B, weight, noise, rate, sigma: _mirrored(B, weight, noise, rate, sigma, kept=1 - rate * sigma)),
        ("you divided by σ² as well; equation 6 lets the decay balance it",
         lambda B, weight, noise, rate, sigma: _mirrored(B, weight, noise, rate, sigma, divide=len(noise) * sigma**2)),
        ("B moves away from W: the correlation has the wrong sign",
         lambda B, weight, noise, *rest: _mirrored(B, weight, noise, *rest, divide=-len(noise))),
        ("you multiplied the noise with σ; it is of deviation σ already",
         lambda B, weight, noise, rate, sigma: _mirrored(B, weight, noise, rate, sigma, divide=len(noise) / sigma**2)),
        ("there is no unit in the way: the answer ζ is noise Wᵀ as it is, without ReLU",
         lambda B, weight, noise, rate, sigma: (1 - rate * sigma**2) * B + rate * np.maximum(
             noise @ weight.T, 0).T @ noise / len(noise)),
    ]),
}
