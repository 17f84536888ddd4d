"""Peak resident memory of a ResNet-20 step at batch 128: python -m tests.benchmarks.memory

Each side takes a few steps in a process of its own and says how large that process has been at most. PyTorch where it
is installed.

    --threads N     threads of both sides (2 by default)
    --rules a,b     rules of ours (bp,pfa)
"""

import argparse
import resource
import subprocess
import sys

from tests.benchmarks import pytorch
from tests.benchmarks.timing import at_least_1, environment
from tests.benchmarks.training_steps import BATCH, our_step

STEPS = 3


def peak(side, threads):
    """Megabytes at most, after some steps of PyTorch or of one of our rules; for the process that this runs in."""
    if side in pytorch.SIDES:
        step = pytorch.step("resnet20", BATCH["resnet20"], threads, side)
    else:
        step = our_step("resnet20", side)
    for _ in range(STEPS):
        step()
    unit = 2**20 if sys.platform == "darwin" else 2**10                         # bytes there, kilobytes here
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rules", default="bp,pfa")
    parser.add_argument("--side", help=argparse.SUPPRESS)                       # measure this one, here
    arguments = parser.parse_args()
    at_least_1(parser, arguments, "threads")
    if arguments.side:
        print(f"{arguments.side:<22}{peak(arguments.side, arguments.threads):>8.0f} MB")
        return
    print(f"resnet20, batch {BATCH['resnet20']}, float32, threads: {arguments.threads}; peak resident memory")
    if not pytorch.AVAILABLE:
        print(pytorch.MISSING)
    for side in (*arguments.rules.split(","), *(pytorch.SIDES if pytorch.AVAILABLE else ())):
        own = 0 if side in pytorch.SIDES else arguments.threads
        subprocess.run([sys.executable, "-m", "tests.benchmarks.memory", "--side", side, "--threads",
                        str(arguments.threads)], env=environment(arguments.threads, own), check=True)


if __name__ == "__main__":
    main()
