"""Layers that change the shape of their input: pooling and flattening."""

import numpy as np

from feedbackalign.layers.base import Layer
from feedbackalign.ops import pooling
from feedbackalign.ops import convolution as conv
from feedbackalign.validation import require_floats, require_integer


class Flatten(Layer):
    """(N, C, H, W) -> (N, C·H·W), always in the order C, H, W."""

    kind = "flatten"

    def forward(self, x, training=True):
        self.input = x
        return x.reshape(len(x), -1)

    def backward(self, error):
        self.error = error if self.keeps_error else None
        return error.reshape(self.input.shape)

    def output_shape(self, input_shape):
        return (int(np.prod(input_shape)),)


class Pool2d(Layer):
    """Base of the two window poolings: `size` × `size` windows, `stride` apart (the size by default)."""

    kind = "pool"

    def __init__(self, size, stride=None):
        super().__init__()
        self.size = require_integer(size, "pooling size", low=1)
        self.stride = require_integer(size if stride is None else stride, "pooling stride", low=1)
        self.padding = 0

    def output_shape(self, input_shape):
        sizes = [conv.output_size(size, self.size, self.stride, self.padding) for size in input_shape[1:]]
        if len(input_shape) != 3 or min(sizes) < 1:
            raise ValueError(f"{self.name} ran out of pixels: a {self.size}×{self.size} window does not fit "
                             f"an image of shape {tuple(input_shape)}")
        return (input_shape[0], *sizes)

    def __repr__(self):
        padding = f", padding={self.padding}" if self.padding else ""
        return f"{type(self).__name__}({self.size}, stride={self.stride}{padding})"


class MaxPool2d(Pool2d):
    """The largest entry of every window; its error goes to that entry (the first, if several are equal).

    `padding`, at most half the size, frames the image with −∞, which never wins.
    """

    def __init__(self, size, stride=None, padding=0):
        super().__init__(size, stride)
        self.padding = require_integer(padding, "pooling padding", low=0, high=size // 2)

    def forward(self, x, training=True):
        require_floats(x, f"input of {self.name}", shape=(None, None, None, None))
        self.output_shape(x.shape[1:])
        self.input = x
        y, self.winner = pooling.max_pool(x, self.size, self.stride, self.padding)   # (N, C, H, W) -> (N, C, r, c)
        return y

    def backward(self, error):
        self.error = error if self.keeps_error else None
        return pooling.max_unpool(error, self.winner, self.input.shape, self.size, self.stride, self.padding)


class AvgPool2d(Pool2d):
    """The mean of every window; its error is shared equally."""

    def forward(self, x, training=True):
        require_floats(x, f"input of {self.name}", shape=(None, None, None, None))
        self.output_shape(x.shape[1:])
        self.input = x
        return pooling.average_pool(x, self.size, self.stride)

    def backward(self, error):
        self.error = error if self.keeps_error else None
        return pooling.average_unpool(error, self.input.shape, self.size, self.stride)


class GlobalAvgPool2d(Layer):
    """The mean of every channel: (N, C, H, W) -> (N, C)."""

    kind = "pool"

    def forward(self, x, training=True):
        require_floats(x, f"input of {self.name}", shape=(None, None, None, None))
        self.input = x
        return pooling.global_average_pool(x)

    def backward(self, error):
        self.error = error if self.keeps_error else None
        return pooling.global_average_unpool(error, self.input.shape)

    def output_shape(self, input_shape):
        return (input_shape[0],)
