"""Pooling: each output summarises one window of its channel, and its backward hands the error to the window.

Windows are `size` × `size`, `stride` apart; a border that fills no window is left out.

    max pooling        the largest entry
    average pooling    the mean
    softmax pooling    p = Σ zᵢ wᵢ, w = softmax(z) over the window     ∂p/∂zᵢ = wᵢ (1 + zᵢ − p)

Average and softmax pooling are holomorphic: their entries may be complex (Laborieux & Zenke 2022, arXiv 2209.00530).
Shapes are (N, C, H, W); see `convolution` for the order in memory.
"""

import numpy as np

from feedbackalign.ops.convolution import batch_innermost, output_size, pad, tap


def max_pool(x, size, stride, padding=0):
    """The largest entry of every window, and which it was (the first, where several are equal).

    Padding is −∞, which never wins. Windows must each hold a real pixel: padding < size.

    (N, C, H, W) -> y (N, C, rows, cols), winner (N, C, rows, cols): index i·size + j within the window
    """
    _, _, H, W = x.shape
    image = pad(batch_innermost(x).transpose(1, 2, 3, 0), padding, -np.inf)     # (C, H + 2p, W + 2p, N)
    rows, cols = output_size(H, size, stride, padding), output_size(W, size, stride, padding)
    y = tap(image, 0, 0, rows, cols, stride).copy()                             # (C, rows, cols, N)
    winner = np.zeros(y.shape, dtype=np.min_scalar_type(size * size))
    for index in range(1, size * size):
        candidate = tap(image, *divmod(index, size), rows, cols, stride)
        np.maximum(winner, (candidate > y) * winner.dtype.type(index), out=winner)      # the last to exceed y
        np.maximum(y, candidate, out=y)
    return y.transpose(3, 0, 1, 2), winner.transpose(3, 0, 1, 2)


def max_unpool(error, winner, input_shape, size, stride, padding=0):
    """The adjoint of max pooling: the whole error goes to the winner -> (N, C, H, W) = input_shape."""
    N, C, H, W = input_shape
    error, winner = (batch_innermost(a).transpose(1, 2, 3, 0) for a in (error, winner))
    down = np.zeros((C, H + 2 * padding, W + 2 * padding, N), dtype=error.dtype)
    rows, cols = error.shape[1:3]
    for index in range(size * size):
        place = tap(down, *divmod(index, size), rows, cols, stride)             # (C, rows, cols, N), a view
        if stride >= size:                                                      # windows that share no pixel
            np.multiply(error, winner == index, out=place)
        else:
            place += error * (winner == index)
    return down[:, padding:padding + H, padding:padding + W].transpose(3, 0, 1, 2)


def max_pick(z, winner, size, stride, padding=0):
    """The entries of z at given winners: max pooling linearised. (N, C, H, W) -> (N, C, rows, cols)"""
    image = pad(batch_innermost(z).transpose(1, 2, 3, 0), padding, 0.0)         # (C, H + 2p, W + 2p, N)
    winner = batch_innermost(winner).transpose(1, 2, 3, 0)                      # (C, rows, cols, N)
    picked = np.zeros(winner.shape, dtype=z.dtype)
    for index in range(size * size):
        candidate = tap(image, *divmod(index, size), *winner.shape[1:3], stride)
        picked += candidate * (winner == index)
    return picked.transpose(3, 0, 1, 2)


def average_pool(x, size, stride):
    """The mean of every window: (N, C, H, W) -> (N, C, rows, cols)."""
    image = batch_innermost(x).transpose(1, 2, 3, 0)                            # (C, H, W, N)
    rows, cols = output_size(x.shape[2], size, stride, 0), output_size(x.shape[3], size, stride, 0)
    total = tap(image, 0, 0, rows, cols, stride).copy()
    for index in range(1, size * size):
        total += tap(image, *divmod(index, size), rows, cols, stride)
    total /= size * size
    return total.transpose(3, 0, 1, 2)


def average_unpool(error, input_shape, size, stride):
    """The adjoint of average pooling: every pixel of the window gets an equal share -> input_shape."""
    N, C, H, W = input_shape
    share = batch_innermost(error).transpose(1, 2, 3, 0) / (size * size)        # (C, rows, cols, N)
    down = np.zeros((C, H, W, N), dtype=error.dtype)
    rows, cols = share.shape[1:3]
    for index in range(size * size):
        tap(down, *divmod(index, size), rows, cols, stride)[...] += share
    return down.transpose(3, 0, 1, 2)


def global_average_pool(x):
    """The mean of every channel's image: (N, C, H, W) -> (N, C)."""
    return x.mean(axis=(2, 3))


def global_average_unpool(error, input_shape):
    """Every pixel gets an equal share: (N, C) -> (N, C, H, W) = input_shape."""
    _, _, H, W = input_shape
    return np.broadcast_to(error[:, :, None, None] / (H * W), input_shape).copy()


# ------------------------------------------------------------------------------------------------- softmax pooling

def windows(z, size, stride):
    """The entries of every window: (N, C, H, W) -> (size², N, C, rows, cols)."""
    rows, cols = output_size(z.shape[2], size, stride, 0), output_size(z.shape[3], size, stride, 0)
    return np.stack([z[:, :, i:i + stride * rows:stride, j:j + stride * cols:stride]
                     for i in range(size) for j in range(size)])


def back_to_pixels(entries, shape, stride):
    """The adjoint of `windows`: (size², N, C, rows, cols) -> (N, C, H, W) = shape."""
    size = int(round(len(entries) ** 0.5))
    rows, cols = entries.shape[3:]
    z = np.zeros(shape, dtype=entries.dtype)
    for index, entry in enumerate(entries):
        i, j = divmod(index, size)
        z[:, :, i:i + stride * rows:stride, j:j + stride * cols:stride] += entry
    return z


def softmax_weights(entries):
    """softmax over the first axis: (size², …) -> (size², …)."""
    raised = np.exp(entries - entries.real.max(axis=0))
    return raised / raised.sum(axis=0)


def softmax_pool(z, size, stride):
    """p = Σ zᵢ wᵢ, w = softmax(z) over every window: (N, C, H, W) -> (N, C, rows, cols).

    Between average pooling (all entries equal) and max pooling (one far above the others).

    >>> softmax_pool(np.array([[[[0.0, 0.0], [0.0, 30.0]]]]), 2, 2).round(6)
    array([[[[30.]]]])
    """
    entries = windows(z, size, stride)
    return (softmax_weights(entries) * entries).sum(axis=0)


def softmax_slopes(z, size, stride):
    """∂p/∂zᵢ = wᵢ (1 + zᵢ − p) of every entry of every window: (N, C, H, W) -> (size², N, C, rows, cols)."""
    entries = windows(z, size, stride)
    w = softmax_weights(entries)
    return w * (1.0 + entries - (w * entries).sum(axis=0))


def softmax_pool_change(z, direction, size, stride):
    """How p changes where z moves: Σᵢ ∂p/∂zᵢ dᵢ, (N, C, H, W) twice -> (N, C, rows, cols)."""
    return (softmax_slopes(z, size, stride) * windows(direction, size, stride)).sum(axis=0)


def softmax_unpool(signal, z, size, stride):
    """The adjoint of that change at z: signal (N, C, rows, cols) -> (N, C, H, W)."""
    return back_to_pixels(signal * softmax_slopes(z, size, stride), z.shape, stride)


def softmax_unpool_change(signal, z, direction, size, stride):
    """How `softmax_unpool` of a constant signal changes where z moves: -> (N, C, H, W).

    dwᵢ = wᵢ (dᵢ − Σ wⱼ dⱼ),   d(∂p/∂zᵢ) = dwᵢ (1 + zᵢ − p) + wᵢ (dᵢ − dp)
    """
    entries, d = windows(z, size, stride), windows(direction, size, stride)
    w = softmax_weights(entries)
    p = (w * entries).sum(axis=0)
    dw = w * (d - (w * d).sum(axis=0))
    dp = (w * (1.0 + entries - p) * d).sum(axis=0)
    return back_to_pixels(signal * (dw * (1.0 + entries - p) + w * (d - dp)), z.shape, stride)
