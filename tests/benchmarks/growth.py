"""How a residual network's step grows with batch, depth and width: python -m tests.benchmarks.growth

Backprop steps in float32 on 32×32 images, and beside each the matrix products of the same step without anything else
(the convolutions', as the row-by-row code does them, on operands that lie ready): how far it is to the limit of this
design. Both are timed in turn; medians, and the median of the products' share.

    --threads N     the package's threads (1 by default); the matrix library has one
    --rounds N      how often each is timed
"""

import argparse
import os
import statistics
import sys

from tests.benchmarks.convolutions import products
from tests.benchmarks.timing import at_least_1, THREAD_VARIABLES, environment, seconds

USUAL = {"batch": 128, "depth": 20, "width": 16}
TRIED = ({"batch": 32}, {"batch": 64}, {}, {"batch": 256}, {"depth": 32}, {"depth": 44}, {"depth": 56}, {"width": 8},
         {"width": 32})


def network_of(depth, width):
    """The residual network of this depth with width, 2·width and 4·width channels in its three stages."""
    import numpy as np

    from feedbackalign import layers
    from feedbackalign.networks import Network
    from feedbackalign.networks.residual import basic_block
    make = {"rng": np.random.default_rng(0), "dtype": np.float32}
    stack = [layers.Conv2d(3, width, 3, padding=1, bias=False, **make), layers.BatchNorm2d(width), layers.ReLU()]
    inputs = width
    for outputs, stride in ((width, 1), (2 * width, 2), (4 * width, 2)):
        for block in range((depth - 2) // 6):
            stack += basic_block(inputs, outputs, stride if block == 0 else 1, **make)
            inputs = outputs
    return Network([*stack, layers.GlobalAvgPool2d(), layers.Linear(inputs, 10, **make)], input_shape=(3, 32, 32))


def measure(batch, depth, width, rounds):
    """Median seconds of the step and of its products, and the products' share."""
    import numpy as np

    from feedbackalign import optimizer, rules, training
    network = network_of(depth, width)
    rng = np.random.default_rng(1)
    x, labels = rng.standard_normal((batch, 3, 32, 32), dtype=np.float32), rng.integers(0, 10, batch)
    rule, sgd = rules.make("bp", network), optimizer.SGD(1e-3, momentum=0.9, weight_decay=1e-4)
    convolutions = [(*layer.weight.shape, *network.shapes[layer.name][1][1:], *network.shapes[layer.name][0][1:])
                    for layer in network.weighted_layers() if layer.weight.ndim == 4]
    up, down = products(convolutions, batch)

    def alone():
        up()
        down()

    times = [(seconds(lambda: training.train_step(rule, sgd, x, labels), 1), seconds(alone, 1))
             for _ in range(rounds + 1)][1:]
    step, bare = (statistics.median(side) for side in zip(*times))
    return step, bare, statistics.median(bare / step for step, bare in times)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    at_least_1(parser, arguments, "threads", "rounds")
    wanted = environment(arguments.threads, arguments.threads)
    if any(os.environ.get(name) != wanted[name] for name in (*THREAD_VARIABLES, "FEEDBACKALIGN_THREADS")):
        os.execve(sys.executable, [sys.executable, "-m", "tests.benchmarks.growth", *sys.argv[1:]], wanted)
    print(f"bp, float32, threads: {arguments.threads}")
    print(f"{'batch':>6}{'depth':>7}{'width':>7}{'step ms':>10}{'products ms':>13}{'share':>8}{'ms a sample':>13}")
    for change in TRIED:
        tried = USUAL | change
        step, bare, share = measure(**tried, rounds=arguments.rounds)
        print(f"{tried['batch']:>6}{tried['depth']:>7}{tried['width']:>7}{1e3 * step:>10.0f}{1e3 * bare:>13.0f}"
              f"{100 * share:>7.0f}%{1e3 * step / tried['batch']:>13.2f}", flush=True)


if __name__ == "__main__":
    main()
