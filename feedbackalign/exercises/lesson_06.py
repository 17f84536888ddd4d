"""Lesson 6, learning the feedback: one step of Kolen-Pollack, and one phase of the weight mirror."""

import numpy as np

from feedbackalign import ops
from feedbackalign.exercises import hints
from feedbackalign.exercises.base import Exercise


def kolen_pollack_step(weight, B, error, x, lr, decay):
    """Exercise 6.1. One step of SGD for W and for B (equation 3), with weight decay added to the gradient.

    weight, B (out, in); error (N, out), which is the gradient of the batch mean and so holds its 1/N; x (N, in);
    lr η and decay λ are numbers. Return (new weight, new B).
    """
    raise NotImplementedError


def _layer(rng, N, out, inputs, lr, decay):
    return (rng.normal(size=(out, inputs)), rng.normal(size=(out, inputs)), rng.normal(size=(N, out)),
            rng.normal(size=(N, inputs)), lr, decay)


def _layers(rng):
    return [_layer(rng, 5, 3, 4, 0.1, 0.3), _layer(rng, 2, 6, 3, 0.4, 0.05)]


def _layers_at_the_limits(rng):
    weight, B, error, x, lr, decay = _layer(rng, 4, 3, 2, 0.03, 0.7)
    return {"one sample": _layer(rng, 1, 3, 4, 0.2, 0.1), "one synapse": _layer(rng, 3, 1, 1, 0.7, 0.2),
            "synapses of weight 0": (0.0 * weight, B * (B > 0), error, x, lr, decay),
            "W and B alike": (weight, weight.copy(), error, x, lr, decay),
            "no decay": (weight, B, error, x, lr, 0.0), "a tiny rate": (weight, B, error, x, 1e-150, decay),
            "no error": (weight, B, 0.0 * error, x, lr, decay),
            "a decay that takes all": (weight, B, error, x, 0.5, 2.0),
            "tiny weights": (1e-150 * weight, 1e-150 * B, 1e-150 * error, x, lr, decay),
            "huge weights": (1e150 * weight, 1e150 * B, 1e150 * error, x, lr, decay)}


def _steps(weight, B, error, x, lr, decay, *, scale=1.0, weight_decay=1.0, B_decay=1.0, B_gradient=1.0,
           samples=slice(None)):
    gradient = scale * ops.linear.linear_weight_gradient(error[samples], x[samples])            # (out, N) x (N, in)
    return (weight - lr * (gradient + weight_decay * decay * weight),
            B - lr * (B_gradient * gradient + B_decay * decay * B))


def mirror_step(B, weight, noise, rate, sigma):
    """Exercise 6.2. B after one mirror phase (equations 5 and 6).

    B, weight (out, in), noise ξ (N, in) of deviation sigma, rate η_m. Return the new B, (out, in).
    """
    raise NotImplementedError


def _mirror(rng, N, out, inputs, rate, sigma):
    return (rng.normal(size=(out, inputs)), rng.normal(size=(out, inputs)), sigma * rng.normal(size=(N, inputs)), rate,
            sigma)


def _mirrors(rng):
    return [_mirror(rng, 5, 3, 4, 0.1, 0.7), _mirror(rng, 8, 2, 6, 0.2, 1.5)]


def _mirrors_at_the_limits(rng):
    B, weight, noise, rate, sigma = _mirror(rng, 6, 4, 3, 0.05, 0.4)
    return {"one sample": _mirror(rng, 1, 3, 4, 0.3, 0.6), "one synapse": _mirror(rng, 7, 1, 1, 0.1, 2.0),
            "synapses of weight 0": (B, weight * (weight > 0), noise, rate, sigma),
            "B = 0": (0.0 * B, weight, noise, rate, sigma), "noise of deviation 1": _mirror(rng, 5, 2, 3, 0.2, 1.0),
            "strong noise": _mirror(rng, 4, 2, 5, 0.1, 30.0),
            "tiny weights": (1e-150 * B, 1e-150 * weight, noise, rate, sigma),
            "huge weights": (1e150 * B, 1e150 * weight, noise, rate, sigma)}


def _mirrored(B, weight, noise, rate, sigma, *, kept=None, divide=None, samples=slice(None), unit=np.positive):
    answer = unit(ops.linear.linear(noise, weight))                                     # (N, in) -> (N, out)    Eq. 5
    sum_of_products = ops.linear.linear_weight_gradient(answer[samples], noise[samples])
    correlation = sum_of_products / (len(noise) if divide is None else divide)
    return (1 - rate * sigma**2 if kept is None else kept) * B + rate * correlation     # (out, in)              Eq. 6


EXERCISES = {
    "6.1": Exercise(task=kolen_pollack_step, cases=_layers, limits=_layers_at_the_limits, right=_steps,
                    parts=("new W", "new B"), mistakes=[
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
        ("you exchanged the two: the new W comes first", lambda *given: _steps(*given)[::-1]),
        ("W takes no step: both synapses learn", lambda weight, B, *rest: (weight, _steps(weight, B, *rest)[1])),
        ("the learning rate multiplies the gradient too: η(∂W + λW)",
         lambda weight, B, error, x, lr, decay: tuple(V - error.T @ x - lr * decay * V for V in (weight, B))),
        ("both terms are of the weight before the step: yours decays after its step along the gradient",
         lambda weight, B, error, x, lr, decay: tuple((1 - lr * decay) * (V - lr * error.T @ x) for V in (weight, B))),
        ("there is no learning rate: the step is η(∂W + λW)",
         lambda weight, B, error, x, lr, decay: tuple(V - error.T @ x - decay * V for V in (weight, B))),
        ("the decay is λ times the weight, not λ alone",
         lambda weight, B, error, x, lr, decay: tuple(V - lr * (error.T @ x + decay) for V in (weight, B))),
        (f"{hints.SIGN}, that of B's gradient: B climbs", lambda *given: _steps(*given, B_gradient=-1.0)),
        (f"{hints.SIGN}, that of the gradient: both climb", lambda *given: _steps(*given, scale=-1.0)),
        (f"{hints.DECAY_SIGN}: W and B would grow", lambda *given: _steps(*given, weight_decay=-1.0, B_decay=-1.0)),
        (f"{hints.DECAY_SIGN}, that of W: it would grow", lambda *given: _steps(*given, weight_decay=-1.0)),
        (f"{hints.DECAY_SIGN}, that of B: it would grow", lambda *given: _steps(*given, B_decay=-1.0)),
        (f"{hints.mean_twice('samples')}: the error holds its 1/N already",
         lambda weight, B, error, *rest: _steps(weight, B, error, *rest, scale=1 / len(error))),
        (f"your gradient is N times the right one; {hints.no_mean('samples')}, which the error had",
         lambda weight, B, error, *rest: _steps(weight, B, error, *rest, scale=len(error))),
        (f"{hints.OVERWRITTEN_IN_LOOP}, over the samples", lambda *given: _steps(*given, samples=slice(-1, None))),
        (f"{hints.FIRST_LEFT_OUT}, the first sample's", lambda *given: _steps(*given, samples=slice(1, None))),
        (f"{hints.LAST_LEFT_OUT}, the last sample's", lambda *given: _steps(*given, samples=slice(None, -1))),
    ]),
    "6.2": Exercise(task=mirror_step, cases=_mirrors, limits=_mirrors_at_the_limits, right=_mirrored, batch="noise",
                    counted="samples of noise", mistakes=[
        ("you took W itself; B may only see noise and answers",
         lambda B, weight, noise, rate, sigma: (1 - rate * sigma**2) * B + rate * sigma**2 * weight),
        (f"{hints.no_mean('samples of noise')}, over which the correlation is a mean",
         lambda *given: _mirrored(*given, divide=1)),
        (f"{hints.mean_twice('samples of noise')}, and the correlation is a mean over them, once",
         lambda B, weight, noise, *rest: _mirrored(B, weight, noise, *rest, divide=len(noise)**2)),
        (hints.wrong_N("samples of noise, not of inputs"),
         lambda B, weight, noise, *rest: _mirrored(B, weight, noise, *rest, divide=noise.shape[1])),
        (hints.wrong_N("samples of noise, not of outputs"),
         lambda B, weight, noise, *rest: _mirrored(B, weight, noise, *rest, divide=len(weight))),
        (hints.wrong_N("samples of noise; a mean over all entries divides by the inputs too"),
         lambda B, weight, noise, *rest: _mirrored(B, weight, noise, *rest, divide=noise.size)),
        (hints.wrong_N("samples of noise; N − 1 is for a variance about a mean that is measured"),
         lambda B, weight, noise, *rest: _mirrored(B, weight, noise, *rest, divide=len(noise) - 1)),
        (f"{hints.DECAY_SIGN}: B would grow",
         lambda B, weight, noise, rate, sigma: _mirrored(B, weight, noise, rate, sigma, kept=1 + rate * sigma**2)),
        ("nothing of B is kept but its decay: the step is added to B",
         lambda B, weight, noise, rate, sigma: _mirrored(B, weight, noise, rate, sigma, kept=-rate * sigma**2)),
        (f"{hints.OVERWRITTEN_IN_LOOP}, over the samples", lambda *given: _mirrored(*given, samples=slice(-1, None))),
        (f"{hints.FIRST_LEFT_OUT}, the first sample's", lambda *given: _mirrored(*given, samples=slice(1, None))),
        (f"{hints.LAST_LEFT_OUT}, the last sample's", lambda *given: _mirrored(*given, samples=slice(None, -1))),
        ("you left out the decay of B, which would grow and grow", lambda *given: _mirrored(*given, kept=1.0)),
        ("the decay is η_m σ², not η_m: the correlation is σ² W on average, and the two must balance at B = W",
         lambda B, weight, noise, rate, sigma: _mirrored(B, weight, noise, rate, sigma, kept=1 - rate)),
        ("the decay is η_m σ², not σ²",
         lambda B, weight, noise, rate, sigma: _mirrored(B, weight, noise, rate, sigma, kept=1 - sigma**2)),
        ("the decay is η_m σ², not η_m σ",
         lambda B, weight, noise, rate, sigma: _mirrored(B, weight, noise, rate, sigma, kept=1 - rate * sigma)),
        ("you divided by σ² as well; equation 6 lets the decay balance it",
         lambda B, weight, noise, rate, sigma: _mirrored(B, weight, noise, rate, sigma, divide=len(noise) * sigma**2)),
        ("η_m multiplies the correlation too", lambda B, weight, noise, rate, sigma: _mirrored(
            B, weight, noise, rate, sigma, divide=rate * len(noise))),
        ("the answer ζ comes through W, not through B", lambda B, weight, noise, rate, sigma: _mirrored(
            B, B, noise, rate, sigma)),
        ("what decays is B, not W", lambda B, weight, noise, rate, sigma: _mirrored(
            B, weight, noise, rate, sigma, kept=1.0) - rate * sigma**2 * weight),
        (f"{hints.SIGN}, that of the correlation: B moves away from W",
         lambda B, weight, noise, *rest: _mirrored(B, weight, noise, *rest, divide=-len(noise))),
        ("you multiplied the noise with σ; it is of deviation σ already",
         lambda B, weight, noise, rate, sigma: _mirrored(B, weight, noise, rate, sigma, divide=len(noise) / sigma**2)),
        ("there is no unit in the way: the answer ζ is noise Wᵀ as it is, without ReLU",
         lambda *given: _mirrored(*given, unit=ops.activations.relu)),
    ]),
}
