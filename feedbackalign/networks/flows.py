"""A network around a flow: an encoder into its state, the flow, and a readout."""

import numpy as np

from feedbackalign.layers import Linear, MatrixFlow
from feedbackalign.networks.dense import require_sizes
from feedbackalign.networks.network import Network


def ode_to_ode(sizes, *, steps=10, time=1.0, loss="cross-entropy", init="xavier-uniform", rng, dtype=np.float32,
               **flow):
    """Inputs, state and outputs: [64, 16, 10] is Linear(64, 16), a flow of 16 units, Linear(16, 10).

    Parameters
    ----------
    sizes : list of three int
    steps, time, **flow
        As in `MatrixFlow`: flow, activation, map, gates, hidden.
    loss, init, rng, dtype
        As in `Network` and `Linear`; drawn from the bottom up.

    >>> ode_to_ode([4, 3, 2], flow="gated", rng=np.random.default_rng(0))
    Network(Linear(4, 3), MatrixFlow(3, 10, 1, gated, abs, exp), Linear(3, 2))
    """
    sizes = require_sizes(sizes, least=3)
    if len(sizes) > 3:
        raise ValueError(f"sizes: expected three, of the input, the state and the output, got {sizes}")
    inputs, d, outputs = sizes
    return Network([Linear(inputs, d, init=init, rng=rng, dtype=dtype),
                    MatrixFlow(d, steps, time, rng=rng, dtype=dtype, **flow),
                    Linear(d, outputs, init=init, rng=rng, dtype=dtype)], loss=loss)
