"""What one step of a flow of matrices costs: python -m tests.benchmarks.flow_steps

Forward and backward of `MatrixFlow`, batch 64, float32, in microseconds for each of its steps. `in the map` is the
share of the time in which skew matrices become orthogonal ones and back, measured by repeating that alone. Every row is
timed in turn with a `Constant` matrix of the same size, which moves the state alike and has neither a field nor a map;
the last column is their ratio.

    --threads N     BLAS threads (1 by default); set before NumPy loads
    --pairs N       pairs timed per row
    --widths D …    of the state
"""

import argparse
import os
import statistics
import sys

from tests.benchmarks.timing import THREAD_VARIABLES, in_pairs, seconds

BATCH, STEPS = 64, 10
ROWS = [(flow, map) for flow in ("iso", "gated", "free-time") for map in ("exp", "cayley")]


def passes(kind, d, **options):
    """A layer, and a function that takes one forward and one backward pass through it."""
    import numpy as np

    rng = np.random.default_rng(0)
    layer = kind(d, STEPS, rng=rng, **options)
    x, error = rng.normal(size=(2, BATCH, d)).astype(np.float32)

    def once():
        layer.forward(x)
        layer.backward(error)
    once()
    return layer, once


def maps_of(layer):
    """A function that does all maps and adjoints of one pass, and nothing else."""
    from feedbackalign.layers.flows import MAPS

    turn, adjoint = MAPS[layer.map]
    skews = [layer.h * (M - M.T) for M, *_ in layer.turns]

    def alone():
        for A in skews:
            E, *memory = turn(A)
            adjoint(E, *memory)
    return alone


def table(d, pairs):
    from feedbackalign.layers import MatrixFlow
    from feedbackalign.rules.flows.controls import Constant

    print(f"\nd = {d}, batch {BATCH}, float32, {STEPS} steps")
    print(f"{'flow':<12}{'map':<8}{'µs a step':>10}{'in the map':>12}{'÷ constant W':>14}")
    _, base = passes(Constant, d)
    for flow, map in ROWS:
        layer, once = passes(MatrixFlow, d, flow=flow, map=map)
        median, ratio = in_pairs(base, once, pairs)
        alone = statistics.median(seconds(maps_of(layer), 3) for _ in range(pairs))
        share = 100 * alone / median
        print(f"{flow:<12}{map:<8}{1e6 * median / STEPS:>10.0f}{share:>11.0f}%{ratio:>14.1f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--pairs", type=int, default=15)
    parser.add_argument("--widths", type=int, nargs="+", default=[16, 64])
    arguments = parser.parse_args()
    if any(os.environ.get(variable) != str(arguments.threads) for variable in THREAD_VARIABLES):
        os.environ.update({variable: str(arguments.threads) for variable in THREAD_VARIABLES})
        os.execv(sys.executable, [sys.executable, "-m", "tests.benchmarks.flow_steps", *sys.argv[1:]])
    for d in arguments.widths:
        table(d, arguments.pairs)


if __name__ == "__main__":
    main()
