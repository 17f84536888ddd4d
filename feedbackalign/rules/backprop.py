"""Backprop: send the error down through the forward weights themselves, read backwards.

Rumelhart, Hinton, Williams, "Learning representations by back-propagating errors", Nature 323, 533 (1986).

    forward     x --W--> y               Eq. 1   y = x Wᵀ + b
    feedback    e_in <--W-- e            Eq. 2   e_in = e W
    learning    local to the layer       Eq. 3   ∂W = eᵀ x,  ∂b = Σₙ eₙ

Transported   W itself: the way down must know every forward weight at every step (the weight transport problem).
Local         both factors of Eq. 3.
"""

from feedbackalign.rules.sending import ErrorSendingRule, shape_text


class Backprop(ErrorSendingRule):
    """The exact gradient: the error goes down through W.

    Parameters
    ----------
    network : Network
    rng : ignored
        Taken so that all rules are made alike.

    >>> import numpy as np
    >>> from feedbackalign.networks import mlp
    >>> net = mlp([4, 3, 2], rng=np.random.default_rng(0))
    >>> Backprop(net).feedback_weights("fc2") is net.layer("fc2").weight
    True
    """

    paper = "Rumelhart, Hinton, Williams 1986, Nature 323, 533"
    sketch = (("above", "below", "W", "W"),)
    reads_forward_weights = "yes"
    matches_backprop = "always"

    def send_back(self, layer, error):                  # error: (N, out) or (N, out, rows, cols)
        return layer.transport(error, layer.weight)     # (N, out) x (out, in) -> (N, in)          Eq. 2

    def feedback_weights(self, name):
        return self.network.weighted_layer(name).weight

    def route(self, layer, N):
        return f"{shape_text(N, layer.weight.shape[0])} @ W {shape_text(*layer.weight.shape)}"

    def match_to_backprop(self):
        """Nothing to do."""
