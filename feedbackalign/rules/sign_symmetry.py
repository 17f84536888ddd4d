"""Sign symmetry: the way down knows the signs of W, and nothing of its magnitudes.

Liao, Leibo, Poggio, "How important is weight symmetry in backpropagation?", arXiv 1510.05067 (2016); Xiao, Chen, Liao,
Poggio, arXiv 1811.03567 (2019); Moskovitz, Litwin-Kumar, Abbott, arXiv 1812.06488 (2018).

    forward     x --W--> y                       Eq. 1   y = x Wᵀ + b
    feedback    e_in <--|M|∘sign W-- e           Eq. 2   e_in = e (|M| ∘ sign W)
    learning    local to the layer               Eq. 3   ∂W = eᵀ x,  ∂b = Σₙ eₙ

    usf     uniform           |M| = s everywhere, s the standard deviation of W's initialisation
    brsf    batchwise random  M drawn afresh for every batch
    frsf    fixed random      M drawn once

Transported   one bit per synapse, read from the present W at every step and never cached.
Local         both factors of Eq. 3.
When it is backprop     |W| = |M|.

Deviations from the papers
    - A weight of exactly zero has sign zero, and no feedback.
    - M is kept apart from the signed product, which is formed anew at every use: overwriting M by it would let two
      sign flips cancel.
    - No batch normalisation and no sign-only update go with it.
"""

import numpy as np

from feedbackalign.ops import initialisers
from feedbackalign.rules.sending import ErrorSendingRule, shape_text, sparse
from feedbackalign.validation import require_generator


def feedback_has_the_signs_of_W(kind, rng):
    """sign(feedback) = sign(W), zero where W is zero, after any number of flips."""
    for name, network, x, labels in kind.small_networks(rng):
        rule, wrong = kind(network, rng=rng), 0
        for _ in range(4):
            for layer in network.weighted_layers():
                layer.weight *= rng.choice([-1.0, 1.0], size=layer.weight.shape)
                layer.weight.flat[0] = 0.0
            rule.gradients(x, labels)
            for layer in network.weighted_layers():
                wrong += int((np.sign(rule.feedback_weights(layer.name)) != np.sign(layer.weight)).sum())
                layer.weight.flat[0] = 1.0
        yield f"feedback signs unlike W's after W's have flipped, {name}", wrong, 0.0


class UniformSignSymmetry(ErrorSendingRule):
    """The signs of W, all with one magnitude per layer.

    Parameters
    ----------
    network : Network
    rng : numpy.random.Generator
        Draws the mask; in the random variants the magnitudes too.
    density : float in (0, 1]
        Share of feedback synapses that exist.

    >>> from feedbackalign.networks import mlp
    >>> net = mlp([4, 3, 2], rng=np.random.default_rng(0))
    >>> rule = UniformSignSymmetry(net, rng=np.random.default_rng(1))
    >>> bool((np.sign(rule.feedback_weights("fc2")) == np.sign(net.layer("fc2").weight)).all())
    True
    """

    paper = "Liao et al. 2016, arXiv 1510.05067; Xiao et al. 2019, arXiv 1811.03567"
    sketch = (("above", "below", "W", "W"), ("above", "below", "M", "fixed"))
    reads_forward_weights = "signs"
    needs = ("init",)
    matches_backprop = "any network"
    own_truths = (feedback_has_the_signs_of_W,)
    magnitude_symbol = "s"

    def __init__(self, network, *, rng, density=1.0):
        super().__init__(network, rng=require_generator(rng, "sign symmetry"))
        self.magnitudes = {}                                    # |M|, zero where there is no feedback synapse
        self.existing = {}                                      # the mask, None at full density
        for layer in network.weighted_layers():
            magnitude, mask = sparse(self.draw_magnitude(layer), density, rng)
            self.magnitudes[layer.name] = magnitude
            self.existing[layer.name] = mask

    def draw_magnitude(self, layer):
        s = initialisers.deviation(layer.weight.shape, layer.init)
        return np.full_like(layer.weight, s)                    # (out, in), W's shape

    def send_back(self, layer, error):                          # error: (N, out) or (N, out, rows, cols)
        return layer.transport(error, self.feedback_weights(layer.name))                                # Eq. 2

    def feedback_weights(self, name):
        return np.sign(self.network.weighted_layer(name).weight) * self.magnitudes[name]

    def constants(self):
        return {f"{name}.M": M for name, M in self.magnitudes.items()}

    def route(self, layer, N):
        shape = shape_text(*layer.weight.shape)
        return f"{shape_text(N, layer.weight.shape[0])} @ {self.magnitude_symbol}·sign(W) {shape}"

    def match_to_backprop(self):
        """Put W = |M| ∘ sign W, leaving every sign as it is; where the mask has no synapse W becomes zero."""
        for layer in self.network.weighted_layers():
            layer.weight[...] = self.feedback_weights(layer.name)


class FixedRandomSignSymmetry(UniformSignSymmetry):
    """The signs of W with fixed random magnitudes."""

    magnitude_symbol = "|M|"

    def draw_magnitude(self, layer):
        return np.abs(layer.draw_weights(self.rng))             # (out, in), W's shape


class BatchwiseRandomSignSymmetry(FixedRandomSignSymmetry):
    """The signs of W with random magnitudes that are drawn afresh for every batch."""

    sketch = (("above", "below", "W", "W"), ("above", "below", "M", "noise"))

    def after_batch(self, x, targets):
        for layer in self.network.weighted_layers():
            M, mask = self.draw_magnitude(layer), self.existing[layer.name]
            self.magnitudes[layer.name][...] = M if mask is None else M * mask

    def constants(self):
        return {}

    def plastic(self):
        return {f"{name}.M": M for name, M in self.magnitudes.items()}

    def masks(self):
        return {f"{name}.M": mask for name, mask in self.existing.items() if mask is not None}
