"""Kill commands, resume them, and compare: python -m tests.benchmarks.kills

Small runs of `train`, `compare` and a `figure` that trains are killed (SIGKILL): the command itself, a worker of it,
its other child (multiprocessing's resource tracker), or all at once, at a random moment; and the command or a worker at
one of its writes. Then the same line is called with --resume. What it leaves must be what an undisturbed run leaves,
but for times: every row, and every byte of every array of a checkpoint.

    --kills N       how many in all (198 by default)
    --at-once N     runs at the same time (4 by default)
    --seed N        of the moments
"""

import argparse
import concurrent.futures
import contextlib
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time
import typing

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
SMALL = ["--hidden", "8", "--batch-size", "150"]
LINES = {"train": ["train", "--rule", "wm", "--epochs", "12", "--checkpoint-every", "3", *SMALL],
         "compare": ["compare", "--rules", "bp,wm", "--seeds", "2", "--epochs", "8", "--jobs", "2", *SMALL],
         "figure": ["figure", "mlp", "--jobs", "2"]}
RESULTS = {"train": "record.jsonl", "compare": "summary.json", "figure": "mlp.json"}
KINDS = ("command", "worker", "other child", "all at once", "command, at a write", "worker, at a write")
PARTS = {"worker": "spawn_main", "other child": "resource_tracker"}             # of the command lines of processes
TIMES = ("seconds", "seconds_per_step")
ATTEMPTS = 20
PATIENCE = 60.0                     # seconds after which a command counts as hanging


class Whole(typing.NamedTuple):
    """An undisturbed run: how long it took, how often a process of each sort wrote, what the run left."""

    seconds: float
    writes: dict
    left: tuple


class Outcome(typing.NamedTuple):
    """What a kill led to."""

    is_same: bool                   # after --resume
    seconds: float                  # until all processes had ended
    left_over: int                  # processes that lived ten seconds longer
    told: str                       # on stderr


def start(command, folder, *more, **environment):
    """Start a command in a process group of its own."""
    line = [sys.executable, CHECKOUT / "tests" / "benchmarks" / "dying_command.py", *LINES[command], *more,
            "--out", folder / "out"]
    path = os.pathsep.join(filter(None, [str(CHECKOUT), os.environ.get("PYTHONPATH")]))
    with open(folder / "told", "w") as told:
        return subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=told, start_new_session=True,
                                env={**os.environ, "PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1", **environment})


def processes(group):
    """{pid: command line} of the processes in a group that have not ended."""
    listed = subprocess.run(["ps", "-A", "-ww", "-o", "pid=,pgid=,stat=,args="], capture_output=True, text=True,
                            check=True)
    lines = (line.split(None, 3) for line in listed.stdout.splitlines())
    return {int(pid): line for pid, pgid, stat, line in lines if int(pgid) == group and not stat.startswith("Z")}


def do_whole(command, folder):
    """Do a run undisturbed."""
    folder.mkdir()
    began, counts = time.monotonic(), folder / "counts"
    if start(command, folder, COUNT_IN=str(counts)).wait():
        raise RuntimeError(f"{command}: the undisturbed run failed: {(folder / 'told').read_text()}")
    seconds, writes = time.monotonic() - began, {}
    for line in counts.read_text().splitlines():
        who, count = line.split()
        writes[who] = max(writes.get(who, 0), int(count))
    return Whole(seconds, writes, left_in(folder / "out", command))


def left_in(folder, command):
    """What counts of what a command left: rows without their times, and the arrays of its checkpoint as bytes."""
    import numpy as np
    text = (folder / RESULTS[command]).read_text()
    rows = [json.loads(line) for line in text.splitlines()] if command == "train" else json.loads(text)["rows"]
    rows = [{key: value for key, value in row.items() if key not in TIMES} for row in rows]
    if command != "train":
        return rows, {}
    with np.load(folder / "checkpoint.npz") as held:
        return rows, {name: held[name].tobytes() for name in held.files if "/" in name}


def kill_and_resume(command, kind, undisturbed, rng, folder):
    """One kill, and the rest of the run: -> its Outcome. A run that ended before the moment came is done again."""
    who, at_a_write, _ = kind.partition(", at a write")
    for attempt in range(1, ATTEMPTS + 1):
        here = folder / str(attempt)
        here.mkdir(parents=True)
        if at_a_write:
            process = start(command, here, KILL_IN=who, KILL_AT=str(rng.randint(1, undisturbed.writes[who])),
                            KILL_AFTER=str(rng.choice([0, rng.uniform(0, 0.003)])), KILLED=str(here / "killed"))
        else:
            process = start(command, here)
            time.sleep(rng.uniform(0.2, 1.0) * undisturbed.seconds / attempt)
            kill(process, who, here / "killed")
        ended, left_over = end_of(process)
        if (here / "killed").exists():
            told = (here / "told").read_text()
            code = start(command, here, "--resume").wait()
            is_same = code == 0 and left_in(here / "out", command) == undisturbed.left
            killed = float((here / "killed").read_text().split()[0])        # a second worker may have died after it
            return Outcome(is_same, ended - killed, left_over, told)
    raise RuntimeError(f"{command}, {kind}: {ATTEMPTS} runs ended before they were killed")


def kill(process, who, killed):
    """Kill a process of the group, or the whole of it, and note the time; nothing where none is there any longer."""
    while process.poll() is None:
        chosen = [pid for pid, line in processes(process.pid).items() if PARTS.get(who, "") in line]
        chosen = {"command": [process.pid], "all at once": chosen}.get(who, chosen[:1])
        if chosen:
            killed.write_text(str(time.time()))
            for pid in chosen:
                os.kill(pid, signal.SIGKILL)
            return


def end_of(process):
    """Wait for the end of all processes of a command: -> (when, how many had to be ended)."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(PATIENCE)
    late = time.time() + 10
    while (alive := processes(process.pid)) and time.time() < late:
        time.sleep(0.1)
    ended = time.time()
    for pid in alive:
        os.kill(pid, signal.SIGKILL)
    process.wait()
    return ended, len(alive)


def table(outcomes):
    """{(command, kind): outcomes} as lines of Markdown."""
    yield "| killed | in | kills | resumed to the same | killed run named | ended after s, at most | left over |"
    yield "|---|---|---|---|---|---|---|"
    for (command, kind), some in outcomes.items():
        named = sum("killed, perhaps out of memory" in each.told and "--resume" in each.told for each in some)
        ended = "" if kind == "other child" else f"{max(each.seconds for each in some):.1f}"
        yield (f"| {kind} | `{command}` | {len(some)} | {sum(each.is_same for each in some)} | "
               f"{named if kind.startswith('worker') else ''} | {ended} | {sum(each.left_over for each in some)} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=198)
    parser.add_argument("--at-once", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    outcomes = {(command, kind): [] for command in LINES for kind in KINDS}
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        with concurrent.futures.ThreadPoolExecutor(arguments.at_once) as threads:
            wholes = dict(zip(LINES, threads.map(lambda command: do_whole(command, folder / command), LINES)))

            def one(number):
                command, kind = list(outcomes)[number % len(outcomes)]
                rng = random.Random(f"{arguments.seed} {number}")
                outcome = kill_and_resume(command, kind, wholes[command], rng, folder / str(number))
                outcomes[command, kind].append(outcome)
                print(f"{number + 1}  {command}, {kind}: {outcome.seconds:.1f} s",
                      "" if outcome.is_same else f"NOT THE SAME {outcome.told}", file=sys.stderr, flush=True)

            list(threads.map(one, range(arguments.kills)))
    print("\n".join(table(outcomes)))


if __name__ == "__main__":
    main()
