"""Residual blocks: a branch of layers beside a shortcut; both get the input, and their outputs are added.

    y = branch(x) + shortcut(x)         the error goes down both ways and is added

He, Zhang, Ren, Sun, arXiv 1512.03385. Where the branch changes the shape, the shortcut must too: option A takes every
second pixel and fills the new channels with zeros (`PaddedShortcut`, no parameters); option B is a 1×1 convolution with
batch normalisation, given as a list of layers.
"""

import numpy as np

from feedbackalign.layers.base import Layer
from feedbackalign.ops.convolution import batch_innermost
from feedbackalign.validation import (require_float_array, require_floats, require_instance, require_integer,
                                      require_list)


def require_layers(layers, what):
    """Refuse anything but a list of layers; it may be empty."""
    return require_list(layers, what, lambda layer, what: require_instance(layer, Layer, what), least=0)


class Residual(Layer):
    """A branch of layers beside a shortcut; their outputs are added.

    Parameters
    ----------
    layers : list of Layer
        The branch, bottom to top.
    shortcut : list of Layer
        The layers beside it; if empty, the shortcut is the input itself.

    >>> from feedbackalign.layers import Tanh
    >>> Residual([Tanh()]).forward(np.array([[0.0, 1.0]])).round(3)
    array([[0.   , 1.762]])
    """

    kind = "block"

    def __init__(self, layers, shortcut=()):
        super().__init__()
        self.layers, self.shortcut = require_layers(layers, "layers"), require_layers(shortcut, "shortcut")

    def forward(self, x, training=True):
        branch = side = self.input = require_float_array(x, f"input of {self.name}")
        for layer in self.layers:
            branch = layer.forward(branch, training)
        for layer in self.shortcut:
            side = layer.forward(side, training)
        return branch + side

    def backward(self, error):
        """The exact error at the input: down the branch, plus down the shortcut."""
        self.remember_error(error)
        branch = side = error
        for layer in reversed(self.layers):
            branch = layer.backward(branch)
        for layer in reversed(self.shortcut):
            side = layer.backward(side)
        return branch + side

    def output_shape(self, input_shape):
        branch = side = tuple(input_shape)
        for layer in self.layers:
            branch = layer.output_shape(branch)
        for layer in self.shortcut:
            side = layer.output_shape(side)
        if branch != side:
            raise ValueError(f"{self.name}: branch and shortcut do not fit: {branch} and {side}")
        return branch

    def __repr__(self):
        shortcut = f", shortcut={self.shortcut!r}" if self.shortcut else ""
        return f"Residual({self.layers!r}{shortcut})"


class PaddedShortcut(Layer):
    """Option A: every `stride`-th pixel, with new channels of zeros before and after the old ones.

    (N, C, H, W) -> (N, channels, ⌈H/stride⌉, ⌈W/stride⌉)
    """

    kind = "shortcut"

    def __init__(self, channels, stride=2):
        super().__init__()
        self.channels = require_integer(channels, "shortcut channels", low=1)
        self.stride = require_integer(stride, "shortcut stride", low=1)

    def forward(self, x, training=True):
        self.input = require_floats(x, f"input of {self.name}", shape=(None, None, None, None))
        self.output_shape(x.shape[1:])
        N, C, H, W = x.shape
        kept = batch_innermost(x).transpose(1, 2, 3, 0)[:, ::self.stride, ::self.stride]    # (C, rows, cols, N)
        before = (self.channels - C) // 2
        y = np.zeros((self.channels, *kept.shape[1:]), dtype=x.dtype)
        y[before:before + C] = kept
        return y.transpose(3, 0, 1, 2)                                          # (N, channels, rows, cols)

    def backward(self, error):
        self.remember_error(error)
        N, C, H, W = self.input.shape
        before = (self.channels - C) // 2
        down = np.zeros((C, H, W, N), dtype=error.dtype)
        down[:, ::self.stride, ::self.stride] = error.transpose(1, 2, 3, 0)[before:before + C]
        return down.transpose(3, 0, 1, 2)

    def output_shape(self, input_shape):
        C, H, W = input_shape
        if self.channels < C:
            raise ValueError(f"input of {self.name}: expected at most {self.channels} channels, got {C} "
                             f"in samples of shape {tuple(input_shape)}")
        return (self.channels, -(-H // self.stride), -(-W // self.stride))

    def __repr__(self):
        return f"PaddedShortcut({self.channels}, stride={self.stride})"
