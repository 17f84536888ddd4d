"""Proximal backpropagation: backprop makes targets, and every layer takes an implicit step towards its own.

Frerix, Möllenhoff, Moeller, Cremers, "Proximal backpropagation", ICLR 2018, arXiv 1706.04638. The text of the paper
could not be had; what is built here is what the authors' program does. The equations stand in the docstring of
`feedbackalign.rules.implicit`:

             z⁺ = z − η Δ                                                   targets, from backprop's errors
    Eq. 4    W̃⁺ = argmin over V of ‖X̃ Vᵀ − z⁺‖² + (1/τ) ‖V − W̃‖²           the gradient is W̃ − W̃⁺, for any optimiser

A gradient step on ‖X̃ W̃ᵀ − z⁺‖²/2 would be backprop's. The implicit step, from the same numbers, is stable for every τ.
It is consequentialism with μ = η and ε = 1/τ, exactly, in a whole network.

Transported   W, as in backprop: the errors go down through the old W.
Local         nothing more: the solve needs all samples of the batch.
When it is backprop's direction     a batch of one sample; τ → 0, with step ητ. Not η → 0, which only shortens the step.

Deviations from the program
    - η is ours to set. "mean" is what the program does: its errors are those of the mean loss, so η = 1/B.
    - The program's networks leave the top layer a plain gradient step: `top="gradient"`, η times the summed gradient.
    - Always the exact solve, in float64; the program has conjugate gradients too.
    - Convolutions are left out.

With "mean" steps are short: the program's rate for dense networks is 1, with momentum 0.95. So the common learning rate
is multiplied by 30 (`learning_rate_factor`): in batches of 32 that is about η = lr. The factor holds for every η, so
where η is a number, divide the rate by 30.
"""

from feedbackalign.networks import small
from feedbackalign.networks.chains import relu_chain
from feedbackalign.rules.implicit import truths
from feedbackalign.rules.implicit.amending import AmendingRule
from feedbackalign.validation import require_factor, require_known


class ProxProp(AmendingRule):
    """Targets from backprop's errors, and one proximal step per layer towards them, weights and bias together.

    Parameters
    ----------
    network : Network
        Dense ReLU layers under a linear output; see `chains.relu_chain`.
    rng : numpy.random.Generator
        Not used.
    eta : float above 0, or "mean"
        η; "mean" is 1/B. The commands multiply their learning rate by 30 for either: with a number give `--lr` of 1/30
        (and `--momentum 0`) for steps of just η.
    tau : float above 0
        τ: the longer, the nearer the layers come to their targets.
    top : "proximal" or "gradient"
        Whether the output layer takes a proximal step too.

    Raises
    ------
    UnfitNetworkError
        For layers that are no ReLU chain; it names the layer.

    >>> import numpy as np
    >>> from feedbackalign.networks import mlp
    >>> net = mlp([4, 3, 2], rng=np.random.default_rng(0))
    >>> rule = ProxProp(net, rng=np.random.default_rng(1), eta=0.5)
    >>> rule.gradients(np.ones((5, 4), dtype=np.float32), np.array([0, 1, 0, 1, 0])).grads["fc2.weight"].shape
    (2, 3)
    """

    name = "proxprop"
    paper = "Frerix et al. 2018, arXiv 1706.04638"
    sketch = (("above", "below", "W", "W"),)
    takes = "dense ReLU networks"
    learning_rate_factor = 30.0                             # at the common rate steps of 1/B hardly learn
    etas, tops = ("mean",), ("proximal", "gradient")
    own_truths = (truths.induced_moves, truths.same_as_consequentialism, truths.raw_errors)

    def __init__(self, network, *, rng, eta="mean", tau=1.0, top="proximal"):
        super().__init__(network, rng=rng)
        self.top_layer = relu_chain(network)[-1].name
        self.eta = require_known(eta, self.etas, "eta") if isinstance(eta, str) else \
            require_factor(eta, "eta", network.dtype, low_open=True)
        self.tau = require_factor(tau, "tau", network.dtype, low_open=True)
        self.top = require_known(top, self.tops, "top")

    def length(self, N):
        return 1 / N if self.eta == "mean" else self.eta

    def epsilon_of(self, layer):
        return None if self.top == "gradient" and layer.name == self.top_layer else 1 / self.tau

    @classmethod
    def small_networks(cls, rng):
        yield "dense", *small.dense(rng, activation="relu")
        yield "wide dense", *small.wide(rng, activation="relu")
