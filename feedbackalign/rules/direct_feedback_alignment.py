"""Direct feedback alignment: every layer gets the error at the network's output, straight through random weights.

Nøkland, "Direct feedback alignment provides learning in deep neural networks", arXiv 1609.01596 (2016).

    forward     x --W--> y                       Eq. 1   y = x Wᵀ + b
    feedback    e_in <--B-- e_L                  Eq. 2   e_in = e_L B          (N, classes) x (classes, in)
    learning    local to the layer               Eq. 3   ∂W = eᵀ x,  ∂b = Σₙ eₙ

e_L is the error at the output of the whole network; the layer's own error does not matter below it. For a
convolution B is (classes, in·H·W) and its product is reshaped to the layer's input.

Transported   nothing, and nothing travels layer by layer: depth costs no time.
Local         both factors of Eq. 3, once e_L has been broadcast.
When it is backprop     in a linear network of dense layers, with B_l = W_L … W_l.

Deviations from the paper
    - B is drawn by the layer's own initialiser over its own shape. The lowest layer's B exists and routes no error.
    - In residual networks what each weighted layer sends down is replaced; identity branches still carry their error.
"""

import numpy as np

from feedbackalign.layers import Identity
from feedbackalign.rules.sending import ErrorSendingRule, shape_text, sparse
from feedbackalign.validation import require_generator


class DirectFeedbackAlignment(ErrorSendingRule):
    """Fixed random weights B from the output's error straight to every layer's input.

    Parameters
    ----------
    network : Network
        With a known input shape: B is as large as the layer's whole input.
    rng : numpy.random.Generator
        Draws B and its mask; not used again.
    density : float in (0, 1]
        Share of feedback synapses that exist.

    >>> from feedbackalign.networks import mlp
    >>> rule = DirectFeedbackAlignment(mlp([4, 3, 2], rng=np.random.default_rng(0)), rng=np.random.default_rng(1))
    >>> rule.B["fc1"].shape, rule.B["fc2"].shape
    ((2, 4), (2, 3))
    """

    paper = "Nøkland 2016, arXiv 1609.01596"
    sketch = (("output", "below", "B", "fixed"),)
    matches_backprop = "linear network"
    sent = "e_L"

    def __init__(self, network, *, rng, density=1.0):
        super().__init__(network, rng=require_generator(rng, "direct feedback"))
        if network.input_shape is None:
            raise ValueError("direct feedback reaches whole layers and needs their sizes: "
                             "make the network with Network(…, input_shape=(channels, height, width))")
        self.B = {}
        for layer in network.weighted_layers():
            inputs = int(np.prod(network.shapes[layer.name][0]))                            # in, or in·H·W
            self.B[layer.name], _ = sparse(layer.draw_weights(rng, (network.outputs, inputs)), density, rng)

    def send_back(self, layer, error):
        down = self.output_error @ self.B[layer.name]           # (N, classes) x (classes, in) -> (N, in)     Eq. 2
        return down.reshape(layer.input.shape)

    def constants(self):
        return {f"{name}.B": B for name, B in self.B.items()}

    def direct_feedback(self, name):
        """B where the unit projected to is an output of the network: in the top layer alone, if that is dense."""
        top = self.network.weighted_layers()[-1]
        self.network.weighted_layer(name)
        return self.B[name] if name == top.name and top.weight.ndim == 2 else None

    def route(self, layer, N):
        B = self.B[layer.name]
        return f"{self.sent} {shape_text(N, len(B))} @ B {shape_text(*B.shape)}"

    def match_to_backprop(self):
        """In a linear network of dense layers, put B_l = W_L … W_l."""
        product = np.eye(self.network.outputs, dtype=self.network.dtype)
        for layer in reversed(self.network.layers):
            if layer.is_weighted and layer.weight.ndim == 2:
                product = product @ layer.weight                # (classes, out) x (out, in) -> (classes, in)
                self.B[layer.name][...] = product
            elif not isinstance(layer, Identity):
                raise ValueError(f"{self.name}: matches backprop in linear networks of dense layers only, "
                                 f"and {layer.name} is {layer!r}")
