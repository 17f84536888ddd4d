"""Batch normalisation of images at speed: a few channels pass through a whole formula while they are in the cache.

`ops.normalisation` is the definition: the functions here have its names, arguments and results. Each product is summed
without an intermediate array, and x̂, which is as large as x, is computed again on the way down rather than kept. Rows
(N, C) are small, and the definition is as fast.
"""

import numpy as np

from feedbackalign.ops.convolution import as_images, as_rows

BLOCK = 2**19               # bytes of one array that are worked on at a time


def blocks(rows):
    """Slices of a few channels each."""
    step = max(1, BLOCK // max(1, rows[0].nbytes))
    return [slice(start, start + step) for start in range(0, len(rows), step)]


def sums_of_products(a, b):
    """Σ a b of every row: (C, values), (C, values) -> (C, 1)"""
    return np.matmul(a[:, None, :], b[:, :, None])[:, 0]                        # (C, 1, values) x (C, values, 1)


def batch_norm(x, scale, shift, mean, variance, epsilon):
    """y = (x − mean) · γ / √(variance + ε) + β: x (N, C, H, W), the rest (C,) -> (N, C, H, W)"""
    rows = as_rows(x)
    y = np.empty_like(rows)                                                     # (C, values)
    mean, factor, shift = mean[:, None], (scale / np.sqrt(variance + epsilon))[:, None], shift[:, None]

    for block in blocks(rows):
        part = np.subtract(rows[block], mean[block], out=y[block])
        part *= factor[block]
        part += shift[block]
    return as_images(y, x.shape)


def batch_norm_training(x, scale, shift, epsilon):
    """The same with the batch's own statistics: -> y (N, C, H, W), mean (C,), variance (C,)"""
    rows = as_rows(x)
    y = np.empty_like(rows)                                                     # (C, values)
    mean, variance = np.empty((2, len(rows), 1), dtype=x.dtype)
    scale, shift = scale[:, None], shift[:, None]

    for block in blocks(rows):
        mean[block] = rows[block].mean(axis=1, keepdims=True)
        part = np.subtract(rows[block], mean[block], out=y[block])              # x − mean
        variance[block] = sums_of_products(part, part) / rows.shape[1]
        part *= scale[block] / np.sqrt(variance[block] + epsilon)
        part += shift[block]
    return as_images(y, x.shape), mean[:, 0], variance[:, 0]


def batch_norm_backward(error, x, scale, mean, variance, epsilon):
    """The exact backward through batch statistics: error, x (N, C, H, W) -> ∂x of that shape, ∂γ (C,), ∂β (C,)"""
    errors, rows = as_rows(error), as_rows(x)
    down = np.empty_like(errors)                                                # (C, values)
    scale_gradient, shift_gradient = np.empty((2, len(rows), 1), dtype=error.dtype)
    count, mean, scale, inverse = rows.shape[1], mean[:, None], scale[:, None], 1 / np.sqrt(variance + epsilon)[:, None]

    for block in blocks(rows):
        part = np.subtract(rows[block], mean[block], out=down[block])           # x − mean = x̂ √(variance + ε)
        shift_gradient[block] = errors[block].sum(axis=1, keepdims=True)        # Σ e
        scale_gradient[block] = sums_of_products(errors[block], part) * inverse[block]  # Σ e x̂
        part *= scale_gradient[block] * inverse[block] / -count                 # − x̂ · mean(e x̂)
        part += errors[block]
        part -= shift_gradient[block] / count                                   # e − mean(e) − x̂ · mean(e x̂)
        part *= scale[block] * inverse[block]
    return as_images(down, x.shape), scale_gradient[:, 0], shift_gradient[:, 0]
