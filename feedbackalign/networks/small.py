"""Small networks with a batch, in float64: what gradients are checked on, and what a rule can be tried on.

Every function takes a Generator and returns (network, x, labels). Biases are random: at zero they would hide mistakes.
"""

import numpy as np

from feedbackalign.layers import AvgPool2d, Conv2d, Flatten, Linear, MaxPool2d, ReLU, Tanh
from feedbackalign.networks import spikes
from feedbackalign.networks.dense import mlp
from feedbackalign.networks.network import Network

__all__ = ["dense", "images", "kinked_images", "settling", "settling_images", "spiking", "wide"]


def dense(rng, *, activation="tanh", loss="cross-entropy"):
    """Three dense layers: x (6, 5), labels (6,)."""
    return with_batch(mlp([5, 6, 4, 3], activation=activation, loss=loss, rng=rng, dtype=np.float64), (6, 5), rng)


def wide(rng, *, activation="tanh"):
    """Dense layers that are wide enough to tell feedback of low rank from W: x (8, 12), labels (8,)."""
    return with_batch(mlp([12, 20, 16, 10], activation=activation, rng=rng, dtype=np.float64), (8, 12), rng)


def kinked_images(rng, *, loss="cross-entropy"):
    """Convolutions with kinks, strides, padding and pools: x (4, 2, 7, 6), labels (4,)."""
    make = {"rng": rng, "dtype": np.float64}
    return with_batch(Network([
        Conv2d(2, 3, (3, 2), padding=1, **make), ReLU(), MaxPool2d(2, 1),                   # (2, 7, 6) -> (3, 6, 6)
        Conv2d(3, 4, 3, stride=2, padding=1, **make), Tanh(), AvgPool2d(2, 1),              # -> (4, 2, 2)
        Flatten(), Linear(16, 3, **make)], input_shape=(2, 7, 6), loss=loss), (4, 2, 7, 6), rng)


def images(rng):
    """The same kind of network without kinks, for derivatives by differences."""
    make = {"rng": rng, "dtype": np.float64}
    return with_batch(Network([
        Conv2d(2, 3, 3, padding=1, **make), Tanh(),                                         # (2, 7, 6) -> (3, 7, 6)
        Conv2d(3, 4, (2, 3), stride=2, padding=1, **make), Tanh(), AvgPool2d(2),            # -> (4, 2, 1)
        Flatten(), Linear(8, 3, **make)], input_shape=(2, 7, 6)), (4, 2, 7, 6), rng)


def settling(rng):
    """Dense layers whose units come to rest: x (6, 5), labels (6,)."""
    return weaker(*dense(rng))


def settling_images(rng):
    """A convolution and dense layers that come to rest, pooled by means: x (4, 2, 7, 6), labels (4,)."""
    make = {"rng": rng, "dtype": np.float64}
    return weaker(*with_batch(Network([
        Conv2d(2, 3, (3, 2), padding=1, **make), AvgPool2d(2), Tanh(),                      # (2, 7, 6) -> (3, 3, 3)
        Flatten(), Linear(27, 5, **make), Tanh(), Linear(5, 3, **make)],
        input_shape=(2, 7, 6)), (4, 2, 7, 6), rng))


def spiking(rng):
    """Layers of neurons that all fire: x (6, 5) in [0, 1], labels (6,)."""
    network = spikes.spiking([5, 6, 4, 3], t_max=10.0, rng=rng, dtype=np.float64)
    for layer in network.weighted_layers():
        np.abs(layer.weight, out=layer.weight)
    return network, rng.random((6, 5)), rng.integers(3, size=6)


def weaker(network, x, labels):
    """The same with weights half as large: with small weights a network of bounded units settles."""
    for layer in network.weighted_layers():
        layer.weight *= 0.5
    return network, x, labels


def with_batch(network, shape, rng):
    """The network with random biases, x of this shape, and labels."""
    for name, array in network.parameters().items():
        if name.endswith("bias"):
            array[...] = 0.3 * rng.normal(size=array.shape)
    return network, rng.normal(size=shape), rng.integers(network.outputs, size=shape[0])
