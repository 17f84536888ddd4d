"""What a layer of spike times costs, and how much memory it takes: python -m tests.benchmarks.spiking_steps

A layer 784 -> 400 (with the reference spike 785 -> 400) at batch 32 in float32: the first spikes, the local gradient
and the error at its inputs, in milliseconds beside a dense layer of that size, and the peak of what NumPy allocated.
The arrays (samples, out, in) of a whole batch would take 77 MB each in float64; the layer works on about CHUNK numbers
at a time instead, and the table shows other chunks beside its own.

    --threads N     BLAS threads (1 by default); set before NumPy loads
    --repeats N     of each measurement; the median is shown
"""

import argparse
import os
import statistics
import sys
import time
import tracemalloc

from tests.benchmarks.timing import THREAD_VARIABLES

BATCH, INPUTS, OUTPUTS = 32, 785, 400


def layers_with_a_batch():
    """{name: (layer, input, error at its output)}."""
    import numpy as np

    from feedbackalign.layers import Linear, SpikeTimes
    rng = np.random.default_rng(0)
    x, error = rng.random((BATCH, INPUTS), dtype=np.float32), rng.standard_normal((BATCH, OUTPUTS), dtype=np.float32)
    made = {"dense": Linear(INPUTS, OUTPUTS, rng=rng), "ramp": SpikeTimes(INPUTS, OUTPUTS, t_max=4.0, rng=rng),
            "alpha": SpikeTimes(INPUTS, OUTPUTS, t_max=4.0, kernel="alpha", rng=rng)}
    return {name: (layer, x, error) for name, layer in made.items()}


def passes(layer, x, error):
    """The three passes of a training step, in order."""
    return {"forward": lambda: layer.forward(x), "local": lambda: layer.local_gradients(error),
            "transport": lambda: layer.transport(error, layer.weight)}


def milliseconds(work, repeats):
    took = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        took.append(1e3 * (time.perf_counter() - began))
    return statistics.median(took)


def peak(works):
    """The most that was allocated at once during these, in MB."""
    tracemalloc.start()
    for work in works:
        work()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most / 2**20


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    if any(os.environ.get(variable) != str(arguments.threads) for variable in THREAD_VARIABLES):
        os.environ.update({variable: str(arguments.threads) for variable in THREAD_VARIABLES})
        os.execv(sys.executable, [sys.executable, "-m", "tests.benchmarks.spiking_steps", *sys.argv[1:]])
    from feedbackalign.ops import spikes

    own = spikes.CHUNK
    print(f"{INPUTS} -> {OUTPUTS}, batch {BATCH}, float32")
    print(f"{'layer':<8}{'chunk':>9}{'forward ms':>12}{'local ms':>10}{'transport ms':>14}{'peak MB':>9}")
    for name, case in layers_with_a_batch().items():
        for chunk in [own] if name != "ramp" else [2**16, own, 2**20, 2**24]:
            spikes.CHUNK = chunk
            works = passes(*case)
            took = [milliseconds(work, arguments.repeats) for work in works.values()]
            print(f"{name:<8}{chunk if name != 'dense' else '-':>9}{took[0]:>12.1f}{took[1]:>10.1f}{took[2]:>14.1f}"
                  f"{peak(works.values()):>9.0f}", flush=True)
    spikes.CHUNK = own


if __name__ == "__main__":
    main()
