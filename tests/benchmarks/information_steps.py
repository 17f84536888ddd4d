"""What one update of CorInfoMax costs: python -m tests.benchmarks.information_steps

Batches of 20, 30 free and 10 nudged sweeps, in float32, each timed in turn with a backprop step of the same network;
then the three updates of lateral weights alone, and the growth of a process over 300 steps.

    --threads N     BLAS threads (1 by default); set before NumPy loads
    --pairs N       pairs timed
"""

import argparse
import os
import sys

from tests.benchmarks.timing import THREAD_VARIABLES, in_pairs, seconds

BATCH = 20
SIZES = ([64, 100, 10], [784, 500, 10], [512, 512, 512, 10])


def step_of(rule_name, sizes):
    import numpy as np

    from feedbackalign import networks, optimizer, rules, training
    rng = np.random.default_rng(0)
    network = networks.mlp(sizes, activation="hard-sigmoid", loss="squared-error", bias=False, rng=rng)
    rule = rules.make(rule_name, network, rng=rng)
    x, labels = rng.random((BATCH, sizes[0]), dtype=np.float32), rng.integers(0, 10, BATCH)
    sgd = optimizer.SGD(lr=1e-3)
    return lambda: training.train_step(rule, sgd, x, labels)


def lateral_updates(n=512):
    """{update: milliseconds} of an n × n matrix."""
    import statistics

    import numpy as np

    from feedbackalign.rules.information import lateral
    rng = np.random.default_rng(0)
    B, X = np.eye(n), rng.random((BATCH, n))
    tried = {"paper": lambda: lateral.paper(B, X, 0.99999), "rank1": lambda: lateral.rank1(B, X[:1], 0.99999),
             "woodbury": lambda: lateral.woodbury(B, X, 0.99999), "inverse": lambda: np.linalg.inv(B)}
    return {name: 1e3 * statistics.median(seconds(update, 3) for _ in range(7)) for name, update in tried.items()}


def growth(steps=300):
    """Megabytes that the process grows by in so many steps, after the first ten."""
    import resource
    step = step_of("corinfomax", SIZES[-1])
    for _ in range(10):
        step()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(steps):
        step()
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--pairs", type=int, default=9)
    arguments = parser.parse_args()
    if any(os.environ.get(variable) != str(arguments.threads) for variable in THREAD_VARIABLES):
        os.environ.update({variable: str(arguments.threads) for variable in THREAD_VARIABLES})
        os.execv(sys.executable, [sys.executable, "-m", "tests.benchmarks.information_steps", *sys.argv[1:]])
    print(f"{'corinfomax, batch 20':<24}{'ms':>8}{'ratio to bp':>14}")
    for sizes in SIZES:
        median, ratio = in_pairs(step_of("bp", sizes), step_of("corinfomax", sizes), arguments.pairs)
        print(f"{'-'.join(map(str, sizes)):<24}{1e3 * median:>8.2f}{ratio:>14.1f}", flush=True)
    print("lateral weights, 512 neurons, ms:", {name: round(value, 2) for name, value in lateral_updates().items()})
    print(f"growth over 300 steps: {growth():.1f} MB")


if __name__ == "__main__":
    main()
