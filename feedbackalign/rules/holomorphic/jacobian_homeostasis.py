"""Jacobian homeostasis: holomorphic equilibrium propagation that also keeps W and B each other's transpose.

Laborieux & Zenke, "Improving equilibrium propagation without weight symmetry through Jacobian homeostasis",
arXiv 2309.02214 (ICLR 2024).

    errors        Eq. 1   δ as in `hep`: (I − D J)⁻¹ D e, right only where J is symmetric
    homeostasis   Eq. 2   L = E[‖J ε‖² − εᵀ J J ε] = Σ ‖W − B‖²              B in W's shape
    learning      Eq. 3   ∂W + λ/n · ∂L/∂W,   ∂B + λ/n · ∂L/∂B               n settling neurons

`estimate` says how ∂L is found (`homeostasis`): "closed-form" 2 (W − B), which no neuron could compute; "full"
from noise and the answers J ε and Jᵀ ε; "local" from noise and the answer r = J ε alone, 2 (r εᵀ − ε rᵀ) at a synapse.

Transported   nothing beyond `hep`'s readout with "local"; "full" reads the transposes, "closed-form" reads W at B.
Local         with "local": noise and the answer to it at the two ends of a synapse, Hebbian minus anti-Hebbian.
              What it needs is noise apart from the task.
Differs from Kolen-Pollack     W and B share no update, and W + B is not forgotten: only W − B decays, by
                               (1 − 4 η λ/n) per step.

Deviations from the paper
    - Local probes by default, derived for this package: the paper's code differentiates the loss automatically.
    - With softmax pooling a layer also acts on itself. That block of J is symmetric and adds nothing to L; it is left
      out, as noise in the probes' answers.
"""

import numpy as np

from feedbackalign.rules.holomorphic import homeostasis, truths
from feedbackalign.rules.holomorphic.holomorphic_equilibrium_propagation import HolomorphicEP
from feedbackalign.validation import require_factor, require_integer, require_known

ESTIMATES = ("closed-form", "full", "local")


class JacobianHomeostasis(HolomorphicEP):
    """Holomorphic equilibrium propagation, and a pull of W and B towards each other.

    Parameters
    ----------
    network, rng, **options
        As for `HolomorphicEP`; rng also draws the probes.
    coefficient : float of at least 0
        λ, before the division by n.
    probes : int of at least 1
        Noise vectors per sample of a batch.
    estimate : "local", "full" or "closed-form"
        How the pull is found: from the answer to noise, from both answers, or from W and B themselves.

    Examples
    --------
    >>> import numpy as np
    >>> from feedbackalign.networks import mlp
    >>> net = mlp([4, 5, 5, 2], activation="dsilu", rng=np.random.default_rng(0), dtype=np.float64)
    >>> rule = JacobianHomeostasis(net, rng=np.random.default_rng(1), estimate="closed-form")
    >>> free, _ = rule.free_phase(np.ones((3, 4)))
    >>> pull = rule.homeostatic_gradients(free)
    >>> bool(np.all(pull["fc2.weight"] == -pull["fc2.B"]))
    True
    """

    name = "hep-homeo"
    paper = "Laborieux, Zenke 2023, arXiv 2309.02214"
    own_truths = HolomorphicEP.own_truths + (truths.homeostasis,)
    estimates = ESTIMATES

    def __init__(self, network, *, rng, coefficient=5.0, probes=5, estimate="local", **options):
        super().__init__(network, rng=rng, **options)
        self.coefficient = require_factor(coefficient, "coefficient", network.dtype)
        self.probes = require_integer(probes, "probes", low=1)
        self.estimate = require_known(estimate, ESTIMATES, "estimate")
        if self.estimate == "closed-form":
            homeostasis.require_dense(self.chain)

    def learned(self, x, free, deltas):
        gradients = super().learned(x, free, deltas)
        strength = self.coefficient / homeostasis.neurons(self.chain)
        for name, pull in self.homeostatic_gradients(free).items():
            gradients[name] += strength * pull                                                               # Eq. 3
        return gradients

    def homeostatic_gradients(self, free):
        """∂L/∂W and ∂L/∂B at the free states of a batch: {"fc2.weight": …, "fc2.B": …}."""
        if self.estimate == "closed-form":
            return homeostasis.chain_gradient(self.chain, self.B)
        probes = homeostasis.draw_probes(self.chain, self.probes * len(free[0]), self.rng)
        states = [np.repeat(state, self.probes, axis=0) for state in free]
        return homeostasis.probed_chain_gradient(self.chain, states, self.B, probes, local=self.estimate == "local")
