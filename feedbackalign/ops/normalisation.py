"""Batch normalisation: every channel to mean 0 and variance 1 over the batch, then scaled and shifted.

    x̂ = (x − mean) / √(variance + ε)        y = γ x̂ + β
    ∂γ = Σ e x̂        ∂β = Σ e
    ∂x = γ / √(variance + ε) · (e − mean(e) − x̂ · mean(e x̂))        means over batch and positions, channel by channel

Ioffe & Szegedy, arXiv 1502.03167. Rows (N, C) and images (N, C, H, W) alike: both are seen as (C, values), one row per
channel. These are the definitions, to read. `ops.fast.normalisation` finds the same numbers of images in less time.
"""

import numpy as np

from feedbackalign.ops.convolution import as_images, as_rows


def by_channel(x):
    """One row per channel: (N, C) -> (C, N), a view; (N, C, H, W) -> (C, H·W·N)."""
    return x.T if x.ndim == 2 else as_rows(x)


def like(rows, x):
    """The inverse of by_channel: rows (C, values) in the shape of x."""
    return rows.T if x.ndim == 2 else as_images(rows, x.shape)


def normalised(x, mean, variance, epsilon):
    """x̂ = (x − mean) / √(variance + ε), one row per channel: x (N, C, …), the rest (C,) -> (C, values)"""
    return (by_channel(x) - mean[:, None]) / np.sqrt(variance + epsilon)[:, None]


def batch_norm(x, scale, shift, mean, variance, epsilon):
    """y = γ x̂ + β: x (N, C, …), the rest (C,) -> (N, C, …)"""
    return like(scale[:, None] * normalised(x, mean, variance, epsilon) + shift[:, None], x)


def batch_norm_training(x, scale, shift, epsilon):
    """The same with the batch's own statistics: -> y (N, C, …), mean (C,), variance (C,)"""
    rows = by_channel(x)                                                        # (C, values)
    count = rows.shape[1]
    mean = rows.sum(axis=1) / count                                             # (C,)
    centred = rows - mean[:, None]                                              # (C, values)
    variance = (centred * centred).sum(axis=1) / count                          # (C,)
    y = centred * (scale / np.sqrt(variance + epsilon))[:, None] + shift[:, None]
    return like(y, x), mean, variance


def batch_norm_backward(error, x, scale, mean, variance, epsilon):
    """The exact backward through batch statistics: error, x (N, C, …) -> ∂x (N, C, …), ∂γ (C,), ∂β (C,)"""
    e, x_hat = by_channel(error), normalised(x, mean, variance, epsilon)        # (C, values)
    scale_gradient, shift_gradient = (e * x_hat).sum(axis=1), e.sum(axis=1)     # (C,)
    count = e.shape[1]
    centred = e - (shift_gradient / count)[:, None] - x_hat * (scale_gradient / count)[:, None]
    down = centred * (scale / np.sqrt(variance + epsilon))[:, None]
    return like(down, x), scale_gradient, shift_gradient


def batch_norm_backward_running(error, x, scale, mean, variance, epsilon):
    """The backward through fixed statistics: the same arguments and results; mean and variance do not depend on x."""
    e, x_hat = by_channel(error), normalised(x, mean, variance, epsilon)        # (C, values)
    down = e * (scale / np.sqrt(variance + epsilon))[:, None]
    return like(down, x), (e * x_hat).sum(axis=1), e.sum(axis=1)
