"""Residual networks: ResNet-20 … 110 for 32×32 images, ResNet-18 for 224×224.

He, Zhang, Ren, Sun, "Deep residual learning for image recognition", arXiv 1512.03385. A basic block is conv, bn, relu,
conv, bn beside its shortcut, with a relu on the sum; convolutions have no bias.
"""

import numpy as np

from feedbackalign.layers import BatchNorm2d, Conv2d, GlobalAvgPool2d, Linear, MaxPool2d, PaddedShortcut, ReLU, Residual
from feedbackalign.networks.convolutional import require_images
from feedbackalign.networks.network import Network
from feedbackalign.validation import require_known


def basic_block(inputs, outputs, stride, *, option="A", **make):
    """Two 3×3 convolutions beside a shortcut, and the ReLU on their sum: (inputs, H, W) -> (outputs, H/stride, …)."""
    dtype = make["dtype"]
    branch = [
        Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False, **make), BatchNorm2d(outputs, dtype=dtype),
        ReLU(),
        Conv2d(outputs, outputs, 3, padding=1, bias=False, **make), BatchNorm2d(outputs, dtype=dtype),
    ]
    if require_known(option, ("A", "B"), "option of the shortcut") and stride == 1 and inputs == outputs:
        shortcut = []
    elif option == "A":
        shortcut = [PaddedShortcut(outputs, stride)]
    else:
        shortcut = [Conv2d(inputs, outputs, 1, stride=stride, bias=False, **make), BatchNorm2d(outputs, dtype=dtype)]
    return [Residual(branch, shortcut), ReLU()]


def residual_network(stem, blocks, outputs_of_stages, classes, input_shape, *, option, **make):
    """A stem, stages of `blocks` basic blocks each, the mean over all pixels, and a linear layer.

    Every stage but the first halves the image. To save half of a step's memory only weighted layers keep their errors.
    """
    layers, inputs = list(stem), outputs_of_stages[0]                           # the stem has as many outputs
    for stage, outputs in enumerate(outputs_of_stages):
        for block in range(blocks):
            stride = 2 if stage > 0 and block == 0 else 1
            layers += basic_block(inputs, outputs, stride, option=option, **make)
            inputs = outputs
    layers += [GlobalAvgPool2d(), Linear(inputs, classes, **make)]              # (C, H, W) -> (C,) -> (classes,)
    network = Network(layers, input_shape=input_shape)
    for layer in network.all_layers():
        layer.keeps_error = layer.is_weighted
    return network


def resnet_for_small_images(blocks, *, channels=3, classes=10, size=32, option="A", rng, init="xavier-uniform",
                            dtype=np.float32):
    """Three stages of `blocks` basic blocks at 16, 32 and 64 channels: 6·blocks + 2 weighted layers."""
    channels, classes, size = require_images(channels, classes, size)
    make = {"rng": rng, "init": init, "dtype": dtype}
    stem = [Conv2d(channels, 16, 3, padding=1, bias=False, **make), BatchNorm2d(16, dtype=dtype), ReLU()]
    return residual_network(stem, blocks, (16, 32, 64), classes, (channels, size, size), option=option, **make)


def resnet20(**options):
    """ResNet-20: three blocks per stage, 0.27 M parameters. Options as in `resnet_for_small_images`.

    >>> sum(array.size for array in resnet20(rng=np.random.default_rng(0)).parameters().values())
    269722
    """
    return resnet_for_small_images(3, **options)


def resnet32(**options):
    """ResNet-32: five blocks per stage, 0.46 M parameters."""
    return resnet_for_small_images(5, **options)


def resnet44(**options):
    """ResNet-44: seven blocks per stage, 0.66 M parameters."""
    return resnet_for_small_images(7, **options)


def resnet56(**options):
    """ResNet-56: nine blocks per stage, 0.85 M parameters."""
    return resnet_for_small_images(9, **options)


def resnet110(**options):
    """ResNet-110: eighteen blocks per stage, 1.7 M parameters."""
    return resnet_for_small_images(18, **options)


def resnet18(*, channels=3, classes=1000, size=224, rng, init="xavier-uniform", dtype=np.float32):
    """ResNet-18 for large images: a 7×7 stem and four stages of two blocks, option B, 11.69 M parameters."""
    channels, classes, size = require_images(channels, classes, size)
    make = {"rng": rng, "init": init, "dtype": dtype}
    stem = [Conv2d(channels, 64, 7, stride=2, padding=3, bias=False, **make), BatchNorm2d(64, dtype=dtype), ReLU(),
            MaxPool2d(3, stride=2, padding=1)]                                  # (3, 224, 224) -> (64, 56, 56)
    return residual_network(stem, 2, (64, 128, 256, 512), classes, (channels, size, size), option="B", **make)
