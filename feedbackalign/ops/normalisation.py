"""Batch normalisation: every channel to mean 0 and variance 1 over the batch, then scaled and shifted.

    x̂ = (x − mean) / √(variance + ε)        y = γ x̂ + β
    ∂x = γ / √(variance + ε) · (e − mean(e) − x̂ · mean(e x̂))        means over batch and positions, channel by channel

Ioffe & Szegedy, arXiv 1502.03167. Rows (N, C) and images (N, C, H, W) alike.
"""

import numpy as np


def over(x):
    """The axes that a channel's statistics run over."""
    return (0,) if x.ndim == 2 else (0, 2, 3)


def per_channel(values, x):
    """(C,) in the shape that broadcasts against x."""
    return values.reshape(1, -1, *[1] * (x.ndim - 2))


def batch_norm(x, scale, shift, mean, variance, epsilon):
    """y = γ (x − mean) / √(variance + ε) + β, and x̂: x (N, C, …), the rest (C,) -> y, x̂ (N, C, …)"""
    deviation = np.sqrt(variance + epsilon)
    normalised = (x - per_channel(mean, x)) / per_channel(deviation, x)
    return normalised * per_channel(scale, x) + per_channel(shift, x), normalised


def batch_norm_backward(error, normalised, scale, variance, epsilon):
    """The exact backward through batch statistics: error (N, C, …) -> ∂x (N, C, …), ∂γ (C,), ∂β (C,)"""
    axes = over(error)
    count = error.size // error.shape[1]
    shift_gradient = error.sum(axis=axes)                                       # Σ e
    scale_gradient = (error * normalised).sum(axis=axes)                        # Σ e x̂
    centred = error - per_channel(shift_gradient / count, error)
    centred -= normalised * per_channel(scale_gradient / count, error)
    return centred * per_channel(scale / np.sqrt(variance + epsilon), error), scale_gradient, shift_gradient
