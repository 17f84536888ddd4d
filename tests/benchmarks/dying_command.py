"""The command line, made small and mortal for `kills`: python dying_command.py train --rule wm …

Figures are not drawn: they take longer than these runs, and no resumed run reads one. The runs of `figure mlp` are few
and short. Checkpoints are kept by every command, as they are where epochs are long. The environment may say where a
process kills itself:

    KILL_IN     "command" or "worker"
    KILL_AT     at which of its writes: a file of the output folder is opened or renamed
    KILL_AFTER  so many seconds later, inside the write perhaps
    KILLED      a file into which it writes the time before
    COUNT_IN    a file to which it appends how many writes this is
"""

import os
import signal
import sys
import threading
import time


def note(path, words):
    with open(path, "a") as file:
        file.write(words)


def die():
    note(os.environ["KILLED"], f"{time.time()}\n")
    os.kill(os.getpid(), signal.SIGKILL)


def watch_writes(folder):
    """Count the writes into the folder, and die at the one that is named."""
    me = "command" if __name__ == "__main__" else "worker"
    count, fatal = 0, int(os.environ["KILL_AT"]) if os.environ.get("KILL_IN") == me else None

    def hook(event, arguments):
        nonlocal count
        writes = event == "os.rename" or event == "open" and set(arguments[1] or "") & set("wax+")
        if writes and os.path.abspath(str(arguments[0])).startswith(folder):
            count += 1
            if "COUNT_IN" in os.environ:
                note(os.environ["COUNT_IN"], f"{me} {count}\n")
            if count == fatal:
                threading.Timer(float(os.environ["KILL_AFTER"]), die).start()

    sys.addaudithook(hook)


if "KILL_IN" in os.environ or "COUNT_IN" in os.environ:
    watch_writes(os.path.abspath(sys.argv[sys.argv.index("--out") + 1]))    # in the workers too: they import this file

if __name__ == "__main__":
    from feedbackalign import figures
    from feedbackalign.cli import commands
    from feedbackalign.figures.experiments.trained import Planned
    from feedbackalign.runs import sweep

    def planned_runs(scale):
        runs = sweep.plan(["bp", "wm"], seeds=2, hidden=(8,), epochs=8, batch_size=150)
        return [Planned(run, {}) for run in runs]

    commands.draw = lambda rows, folder, arguments: []
    figures.save = lambda drawn, path: path
    figures.TRAINED["mlp"] = (planned_runs, lambda rows: None)
    commands.FROM_FILES = ("digits",)
    sys.exit(commands.main(sys.argv[1:]))
