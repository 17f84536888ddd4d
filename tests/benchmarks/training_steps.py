"""What one training step costs, for every rule and route: python -m tests.benchmarks.training_steps

Three networks in float32: the MLP 784-512-512-10 and LeNet on 32×32 images at batch 64, ResNet-20 at batch 128. Every
candidate is timed against backprop in the same run, in turn (bp, candidate, bp, candidate …), and the table shows the
median time and the median of the ratios pair by pair: the machine may drift, the ratio holds. Where PyTorch is
installed its eager CPU step (same network, same SGD with momentum and decay, same number of threads) is timed against
backprop the same way.

    --threads N     threads of both sides (1 by default), each network in a process of its own: the matrix library's for
                    MLP and LeNet, for ResNet-20 the package's own (FEEDBACKALIGN_THREADS) and one of the library's
    --models a,b    only these networks
    --rules a,b     only these; names may carry a route: pfa:two-hop
    --pairs N       pairs timed per candidate (15; ResNet-20: 7)
"""

import argparse
import os
import statistics
import subprocess
import sys
import time

from tests.benchmarks import pytorch

CANDIDATES = ("fa", "dfa", "drtp", "usf", "brsf", "frsf", "kp:closed-form", "kp:explicit", "wm",
              "pfa:closed-form", "pfa-o:closed-form", "pfa-i:closed-form", "pfa:two-hop", "pfa:contracted", "wp", "np")
RESNET_CANDIDATES = ("fa", "dfa", "usf", "kp:closed-form", "pfa:closed-form", "pfa-o:closed-form", "pfa-i:closed-form",
                     "pfa:contracted")
THREAD_VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
BATCH = {"mlp": 64, "lenet": 64, "resnet20": 128}


def network_and_batch(model, rng):
    import numpy as np

    from feedbackalign import networks
    if model == "mlp":
        network = networks.mlp([784, 512, 512, 10], rng=rng)
    elif model == "lenet":
        network = networks.lenet_mnist(rng=rng)
    else:
        network = networks.resnet20(rng=rng)
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


def seconds(step, repeats):
    started = time.perf_counter()
    for _ in range(repeats):
        step()
    return (time.perf_counter() - started) / repeats


def in_pairs(base, candidate, pairs):
    """(median seconds of the candidate, median of candidate / base), the two timed in turn."""
    seconds(base, 3), seconds(candidate, 3)
    repeats_base = max(1, round(0.03 / seconds(base, 3)))
    repeats = max(1, round(0.03 / seconds(candidate, 2)))
    taken, ratios = [], []
    for _ in range(pairs):
        reference = seconds(base, repeats_base)
        taken.append(seconds(candidate, repeats))
        ratios.append(taken[-1] / reference)
    return statistics.median(taken), statistics.median(ratios)


def table(model, candidates, pairs, threads):
    from feedbackalign.rules import TABLE
    print(f"\n{model}, batch {BATCH[model]}, float32, {threads} thread{'s' if threads > 1 else ''}: one training step")
    print(f"{'rule':<22}{'ms':>8}{'ratio to bp':>14}")
    base = our_step(model, "bp")
    torch = pytorch.step(model, BATCH[model], threads)
    median, ratio = in_pairs(base, our_step(model, "bp"), pairs)
    print(f"{'bp':<22}{1e3 * median:>8.2f}{ratio:>14.2f}")
    if torch is None:
        print(pytorch.MISSING)
    else:
        median, ratio = in_pairs(base, torch, pairs)
        print(f"{'PyTorch, eager':<22}{1e3 * median:>8.2f}{ratio:>14.2f}    bp is {1 / ratio:.2f} × PyTorch")
    for candidate in candidates:
        if candidate.partition(":")[0] in TABLE:
            median, ratio = in_pairs(base, our_step(model, candidate), pairs)
            print(f"{candidate:<22}{1e3 * median:>8.2f}{ratio:>14.2f}", flush=True)


def environment(threads, own=0):
    """The environment of a process with that many threads in the matrix library, or `own` ones in the package."""
    library = {variable: str(1 if own else threads) for variable in THREAD_VARIABLES}
    return {**os.environ, **library, "FEEDBACKALIGN_THREADS": str(max(own, 1))}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rules")
    parser.add_argument("--models", default="mlp,lenet,resnet20")
    parser.add_argument("--pairs", type=int)
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)          # threads are set already
    arguments = parser.parse_args()
    for model in arguments.models.split(","):
        if not arguments.here:
            own = arguments.threads if model == "resnet20" else 0
            again = ["-m", "tests.benchmarks.training_steps", *sys.argv[1:], "--here", "--models", model]
            subprocess.run([sys.executable, *again], env=environment(arguments.threads, own), check=True)
            continue
        usual = RESNET_CANDIDATES if model == "resnet20" else CANDIDATES
        candidates = usual if arguments.rules is None else arguments.rules.split(",")
        table(model, candidates, arguments.pairs or (7 if model == "resnet20" else 15), arguments.threads)


if __name__ == "__main__":
    main()
