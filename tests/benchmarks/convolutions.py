"""What each 3×3 layer of ResNet-20 costs alone: python -m tests.benchmarks.convolutions

Forward, and backward (kernel gradient and the error at the input), float32, batch 128, 16 channels at 32×32, 32 at
16×16, 64 at 8×8: a few rows at a time (`ops.fast.convolution`, what large batches take), with the whole column matrix
(`ops.convolution`, the definition), the matrix products alone, and PyTorch's layer where it is installed. Each in a
process of its own, in turn; medians, and the median of the ratios to the first.

    --threads N     the package's and PyTorch's threads (1 by default); the matrix library has one
    --rounds N      how often each takes its turn (3)
"""

import argparse

from tests.benchmarks import pytorch
from tests.benchmarks.timing import at_least_1, environment, in_turns, median_seconds

BATCH = 128
LAYERS = ((16, 32), (32, 16), (64, 8))
OURS = ("rows", "column matrix", "products alone")
WAYS = ("forward", "backward")


def ours(side, channels, size):
    """(forward, backward) of one of the two convolutions, or of the bare products."""
    import numpy as np

    from feedbackalign.ops import convolution
    from feedbackalign.ops.fast import convolution as fast
    rng = np.random.default_rng(0)

    def images():
        return convolution.batch_innermost(rng.standard_normal((BATCH, channels, size, size), dtype=np.float32))

    x, error = images(), images()
    weight = rng.standard_normal((channels, channels, 3, 3), dtype=np.float32)
    _, columns = convolution.convolve(x, weight, None, 1, 1)

    def rows_backward():
        fast.weight_gradient(error, x, (3, 3), 1, 1)
        fast.transport(error, weight, x.shape, 1, 1)

    def matrix_backward():
        convolution.convolution_weight_gradient(error, columns, weight.shape)
        convolution.convolution_transport(error, weight, x.shape, 1, 1)

    return {"rows": (lambda: fast.convolve(x, weight, None, 1, 1), rows_backward),
            "column matrix": (lambda: convolution.convolve(x, weight, None, 1, 1), matrix_backward),
            "products alone": products([(channels, channels, 3, 3, size, size, size, size)], BATCH)}[side]


def products(layers, batch):
    """The matrix products of some convolutions and nothing else, forward and backward, in the shapes of the fast path.

    layers: (out, in, kh, kw, rows, cols, H, W) each. On all threads, every operand where the last one lay.
    """
    import numpy as np

    from feedbackalign.ops.fast import threads
    n = 64 if batch % 64 == 0 else batch

    def product(a, b, c, number):
        """(number, a, c) = (a, b) x (number, b, c), over and over on the same memory."""
        left, right, into = np.ones((a, b), np.float32), np.ones((b, c), np.float32), np.empty((a, c), np.float32)
        stacked = np.broadcast_to(right, (number, b, c))
        result = np.lib.stride_tricks.as_strided(into, (number, a, c), (0, *into.strides))
        return lambda: np.matmul(left, stacked, out=result)

    def each(work):
        def run():
            for layer in layers:
                threads.share_out(lambda part, layer=layer: work(part, *layer), threads.parts(layer[4]))
        return run

    def up(part, out, inputs, kh, kw, rows, cols, H, W):
        product(out, kw * kh * inputs, n, len(part) * cols * batch // n)()

    def down(part, out, inputs, kh, kw, rows, cols, H, W):
        product(inputs, kw * kh * out, n, len(part) * H * W * batch // (rows * n))()
        pixels = max(1, min(cols, 1024 // batch))
        product(kh * inputs, pixels * batch, out, kw * len(part) * cols // pixels)()

    return each(up), each(down)


def one_way(side, channels, size, way, threads):
    """What this side does on its way."""
    both = (pytorch.convolution(channels, size, BATCH, threads) if side in pytorch.SIDES else
            ours(side, channels, size))
    return both[WAYS.index(way)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--side", nargs=4, help=argparse.SUPPRESS)                      # one side's turn
    arguments = parser.parse_args()
    at_least_1(parser, arguments, "threads", "rounds")
    if arguments.side:
        side, channels, size, way = arguments.side
        print(median_seconds(one_way(side, int(channels), int(size), way, arguments.threads)))
        return
    if not pytorch.AVAILABLE:
        print(pytorch.MISSING)
    print(f"3×3, batch {BATCH}, float32, threads: {arguments.threads}; milliseconds (ratio to the first)")
    for channels, size in LAYERS:
        for way in WAYS:
            sides = {side: (["-m", "tests.benchmarks.convolutions", "--threads", str(arguments.threads), "--side", side,
                             str(channels), str(size), way], environment(arguments.threads, arguments.threads))
                     for side in (*OURS, *(pytorch.SIDES[:1] if pytorch.AVAILABLE else ()))}
            cells = [f"{side} {1e3 * median:.1f} ({ratio:.2f})"
                     for side, (median, ratio) in in_turns(sides, arguments.rounds).items()]
            print(f"{channels:>3} channels at {size}×{size}, {way:<9}", "   ".join(cells), flush=True)


if __name__ == "__main__":
    main()
