"""The layers with synapses, Linear and Conv2d, and the three steps that every learning rule is made of.

    layer.local_gradients(error)             its input times its error, both at the synapse itself
    layer.transport(error, weights)          carry an error down through ANY weights of the layer's kind
    layer.mix_outputs(error, matrix)         carry it into a middle population first (product feedback alignment)

Backprop calls `transport` with W, feedback alignment with B: one rule serves dense and convolutional layers.
"""

import numpy as np

from feedbackalign.layers.base import Layer
from feedbackalign.ops import initialisers
from feedbackalign.ops import convolution as conv
from feedbackalign.ops import linear as dense
from feedbackalign.ops.fast import convolution as by_rows
from feedbackalign.validation import (channels_first, require_bool, require_density,
                                      require_dtype, require_floats, require_generator,
                                      require_integer, require_shape)

LARGE = 2**21           # bytes of a column matrix from which on a convolution goes row by row: outside the cache


class WeightedLayer(Layer):
    """What Linear and Conv2d share: weight, bias, mask, and the exact backward pass.

    `noise`, where a rule has set it, is added to the output: perturbation rules jitter units with it. A kind of layer
    that cannot do all that Linear does names in `lacks` what rules may not ask of it, see `Rule.needs`.
    """

    is_weighted = True
    lacks = ()

    def __init__(self, weight_shape, *, bias, rng, init, density, dtype):
        super().__init__()
        require_generator(rng, type(self).__name__)
        density = require_density(density, weight_shape)
        dtype = require_dtype(dtype)
        self.init = init
        self.weight = self.drawn(weight_shape, rng, dtype)
        self.bias = initialisers.draw_bias(weight_shape, rng, init, dtype) if require_bool(bias, "bias") else None
        self.mask = None
        if density < 1:
            self.mask = rng.random(weight_shape) < density                      # the synapses that exist
            self.weight *= self.mask
        self.noise = None

    def parameters(self):
        return {"weight": self.weight} if self.bias is None else {"weight": self.weight, "bias": self.bias}

    def masks(self):
        """{"weight": boolean array} where some synapses do not exist; put on again after every update."""
        return {} if self.mask is None else {"weight": self.mask}

    def state(self):
        return {} if self.mask is None else {"mask": self.mask}

    def draw_weights(self, rng, shape=None):
        """Fresh weights from the layer's own initialiser, in W's shape unless another is asked for."""
        shape = self.weight.shape if shape is None else require_shape(shape, "shape")
        return self.drawn(shape, require_generator(rng, "draw_weights"), self.weight.dtype)

    def drawn(self, shape, rng, dtype):
        return initialisers.draw(shape, rng, self.init, dtype)

    def answer(self, x):
        """W x + b, what `forward` gives without noise, and the layer remembers nothing: (N, in, …) -> (N, out, …).

        x may be complex.

        >>> layer = Linear(3, 2, rng=np.random.default_rng(0))
        >>> x = np.ones((5, 3), dtype=np.float32)
        >>> bool((layer.answer(x) == layer.forward(x)).all())
        True
        """
        y = self.respond(x)
        if self.bias is not None:
            y += self.bias.reshape(-1, *[1] * (y.ndim - 2))                     # (out,), or (out, 1, 1) for images
        return y

    def backward(self, error):
        """The exact gradient: keep the local gradients, return ∂L/∂input."""
        self.remember_error(error)
        self.gradients = self.local_gradients(error)
        return self.transport(error, self.weight)

    def astype(self, dtype):
        super().astype(dtype)
        self.gradients = {}
        return self


class Linear(WeightedLayer):
    """y = x Wᵀ + b.

    Parameters
    ----------
    inputs, outputs : int
        W has shape (outputs, inputs), b (outputs,).
    bias : bool
    rng : numpy.random.Generator
        Draws W, b where it does not start at zero, and the mask.
    init : str
        One of `ops.initialisers.NAMES`, which says of b where it starts.
    density : float in (0, 1]
        Share of synapses that exist, by a fixed random mask on W.
    dtype : numpy.float32 or numpy.float64

    >>> layer = Linear(3, 2, rng=np.random.default_rng(0))
    >>> layer.forward(np.zeros((5, 3), dtype=np.float32)).shape
    (5, 2)
    """

    kind = "fc"

    def __init__(self, inputs, outputs, *, bias=True, rng, init="xavier-uniform", density=1.0, dtype=np.float32):
        inputs = require_integer(inputs, "Linear inputs", low=1)
        outputs = require_integer(outputs, "Linear outputs", low=1)
        super().__init__((outputs, inputs), bias=bias, rng=rng, init=init, density=density, dtype=dtype)

    def forward(self, x, training=True):
        require_floats(x, f"input of {self.name}", shape=(None, self.weight.shape[1]))
        self.input = x
        y = dense.linear(x, self.weight, self.bias)                             # (N, in) x (in, out) -> (N, out)
        return y if self.noise is None else y + self.noise

    def local_gradients(self, error):
        """{"weight": eᵀ x, "bias": Σₙ eₙ} for an error (N, out) at the output of the last forward pass."""
        weight = self.outer(error)                                              # (out, in)
        return {"weight": weight} if self.bias is None else {"weight": weight, "bias": error.sum(axis=0)}

    def outer(self, signal, x=None):
        """signalᵀ x summed over the batch, x being the last input unless given: (N, any), (N, in) -> (any, in)."""
        return dense.linear_weight_gradient(signal, self.input if x is None else x)

    def transport(self, error, weights, input_shape=None):
        return dense.linear_transport(error, weights)                           # (N, out) x (out, in) -> (N, in)

    def mix_outputs(self, error, matrix):
        return error @ matrix                                                   # (N, out) x (out, mid) -> (N, mid)

    def respond(self, x, weights=None):
        """What the bare weights (W, or others of its kind) answer, without bias: (N, in) -> (N, out)."""
        return dense.linear(x, self.weight if weights is None else weights)

    def draw_feedback(self, rng):
        """Fresh weights for a way down, in W's shape: with the fan-in of a layer from the outputs to the inputs."""
        return self.draw_weights(rng, self.weight.shape[::-1]).T

    def correlate(self, signal, x):
        """Mean product of output signal and input over the batch: (N, out), (N, in) -> (out, in)."""
        return self.outer(signal, x) / len(x)

    def known_input_shape(self):
        return (self.weight.shape[1],)

    def answer_shape(self):
        return (len(self.input), len(self.weight))

    def output_shape(self, input_shape):
        if input_shape != self.known_input_shape():
            raise ValueError(f"{self.name}: expected {self.weight.shape[1]} inputs per sample, got shape {input_shape}")
        return (self.weight.shape[0],)

    def __repr__(self):
        return f"Linear({self.weight.shape[1]}, {self.weight.shape[0]})"


class Conv2d(WeightedLayer):
    """Convolution (cross-correlation) of (N, in, H, W) images with W of shape (out, in, kh, kw).

    Parameters
    ----------
    inputs, outputs : int
        Channels.
    kernel : int or (int, int)
    stride, padding : int
    bias, rng, init, density, dtype
        As for `Linear`.

    >>> layer = Conv2d(1, 4, 3, stride=2, padding=1, rng=np.random.default_rng(0))
    >>> layer.forward(np.zeros((2, 1, 8, 8), dtype=np.float32)).shape
    (2, 4, 4, 4)
    """

    kind = "conv"

    def __init__(self, inputs, outputs, kernel, *, stride=1, padding=0, bias=True, rng,
                 init="xavier-uniform", density=1.0, dtype=np.float32):
        kernel = tuple(kernel) if isinstance(kernel, (tuple, list)) else (kernel, kernel)
        if len(kernel) != 2:
            raise ValueError(f"Conv2d kernel: expected one length or two, got {kernel}")
        inputs = require_integer(inputs, "Conv2d inputs", low=1)
        outputs = require_integer(outputs, "Conv2d outputs", low=1)
        kernel = tuple(require_integer(length, "Conv2d kernel", low=1) for length in kernel)
        self.stride = require_integer(stride, "Conv2d stride", low=1)
        self.padding = require_integer(padding, "Conv2d padding", low=0)
        super().__init__((outputs, inputs, *kernel), bias=bias, rng=rng, init=init, density=density, dtype=dtype)
        self.columns = None

    def forward(self, x, training=True):
        require_floats(x, f"input of {self.name}", shape=(None, self.weight.shape[1], None, None))
        self.output_shape(x.shape[1:])
        self.input = x
        if self.is_large(x.shape, x.itemsize):
            y, self.columns = by_rows.convolve(x, self.weight, self.bias, self.stride, self.padding), None
        else:
            y, self.columns = conv.convolve(x, self.weight, self.bias, self.stride, self.padding)
        if self.noise is not None:
            y += self.noise
        return y

    def local_gradients(self, error):
        """{"weight": Σ eᵀ patch, "bias": Σ e} over samples and positions, error (N, out, rows, cols)."""
        weight = self.outer(error)                                              # (out, in, kh, kw)
        return {"weight": weight} if self.bias is None else {"weight": weight, "bias": conv.as_rows(error).sum(axis=1)}

    def outer(self, signal, x=None):
        """Σ signalᵀ patch, patches of the last input unless given: (N, any, rows, cols) -> (any, in, kh, kw)."""
        x, kernel = self.input if x is None else x, self.weight.shape[2:]
        if self.is_large(x.shape, x.itemsize):
            return by_rows.weight_gradient(signal, x, kernel, self.stride, self.padding)
        columns = self.columns if x is self.input else conv.im2col(x, kernel, self.stride, self.padding)
        return conv.convolution_weight_gradient(signal, columns, self.weight.shape)

    def transport(self, error, weights, input_shape=None):
        """The transposed convolution: (N, out, rows, cols), (out, in, kh, kw) -> (N, in, H, W).

        The input's shape is that of the last forward pass unless given.
        """
        input_shape = input_shape or self.input.shape
        path = by_rows.transport if self.is_large(input_shape, error.itemsize) else conv.convolution_transport
        return path(error, weights, input_shape, self.stride, self.padding)

    def mix_outputs(self, error, matrix):
        return conv.mix_channels(error, matrix)             # (N, out, r, c) x (out, mid) -> (N, mid, r, c)

    def respond(self, x, weights=None):
        """What the bare kernels (W, or others of its kind) answer, without bias: (N, in, H, W) -> (N, out, r, c)."""
        weights = self.weight if weights is None else weights
        if self.is_large(x.shape, x.itemsize):
            return by_rows.convolve(x, weights, None, self.stride, self.padding)
        return conv.convolve(x, weights, None, self.stride, self.padding)[0]

    def is_large(self, input_shape, itemsize):
        """Whether this batch's column matrix would be too large to make: then the same numbers come row by row."""
        _, rows, cols = self.output_shape(input_shape[1:])
        return self.weight[0].size * rows * cols * input_shape[0] * itemsize >= LARGE

    def draw_feedback(self, rng):
        """Fresh kernels for a way down, in W's shape and with W's fan-in: the same kind of kernel, used transposed."""
        return self.draw_weights(rng)

    def correlate(self, signal, x):
        """Mean product of output signal and patch, each kernel entry over the positions that use it.

        With padding and stride the entries are used at different numbers of positions; dividing each by its own
        number makes the mean of white noise through W parallel to W.
        """
        kernel = self.weight.shape[2:]
        total = self.outer(signal, x)                                                   # (out, in, kh, kw)
        uses = conv.tap_counts(x.shape[2:], kernel, self.stride, self.padding)          # (kh, kw)
        return (total / np.maximum(uses * len(x), 1)).astype(x.dtype)

    def output_shape(self, input_shape):
        channels = self.weight.shape[1]
        if len(input_shape) != 3 or input_shape[0] != channels:
            raise ValueError(f"{self.name}: expected {channels} channels of images, got shape {tuple(input_shape)}"
                             f"{channels_first((channels, None, None), tuple(input_shape))}")
        sizes = [conv.output_size(size, length, self.stride, self.padding)
                 for size, length in zip(input_shape[1:], self.weight.shape[2:])]
        if min(sizes) < 1:
            raise ValueError(f"{self.name} ran out of pixels: a {self.weight.shape[2]}×{self.weight.shape[3]} kernel "
                             f"with padding {self.padding} does not fit an image of shape {tuple(input_shape)}")
        return (self.weight.shape[0], *sizes)

    def forget(self):
        super().forget()
        self.columns = None

    def __repr__(self):
        out, inputs, kh, kw = self.weight.shape
        return f"Conv2d({inputs}, {out}, ({kh}, {kw}), stride={self.stride}, padding={self.padding})"
