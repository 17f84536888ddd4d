"""Learned feedback forgets its start at a rate that no data can change; so the rule has a closed form.

Product feedback alignment learns R by ∂R = Bᵀ ∂W, Kolen-Pollack learns B by ∂B = ∂W. Look at what is *left over*,

    D = R − Bᵀ W      (Kolen-Pollack: D = B − W)

Both terms of D receive the same gradient, so under SGD with momentum μ, learning rate η and decay λ, the same for
W and R, it cancels: D obeys v ← μ v + λ D; D ← D − η v. No data, no loss and no error is in it. Hence D_t = c_t D_0
with one scalar c, the **echo** of the start, which obeys SGD's own recursion with gradient zero: it is simply one more
float64 parameter, started at 1, and learning-rate schedules, momentum and checkpoints need no special case.

    R_t = c_t D_0 + Bᵀ W_t         B R_t = G W_t + c_t P,    G = B Bᵀ,   P = B D_0   computed once

It costs what backprop costs, and it says clearly what the rule is: backprop through W, with the error mixed by B Bᵀ,
plus a fading echo of a random start. The explicit rule never reads W on the way down; that is what a brain might
compute. The formula only predicts it, and to do so it reads W.

Exact where every weight meets the same SGD: one learning rate, one decay, momentum still zero at the start, no masks.
`explicit` looks whether that is so at the first training step, and then hands over to a `ClosedForm`.

Li & Benna, arXiv 2405.20594, state the decay of the difference; Kolen & Pollack 1994 theirs.
"""

import numpy as np

from feedbackalign.ops.norms import norm


class ClosedForm:
    """Answers for a rule whose learned feedback is a formula of D_0 = `D` and W; the rule's own arrays are dropped.

    Attributes
    ----------
    echo : float64 array of shape ()
        c.
    D, P, G : dicts of arrays, per layer
        The start that fades, what it looks like in W's place, and B Bᵀ (None where that is the identity). They lie
        in the rule as well, where `astype` finds them.
    """

    answers = ("send_back", "learn_feedback", "parameters", "feedback_weights", "difference", "learned_R", "route",
               "set_feedback", "match_to_backprop")         # the rule's methods that are answered here in its place
    array, echo_name = "R", "pfa.echo"                      # where the rule held what it learned, and c's name

    def __init__(self, rule, D):
        self.name, self.network, self.B, self.before = rule.name, rule.network, rule.B, rule.way
        getattr(rule, self.array).clear()
        self.echo = np.ones(())
        self.D = rule.D = D
        self.P, self.G = rule.P, rule.G = {}, {}
        for layer in self.network.weighted_layers():
            self.P[layer.name], self.G[layer.name] = self.seen_in_W(layer)
        self.left_by_update = None                          # the mark of W after our own last update

    def seen_in_W(self, layer):
        """P = B D_0 and G = B Bᵀ, None where B is orthogonal, to the last digit or two."""
        B = self.B[layer.name]
        G = B @ B.T                                                             # (out, mid) x (mid, out)
        is_identity = np.abs(G - np.eye(len(G))).max() < 16 * np.finfo(B.dtype).eps
        return np.tensordot(B, self.D[layer.name], axes=1), None if is_identity else G

    # ---------------------------------------------------------------------------------------- in the rule's place

    def send_back(self, layer, error):
        """e_in = (e G) W + c (e P), in whichever order takes fewer operations."""
        P, G = self.P[layer.name], self.G[layer.name]
        out, fan_in = len(layer.weight), layer.weight[0].size
        samples = error.size // out                                             # N · positions
        if G is None or out * fan_in <= samples * (out + fan_in):
            return layer.transport(error, self.path(layer))                     # e (G W + c P)
        mixed = layer.mix_outputs(error, G)                                     # (N, out) x (out, out) -> (N, out)
        down = layer.transport(mixed, layer.weight)                             # (N, out) x (out, in) -> (N, in)
        down += layer.transport(error * float(self.echo), P)
        return down

    def learn_feedback(self, layer, error, local):
        """Gradient zero: c only decays."""
        return {self.echo_name: np.zeros(())}

    def parameters(self):
        return {self.echo_name: self.echo}

    def path(self, layer):
        """What acts in W's place: G W + c P, in W's shape."""
        P, G = self.P[layer.name], self.G[layer.name]
        path = P * float(self.echo)
        W = layer.weight.reshape(len(path), -1)                                 # (out, in), a kernel's entries in a row
        path += (W if G is None else G @ W).reshape(path.shape)                 # (out, out) x (out, in)
        return path

    def feedback_weights(self, name):
        return self.path(self.network.weighted_layer(name))

    def difference(self, layer):
        """D = c D_0."""
        return float(self.echo) * self.D[layer.name]

    def learned_R(self, name):
        """R = c D_0 + Bᵀ W."""
        return float(self.echo) * self.D[name] + np.tensordot(self.B[name].T, self.network.layer(name).weight, axes=1)

    def route(self, layer, N):
        return f"closed form: e G W + {float(self.echo):.3g} e P"

    def set_feedback(self, name, **arrays):
        """Refused: there is no array to set."""
        raise ValueError(f"{self.name}: the closed form holds the feedback as a formula; arrays can be set "
                         f"before the first training step, or in a rule made with {self.explicit_routes()}")

    def explicit_routes(self):
        return " or ".join(f"route={route!r}" for route in self.before.plain.routes[:-1])

    def match_to_backprop(self):
        """Refused too."""
        self.set_feedback("")

    # -------------------------------------------------------------------------------------- beside the rule's own

    def meet_optimizer(self, rule, optimizer):
        """Refuse what would break the formula."""
        reason = "the optimiser is a foreign one"
        if hasattr(optimizer, "why_not_uniform"):
            reason = optimizer.why_not_uniform()
            if not reason and optimizer.carries_momentum() and not optimizer.carries_momentum(self.echo_name):
                reason = "another optimiser, which carries momentum from elsewhere"
            was, now = self.left_by_update, mark_of_weights(self.network)
            if not reason and was is not None and was != now:
                reason = "W was assigned in mid-run"
        if reason:
            raise ValueError(f"{self.name}: the closed form holds no longer: {reason}. "
                             f"Make the rule with {self.explicit_routes()} for such a run")

    def after_batch(self):
        self.left_by_update = mark_of_weights(self.network)

    def difference_norms(self, rule):
        return {name: abs(float(self.echo)) * norm(D) for name, D in self.D.items()}

    def notes(self, rule):
        return {"difference_norm": self.difference_norms(rule), "route": "closed-form", "echo": float(self.echo)}

    def state(self):
        return self.before.state() | {f"closed_form/{name}.D": D.copy() for name, D in self.D.items()}


def mark_of_weights(network):
    """A mark of W that changes when W is assigned: the bytes of some 16 evenly spread rows of every weighted layer.

    All rows up to 31. To read every entry of a wide layer twice a step would cost a hundredth of it and more.
    """
    return [layer.weight[::max(1, len(layer.weight) // 16)].tobytes() for layer in network.weighted_layers()]
