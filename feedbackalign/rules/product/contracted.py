"""The same product feedback alignment in fewer operations: the path B·R contracted first.

The middle population is linear, so hop by hop is only one order in which to multiply:

    two-hop        e_in = (e B) R          ∂R = (e B)ᵀ x        N·positions·mid·(out + in·kh·kw) each
    contracted     e_in = e (B R)          ∂R = Bᵀ ∂W           out·mid·in·kh·kw each, once a batch
    closed form    e_in = (e G) W + c e P                       R needs no gradient, momentum or decay at all

Contracting wins on convolutions, two hops on dense layers at usual batch sizes. Either way R is `expansion` times
W's size, and its momentum and decay alone cost more than a whole backprop step; only the closed form is cheap.
"""

import numpy as np

from feedbackalign.rules.product.explicit import Explicit


class Contracted(Explicit):
    """Answers for a rule whose R is an array: per layer in the order of multiplying that takes fewer operations.

    With the wish "contracted" in that order everywhere. `plain` and `wish` as for `Explicit`.
    """

    answers = ("send_back", "learn_feedback", "route")

    def __init__(self, rule, plain, wish):
        super().__init__(rule, plain, wish)
        self.B, self.R = rule.B, rule.R                     # all that the lines of the rule's own file need

    def order(self, layer, error):
        """The order for an error of this size: "two-hop" or "contracted"."""
        if self.wish == "contracted":
            return "contracted"
        out, mid = self.B[layer.name].shape
        fan_in = layer.weight[0].size                                           # in·kh·kw
        samples = error.size // out                                             # N · positions
        two_hop = samples * mid * (out + fan_in)
        contracted = out * mid * fan_in + samples * out * fan_in
        return "two-hop" if two_hop <= contracted else "contracted"

    def send_back(self, layer, error):
        if self.order(layer, error) == "two-hop":
            return self.plain.send_back(self, layer, error)                                         # (e B) R
        return layer.transport(error, self.plain.feedback_weights(self, layer.name))                # e (B R)

    def learn_feedback(self, layer, error, local):
        if self.order(layer, error) == "two-hop":
            return self.plain.learn_feedback(self, layer, error, local)                             # (e B)ᵀ x
        return {f"{layer.name}.R": np.tensordot(self.B[layer.name].T, local["weight"], axes=1)}     # Bᵀ ∂W

    def route(self, layer, N):
        hops = self.plain.route(self, layer, N)
        if self.order(layer, layer.error) == "two-hop":
            return hops
        error, B, R = hops.split(" @ ")
        return f"{error} @ [{B} @ {R}]"
