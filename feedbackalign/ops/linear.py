"""The dense layer's three products: forward, down, and the local weight gradient.

    forward          y = x Wᵀ + b       (N, in) x (in, out) -> (N, out)
    down             e_in = e V         (N, out) x (out, in) -> (N, in)     V: W in backprop, B in feedback alignment
    local gradient   ∂W = eᵀ x          (out, N) x (N, in) -> (out, in)
"""

import numpy as np


def linear(x, weight, bias=None):
    """y = x Wᵀ + b: x (N, in), weight (out, in), bias (out,) or None -> (N, out).

    Written as (W xᵀ)ᵀ, then put in order: the library multiplies a large W faster as it lies than transposed.
    """
    y = (weight @ x.T).T                                                        # (out, in) x (in, N), read as (N, out)
    return np.ascontiguousarray(y) if bias is None else np.add(y, bias, order="C")


def linear_transport(error, weight):
    """Carry an error down through any weights of W's shape: (N, out) x (out, in) -> (N, in)."""
    return error @ weight


def linear_weight_gradient(error, x):
    """∂W = eᵀ x, summed over the batch: error (N, out), x (N, in) -> (out, in)."""
    return error.T @ x                                  # (out, N) x (N, in) -> (out, in)
