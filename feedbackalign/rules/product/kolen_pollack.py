"""Kolen-Pollack: let the backward weights learn by the same outer product as W, and they become W.

Kolen, Pollack, "Backpropagation without weight transport", ICNN (1994); Akrout, Wilson, Humphreys, Lillicrap, Tweed,
"Deep learning without weight transport", arXiv 1904.05391 (2019).

    forward     x --W--> y               Eq. 1   y = x Wᵀ + b
    feedback    e_in <--B-- e            Eq. 2   e_in = e B
    learning    local to the layer       Eq. 3   ∂W = eᵀ x,  ∂b = Σₙ eₙ
                the same product         Eq. 4   ∂B = ∂W

With the same learning rate and weight decay the gradient cancels in B − W, which then only decays: without momentum
by (1 − ηλ) a step, whatever the data. That is the closed form this rule trains in (`closed_form`), with W in B Bᵀ's
place: e_in = e (W + c D_0), D_0 = B − W at the first training step.

Transported   no weights. But B must receive W's own update, so each pair of neurons needs both synapses, in both
              directions, and the same learning signal at both.
Local         both factors of Eq. 3, at W's synapse. Eq. 4 needs the same two at B's.
When it is backprop     B = W.

Deviations from the paper
    - B is drawn by the layer's own initialiser. `density` masks B alone; ∂B is then masked after each update.
"""

from feedbackalign.rules.product.closed_form import ClosedForm
from feedbackalign.rules.product.explicit import Explicit, resume
from feedbackalign.rules.product.truths import formula_is_the_rule, formula_reads_W
from feedbackalign.rules.sending import ErrorSendingRule, shape_text, sparse
from feedbackalign.validation import require_generator, require_known


class KolenPollackInClosedForm(ClosedForm):
    """B = W + c D_0: W itself stands in B Bᵀ W's place, and D_0 in P's."""

    answers = tuple(name for name in ClosedForm.answers if name != "learned_R")
    array, echo_name = "B", "kp.echo"

    def seen_in_W(self, layer):
        return self.D[layer.name], None

    def route(self, layer, N):
        return f"closed form: e (W + {float(self.echo):.3g} D)"


class KolenPollack(ErrorSendingRule):
    """Backward weights B that receive W's own updates, and decay towards W.

    Parameters
    ----------
    network : Network
    rng : numpy.random.Generator
        Draws B and its mask; not used again.
    density : float in (0, 1]
        Share of feedback synapses that exist.
    route : "explicit", "closed-form" or None
        None takes the closed form at the first training step where it is exact.

    >>> import numpy as np
    >>> from feedbackalign.networks import mlp
    >>> rule = KolenPollack(mlp([4, 3, 2], rng=np.random.default_rng(0)), rng=np.random.default_rng(1))
    >>> sorted(rule.parameters())
    ['fc1.B', 'fc2.B']
    """

    paper = "Kolen, Pollack 1994; Akrout et al. 2019, arXiv 1904.05391"
    sketch = (("above", "below", "B", "learned"),)
    matches_backprop = "any network"
    own_truths = (formula_is_the_rule, formula_reads_W)
    routes = ("explicit", "closed-form")
    formula = KolenPollackInClosedForm

    def __init__(self, network, *, rng, density=1.0, route=None):
        super().__init__(network, rng=require_generator(rng, "kp"))
        self.B, self.B_masks = {}, {}
        for layer in network.weighted_layers():
            self.B[layer.name], mask = sparse(layer.draw_weights(rng), density, rng)        # (out, in), W's shape
            if mask is not None:
                self.B_masks[layer.name] = mask
        self.way = Explicit(self, KolenPollack, route)

    def send_back(self, layer, error):                              # error: (N, out) or (N, out, rows, cols)
        return layer.transport(error, self.B[layer.name])           # (N, out) x (out, in) -> (N, in)       Eq. 2

    def learn_feedback(self, layer, error, local):
        return {f"{layer.name}.B": local["weight"].copy()}          #                                       Eq. 4

    def parameters(self):
        return {f"{name}.B": B for name, B in self.B.items()}

    def masks(self):
        return {f"{name}.B": mask for name, mask in self.B_masks.items()}

    def difference(self, layer):
        """What is left over of the start: D = B − W."""
        return self.B[layer.name] - layer.weight

    def feedback_weights(self, name):
        return self.B[require_known(name, self.B, "layer")]

    def route(self, layer, N):
        return f"{shape_text(N, layer.weight.shape[0])} @ B {shape_text(*layer.weight.shape)}"

    def match_to_backprop(self):
        """Put B = W: every gradient equals backprop's, and goes on to under one SGD, which moves both alike."""
        for layer in self.network.weighted_layers():
            self.B[layer.name][...] = layer.weight

    # ------------------------------------------------------------- on which route the numbers are found (`explicit`)

    def meet_optimizer(self, optimizer):
        self.way.meet_optimizer(self, optimizer)

    def after_batch(self, x, targets):
        self.way.after_batch()

    def difference_norms(self):
        """‖D‖ of every layer, {"fc1": number, …}: measured on the arrays, or known from the formula."""
        return self.way.difference_norms(self)

    def notes(self):
        return self.way.notes(self)

    def state(self):
        return super().state() | self.way.state()

    def load_state(self, state):
        resume(self, state)
        super().load_state(state)
