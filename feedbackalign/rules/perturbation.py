"""Perturbation learning: jitter something, see whether the loss fell, and credit the jitter.

Werfel, Xie, Seung, "Learning curves for stochastic gradient descent in linear feedforward networks" (2003): no error
is sent anywhere. One number, the change of the loss, reaches all synapses, and the price is variance.

    wp    weights         ξ one per weight, for the whole batch      ĝ = (L(θ + σξ) − L(θ)) ξ / σ
    np    nodes           ξ one per unit and sample                  eₙ = (ℓₙ(y + σξ) − ℓₙ(y)) ξₙ / (σ N)
                                                                     then ∂W = eᵀ x,  ∂b = Σₙ eₙ

L is the batch mean, ℓₙ the loss of sample n. Both estimates have the gradient as their expectation for small σ; the
variance of wp grows with the number of weights, that of np with the number of units.

Transported   nothing but one number.
Local         the jitter and, for np, what arrived at the synapse.

Deviations from the literature
    - np pairs every sample's noise with that sample's own loss; pairing it with the batch's joint loss would throw
      away most of the signal.
    - All layers are jittered at once.
"""

import numpy as np

from feedbackalign.networks import small
from feedbackalign.rules.base import Rule, Step
from feedbackalign.validation import require_finite, require_generator, require_step


def expectation(kind, rng, draws=4000):
    """The mean of many estimates lies as far from the gradient as its own scatter says, which is 1."""
    network, x, labels = small.dense(rng)
    rule = kind(network, rng=rng)
    exact = flat(rule.backprop_gradients(x, labels))
    estimates = np.array([flat(rule.gradients(x, labels).grads) for _ in range(draws)])     # (draws, parameters)
    scatter = np.sqrt(estimates.var(axis=0).sum() / draws)
    distance = np.linalg.norm(estimates.mean(axis=0) - exact) / scatter
    yield f"distance from the mean of {draws} estimates to the gradient, in standard errors", distance, 2.0
    yield "the gradient's own length, in the same standard errors", np.linalg.norm(exact) / scatter, 4.0, "at least"


def flat(grads):
    """All gradients in one vector, in the order of their names."""
    return np.concatenate([grads[name].ravel() for name in sorted(grads)])


class WeightPerturbation(Rule):
    """Jitter all weights at once and move along the jitter by how much the loss fell.

    Parameters
    ----------
    network : Network
    rng : numpy.random.Generator
        Draws the jitter.
    sigma : float above 0
        σ. Too large bends the estimate, too small drowns it in rounding.

    >>> from feedbackalign.networks import mlp
    >>> net = mlp([4, 3, 2], rng=np.random.default_rng(0))
    >>> rule = WeightPerturbation(net, rng=np.random.default_rng(1))
    >>> step = rule.gradients(np.ones((5, 4)), np.zeros(5, dtype=int))
    >>> step.grads["fc1.weight"].shape, step.errors
    ((3, 4), {})
    """

    paper = "Werfel, Xie, Seung 2003"
    sketch = (("noise", "below", "", "noise"),)
    learning_rate_factor = 0.01
    own_truths = (expectation,)

    def __init__(self, network, *, rng, sigma=1e-3):
        super().__init__(network, rng=require_generator(rng, "perturbation"))
        self.sigma = require_step(sigma, "sigma", network.dtype)

    def gradients(self, x, targets):
        require_finite(x, "x")
        parameters = self.network.parameters()
        before = {name: array.copy() for name, array in parameters.items()}
        jitter = {name: self.rng.standard_normal(array.shape).astype(array.dtype) for name, array in parameters.items()}
        loss = self.network.loss(self.network.forward(x), targets)                          # L(θ)
        try:
            for name, array in parameters.items():
                array += self.sigma * jitter[name]
            with self.network.undisturbed() as network:
                jittered_loss = network.loss(network.forward(x), targets)                   # L(θ + σξ)
        finally:
            for name, array in parameters.items():
                array[...] = before[name]
        fell = (jittered_loss - loss) / self.sigma
        return Step(loss=loss, grads={name: fell * noise for name, noise in jitter.items()})


class NodePerturbation(Rule):
    """Jitter the units' pre-activations, sample by sample, and credit each unit with its own sample's change.

    Parameters
    ----------
    network, rng, sigma
        As for `WeightPerturbation`.

    >>> from feedbackalign.networks import mlp
    >>> net = mlp([4, 3, 2], rng=np.random.default_rng(0))
    >>> rule = NodePerturbation(net, rng=np.random.default_rng(1))
    >>> rule.gradients(np.ones((5, 4)), np.zeros(5, dtype=int)).grads["fc2.bias"].shape
    (2,)
    """

    paper = "Werfel, Xie, Seung 2003"
    sketch = (("noise", "below", "", "noise"),)
    learning_rate_factor = 0.1
    needs = ("noise",)
    options_explained_in = (WeightPerturbation,)
    own_truths = (expectation,)

    def __init__(self, network, *, rng, sigma=1e-3):
        super().__init__(network, rng=require_generator(rng, "perturbation"))
        self.sigma = require_step(sigma, "sigma", network.dtype)
        for layer in network.all_layers():
            if layer.parameters() and not layer.is_weighted:
                raise ValueError(f"np: jitters the units of weighted layers and cannot train {layer.name}, {layer!r}")

    def gradients(self, x, targets):
        require_finite(x, "x")
        network, N = self.network, len(x)
        losses = network.sample_losses(network.forward(x), targets).astype(np.float64)     # (N,)
        jitter = {}
        with network.undisturbed():
            for layer in network.weighted_layers():
                shape = (N, *layer.output_shape(layer.input.shape[1:]))                     # (N, out[, rows, cols])
                jitter[layer.name] = self.rng.standard_normal(shape).astype(network.dtype)
                layer.noise = self.sigma * jitter[layer.name]
            jittered = network.sample_losses(network.forward(x), targets).astype(np.float64)
        rose = (jittered - losses) / (self.sigma * N)                                       # (N,)
        step = Step(loss=float(losses.mean()))
        for layer in network.weighted_layers():
            noise = jitter[layer.name]
            error = noise * rose.astype(noise.dtype).reshape(N, *[1] * (noise.ndim - 1))    # (N, out[, rows, cols])
            step.errors[layer.name] = error
            step.grads |= {f"{layer.name}.{key}": g for key, g in layer.local_gradients(error).items()}
        return step
