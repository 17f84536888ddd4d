"""Convolution as a matrix product (im2col), its transpose, and its weight gradient.

A kernel that slides over an image meets one patch of inputs at every output position. Write each patch as a
column and the convolution is one matrix product, like a dense layer that is used at many places:

    columns (C·kh·kw, positions·N)      weight (out, C·kh·kw)      y = weight @ columns

Shapes are always (N, C, H, W) to the reader. In *memory* the batch comes last: `batch_innermost` lays an image
batch out so that the N values of one pixel stand side by side, and every copy below moves long runs of them.
That changes no index and no result, only the time; arrays in another order are accepted and copied once.

y[n, o, p, q] = Σ_cij W[o, c, i, j] · x[n, c, p·stride + i − padding, q·stride + j − padding] + b[o]
"""

import numpy as np


def batch_innermost(x):
    """The same (N, C, H, W) array, laid out in memory as (C, H, W, N); no copy where it is so already."""
    return np.ascontiguousarray(x.transpose(1, 2, 3, 0)).transpose(3, 0, 1, 2)


def output_size(size, kernel, stride, padding):
    """Positions of a kernel along one axis: floor((size + 2·padding − kernel) / stride) + 1."""
    return (size + 2 * padding - kernel) // stride + 1


def pad(x, padding, value=0.0):
    """A frame around every image: (C, H, W, N) -> (C, H + 2·padding, W + 2·padding, N); x itself if padding is 0."""
    if padding == 0:
        return x
    C, H, W, N = x.shape
    padded = np.full((C, H + 2 * padding, W + 2 * padding, N), value, dtype=x.dtype)
    padded[:, padding:padding + H, padding:padding + W] = x
    return padded


def tap(image, i, j, rows, cols, stride):
    """What kernel entry (i, j) sees at every output position: (C, H, W, N) -> (C, rows, cols, N), a view."""
    return image[:, i:i + stride * rows:stride, j:j + stride * cols:stride]


def im2col(x, kernel, stride=1, padding=0):
    """Every patch that the kernel meets, as a column: (N, C, H, W) -> (C·kh·kw, rows·cols·N).

    >>> x = np.arange(9.0).reshape(1, 1, 3, 3)
    >>> im2col(x, (2, 2))
    array([[0., 1., 3., 4.],
           [1., 2., 4., 5.],
           [3., 4., 6., 7.],
           [4., 5., 7., 8.]])
    """
    N, C, H, W = x.shape
    kh, kw = kernel
    rows, cols = output_size(H, kh, stride, padding), output_size(W, kw, stride, padding)
    padded = pad(batch_innermost(x).transpose(1, 2, 3, 0), padding)             # (C, H + 2p, W + 2p, N)
    columns = np.empty((C, kh, kw, rows, cols, N), dtype=x.dtype)
    for i in range(kh):
        for j in range(kw):
            columns[:, i, j] = tap(padded, i, j, rows, cols, stride)            # (C, rows, cols, N)
    return columns.reshape(C * kh * kw, rows * cols * N)


def col2im(columns, shape, kernel, stride=1, padding=0):
    """The adjoint of im2col: add every column entry back to the pixel it came from -> (N, C, H, W) = shape."""
    N, C, H, W = shape
    kh, kw = kernel
    rows, cols = output_size(H, kh, stride, padding), output_size(W, kw, stride, padding)
    columns = columns.reshape(C, kh, kw, rows, cols, N)
    padded = np.zeros((C, H + 2 * padding, W + 2 * padding, N), dtype=columns.dtype)
    for i in range(kh):
        for j in range(kw):
            tap(padded, i, j, rows, cols, stride)[...] += columns[:, i, j]
    inside = padded[:, padding:padding + H, padding:padding + W]                # (C, H, W, N)
    return inside.transpose(3, 0, 1, 2)                                         # (N, C, H, W)


def as_rows(y):
    """One row per channel: (N, C, H, W) -> (C, H·W·N)."""
    return batch_innermost(y).transpose(1, 2, 3, 0).reshape(y.shape[1], -1)


def as_images(rows, shape):
    """The inverse of as_rows: (C, H·W·N) -> (N, C, H, W) = shape."""
    N, C, H, W = shape
    return rows.reshape(C, H, W, N).transpose(3, 0, 1, 2)


def convolve(x, weight, bias=None, stride=1, padding=0):
    """The convolution, and the columns that its weight gradient will need again.

    x (N, in, H, W), weight (out, in, kh, kw), bias (out,) or None -> y (N, out, rows, cols), columns
    """
    out, _, kh, kw = weight.shape
    N, _, H, W = x.shape
    columns = im2col(x, (kh, kw), stride, padding)                              # (in·kh·kw, rows·cols·N)
    y = weight.reshape(out, -1) @ columns                                       # (out, rows·cols·N)
    if bias is not None:
        y += bias[:, None]
    shape = (N, out, output_size(H, kh, stride, padding), output_size(W, kw, stride, padding))
    return as_images(y, shape), columns


def convolution_transport(error, weight, input_shape, stride=1, padding=0):
    """Carry an error down through any kernel of W's kind: the transposed convolution.

    error (N, out, rows, cols), weight (out, in, kh, kw) -> (N, in, H, W) = input_shape
    """
    out, _, kh, kw = weight.shape
    columns = weight.reshape(out, -1).T @ as_rows(error)                        # (in·kh·kw, rows·cols·N)
    return col2im(columns, input_shape, (kh, kw), stride, padding)


def convolution_weight_gradient(error, columns, weight_shape):
    """∂W = Σ over positions and samples of eᵀ x: error (N, out, rows, cols), columns of x -> (out, in, kh, kw)."""
    return (as_rows(error) @ columns.T).reshape(-1, *weight_shape[1:])          # (out, P) x (P, in·kh·kw)


def mix_channels(error, matrix):
    """A 1×1 convolution downwards: error (N, out, rows, cols), matrix (out, mid) -> (N, mid, rows, cols)."""
    N, _, rows, cols = error.shape
    mixed = matrix.T @ as_rows(error)                                           # (mid, out) x (out, P) -> (mid, P)
    return as_images(mixed, (N, matrix.shape[1], rows, cols))


def tap_counts(input_shape, kernel, stride=1, padding=0):
    """How many output positions read a real pixel (not padding) through each kernel entry -> (kh, kw).

    >>> tap_counts((3, 3), (3, 3), padding=1)
    array([[4, 6, 4],
           [6, 9, 6],
           [4, 6, 4]])
    """
    counts = []
    for size, length in zip(input_shape, kernel):
        positions = np.arange(output_size(size, length, stride, padding)) * stride - padding
        reads = positions[:, None] + np.arange(length)                          # (positions, length): pixel read
        counts.append(((reads >= 0) & (reads < size)).sum(axis=0))
    return np.outer(*counts)
