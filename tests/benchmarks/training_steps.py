"""What one training step costs, for every rule and route: python -m tests.benchmarks.training_steps

Four networks in float32: 64-64-64-64-10 at batch 32, 784-512-512-10 and LeNet on 32×32 images at batch 64, ResNet-20 at
batch 128. Each side runs in a process of its own, for in one process the waiting threads of one library slow down the
other; all sides take their turn, A B C A B C …. The table shows each side's median, and the median over rounds of its
ratio to backprop in the same round: the machine may drift, the ratio holds. Where PyTorch is installed, its eager CPU
step (same network, same SGD with momentum and decay, same number of threads) is a side, with images in its usual order
in memory and channels last. `÷ bp` is a side's time in backprop steps of ours, `bp ÷ it` the other way round.

    --threads N     threads of both sides (1 by default): the matrix library's, for ResNet-20 the package's own
                    (FEEDBACKALIGN_THREADS) and one of the library's
    --models a,b    only these networks: digits, mlp, lenet, resnet20
    --rules a,b     only these of the table's, such as fa or pfa:two-hop, with its route
    --rounds N      how often every side takes its turn (3)
"""

import argparse

from tests.benchmarks import pytorch
from tests.benchmarks.timing import at_least_1, environment, in_turns, median_seconds

CANDIDATES = ("fa", "dfa", "drtp", "usf", "brsf", "frsf", "kp:closed-form", "kp:explicit", "wm",
              "pfa:closed-form", "pfa-o:closed-form", "pfa-i:closed-form", "pfa:two-hop", "pfa:contracted", "wp", "np")
RESNET_CANDIDATES = ("fa", "dfa", "usf", "kp:closed-form", "pfa:closed-form", "pfa-o:closed-form", "pfa-i:closed-form",
                     "pfa:contracted")
BATCH = {"digits": 32, "mlp": 64, "lenet": 64, "resnet20": 128}


def network_and_batch(model, rng):
    import numpy as np

    from feedbackalign import networks
    make = {"digits": lambda: networks.mlp([64, 64, 64, 64, 10], rng=rng),
            "mlp": lambda: networks.mlp([784, 512, 512, 10], rng=rng),
            "lenet": lambda: networks.lenet_mnist(rng=rng), "resnet20": lambda: networks.resnet20(rng=rng)}
    network = make[model]()
    x = rng.standard_normal((BATCH[model], *network.input_shape), dtype=np.float32)
    return network, x, rng.integers(0, 10, BATCH[model])


def our_step(model, candidate):
    """A function that takes one training step of this rule: "pfa:two-hop" or "fa"."""
    import numpy as np

    from feedbackalign import optimizer, rules, training
    name, _, route = candidate.partition(":")
    rng = np.random.default_rng(0)
    network, x, labels = network_and_batch(model, rng)
    rule = rules.make(name, network, rng=rng, **({"route": route} if route else {}))
    sgd = optimizer.SGD(lr=1e-3 * rule.learning_rate_factor, momentum=0.9, weight_decay=1e-4)
    return lambda: training.train_step(rule, sgd, x, labels)


def side_of(model, side, threads):
    """The arguments and environment of the Python in which this side takes its turn."""
    own = threads if model == "resnet20" and side not in pytorch.SIDES else 0
    arguments = ["-m", "tests.benchmarks.training_steps", "--models", model, "--threads", str(threads), "--side", side]
    return arguments, environment(threads, own)


def table(model, candidates, rounds, threads):
    print(f"\n{model}, batch {BATCH[model]}, float32, {threads} thread{'s' if threads > 1 else ''}: one training step")
    if not pytorch.AVAILABLE:
        print(pytorch.MISSING)
    sides = ["bp", *(pytorch.SIDES if pytorch.AVAILABLE else ()), *candidates]
    print(f"{'side':<24}{'ms':>9}{'÷ bp':>8}{'bp ÷ it':>10}")
    for side, (median, ratio) in in_turns({side: side_of(model, side, threads) for side in sides}, rounds).items():
        print(f"{side:<24}{1e3 * median:>9.3f}{ratio:>8.2f}{1 / ratio:>10.2f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rules")
    parser.add_argument("--models", default=",".join(BATCH))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--side", help=argparse.SUPPRESS)                               # one side's turn
    arguments = parser.parse_args()
    at_least_1(parser, arguments, "threads", "rounds")
    if unknown := set(arguments.models.split(",")) - BATCH.keys():
        parser.error(f"--models: expected some of {', '.join(BATCH)}, got {', '.join(sorted(unknown))}")
    if unknown := set((arguments.rules or "bp").split(",")) - {"bp", *CANDIDATES, *RESNET_CANDIDATES}:
        parser.error(f"--rules: expected some of {', '.join(CANDIDATES)}, got {', '.join(sorted(unknown))}")
    for model in arguments.models.split(","):
        if arguments.side in pytorch.SIDES:
            print(median_seconds(pytorch.step(model, BATCH[model], arguments.threads, arguments.side)))
        elif arguments.side:
            print(median_seconds(our_step(model, arguments.side)))
        else:
            usual = RESNET_CANDIDATES if model == "resnet20" else CANDIDATES
            candidates = usual if arguments.rules is None else arguments.rules.split(",")
            table(model, [rule for rule in candidates if rule != "bp"], arguments.rounds, arguments.threads)


if __name__ == "__main__":
    main()
