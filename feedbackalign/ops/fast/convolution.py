"""The same convolution at speed: a few image rows at a time, in the cache, without a column matrix.

`convolution` is the definition, and what to read: every patch a column, one product. Its column matrix repeats every
pixel kh·kw times, and for a whole batch most of the time goes into writing and reading it. Here the kh image rows
that one row of the result needs lie side by side in a `Band`, and every kernel column meets them where they lie:

    convolve            (kw·out, kh·in) @ (kh·in, W·N), then one shifted sum for every kernel column
    transport           the same downwards: (kw·in, kh·out) @ (kh·out, cols·N), then the shifted sums
    weight_gradient     for every kernel column, error row and shifted band: (kh·in, W·N) @ (W·N, out)

A row is copied once, not kh·kw times, and nothing is kept from forward to backward. Rows are shared out over threads
(see `threads`). Shapes are (N, C, H, W) to the caller and (C, H, W, N) in memory, as there; tests hold both files
equal for every stride, padding and kernel. `tests/benchmarks/convolutions.py` times both.

Tried for 3×3 layers of 16 channels at 32², 32 at 16² and 64 at 8², float32, batch 128, one thread, and not kept:
all nine shifts of the rows laid out, one product (a third to a half more time than the product of three shares, for
two sums saved); shifting the error's columns for the kernel gradient (as fast as products of slices, which copy
nothing); one layout of the error's rows for kernel gradient and way down (saves one row copy of some 8 µs beside two
products of some 200). Scratch arrays kept from call to call gained nothing that showed: a step has few page faults.
Not tried: images with the rows outermost, whose neighbours would be a band without a copy.
"""

import numpy as np

from feedbackalign.ops.convolution import batch_innermost, output_size
from feedbackalign.ops.fast import threads


SUMS = 4                    # parts of a sum over rows: the same for any number of threads, so the bytes are too


def in_memory_order(x):
    """(N, C, H, W) as the contiguous (C, H, W, N) array that it is in memory."""
    return batch_innermost(x).transpose(1, 2, 3, 0)


def span(j, size, count, stride, padding):
    """Which outputs of a row read a real pixel through kernel column j: -> (first, last + 1), pixel of the first."""
    first = max(0, -((j - padding) // stride))                                  # ⌈(padding − j) / stride⌉
    last = max(first, min(count, (size - 1 + padding - j) // stride + 1))
    return first, last, first * stride + j - padding


class Band:
    """The few rows of an image batch that are in use, side by side; each stays where it was put until it is replaced.

    Row h lies in slot h mod slots. With a stride, every stride-th pixel of it lies together, a phase for each pixel
    to begin with, so that a kernel column sees neighbours: (phases, slots, C, pixels, N). Rows outside are zero.
    """

    def __init__(self, image, slots, stride=1):
        C, self.height, width, N = image.shape
        self.image = image
        self.phases = np.zeros((stride, slots, C, -(-width // stride), N), dtype=image.dtype)
        self.held = [None] * slots

    def slot(self, h):
        """Where row h lies; it is laid out there if it is not yet."""
        slot = h % len(self.held)
        if self.held[slot] != h:
            self.held[slot] = h
            if 0 <= h < self.height:
                for phase, lying in enumerate(self.phases[:, slot]):
                    pixels = self.image[:, h, phase::len(self.phases)]
                    lying[:, :pixels.shape[1]] = pixels
            else:
                self.phases[:, slot] = 0
        return slot

    def matrix(self, phase=0, pixels=slice(None)):
        """All rows of one phase, or some pixels of them: (slots·C, pixels·N), a view."""
        _, slots, C, width, N = self.phases.shape
        rows = self.phases[phase].reshape(slots * C, width * N)
        return rows if pixels == slice(None) else rows[:, N * pixels.start:N * pixels.stop]


def convolve(x, weight, bias=None, stride=1, padding=0):
    """The convolution: x (N, in, H, W), weight (out, in, kh, kw), bias (out,) or None -> (N, out, rows, cols)."""
    x = in_memory_order(x)
    C, H, W, N = x.shape
    out, _, kh, kw = weight.shape
    rows, cols = output_size(H, kh, stride, padding), output_size(W, kw, stride, padding)
    y = np.empty((out, rows, cols, N), dtype=x.dtype)
    spans = spans_by_phase(kw, W, cols, stride, padding)
    whole = next(iter(spans.values()))[0][1] == slice(0, cols)                  # the widest sees every output

    def fill(some):
        band, shares, kernels = Band(x, kh, stride), np.empty((kw, out, -(-W // stride), N), dtype=x.dtype), {}
        for p in some:
            slots = [band.slot(p * stride + i - padding) for i in range(kh)]
            row, fresh = y[:, p], whole                                         # (out, cols, N)
            if not whole:
                row[...] = 0
            for phase, columns in spans.items():
                if (phase, slots[0]) not in kernels:
                    kernels[phase, slots[0]] = kernel_of(weight, [j for j, _, _ in columns], np.argsort(slots))
                some_shares = shares[:len(columns)]
                np.matmul(kernels[phase, slots[0]], band.matrix(phase), out=some_shares.reshape(len(columns) * out, -1))
                for share, (_, outputs, pixels) in zip(some_shares, columns):
                    if fresh:
                        row[...], fresh = share[:, pixels], False
                    else:
                        row[:, outputs] += share[:, pixels]
            if bias is not None:
                row += bias.reshape(-1, 1, 1)

    threads.share_out(fill, threads.parts(rows))
    return y.transpose(3, 0, 1, 2)


def spans_by_phase(kw, size, count, stride, padding):
    """{phase: [(kernel column, outputs that it serves, pixels of the phase that it reads), …]}, widest first."""
    spans = [(j, *span(j, size, count, stride, padding)) for j in range(kw)]
    by_phase = {}
    for j, first, last, pixel in sorted(spans, key=lambda some: some[1] - some[2]):
        phase, begin = pixel % stride, pixel // stride
        by_phase.setdefault(phase, []).append((j, slice(first, last), slice(begin, begin + last - first)))
    return by_phase


def kernel_of(weight, columns, rows):
    """Some kernel columns below each other, kernel rows beside each other: -> (columns·out, rows·in)."""
    kernel = weight[:, :, rows][:, :, :, columns]                               # (out, in, rows, columns)
    return np.ascontiguousarray(kernel.transpose(3, 0, 2, 1)).reshape(len(columns) * len(weight), -1)


def transport(error, weight, input_shape, stride=1, padding=0):
    """The transposed convolution: error (N, out, rows, cols), weight (out, in, kh, kw) -> (N, in, H, W).

    Output row p was reached by input rows h = p·stride + i − padding: each input row is made at once, from all rows
    that it reached.
    """
    error = in_memory_order(error)
    N, C, H, W = input_shape
    out, rows, cols, _ = error.shape
    kh, kw = weight.shape[2:]
    down = np.empty((C, H, W, N), dtype=error.dtype)
    kernel_rows = [np.ascontiguousarray(weight[:, :, i].transpose(2, 1, 0)).reshape(kw * C, out) for i in range(kh)]
    nothing = np.zeros_like(kernel_rows[0])
    spans = [(j, *span(j, W, cols, stride, padding)) for j in range(kw)]
    spans.sort(key=lambda some: some[1] - some[2])                              # the widest first
    whole = stride == 1 and spans[0][2] - spans[0][1] == W

    def fill(some):
        band, shares, kernels = Band(error, -(-kh // stride)), np.empty((kw, C, cols, N), dtype=error.dtype), {}
        for h in some:
            reached = [(i, *divmod(h + padding - i, stride)) for i in range(kh)]
            met = {band.slot(p): i for i, p, rest in reached if rest == 0 and 0 <= p < rows}    # {slot: kernel row}
            row, fresh = down[:, h], whole and bool(met)                        # (C, W, N)
            if not fresh:
                row[...] = 0
            if not met:
                continue
            lying = tuple(met.get(slot) for slot in range(len(band.held)))
            if lying not in kernels:
                kernels[lying] = np.concatenate([nothing if i is None else kernel_rows[i] for i in lying], axis=1)
            np.matmul(kernels[lying], band.matrix(), out=shares.reshape(kw * C, cols * N))
            for j, first, last, pixel in spans:
                share = shares[j, :, first:last]
                if fresh:
                    row[...], fresh = share, False
                elif first < last:
                    row[:, pixel:pixel + stride * (last - first - 1) + 1:stride] += share

    threads.share_out(fill, threads.parts(H))
    return down.transpose(3, 0, 1, 2)


def weight_gradient(error, x, kernel, stride=1, padding=0):
    """∂W = Σ over positions and samples of eᵀ x: error (N, out, rows, cols), x (N, in, H, W) -> (out, in, kh, kw)."""
    error, x = in_memory_order(error), in_memory_order(x)
    out, rows, cols, _ = error.shape
    C, _, W, _ = x.shape
    kh, kw = kernel
    spans = spans_by_phase(kw, W, cols, stride, padding)
    some_rows = threads.parts(rows, SUMS)
    totals = np.zeros((len(some_rows), kw, kh, C, out), dtype=x.dtype)

    def add_up(part):
        band = Band(x, kh, stride)
        for p in some_rows[part]:
            slots = [band.slot(p * stride + i - padding) for i in range(kh)]
            for phase, columns in spans.items():
                for j, outputs, pixels in columns:
                    product = band.matrix(phase, pixels) @ error[:, p, outputs].reshape(out, -1).T
                    totals[part, j] += product.reshape(kh, C, out)[slots]       # (kh·in, pixels·N) x (pixels·N, out)

    threads.share_out(add_up, range(len(some_rows)))
    return np.ascontiguousarray(totals.sum(axis=0).transpose(3, 2, 1, 0))       # in the order of the rows
