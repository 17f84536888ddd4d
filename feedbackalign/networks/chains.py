"""Chains: a list of layers read as stages, each a weighted layer with its pooling and its unit.

Some rules follow a network stage by stage from the bottom to the top, and take no other network:

    dense_chain       [Flatten], (Linear, [unit])*, Linear                         targets, feedback control
    relu_chain        [Flatten], (Linear, ReLU)*, Linear                           implicit steps
    settling_chain    (Conv2d, [pooling], unit)*, Flatten, (Linear, unit)*         networks that settle

`read_stages` reads them all. What does not fit is refused by an `UnfitNetworkError` that names the layer.
"""

import typing

import numpy as np

from feedbackalign.layers import ACTIVATIONS, POOLINGS, Conv2d, Flatten, Identity, Linear, ReLU
from feedbackalign.layers.base import Layer
from feedbackalign.layers.units import Activation
from feedbackalign.layers.weighted import WeightedLayer
from feedbackalign.networks.network import Network
from feedbackalign.validation import require_bool, require_dtype, require_instance, require_known

BOUNDED = ("tanh", "sigmoid", "steep-sigmoid", "hard-sigmoid", "soft-clip", "dsilu")
ORDER = "(Conv2d, [MaxPool2d, AvgPool2d or SoftmaxPool2d], unit)*, Flatten, (Linear, unit)*"
DENSE_MODELS = "the dense models: --model mlp, --model autoencoder"
RELU_MODELS = "the dense model of ReLU units: --model mlp"
SETTLING_MODELS = "the models made for such rules: --model settling, settling-conv"


class UnfitNetworkError(ValueError):
    """A network that a rule cannot take; the message names the layer, and `hint` says which models would fit."""

    def __init__(self, message, hint=""):
        super().__init__(message)
        self.hint = hint


class Stage(typing.NamedTuple):
    """A weighted layer, its pooling and its unit (None where there is none), and the shape of one sample's input."""

    layer: Layer
    pool: Layer
    unit: Layer
    below_shape: tuple

    @property
    def name(self):
        return self.layer.name

    @property
    def output_shape(self):
        """Of one sample's pre-activation, before pooling."""
        return self.layer.output_shape(self.below_shape)


class DenseStage(typing.NamedTuple):
    """A Linear, and the unit on top of it (the identity where there is none)."""

    layer: Layer
    unit: Layer

    @property
    def name(self):
        return self.layer.name


class Chain(typing.NamedTuple):
    """The settling stages of a network from the bottom to the top, and the readout above them (or None)."""

    network: object
    stages: list
    readout: Layer

    @property
    def has_images(self):
        """Whether a layer is a convolution."""
        return any(isinstance(stage.layer, Conv2d) for stage in self.stages)

    def rest(self, N, dtype=None):
        """All states zero, for a batch of N: one array per stage, after pooling, in the network's dtype or another."""
        dtype = self.network.dtype if dtype is None else require_dtype(dtype)
        shapes = [stage.pool.output_shape(stage.output_shape) if stage.pool else stage.output_shape
                  for stage in self.stages]
        return [np.zeros((N, *shape), dtype=dtype) for shape in shapes]


def read_stages(network, kind, pools, expected, hint):
    """The layers as `Stage`s, bottom to top; a Flatten may stand anywhere.

    Parameters
    ----------
    network : Network
    kind : class
        Of the weighted layers that are taken.
    pools : tuple of classes
        Poolings that may follow a weighted layer.
    expected, hint : str
        What the refusal says after the layer's name, and the hint that it carries.
    """
    stages, layers = [], require_instance(network, Network, "network").layers
    for previous, layer in zip([None, *layers], layers):
        below = stages[-1] if stages else None
        if isinstance(layer, kind):
            stages.append(Stage(layer, None, None, network.shapes.get(layer.name, (None,))[0]))
        elif below and isinstance(layer, Activation) and below.unit is None:
            stages[-1] = below._replace(unit=layer)
        elif below and isinstance(layer, pools) and below.unit is below.pool is None:
            stages[-1] = below._replace(pool=layer)
        elif not isinstance(layer, Flatten):
            where = f"after {previous.name}" if previous else "first"
            raise UnfitNetworkError(f"{layer.name} {expected}, got {layer!r} {where}", hint)
    return stages


def dense_chain(network):
    """Read the stages off a dense network, bottom to top: a list of `DenseStage`.

    Parameters
    ----------
    network : Network
        [Flatten], (Linear, [unit])*, Linear; any elementwise unit, and none on the output.

    Raises
    ------
    UnfitNetworkError
        A ValueError, naming the first layer that is something else.

    >>> from feedbackalign.networks import mlp
    >>> [(stage.name, stage.unit.kind) for stage in dense_chain(mlp([4, 3, 2], rng=np.random.default_rng(0)))]
    [('fc1', 'relu'), ('fc2', 'identity')]
    """
    expected = "cannot be taken: expected dense layers alone, [Flatten], (Linear, [unit])*, Linear"
    stages = [DenseStage(stage.layer, stage.unit or Identity())
              for stage in read_stages(network, Linear, (), expected, DENSE_MODELS)]
    unit = stages[-1].unit
    if not isinstance(unit, Identity):
        raise UnfitNetworkError(f"{unit.name} cannot be taken: expected a linear output (softmax belongs to the loss), "
                                f"got {unit!r} on it", DENSE_MODELS)
    return stages


def relu_chain(network):
    """Read the stages off a dense network of ReLU units, bottom to top: a list of `DenseStage`.

    Parameters
    ----------
    network : Network
        [Flatten], (Linear, ReLU)*, Linear; one Linear alone counts.

    Raises
    ------
    UnfitNetworkError
        A ValueError, naming the first layer that is something else.

    >>> from feedbackalign.networks import mlp
    >>> relu_chain(mlp([4, 3, 2], activation="tanh", rng=np.random.default_rng(0)))
    Traceback (most recent call last):
    ...
    feedbackalign.networks.chains.UnfitNetworkError: fc1 cannot be taken: expected a ReLU on every hidden layer, got ...
    """
    try:
        stages = dense_chain(network)
    except UnfitNetworkError as error:
        raise UnfitNetworkError(str(error), RELU_MODELS) from error
    for layer, unit in stages[:-1]:
        if not isinstance(unit, ReLU):
            raise UnfitNetworkError(f"{layer.name} cannot be taken: expected a ReLU on every hidden layer, got "
                                    f"{unit!r}", RELU_MODELS)
    return stages


def settling_chain(network, activation=None, pooling=None, readout=True):
    """Read the settling stages off a network.

    Parameters
    ----------
    network : Network
        (Conv2d, [MaxPool2d, AvgPool2d or SoftmaxPool2d], unit)*, Flatten, (Linear, unit)*, with known input shape.
        Units are bounded: tanh, sigmoid, steep-sigmoid, hard-sigmoid, soft-clip or dsilu. The top is a Linear; under
        squared error it settles, with or without a unit, under cross-entropy it has none.
    activation : str, optional
        A unit that takes the place of the network's own; a linear top stays linear.
    pooling : "max", "average" or "softmax", optional
        Takes the place of the network's own pooling.
    readout : bool
        Whether the top stays outside the dynamics under cross-entropy; else its linear units settle like the others.

    Returns
    -------
    Chain

    Raises
    ------
    UnfitNetworkError
        A ValueError, naming the layer that cannot settle.

    >>> from feedbackalign.networks import mlp
    >>> network = mlp([4, 3, 3, 2], activation="soft-clip", rng=np.random.default_rng(0))
    >>> found = settling_chain(network)
    >>> [stage.name for stage in found.stages], found.readout.name
    (['fc1', 'fc2'], 'fc3')
    >>> [stage.name for stage in settling_chain(network, readout=False).stages]
    ['fc1', 'fc2', 'fc3']
    """
    def refuse(why):
        raise UnfitNetworkError(why, SETTLING_MODELS)

    readout = require_bool(readout, "readout")
    if activation is not None:
        require_known(activation, BOUNDED, "activation of a settling network")
    if pooling is not None:
        require_known(pooling, POOLINGS, "pooling")
    if require_instance(network, Network, "network").input_shape is None:
        refuse("a network that settles needs its sizes: make it with Network(…, input_shape=…)")
    stages = read_stages(network, WeightedLayer, tuple(POOLINGS.values()), f"cannot settle: expected {ORDER}",
                         SETTLING_MODELS)
    for n, stage in enumerate(stages):
        unit, pool = stage.unit or Identity(), stage.pool
        is_linear_top = n + 1 == len(stages) and isinstance(unit, Identity)
        if stage.unit is None and not is_linear_top:
            refuse(f"{stage.name} cannot settle: expected a bounded unit after it, got none")
        if activation is not None and not is_linear_top:
            unit = renamed(ACTIVATIONS[activation](), unit.name)
        elif unit.kind not in BOUNDED and not is_linear_top:
            refuse(f"{unit.name} cannot settle: expected a bounded unit ({', '.join(BOUNDED)}), got {unit!r}; the "
                   f"option activation= puts one in its place")
        if pool is not None and pooling is not None:
            if pool.padding:
                refuse(f"{pool.name} cannot be replaced: expected a pooling without padding, got {pool!r}")
            pool = renamed(POOLINGS[pooling](pool.size, pool.stride), pool.name)
        stages[n] = stage._replace(unit=unit, pool=pool)
    if pooling is not None and all(stage.pool is None for stage in stages):
        refuse(f"pooling: expected a network with pooling that {pooling!r} can replace, got one without")
    *below, top = stages
    if not isinstance(top.layer, Linear):
        refuse(f"{top.name} cannot settle: expected a Linear on top, got {top.layer!r}")
    if network.loss_name != "cross-entropy":
        return Chain(network, stages, None)
    if not isinstance(top.unit, Identity):
        refuse(f"{top.unit.name} cannot settle: under cross-entropy the top Linear is without unit")
    if not readout:
        return Chain(network, stages, None)
    if not below:
        refuse(f"{top.name} cannot settle: under cross-entropy it is a readout, and nothing is below it")
    return Chain(network, below, top.layer)


def renamed(layer, name):
    """A layer that stands in the place of another carries its name."""
    layer.name = name
    return layer
