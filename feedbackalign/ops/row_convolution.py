"""The same convolution at speed: a few image rows at a time, in the cache, without a column matrix.

`convolution` is the definition, and what to read: every patch a column, one product. Its column matrix repeats every
pixel kh·kw times, and for a whole batch most of the time goes into writing and reading it. Here nothing is kept from
forward to backward, and only the rows under one row of the result lie side by side, in a `Band`:

    transport           for every input row: (kw·in, kh·out) @ (kh·out, cols·N), the error rows that it was sent to;
                        then one shifted sum for every kernel column
    convolve            at stride 1 the same, with the kernel turned by 180°; otherwise weight @ the patches of one
                        output row
    weight_gradient     the patches of one output row @ its error, (kh·kw·in, cols·N) @ (cols·N, out)

Rows are shared out over threads (see `threads`). Shapes are (N, C, H, W) to the caller and (C, H, W, N) in memory, as
there; tests hold both files equal for every stride, padding and kernel.

What was measured (float32, batch 128, 3×3, one thread; 16 channels at 32², 32 at 16², 64 at 8²): see the benchmark
`tests/benchmarks/convolutions.py`.
"""

import numpy as np

from feedbackalign.ops import threads
from feedbackalign.ops.convolution import batch_innermost, output_size


def in_memory_order(x):
    """(N, C, H, W) as the contiguous (C, H, W, N) array that it is in memory."""
    return batch_innermost(x).transpose(1, 2, 3, 0)


def span(j, size, count, stride, padding):
    """Which outputs of a row read a real pixel through kernel column j: -> slice of outputs, slice of pixels."""
    first = max(0, -((j - padding) // stride))                                  # ⌈(padding − j) / stride⌉
    last = max(first, min(count, (size - 1 + padding - j) // stride + 1))
    if first == last:
        return slice(0), slice(0)
    pixel = first * stride + j - padding
    return slice(first, last), slice(pixel, pixel + stride * (last - first - 1) + 1, stride)


class Band:
    """The few rows of an image batch that are in use, side by side; each stays where it was put until it is replaced.

    Row h lies in slot h mod slots, once for every kernel column, with the pixels that this column meets at each
    output: (slots, kw, C, cols, N). Rows and pixels outside the image are zero.
    """

    def __init__(self, image, slots, kw=1, cols=None, stride=1, padding=0):
        C, self.height, width, N = image.shape
        cols = width if cols is None else cols
        self.image = image
        self.spans = [span(j, width, cols, stride, padding) for j in range(kw)]
        self.rows = np.zeros((slots, kw, C, cols, N), dtype=image.dtype)
        self.held = [None] * slots

    def slot(self, h):
        """Where row h lies; it is laid out there if it is not yet."""
        slot = h % len(self.held)
        if self.held[slot] != h:
            self.held[slot] = h
            if 0 <= h < self.height:
                for shifted, (outputs, pixels) in zip(self.rows[slot], self.spans):
                    shifted[:, outputs] = self.image[:, h, pixels]
            else:
                self.rows[slot] = 0
        return slot

    def matrix(self, first=0, last=None):
        """The rows of slots first to last, as a matrix: (slots·kw·C, cols·N)."""
        some = self.rows[first:last]
        return some.reshape(-1, some.shape[3] * some.shape[4])


def convolve(x, weight, bias=None, stride=1, padding=0):
    """The convolution: x (N, in, H, W), weight (out, in, kh, kw), bias (out,) or None -> (N, out, rows, cols)."""
    x = in_memory_order(x)
    C, H, W, N = x.shape
    out, _, kh, kw = weight.shape
    rows, cols = output_size(H, kh, stride, padding), output_size(W, kw, stride, padding)
    y = np.empty((out, rows, cols, N), dtype=x.dtype)
    if stride == 1:
        turned = weight[:, :, ::-1, ::-1].transpose(1, 0, 2, 3)                 # (in, out, kh, kw)
        send(x, turned, y, 1, kh - 1 - padding, kw - 1 - padding, bias)
    else:
        gather(x, weight, y, stride, padding, bias)
    return y.transpose(3, 0, 1, 2)


def transport(error, weight, input_shape, stride=1, padding=0):
    """The transposed convolution: error (N, out, rows, cols), weight (out, in, kh, kw) -> (N, in, H, W)."""
    N, C, H, W = input_shape
    down = np.empty((C, H, W, N), dtype=error.dtype)
    send(in_memory_order(error), weight, down, stride, padding, padding)
    return down.transpose(3, 0, 1, 2)


def send(source, weight, target, stride, pad_rows, pad_cols, bias=None):
    """Send every row of the source through the kernel: source (from, rows, cols, N) -> target (to, H, W, N), filled.

    Source row p reaches target rows h = p·stride + i − pad_rows. Each target row is made at once from all rows that
    reach it: weight (from, to, kh, kw) as (kw·to, from) for every kernel row i, side by side as the rows lie.
    """
    _, rows, cols, N = source.shape
    to, H, W, _ = target.shape
    kh, kw = weight.shape[2:]
    slots = -(-kh // stride)                                                    # rows that can reach one target row
    taps = [np.ascontiguousarray(weight[:, :, i].transpose(2, 1, 0).reshape(kw * to, -1)) for i in range(kh)]
    nothing = np.zeros_like(taps[0])
    spans = [span(j, W, cols, stride, pad_cols) for j in range(kw)]
    whole = next((j for j, (_, pixels) in enumerate(spans) if pixels == slice(0, W, 1)), None)
    start = 0.0 if bias is None else bias.reshape(-1, 1, 1)

    def fill(some):
        band = Band(source, slots)
        shares = np.empty((kw, to, cols, N), dtype=target.dtype)
        kernels = {}
        for h in some:
            met = {}                                                            # {slot: kernel row}
            for i in range(kh):
                p, rest = divmod(h + pad_rows - i, stride)
                if rest == 0 and 0 <= p < rows:
                    met[band.slot(p)] = i
            row = target[:, h]                                                  # (to, W, N)
            if not met:
                row[...] = start
                continue
            first, last = min(met), max(met) + 1
            lying = tuple(met.get(slot) for slot in range(first, last))
            if lying not in kernels:
                kernels[lying] = np.concatenate([nothing if i is None else taps[i] for i in lying], axis=1)
            np.matmul(kernels[lying], band.matrix(first, last), out=shares.reshape(kw * to, cols * N))
            if whole is None:
                row[...] = start
            elif bias is None:
                row[...] = shares[whole][:, spans[whole][0]]
            else:
                np.add(shares[whole][:, spans[whole][0]], start, out=row)
            for j, (outputs, pixels) in enumerate(spans):
                if j != whole:
                    row[:, pixels] += shares[j][:, outputs]

    threads.share_out(fill, threads.parts(H, least=2))


def gather(x, weight, y, stride, padding, bias):
    """Fill every output row from the patches it sees: x (in, H, W, N) -> y (out, rows, cols, N)."""
    out, rows, cols, N = y.shape
    kh, kw = weight.shape[2:]
    taps = [np.ascontiguousarray(weight[:, :, i].transpose(0, 2, 1).reshape(out, -1)) for i in range(kh)]

    def fill(some):
        band = Band(x, kh, kw, cols, stride, padding)
        for p in some:
            lying = np.argsort([band.slot(p * stride + i - padding) for i in range(kh)])        # kernel rows by slot
            kernel = np.concatenate([taps[i] for i in lying], axis=1)           # (out, kh·kw·in)
            product = (kernel @ band.matrix()).reshape(out, cols, N)
            y[:, p] = product if bias is None else product + bias.reshape(-1, 1, 1)

    threads.share_out(fill, threads.parts(rows, least=2))


def weight_gradient(error, x, kernel, stride=1, padding=0):
    """∂W = Σ over positions and samples of eᵀ x: error (N, out, rows, cols), x (N, in, H, W) -> (out, in, kh, kw)."""
    error, x = in_memory_order(error), in_memory_order(x)
    out, rows, cols, N = error.shape
    kh, kw = kernel
    some_rows = threads.parts(rows, least=2)
    totals = np.zeros((len(some_rows), kh, kw * len(x), out), dtype=x.dtype)

    def add_up(part):
        band = Band(x, kh, kw, cols, stride, padding)
        for p in some_rows[part]:
            slots = [band.slot(p * stride + i - padding) for i in range(kh)]
            product = band.matrix() @ error[:, p].reshape(out, -1).T            # (kh·kw·in, cols·N) x (cols·N, out)
            totals[part] += product.reshape(kh, -1, out)[slots]

    threads.share_out(add_up, range(len(some_rows)))
    total = totals.sum(axis=0).reshape(kh, kw, len(x), out)                     # in the order of the rows
    return np.ascontiguousarray(total.transpose(3, 2, 0, 1))                    # (out, in, kh, kw)
