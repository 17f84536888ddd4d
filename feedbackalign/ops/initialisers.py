"""Initial weights: Xavier and Kaiming, uniform and normal, and orthogonal.

    fan_in  = in · kh · kw        what one output unit sums over
    fan_out = out · kh · kw       what one input unit is sent to
    Xavier  variance 2 / (fan_in + fan_out)     Glorot & Bengio 2010
    Kaiming variance 2 / fan_in                 He et al. 2015
"""

import numpy as np

from feedbackalign.validation import require_known

NAMES = ("xavier-uniform", "xavier-normal", "kaiming-uniform", "kaiming-normal", "orthogonal")


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
    if init.startswith("xavier"):
        return float(np.sqrt(2.0 / (fan_in + fan_out)))
    if init.startswith("kaiming"):
        return float(np.sqrt(2.0 / fan_in))
    return float(np.sqrt(1.0 / max(shape[0], fan_in)))                          # orthogonal: unit rows or columns


def orthogonal(shape, rng, dtype=np.float64):
    """Rows orthonormal if there are at most as many rows as columns, columns orthonormal otherwise.

    >>> Q = orthogonal((3, 5), np.random.default_rng(0))
    >>> np.allclose(Q @ Q.T, np.eye(3))
    True
    """
    rows, cols = shape[0], int(np.prod(shape[1:]))
    q, r = np.linalg.qr(rng.normal(size=(max(rows, cols), min(rows, cols))))
    q = q * np.sign(np.diag(r))                                                 # makes the draw uniform (Haar)
    return (q if rows >= cols else q.T).reshape(shape).astype(dtype, order="C")   # a transpose is not in C order


def draw(shape, rng, init="xavier-uniform", dtype=np.float32):
    """Weights of this shape, (out, in) or (out, in, kh, kw), from the named initialiser.

    >>> draw((2, 3), np.random.default_rng(0)).shape
    (2, 3)
    """
    require_known(init, NAMES, "initialiser")
    if init == "orthogonal":
        return orthogonal(shape, rng, dtype)
    spread = deviation(shape, init)
    if init.endswith("uniform"):
        bound = np.sqrt(3.0) * spread                                           # U(−a, a) has deviation a/√3
        return rng.uniform(-bound, bound, size=shape).astype(dtype)
    return rng.normal(0.0, spread, size=shape).astype(dtype)
