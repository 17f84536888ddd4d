"""Consequentialism: correct the errors by what the update will do to all samples, and move each as it was meant to.

Paeedeh, Ghiasi-Shirazi, "Improving the backpropagation algorithm with consequentialism weight updates over
mini-batches", Neurocomputing 461 (2021), arXiv 2003.05164. The text of the paper could not be had.

A layer is a bank of linear filters, and Δ says how the answer to every sample should move. The gradient step −μ ΔᵀX̃
moves sample r by −μ Σ_s (x_r·x_s) Δ_s: by its own error times its squared length, and by the errors of all others. The
equations stand in the docstring of `feedbackalign.rules.implicit`:

    Eq. 1    E = (K + εI)⁻¹ Δ,   K = X̃ X̃ᵀ        the gradient is Eᵀ X̃, for any optimiser; SGD's lr is μ
    Eq. 2    Δz = −μ K (K + εI)⁻¹ Δ             for ε → 0 every sample moves by −μ Δ

Transported   W, as in backprop: the errors go down through it, and they are not amended on the way.
Local         nothing more: E mixes the errors of all samples of the batch.
When it is backprop's direction     dense layers in a batch of one sample (normalised LMS); ε → ∞, with step μ/ε;
              orthonormal rows of X̃. A convolution has a row per position, so one sample is many.

What is our choice
    - Raw errors go down. Amending them before they go down is another algorithm.
    - ε = 1, and Δ of each sample's own loss, so that each sample asks for a move of its own whatever the batch size.
    - The bias is a column of ones in X̃. Outside of K it would move z once more.
    - A convolution is a dense layer with a row for every position of every sample (im2col): all of them share its W.
    - The step is solved in float64.

μ from 0.1 to 1 is for SGD without momentum. With momentum 0.9 a step adds up to ten: take μ of at most 0.03.
"""

from feedbackalign.rules.implicit import truths
from feedbackalign.rules.implicit.amending import AmendingRule
from feedbackalign.validation import require_factor


class Consequentialism(AmendingRule):
    """Amend each layer's errors so that its update moves every sample of the batch as its error asks.

    Parameters
    ----------
    network : Network
    rng : numpy.random.Generator
        Not used.
    epsilon : float of at least 0
        ε, in units of ‖x̃‖². At 0 the inputs of every layer must be independent, which no batch of ReLU units promises.

    Raises
    ------
    ValueError
        In `gradients`, at ε = 0, where a layer's solve is singular.

    >>> import numpy as np
    >>> from feedbackalign.networks import mlp
    >>> net = mlp([4, 3, 2], rng=np.random.default_rng(0))
    >>> rule = Consequentialism(net, rng=np.random.default_rng(1))
    >>> step = rule.gradients(np.ones((5, 4), dtype=np.float32), np.array([0, 1, 0, 1, 0]))
    >>> sorted(step.grads) == sorted(net.parameters()), list(step.errors)
    (True, ['fc1', 'fc2'])
    """

    name = "consequentialism"
    paper = "Paeedeh, Ghiasi-Shirazi 2021, arXiv 2003.05164"
    sketch = (("above", "below", "W", "W"),)
    own_truths = (truths.induced_moves, truths.both_solves, truths.strong_damping, truths.raw_errors)

    def __init__(self, network, *, rng, epsilon=1.0):
        super().__init__(network, rng=rng)
        self.epsilon = require_factor(epsilon, "epsilon", network.dtype)

    def length(self, N):
        return 1.0

    def epsilon_of(self, layer):
        return self.epsilon
