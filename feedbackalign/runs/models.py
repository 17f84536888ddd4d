"""Models by name: how each is built to fit a data set, and what a run of it does where nothing else is asked for.

    mlp           dense ReLU layers; 64-64-64 hidden units for small samples, 512-512 from 400 inputs on
    mlp-bn        the same with batch normalisation, for many layers: 64 units in each of 8, if no others are given
    settling      dense layers of clip(v/2, 0, 1) units, 64-64 hidden, for comparisons with rules that settle
    settling-conv two convolutions of such units under max pooling, for rules that settle; also settling-conv-soft,
                  under softmax pooling, which hep needs
    corinfomax    dense layers of clip(v, 0, 1) units, 100 hidden, no biases, squared error, for the rule of its name
    ode-to-ode    an encoder, 16 units that move along orthogonal matrices in ten steps, and a readout; Adam
    spiking       neurons that fire once, 64 hidden: pixels become times; there is no unit and no initialiser to choose
    autoencoder   64-… down to a code and up again, squared error; the targets are the samples themselves
    digits-conv   two small convolutions for the 8×8 digits
    lenet-mnist   LeNet for 28×28 images zero-padded to 32×32
    lenet-cifar   a wider LeNet for 32×32 images
    resnet20      residual network for 32×32 images, smaller ones zero-padded to that; also resnet32, 44, 56, 110
    resnet18      residual network for 224×224 images; smaller ones are taken as they are

All that is known of a model is one record in `MODELS`.
"""

import dataclasses
import functools
import typing

from feedbackalign import networks
from feedbackalign.data import Dataset, Split
from feedbackalign.optimizer import RESNET_18, RESNETS, SMALL_NETWORKS, StrongPhase
from feedbackalign.validation import (channels_first, describe, require_dtype, require_instance, require_integer,
                                      require_known, require_list)


@dataclasses.dataclass(frozen=True)
class Model:
    """One model, and the settings of a run that names no others.

    Attributes
    ----------
    build : callable
        A dense model: (data, hidden, activation, init=…, rng=…, dtype=…) -> Network. A model of images:
        (channels=…, classes=…, size=…, init=…, rng=…, dtype=…) -> Network.
    takes_images : bool
        Whether samples are images (channels, size, size); else they are flattened.
    least_pixels : int
        Smaller images are zero-padded to this size.
    reconstructs : bool
        Whether the targets are the samples themselves.
    inputs : str
        The form of the samples. Images: "standardised" to mean 0 and deviation 1, or "unit", pixels from 0 to 1; all
        data: "centred", less the one mean of the training samples.
    is_residual : bool
        Residual networks: on CIFAR-10 their images are cropped and mirrored, and unfinished runs keep checkpoints.
    epochs, batch_size, optimizer, lr, momentum, decay, init
        See `runs.Run`.
    lr_per_epoch : float
        What every epoch multiplies the learning rate with.
    strong_phase : StrongPhase
        How the product rules' decay presets start.
    """

    build: typing.Callable
    takes_images: bool = False
    least_pixels: int = 0
    reconstructs: bool = False
    inputs: str = "standardised"
    is_residual: bool = False
    epochs: int = 40
    batch_size: int = 32
    optimizer: str = "sgd"
    lr: float = 0.01
    momentum: float = 0.9
    lr_per_epoch: float = 1.0
    decay: object = "authors"
    init: str = "xavier-uniform"
    strong_phase: StrongPhase = SMALL_NETWORKS


def _given(value, usual):
    return usual if value is None else value                    # () is a network without hidden layers


def _dense(data, hidden, activation, **make):
    loss = "cross-entropy" if data.classes else "squared-error"
    return networks.mlp([data.input_shape[0], *hidden, data.outputs], activation=activation, loss=loss, **make)


def _mlp(data, hidden, activation, **make):
    usual = (512, 512) if data.input_shape[0] >= 400 else (64, 64, 64)
    return _dense(data, _given(hidden, usual), _given(activation, "relu"), **make)


def _mlp_bn(data, hidden, activation, **make):
    return _dense(data, _given(hidden, (64,) * 8), _given(activation, "relu"), batch_norm=True, **make)


def _settling(data, hidden, activation, **make):
    return _dense(data, _given(hidden, (64, 64)), _given(activation, "soft-clip"), **make)


def _corinfomax(data, hidden, activation, **make):
    return networks.mlp([data.input_shape[0], *_given(hidden, (100,)), data.outputs], loss="squared-error", bias=False,
                        activation=_given(activation, "hard-sigmoid"), output_gain=0.25, **make)


def _ode_to_ode(data, hidden, activation, **make):
    loss = "cross-entropy" if data.classes else "squared-error"
    return networks.ode_to_ode([data.input_shape[0], *_given(hidden, (16,)), data.outputs],
                               activation=_given(activation, "abs"), loss=loss, **make)


def _spiking(data, hidden, activation, *, init, **make):
    if activation is not None or init != "xavier-uniform":
        raise ValueError("model spiking: has neither activation nor init to choose, its layers draw their own weights")
    if not data.classes:
        raise ValueError(f"model spiking: sorts into classes; {data.name} is a regression")
    sizes = [data.input_shape[0], *_given(hidden, (64,)), data.outputs]
    return networks.spiking(sizes, t_max=2.0 * (len(sizes) - 1), **make)       # two units of time a layer


def _autoencoder(data, hidden, activation, **make):
    sizes = [data.input_shape[0], *_given(hidden, (32, 8))]
    return networks.autoencoder(sizes, activation=_given(activation, "tanh"), **make)


def _settling_conv(pooling, init):
    return Model(functools.partial(networks.settling_conv, pooling=pooling), takes_images=True, inputs="unit",
                 epochs=10, batch_size=50, lr=0.1, decay=3e-4, init=init)


def _small_resnet(build):
    """The paper's settings, but for its number of epochs, 250 of CIFAR-10."""
    return Model(build, takes_images=True, least_pixels=32, is_residual=True, epochs=10, batch_size=128, lr=0.1,
                 strong_phase=RESNETS)


MODELS = {
    "mlp": Model(_mlp),
    "mlp-bn": Model(_mlp_bn),
    # A network that settles learns in few epochs at a high rate.
    "settling": Model(_settling, inputs="unit", epochs=12, batch_size=50, lr=0.1, decay=3e-4),
    "settling-conv": _settling_conv("max", "pytorch-default"),
    # Softmax pooling answers with little more than a mean: from weights of ±1/√in, `hep` does not leave its start.
    "settling-conv-soft": _settling_conv("softmax", "kaiming-uniform"),
    # The rates of its paper fall a little with every epoch; momentum would make its small batches of ±β drift.
    "corinfomax": Model(_corinfomax, inputs="unit", epochs=20, batch_size=20, lr=0.1, momentum=0.0, lr_per_epoch=0.97,
                        decay=0.0),
    "ode-to-ode": Model(_ode_to_ode, inputs="centred", epochs=15, batch_size=64, optimizer="adam", lr=0.005),
    "spiking": Model(_spiking, inputs="unit", epochs=15, optimizer="adam", lr=0.001, decay=0.0),
    "autoencoder": Model(_autoencoder, reconstructs=True, lr=0.001),
    "digits-conv": Model(networks.digits_conv, takes_images=True),
    "lenet-mnist": Model(networks.lenet_mnist, takes_images=True, least_pixels=32),
    "lenet-cifar": Model(networks.lenet_cifar, takes_images=True, least_pixels=32),
    "resnet20": _small_resnet(networks.resnet20),
    "resnet32": _small_resnet(networks.resnet32),
    "resnet44": _small_resnet(networks.resnet44),
    "resnet56": _small_resnet(networks.resnet56),
    "resnet110": _small_resnet(networks.resnet110),
    # The paper trains it for 75 epochs of ImageNet.
    "resnet18": Model(networks.resnet18, takes_images=True, is_residual=True, epochs=10, batch_size=256, lr=0.1,
                      strong_phase=RESNET_18),
}


OWN = Model(None)                                   # a network of the user's own: the settings of dense layers


def fit(model, data, *, hidden=None, activation=None, init=None, rng, dtype=None):
    """A network of this model for this data: -> (network, data in the form the network takes).

    Parameters
    ----------
    model : str or function
        One of `MODELS`, or (data, rng) -> Network. Where the lowest layer takes rows, images become rows.
    data : Dataset
    hidden : sequence of int, optional
        Hidden units of the dense models, instead of their own.
    activation : str, optional
        Instead of the dense models' own.
    init : str, optional
        Instead of the model's own.
    rng : numpy.random.Generator
        Draws the weights.
    dtype : numpy.float32 or numpy.float64, or its name, optional
        Of the network; None is float32, and for a function whatever it makes.

    >>> import numpy as np
    >>> from feedbackalign.data import digits
    >>> network, data = fit("mlp", digits(), hidden=(32,), rng=np.random.default_rng(0))
    >>> network
    Network(Linear(64, 32), ReLU(), Linear(32, 10))
    """
    require_instance(data, Dataset, "data")
    if callable(model):
        return _fit_own(model, data, (hidden, activation, _given(init, OWN.init)), rng, dtype)
    known = MODELS[require_known(model, MODELS, "model")]
    make = {"init": _given(init, known.init), "rng": rng, "dtype": require_dtype(_given(dtype, "float32"), "dtype")}
    if known.takes_images:
        if hidden is not None or activation is not None:
            raise ValueError(f"model {model}: hidden units and activation are the dense models' options")
        return _fit_images(model, data, make)
    data = data.flat()
    hidden = None if hidden is None else require_list(
        hidden, "hidden units", lambda units, what: require_integer(units, what, low=1), least=0)
    network = known.build(data, hidden, activation, **make)
    return network, reconstructing(data) if known.reconstructs else data


def _fit_own(build, data, options, rng, dtype):
    if options != (None, None, OWN.init):
        raise ValueError(f"model {build.__name__}: hidden units, activation and init are its own affair")
    network = build(data, rng)
    if not isinstance(network, networks.Network):
        raise TypeError(f"model {build.__name__}: expected a feedbackalign.networks.Network, got {describe(network)}")
    if network.outputs != data.outputs:
        raise ValueError(f"model {build.__name__}: {data.name} wants {data.outputs} output units, the network has "
                         f"{network.outputs}")
    if dtype is not None:
        network.astype(require_dtype(dtype, "dtype"))
    if network.input_shape is not None and len(network.input_shape) == 1:
        data = data.flat()
    if network.input_shape not in (None, tuple(data.input_shape)):
        raise ValueError(f"model {build.__name__}: the network takes samples of shape {network.input_shape}, "
                         f"{data.name} has {tuple(data.input_shape)}")
    with network.undisturbed():                         # a layer that does not fit says so now
        network.forward(data.batch(1)[0], training=False)
    return network, data


def _fit_images(model, data, make):
    known, shape = MODELS[model], data.input_shape
    if len(shape) != 3:
        raise ValueError(f"model {model}: takes images (channels, height, width); "
                         f"{data.name} has samples of shape {tuple(shape)}")
    if shape[1] != shape[2]:
        raise ValueError(f"model {model}: takes square images; {data.name} has samples of shape {tuple(shape)}"
                         f"{channels_first((shape[2], shape[0], shape[0]), tuple(shape))}")
    if not data.classes:
        raise ValueError(f"model {model}: sorts into classes; {data.name} is a regression")
    if shape[1] < known.least_pixels:
        data = data.padded(known.least_pixels)
    channels, size, _ = data.input_shape
    try:
        network = known.build(channels=channels, classes=data.classes, size=size, **make)
    except ValueError as error:                         # it says which layer ran out of pixels, or found too many
        raise ValueError(f"model {model}, {data.name} of {size}×{size} pixels: {error}") from error
    return network, data


def reconstructing(data):
    """The same samples with themselves as targets: regression, (N, in) -> (N, in)."""
    require_instance(data, Dataset, "data")

    def mirrored(split):
        return None if split is None else Split(split.x, split.x)
    return dataclasses.replace(data, name=f"{data.name}, reconstructed", train=mirrored(data.train),
                               validation=mirrored(data.validation), test=mirrored(data.test), classes=None)
