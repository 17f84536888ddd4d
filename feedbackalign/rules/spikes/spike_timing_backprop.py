"""Spike-timing-dependent backprop: the exact gradient through spike times, and a hand for neurons that never fire.

Zhang et al. 2020, arXiv 2003.11837. Equations are numbered in the room's `__init__`.

    forward     t_in --W--> t                Eq. 4
    feedback    e_in <--W/S-- e              Eq. 6    e_in_j = Σ_i (e_i / S_i) w_ij        over the inputs before t_i
    learning    local to the layer           Eq. 5    ∂w_ij = −(e_i / S_i)(t_i − t_j)
                silent neurons               Eq. 8    ∂w_ij = −(κ/N) max(t_max − t_j, 0) / t_max

All of the layer's own backward pass, which `bp` uses on the same network, is Eq. 5 and 6. What this rule adds:

    silent_push   κ of Eq. 8. Of a neuron that does not fire the loss knows nothing: all its derivatives are 0. So its
                  weights are pushed up, most from the earliest inputs; in the output layer only the right class's.
    slope_floor   where S_i is smaller, Eq. 5 and 6 divide by this: a clip of 1/S, never used on the way up.

Transported   W itself, read backwards, and S_i, which each neuron knows: the slope of its own potential as it fires.
Local         t_j, t_i and S_i are at the synapse; Eq. 8 needs only that the neuron did not fire.
When it is backprop     with both options None. Then the angle is 0° by construction; with them it is not, where neurons
                        are silent or S is small.

Deviations from the paper
    - Eq. 8 and the floor are our choice: what the paper does about silent neurons could not be read.
    - A reference spike at time 0 among the inputs acts as the first layer's bias.
"""

import numpy as np

from feedbackalign.alignment import in_float64
from feedbackalign.layers import SpikeTimes
from feedbackalign.networks import small
from feedbackalign.networks.chains import UnfitNetworkError
from feedbackalign.ops.losses import one_hot
from feedbackalign.rules.sending import ErrorSendingRule, shape_text
from feedbackalign.rules.spikes.truths import adding_up, crossing, what_is_added
from feedbackalign.validation import require_factor, require_generator, require_step

SPIKING_MODELS = "the model made for such rules: --model spiking"


class SpikeTimingBackprop(ErrorSendingRule):
    """Send the error down through W/S to the spikes that came first, and push silent neurons up.

    Parameters
    ----------
    network : Network
        Whose weighted layers are all `SpikeTimes`, under cross-entropy: `networks.spiking`.
    rng : numpy.random.Generator
        Taken so that all rules are made alike; nothing is drawn.
    silent_push : float of at least 0, or None
        κ; None switches Eq. 8 off.
    slope_floor : float above 0, or None
        The least S; None switches the floor off.

    >>> from feedbackalign.networks import spiking
    >>> rule = SpikeTimingBackprop(spiking([4, 3, 2], rng=np.random.default_rng(0)), rng=np.random.default_rng(1))
    >>> step = rule.gradients(np.full((5, 4), 0.5), np.array([0, 1, 1, 0, 1]))
    >>> step.grads["spike1.weight"].shape, step.errors["spike2"].shape
    ((3, 5), (5, 2))
    """

    paper = "Zhang et al. 2020, arXiv 2003.11837"
    sketch = (("above", "below", "W", "W"),)
    reads_forward_weights = "yes"
    matches_backprop = "any network"
    takes = "networks of neurons that fire once"
    top_layer_is_exact = False
    own_truths = (crossing, adding_up, what_is_added)

    def __init__(self, network, *, rng, silent_push=1.0, slope_floor=0.05):
        super().__init__(network, rng=require_generator(rng, "relpsp"))
        for layer in network.weighted_layers():
            if not isinstance(layer, SpikeTimes):
                raise UnfitNetworkError(f"{layer.name} cannot be taken: expected layers of spike times alone, got "
                                        f"{layer!r}", SPIKING_MODELS)
        if network.loss_name != "cross-entropy":
            raise UnfitNetworkError("the squared error cannot be taken: a silent output is pushed if it is the right "
                                    "class, under cross-entropy", SPIKING_MODELS)
        self.silent_push = None if silent_push is None else require_factor(
            silent_push, "silent_push", network.dtype)
        self.slope_floor = None if slope_floor is None else require_step(
            slope_floor, "slope_floor", network.dtype, divided=False)

    @classmethod
    def small_networks(cls, rng):
        yield "spiking", *small.spiking(rng)

    def local_gradients(self, layer, error):                    # error: (N, out)
        return layer.local_gradients(error, self.slope_floor, self.push(layer))         # Eq. 5 and 8

    def send_back(self, layer, error):
        return layer.transport(error, layer.weight, self.slope_floor)                   # (N, out) -> (N, in)     Eq. 6

    def push(self, layer):
        """κ/N for each silent neuron, in the output layer for that of the right class alone: (N, out), or None."""
        if self.silent_push is None:
            return None
        push = np.isinf(layer.spikes) * layer.spikes.dtype.type(self.silent_push / len(layer.spikes))
        if layer is self.network.weighted_layers()[-1]:
            push *= one_hot(self.network.targets, push.shape[1], push.dtype)            # as the last loss saw them
        return push

    def feedback_weights(self, name):
        return self.network.weighted_layer(name).weight

    def route(self, layer, N):
        return f"{shape_text(N, layer.weight.shape[0])} / S @ W {shape_text(*layer.weight.shape)}, of those before"

    def trace(self, x, targets):
        """The rows of every rule that sends an error, and of each layer how it fires.

        silent_share of its neurons; causal_share: how many of the spikes that came in a firing neuron heard before its
        own; smallest_slope, the least S. None where no neuron fires.
        """
        network = in_float64(self).network
        network.forward(x)
        rows = super().trace(x, targets)
        for row in rows:
            layer = network.layer(row["layer"])
            fired = np.isfinite(layer.spikes)                                           # (N, out)
            heard = np.isfinite(layer.input).sum(axis=1) @ fired.sum(axis=1)            # pairs of spikes, in and out
            row |= {"silent_share": float(1.0 - fired.mean()),
                    "causal_share": float(layer.causal_set().sum() / heard) if heard else None,
                    "smallest_slope": float(layer.slopes.min()) if heard else None}
        return rows

    def match_to_backprop(self):
        """Switch both options off."""
        self.silent_push = self.slope_floor = None
