"""What the row of an epoch says under `persistence`: every layer, the network, and the paths through it."""

import numpy as np

from feedbackalign.layers import MatrixFlow, Residual
from feedbackalign.networks.network import Network, blocks
from feedbackalign.persistence.bounds import persistence_bounds, shuffle_gap
from feedbackalign.persistence.neural import maximum_of, neural_persistence
from feedbackalign.persistence.paths import deep_graph_persistence
from feedbackalign.validation import require_instance, require_integer

SHUFFLES = 20
KEYS = ("np", "low", "high", "shuffle_gap", "position")     # of a layer


def persistence_row(network, epoch):
    """Of a network as it stands: {"layers": {"fc1": {…}}, "np": …, "dgp": …, "why": …}.

    A layer has np, divided by the largest weight of the network; and, divided by its own largest, low and high,
    shuffle_gap = NP − mean of 20 shuffles, and position = shuffle_gap / (high − low). `np` of the network is the mean
    over layers, `dgp` is rescaled. What is undefined is None, and `why` says the reason; it is None where all is
    defined. The shuffles of a layer come from `default_rng([epoch, index of the layer])`, so no random stream is
    touched.

    >>> import feedbackalign as fa
    >>> net = fa.networks.mlp([4, 3, 2], rng=np.random.default_rng(0))
    >>> row = persistence_row(net, epoch=0)
    >>> list(row["layers"]), list(row["layers"]["fc1"]), row["why"]
    (['fc1', 'fc2'], ['np', 'low', 'high', 'shuffle_gap', 'position'], None)
    """
    epoch = require_integer(epoch, "epoch", low=0)
    weights = {layer.name: layer.weight for layer in require_instance(network, Network, "network").weighted_layers()}
    maximum = maximum_of(weights.values())
    rows = {name: _layer_row(W, maximum, np.random.default_rng([epoch, index]))
            for index, (name, W) in enumerate(weights.items())}
    kernels = [name for name, W in weights.items() if W.ndim != 2]
    alike = [name for name, row in rows.items() if row["position"] is None and name not in kernels]
    between = [layer.name for layer in [*blocks(network.layers), *network.all_layers()]
               if isinstance(layer, (Residual, MatrixFlow))]
    dgp = None if kernels or between else deep_graph_persistence(list(weights.values()))
    reasons = [(kernels, "a convolution has no neural persistence here"),
               (alike, "all arrangements of these weights are alike, so there is no position"),
               (between, "more than weights is between inputs and outputs, so there is no dgp"),
               (["dgp"] if dgp is None and not kernels and not between else [], "the best paths have strength 0")]
    return {"layers": rows, "np": None if kernels else float(np.mean([row["np"] for row in rows.values()])),
            "dgp": dgp, "why": "; ".join(f"{', '.join(names)}: {why}" for names, why in reasons if names) or None}


def _layer_row(W, maximum, rng):
    if W.ndim != 2:
        return dict.fromkeys(KEYS)
    low, high = persistence_bounds(W)
    found, shuffled, _, position = shuffle_gap(W, SHUFFLES, rng)
    return dict(zip(KEYS, (neural_persistence(W, maximum=maximum), low, high, found - shuffled, position)))
