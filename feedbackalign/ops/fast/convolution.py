"""The same convolution at speed: a few rows of the result at a time, in the cache, without the whole column matrix.

`ops.convolution` is the definition, and what to read first: every patch becomes a column, and one product does all. Its
column matrix holds every pixel kh·kw times. For a large batch most of the time goes into writing and reading it.

Here the kh rows of the image that one row of the result sees are copied next to each other, pixel after pixel:

    line (width, kh, C, N)          every pixel's kh rows, all channels, all samples; zeros where no image is

Now kw neighbouring pixels *are* a column of the column matrix, in one piece of memory, and the next column begins
`stride` pixels further on. So a view of the line shows all columns of that row, kh copies where the matrix needs
kh·kw, and one call of NumPy multiplies the kernel with each of them. Nothing is kept from forward to backward.

    convolve            each column (kw·kh·in, N) from the kernel (out, kw·kh·in)
    transport           the same on the way down: a convolution of the error with the flipped kernel
    weight_gradient     (kh·in, N) @ (N, out) for every pixel and kernel column, and their sum

Threads share the rows (see `threads`). Shapes are (N, C, H, W) to the caller and (C, H, W, N) in memory, as in the
definition. Tests hold both files equal for every stride, padding and kernel; `tests/benchmarks/convolutions.py` times
both.
"""

import numpy as np
from numpy.lib.stride_tricks import as_strided

from feedbackalign.ops.convolution import batch_innermost, output_size
from feedbackalign.ops.fast import threads

BLOCK = 2**20               # bytes of the lines that are worked on at a time
SMALL = 10**6               # multiplications up to which the matrix library takes both factors where they lie
DEEP = 1024                 # samples · pixels that one product of the weight gradient sums over, at most
SHARED = 10**8              # multiplications from which on threads share the rows: less work waits for them longer
SUMS = 4                    # parts of a sum over rows: the same for any number of threads, so that the result is too


def convolve(x, weight, bias=None, stride=1, padding=0):
    """The convolution: x (N, in, H, W), weight (out, in, kh, kw), bias (out,) or None -> (N, out, rows, cols)."""
    x = in_memory_order(x)
    _, H, W, N = x.shape
    out, _, kh, kw = weight.shape
    rows, cols = output_size(H, kh, stride, padding), output_size(W, kw, stride, padding)
    y = np.empty((out, rows, cols, N), dtype=x.dtype)
    correlate(x, weight, y, stride, padding, padding)
    if bias is not None:
        y += bias.reshape(-1, 1, 1, 1)
    return y.transpose(3, 0, 1, 2)


def transport(error, weight, input_shape, stride=1, padding=0):
    """The transposed convolution: error (N, out, rows, cols), weight (out, in, kh, kw) -> (N, in, H, W).

    Input pixel h is seen by output p through kernel entry i where h = p·stride + i − padding. With stride s, the pixels
    a, a + s, a + 2s, … are seen through the entries i, i + s, … alone, i = (a + padding) mod s, and neighbours among
    them by neighbours among the outputs: for each such set of pixels the way down is a convolution of stride 1 with
    these entries, flipped.
    """
    error = in_memory_order(error)
    N, C, H, W = input_shape
    down = np.empty((C, H, W, N), dtype=error.dtype)
    for a in range(min(stride, H)):
        for b in range(min(stride, W)):
            i, j = (a + padding) % stride, (b + padding) % stride
            entries = weight[:, :, i::stride, j::stride][:, :, ::-1, ::-1].transpose(1, 0, 2, 3)    # (in, out, ., .)
            above, left = (n - 1 - (pixel + padding) // stride for n, pixel in zip(entries.shape[2:], (a, b)))
            correlate(error, entries, down[:, a::stride, b::stride], 1, above, left)
    return down.transpose(3, 0, 1, 2)


def weight_gradient(error, x, kernel, stride=1, padding=0):
    """∂W = Σ over positions and samples of eᵀ x: error (N, out, rows, cols), x (N, in, H, W) -> (out, in, kh, kw)."""
    error, x = in_memory_order(error), in_memory_order(x)
    out, rows, cols, N = error.shape
    C, kh, kw = len(x), *kernel
    at_once = 1 if stride > 1 else max(m for m in range(1, cols + 1) if cols % m == 0 and (m == 1 or m * N <= DEEP))
    parts = threads.parts(rows, SUMS if error.size * C * kh * kw >= SHARED else 1)
    sums = np.zeros((len(parts), kw, kh * C, out), dtype=np.result_type(error, x))

    def add_up(number):
        part = parts[number]
        width = (cols - 1) * stride + kw
        lines = np.zeros((lines_at_once(x, kh, width, part), kh, C, width, N), dtype=x.dtype)
        of_line, _, _, of_pixel, of_sample = lines.strides                      # here a pixel's samples lie together
        columns = as_strided(lines, (kw, len(lines), cols // at_once, kh * C, at_once * N),
                             (of_pixel, of_line, at_once * stride * of_pixel, width * of_pixel, of_sample))
        for p in part[::len(lines)]:
            count = min(len(lines), part.stop - p)
            fill(lines[:count].transpose(0, 3, 1, 2, 4), x, p, stride, padding, padding)
            e = error[:, p:p + count].reshape(out, count, cols // at_once, at_once * N).transpose(1, 2, 3, 0)
            sums[number] += np.matmul(columns[:, :count], e).sum(axis=(1, 2))   # (kh·in, pixels·N) x (pixels·N, out)

    threads.share_out(add_up, range(len(parts)))
    total = sums.sum(axis=0).reshape(kw, kh, C, out)                            # in the order of the parts
    return np.ascontiguousarray(total.transpose(3, 2, 1, 0))


def correlate(x, weight, y, stride, above, left):
    """y[o, p, q] = Σ_cij W[o, c, i, j] · x[c, p·stride + i − above, q·stride + j − left], x being 0 outside the image.

    x (C, H, W, N), weight (out, C, kh, kw) into y (out, rows, cols, N); `above` and `left` may be negative
    """
    C, _, _, N = x.shape
    out, _, kh, kw = weight.shape
    rows, cols = y.shape[1:3]
    kernel = np.ascontiguousarray(weight.transpose(0, 3, 2, 1)).reshape(out, kw * kh * C)
    n = 64 if N % 64 == 0 and kernel.size * 64 <= SMALL else N                  # samples in one product
    width = (cols - 1) * stride + kw
    into = y.transpose(1, 2, 0, 3).reshape(rows, cols, out, N // n, n).transpose(0, 1, 3, 2, 4)         # views of y

    def work(part):
        lines = np.zeros((lines_at_once(x, kh, width, part), width, kh, C, N), dtype=x.dtype)
        of_line, of_pixel, _, of_channel, of_sample = lines.strides
        columns = as_strided(lines, (len(lines), cols, N // n, kernel.shape[1], n),
                             (of_line, stride * of_pixel, n * of_sample, of_channel, of_sample))
        for p in part[::len(lines)]:
            count = min(len(lines), part.stop - p)
            fill(lines[:count], x, p, stride, above, left)
            np.matmul(kernel, columns[:count], out=into[p:p + count])           # (out, kw·kh·in) x (kw·kh·in, n)

    threads.share_out(work, threads.parts(rows, None if kernel.size * y[0].size >= SHARED else 1))


def fill(lines, x, p, stride, above, left):
    """Copy the rows of x that the results p, p + 1, … see: x (C, H, W, N) into lines (results, width, kh, C, N)."""
    (_, H, W, _), (count, width, kh) = x.shape, lines.shape[:3]
    begin = max(0, -left)
    pixels = slice(begin, max(begin, min(W, width - left)))                     # those that lie inside the line
    inside = slice(pixels.start + left, pixels.stop + left)
    for i in range(kh):
        row = p * stride + i - above                                            # what result p sees here
        first, last = max(0, -(row // stride)), min(count, (H - 1 - row) // stride + 1)     # results that see a row
        lines[:first, :, i] = 0
        lines[max(last, 0):, :, i] = 0
        if first < last:
            seen = x[:, row + first * stride:row + (last - 1) * stride + 1:stride, pixels]
            lines[first:last, inside, i] = seen.transpose(1, 2, 0, 3)           # (results, pixels, C, N)


def lines_at_once(x, kh, width, part):
    """How many lines fit into a block; at least one, at most those of the part."""
    return min(len(part), max(1, BLOCK // max(1, width * kh * len(x) * x.shape[3] * x.itemsize)))


def in_memory_order(x):
    """(N, C, H, W) as the contiguous (C, H, W, N) array that it is in memory."""
    return batch_innermost(x).transpose(1, 2, 3, 0)
