"""Learned feedback forgets its start at a rate that no data can change; so the rule has a closed form.

Product feedback alignment learns R by ∂R = Bᵀ ∂W, Kolen-Pollack learns B by ∂B = ∂W. Look at what is *left over*,

    D = R − Bᵀ W      (Kolen-Pollack: D = B − W)

Both terms of D receive the same gradient, so under SGD with momentum μ, learning rate η and decay λ, the same for
W and R, it cancels: D obeys v ← μ v + λ D; D ← D − η v. No data, no loss and no error is in it. Hence D_t = c_t D_0
with one scalar c, the **echo** of the start, which obeys SGD's own recursion with gradient zero: it is simply one more
float64 parameter, started at 1, and learning-rate schedules, momentum and checkpoints need no special case.

    R_t = c_t D_0 + Bᵀ W_t         B R_t = G W_t + c_t P,    G = B Bᵀ,   P = B D_0   computed once

Backprop's own price, and the clearest statement of what the rule is: backprop through W with the error mixed by
B Bᵀ, plus a fading echo of a random start. In the explicit rule nobody ever reads W. The biology computes this;
the formula only predicts it, and to do so it reads W.

Exact where every weight meets the same SGD: one learning rate, one decay, momentum still zero at the start, no masks.
Li & Benna, arXiv 2405.20594, state the decay of the difference; Kolen & Pollack 1994 theirs.
"""

import numpy as np

from feedbackalign.validation import require_known


class ClosedForm:
    """Mixed into a rule that learns its feedback by gradients: trains in the closed form wherever that is exact.

    The rule says what is left over at a layer (`difference`), and what of it W's place sees (`seen_in_W`).
    Until the first training step everything is explicit and every array an ordinary one.

    Attributes
    ----------
    echo : float64 array of shape (), or None
        c; None as long as the rule is explicit.
    D, P, G : dicts of arrays, per layer
        The start that fades, what it looks like in W's place, and B Bᵀ (None where that is the identity).
    """

    echo_name = "echo"

    def start_explicit(self, route, routes):
        """To be called by __init__: `route` is the user's wish, one of `routes`, or None to let the rule choose."""
        self.wish = None if route is None else require_known(route, routes, "route")
        self.decided = route not in (None, "closed-form")
        self.echo = None
        self.D, self.P, self.G = {}, {}, {}
        self.left_by_update = None                          # W's mark as our own update left it
        self.why_explicit = "chosen by the user" if self.decided else "no training step yet"

    # ---------------------------------------------------------------------------------------- before every update

    def meet_optimizer(self, optimizer):
        """Decide at the first training step, and from then on refuse what would break the formula."""
        if self.echo is not None:
            self.refuse_what_breaks_it(optimizer)
        elif not self.decided:
            self.why_explicit = self.why_not(optimizer)
            if self.why_explicit and self.wish == "closed-form":
                raise ValueError(f"{self.name}: the closed form is not exact here: {self.why_explicit}")
            self.decided = True
            if not self.why_explicit:
                self.leave_explicit()

    def why_not(self, optimizer):
        """The reason why the closed form would not be exact; "" where it is."""
        if self.network.masks() or self.masks():
            return "a mask on W or on the learned feedback"
        if not hasattr(optimizer, "why_not_uniform"):
            return f"the optimiser {type(optimizer).__name__} does not say that it treats all weights alike"
        if optimizer.carries_momentum():
            return "the optimiser already carries momentum"
        return optimizer.why_not_uniform()

    def leave_explicit(self):
        """Take D_0 now, and forget the learned array: from here on it is c·D_0 plus what W tells."""
        self.D = {layer.name: self.difference(layer) for layer in self.network.weighted_layers()}
        self.echo = np.ones(())
        self.prepare()

    def prepare(self):
        for layer in self.network.weighted_layers():
            self.P[layer.name], self.G[layer.name] = self.seen_in_W(layer)

    def refuse_what_breaks_it(self, optimizer):
        reason = "the optimiser is a foreign one"
        if hasattr(optimizer, "why_not_uniform"):
            reason = optimizer.why_not_uniform()
            if not reason and optimizer.carries_momentum() and not optimizer.carries_momentum(self.echo_name):
                reason = "another optimiser, which carries momentum from elsewhere"
            was, now = self.left_by_update, mark_of_weights(self.network)
            if not reason and was is not None and not np.array_equal(was, now, equal_nan=True):     # NaN: it diverged
                reason = "W was assigned in mid-run"
        if reason:
            raise ValueError(f"{self.name}: the closed form holds no longer: {reason}. "
                             f"Make the rule with an explicit route for such a run")

    def after_batch(self, x, targets):
        super().after_batch(x, targets)
        if self.echo is not None:
            self.left_by_update = mark_of_weights(self.network)

    # ------------------------------------------------------------------------------------------------- what it does

    def path(self, layer):
        """What acts in W's place: G W + c P, in W's shape."""
        P, G = self.P[layer.name], self.G[layer.name]
        path = P * float(self.echo)
        path += layer.weight if G is None else np.tensordot(G, layer.weight, axes=1)    # (out, out) x (out, in)
        return path

    def send_back_closed(self, layer, error):
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

    # -------------------------------------------------------------------------------------------------- bookkeeping

    def require_arrays(self):
        """Refuse to set what the closed form holds as a formula."""
        if self.echo is not None:
            raise ValueError(f"{self.name}: the closed form holds the feedback as a formula; arrays can be set "
                             f"before the first training step, or in a rule made with an explicit route")

    def set_feedback(self, name, **arrays):
        self.require_arrays()
        super().set_feedback(name, **arrays)

    def match_to_backprop(self):
        self.require_arrays()
        super().match_to_backprop()

    def state(self):
        decided = {"closed_form/decided": np.array(self.decided),
                   "closed_form/why_explicit": np.array(self.why_explicit)}
        return super().state() | decided | {f"closed_form/{name}.D": D.copy() for name, D in self.D.items()}

    def load_state(self, state):
        self.decided = bool(state["closed_form/decided"])
        self.why_explicit = str(state["closed_form/why_explicit"])
        self.left_by_update = None
        starts = {key.removeprefix("closed_form/").removesuffix(".D"): D for key, D in state.items()
                  if key.startswith("closed_form/") and key.endswith(".D")}
        self.D, self.P, self.G = {name: np.array(D) for name, D in starts.items()}, {}, {}
        self.echo = np.ones(()) if starts else None
        super().load_state(state)
        if starts:
            self.prepare()

    def difference_norms(self):
        """‖D‖ of every layer, {"fc1": number, …}: measured on an explicit route, known from the formula otherwise."""
        if self.echo is not None:
            return {name: abs(float(self.echo)) * norm(D) for name, D in self.D.items()}
        return {layer.name: norm(self.difference(layer)) for layer in self.network.weighted_layers()}

    def notes(self):
        notes = super().notes() | {"difference_norm": self.difference_norms()}
        if self.echo is None:
            return notes | {"route": "explicit", "why_explicit": self.why_explicit}
        return notes | {"route": "closed-form", "echo": float(self.echo)}


def norm(array):
    """‖array‖ over all entries, in float64."""
    return float(np.linalg.norm(np.asarray(array, dtype=np.float64)))


def mark_of_weights(network):
    """A mark of W that changes when W is assigned: ‖·‖² of some 16 evenly spread rows of every weighted layer.

    All rows up to 31. To read every entry of a wide layer twice a step would cost a hundredth of it and more.
    """
    marks = []
    for layer in network.weighted_layers():
        some = layer.weight[::max(1, len(layer.weight) // 16)].reshape(-1)                  # a few rows, copied
        marks.append(float(np.dot(some, some)))
    return tuple(marks)
