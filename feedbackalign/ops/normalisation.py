"""Batch normalisation: every channel to mean 0 and variance 1 over the batch, then scaled and shifted.

    x̂ = (x − mean) / √(variance + ε)        y = γ x̂ + β
    ∂x = γ / √(variance + ε) · (e − mean(e) − x̂ · mean(e x̂))        means over batch and positions, channel by channel

Ioffe & Szegedy, arXiv 1502.03167. Rows (N, C) and images (N, C, H, W) alike: in memory both are (C, values), one row
per channel. A few channels at a time pass through all the steps of a formula while they are in the cache, on all
threads (see `threads`), and x̂ is computed again on the way down rather than kept: it is as large as x.
"""

import numpy as np

from feedbackalign.ops.convolution import as_images, as_rows
from feedbackalign.ops.fast import threads

BLOCK = 2**19               # bytes of one array that are worked on at a time


def by_channel(x):
    """One row per channel: (N, C) -> (C, N), (N, C, H, W) -> (C, H·W·N)."""
    return np.ascontiguousarray(x.T) if x.ndim == 2 else as_rows(x)


def like(rows, x):
    """The inverse of by_channel: rows (C, values) in the shape of x."""
    return rows.T if x.ndim == 2 else as_images(rows, x.shape)


def blocks(rows):
    """Slices of a few channels each."""
    step = max(1, BLOCK // max(1, rows[0].nbytes))
    return [slice(start, start + step) for start in range(0, len(rows), step)]


def sums_of_products(a, b):
    """Σ a b of every row: (C, values), (C, values) -> (C, 1)"""
    return np.matmul(a[:, None, :], b[:, :, None])[:, 0]                        # (C, 1, values) x (C, values, 1)


def batch_norm(x, scale, shift, mean, variance, epsilon):
    """y = γ (x − mean) / √(variance + ε) + β: x (N, C, …), the rest (C,) -> (N, C, …)"""
    rows = by_channel(x)
    y = np.empty_like(rows)                                                     # (C, values)
    mean, factor, shift = mean[:, None], (scale / np.sqrt(variance + epsilon))[:, None], shift[:, None]

    def normalise(some):
        part = np.subtract(rows[some], mean[some], out=y[some])
        part *= factor[some]
        part += shift[some]

    threads.share_out(normalise, blocks(rows))
    return like(y, x)


def batch_norm_training(x, scale, shift, epsilon):
    """The same with the batch's own statistics: -> y (N, C, …), mean (C,), variance (C,)"""
    rows = by_channel(x)
    y = np.empty_like(rows)                                                     # (C, values)
    mean, variance = np.empty((2, len(rows), 1), dtype=x.dtype)
    scale, shift = scale[:, None], shift[:, None]

    def normalise(some):
        mean[some] = rows[some].mean(axis=1, keepdims=True)
        part = np.subtract(rows[some], mean[some], out=y[some])                 # x − mean
        variance[some] = sums_of_products(part, part) / rows.shape[1]
        part *= scale[some] / np.sqrt(variance[some] + epsilon)
        part += shift[some]

    threads.share_out(normalise, blocks(rows))
    return like(y, x), mean[:, 0], variance[:, 0]


def batch_norm_backward(error, x, scale, mean, variance, epsilon):
    """The exact backward through batch statistics: error, x (N, C, …) -> ∂x (N, C, …), ∂γ (C,), ∂β (C,)"""
    errors, rows = by_channel(error), by_channel(x)
    down = np.empty_like(errors)                                                # (C, values)
    scale_gradient, shift_gradient = np.empty((2, len(rows), 1), dtype=error.dtype)
    count, mean, scale, inverse = rows.shape[1], mean[:, None], scale[:, None], 1 / np.sqrt(variance + epsilon)[:, None]

    def send_back(some):
        part = np.subtract(rows[some], mean[some], out=down[some])              # x − mean = x̂ √(variance + ε)
        shift_gradient[some] = errors[some].sum(axis=1, keepdims=True)          # Σ e
        scale_gradient[some] = sums_of_products(errors[some], part) * inverse[some]             # Σ e x̂
        part *= scale_gradient[some] * inverse[some] / -count                   # − x̂ · mean(e x̂)
        part += errors[some]
        part -= shift_gradient[some] / count                                    # e − mean(e) − x̂ · mean(e x̂)
        part *= scale[some] * inverse[some]

    threads.share_out(send_back, blocks(rows))
    return like(down, x), scale_gradient[:, 0], shift_gradient[:, 0]


def batch_norm_backward_running(error, x, scale, mean, variance, epsilon):
    """The backward through fixed statistics: the same arguments and results; mean and variance do not answer to x."""
    errors = by_channel(error)
    normalised = (by_channel(x) - mean[:, None]) / np.sqrt(variance + epsilon)[:, None]         # (C, values)
    down = errors * (scale / np.sqrt(variance + epsilon))[:, None]
    return like(down, x), (errors * normalised).sum(axis=1), errors.sum(axis=1)
