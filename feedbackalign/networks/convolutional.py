"""Small convolutional networks: lists of layers from the input upwards."""

import numpy as np

from feedbackalign.layers import POOLINGS, Conv2d, Flatten, GlobalAvgPool2d, Linear, MaxPool2d, ReLU, SoftClip
from feedbackalign.networks.network import Network
from feedbackalign.validation import require_integer, require_known


def require_images(channels, classes, size, least=1):
    """Refuse what are no numbers of channels, classes and pixels a side: -> the three as int."""
    return (require_integer(channels, "channels", low=1), require_integer(classes, "classes", low=1),
            require_integer(size, "size", low=least))


def lenet_mnist(*, channels=1, classes=10, size=32, init="xavier-uniform", rng, dtype=np.float32):
    """LeNet for 32×32 images (MNIST zero-padded): 6 and 16 channels at 5×5 with pools, 120 at 5×5, 84, classes."""
    channels, classes, size = require_images(channels, classes, size)
    make = {"rng": rng, "init": init, "dtype": dtype}
    return Network([
        Conv2d(channels, 6, 5, **make), ReLU(), MaxPool2d(2),                   # (1, 32, 32) -> (6, 14, 14)
        Conv2d(6, 16, 5, **make), ReLU(), MaxPool2d(2),                         # -> (16, 5, 5)
        Conv2d(16, 120, 5, **make), ReLU(), Flatten(),                          # -> (120, 1, 1) -> (120,)
        Linear(120, 84, **make), ReLU(),
        Linear(84, classes, **make),
    ], input_shape=(channels, size, size))


def lenet_cifar(*, channels=3, classes=10, size=32, init="xavier-uniform", rng, dtype=np.float32):
    """A wider LeNet for 32×32 colour images: 32, 64, 128 channels at 3×3 with pools, global average, 256, classes."""
    channels, classes, size = require_images(channels, classes, size)
    make = {"rng": rng, "init": init, "dtype": dtype}
    return Network([
        Conv2d(channels, 32, 3, padding=1, **make), ReLU(), MaxPool2d(2),       # (3, 32, 32) -> (32, 16, 16)
        Conv2d(32, 64, 3, padding=1, **make), ReLU(), MaxPool2d(2),             # -> (64, 8, 8)
        Conv2d(64, 128, 3, padding=1, **make), ReLU(), MaxPool2d(2),            # -> (128, 4, 4)
        GlobalAvgPool2d(),                                                      # -> (128,)
        Linear(128, 256, **make), ReLU(),
        Linear(256, classes, **make),
    ], input_shape=(channels, size, size))


def digits_conv(*, channels=1, classes=10, size=8, init="xavier-uniform", rng, dtype=np.float32):
    """A small convolutional network for the 8×8 digits: 8 and 16 channels at 3×3, one pool, 32, classes."""
    channels, classes, size = require_images(channels, classes, size, least=4)
    make = {"rng": rng, "init": init, "dtype": dtype}
    half = size // 2
    return Network([
        Conv2d(channels, 8, 3, padding=1, **make), ReLU(), MaxPool2d(2),        # (1, 8, 8) -> (8, 4, 4)
        Conv2d(8, 16, 3, padding=1, **make), ReLU(), Flatten(),                 # -> (16, 4, 4) -> (256,)
        Linear(16 * half * half, 32, **make), ReLU(),
        Linear(32, classes, **make),
    ], input_shape=(channels, size, size))


def settling_conv(*, channels=1, classes=10, size=8, pooling="max", init="xavier-uniform", rng, dtype=np.float32):
    """For rules whose network settles: 16 and 32 channels at 3×3, each pooled 2×2, clip(v/2, 0, 1), then classes.

    `pooling` is "max", "average" or "softmax".
    """
    channels, classes, size = require_images(channels, classes, size, least=4)
    pool, make = POOLINGS[require_known(pooling, POOLINGS, "pooling")], {"rng": rng, "init": init, "dtype": dtype}
    return Network([
        Conv2d(channels, 16, 3, padding=1, **make), pool(2), SoftClip(),        # (1, 8, 8) -> (16, 4, 4)
        Conv2d(16, 32, 3, padding=1, **make), pool(2), SoftClip(),              # -> (32, 2, 2)
        Flatten(), Linear(32 * (size // 4) ** 2, classes, **make),
    ], input_shape=(channels, size, size))
