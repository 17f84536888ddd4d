"""The same numbers by another way: slow loops that nobody can get wrong, for the fast functions to be held against."""

import numpy as np


def convolution(x, weight, bias, stride, padding):
    """y[n, o, p, q] = Σ W[o, c, i, j] x[n, c, p·stride + i − padding, q·stride + j − padding] + b[o], term by term."""
    N, C, H, W = x.shape
    out, _, kh, kw = weight.shape
    rows, cols = (H + 2 * padding - kh) // stride + 1, (W + 2 * padding - kw) // stride + 1
    y = np.zeros((N, out, rows, cols))
    for n, o, p, q in np.ndindex(y.shape):
        total = 0.0 if bias is None else bias[o]
        for c, i, j in np.ndindex(C, kh, kw):
            row, col = p * stride + i - padding, q * stride + j - padding
            if 0 <= row < H and 0 <= col < W:
                total += weight[o, c, i, j] * x[n, c, row, col]
        y[n, o, p, q] = total
    return y


def windows(x, size, stride):
    """Every pooling window: yields (n, c, p, q), (first row, first col) and its values (size, size)."""
    N, C, H, W = x.shape
    for n, c, p, q in np.ndindex(N, C, (H - size) // stride + 1, (W - size) // stride + 1):
        row, col = p * stride, q * stride
        yield (n, c, p, q), (row, col), x[n, c, row:row + size, col:col + size]


def max_pool(x, error, size, stride):
    """Largest entry of every window, and its error put onto the first of the largest: -> y, down."""
    y, down = np.zeros_like(error), np.zeros_like(x)
    for (n, c, p, q), (row, col), window in windows(x, size, stride):
        i, j = divmod(int(np.argmax(window)), size)         # argmax takes the first, row by row
        y[n, c, p, q] = window[i, j]
        down[n, c, row + i, col + j] += error[n, c, p, q]
    return y, down


def average_pool(x, error, size, stride):
    """Mean of every window, and its error shared equally: -> y, down."""
    y, down = np.zeros_like(error), np.zeros_like(x)
    for (n, c, p, q), (row, col), window in windows(x, size, stride):
        y[n, c, p, q] = sum(window.ravel().tolist()) / size**2
        down[n, c, row:row + size, col:col + size] += error[n, c, p, q] / size**2
    return y, down
