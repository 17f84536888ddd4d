"""Weight mirror: the layer's inputs emit noise, its outputs answer, and the correlation of the two is W.

Akrout, Wilson, Humphreys, Lillicrap, Tweed, "Deep learning without weight transport", arXiv 1904.05391 (2019).

    forward     x --W--> y                       Eq. 1   y = x Wᵀ + b
    feedback    e_in <--B-- e                    Eq. 2   e_in = e B
    learning    local to the layer               Eq. 3   ∂W = eᵀ x,  ∂b = Σₙ eₙ
    mirror      ξ --W--> ζ                       Eq. 4   ζ = ξ Wᵀ,   ξ noise of deviation σ, all else silent
                                                 Eq. 5   B ← (1 − λ_m) B + η_m ζᵀ ξ / N,   λ_m = η_m σ²

E[ζᵀ ξ / N] = σ² W, so B's fixed point is W. The mirror phase follows every update, on a random stream of the rule's
own; B is never given to the optimiser.

Transported   no weights: noise and answers, at the two ends of each synapse.
Local         Eq. 3 and Eq. 5. What the rule needs instead is a phase in which the inputs fall silent, layer by layer.
When it is backprop     B = W.

Deviations from the paper
    - No nonlinearity on the answer ζ: a ReLU halves the expectation, tanh and sigmoid bend it.
    - λ_m is tied to η_m σ², which makes the fixed point W itself and not a multiple of it.
    - Convolutions: every kernel entry is divided by the number of output positions that use it; with padding and
      stride these differ, and B would not come to be parallel to W.
"""

import numpy as np

from feedbackalign import alignment
from feedbackalign.rules.sending import ErrorSendingRule, shape_text, sparse
from feedbackalign.validation import require_generator, require_known, require_number, require_step


def mirror_finds_W(kind, rng):
    """B's fixed point under the mirror phase is W: noise of many samples, from a random start."""
    for name, network, x, labels in kind.small_networks(rng):
        rule = kind(network, rng=rng, mirror_rate=0.2)
        rule.gradients(x, labels)
        for _ in range(40):
            for layer in network.weighted_layers():
                rule.mirror(layer, (1500, *layer.input.shape[1:]))
        angles, ratios = alignment.weight_angles(rule), alignment.norm_ratios(rule)
        yield f"degrees between B and W after the mirror phase, {name}", list(angles.values()), 4.0
        yield f"|B| / |W| minus 1 after the mirror phase, {name}", [abs(ratio - 1) for ratio in ratios.values()], 0.05


class WeightMirror(ErrorSendingRule):
    """Backward weights B that learn W from noise sent through it.

    Parameters
    ----------
    network : Network
        Layers whose input is an image need a known input shape.
    rng : numpy.random.Generator
        Draws B and its mask, and all the noise.
    density : float in (0, 1]
        Share of feedback synapses that exist.
    mirror_rate : float in (0, 1)
        η_m. Smaller is slower and less noisy: B's relative noise is about √(η_m · in / 2N).
    sigma : float above 0
        σ, the noise's deviation.

    >>> import numpy as np
    >>> from feedbackalign.networks import mlp
    >>> net = mlp([4, 3, 2], rng=np.random.default_rng(0))
    >>> rule = WeightMirror(net, rng=np.random.default_rng(1))
    >>> sorted(rule.plastic())
    ['fc1.B', 'fc2.B']
    """

    paper = "Akrout et al. 2019, arXiv 1904.05391"
    sketch = (("above", "below", "B", "learned"), ("noise", "below", "", "noise"))
    matches_backprop = "any network"
    needs = ("respond", "correlate")
    own_truths = (mirror_finds_W,)

    def __init__(self, network, *, rng, density=1.0, mirror_rate=0.02, sigma=1.0):
        super().__init__(network, rng=require_generator(rng, "wm"))
        self.sigma = require_step(sigma, "sigma", network.dtype)
        self.mirror_rate = require_number(mirror_rate, "mirror_rate", low=0, high=1, low_open=True, high_open=True)
        require_number(self.mirror_rate * self.sigma**2, "mirror_rate · sigma²", high=1,
                       low=float(np.finfo(network.dtype).eps))                  # B moves by this share of itself
        self.B, self.B_masks = {}, {}
        for layer in network.weighted_layers():
            self.B[layer.name], mask = sparse(layer.draw_weights(rng), density, rng)        # (out, in), W's shape
            if mask is not None:
                self.B_masks[layer.name] = mask

    def send_back(self, layer, error):                          # error: (N, out) or (N, out, rows, cols)
        return layer.transport(error, self.B[layer.name])       # (N, out) x (out, in) -> (N, in)      Eq. 2

    def after_batch(self, x, targets):
        """The mirror phase, every layer on its own."""
        for layer in self.network.weighted_layers():
            self.mirror(layer, layer.input.shape)

    def mirror(self, layer, shape):
        """One mirror phase of one layer, with noise in the shape of its input, (N, in) or (N, in, H, W)."""
        B = self.B[layer.name]
        noise = self.rng.standard_normal(shape, dtype=B.dtype) * self.sigma                 # (N, in)
        answer = layer.respond(noise)                                                       # (N, out)         Eq. 4
        B *= 1 - self.mirror_rate * self.sigma**2
        B += self.mirror_rate * layer.correlate(answer, noise)                              # (out, in)        Eq. 5
        if layer.name in self.B_masks:
            B *= self.B_masks[layer.name]

    def plastic(self):
        return {f"{name}.B": B for name, B in self.B.items()}

    def masks(self):
        return {f"{name}.B": mask for name, mask in self.B_masks.items()}

    def feedback_weights(self, name):
        return self.B[require_known(name, self.B, "layer")]

    def route(self, layer, N):
        return f"{shape_text(N, layer.weight.shape[0])} @ B {shape_text(*layer.weight.shape)}"

    def match_to_backprop(self):
        """Put B = W."""
        for layer in self.network.weighted_layers():
            self.B[layer.name][...] = layer.weight
