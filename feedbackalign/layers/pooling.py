"""Layers that change the shape of their input: pooling and flattening."""

import numpy as np

from feedbackalign.layers.base import Layer
from feedbackalign.ops import pooling
from feedbackalign.ops import convolution as conv
from feedbackalign.validation import require_float_array, require_floats, require_integer


class Flatten(Layer):
    """(N, C, H, W) -> (N, C·H·W), always in the order C, H, W."""

    kind = "flatten"

    def forward(self, x, training=True):
        self.input = require_float_array(x, f"input of {self.name}")
        return x.reshape(len(x), -1)

    def backward(self, error):
        self.remember_error(error)
        return error.reshape(self.input.shape)

    def output_shape(self, input_shape):
        return (int(np.prod(input_shape)),)


class Pool2d(Layer):
    """Base of the window poolings: `size` × `size` windows, `stride` apart (the size by default).

    Beside its passes a pooling P has three functions that remember nothing, for networks whose states settle:

        pooled(z)                        P(z)                        (N, C, H, W) -> (N, C, rows, cols)
        change(direction, z)             P'(z) · direction           (N, C, H, W) -> (N, C, rows, cols)
        unpooled(signal, shape, z)       P'(z)ᵀ signal               (N, C, rows, cols) -> (N, C, H, W) = shape

    and `routes(z)`, P(z) with what `along(signal, shape, routes)` takes in z's place: the same as `unpooled`, without
    looking at z again.

    Attributes
    ----------
    is_linear : bool
        Whether the slopes P' are the same everywhere: then z may be None.
    is_smooth : bool
        Whether P has no kinks: then z may be complex.
    """

    kind = "pool"
    is_linear = False
    is_smooth = True

    def __init__(self, size, stride=None):
        super().__init__()
        self.size = require_integer(size, "pooling size", low=1)
        self.stride = self.size if stride is None else require_integer(stride, "pooling stride", low=1)
        self.padding = 0

    @property
    def is_curved(self):
        """Whether the slopes move smoothly with z: then `unpooled_change` says how."""
        return self.is_smooth and not self.is_linear

    def forward(self, x, training=True):
        self.take(x)
        return self.pooled(x)

    def routes(self, z):
        return self.pooled(z), z

    def along(self, signal, shape, routes):
        return self.unpooled(signal, shape, routes)

    def take(self, x):
        """Check and remember the input of a pass."""
        require_floats(x, f"input of {self.name}", shape=(None, None, None, None))
        self.output_shape(x.shape[1:])
        self.input = x

    def backward(self, error):
        self.remember_error(error)
        return self.unpooled(error, self.input.shape, self.input)

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

    is_smooth = False

    def __init__(self, size, stride=None, padding=0):
        super().__init__(size, stride)
        self.padding = require_integer(padding, "pooling padding", low=0, high=self.size // 2)

    def forward(self, x, training=True):
        self.take(x)
        y, self.winner = self.routes(x)                                         # (N, C, H, W) -> (N, C, rows, cols)
        return y

    def backward(self, error):
        self.remember_error(error)
        return self.along(error, self.input.shape, self.winner)

    def routes(self, z):
        """The largest entries, and which they are."""
        return pooling.max_pool(z, self.size, self.stride, self.padding)

    def along(self, signal, shape, winner):
        return pooling.max_unpool(signal, winner, shape, self.size, self.stride, self.padding)

    def pooled(self, z):
        return self.routes(z)[0]

    def change(self, direction, z):
        return pooling.max_pick(direction, self.routes(z)[1], self.size, self.stride, self.padding)

    def unpooled(self, signal, shape, z):
        return self.along(signal, shape, self.routes(z)[1])


class AvgPool2d(Pool2d):
    """The mean of every window; its error is shared equally."""

    is_linear = True

    def pooled(self, z):
        return pooling.average_pool(z, self.size, self.stride)

    def change(self, direction, z=None):
        return self.pooled(direction)

    def unpooled(self, signal, shape, z=None):
        return pooling.average_unpool(signal, shape, self.size, self.stride)


class SoftmaxPool2d(Pool2d):
    """Σ zᵢ wᵢ, w = softmax(z), over every window: the smooth stand-in for max pooling.

    >>> x = np.array([[[[0.0, 0.0], [0.0, 30.0]]]])
    >>> SoftmaxPool2d(2).forward(x).round(6)
    array([[[[30.]]]])
    """

    def pooled(self, z):
        return pooling.softmax_pool(z, self.size, self.stride)

    def change(self, direction, z):
        return pooling.softmax_pool_change(z, direction, self.size, self.stride)

    def unpooled(self, signal, shape, z):
        return pooling.softmax_unpool(signal, z, self.size, self.stride)

    def unpooled_change(self, signal, direction, z):
        """How P'(z)ᵀ signal changes where z moves: (N, C, rows, cols) and (N, C, H, W) -> (N, C, H, W)."""
        return pooling.softmax_unpool_change(signal, z, direction, self.size, self.stride)


POOLINGS = {"max": MaxPool2d, "average": AvgPool2d, "softmax": SoftmaxPool2d}


class GlobalAvgPool2d(Layer):
    """The mean of every channel: (N, C, H, W) -> (N, C)."""

    kind = "pool"

    def forward(self, x, training=True):
        require_floats(x, f"input of {self.name}", shape=(None, None, None, None))
        self.input = x
        return pooling.global_average_pool(x)

    def backward(self, error):
        self.remember_error(error)
        return pooling.global_average_unpool(error, self.input.shape)

    def output_shape(self, input_shape):
        return (input_shape[0],)
