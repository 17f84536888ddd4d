"""What solving for a step costs: python -m tests.benchmarks.implicit_steps

Two tables. One solve of one layer, at several batches: how large the smaller matrix is, milliseconds, and the multiple
of that layer's gradient, one matrix product. Whole steps of dense ReLU networks in float32, each timed in turn with a
backprop step of the same network (the machine may drift, the ratio holds).

    --threads N     BLAS threads (1 by default); set before NumPy loads
    --pairs N       pairs timed per candidate
"""

import argparse
import os
import sys

from tests.benchmarks.timing import THREAD_VARIABLES, in_pairs

BATCHES = (32, 512)
LAYERS = ((64, 64), (784, 400))                             # inputs, outputs
MODELS = ("64-64-64-10", "784-400-10")
CANDIDATES = ("consequentialism", "proxprop", "semi-implicit")


def solves(pairs):
    import numpy as np

    from feedbackalign.rules.implicit.solve import amended
    print(f"one solve\n{'layer':<12}{'batch':>6}{'matrix':>8}{'ms':>9}{'ratio to its gradient':>24}")
    rng = np.random.default_rng(0)
    for inputs, outputs in LAYERS:
        for batch in BATCHES:
            X, R = rng.normal(size=(batch, inputs + 1)), rng.normal(size=(batch, outputs))
            median, ratio = in_pairs(lambda X=X, R=R: R.T @ X, lambda X=X, R=R: amended(X, R, 1.0), pairs)
            print(f"{f'{inputs}-{outputs}':<12}{batch:>6}{min(batch, inputs + 1):>8}{1e3 * median:>9.2f}"
                  f"{ratio:>24.1f}", flush=True)


def steps(model, batch, pairs):
    import numpy as np

    from feedbackalign import networks, optimizer, rules, training
    sizes = [int(size) for size in model.split("-")]

    def step_of(name):
        rng = np.random.default_rng(0)
        rule = rules.make(name, networks.mlp(sizes, rng=rng), rng=rng)
        x, labels = rng.random((batch, sizes[0]), dtype=np.float32), rng.integers(0, sizes[-1], batch)
        sgd = optimizer.SGD(lr=1e-3)
        return lambda: training.train_step(rule, sgd, x, labels)
    for candidate in CANDIDATES:
        median, ratio = in_pairs(step_of("bp"), step_of(candidate), pairs)
        print(f"{model:<14}{batch:>6}  {candidate:<18}{1e3 * median:>9.2f}{ratio:>14.1f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--pairs", type=int, default=15)
    arguments = parser.parse_args()
    if any(os.environ.get(variable) != str(arguments.threads) for variable in THREAD_VARIABLES):
        os.environ.update({variable: str(arguments.threads) for variable in THREAD_VARIABLES})
        os.execv(sys.executable, [sys.executable, "-m", "tests.benchmarks.implicit_steps", *sys.argv[1:]])
    solves(arguments.pairs)
    print(f"\n{'network':<14}{'batch':>6}  {'rule':<18}{'ms':>9}{'ratio to bp':>14}")
    for model in MODELS:
        for batch in BATCHES:
            steps(model, batch, arguments.pairs)


if __name__ == "__main__":
    main()
