"""How the benchmarks take time: threads, medians, and sides that take their turn."""

import os
import statistics
import subprocess
import sys
import time

THREAD_VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
SLOWING = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")     # where they are set, products take longer than they need to
SECONDS = 2             # that one side is timed for in one turn


def at_least_1(parser, arguments, *names):
    """Refuse what is no number of threads, rounds or pairs."""
    for name in names:
        if getattr(arguments, name) < 1:
            parser.error(f"--{name}: expected an integer of at least 1, got {getattr(arguments, name)}")


def environment(threads, own=0):
    """The environment of a process with that many threads in the matrix library, or `own` ones in the package."""
    library = {variable: str(1 if own else threads) for variable in THREAD_VARIABLES}
    kept = {name: value for name, value in os.environ.items() if name not in SLOWING}
    return {**kept, **library, "FEEDBACKALIGN_THREADS": str(max(own, 1))}


def seconds(step, repeats):
    """Seconds of one step, the mean of these repeats."""
    started = time.perf_counter()
    for _ in range(repeats):
        step()
    return (time.perf_counter() - started) / repeats


def median_seconds(step):
    """Seconds of one step, the median over pieces of SECONDS, after a few that do not count; memory as in training."""
    from feedbackalign.training.memory import keep_freed_memory
    keep_freed_memory()
    seconds(step, 3)
    repeats = max(1, round(SECONDS / 20 / seconds(step, 2)))
    started, pieces = time.perf_counter(), []
    while len(pieces) < 3 or time.perf_counter() - started < SECONDS:
        pieces.append(seconds(step, repeats))
    return statistics.median(pieces)


def in_pairs(base, candidate, pairs):
    """(median seconds of the candidate, median of candidate / base), the two timed in turn, in this process."""
    seconds(base, 3), seconds(candidate, 3)
    repeats_base = max(1, round(0.03 / seconds(base, 3)))
    repeats = max(1, round(0.03 / seconds(candidate, 2)))
    taken, ratios = [], []
    for _ in range(pairs):
        reference = seconds(base, repeats_base)
        taken.append(seconds(candidate, repeats))
        ratios.append(taken[-1] / reference)
    return statistics.median(taken), statistics.median(ratios)


def in_turns(sides, rounds):
    """{side: (median number, median of its ratio to the first side's in the same round)}, A B C A B C …

    sides: {name: (arguments, environment)} of one Python each, which prints one number. Every turn is a process of its
    own: the threads of two libraries in one process wait for each other, and slow both down.
    """
    taken = {side: [] for side in sides}
    for _ in range(rounds):
        for side, (arguments, variables) in sides.items():
            done = subprocess.run([sys.executable, *arguments], env=variables, check=True, stdout=subprocess.PIPE)
            taken[side].append(float(done.stdout))
    first = next(iter(taken.values()))
    return {side: (statistics.median(numbers), statistics.median(one / base for one, base in zip(numbers, first)))
            for side, numbers in taken.items()}
