"""What persistence costs: python -m tests.benchmarks.persistence

Every line is the median over --repeats of the processor's time, which a busy machine changes little, and the peak of
what NumPy allocates meanwhile (a 784 × 512 × 512 temporary would be 1.6 GB). The limits are those that the package is
held to on one thread.

    --threads N     BLAS threads (1 by default); set before NumPy loads
    --repeats N     timed runs of every line
"""

import argparse
import os
import statistics
import sys
import time
import tracemalloc

from tests.benchmarks.timing import THREAD_VARIABLES


def candidates():
    """[(what, limit in seconds or None, function)]."""
    import numpy as np

    from feedbackalign import networks, persistence
    rng = np.random.default_rng(0)
    square = rng.normal(size=(512, 512))
    network = networks.mlp([784, 512, 512, 10], rng=rng)
    weights = [layer.weight for layer in network.weighted_layers()]
    graphs = persistence.activation_graphs([rng.normal(size=(50, 64)), rng.normal(size=(50, 50)),
                                            rng.normal(size=(10, 50))],
                                           [rng.normal(size=(20, inputs)) for inputs in (64, 50, 50)])
    return [("tree of 512×512, Prim", 0.015, lambda: persistence.mst_weights(square)),
            ("tree of 512×512, Kruskal", None, lambda: persistence.mst_weights_kruskal(square)),
            ("DGP of 784-512-512-10", 0.1, lambda: persistence.deep_graph_persistence(weights)),
            ("a row of 784-512-512-10", None, lambda: persistence.persistence_row(network, epoch=1)),
            ("dgp_var of 20 samples, 64-50-50-10", None, lambda: persistence.dgp_witness(graphs, standardise=True))]


def measured(function, repeats):
    """Median seconds, and the peak of memory in MB."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        function()
        times.append(time.process_time() - start)
    tracemalloc.start()
    function()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return statistics.median(times), peak / 2**20


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=9)
    arguments = parser.parse_args()
    if any(os.environ.get(variable) != str(arguments.threads) for variable in THREAD_VARIABLES):
        os.environ.update({variable: str(arguments.threads) for variable in THREAD_VARIABLES})
        os.execv(sys.executable, [sys.executable, "-m", "tests.benchmarks.persistence", *sys.argv[1:]])
    print(f"{'':<38}{'ms':>9}{'limit':>9}{'peak MB':>9}")
    for what, limit, function in candidates():
        seconds, peak = measured(function, arguments.repeats)
        print(f"{what:<38}{1e3 * seconds:>9.1f}{f'{1e3 * limit:.0f}' if limit else '-':>9}{peak:>9.1f}", flush=True)


if __name__ == "__main__":
    main()
