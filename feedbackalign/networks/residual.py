"""Residual networks: ResNet-20 … 110 for 32×32 images, ResNet-18 for 224×224.

He, Zhang, Ren, Sun, "Deep residual learning for image recognition", arXiv 1512.03385. A basic block is conv, bn, relu,
conv, bn beside its shortcut, with a relu on the sum; convolutions have no bias.
"""

import numpy as np

from feedbackalign.layers import BatchNorm2d, Conv2d, GlobalAvgPool2d, Linear, MaxPool2d, PaddedShortcut, ReLU, Residual
from feedbackalign.networks.network import Network


def basic_block(inputs, outputs, stride, *, option="A", **make):
    """Two 3×3 convolutions beside a shortcut, and the ReLU on their sum: (inputs, H, W) -> (outputs, H/stride, …)."""
    branch = [
        Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False, **make),
        BatchNorm2d(outputs, dtype=make["dtype"]), ReLU(),
        Conv2d(outputs, outputs, 3, padding=1, bias=False, **make),
        BatchNorm2d(outputs, dtype=make["dtype"]),
    ]
    if stride == 1 and inputs == outputs:
        shortcut = []
    elif option == "A":
        shortcut = [PaddedShortcut(outputs, stride)]
    else:
        shortcut = [Conv2d(inputs, outputs, 1, stride=stride, bias=False, **make),
                    BatchNorm2d(outputs, dtype=make["dtype"])]
    return [Residual(branch, shortcut), ReLU()]


def resnet_for_small_images(blocks, *, channels, classes, size, option, rng, init, dtype):
    """Three stages of `blocks` basic blocks at 16, 32 and 64 channels: 6·blocks + 2 weighted layers."""
    make = {"rng": rng, "init": init, "dtype": dtype}
    layers = [Conv2d(channels, 16, 3, padding=1, bias=False, **make), BatchNorm2d(16, dtype=dtype), ReLU()]
    inputs = 16
    for outputs, stride in ((16, 1), (32, 2), (64, 2)):                         # 32×32, 16×16, 8×8
        for block in range(blocks):
            layers += basic_block(inputs, outputs, stride if block == 0 else 1, option=option, **make)
            inputs = outputs
    layers += [GlobalAvgPool2d(), Linear(64, classes, **make)]                  # (64, 8, 8) -> (64,) -> (classes,)
    return lean(Network(layers, input_shape=(channels, size, size)))


def lean(network):
    """The errors between weighted layers are let go as soon as they are used: half of what a step would keep."""
    for layer in network.all_layers():
        layer.keeps_error = layer.is_weighted
    return network


def resnet20(*, channels=3, classes=10, size=32, option="A", rng, init="xavier-uniform", dtype=np.float32):
    """ResNet-20: three blocks a stage, 0.27 M parameters.

    >>> sum(array.size for array in resnet20(rng=np.random.default_rng(0)).parameters().values())
    269722
    """
    return resnet_for_small_images(3, channels=channels, classes=classes, size=size, option=option, rng=rng, init=init,
                                   dtype=dtype)


def resnet32(*, channels=3, classes=10, size=32, option="A", rng, init="xavier-uniform", dtype=np.float32):
    """ResNet-32: five blocks a stage, 0.46 M parameters."""
    return resnet_for_small_images(5, channels=channels, classes=classes, size=size, option=option, rng=rng, init=init,
                                   dtype=dtype)


def resnet44(*, channels=3, classes=10, size=32, option="A", rng, init="xavier-uniform", dtype=np.float32):
    """ResNet-44: seven blocks a stage, 0.66 M parameters."""
    return resnet_for_small_images(7, channels=channels, classes=classes, size=size, option=option, rng=rng, init=init,
                                   dtype=dtype)


def resnet56(*, channels=3, classes=10, size=32, option="A", rng, init="xavier-uniform", dtype=np.float32):
    """ResNet-56: nine blocks a stage, 0.85 M parameters."""
    return resnet_for_small_images(9, channels=channels, classes=classes, size=size, option=option, rng=rng, init=init,
                                   dtype=dtype)


def resnet110(*, channels=3, classes=10, size=32, option="A", rng, init="xavier-uniform", dtype=np.float32):
    """ResNet-110: eighteen blocks a stage, 1.7 M parameters."""
    return resnet_for_small_images(18, channels=channels, classes=classes, size=size, option=option, rng=rng, init=init,
                                   dtype=dtype)


def resnet18(*, channels=3, classes=1000, size=224, rng, init="xavier-uniform", dtype=np.float32):
    """ResNet-18 for large images: a 7×7 stem and four stages of two blocks, option B, 11.69 M parameters."""
    make = {"rng": rng, "init": init, "dtype": dtype}
    layers = [Conv2d(channels, 64, 7, stride=2, padding=3, bias=False, **make), BatchNorm2d(64, dtype=dtype), ReLU(),
              MaxPool2d(3, stride=2, padding=1)]                                # (3, 224, 224) -> (64, 56, 56)
    inputs = 64
    for outputs, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):             # 56×56, 28×28, 14×14, 7×7
        for block in range(2):
            layers += basic_block(inputs, outputs, stride if block == 0 else 1, option="B", **make)
            inputs = outputs
    layers += [GlobalAvgPool2d(), Linear(512, classes, **make)]
    return lean(Network(layers, input_shape=(channels, size, size)))
