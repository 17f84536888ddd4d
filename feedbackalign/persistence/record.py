"""What the row of an epoch says under `persistence`: every layer, the network, and the paths through it."""

import numpy as np

from feedbackalign.layers import MatrixFlow
from feedbackalign.networks.network import blocks
from feedbackalign.persistence.bounds import persistence_bounds, shuffle_gap
from feedbackalign.persistence.neural import maximum_of, neural_persistence
from feedbackalign.persistence.paths import deep_graph_persistence

SHUFFLES = 20
NO_KERNELS = "a convolution has no neural persistence here"


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
    layers = {layer.name: layer.weight for layer in network.weighted_layers()}
    dense = [W for W in layers.values() if W.ndim == 2]
    maximum = maximum_of(layers.values())
    reasons, rows = [], {}
    for index, (name, W) in enumerate(layers.items()):
        rows[name] = _layer_row(W, maximum, np.random.default_rng([epoch, index]))
        if W.ndim != 2:
            reasons.append(f"{name}: {NO_KERNELS}")
        elif rows[name]["position"] is None:
            reasons.append(f"{name}: no arrangement of these weights differs from another, so there is no position")
    dgp, between = None, [*blocks(network.layers), *(layer for layer in network.all_layers()
                                                      if isinstance(layer, MatrixFlow))]
    if len(dense) == len(layers) and not between:
        dgp = deep_graph_persistence(dense)
        reasons += ["dgp: the best paths have strength 0"] if dgp is None else []
    reasons += [f"dgp: paths are not made of weights alone, {layer.name} is between them" for layer in between]
    whole = [row["np"] for row in rows.values()]
    return {"layers": rows, "np": None if None in whole else float(np.mean(whole)), "dgp": dgp,
            "why": "; ".join(reasons) or None}


def _layer_row(W, maximum, rng):
    if W.ndim != 2:
        return dict.fromkeys(("np", "low", "high", "shuffle_gap", "position"))
    low, high = persistence_bounds(W)
    found, shuffled, _, position = shuffle_gap(W, SHUFFLES, rng)
    return {"np": neural_persistence(W, maximum=maximum), "low": low, "high": high, "shuffle_gap": found - shuffled,
            "position": position}
