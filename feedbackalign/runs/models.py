"""Models by name: from a name and a data set to a network that fits it, and the data in the form it takes.

    mlp           dense ReLU layers; 64-64-64 hidden units for small samples, 512-512 from 400 inputs on
    mlp-bn        the same with batch normalisation, for many layers: 64 units in each of 8, unless told otherwise
    settling      dense layers of clip(v/2, 0, 1) units, 64-64 hidden, for comparisons with rules that settle
    autoencoder   64-… down to a code and up again, squared error; the targets are the samples themselves
    digits-conv   two small convolutions for the 8×8 digits
    lenet-mnist   LeNet for 28×28 images zero-padded to 32×32
    lenet-cifar   a wider LeNet for 32×32 images
    resnet20      residual network for 32×32 images, smaller ones zero-padded to that; also resnet32, 44, 56, 110
    resnet18      residual network for 224×224 images; smaller ones are taken as they are
"""

import dataclasses

from feedbackalign import networks
from feedbackalign.data import Split
from feedbackalign.validation import require_integer, require_known

SMALL_RESNETS = {"resnet20": networks.resnet20, "resnet32": networks.resnet32, "resnet44": networks.resnet44,
                 "resnet56": networks.resnet56, "resnet110": networks.resnet110}
RESNETS = (*SMALL_RESNETS, "resnet18")
FOR_32_PIXELS = {"lenet-mnist": networks.lenet_mnist, "lenet-cifar": networks.lenet_cifar, **SMALL_RESNETS}
IMAGE_MODELS = {"digits-conv": networks.digits_conv, **FOR_32_PIXELS, "resnet18": networks.resnet18}
MODELS = ("mlp", "mlp-bn", "settling", "autoencoder", *IMAGE_MODELS)


def fit(model, data, *, hidden=None, activation=None, init="xavier-uniform", rng):
    """A network of this model for this data: -> (network, data in the form the network takes).

    Parameters
    ----------
    model : str
        One of `MODELS`.
    data : Dataset
    hidden : sequence of int, optional
        Hidden units of the dense models, instead of their own.
    activation : str, optional
        Instead of the dense models' own.
    init : str
    rng : numpy.random.Generator
        Draws the weights.

    Examples
    --------
    >>> import numpy as np
    >>> from feedbackalign.data import digits
    >>> network, data = fit("mlp", digits(), hidden=(32,), rng=np.random.default_rng(0))
    >>> network
    Network(Linear(64, 32), ReLU(), Linear(32, 10))
    """
    require_known(model, MODELS, "model")
    if model in IMAGE_MODELS:
        if hidden is not None or activation is not None:
            raise ValueError(f"model {model}: hidden units and activation are the dense models' options")
        return _image_model(model, data, init, rng)
    data = data.flat()
    inputs = data.input_shape[0]
    hidden = None if hidden is None else [require_integer(units, "hidden units", low=1) for units in hidden]
    if model == "autoencoder":
        network = networks.autoencoder([inputs, *(hidden or (32, 8))], activation=activation or "tanh", init=init,
                                       rng=rng)
        return network, reconstructing(data)
    usual = {"settling": (64, 64), "mlp-bn": (64,) * 8, "mlp": (512, 512) if inputs >= 400 else (64, 64, 64)}[model]
    activation = activation or {"settling": "soft-clip", "mlp": "relu", "mlp-bn": "relu"}[model]
    loss = "cross-entropy" if data.classes else "squared-error"
    sizes = [inputs, *(hidden or usual), data.outputs]
    return networks.mlp(sizes, activation=activation, loss=loss, init=init, batch_norm=model == "mlp-bn", rng=rng), data


def _image_model(model, data, init, rng):
    if len(data.input_shape) != 3:
        raise ValueError(f"model {model}: takes images (channels, height, width); "
                         f"{data.name} has samples of shape {tuple(data.input_shape)}")
    if data.input_shape[1] != data.input_shape[2]:
        raise ValueError(f"model {model}: takes square images; {data.name} has samples of shape "
                         f"{tuple(data.input_shape)}")
    if not data.classes:
        raise ValueError(f"model {model}: sorts into classes; {data.name} is a regression")
    if model in FOR_32_PIXELS and data.input_shape[1] < 32:
        data = data.padded(32)
    channels, size, _ = data.input_shape
    try:
        network = IMAGE_MODELS[model](channels=channels, classes=data.classes, size=size, init=init, rng=rng)
    except ValueError as error:                         # it says which layer ran out of pixels, or found too many
        raise ValueError(f"model {model}, {data.name} of {size}×{size} pixels: {error}") from error
    return network, data


def reconstructing(data):
    """The same samples with themselves as targets: regression, (N, in) -> (N, in)."""
    def mirrored(split):
        return None if split is None else Split(split.x, split.x)
    return dataclasses.replace(data, name=f"{data.name}, reconstructed", train=mirrored(data.train),
                               validation=mirrored(data.validation), test=mirrored(data.test), classes=None)
