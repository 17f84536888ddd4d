"""Product feedback alignment: send the error down through two matrices, B then R, and never through W.

Li, Benna, "Deep Learning without Weight Symmetry", arXiv 2405.20594 (2024, 2025).

    forward     x --W--> y                       y = x Wᵀ + b                 (N, in)  -> (N, out)
    feedback    e_in <--R-- m <--B-- e           Eq. 1   e_in = (e B) R       (N, out) -> (N, mid) -> (N, in)
    learning    local to the layer               Eq. 2   ∂W = eᵀ x,  ∂b = Σₙ eₙ
                local to R's synapses            Eq. 3   ∂R = (e B)ᵀ x        = Bᵀ ∂W

e is the error at the layer's output, ∂L/∂y with L the batch mean; what lies between two such layers (activations,
pooling) sends it through its own exact derivative, in this rule as in every other. The error first reaches a middle
population m through fixed random weights B (out, mid); m drives the layer's inputs through weights R (mid, in) that
learn. R learns like any forward weight: its presynaptic signal m times the activity x of the units that it reaches. W
and R so receive the same updates, R through Bᵀ, and weight decay λ erases where both started:

    Eq. 4   R_t − Bᵀ W_t = (1 − ηλ)ᵗ (R_0 − Bᵀ W_0)        under SGD without momentum, whatever the data

So R comes to be Bᵀ W, and the path B·R comes to be B Bᵀ W. That is nearly W, since B Bᵀ is nearly the identity. (The
numbers of equations are this file's.)

Transported   nothing. B ends on the middle population and R starts there, so no synapse of either mirrors one of W;
              with sparse B and R no two neurons need be connected in both directions. (With B the identity, `pfa-i`,
              the middle population copies the outputs, and R is a Kolen-Pollack B.)
Local         both factors of Eq. 2 and of Eq. 3 are at the synapse they change.
When it is backprop     B Bᵀ = I and R = Bᵀ W.
The floor     B Bᵀ − I is noise of variance 1/mid per entry, so ‖(B Bᵀ − I) W‖² ≈ out/mid · ‖W‖²: once R has forgotten
              its start, W and B·R are arctan(1/√r) apart in a wide layer with expansion r = mid/out (17.5° at r = 10;
              with few outputs it is the draw of B that counts), and 0° if B is orthogonal.

What it needs from training: plain SGD with one learning rate and one weight decay for W and R alike, the decay strong
at first (presets in `optimizer`). Convolutions: B mixes channels as a 1×1 convolution, R is a kernel (mid, in, kh, kw)
carried by the layer's transposed convolution.

This file is the rule hop by hop, as a brain might compute it. `make("pfa", route="two-hop")` goes through the lines
of `send_back` and `learn_feedback` at every step; `make("pfa")` finds the same numbers in fewer operations:
`closed_form` where that is exact, else `contracted` where that is cheaper.

Deviations from the paper
    - The lowest layer's B and R exist and learn, but route no error: there is no layer below.
    - With `density` below 1 a random B is scaled so that E[B Bᵀ] = I still holds; an orthogonal or identity B is not.
"""

import numpy as np

from feedbackalign.ops import initialisers
from feedbackalign.rules.product.closed_form import ClosedForm
from feedbackalign.rules.product.contracted import Contracted
from feedbackalign.rules.product.explicit import Explicit, hand_over, replaced, resume
from feedbackalign.rules.product.truths import formula_is_the_rule, formula_reads_W
from feedbackalign.rules.sending import ErrorSendingRule, shape_text, sparse
from feedbackalign.validation import require_density, require_generator, require_integer, require_known


class ProductFeedbackAlignment(ErrorSendingRule):
    """The error goes down through two matrices, B then R; their product comes to line up with W.

    Parameters
    ----------
    network : Network
    rng : numpy.random.Generator
        Draws B, R and their masks; not used again.
    expansion : int of at least 1
        Units of the middle population per output unit: mid = expansion · out.
    density : float in (0, 1]
        Share of the synapses of B and of R that exist, by fixed masks.
    route : "two-hop", "contracted", "closed-form" or None
        None lets the rule choose. "closed-form" is refused at the first training step if it would not be exact.

    Attributes
    ----------
    B : dict
        {layer: (out, mid)}, fixed.
    R : dict
        {layer: (mid, in) or (mid, in, kh, kw)}, plastic, trained by the optimiser beside W; empty in the closed form.
    way : Explicit, Contracted or ClosedForm
        What the rule hands over to, so that each of its methods is on the route of the moment.

    >>> from feedbackalign.networks import mlp
    >>> net = mlp([4, 3, 2], rng=np.random.default_rng(0))
    >>> rule = ProductFeedbackAlignment(net, rng=np.random.default_rng(1), expansion=5)
    >>> rule.B["fc2"].shape, rule.R["fc2"].shape
    ((2, 10), (10, 3))
    """

    paper = "Li, Benna 2024, arXiv 2405.20594"
    sketch = (("above", "middle", "B", "fixed"), ("middle", "below", "R", "learned"))
    matches_backprop = "any network"
    needs = ("mix_outputs",)
    own_truths = (formula_is_the_rule, formula_reads_W)
    strong_decay_first = True
    routes = ("two-hop", "contracted", "closed-form")
    formula = ClosedForm

    def __init__(self, network, *, rng, expansion=10, density=1.0, route=None):
        super().__init__(network, rng=require_generator(rng, "pfa"))
        self.expansion = require_integer(expansion, "expansion", low=1)
        self.B, self.R, self.R_masks = {}, {}, {}
        for layer in network.weighted_layers():
            out, *rest = layer.weight.shape
            mid = self.expansion * out
            self.density = require_density(density, (out, mid))
            B = self.draw_B(out, mid, layer.weight.dtype)
            self.B[layer.name], _ = sparse(B, density, rng)                                 # (out, mid)
            R = layer.draw_weights(rng, (mid, *rest))
            self.R[layer.name], mask = sparse(R, density, rng)                              # (mid, in[, kh, kw])
            if mask is not None:
                self.R_masks[layer.name] = mask
        route = None if route is None else require_known(route, self.routes, "route")
        kind = Explicit if route == "two-hop" or replaced(type(self), ProductFeedbackAlignment) else Contracted
        hand_over(self, kind(self, ProductFeedbackAlignment, route))

    def draw_B(self, out, mid, dtype):
        """Fixed feedback (out, mid), its entries of variance 1/(mid · density), so that E[B Bᵀ] = I."""
        bound = np.sqrt(3 / (mid * self.density))                                       # U(−a, a) has variance a²/3
        return self.rng.uniform(-bound, bound, size=(out, mid)).astype(dtype)

    # ---------------------------------------------------------------------------------------------------- the rule

    def send_back(self, layer, error):                                  # error: (N, out) or (N, out, rows, cols)
        middle = layer.mix_outputs(error, self.B[layer.name])           # (N, out) x (out, mid) -> (N, mid)
        return layer.transport(middle, self.R[layer.name])              # (N, mid) x (mid, in) -> (N, in)     Eq. 1

    def learn_feedback(self, layer, error, local):
        middle = layer.mix_outputs(error, self.B[layer.name])           # (N, out) x (out, mid) -> (N, mid)
        return {f"{layer.name}.R": layer.outer(middle, layer.input)}    # (mid, N) x (N, in) -> (mid, in)     Eq. 3

    # ------------------------------------------------------------------------------------------------ what it holds

    def constants(self):
        return {f"{name}.B": B for name, B in self.B.items()}

    def parameters(self):
        return {f"{name}.R": R for name, R in self.R.items()}

    def masks(self):
        return {f"{name}.R": mask for name, mask in self.R_masks.items()}

    def learned_R(self, name):
        """R as it stands now, (mid, in[, kh, kw]), on every route."""
        return self.R[name]

    def difference(self, layer):
        """What is left over of the start: D = R − Bᵀ W, (mid, in[, kh, kw])."""
        return self.R[layer.name] - np.tensordot(self.B[layer.name].T, layer.weight, axes=1)

    def feedback_weights(self, name):
        """The path B·R, contracted over the middle population, in W's shape."""
        require_known(name, self.B, "layer")
        return np.tensordot(self.B[name], self.R[name], axes=1)         # (out, mid) x (mid, in) -> (out, in)

    def direct_feedback(self, name):
        """None: every feedback synapse begins or ends on the middle population."""
        self.network.weighted_layer(name)

    def route(self, layer, N):
        out, *rest = layer.weight.shape
        mid = self.B[layer.name].shape[1]
        return f"{shape_text(N, out)} @ B {shape_text(out, mid)} @ R {shape_text(mid, *rest)}"

    def match_to_backprop(self):
        """Put B Bᵀ = I and R = Bᵀ W: every gradient equals backprop's. By Eq. 4 it stays so under one SGD."""
        for layer in self.network.weighted_layers():
            rows = self.orthonormal_rows(self.B[layer.name].shape)
            self.B[layer.name][...] = rows
            self.R[layer.name][...] = np.tensordot(rows.T, layer.weight, axes=1)            # (mid, out) x (out, in)

    def orthonormal_rows(self, shape):
        return initialisers.orthogonal(shape, np.random.default_rng(0), np.float64)

    # ------------------------------------------------------------- on which route the numbers are found (`explicit`)

    def meet_optimizer(self, optimizer):
        self.way.meet_optimizer(self, optimizer)

    def after_batch(self, x, targets):
        self.way.after_batch()

    def difference_norms(self):
        """‖D‖ of every layer, {"fc1": number, …}: measured on the arrays, or known from the formula."""
        return self.way.difference_norms(self)

    def notes(self):
        return {"expansion": self.expansion, "density": self.density} | self.way.notes(self)

    def state(self):
        return super().state() | self.way.state()

    def load_state(self, state):
        resume(self, state)
        super().load_state(state)
