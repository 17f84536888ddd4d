"""What one update of a settling rule costs: python -m tests.benchmarks.settling_steps

Dense networks of clip(v/2, 0, 1) units and small convolutional ones, in float32, with random labels. Every candidate is
timed in turn with a backprop step of the same network (the machine may drift, the ratio holds); the table shows
milliseconds, the multiple of the backprop step, and the share of the time that goes into matrix products. That share is
measured by repeating the products of all phases alone, on arrays of their shapes; im2col and col2im of convolutions
count as overhead. `hep` and `hep-homeo` take their own phases (4 points, 80 free and 40 nudged steps, in float64 and
complex128); their share is not measured.

    --threads N     BLAS threads (1 by default); set before NumPy loads
    --model NAME    one of the table's, such as "conv 16-32, max pooling"; all by default
    --pairs N       pairs timed per candidate (9)
    --free, --nudged     steps of the phases (30 and 15)
    --settled X     residual at which a sample rests (0: all steps are taken); the share of products is then too high.
                    In training on convolutions `ep` has 120 and 60 steps at most and 0.01: `feedbackalign compare`
                    tells the time of its steps
"""

import argparse
import os
import sys

from tests.benchmarks.timing import at_least_1, THREAD_VARIABLES, in_pairs, seconds

BATCH = 64
MODELS = ("64-64-64-10", "784-512-512-10", "conv 8-16, max pooling", "conv 8-16, average pooling",
          "conv 16-32, max pooling")
RULES = ("one-sided", "symmetric", "untied, different", "untied, kolen-pollack", "hep", "hep-homeo")
HOLOMORPHIC = {"points": 4, "free_steps": 80, "nudged_steps": 40}           # the defaults of hep and hep-homeo


def network_and_batch(model, rng):
    import numpy as np

    from feedbackalign import layers, networks
    if model[0].isdigit():
        sizes = [int(size) for size in model.split("-")]
        network = networks.mlp(sizes, activation="soft-clip", rng=rng)
        x = rng.random((BATCH, sizes[0]), dtype=np.float32)
    else:
        pool = layers.MaxPool2d if "max" in model else layers.AvgPool2d
        low, high = map(int, model.split(",")[0].removeprefix("conv ").split("-"))
        network = networks.Network([
            layers.Conv2d(1, low, 3, padding=1, rng=rng), pool(2), layers.SoftClip(),
            layers.Conv2d(low, high, 3, padding=1, rng=rng), pool(2), layers.SoftClip(),
            layers.Flatten(), layers.Linear(4 * high, 10, rng=rng)], input_shape=(1, 8, 8))
        x = rng.random((BATCH, 1, 8, 8), dtype=np.float32)
    return network, x, rng.integers(0, 10, BATCH)


def our_step(model, candidate, phases):
    """A function that takes one training step of this candidate, and its rule."""
    import numpy as np

    from feedbackalign import optimizer, rules, training
    rng = np.random.default_rng(0)
    network, x, labels = network_and_batch(model, rng)
    if candidate == "bp":
        rule = rules.make("bp", network, rng=rng)
    elif candidate.startswith("untied"):
        rule = rules.make("ep-vf", network, rng=rng, update=candidate.split()[1], **phases)
    elif candidate in ("hep", "hep-homeo"):
        rule = rules.make(candidate, network, rng=rng, **HOLOMORPHIC)
    else:
        rule = rules.make("ep", network, rng=rng, estimator=candidate, **phases)
    sgd = optimizer.SGD(lr=1e-3, momentum=0.9, weight_decay=1e-4)
    return lambda: training.train_step(rule, sgd, x, labels), rule


def products_of(rule):
    """A function that does the matrix products of one update and nothing else, on arrays of the same shapes.

    (out, in) is multiplied with one column a sample and output position; going down, the transpose is.
    """
    import numpy as np

    from feedbackalign.layers import MaxPool2d

    def operands(layer, shape):
        columns = BATCH * int(np.prod(layer.output_shape(shape)[1:]))
        out, inputs = layer.weight.shape[0], layer.weight[0].size
        return (layer.weight.reshape(out, inputs), np.ones((inputs, columns), np.float32),
                np.ones((out, columns), np.float32))

    stages = [operands(stage.layer, stage.below_shape) for stage in rule.chain.stages]
    again = [isinstance(stage.pool, MaxPool2d) and rule.feedback() is not None for stage in rule.chain.stages]
    readout = operands(rule.chain.readout, (rule.chain.readout.weight.shape[1],))
    nudged_phases = 2 if rule.estimator == "symmetric" else 1

    def one_step(nudged):
        for (W, below, above), twice in zip(stages[1:], again[1:]):
            W @ below                                           # drive from below, and the winners of its pooling
            if twice:
                W @ below                                       # the winners of feedback weights of its own
            W.T @ above                                         # drive from above
        if nudged:
            W, below, above = readout
            W @ below, W.T @ above                              # answer, and its error's way back

    def update():
        for _ in range(1 + nudged_phases):
            W, below, _ = stages[0]
            W @ below                                           # the constant drive, once a phase
        for _ in range(rule.free_steps):
            one_step(nudged=False)
        for _ in range(nudged_phases * rule.nudged_steps):
            one_step(nudged=True)
        for _ in range(2):
            for _, below, above in [*stages, readout]:
                above @ below.T                                 # what is active at the two ends
    return update


def table(model, pairs, phases):
    import statistics
    print(f"\n{model}, batch {BATCH}, float32, {phases['free_steps']} free and {phases['nudged_steps']} nudged steps, "
          f"settled at {phases['settled']:g}")
    print(f"{'rule':<24}{'ms':>8}{'ratio to bp':>14}{'products':>11}")
    base, _ = our_step(model, "bp", phases)
    for candidate in RULES:
        if candidate.startswith("hep") and "max" in model:          # a maximum is not holomorphic
            continue
        step, rule = our_step(model, candidate, phases)
        median, ratio = in_pairs(base, step, pairs)
        if candidate.startswith("hep"):                             # complex phases: their products are not repeated
            print(f"{candidate:<24}{1e3 * median:>8.2f}{ratio:>14.1f}{'-':>11}", flush=True)
            continue
        products = products_of(rule)
        products()
        alone = statistics.median(seconds(products, 3) for _ in range(pairs))
        print(f"{candidate:<24}{1e3 * median:>8.2f}{ratio:>14.1f}{100 * alone / median:>10.0f}%", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--pairs", type=int, default=9)
    parser.add_argument("--free", type=int, default=30)
    parser.add_argument("--nudged", type=int, default=15)
    parser.add_argument("--model", choices=MODELS, metavar="NAME")
    parser.add_argument("--settled", type=float, default=0.0)
    arguments = parser.parse_args()
    at_least_1(parser, arguments, "threads", "pairs", "free", "nudged")
    if any(os.environ.get(variable) != str(arguments.threads) for variable in THREAD_VARIABLES):
        os.environ.update({variable: str(arguments.threads) for variable in THREAD_VARIABLES})
        os.execv(sys.executable, [sys.executable, "-m", "tests.benchmarks.settling_steps", *sys.argv[1:]])
    for model in [arguments.model] if arguments.model else MODELS:
        table(model, arguments.pairs, {"free_steps": arguments.free, "nudged_steps": arguments.nudged,
                                        "settled": arguments.settled})


if __name__ == "__main__":
    main()
