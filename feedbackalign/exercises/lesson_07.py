"""Lesson 7, product feedback alignment: one layer's learning phase in two hops, and the echo of R's start."""

import numpy as np

from feedbackalign import ops
from feedbackalign.exercises import hints
from feedbackalign.exercises.base import Exercise
from feedbackalign.optimizer import SGD


def product_feedback(x, error, weight, B, R):
    """Exercise 7.1. Send the error down in two hops, and find both gradients (equations 1 to 3).

    x (N, in), error (N, out), which holds its 1/N, weight (out, in), B (out, mid), R (mid, in).
    Return (e_in, ∂W, ∂R) of shapes (N, in), (out, in), (mid, in). Not every argument is needed.
    """
    raise NotImplementedError


def _layer(rng, N, inputs, out, mid):
    return (rng.normal(size=(N, inputs)), rng.normal(size=(N, out)), rng.normal(size=(out, inputs)),
            rng.normal(size=(out, mid)), rng.normal(size=(mid, inputs)))


def _layers(rng):
    return [_layer(rng, 5, 4, 3, 6), _layer(rng, 3, 5, 2, 8)]


def _layers_at_the_limits(rng):
    x, error, weight, B, R = _layer(rng, 4, 3, 2, 4)
    return {"one sample": _layer(rng, 1, 4, 3, 6), "one input": _layer(rng, 5, 1, 2, 4),
            "one output": _layer(rng, 4, 3, 1, 5), "one unit in the middle": _layer(rng, 6, 2, 1, 1),
            "an expansion of 1": _layer(rng, 5, 4, 3, 3),
            "synapses of weight 0": (x, error, 0.0 * weight, B, R * (R > 0)),
            "a tiny error": (x, 1e-150 * error, weight, B, R), "a huge error": (x, 1e150 * error, weight, B, R)}


def _two_hops(x, error, weight, B, R, *, way_down=None, R_gradient=None, W_of=slice(None), R_of=slice(None)):
    middle = ops.linear.linear_transport(error, B)                              # (N, out) x (out, mid) -> (N, mid)
    down = ops.linear.linear_transport(middle, R)                               # (N, mid) x (mid, in) -> (N, in)
    return (down if way_down is None else way_down, ops.linear.linear_weight_gradient(error[W_of], x[W_of]),
            ops.linear.linear_weight_gradient(middle[R_of], x[R_of]) if R_gradient is None else R_gradient)


def _of_samples(which):
    """Both gradients of these samples alone."""
    return lambda *given: _two_hops(*given, W_of=which, R_of=which)


def _scaled(power, both=False):
    """∂R, or both gradients, times N^power."""
    def mistake(x, error, *rest):
        down, gradient, R_gradient = _two_hops(x, error, *rest)
        return down, gradient * float(len(x))**(power * both), R_gradient * float(len(x))**power
    return mistake


def echo_of_the_start(lrs, decays, momentum):
    """Exercise 7.2. c after every step of SGD with momentum (equation 4), from c = 1 and v = 0.

    lrs and decays (steps,): η and λ of each step; momentum μ, a number. Return c after each step, (steps,).
    """
    raise NotImplementedError


def _schedules(rng):
    return [(rng.uniform(0.1, 0.5, size=steps), rng.uniform(0.1, 0.4, size=steps), momentum)
            for steps, momentum in [(6, 0.9), (9, 0.5)]]


def _schedules_at_the_limits(rng):
    lrs, decays = rng.uniform(0.1, 0.5, size=(2, 7))
    return {"one step": (lrs[:1], decays[:1], 0.8), "no momentum": (lrs, decays, 0.0),
            "no decay": (lrs, 0.0 * decays, 0.7), "a momentum near 1": (lrs, decays, 0.99),
            "some tiny rates": (np.where(lrs > 0.3, lrs, 1e-150), decays, 0.6),
            "decays that swing c below 0": (np.full(12, 0.9), rng.uniform(0.5, 1.0, size=12), 0.95),
            "constant rates": (np.full(5, 0.2), np.full(5, 0.3), 0.4)}


def _echo(lrs, decays, momentum):
    c, optimizer, echo = np.ones(()), SGD(lr=1.0, momentum=momentum), []
    for optimizer.lr, optimizer.weight_decay in zip(lrs, decays):
        optimizer.step({"c": c}, {"c": np.zeros(())})
        echo.append(float(c))
    return np.array(echo)


def _recursion(lrs, decays, momentum, velocity, step=lambda c, v, eta: c - eta * v):
    """c after each step of v ← velocity(v, c, η, λ, μ), c ← step(c, v, η)."""
    c, v, echo = 1.0, 0.0, []
    for eta, decay in zip(lrs, decays):
        v = velocity(v, c, eta, decay, momentum)
        c = step(c, v, eta)
        echo.append(c)
    return np.array(echo)


def _late_velocity(lrs, decays, momentum):
    c, v, echo = 1.0, 0.0, []
    for eta, decay in zip(lrs, decays):
        c, v = c - eta * v, momentum * v + decay * c
        echo.append(c)
    return np.array(echo)


def _nesterov(lrs, decays, momentum):
    c, v, echo = 1.0, 0.0, []
    for eta, decay in zip(lrs, decays):
        v = momentum * v + decay * c
        c = c - eta * (momentum * v + decay * c)
        echo.append(c)
    return np.array(echo)


EXERCISES = {
    "7.1": Exercise(task=product_feedback, cases=_layers, limits=_layers_at_the_limits, right=_two_hops,
                    parts=("e_in", "∂W", "∂R"), batch="error", mistakes=[
        ("you sent the error through W; it goes through B and then through R",
         lambda x, error, weight, B, R: _two_hops(x, error, weight, B, R, way_down=error @ weight)),
        ("you sent the error through B Bᵀ W, where the path ends: to know it one must read W, so use R as it is",
         lambda x, error, weight, B, R: _two_hops(x, error, weight, B, R, way_down=error @ (B @ (B.T @ weight)))),
        ("you gave R's place Bᵀ W for a gradient; R never sees W, only m = e B and x",
         lambda x, error, weight, B, R: _two_hops(x, error, weight, B, R, R_gradient=B.T @ weight)),
        ("the signal at R's synapse is m = e B alone; you multiplied it with R's weights or W's too",
         lambda x, error, weight, B, R: _two_hops(x, error, weight, B, R, R_gradient=(error @ B).T @ x * R)),
        (f"{hints.mean_twice('samples')}: your ∂R is 1/N of the right one; the error holds its 1/N",
         _scaled(-1)),
        (f"{hints.mean_twice('samples')}: your gradients are 1/N of the right ones; the error holds its 1/N",
         _scaled(-1, both=True)),
        (f"your ∂R is N times the right one; {hints.no_mean('samples')}, which the error had", _scaled(1)),
        (f"your gradients are N times the right ones; {hints.no_mean('samples')}, which the error had",
         _scaled(1, both=True)),
        ("the order is e_in, ∂W, ∂R", lambda *given: _two_hops(*given)[::-1]),
        (f"{hints.SIGN}, that of ∂R: it climbs, which would drive R away from Bᵀ W",
         lambda x, error, weight, B, R: _two_hops(x, error, weight, B, R, R_gradient=-(error @ B).T @ x)),
        (f"{hints.OVERWRITTEN_IN_LOOP}, over the samples", _of_samples(slice(-1, None))),
        (f"{hints.OVERWRITTEN_IN_LOOP}, over the samples of ∂R",
         lambda *given: _two_hops(*given, R_of=slice(-1, None))),
        (f"{hints.FIRST_LEFT_OUT}, the first sample's", _of_samples(slice(1, None))),
        (f"{hints.LAST_LEFT_OUT}, the last sample's", _of_samples(slice(None, -1))),
    ]),
    "7.2": Exercise(task=echo_of_the_start, cases=_schedules, limits=_schedules_at_the_limits, right=_echo, mistakes=[
        ("you left out the momentum: c would shrink by 1 − ηλ a step",
         lambda lrs, decays, momentum: np.cumprod(1 - lrs * decays)),
        (f"{hints.OFF_BY_ONE}: your c stands before each step, and the first entry is after the first step",
         lambda *given: np.concatenate([[1.0], _echo(*given)[:-1]])),
        ("the learning rate stands outside the velocity: v ← μ v + λ c, then c ← c − η v; it matters when η changes",
         lambda *given: _recursion(*given, velocity=lambda v, c, eta, decay, mu: mu * v + eta * decay * c,
                                   step=lambda c, v, eta: c - v)),
        ("your velocity weighs the new term by 1 − μ; here it is v ← μ v + λ c",
         lambda *given: _recursion(*given, velocity=lambda v, c, eta, decay, mu: mu * v + (1 - mu) * decay * c)),
        ("c takes its step with the velocity of the step before; v is renewed first", _late_velocity),
        ("the decay of the start is λ, not λ c: it would never slow down",
         lambda *given: _recursion(*given, velocity=lambda v, c, eta, decay, mu: mu * v + decay)),
        ("you kept η and λ of the first step; they change from step to step",
         lambda lrs, decays, momentum: _echo(np.full_like(lrs, lrs[0]), np.full_like(decays, decays[0]), momentum)),
        ("this is exp(−Σ ηλ / (1 − μ)), which c follows only on average over many small steps",
         lambda lrs, decays, momentum: np.exp(-np.cumsum(lrs * decays) / (1 - momentum))),
        ("this is the slow law, 1 − ηλ / (1 − μ) a step, which c follows only once v has gathered way",
         lambda lrs, decays, momentum: np.cumprod(1 - lrs * decays / (1 - momentum))),
        (f"{hints.FIRST_LEFT_OUT}: there is a c after the first step too", lambda *given: _echo(*given)[1:]),
        (f"{hints.LAST_LEFT_OUT}: there is a c after the last step too", lambda *given: _echo(*given)[:-1]),
        ("c is wanted after every step, not after the last alone", lambda *given: float(_echo(*given)[-1])),
        ("c before the first step is no part of the answer: it has one entry a step",
         lambda *given: np.concatenate([[1.0], _echo(*given)])),
        (f"{hints.OFF_BY_ONE}: each step takes the rate of the step before",
         lambda lrs, decays, momentum: _echo(np.concatenate([lrs[:1], lrs[:-1]]), decays, momentum)),
        (f"{hints.OFF_BY_ONE}: each step takes the decay of the step before",
         lambda lrs, decays, momentum: _echo(lrs, np.concatenate([decays[:1], decays[:-1]]), momentum)),
        ("η and λ are exchanged: λ stands in the velocity, η before it",
         lambda lrs, decays, momentum: _echo(decays, lrs, momentum)),
        ("this is Nesterov's momentum; here c takes its step with v alone", _nesterov),
        (f"{hints.DECAY_SIGN}: c would grow",
         lambda *given: _recursion(*given, velocity=lambda v, c, eta, decay, mu: mu * v + decay * c,
                                   step=lambda c, v, eta: c + eta * v)),
    ]),
}
