"""Feedback alignment: send the error down through fixed random weights instead of W.

Lillicrap, Cownden, Tweed, Akerman, "Random synaptic feedback weights support error backpropagation for deep
learning", Nature Communications 7, 13276 (2016), arXiv 1411.0247.

    forward     x --W--> y               Eq. 1   y = x Wᵀ + b
    feedback    e_in <--B-- e            Eq. 2   e_in = e B
    learning    local to the layer       Eq. 3   ∂W = eᵀ x,  ∂b = Σₙ eₙ

Transported   nothing. B is drawn once and never learns; W is never read on the way down.
Local         both factors of Eq. 3 are at the synapse: what arrived (x) and what came back (e).
Why it works  training turns W until it lies within 90° of B, so that e B points downhill.
When it is backprop     B = W.

Deviations from the paper
    - B is drawn by the layer's own initialiser (Xavier uniform), not from a range chosen by hand: one fixed range
      for all layers makes accuracy depend on width.
    - Convolutions: B is a kernel of W's shape, carried by the layer's transposed convolution.
    - `density` keeps a random share of the synapses of B; what is kept is not rescaled.
"""

from feedbackalign.rules.sending import ErrorSendingRule, shape_text, sparse
from feedbackalign.validation import require_generator, require_known


class FeedbackAlignment(ErrorSendingRule):
    """Backward weights B, one array per weighted layer, in the shape of the layer's W.

    Parameters
    ----------
    network : Network
    rng : numpy.random.Generator
        Draws B and its mask; not used again.
    density : float in (0, 1]
        Share of feedback synapses that exist; the others stay zero.

    >>> import numpy as np
    >>> from feedbackalign.networks import mlp
    >>> rule = FeedbackAlignment(mlp([4, 3, 2], rng=np.random.default_rng(0)), rng=np.random.default_rng(1))
    >>> rule.feedback_weights("fc2").shape
    (2, 3)
    """

    paper = "Lillicrap et al. 2016, arXiv 1411.0247"
    sketch = (("above", "below", "B", "fixed"),)
    matches_backprop = "any network"

    def __init__(self, network, *, rng, density=1.0):
        super().__init__(network, rng=require_generator(rng, "fa"))
        self.B = {}
        for layer in network.weighted_layers():
            self.B[layer.name], _ = sparse(layer.draw_weights(rng), density, rng)   # (out, in), W's shape

    def send_back(self, layer, error):                          # error: (N, out) or (N, out, rows, cols)
        return layer.transport(error, self.B[layer.name])       # (N, out) x (out, in) -> (N, in)      Eq. 2

    def constants(self):
        return {f"{name}.B": B for name, B in self.B.items()}

    def feedback_weights(self, name):
        return self.B[require_known(name, self.B, "layer")]

    def route(self, layer, N):
        return f"{shape_text(N, layer.weight.shape[0])} @ B {shape_text(*layer.weight.shape)}"

    def match_to_backprop(self):
        """Put B = W: from here on every gradient equals backprop's, until W learns."""
        for layer in self.network.weighted_layers():
            self.B[layer.name][...] = layer.weight
