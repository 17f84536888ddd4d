"""Equilibrium propagation without tied weights: the way down has synapses of its own, and they learn too.

Scellier, Goyal, Binas, Mesnard, Bengio, "Generalization of equilibrium propagation to vector field dynamics",
arXiv 1808.04873 (2018); the common update: Laborieux et al. 2021, arXiv 2006.03824.

    dynamics          s_n ← σ(W_n s_{n−1} + b_n + B_{n+1}ᵀ s_{n+1})      B_n for n = 2 … N, in W_n's shape
    different         Eq. 1   ∂W_n = −(s⁺_n − s⁻_n)ᵀ s*_{n−1} / 2β         post's change, pre's free activity
                      Eq. 2   ∂B_n = −s*_nᵀ (s⁺_{n−1} − s⁻_{n−1}) / 2β     the same at the synapse that leads down
    kolen-pollack     Eq. 3   ∂W_n = ∂B_n = −(s⁺_nᵀ s⁺_{n−1} − s⁻_nᵀ s⁻_{n−1}) / 2β

One-sided estimators put s* in the place of s⁻ and β in that of 2β. Under Eq. 3 with the same learning rate, decay and
momentum for both, W − B never sees the data and only decays: without momentum by (1 − ηλ) per step.

Transported   no weights between settling layers. A readout under cross-entropy still nudges through its own W.
Local         the activities at the two ends of each synapse, in two or three phases. Eq. 3 asks more: both synapses of
              a pair must receive the same update.
What it approaches     only at B = W the gradient: there Eq. 1 is the part of a weight's use on the way up, Eq. 2 that
              of its use on the way down, and Eq. 3 their sum. Elsewhere the response to a nudge travels by the wrong
              Jacobian, and no β corrects that. The reference "implicit" is the exact gradient of the settled loss by W
              with B held fixed, and by B with W held fixed; under kolen-pollack that by both together.

On the digits (300 steps, 64-32-32-10, η = 0.1, μ = 0.9, three seeds) the angle between W and B fell from 90° to 3°
under the common update and to 21-27° under the different ones at λ = 1e-2, to 38-40° and 55-58° at λ = 1e-3: the
different updates are correlated, so they align too, but less. Formulas and factors follow the authors' code, but for
the third phase of dense networks, which is of first order only in theirs.

Deviations from the paper
    - B_n is drawn by the layer's own initialiser; where W_n has a mask, B_n has the same.
    - Max pooling on the way down takes its winners from the pre-activation that B makes, softmax pooling its slopes.
      In Eq. 3 the difference is taken once with W's and once with B's, and averaged.
"""

from feedbackalign.rules.equilibrium import truths
from feedbackalign.rules.equilibrium.dynamics import synapse_product, unit_mean
from feedbackalign.rules.equilibrium.equilibrium_propagation import EquilibriumPropagation
from feedbackalign.validation import require_known

UPDATES = ("different", "kolen-pollack")


class VectorFieldEquilibriumPropagation(EquilibriumPropagation):
    """Equilibrium propagation with backward weights B of its own.

    Parameters
    ----------
    network, **options
        As for `EquilibriumPropagation`.
    rng : numpy.random.Generator
        Draws B, then the signs of random-sign.
    update : "different" or "kolen-pollack"
        How W and B learn: each by the activities at its own ends, or both by one common update.

    Examples
    --------
    >>> import numpy as np
    >>> from feedbackalign.networks import mlp
    >>> net = mlp([4, 5, 5, 2], activation="soft-clip", rng=np.random.default_rng(0))
    >>> rule = VectorFieldEquilibriumPropagation(net, rng=np.random.default_rng(1))
    >>> list(rule.parameters())
    ['fc2.B']
    """

    name = "ep-vf"
    paper = "Scellier et al. 2018, arXiv 1808.04873; Laborieux et al. 2021, arXiv 2006.03824"
    sketch = (("above", "below", "B", "learned"), ("output", "above", "W", "W"))
    own_truths = EquilibriumPropagation.own_truths + (truths.common_update,)
    updates = UPDATES
    is_tied = False

    def __init__(self, network, *, rng, update="different", **options):
        super().__init__(network, rng=rng, **options)
        self.has_common_update = require_known(update, UPDATES, "update") == "kolen-pollack"
        self.B, self.B_masks = {}, {}
        for stage in self.chain.stages[1:]:                                     # nothing leads down into the input
            self.B[stage.name] = stage.layer.draw_weights(rng)                  # (out, in), W's shape
            if stage.layer.mask is not None:
                self.B_masks[stage.name] = stage.layer.mask.copy()
                self.B[stage.name] *= stage.layer.mask

    def feedback(self):
        return self.B

    def contrast(self, x, free, plus, minus, distance):
        gradients, below = {}, (x, x, x)
        for stage, states in zip(self.chain.stages, zip(free, plus, minus)):
            learned = self.common if self.has_common_update else self.different
            gradients |= learned(stage, below, states, distance)
            if stage.layer.bias is not None:
                gradients[f"{stage.name}.bias"] = unit_mean(states[2] - states[1]) / distance
            below = states
        return gradients

    def different(self, stage, below, states, distance):
        """Eq. 1 and 2 at one layer; `below` and `states` are (free, plus, minus)."""
        W, B = stage.layer.weight, self.B.get(stage.name)
        (free_below, plus_below, minus_below), (free, plus, minus) = below, states
        forward = synapse_product(stage, minus - plus, free_below, W) / distance                      # Eq. 1
        if B is None:
            return {f"{stage.name}.weight": forward}
        backward = synapse_product(stage, free, minus_below, B) - synapse_product(stage, free, plus_below, B)
        return {f"{stage.name}.weight": forward, f"{stage.name}.B": backward / distance}              # Eq. 2

    def common(self, stage, below, states, distance):
        """Eq. 3 at one layer: one update for W and B."""
        (_, plus_below, minus_below), (_, plus, minus) = below, states

        def change(weights):
            up, down = ((plus, plus_below), (minus, minus_below))
            return synapse_product(stage, *down, weights) - synapse_product(stage, *up, weights)

        both = change(stage.layer.weight) / distance
        if stage.name not in self.B:
            return {f"{stage.name}.weight": both}
        if stage.pool is not None and not stage.pool.is_linear:                 # W and B may choose other winners
            both = (both + change(self.B[stage.name]) / distance) / 2
        return {f"{stage.name}.weight": both, f"{stage.name}.B": both.copy()}

    def comparable(self, gradients):
        if self.has_common_update:
            gradients = dict(gradients)
            for name in self.B:
                both = gradients[f"{name}.weight"] + gradients[f"{name}.B"]
                gradients |= {f"{name}.weight": both, f"{name}.B": both.copy()}
        return super().comparable(gradients)

    def parameters(self):
        return {f"{name}.B": B for name, B in self.B.items()}

    def masks(self):
        return {f"{name}.B": mask for name, mask in self.B_masks.items()}

    def feedback_weights(self, name):
        """B; None at the lowest layer, which has none, and at a readout, which nudges through its own W."""
        self.network.weighted_layer(name)
        return self.B.get(name)

    def match_to_tied(self):
        """Put B = W: where the two updates are the two parts of the gradient."""
        for stage in self.chain.stages[1:]:
            self.B[stage.name][...] = stage.layer.weight
