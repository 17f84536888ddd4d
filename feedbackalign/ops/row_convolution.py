"""The same convolution at speed: one image row at a time, in the cache, without a column matrix.

`convolution` is the definition, and what to read: every patch a column, one product. Its column matrix repeats every
pixel kh·kw times, and for a whole batch most of the time goes into writing and reading it. Here one input row is laid
out with its kw column shifts only, all kh kernel rows meet it in one product while it is in the cache, and each
kernel row's share is added to the output row it belongs to:

    shifts (kw·C, cols·N)     kernel rows (kh·out, kw·C)     shares (kh, out, cols·N) = kernel rows @ shifts

Nothing is kept from forward to backward. Shapes are (N, C, H, W) to the caller and (C, H, W, N) in memory, as there;
tests hold both files equal for every stride, padding and kernel.
"""

import numpy as np

from feedbackalign.ops.convolution import as_images, as_rows, batch_innermost, output_size


def in_memory_order(x):
    """(N, C, H, W) as the contiguous (C, H, W, N) array that it is in memory."""
    return batch_innermost(x).transpose(1, 2, 3, 0)


def span(j, size, count, stride, padding):
    """Which outputs of a row read a real pixel through kernel column j: -> (first, last + 1), pixel of the first."""
    first = max(0, -((j - padding) // stride))                                  # ⌈(padding − j) / stride⌉
    last = min(count, (size - 1 + padding - j) // stride + 1)
    return first, last, first * stride + j - padding


def lay_out(row, shifts, stride, padding):
    """Write a row's column shifts: row (C, W, N) -> shifts (kw, C, cols, N), zeros of the padding already there."""
    kw, _, cols, _ = shifts.shape
    for j in range(kw):
        first, last, pixel = span(j, row.shape[1], cols, stride, padding)
        if first < last:
            shifts[j, :, first:last] = row[:, pixel:pixel + stride * (last - first - 1) + 1:stride]


def meetings(h, kh, rows, stride, padding):
    """Kernel rows i that meet input row h and the output row p of each: [(i, p), …], h = p·stride + i − padding."""
    found = [(i, *divmod(h + padding - i, stride)) for i in range(kh)]
    return [(i, p) for i, p, rest in found if rest == 0 and 0 <= p < rows]


def convolve(x, weight, bias=None, stride=1, padding=0):
    """The convolution: x (N, in, H, W), weight (out, in, kh, kw), bias (out,) or None -> (N, out, rows, cols)."""
    x = in_memory_order(x)
    C, H, W, N = x.shape
    out, _, kh, kw = weight.shape
    rows, cols = output_size(H, kh, stride, padding), output_size(W, kw, stride, padding)
    y = np.zeros((out, rows, cols, N), dtype=x.dtype)
    if bias is not None:
        y += bias.reshape(-1, 1, 1, 1)
    kernel_rows = np.ascontiguousarray(weight.transpose(2, 0, 3, 1)).reshape(kh, out, kw * C)
    shifts = np.zeros((kw, C, cols, N), dtype=x.dtype)
    for h in range(H):
        met = meetings(h, kh, rows, stride, padding)
        if met:
            lay_out(x[:, h], shifts, stride, padding)
            meeting = kernel_rows[[i for i, _ in met]].reshape(len(met) * out, kw * C)
            shares = meeting @ shifts.reshape(kw * C, cols * N)                 # (met·out, kw·C) x (kw·C, cols·N)
            for share, (_, p) in zip(shares.reshape(len(met), out, cols, N), met):
                y[:, p] += share
    return y.transpose(3, 0, 1, 2)


def weight_gradient(error, x, kernel, stride=1, padding=0):
    """∂W = Σ over positions and samples of eᵀ x: error (N, out, rows, cols), x (N, in, H, W) -> (out, in, kh, kw)."""
    error, x = in_memory_order(error), in_memory_order(x)
    out, rows, cols, N = error.shape
    C, H, _, _ = x.shape
    kh, kw = kernel
    total = np.zeros((kh, out, kw * C), dtype=x.dtype)
    shifts = np.zeros((kw, C, cols, N), dtype=x.dtype)
    for h in range(H):
        met = meetings(h, kh, rows, stride, padding)
        if met:
            lay_out(x[:, h], shifts, stride, padding)
            for i, p in met:                                                    # (out, cols·N) x (cols·N, kw·C)
                total[i] += error[:, p].reshape(out, -1) @ shifts.reshape(kw * C, -1).T
    return np.ascontiguousarray(total.reshape(kh, out, kw, C).transpose(1, 3, 0, 2))


def transport(error, weight, input_shape, stride=1, padding=0):
    """The transposed convolution: error (N, out, rows, cols), weight (out, in, kh, kw) -> (N, in, H, W) = input_shape.

    At stride 1 it is a convolution of the error with the flipped kernel; otherwise every output row's share is added
    to the input rows and columns it came from.
    """
    _, _, kh, kw = weight.shape
    if kh == kw == 1 and stride == 1 and padding == 0:
        return as_images(weight[:, :, 0, 0].T @ as_rows(error), input_shape)
    if stride == 1 and padding < min(kh, kw) and kh == kw:
        return convolve(error, weight[:, :, ::-1, ::-1].transpose(1, 0, 2, 3), None, 1, kh - 1 - padding)
    error = in_memory_order(error)
    out, rows, cols, N = error.shape
    _, C, H, W = input_shape
    down = np.zeros((C, H, W, N), dtype=error.dtype)
    taps = np.ascontiguousarray(weight.transpose(2, 3, 1, 0)).reshape(kh * kw * C, out)
    for p in range(rows):
        shares = (taps @ error[:, p].reshape(out, cols * N)).reshape(kh, kw, C, cols, N)
        for i in range(kh):
            h = p * stride + i - padding
            for j in range(kw if 0 <= h < H else 0):
                first, last, pixel = span(j, W, cols, stride, padding)
                if first < last:
                    down[:, h, pixel:pixel + stride * (last - first - 1) + 1:stride] += shares[i, j][:, first:last]
    return down.transpose(3, 0, 1, 2)
