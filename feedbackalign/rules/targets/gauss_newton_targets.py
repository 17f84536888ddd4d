"""Gauss-Newton targets: the targets that target propagation approaches, computed exactly.

Meulemans et al., "A theoretical framework for target propagation", arXiv 2006.14331 (2020): GNT, the ideal.

    target      ĥ_i = h_i − λ J_i^†γ e          J_i = ∂h_L/∂h_i, one Jacobian a sample
    learning    as in `rules.target_rule`

J_i^†γ = J_iᵀ (J_i J_iᵀ + γI)⁻¹. Without damping, and with as many independent outputs as the network has, ĥ_i is the
nearest point to h_i from which the layers above, made linear, lead to ĥ_L. γ → ∞ leads to backprop's direction.

Transported   everything: the Jacobian of all layers above, and its inverse.
Local         nothing. It is here to be compared with.
What it is not     a descent direction in general: the target lies in post-activations, and the update reads the slope
                   D_i once more. Where units saturate it can point more than 90° away from the gradient.
"""

from feedbackalign.networks.jacobians import damped_pinv, post_jacobians, times
from feedbackalign.rules.targets import truths as target_truths
from feedbackalign.rules.targets.target_rule import TargetRule


class GaussNewtonTargets(TargetRule):
    """The targets of a damped Gauss-Newton step in every layer's activities, sample by sample.

    Parameters
    ----------
    network : Network
        Dense layers under a linear output.
    rng : numpy.random.Generator
        Not used.
    gamma : float of at least 0
        γ. At 0 small singular values of J make far targets, the more so where units saturate.

    Examples
    --------
    >>> import numpy as np
    >>> from feedbackalign.networks import mlp
    >>> rule = GaussNewtonTargets(mlp([4, 3, 2], rng=np.random.default_rng(0)), rng=np.random.default_rng(1))
    >>> list(rule.references(np.ones((1, 4)), np.array([1])))
    ['gauss-newton(0.1)', 'backprop']
    """

    name = "gnt"
    paper = "Meulemans et al. 2020, arXiv 2006.14331"
    reads_forward_weights = "yes"

    def __init__(self, network, *, rng, gamma=0.1):
        super().__init__(network, rng=rng, gamma=gamma)

    def moves(self, seen, top):
        return [times(damped_pinv(J, self.gamma), top) for J in post_jacobians(self.stages, seen)[:-1]]   # (N, n_i)

    def target_in_words(self, stage):
        return f"h − λ pinv(J, {self.gamma:g}) e"

    @classmethod
    def own_truths(cls, rng):
        """Where the targets lead, what strong damping makes of them, and rest at zero error."""
        yield from target_truths.gauss_newton(cls, rng)
        yield from target_truths.rest(cls, rng)
