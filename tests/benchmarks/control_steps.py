"""What one update of deep feedback control costs: python -m tests.benchmarks.control_steps

Dense tanh networks in float32. Every candidate is timed in turn with a backprop step of the same network (the machine
may drift, the ratio holds); the table shows milliseconds, the multiple of the backprop step, and the share of the time
that goes into matrix products, which is measured by repeating those products alone on arrays of their shapes. `dfc` and
`dfc-ss` are simulated for --steps Euler steps; `asleep` is one sleep phase of 40 steps with its update of Q, which
every training step has besides.

    --threads N     BLAS threads (1 by default); set before NumPy loads
    --pairs N       pairs timed per candidate
    --steps N       Euler steps of a simulation (300)
"""

import argparse
import os
import statistics
import sys

from tests.benchmarks.timing import THREAD_VARIABLES, in_pairs, seconds

BATCH = 64
MODELS = ("64-64-64-10", "784-512-512-10", "64-32-8-32-64")
CANDIDATES = ("dfc-ssa", "dfc-ss", "dfc", "asleep")


def our_step(model, candidate, steps):
    """A function that takes one update of this candidate, and its rule."""
    import numpy as np

    from feedbackalign import networks, optimizer, rules, training
    rng = np.random.default_rng(0)
    sizes = [int(size) for size in model.split("-")]
    network = networks.mlp(sizes, activation="tanh", rng=rng)
    x = rng.random((BATCH, sizes[0]), dtype=np.float32)
    labels = rng.integers(0, sizes[-1], BATCH)
    sgd = optimizer.SGD(lr=1e-3, momentum=0.9, weight_decay=1e-4)
    if candidate == "bp":
        rule = rules.make("bp", network, rng=rng)
    elif candidate == "asleep":
        rule = rules.make("dfc-ssa", network, rng=rng)
        return lambda: rule.sleep(x), rule
    else:
        simulated = {"control_steps": steps} if candidate != "dfc-ssa" else {}
        rule = rules.make(candidate, network, rng=rng, sleep_updates=0, **simulated)
    return lambda: training.train_step(rule, sgd, x, labels), rule


def products_of(rule, candidate, steps):
    """A function that does the matrix products of one update and nothing else, on arrays of the same shapes."""
    import numpy as np

    weights = [stage.layer.weight for stage in rule.stages]
    rates = [np.ones((BATCH, W.shape[1]), np.float32) for W in weights]         # what comes into every layer
    pushes = [np.ones((BATCH, W.shape[0]), np.float32) for W in weights]
    Q = np.concatenate(rule.arrays())
    units, out = Q.shape
    u, all_units = np.ones((BATCH, out), np.float32), np.ones((BATCH, units), np.float32)
    J = np.ones((BATCH, out, units), np.float32)
    backs = [np.ones((BATCH, out, W.shape[0]), np.float32) for W in weights]
    system = np.eye(out, dtype=np.float32) + np.zeros((BATCH, out, out), np.float32)

    def forward(from_layer=0):
        for W, r in list(zip(weights, rates))[from_layer:]:
            r @ W.T

    def learning(from_layer=0):
        for push, r in list(zip(pushes, rates))[from_layer:]:
            push.T @ r

    def update():
        forward()                                               # the feedforward state
        if candidate == "dfc-ssa":
            for back, W in zip(backs[1:], weights[1:]):
                back @ W                                        # the Jacobians
            J @ Q
            np.linalg.solve(system, u[..., None])
            u @ Q.T
            forward()                                           # with the push
        else:
            for _ in range(40 if candidate == "asleep" else steps):
                u @ Q.T
                forward(from_layer=1)
                if candidate == "asleep":
                    all_units.T @ u
                if candidate == "dfc":
                    learning(from_layer=1)
        if candidate != "asleep":
            learning()
    return update


def table(model, pairs, steps):
    print(f"\n{model}, batch {BATCH}, float32, {steps} Euler steps")
    print(f"{'rule':<12}{'ms':>8}{'ratio to bp':>14}{'products':>11}")
    base, _ = our_step(model, "bp", steps)
    for candidate in CANDIDATES:
        step, rule = our_step(model, candidate, steps)
        median, ratio = in_pairs(base, step, pairs)
        products = products_of(rule, candidate, steps)
        products()
        alone = statistics.median(seconds(products, 3) for _ in range(pairs))
        print(f"{candidate:<12}{1e3 * median:>8.2f}{ratio:>14.1f}{100 * alone / median:>10.0f}%", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--pairs", type=int, default=9)
    parser.add_argument("--steps", type=int, default=300)
    arguments = parser.parse_args()
    if any(os.environ.get(variable) != str(arguments.threads) for variable in THREAD_VARIABLES):
        os.environ.update({variable: str(arguments.threads) for variable in THREAD_VARIABLES})
        os.execv(sys.executable, [sys.executable, "-m", "tests.benchmarks.control_steps", *sys.argv[1:]])
    for model in MODELS:
        table(model, arguments.pairs, arguments.steps)


if __name__ == "__main__":
    main()
