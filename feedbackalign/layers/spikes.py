"""Spiking neurons as layers: intensities become times, times become times, and the times at the top become logits.

What a layer hands up is when each of its neurons spikes, infinity where one does not. The formulas are in `ops.spikes`.
"""

import math

import numpy as np

from feedbackalign.layers.base import Layer
from feedbackalign.layers.weighted import WeightedLayer
from feedbackalign.ops import spikes as first
from feedbackalign.validation import (require_bool, require_float_array, require_floats, require_integer,
                                      require_known, require_number)

KERNELS = ("ramp", "alpha")


def require_t_max(t_max, what):
    """Refuse anything but a number above 0; it may be infinite."""
    if isinstance(t_max, float) and t_max == math.inf:
        return t_max
    return require_number(t_max, what, low=0, low_open=True)


class LatencyCode(Layer):
    """The stronger an intensity, the earlier its spike: t = window · (1 − s), and a reference spike at 0 comes last.

    Parameters
    ----------
    window : float above 0
        When the weakest intensities spike.
    zero_silent : bool
        Whether intensity 0 never spikes; else it does at the end of the window.

    >>> LatencyCode().forward(np.array([[1.0, 0.25, 0.0]]))
    array([[0.  , 0.75,  inf, 0.  ]])
    """

    kind = "code"
    may_answer_infinity = True

    def __init__(self, window=1.0, *, zero_silent=True):
        super().__init__()
        self.window = require_number(window, "window", low=0, low_open=True)
        self.zero_silent = require_bool(zero_silent, "zero_silent")

    def forward(self, x, training=True):
        require_floats(x, f"input of {self.name}", shape=(None, None))
        outside = ~((x >= 0.0) & (x <= 1.0))
        if outside.any():
            first_one = tuple(int(i) for i in np.argwhere(outside)[0])
            raise ValueError(f"input of {self.name}: expected intensities from 0 to 1, got {x[first_one]} at index "
                             f"{first_one}; divide by the largest one possible (standardised data are no intensities)")
        self.input = x
        return first.latency_code(x, self.window, self.zero_silent)             # (N, n) -> (N, n + 1)

    def backward(self, error):
        self.remember_error(error)
        spiked = (self.input > 0.0) | (not self.zero_silent)
        return np.where(spiked, -self.window * error[:, :-1], error.dtype.type(0.0))        # (N, n + 1) -> (N, n)

    def output_shape(self, input_shape):
        if len(input_shape) != 1:
            raise ValueError(f"{self.name}: expected flat samples, got shape {tuple(input_shape)}")
        return (input_shape[0] + 1,)

    def __repr__(self):
        return f"LatencyCode(window={self.window:g})"


class SpikeTimes(WeightedLayer):
    """Neurons that fire once: times of input spikes (N, in) -> times of their own first spikes (N, out).

    Parameters
    ----------
    inputs, outputs : int
        W has shape (outputs, inputs); there is no bias, a reference spike among the inputs acts as one.
    threshold : float above 0
        ϑ, the potential at which a neuron fires.
    t_max : float above 0
        Who would fire later is silent; finite for the alpha kernel.
    kernel : "ramp" or "alpha"
    tau : float above 0
        Of the alpha kernel.
    rng : numpy.random.Generator
        Draws W.
    dtype : numpy.float32 or numpy.float64

    Attributes
    ----------
    spikes, slopes : array or None
        Of the last forward pass: its answer, and S, how steeply each potential rose then.

    >>> layer = SpikeTimes(2, 2, rng=np.random.default_rng(0), dtype=np.float64)
    >>> layer.weight[...] = [[0.5, 0.5], [-1.0, -1.0]]
    >>> layer.forward(np.array([[0.0, 1.0]]))
    array([[1.5, inf]])
    """

    kind = "spike"
    may_answer_infinity = True
    lacks = ("mix_outputs", "noise", "respond", "correlate", "init")

    def __init__(self, inputs, outputs, *, threshold=1.0, t_max=np.inf, kernel="ramp", tau=1.0, rng, dtype=np.float32):
        inputs = require_integer(inputs, "SpikeTimes inputs", low=1)
        outputs = require_integer(outputs, "SpikeTimes outputs", low=1)
        super().__init__((outputs, inputs), bias=False, rng=rng, init=None, density=1.0, dtype=dtype)
        self.threshold = require_number(threshold, "threshold", low=0, low_open=True)
        self.t_max = require_t_max(t_max, "t_max")
        self.kernel = require_known(kernel, KERNELS, "kernel")
        tau = require_number(tau, "tau", low=0, low_open=True)
        if kernel == "alpha" and self.t_max == math.inf:
            raise ValueError("t_max: expected a finite number with the alpha kernel, which is searched up to there, "
                             "got inf")
        self.tau = tau if kernel == "alpha" else None
        self.spikes = self.slopes = None

    def drawn(self, shape, rng, dtype):
        """Normal weights of mean 3/in and deviation 1/√in: most neurons fire soon after their inputs.

        What bounds 1/S is the mean: with none of it, sums of weights near 0 are common.
        """
        return rng.normal(3.0 / shape[1], shape[1] ** -0.5, size=shape).astype(dtype)

    def forward(self, x, training=True):
        require_floats(x, f"input of {self.name}", shape=(None, self.weight.shape[1]))
        if not (x > -np.inf).all():
            raise ValueError(f"input of {self.name}: expected times of spikes (infinity where none comes), got "
                             f"{x[~(x > -np.inf)][0]}")
        if not np.isfinite(x).any():
            raise ValueError(f"input of {self.name}: expected at least one finite time, got none: not one neuron of "
                             f"the layer below fired for any sample; a lower threshold, a later t_max or larger first "
                             f"weights help")
        self.input = x
        self.spikes, self.slopes = first.first_spikes(x, self.weight, self.threshold, self.t_max, self.tau)
        return self.spikes                                                      # (N, in) -> (N, out)

    def local_gradients(self, error, slope_floor=None, push=None):
        """{"weight": −Σ (e/S) K(t − t_in)} for an error (N, out) at the output of the last forward pass.

        Parameters
        ----------
        error : array (N, out)
        slope_floor : float, optional
            Smaller S are taken as large as this; only a rule asks for it.
        push : array (N, out), optional
            How much each neuron's weights are pushed up, most from the earliest inputs; only a rule asks for it.
        """
        weight = first.spike_weight_gradient(error, self.spikes, self.floored(slope_floor), self.input, self.tau)
        if push is not None:
            weight += first.silent_gradient(push, self.input, self.t_max)
        return {"weight": weight}                                               # (out, in)

    def transport(self, error, weights, slope_floor=None):
        """(e/S) · weights, to the inputs that came before the spike: S and who came first stay as W made them.

        error (N, out), weights (out, in) -> (N, in).
        """
        return first.spike_transport(error, self.spikes, self.floored(slope_floor), self.input, weights, self.tau)

    def floored(self, slope_floor):
        return self.slopes if slope_floor is None else np.maximum(self.slopes, slope_floor)

    def causal_set(self):
        """Which inputs came before each spike of the last forward pass: boolean (N, out, in)."""
        return first.causal_set(self.spikes, self.input)

    def known_input_shape(self):
        return (self.weight.shape[1],)

    def output_shape(self, input_shape):
        if input_shape != self.known_input_shape():
            raise ValueError(f"{self.name}: expected {self.weight.shape[1]} inputs per sample, got shape {input_shape}")
        return (self.weight.shape[0],)

    def forget(self):
        super().forget()
        self.spikes = self.slopes = None

    def __repr__(self):
        return f"SpikeTimes({self.weight.shape[1]}, {self.weight.shape[0]}, {self.kernel})"


class TimesToLogits(Layer):
    """The earlier, the likelier: −β t, a silent neuron counting as if it fired at t_max.

    Parameters
    ----------
    t_max : float above 0
        Finite: a logit of minus infinity has no loss.
    beta : float above 0
        β, how much one unit of time tells.

    >>> TimesToLogits(4.0, beta=2.0).forward(np.array([[1.5, np.inf]]))
    array([[-3., -8.]])
    """

    kind = "logits"

    def __init__(self, t_max, beta=1.0):
        super().__init__()
        self.t_max = require_number(t_max, "t_max of the readout", low=0, low_open=True)
        self.beta = require_number(beta, "beta", low=0, low_open=True)

    def forward(self, x, training=True):
        self.input = require_float_array(x, f"input of {self.name}")
        return -self.beta * np.where(np.isfinite(x), x, x.dtype.type(self.t_max))

    def backward(self, error):
        self.remember_error(error)
        return np.where(np.isfinite(self.input), -self.beta * error, error.dtype.type(0.0))

    def __repr__(self):
        return f"TimesToLogits({self.t_max:g}, beta={self.beta:g})"
