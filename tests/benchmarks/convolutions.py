"""What each 3×3 layer of ResNet-20 costs alone: python -m tests.benchmarks.convolutions

Forward, and backward (kernel gradient and the error at the input), float32, batch 128, 16 channels at 32×32, 32 at
16×16, 64 at 8×8: row by row (`ops.fast.convolution`, what large batches take), with the whole column matrix
(`ops.convolution`, the definition), the row-by-row matrix products alone, and PyTorch's eager layer where it is
installed. All are timed in turn; medians, and the median of the ratios to the row-by-row time.

    --threads N     the package's and PyTorch's threads (1 by default); the matrix library has one
    --rounds N      how often each is timed
"""

import argparse
import os
import statistics
import sys

from tests.benchmarks import pytorch
from tests.benchmarks.training_steps import THREAD_VARIABLES, environment, seconds

BATCH = 128
LAYERS = ((16, 32), (32, 16), (64, 8))


def ours(channels, size):
    """{name: (forward, backward)} for the two convolutions and the bare products."""
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

    return {"row by row": (lambda: fast.convolve(x, weight, None, 1, 1), rows_backward),
            "column matrix": (lambda: convolution.convolve(x, weight, None, 1, 1), matrix_backward),
            "products alone": products([(channels, channels, 3, 3, size, size, size, size)], BATCH)}


def products(layers, batch):
    """The matrix products of some convolutions and nothing else, forward and backward, as row by row does them.

    layers: (out, in, kh, kw, rows, cols, H, W) each. On all threads, every operand where the last one lay.
    """
    import numpy as np

    from feedbackalign.ops.fast import threads

    def each(work):
        def run():
            for layer in layers:
                rows = layer[4]
                threads.share_out(lambda part, layer=layer: work(part, *layer), threads.parts(rows))
        return run

    def matrices(a, b, c):
        return np.ones((a, b), np.float32), np.ones((b, c), np.float32), np.empty((a, c), np.float32)

    def up(part, out, inputs, kh, kw, rows, cols, H, W):
        kernel, band, shares = matrices(kw * out, kh * inputs, W * batch)
        for _ in part:
            np.matmul(kernel, band, out=shares)

    def down(part, out, inputs, kh, kw, rows, cols, H, W):
        kernel, band, shares = matrices(kw * inputs, kh * out, cols * batch)
        band_below, error, total = matrices(kh * inputs, cols * batch, out)
        for _ in part:
            np.matmul(kernel, band, out=shares)
            for _ in range(kw):
                np.matmul(band_below, error, out=total)

    return each(up), each(down)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()
    wanted = environment(arguments.threads, arguments.threads)
    if any(os.environ.get(name) != wanted[name] for name in (*THREAD_VARIABLES, "FEEDBACKALIGN_THREADS")):
        os.execve(sys.executable, [sys.executable, "-m", "tests.benchmarks.convolutions", *sys.argv[1:]], wanted)
    if not pytorch.AVAILABLE:
        print(pytorch.MISSING)
    print(f"3×3, batch {BATCH}, float32, threads: {arguments.threads}; milliseconds (ratio to row by row)")
    for channels, size in LAYERS:
        candidates = ours(channels, size)
        forward, backward = pytorch.convolution(channels, size, BATCH, arguments.threads)
        if forward is not None:
            candidates["PyTorch, eager"] = forward, backward
        for way, name in enumerate(("forward", "backward")):
            taken = {candidate: [] for candidate in candidates}
            for _ in range(arguments.rounds + 1):
                for candidate, functions in candidates.items():
                    taken[candidate].append(seconds(functions[way], 2))
            own = taken["row by row"][1:]
            cells = [f"{candidate} {1e3 * statistics.median(times[1:]):.1f} "
                     f"({statistics.median(a / b for a, b in zip(times[1:], own)):.2f})"
                     for candidate, times in taken.items()]
            print(f"{channels:>3} channels at {size}×{size}, {name:<9}", "   ".join(cells), flush=True)


if __name__ == "__main__":
    main()
