"""The same product feedback alignment in fewer operations: contracted, or in closed form.

The middle population is linear, so hop by hop is only one order in which to multiply:

    two-hop        e_in = (e B) R          ∂R = (e B)ᵀ x        N·positions·mid·(out + in·kh·kw) each
    contracted     e_in = e (B R)          ∂R = Bᵀ ∂W           out·mid·in·kh·kw each, once a batch
    closed form    e_in = (e G) W + c e P                       R needs no gradient, momentum or decay at all

Contracting wins on convolutions, two hops on dense layers at usual batch sizes. Either way R is `expansion` times
W's size, and its momentum and decay alone cost more than a whole backprop step; only the closed form is cheap. It is
taken by itself at the first training step where it is exact (`closed_form`), and an explicit route otherwise, layer
by layer the one with fewer operations.
"""

import numpy as np

from feedbackalign.rules.product.closed_form import ClosedForm
from feedbackalign.rules.product.product_feedback_alignment import ProductFeedbackAlignment

ROUTES = ("two-hop", "contracted", "closed-form")


class RoutedProductFeedbackAlignment(ClosedForm, ProductFeedbackAlignment):
    """Two matrices, B then R, in place of W: their product comes to line up with W.

    Parameters
    ----------
    network, rng, expansion, density
        As for `ProductFeedbackAlignment`.
    route : "two-hop", "contracted", "closed-form" or None
        None lets the rule choose. "closed-form" is refused at the first training step if it would not be exact.

    Examples
    --------
    >>> from feedbackalign.networks import mlp
    >>> net = mlp([4, 3, 2], rng=np.random.default_rng(0))
    >>> rule = RoutedProductFeedbackAlignment(net, rng=np.random.default_rng(1), route="contracted")
    >>> rule.feedback_weights("fc2").shape
    (2, 3)
    """

    echo_name = "pfa.echo"
    routes = ROUTES

    def __init__(self, network, *, rng, expansion=10, density=1.0, route=None):
        super().__init__(network, rng=rng, expansion=expansion, density=density)
        self.start_explicit(route, ROUTES)

    def explicit_route(self, layer, error):
        """The user's choice, or the route with fewer operations for an error of this size."""
        if self.wish in ("two-hop", "contracted"):
            return self.wish
        out, mid = self.B[layer.name].shape
        fan_in = layer.weight[0].size                                           # in·kh·kw
        samples = error.size // out                                             # N · positions
        two_hop = samples * mid * (out + fan_in)
        contracted = out * mid * fan_in + samples * out * fan_in
        return "two-hop" if two_hop <= contracted else "contracted"

    def send_back(self, layer, error):
        if self.echo is not None:
            return self.send_back_closed(layer, error)
        if self.explicit_route(layer, error) == "contracted":
            return layer.transport(error, self.feedback_weights(layer.name))    # e (B R)
        return super().send_back(layer, error)                                  # (e B) R

    def learn_feedback(self, layer, error, local):
        if self.echo is not None:
            return {self.echo_name: np.zeros(())}
        if self.explicit_route(layer, error) == "contracted":
            return {f"{layer.name}.R": np.tensordot(self.B[layer.name].T, local["weight"], axes=1)}     # Bᵀ ∂W
        return super().learn_feedback(layer, error, local)                      # (e B)ᵀ x

    def difference(self, layer):
        """D = R − Bᵀ W, (mid, in[, kh, kw])."""
        B = self.B[layer.name]
        return self.R[layer.name] - np.tensordot(B.T, layer.weight, axes=1)

    def seen_in_W(self, layer):
        """P = B D in W's shape, and G = B Bᵀ, (out, out): None where B is orthogonal, to the last digit or two."""
        B = self.B[layer.name]
        G = B @ B.T                                                             # (out, mid) x (mid, out)
        is_identity = np.abs(G - np.eye(len(G))).max() < 16 * np.finfo(B.dtype).eps
        return np.tensordot(B, self.D[layer.name], axes=1), None if is_identity else G

    def learned_R(self, name):
        """R as it stands now, (mid, in[, kh, kw]): the array itself, or c·D_0 + Bᵀ W in the closed form."""
        if self.echo is None:
            return self.R[name]
        return float(self.echo) * self.D[name] + np.tensordot(self.B[name].T, self.network.layer(name).weight, axes=1)

    def leave_explicit(self):
        super().leave_explicit()
        self.R = {}

    def parameters(self):
        return super().parameters() if self.echo is None else {self.echo_name: self.echo}

    def feedback_weights(self, name):
        return super().feedback_weights(name) if self.echo is None else self.path(self.network.layer(name))

    def load_state(self, state):
        if not self.R:                                                          # out of the closed form
            self.R = {layer.name: np.tensordot(self.B[layer.name].T, layer.weight, axes=1)      # R's shape
                      for layer in self.network.weighted_layers()}
        super().load_state(state)
        if self.echo is not None:
            self.R = {}

    def route(self, layer, N):
        if self.echo is not None:
            return f"closed form: e G W + {float(self.echo):.3g} e P"
        if self.explicit_route(layer, layer.error) == "contracted":
            hops = super().route(layer, N).split(" @ ")                         # error, B, R
            return f"{hops[0]} @ [{hops[1]} @ {hops[2]}]"
        return super().route(layer, N)


class OrthogonalProductFeedbackAlignment(RoutedProductFeedbackAlignment):
    """Product feedback alignment with B orthogonal, mid = out: B Bᵀ = I, so the path can come to equal W."""

    mixing = "orthogonal"

    def __init__(self, network, *, rng, density=1.0, route=None):
        super().__init__(network, rng=rng, expansion=1, density=density, route=route)


class IdentityProductFeedbackAlignment(RoutedProductFeedbackAlignment):
    """Product feedback alignment with B the identity: the middle population copies the outputs, R acts as KP's B."""

    mixing = "identity"

    def __init__(self, network, *, rng, density=1.0, route=None):
        super().__init__(network, rng=rng, expansion=1, density=density, route=route)
