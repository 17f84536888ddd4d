"""Gauss-Newton targets: what target propagation approaches, computed exactly (Eq. 8).

The paper and the equations stand in the docstring of `feedbackalign.rules.targets`.

J_i^†γ = J_iᵀ (J_i J_iᵀ + γI)⁻¹, sample by sample. Without damping, and if J_i has full row rank, ĥ_i is the nearest
point to h_i from which the linearised layers above lead to ĥ_L. For γ → ∞ the update has backprop's direction.

Transported   everything: the Jacobian of all layers above, and its inverse.
Local         nothing. The rule exists for comparison.
No descent    in general: the target lies in post-activations, and Eq. 9 multiplies by the slope D_i once more. Where
              units saturate, the update can point more than 90° away from the gradient.

Deviations from the authors' code
    - The output's target is h_L − λ e with e of one sample. Theirs has λ = 1 and the e of the batch mean, 1/N of it.
      Moves are linear in λ e, and the update is divided by λ: the two differ by the factor N alone.
"""

from feedbackalign.networks.jacobians import damped_pinv, post_jacobians, times
from feedbackalign.rules.targets import truths
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
        γ. Without damping small singular values of J make distant targets, most of all where units saturate.

    >>> import numpy as np
    >>> from feedbackalign.networks import mlp
    >>> rule = GaussNewtonTargets(mlp([4, 3, 2], rng=np.random.default_rng(0)), rng=np.random.default_rng(1))
    >>> list(rule.references(np.ones((1, 4)), np.array([1])))
    ['gauss-newton(0.1)', 'backprop']
    """

    name = "gnt"
    paper = "Meulemans et al. 2020, arXiv 2006.14331"
    sketch = (("output", "below", "W", "W"),)
    reads_forward_weights = "yes"
    own_truths = (truths.gauss_newton, truths.rest)

    def __init__(self, network, *, rng, gamma=0.1):
        super().__init__(network, rng=rng, gamma=gamma)

    def moves(self, seen, top):
        return [times(damped_pinv(J, self.gamma), top) for J in post_jacobians(self.stages, seen)[:-1]]   # (N, n_i)

    def target_in_words(self, stage):
        return f"h − λ pinv(J, {self.gamma:g}) e"
