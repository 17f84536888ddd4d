"""Batch normalisation as layers: batch statistics in training, running ones in evaluation."""

import numpy as np

from feedbackalign.layers.base import Layer
from feedbackalign.ops import normalisation
from feedbackalign.ops.fast import normalisation as fast
from feedbackalign.validation import (require_bool, require_dtype, require_factor, require_floats, require_integer,
                                      require_number)


class BatchNorm(Layer):
    """y = γ (x − mean) / √(variance + ε) + β, channel by channel.

    Parameters
    ----------
    channels : int
    momentum : float in (0, 1]
        Weight of the newest batch in the running mean and (unbiased) variance.
    epsilon : float above 0
    dtype : numpy.float32 or numpy.float64

    Attributes
    ----------
    weight, bias : (C,) arrays
        γ, started at 1, and β, started at 0.
    running_mean, running_variance : (C,) arrays
        What `forward(x, training=False)` uses.
    mean, variance : (C,) arrays
        What the last forward pass used; `uses_batch` says whether they were the batch's own.

    >>> layer = BatchNorm1d(3, dtype=np.float64)
    >>> y = layer.forward(np.random.default_rng(0).normal(5.0, 2.0, size=(100, 3)))
    >>> bool(np.allclose(y.mean(axis=0), 0)), bool(np.allclose(y.std(axis=0), 1, atol=1e-4))
    (True, True)
    """

    kind = "bn"
    dimensions = passes = None                          # of x, and the module whose functions compute

    def __init__(self, channels, *, momentum=0.1, epsilon=1e-5, dtype=np.float32):
        super().__init__()
        dtype = require_dtype(dtype)
        channels = require_integer(channels, "BatchNorm channels", low=1)
        self.momentum = require_number(momentum, "momentum", low=0, high=1, low_open=True)
        self.epsilon = require_factor(epsilon, "epsilon", dtype, low_open=True)
        self.uses_batch = True
        self.weight = np.ones(channels, dtype=dtype)
        self.bias = np.zeros(channels, dtype=dtype)
        self.running_mean = np.zeros(channels, dtype=dtype)
        self.running_variance = np.ones(channels, dtype=dtype)

    def parameters(self):
        return {"weight": self.weight, "bias": self.bias}

    def state(self):
        return {"running_mean": self.running_mean, "running_variance": self.running_variance}

    def forward(self, x, training=True):
        require_floats(x, f"input of {self.name}", shape=(None, len(self.weight), *[None] * (self.dimensions - 2)))
        self.input = x
        self.uses_batch = training = require_bool(training, "training")
        if not training:
            self.mean, self.variance = self.running_mean, self.running_variance
            return self.passes.batch_norm(x, self.weight, self.bias, self.mean, self.variance, self.epsilon)
        count = x.size // x.shape[1]
        if count < 2:
            raise ValueError(f"{self.name}: expected at least two values per channel to normalise over, "
                             f"got a batch of shape {x.shape}")
        y, self.mean, self.variance = self.passes.batch_norm_training(x, self.weight, self.bias, self.epsilon)
        keep = 1 - self.momentum
        self.running_mean = keep * self.running_mean + self.momentum * self.mean
        self.running_variance = keep * self.running_variance + self.momentum * count / (count - 1) * self.variance
        return y

    def backward(self, error):
        self.remember_error(error)
        send_back = self.passes.batch_norm_backward if self.uses_batch else normalisation.batch_norm_backward_running
        down, scale, shift = send_back(error, self.input, self.weight, self.mean, self.variance, self.epsilon)
        self.gradients = {"weight": scale, "bias": shift}
        return down

    def forget(self):
        super().forget()
        self.mean = self.variance = None

    def __repr__(self):
        return f"{type(self).__name__}({len(self.weight)})"


class BatchNorm1d(BatchNorm):
    """Batch normalisation of rows (N, C)."""
    dimensions, passes = 2, normalisation

    def known_input_shape(self):
        return self.weight.shape


class BatchNorm2d(BatchNorm):
    """Batch normalisation of images (N, C, H, W), over batch and positions."""
    dimensions, passes = 4, fast
