"""What the synapses learn from a controlled network: the signals of Eq. 6 to 8, and the update of Eq. 9.

Equations are those in the docstring of `feedbackalign.rules.control`. φ(v_i^ff) is the rate without the push. r_{i−1}
is the rate *under control*, from which v_i^ff comes: the synapse has all of it at the same time. Divided by λ, updates
have the scale of a gradient.

`own_rates` gives every layer its own learning rate, η / (‖r_{i−1}‖² + 1), the 1 where there is a bias. Then, under
condition 2, the weights of all layers together move as little as they can to bring the output to its target.
"""

import numpy as np

from feedbackalign.networks.jacobians import Pass, gradients_of_signals, outer, slopes
from feedbackalign.validation import require_known

SIGNALS = ("rates", "voltages", "slopes")


def signals_of(stages, seen, state, kind="rates", own_rates=False):
    """The signals S_i of one controlled state, which point towards the target: a list of (N, n_i).

    `state` is the batch under control, a `State` or `Controlled`; `kind` is "rates", "voltages" or "slopes".

    >>> from feedbackalign.networks.jacobians import dense_chain, forward
    >>> from feedbackalign.networks import mlp
    >>> from feedbackalign.rules.control.dynamics import steady_state
    >>> stages = dense_chain(mlp([3, 2], rng=np.random.default_rng(0), dtype=np.float64))
    >>> seen = forward(stages, np.ones((1, 3)))
    >>> state = steady_state(stages, seen, np.array([[0.1, -0.2]]), [np.eye(2)], 0.0)
    >>> signals_of(stages, seen, state)[0].round(6)
    array([[ 0.1, -0.2]])
    """
    require_known(kind, SIGNALS, "signal")
    if kind == "rates":
        signals = [rate - stage.unit.function(v_ff) for stage, rate, v_ff in zip(stages, state.r[1:], state.v_ff)]
    else:
        signals = [v - v_ff for v, v_ff in zip(state.v, state.v_ff)]
        if kind == "slopes":
            signals = [slope * signal for slope, signal in zip(slopes(stages, seen), signals)]
    if own_rates:
        signals = [signal / squared_length(stage, below)[:, None]
                   for stage, signal, below in zip(stages, signals, state.r)]
    return signals


def squared_length(stage, below):
    """‖r_{i−1}‖² + 1, the 1 where the layer has a bias; 1 where the sum is zero: (N, n) -> (N,)."""
    length = np.einsum("ij,ij->i", below, below) + (stage.layer.bias is not None)
    return np.where(length > 0, length, 1.0).astype(below.dtype)


def gradients_at(stages, seen, state, step_size, **options):
    """−Eq. 9 at one state, uphill as gradients are: {"fc1.weight": array, …}; `options` are those of `signals_of`."""
    uphill = [signal / -step_size for signal in signals_of(stages, seen, state, **options)]
    return gradients_of_signals(stages, Pass(state.v, state.r), uphill)


class TimeMean:
    """The mean of Eq. 9 over time: `add` one state after the other. It keeps sums, not the states."""

    def __init__(self, stages, seen, step_size, **options):
        self.stages, self.seen, self.step_size, self.options = stages, seen, step_size, options
        self.signals = [np.zeros_like(v) for v in seen.pre]                     # Σ_t S_i(t), (N, n_i)
        self.products = [np.zeros_like(stage.layer.weight) for stage in stages[1:]]     # Σ_t S_i(t)ᵀ r_{i−1}(t)
        self.states = 0

    def add(self, state):
        self.states += 1
        signals = signals_of(self.stages, self.seen, state, **self.options)
        for total, signal in zip(self.signals, signals):
            total += signal
        for total, stage, signal, below in zip(self.products, self.stages[1:], signals[1:], state.r[1:]):
            total += outer(stage.layer, signal, below)              # (N, n_i), (N, n_{i−1}) -> (n_i, n_{i−1})

    def gradients(self):
        """The mean over time and batch, uphill: {"fc1.weight": array, …}."""
        products = [outer(self.stages[0].layer, self.signals[0], self.seen.post[0]), *self.products]
        scale = -1.0 / (self.step_size * self.states * len(self.signals[0]))
        gradients = {}
        for stage, product, signal in zip(self.stages, products, self.signals):
            gradients[f"{stage.name}.weight"] = scale * product
            if stage.layer.bias is not None:
                gradients[f"{stage.name}.bias"] = (scale * signal.sum(axis=0)).astype(stage.layer.bias.dtype)
        return gradients
