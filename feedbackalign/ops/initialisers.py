"""Initial weights: Xavier, Kaiming and LeCun, PyTorch's default, and orthogonal.

    fan_in  = in · kh · kw        what one output unit sums over
    fan_out = out · kh · kw       what one input unit is sent to
    Xavier  variance 2 / (fan_in + fan_out)     Glorot & Bengio 2010
    Kaiming variance 2 / fan_in                 He et al. 2015
    LeCun   variance 1 / fan_in                 LeCun et al. 1998; normal, cut at two deviations, as in Flax and Keras
    PyTorch variance 1 / (3 fan_in)             weights and biases uniform in ±1/√fan_in

Biases are zero, but for PyTorch's default.
"""

import math

import numpy as np

from feedbackalign.validation import require_dtype, require_known

CUT = 2.0                                                                       # of the truncated normal, in deviations
# The deviation of a standard normal number that is no further than CUT from 0.
CUT_DEVIATION = math.sqrt(1.0 - CUT * math.sqrt(2.0 / math.pi) * math.exp(-CUT**2 / 2) / math.erf(CUT / math.sqrt(2)))


def uniform(shape, rng, deviation):
    """Between −√3 and √3 deviations."""
    bound = np.sqrt(3.0) * deviation                                            # U(−a, a) has deviation a/√3
    return rng.uniform(-bound, bound, size=shape)


def normal(shape, rng, deviation):
    return rng.normal(0.0, deviation, size=shape)


def truncated_normal(shape, rng, deviation):
    """Normal, drawn again where it lies beyond two deviations, then widened to have this one.

    >>> bool(np.abs(truncated_normal(1000, np.random.default_rng(0), 1.0)).max() <= 2.0 / CUT_DEVIATION)
    True
    """
    drawn = rng.normal(size=shape)
    while (beyond := np.abs(drawn) > CUT).any():
        drawn[beyond] = rng.normal(size=int(beyond.sum()))
    return deviation / CUT_DEVIATION * drawn


VARIANCES = {
    "xavier": lambda fan_in, fan_out: 2.0 / (fan_in + fan_out), "kaiming": lambda fan_in, fan_out: 2.0 / fan_in,
    "lecun": lambda fan_in, fan_out: 1.0 / fan_in, "pytorch": lambda fan_in, fan_out: 1.0 / (3.0 * fan_in)}
LAWS = {"xavier-uniform": uniform, "xavier-normal": normal, "kaiming-uniform": uniform, "kaiming-normal": normal,
        "lecun-normal": truncated_normal, "pytorch-default": uniform}
NAMES = (*LAWS, "orthogonal")


def fans(shape):
    """(fan_in, fan_out) of weights (out, in) or (out, in, kh, kw).

    >>> fans((6, 1, 5, 5))
    (25, 150)
    """
    taps = int(np.prod(shape[2:]))
    return shape[1] * taps, shape[0] * taps


def deviation(shape, init):
    """The standard deviation of one entry under this initialiser."""
    fan_in, fan_out = fans(shape)
    if init == "orthogonal":
        return float(np.sqrt(1.0 / max(shape[0], fan_in)))                      # unit rows or columns
    return float(np.sqrt(VARIANCES[init.split("-")[0]](fan_in, fan_out)))


def orthogonal(shape, rng, dtype=np.float64):
    """Rows orthonormal if there are at most as many rows as columns, columns orthonormal otherwise.

    >>> Q = orthogonal((3, 5), np.random.default_rng(0))
    >>> np.allclose(Q @ Q.T, np.eye(3))
    True
    """
    dtype, rows, cols = require_dtype(dtype), shape[0], int(np.prod(shape[1:]))
    q, r = np.linalg.qr(rng.normal(size=(max(rows, cols), min(rows, cols))))
    q = q * np.sign(np.diag(r))                                                 # makes the draw uniform (Haar)
    return (q if rows >= cols else q.T).reshape(shape).astype(dtype, order="C")   # a transpose is not in C order


def draw(shape, rng, init="xavier-uniform", dtype=np.float32):
    """Weights of this shape, (out, in) or (out, in, kh, kw), from the named initialiser.

    >>> draw((2, 3), np.random.default_rng(0)).shape
    (2, 3)
    """
    require_known(init, NAMES, "initialiser")
    dtype = require_dtype(dtype)
    if init == "orthogonal":
        return orthogonal(shape, rng, dtype)
    return LAWS[init](shape, rng, deviation(shape, init)).astype(dtype)


def draw_bias(shape, rng, init="xavier-uniform", dtype=np.float32):
    """Biases (out,) of a layer whose weights have this shape: zero, or in ±1/√fan_in with PyTorch's default.

    >>> draw_bias((2, 3), np.random.default_rng(0))
    array([0., 0.], dtype=float32)
    """
    dtype = require_dtype(dtype)
    if init != "pytorch-default":
        return np.zeros(shape[0], dtype=dtype)
    return uniform(shape[0], rng, deviation(shape, init)).astype(dtype)
