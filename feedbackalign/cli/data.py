"""The command of the data sets: `feedbackalign data`, and `data fetch`, which downloads."""

import contextlib
import sys
import time

from feedbackalign.cli.arguments import UsageError
from feedbackalign.cli.folders import writable_folder
from feedbackalign.cli.streams import say
from feedbackalign.data import LOADERS
from feedbackalign.rules.option_help import docstring
from feedbackalign.validation import require_known

REDRAW_EVERY = 0.2                  # seconds between two numbers on a terminal


def data(arguments):
    """List the data sets, or fetch one of them into a folder."""
    if arguments.action is None:
        for name, load in LOADERS.items():
            say(f"{name:16}{docstring(load).splitlines()[0]}")
        return
    from feedbackalign.data import fetch            # no other command needs the modules of the network
    if arguments.action != "fetch":
        meant = f": did you mean data fetch {arguments.action} --to DIR?" if arguments.action in fetch.SOURCES else ""
        raise UsageError(f"data: expected fetch, or nothing, got {arguments.action!r}{meant}")
    if arguments.name is None or arguments.to is None:
        raise UsageError(f"data fetch: expected one of {', '.join(fetch.SOURCES)} and --to DIR")
    try:
        require_known(arguments.name, fetch.SOURCES, "data set to fetch")
        mirrors = None if arguments.mirror is None else [fetch.checked_mirror(arguments.mirror, "--from")]
    except ValueError as error:
        raise UsageError(str(error)) from error
    folder = writable_folder(arguments.to)
    with Counter(sys.stderr) as counter:
        fetch.fetch(arguments.name, folder, mirrors=mirrors, say=counter.say, progress=counter.progress)
    say(f"Written to {folder}\n    feedbackalign train --rule pfa --data {arguments.name} --data-dir {folder}")


class Counter:
    """Prints lines, and on a terminal the number of bytes so far, in a line that is drawn again and again.

    >>> with Counter(sys.stdout) as counter:                    # no terminal
    ...     counter.progress("train-images", 1_500_000, 9_900_000)
    ...     counter.say("train-images: 9,900,000 bytes")
    train-images: 9,900,000 bytes
    """

    def __init__(self, stream, clock=time.monotonic):
        self.stream, self.clock, self.drawn_at, self.width = stream, clock, None, 0

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.erase()

    def say(self, line):
        self.erase()
        self.write(line + "\n")

    def progress(self, name, count, total):
        now = self.clock()
        if not self.stream.isatty() or (self.drawn_at is not None and now < self.drawn_at + REDRAW_EVERY):
            return
        self.drawn_at = now
        of_all = f" of {total / 1e6:.1f}" if total else ""
        line = f"{name}: {count / 1e6:.1f}{of_all} MB"
        self.write("\r" + line.ljust(self.width))
        self.width = len(line)

    def erase(self):
        if self.width:
            self.write("\r" + " " * self.width + "\r")
            self.width = 0

    def write(self, text):
        with contextlib.suppress(OSError, ValueError):              # no reader any longer
            self.stream.write(text)
            self.stream.flush()
