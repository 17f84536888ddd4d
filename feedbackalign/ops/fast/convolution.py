"""The same convolution at speed: one row of the result at a time, in the cache, without the whole column matrix.

`ops.convolution` is the definition, and what to read first: every patch becomes a column, and one product does all. Its
column matrix holds every pixel kh·kw times. For a large batch most of the time goes into writing and reading it.

Here one row of the result is made at a time. It needs kh rows of the image. They are copied next to each other into
a small buffer (a `RowBuffer`), and one matrix product multiplies them with all kernel columns:

    convolve            (kw·out, kh·in) @ (kh·in, W·N)          one result per kernel column; then a sum of shifts
    transport           (kw·in, kh·out) @ (kh·out, cols·N)      the same on the way down
    weight_gradient     (kh·in, W·N) @ (W·N, out)               one product per kernel column and row of the error

A row is copied once, not kh·kw times, and nothing is kept from forward to backward. Threads share the rows (see
`threads`). Shapes are (N, C, H, W) to the caller and (C, H, W, N) in memory, as in the definition. Tests hold both
files equal for every stride, padding and kernel. `tests/benchmarks/convolutions.py` times both.

What was tried and not kept, for 3×3 layers of 16 channels at 32×32, 32 at 16×16 and 64 at 8×8, float32, batch 128, one
thread:
    - all nine shifts of the rows in the buffer, for one product per row: a third to a half more time;
    - shifting the columns of the error for the weight gradient: as fast as the slices below, which copy nothing;
    - one copy of the error's rows for both weight gradient and transport: it saves about 8 µs of some 400;
    - buffers kept from call to call: no gain that could be measured.
"""

import numpy as np

from feedbackalign.ops.convolution import batch_innermost, output_size
from feedbackalign.ops.fast import threads


SUMS = 4                    # parts of a sum over rows: the same for any number of threads, so that the result is too


def in_memory_order(x):
    """(N, C, H, W) as the contiguous (C, H, W, N) array that it is in memory."""
    return batch_innermost(x).transpose(1, 2, 3, 0)


def outputs_reached(j, size, count, stride, padding):
    """Which outputs of a row see a real pixel, not padding, through kernel column j.

    A row of `size` pixels has `count` outputs. -> (first output, last output + 1, the pixel that the first one sees)

    >>> outputs_reached(0, size=5, count=5, stride=1, padding=1)        # output 0 sees padding, output 1 sees pixel 0
    (1, 5, 0)
    """
    first = max(0, -((j - padding) // stride))                                  # ⌈(padding − j) / stride⌉
    last = max(first, min(count, (size - 1 + padding - j) // stride + 1))
    return first, last, first * stride + j - padding


class RowBuffer:
    """The few rows of an image batch that are in use, next to each other, ready for a matrix product.

    It has as many places as rows are needed at once. Row h is copied into place h % places, over a row that is no
    longer needed: the next result shares most of its rows with this one, and those stay where they are. Rows outside
    the image are zero.

    With stride s, neighbouring outputs see pixels that are s apart. So that each kernel column finds its pixels next to
    each other, a row is stored as s parts: pixels 0, s, 2s, … are part 0, pixels 1, s + 1, … are part 1, and so on.

    Attributes
    ----------
    parts : (stride, places, C, pixels, N) array
    rows : list of int or None
        Which row of the image each place holds.
    """

    def __init__(self, image, places, stride=1):
        C, self.height, width, N = image.shape
        self.image = image
        self.parts = np.zeros((stride, places, C, -(-width // stride), N), dtype=image.dtype)
        self.rows = [None] * places

    def place_of(self, h):
        """The place of row h, which is copied there if it is not there yet."""
        place = h % len(self.rows)
        if self.rows[place] != h:
            self.rows[place] = h
            if 0 <= h < self.height:
                for start, part in enumerate(self.parts[:, place]):             # (C, pixels, N), a view
                    pixels = self.image[:, h, start::len(self.parts)]
                    part[:, :pixels.shape[1]] = pixels
            else:
                self.parts[:, place] = 0
        return place

    def matrix(self, part=0, pixels=slice(None)):
        """All rows of one part, or these pixels of them: (places·C, pixels·N), a view."""
        _, places, C, width, N = self.parts.shape
        rows = self.parts[part].reshape(places * C, width * N)
        return rows if pixels == slice(None) else rows[:, N * pixels.start:N * pixels.stop]


def convolve(x, weight, bias=None, stride=1, padding=0):
    """The convolution: x (N, in, H, W), weight (out, in, kh, kw), bias (out,) or None -> (N, out, rows, cols)."""
    x = in_memory_order(x)
    C, H, W, N = x.shape
    out, _, kh, kw = weight.shape
    rows, cols = output_size(H, kh, stride, padding), output_size(W, kw, stride, padding)
    y = np.empty((out, rows, cols, N), dtype=x.dtype)
    by_part = columns_by_part(kw, W, cols, stride, padding)
    covers_row = next(iter(by_part.values()))[0][1] == slice(0, cols)           # the first column reaches every output

    def fill(some_rows):
        buffer, kernels = RowBuffer(x, kh, stride), {}
        products = np.empty((kw, out, -(-W // stride), N), dtype=x.dtype)
        for p in some_rows:
            places = [buffer.place_of(p * stride + i - padding) for i in range(kh)]     # of kernel rows 0, 1, …
            row, is_first = y[:, p], covers_row                                 # (out, cols, N)
            if not covers_row:
                row[...] = 0
            for part, columns in by_part.items():
                if (part, places[0]) not in kernels:                            # the order of the rows follows from it
                    kernel_rows = np.argsort(places)                            # in the order in which they are stored
                    kernels[part, places[0]] = kernel_of(weight, [j for j, _, _ in columns], kernel_rows)
                product = products[:len(columns)]                               # (columns, out, pixels, N)
                np.matmul(kernels[part, places[0]], buffer.matrix(part), out=product.reshape(len(columns) * out, -1))
                for of_column, (_, outputs, pixels) in zip(product, columns):
                    if is_first:
                        row[...], is_first = of_column[:, pixels], False
                    else:
                        row[:, outputs] += of_column[:, pixels]
            if bias is not None:
                row += bias.reshape(-1, 1, 1)

    threads.share_out(fill, threads.parts(rows))
    return y.transpose(3, 0, 1, 2)


def columns_by_part(kw, size, count, stride, padding):
    """Which part of a stored row each kernel column reads, the column that reaches most outputs first.

    -> {part: [(kernel column, outputs that it reaches, pixels of the part that it reads), …]}
    """
    columns = [(j, *outputs_reached(j, size, count, stride, padding)) for j in range(kw)]
    by_part = {}
    for j, first, last, pixel in sorted(columns, key=lambda column: column[1] - column[2]):
        part, begin = pixel % stride, pixel // stride
        by_part.setdefault(part, []).append((j, slice(first, last), slice(begin, begin + last - first)))
    return by_part


def kernel_of(weight, columns, rows):
    """These kernel columns below each other, these kernel rows beside each other: -> (columns·out, rows·in)."""
    kernel = weight[:, :, rows][:, :, :, columns]                               # (out, in, rows, columns)
    return np.ascontiguousarray(kernel.transpose(3, 0, 2, 1)).reshape(len(columns) * len(weight), -1)


def transport(error, weight, input_shape, stride=1, padding=0):
    """The transposed convolution: error (N, out, rows, cols), weight (out, in, kh, kw) -> (N, in, H, W).

    Output row p sees input row h through kernel row i where h = p·stride + i − padding. Each input row is made in one
    go, from all output rows that see it.
    """
    error = in_memory_order(error)
    N, C, H, W = input_shape
    out, rows, cols, _ = error.shape
    kh, kw = weight.shape[2:]
    down = np.empty((C, H, W, N), dtype=error.dtype)
    kernel_rows = [np.ascontiguousarray(weight[:, :, i].transpose(2, 1, 0)).reshape(kw * C, out) for i in range(kh)]
    zero = np.zeros_like(kernel_rows[0])
    columns = [(j, *outputs_reached(j, W, cols, stride, padding)) for j in range(kw)]
    columns.sort(key=lambda column: column[1] - column[2])                      # that which reaches most outputs first
    covers_row = stride == 1 and columns[0][2] - columns[0][1] == W             # it alone fills a whole row of pixels

    def fill(some_rows):
        buffer, kernels = RowBuffer(error, -(-kh // stride)), {}
        products = np.empty((kw, C, cols, N), dtype=error.dtype)
        for h in some_rows:
            seen_by = [(i, *divmod(h + padding - i, stride)) for i in range(kh)]        # (kernel row, p, remainder)
            used = {buffer.place_of(p): i for i, p, rest in seen_by if rest == 0 and 0 <= p < rows}
            row, is_first = down[:, h], covers_row and bool(used)               # (C, W, N)
            if not is_first:
                row[...] = 0
            if not used:
                continue
            order = tuple(used.get(place) for place in range(len(buffer.rows)))         # kernel row of each place
            if order not in kernels:
                kernels[order] = np.concatenate([zero if i is None else kernel_rows[i] for i in order], axis=1)
            np.matmul(kernels[order], buffer.matrix(), out=products.reshape(kw * C, cols * N))
            for j, first, last, pixel in columns:
                product = products[j, :, first:last]                            # (C, last − first, N)
                if is_first:
                    row[...], is_first = product, False
                elif first < last:
                    row[:, pixel:pixel + stride * (last - first - 1) + 1:stride] += product

    threads.share_out(fill, threads.parts(H))
    return down.transpose(3, 0, 1, 2)


def weight_gradient(error, x, kernel, stride=1, padding=0):
    """∂W = Σ over positions and samples of eᵀ x: error (N, out, rows, cols), x (N, in, H, W) -> (out, in, kh, kw)."""
    error, x = in_memory_order(error), in_memory_order(x)
    out, rows, cols, _ = error.shape
    C, _, W, _ = x.shape
    kh, kw = kernel
    by_part = columns_by_part(kw, W, cols, stride, padding)
    parts_of_rows = threads.parts(rows, SUMS)
    sums = np.zeros((len(parts_of_rows), kw, kh, C, out), dtype=x.dtype)

    def add_up(number):
        buffer = RowBuffer(x, kh, stride)
        for p in parts_of_rows[number]:
            places = [buffer.place_of(p * stride + i - padding) for i in range(kh)]
            for part, columns in by_part.items():
                for j, outputs, pixels in columns:
                    product = buffer.matrix(part, pixels) @ error[:, p, outputs].reshape(out, -1).T
                    sums[number, j] += product.reshape(kh, C, out)[places]      # (kh·in, pixels·N) x (pixels·N, out)

    threads.share_out(add_up, range(len(parts_of_rows)))
    return np.ascontiguousarray(sums.sum(axis=0).transpose(3, 2, 1, 0))         # in the order of the parts
