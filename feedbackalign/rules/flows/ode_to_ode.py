"""ODE to ODE: backprop as it is, through weights that cannot make its error vanish or explode.

Choromanski et al., "An Ode to an ODE", NeurIPS 2020, arXiv 2006.11421. The equations of the flow stand in
`feedbackalign.layers.flows`. All that is new is there: the parametrisation keeps W on the orthogonal matrices, and the
exact gradient then stays in a band that no training can leave. The rule itself is backprop, at 0° by construction.

    start    Eq. 1   W_0 ← W_0 exp(−η₀ ½ (W_0ᵀ G − Gᵀ W_0)),  G = ∂L/∂W_0          a step on the orthogonal matrices

Transported   W itself, as in backprop; inside a flow every W_k.
Local         both factors of a weighted layer's gradient. Those of a flow's parameters need the whole way back.

Deviations from the paper, of which the abstract alone could be read
    - W_0 is fixed unless `learn_start` is given; Eq. 1 and its plain rate, without momentum, are our choice.
    - The evolution strategies of its abstract are not here; `wp` on such a network is their nearest relative.
"""

import numpy as np

from feedbackalign.alignment import in_float64
from feedbackalign.layers import MatrixFlow
from feedbackalign.networks import ode_to_ode, small
from feedbackalign.networks.chains import UnfitNetworkError
from feedbackalign.ops.norms import norm
from feedbackalign.ops.skew import skew_exp
from feedbackalign.rules.backprop import Backprop
from feedbackalign.rules.flows import truths
from feedbackalign.validation import require_bool, require_factor


class OdeToOde(Backprop):
    """Backprop through flows of orthogonal matrices; on a network without a flow it is `bp`.

    Parameters
    ----------
    network : Network
    rng : ignored
        Taken so that all rules are made alike.
    learn_start : bool
        Whether W_0 of every flow moves too, after every batch.
    start_rate : float above 0
        η₀ of Eq. 1; the optimiser does not touch W_0.

    >>> from feedbackalign.networks import ode_to_ode
    >>> net = ode_to_ode([4, 3, 2], rng=np.random.default_rng(0))
    >>> list(OdeToOde(net, learn_start=True).plastic())
    ['flow1.W0']
    """

    paper = "Choromanski et al. 2020, arXiv 2006.11421"
    sketch = (("above", "below", "W", "W"),)
    own_truths = truths.ALL

    def __init__(self, network, *, rng=None, learn_start=False, start_rate=0.1):
        super().__init__(network, rng=rng)
        self.learn_start = require_bool(learn_start, "learn_start")
        self.start_rate = require_factor(start_rate, "start_rate", network.dtype, low_open=True)
        if learn_start and not self.flows():
            raise UnfitNetworkError("learn_start: the network has no flow whose start could move", "--model ode-to-ode")

    @classmethod
    def small_networks(cls, rng):
        for flow in ("iso", "gated", "free-time"):
            network = ode_to_ode([5, 4, 3], steps=3, flow=flow, activation="tanh", rng=rng, dtype=np.float64)
            yield f"{flow} flow", *small.with_batch(network, (6, 5), rng)
        yield from super().small_networks(rng)

    def flows(self):
        """The network's flows, bottom to top."""
        return [layer for layer in self.network.all_layers() if isinstance(layer, MatrixFlow)]

    def plastic(self):
        return {f"{flow.name}.W0": flow.W0 for flow in self.flows()} if self.learn_start else {}

    def after_batch(self, x, targets):
        if self.learn_start:
            for flow in self.flows():
                flow.W0[...] = moved_start(flow.W0, flow.start_gradient, self.start_rate)

    def trace(self, x, targets):
        """The rows of backprop, and for every flow one row per step: ‖λ_k‖ and the band that it cannot leave."""
        twin = in_float64(self)
        twin.gradients(x, targets)
        return super().trace(x, targets) + [row for flow in twin.flows() for row in band_rows(flow)]


def moved_start(W0, G, rate):
    """Eq. 1: W_0 (d, d) and ∂L/∂W_0 (d, d) -> the next W_0, as orthogonal as it was."""
    slope = W0.T @ G
    return W0 @ skew_exp(-0.5 * rate * (slope - slope.T))[0]


def band_rows(flow):
    """‖λ_k‖ of a flow's last backward pass, from the top to the bottom, and the lowest and highest that it can be."""
    norms, (low, high) = norm(flow.errors, axis=(1, 2)), flow.band()             # (steps + 1,)
    return [{"layer": flow.name, "step": k, "error_norm": float(norms[k]), "lowest": float(low[k] * norms[-1]),
             "highest": float(high[k] * norms[-1])} for k in reversed(range(flow.steps + 1))]
