"""Lesson 9, perturbation learning: a gradient from one number, and from one number per sample."""

import numpy as np

from feedbackalign.exercises import hints
from feedbackalign.exercises.base import Exercise


def weight_perturbation(loss, weight, noise, sigma):
    """Exercise 9.1. One estimate of the gradient by jittering the weights (equation 1).

    loss is a function of a weight array that returns a float; weight and noise ξ are (out, in), sigma is σ.
    Return ĝ, (out, in). The weight array must be afterwards what it was before.
    """
    raise NotImplementedError


class _SquaredError:
    """weight (out, in) -> the mean of ½ Σ (x Wᵀ − targets)², for inputs and targets of its own."""

    def __init__(self, x, targets):
        self.x, self.targets = x, targets

    def __call__(self, weight):
        return float(0.5 * ((self.x @ weight.T - self.targets)**2).sum() / len(self.x))

    def downhill(self, weight):
        return (self.targets - self.x @ weight.T).T @ self.x / len(self.x)


def _layer(rng, N, out, inputs, sigma, size=1.0):
    """Weights, targets and σ of this size."""
    return (_SquaredError(rng.normal(size=(N, inputs)), size * rng.normal(size=(N, out))),
            size * rng.normal(size=(out, inputs)), rng.normal(size=(out, inputs)), size * sigma)


def _layers(rng):
    return [_layer(rng, 6, 3, 4, 0.1), _layer(rng, 4, 2, 5, 0.5)]


def _layers_at_the_limits(rng):
    loss, weight, _, _ = _layer(rng, 5, 3, 2, 0.3)
    return {"one sample": _layer(rng, 1, 3, 4, 0.2), "one unit": _layer(rng, 5, 1, 3, 0.3),
            "one input": _layer(rng, 3, 4, 1, 0.7), "one weight": _layer(rng, 4, 1, 1, 0.4),
            "a σ above 1": _layer(rng, 5, 2, 3, 2.5),
            "a loss that falls": (loss, weight, loss.downhill(weight), 0.01),
            "a loss that rises": (loss, weight, -loss.downhill(weight), 0.02),
            "tiny weights and a tiny σ": _layer(rng, 4, 3, 2, 0.3, size=1e-70),
            "huge weights and a huge σ": _layer(rng, 4, 2, 3, 0.6, size=1e70)}


def _change(loss, weight, noise, sigma):
    return loss(weight + sigma * noise) - loss(weight)


def _credited(loss, weight, noise, sigma):
    return _change(loss, weight, noise, sigma) / sigma * noise


def _one_at_a_time(loss, weight, noise, sigma):
    estimate = np.empty_like(noise)
    for place in np.ndindex(*noise.shape):
        alone = np.zeros_like(noise)
        alone[place] = noise[place]
        estimate[place] = _credited(loss, weight, alone, sigma)[place]
    return estimate


def node_perturbation(x, noise, losses, jittered_losses, sigma):
    """Exercise 9.2. The gradient of W by jittering the outputs of its layer (equations 2 and 3).

    x (N, in) came into the layer, noise ξ (N, out) times sigma was added to its outputs; losses (N,) are those of every
    sample without the noise, jittered_losses (N,) those with it. Return ∂W of the batch mean, (out, in).
    """
    raise NotImplementedError


def _passes(rng, N, out, inputs, sigma):
    return rng.normal(size=(N, inputs)), rng.normal(size=(N, out)), rng.random(N) + 1, rng.random(N) + 1, sigma


def _pairs_of_passes(rng):
    return [_passes(rng, 6, 3, 4, 0.1), _passes(rng, 4, 2, 5, 0.5)]


def _passes_at_the_limits(rng):
    x, noise, losses, jittered_losses, sigma = _passes(rng, 5, 2, 3, 0.3)
    return {"one sample": _passes(rng, 1, 3, 4, 0.2), "one unit": _passes(rng, 5, 1, 3, 0.4),
            "one input": _passes(rng, 3, 4, 1, 0.7), "one sample, unit and input": _passes(rng, 1, 1, 1, 0.6),
            "a σ above 1": _passes(rng, 7, 2, 3, 2.5),
            "losses that fall": (x, noise, losses, losses - 0.5 * rng.random(5), sigma),
            "a tiny σ": (x, noise, losses, jittered_losses, 1e-150),
            "a huge σ": (x, noise, losses, jittered_losses, 1e150),
            "tiny losses": (x, noise, 1e-150 * losses, 1e-150 * jittered_losses, sigma),
            "huge losses": (x, noise, 1e150 * losses, 1e150 * jittered_losses, sigma)}


def _given_credit(x, noise, change, sigma, samples=slice(None), N=None):
    """change (N,), or one number for all samples."""
    error = (np.ones(len(x)) * change)[:, None] * noise / (sigma * (N or len(x)))       # (N, out)
    return error[samples].T @ x[samples]                                                # (out, N) x (N, in)


def _each_its_own(x, noise, losses, jittered_losses, sigma, **other):
    return _given_credit(x, noise, jittered_losses - losses, sigma, **other)


def _changed(what):
    """A mistake in the change of the losses alone: what(change) -> change."""
    return lambda x, noise, losses, jittered_losses, sigma: _given_credit(
        x, noise, what(jittered_losses - losses), sigma)


EXERCISES = {
    "9.1": Exercise(
        task=weight_perturbation, cases=_layers, limits=_layers_at_the_limits, right=_credited, mistakes=[
            ("you divided by σ twice: once is enough, for the credit goes to ξ, not to σ ξ",
             lambda *given: _credited(*given) / given[-1]),
            ("you did not divide by σ, or gave the credit to σ ξ in the place of ξ",
             lambda *given: _credited(*given) * given[-1]),
            ("you multiplied by σ, where Eq. 1 divides by it", lambda *given: _credited(*given) * given[-1]**2),
            ("the weights were jittered by ξ itself; σ ξ is what belongs there",
             lambda loss, weight, noise, sigma: _change(loss, weight, noise, 1.0) / sigma * noise),
            *[("you jittered both ways; Eq. 1 takes away the loss without jitter, L(θ)",
               lambda loss, weight, noise, sigma, apart=apart: (
                   loss(weight + sigma * noise) - loss(weight - sigma * noise)) / (apart * sigma) * noise)
              for apart in (2, 1)],
            (f"{hints.SIGN}, that of the jitter: it is added to the weights",
             lambda *given: _change(*given[:3], -given[-1]) / given[-1] * given[2]),
            ("the jitter is added to the weights, not multiplied with them",
             lambda loss, weight, noise, sigma: _change(loss, weight, weight * noise, sigma) / sigma * noise),
            ("the jitter is added to the weights; you put it in their place",
             lambda loss, weight, noise, sigma: (loss(sigma * noise) - loss(weight)) / sigma * noise),
            (f"{hints.SIGN}, that of the loss without jitter: it is subtracted",
             lambda loss, weight, noise, sigma: (loss(weight + sigma * noise) + loss(weight)) / sigma * noise),
            ("you did not subtract the loss without jitter, L(θ): what is credited is the change",
             lambda loss, weight, noise, sigma: loss(weight + sigma * noise) / sigma * noise),
            (f"{hints.ABS}: the loss may fall",
             lambda *given: abs(_change(*given)) / given[-1] * given[2]),
            (f"{hints.CLIPPED}: the loss may fall",
             lambda *given: max(_change(*given), 0.0) / given[-1] * given[2]),
            ("the change counts by its size; yours by its sign alone",
             lambda *given: np.sign(_change(*given)) * given[2]),
            ("you divided by the noise; credit is the change times ξ",
             lambda *given: _change(*given) / (given[-1] * given[2])),
            ("the credit is the change times ξ itself; yours is times its sign",
             lambda *given: _change(*given) / given[-1] * np.sign(given[2])),
            *[("nothing is divided by the length of the noise: the mean of ξ ξᵀ is the identity as it is",
               lambda *given, power=power: _credited(*given) / np.linalg.norm(given[2])**power) for power in (1, 2)],
            *[("σ comes as an argument, and in one place you have a number for it", mistake) for mistake in (
                lambda *given: _credited(*given) * given[-1] / 0.1,
                lambda *given: _change(*given[:3], 0.1) / given[-1] * given[2])],
            ("this is W after a step, not the estimate", lambda *given: given[1] - _credited(*given)),
            *[("this is one number for all: each weight is credited by its own ξ", mistake) for mistake in (
                lambda *given: np.full_like(given[2], _change(*given) / given[-1]),
                lambda *given: _change(*given) / given[-1])],
            ("each weight was jittered alone; all of them are jittered at once, and heard once", _one_at_a_time),
            (hints.mean_twice("weights: an estimate is no mean over them"),
             lambda *given: _credited(*given) / given[2].size),
            (hints.mean_twice("units: an estimate is no mean over them"),
             lambda *given: _credited(*given) / len(given[2])),
        ]),
    "9.2": Exercise(
        task=node_perturbation, cases=_pairs_of_passes, limits=_passes_at_the_limits, right=_each_its_own, batch="x",
        mistakes=[
            *[("you credited every sample's noise with one change of the whole batch; each has a change of its own",
               _changed(one)) for one in (np.mean, np.sum)],
            ("you did not divide by σ, or gave the credit to σ ξ in the place of ξ",
             lambda *given: _each_its_own(*given) * given[-1]),
            ("you divided by σ twice: once is enough, for the credit goes to ξ, not to σ ξ",
             lambda *given: _each_its_own(*given) / given[-1]),
            ("you multiplied by σ, where Eq. 2 divides by it", lambda *given: _each_its_own(*given) * given[-1]**2),
            ("each sample's own loss is subtracted; yours is the mean of the batch",
             lambda x, noise, losses, jittered_losses, sigma: _given_credit(
                 x, noise, jittered_losses - losses.mean(), sigma)),
            (f"{hints.SIGN}, that of the loss without noise: it is subtracted",
             lambda x, noise, losses, jittered_losses, sigma: _given_credit(
                 x, noise, jittered_losses + losses, sigma)),
            ("you did not subtract the loss without noise",
             lambda x, noise, losses, jittered_losses, sigma: _given_credit(x, noise, jittered_losses, sigma)),
            (f"{hints.ABS}: a loss may fall", _changed(np.abs)),
            (f"{hints.CLIPPED}: a loss may fall", _changed(lambda change: np.maximum(change, 0))),
            *[("the change counts by its size; yours by its sign alone", mistake) for mistake in (
                _changed(np.sign), lambda *given: _changed(np.sign)(*given) * given[-1])],
            ("you left out the layer's input: Eq. 3 is eᵀ x, and this is eᵀ times ones",
             lambda x, *rest: _each_its_own(np.ones_like(x), *rest)),
            ("you left out the noise: each unit is credited by its own ξ",
             lambda x, noise, *rest: _each_its_own(x, np.ones_like(noise), *rest)),
            ("the credit is the change times ξ itself; yours is times its sign",
             lambda x, noise, *rest: _each_its_own(x, np.sign(noise), *rest)),
            ("you took the means over the batch before the product; each sample has a product of its own",
             lambda x, *rest: _each_its_own(np.broadcast_to(x.mean(axis=0), x.shape), *rest)),
            ("you divided by the noise; credit is the change times ξ",
             lambda x, noise, *rest: _each_its_own(x, 1 / noise, *rest)),
            *[(hints.wrong_N(f"samples, {not_of}"), lambda *given, count=count: _each_its_own(*given, N=count(*given)))
              for not_of, count in [("not of units", lambda x, noise, *rest: noise.shape[1]),
                                    ("not of inputs", lambda x, *rest: x.shape[1]),
                                    ("not of samples times units", lambda x, noise, *rest: noise.size)]],
            (f"{hints.OFF_BY_ONE}: the mean divides by N, not by N − 1",
             lambda x, *rest: _each_its_own(x, *rest) * np.divide(len(x), len(x) - 1)),
            *[(f"{hint}, {where}", lambda *given, only=only: _each_its_own(*given, samples=only))
              for hint, where, only in [(hints.OVERWRITTEN_IN_LOOP, "over the samples", slice(-1, None)),
                                        (hints.FIRST_LEFT_OUT, "the first sample's", slice(1, None)),
                                        (hints.LAST_LEFT_OUT, "the last sample's", slice(None, -1))]],
        ]),
}
