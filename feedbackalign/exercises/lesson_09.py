"""Lesson 9, perturbation learning: a gradient from one number, and from one number per sample."""

import numpy as np

from feedbackalign.exercises.base import Exercise


def weight_perturbation(loss, weight, noise, sigma):
    """Exercise 9.1. One estimate of the gradient by jittering the weights (equation 1).

    loss is a function of a weight array that returns a float; weight and noise ξ are (out, in), sigma is σ.
    Return ĝ, (out, in). The weight array must be afterwards what it was before.
    """
    raise NotImplementedError


def _losses_of_a_layer(rng):
    return [(_SquaredError(rng.normal(size=(N, inputs)), rng.normal(size=(N, out))), rng.normal(size=(out, inputs)),
             rng.normal(size=(out, inputs)), sigma) for N, out, inputs, sigma in [(6, 3, 4, 0.1), (4, 2, 5, 0.5)]]


class _SquaredError:
    """weight (out, in) -> the mean of ½ Σ (x Wᵀ − targets)², for inputs and targets of its own."""

    def __init__(self, x, targets):
        self.x, self.targets = x, targets

    def __call__(self, weight):
        return float(0.5 * ((self.x @ weight.T - self.targets)**2).sum() / len(self.x))


def _credited(loss, weight, noise, sigma):
    return (loss(weight + sigma * noise) - loss(weight)) / sigma * noise


def node_perturbation(x, noise, losses, jittered_losses, sigma):
    """Exercise 9.2. The gradient of W by jittering the outputs of its layer (equations 2 and 3).

    x (N, in) came into the layer, noise ξ (N, out) times sigma was added to its outputs; losses (N,) are those of every
    sample without the noise, jittered_losses (N,) those with it. Return ∂W of the batch mean, (out, in).
    """
    raise NotImplementedError


def _one_layer_twice(rng):
    return [(rng.normal(size=(N, inputs)), rng.normal(size=(N, out)), rng.random(N) + 1, rng.random(N) + 1, sigma)
            for N, out, inputs, sigma in [(6, 3, 4, 0.1), (4, 2, 5, 0.5)]]


def _each_its_own(x, noise, losses, jittered_losses, sigma):
    error = (jittered_losses - losses)[:, None] * noise / (sigma * len(x))              # (N, out)
    return error.T @ x                                                                  # (out, N) x (N, in)


EXERCISES = {
    "9.1": Exercise(task=weight_perturbation, cases=_losses_of_a_layer, right=_credited, mistakes=[
        ("you divided by σ twice, or left the noise without its σ",
         lambda loss, weight, noise, sigma: _credited(loss, weight, noise, sigma) / sigma),
        ("you did not divide by σ", lambda loss, weight, noise, sigma: _credited(loss, weight, noise, sigma) * sigma),
        ("the weights were jittered by ξ itself; σ ξ is what belongs there",
         lambda loss, weight, noise, sigma: (loss(weight + noise) - loss(weight)) / sigma * noise),
        ("you jittered both ways; Eq. 1 takes away the loss without jitter, L(θ)",
         lambda loss, weight, noise, sigma: (loss(weight + sigma * noise) - loss(weight - sigma * noise)) / 2 / sigma
         * noise),
        ("you did not subtract the loss without jitter, L(θ): what is credited is the change",
         lambda loss, weight, noise, sigma: loss(weight + sigma * noise) / sigma * noise),
        ("you divided by the noise; credit is the change times ξ",
         lambda loss, weight, noise, sigma: (loss(weight + sigma * noise) - loss(weight)) / (sigma * noise)),
        ("this is one number for all: each weight is credited by its own ξ",
         lambda loss, weight, noise, sigma: np.full_like(
             noise, (loss(weight + sigma * noise) - loss(weight)) / sigma)),
    ]),
    "9.2": Exercise(task=node_perturbation, cases=_one_layer_twice, right=_each_its_own, batch="x", mistakes=[
        ("you credited every sample's noise with the mean change of the batch; each has a change of its own",
         lambda x, noise, losses, jittered_losses, sigma: _each_its_own(
             x, noise, np.full_like(losses, losses.mean()), np.full_like(losses, jittered_losses.mean()), sigma)),
        ("you did not divide by σ",
         lambda x, noise, losses, jittered_losses, sigma: _each_its_own(x, noise, losses, jittered_losses, 1.0)),
        ("you did not subtract the loss without noise",
         lambda x, noise, losses, jittered_losses, sigma: _each_its_own(x, noise, 0.0, jittered_losses, sigma)),
        ("you left out the layer's input: Eq. 3 is eᵀ x, and this is eᵀ times ones",
         lambda x, noise, losses, jittered_losses, sigma: _each_its_own(np.ones_like(x), noise, losses, jittered_losses,
                                                                        sigma)),
    ]),
}
