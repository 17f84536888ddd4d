"""What one training step costs, for every rule and route: python -m tests.benchmarks.training_steps

Two networks in float32 at batch 64: the MLP 784-512-512-10 and LeNet on 32×32 images. Every candidate is timed against
backprop in the same run, in turn (bp, candidate, bp, candidate …), and the table shows the median time and the median
of the ratios pair by pair: the machine may drift, the ratio holds. Where PyTorch is installed its eager CPU step (same
network, same SGD with momentum and decay, same number of threads) is timed against backprop the same way.

    --threads N     BLAS and PyTorch threads (1 by default); set before NumPy loads
    --rules a,b     only these; names may carry a route: pfa:two-hop
    --pairs N       pairs timed per candidate
"""

import argparse
import os
import statistics
import sys
import time

CANDIDATES = ("fa", "dfa", "drtp", "usf", "brsf", "frsf", "kp:closed-form", "kp:explicit", "wm",
              "pfa:closed-form", "pfa-o:closed-form", "pfa-i:closed-form", "pfa:two-hop", "pfa:contracted", "wp", "np")
THREAD_VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
BATCH = 64


def network_and_batch(model, rng):
    import numpy as np

    from feedbackalign import networks
    if model == "mlp":
        network = networks.mlp([784, 512, 512, 10], rng=rng)
        x = rng.standard_normal((BATCH, 784), dtype=np.float32)
    else:
        network = networks.lenet_mnist(rng=rng)
        x = rng.standard_normal((BATCH, 1, 32, 32), dtype=np.float32)
    return network, x, rng.integers(0, 10, BATCH)


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


def torch_step(model, threads):
    """PyTorch's eager step on the same network, or None where it is not installed."""
    try:
        import torch
    except ImportError:
        return None
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    nn = torch.nn
    if model == "mlp":
        network = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10))
        x = torch.randn(BATCH, 784)
    else:
        network = nn.Sequential(nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(),
                                nn.MaxPool2d(2), nn.Conv2d(16, 120, 5), nn.ReLU(), nn.Flatten(),
                                nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10))
        x = torch.randn(BATCH, 1, 32, 32)
    labels = torch.randint(0, 10, (BATCH,))
    sgd = torch.optim.SGD(network.parameters(), lr=1e-3, momentum=0.9, weight_decay=1e-4)

    def step():
        sgd.zero_grad()
        loss = nn.functional.cross_entropy(network(x), labels)
        loss.backward()
        sgd.step()
        return loss.item()
    return step


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
    print(f"\n{model}, batch {BATCH}, float32, {threads} thread{'s' if threads > 1 else ''}: one training step")
    print(f"{'rule':<22}{'ms':>8}{'ratio to bp':>14}")
    base = our_step(model, "bp")
    torch = torch_step(model, threads)
    median, ratio = in_pairs(base, our_step(model, "bp"), pairs)
    print(f"{'bp':<22}{1e3 * median:>8.2f}{ratio:>14.2f}")
    if torch is not None:
        median, ratio = in_pairs(base, torch, pairs)
        print(f"{'PyTorch, eager':<22}{1e3 * median:>8.2f}{ratio:>14.2f}    bp is {1 / ratio:.2f} × PyTorch")
    for candidate in candidates:
        if candidate.partition(":")[0] in TABLE:
            median, ratio = in_pairs(base, our_step(model, candidate), pairs)
            print(f"{candidate:<22}{1e3 * median:>8.2f}{ratio:>14.2f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rules", default=",".join(CANDIDATES))
    parser.add_argument("--models", default="mlp,lenet")
    parser.add_argument("--pairs", type=int, default=15)
    arguments = parser.parse_args()
    if any(os.environ.get(variable) != str(arguments.threads) for variable in THREAD_VARIABLES):
        os.environ.update({variable: str(arguments.threads) for variable in THREAD_VARIABLES})
        os.execv(sys.executable, [sys.executable, "-m", "tests.benchmarks.training_steps", *sys.argv[1:]])
    for model in arguments.models.split(","):
        table(model, arguments.rules.split(","), arguments.pairs, arguments.threads)


if __name__ == "__main__":
    main()
