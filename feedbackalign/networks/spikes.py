"""Networks of neurons that fire once: an intensity is a time, and so is every answer."""

import numpy as np

from feedbackalign.layers import LatencyCode, SpikeTimes, TimesToLogits
from feedbackalign.networks.dense import require_sizes
from feedbackalign.networks.network import Network
from feedbackalign.validation import require_number


def spiking(sizes, *, threshold=1.0, t_max=4.0, beta=10.0, kernel="ramp", tau=1.0, window=1.0, rng, dtype=np.float32):
    """Layers of first spikes between a latency code and a readout: intensities in [0, 1] -> logits.

    Parameters
    ----------
    sizes : list of int
        Input, hidden and output units; [64, 64, 10] has a code of 65 spikes, the last of them the reference at time 0,
        so `spike1.weight` is (64, 65) and `spike2.weight` (10, 64).
    threshold, kernel, tau, rng, dtype
        As in `SpikeTimes`; the weights are drawn layer by layer from the bottom.
    t_max : float above window
        Who would fire later is silent. A deeper network needs more time, about 2 for each layer of spikes.
    beta : float above 0
        As in `TimesToLogits`.
    window : float above 0
        As in `LatencyCode`.

    >>> net = spiking([4, 3, 2], rng=np.random.default_rng(0))
    >>> net
    Network(LatencyCode(window=1), SpikeTimes(5, 3, ramp), SpikeTimes(3, 2, ramp), TimesToLogits(4, beta=10))
    >>> net.forward(np.full((5, 4), 0.5, dtype=np.float32)).shape
    (5, 2)
    """
    sizes = require_sizes(sizes)
    code, readout = LatencyCode(window), TimesToLogits(t_max, beta)
    t_max = require_number(t_max, "t_max, which lies behind the encoding window", low=code.window, low_open=True)
    inputs = [sizes[0] + 1, *sizes[1:-1]]                                       # + 1: the reference spike
    spikes = [SpikeTimes(below, units, threshold=threshold, t_max=t_max, kernel=kernel, tau=tau, rng=rng, dtype=dtype)
              for below, units in zip(inputs, sizes[1:])]
    return Network([code, *spikes, readout], input_shape=(sizes[0],))
