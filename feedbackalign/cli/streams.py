"""Where words go: standard output and standard error, be they closed, full, or without a reader.

A result that cannot be printed is an error. What is only news, on standard error, is left unsaid if it cannot be said.
"""

import contextlib
import os
import sys


def open_missing():
    """Open the null device for every standard stream that is closed: the next file would take its number.

    What is then printed there would land in that file.
    """
    for number, (name, mode) in enumerate([("stdin", "r"), ("stdout", "w"), ("stderr", "w")]):
        with contextlib.suppress(OSError):
            if is_closed(number):
                os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)        # takes the lowest number that is free
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))


def is_closed(number):
    """Whether no file has this number."""
    try:
        os.fstat(number)
    except OSError:
        return True
    return False


def say(text="", end="\n"):
    """Print on standard output, now; OSError, in one sentence, where that cannot be written to."""
    try:
        print(text, end=end, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        silence()
        raise OSError(f"standard output: cannot be written to ({error.strerror})") from error


def note(text):
    """Print on standard error, where that can be written to."""
    with contextlib.suppress(OSError, ValueError):
        print(text, file=sys.stderr, flush=True)


def silence():
    """Send the rest of standard output nowhere, so that Python does not try again when it ends."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
