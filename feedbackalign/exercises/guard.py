"""Run a student's function safely: a limit on time, a limit on what it prints, and no traceback.

The time limit counts seconds of computing, not of waiting, so that a breakpoint inside the function may last.
"""

import _thread
import contextlib
import io
import os
import pathlib
import re
import signal
import sys
import sysconfig
import threading
import time
import traceback
import types
import warnings

PRINTED = 2000              # characters that are shown of what a function prints
SHOWN = 200                 # and of an error's text, or of a line
LOOK = 0.02                 # seconds between two looks at the clock
AGAIN = 0.2                 # and until the next interrupt, in case the first is caught
LIBRARIES = {pathlib.Path(__file__).parents[1], *(pathlib.Path(sysconfig.get_path(name)) for name in
                                                  ("stdlib", "platstdlib", "purelib", "platlib"))}

_watcher = None


class TookTooLong(BaseException):
    """Raised inside a function that does not end; no Exception, so that `except Exception` does not catch it."""


class Failed(Exception):
    """Why a function gave no answer, as the end of a sentence that begins with "your function"."""


def call(function, seconds):
    """The function's answer; Failed if it raises, ends the program or never ends. NotImplementedError passes."""
    try:
        with time_limit(seconds), warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)         # a division by zero shows in the answer
            return function()
    except (NotImplementedError, KeyboardInterrupt):
        raise
    except TookTooLong:
        raise Failed(f"was still computing after {seconds:g} seconds: is there a loop that never ends?") from None
    except SystemExit:
        raise Failed("ended the program (exit or quit): it should return its answer") from None
    except BaseException as error:
        raise Failed(in_words(error)) from None


def in_words(error):
    """raised ValueError (…) in line 3, `e @ W`: and the usual reason."""
    try:
        text = str(error.msg if isinstance(error, SyntaxError) else error)
    except Exception:                                               # an error of the student's own
        text = ""
    text = one_line(re.sub(r", with gufunc signature \S+", "", text), SHOWN)
    hint = ""
    if isinstance(error, ValueError) and any(word in text for word in ("mismatch", "not aligned", "broadcast")):
        hint = ": the shapes do not fit, so write the shape of every factor beside it"
    elif type(error) is NameError:
        hint = ": a function gets all that it needs as arguments, or imports it"
    return f"raised {type(error).__name__}{f' ({text})' if text else ''}{_place(error)}{hint}"


def one_line(text, most=None):
    """Text in one line that every terminal can show, cut after `most` characters.

    >>> one_line("a\\n  b \\x1b[2J"), one_line("abcdef", most=3)
    ('a b \\\\x1b[2J', 'abc…')
    """
    text = " ".join(text.split()) if most is None else " ".join(text[:2 * most].split())
    text = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)
    return text if most is None or len(text) <= most else f"{text[:most].rstrip()}…"


def _place(error):
    """" in line 3, `e @ W`", the deepest line that the student wrote; "" if there is none."""
    places = [(frame.filename, frame.lineno, frame.line) for frame in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError) and os.path.isfile(error.filename or ""):     # and no text given to eval
        places.append((error.filename, error.lineno, error.text))
    mine = [place for place in places if _is_the_students(place[0])]
    if not mine:
        return ""
    filename, number, line = next((place for place in reversed(mine) if place[2]), mine[-1])
    is_another = filename != mine[0][0] and os.path.isfile(filename)
    where = f" in line {number}{f' of {os.path.basename(filename)}' if is_another else ''}"
    return f"{where}, `{one_line(line, SHOWN)}`" if line else where


def _is_the_students(filename):
    """Whether the file is neither this package's, nor Python's own, nor that of a library."""
    path = pathlib.Path(filename)
    return (not LIBRARIES & set(path.parents) and not {"site-packages", "dist-packages"} & set(path.parts)
            and not filename.startswith(("<frozen", "<__array")))


class Watcher(threading.Thread):
    """Interrupts the main thread while it computes longer than its limit allows.

    One for all functions: to start a thread takes longer than most functions do.
    """

    def __init__(self):
        super().__init__(daemon=True)
        self.limit, self.lock, self.has_limit = None, threading.Lock(), threading.Event()

    def set(self, limit):
        with self.lock:                                             # not while it interrupts: none comes afterwards
            self.limit = limit
        (self.has_limit.clear if limit is None else self.has_limit.set)()

    def run(self):
        while self.has_limit.wait():
            time.sleep(LOOK)
            with self.lock:
                is_over = self.limit is not None and time.process_time() >= self.limit.deadline
                if is_over:
                    self.limit.has_fired = True
                    _thread.interrupt_main()
            if is_over:
                time.sleep(AGAIN)


def watcher():
    """The one that is alive: after a fork it is not."""
    global _watcher
    if _watcher is None or not _watcher.is_alive():
        _watcher = Watcher()
        _watcher.start()
    return _watcher


@contextlib.contextmanager
def time_limit(seconds):
    """Raise TookTooLong inside the block after this many seconds of computing. Only in the main thread."""
    if threading.current_thread() is not threading.main_thread() or being_debugged():
        yield
        return
    watch = watcher()
    outer = watch.limit
    limit = types.SimpleNamespace(deadline=time.process_time() + seconds, has_fired=False)

    def on_interrupt(number, frame):
        if not limit.has_fired:
            signal.default_int_handler(number, frame)               # Ctrl-C
        limit.has_fired = False
        if not being_debugged():                                    # a debugger may have started since
            raise TookTooLong

    before = signal.signal(signal.SIGINT, on_interrupt)
    watch.set(limit)
    try:
        yield
    finally:
        while watch.limit is limit:
            with contextlib.suppress(TookTooLong):                  # raised after the block has ended
                watch.set(outer)
        with contextlib.suppress(TookTooLong):
            being_debugged()                                        # a call, before which Python raises what is pending
        signal.signal(signal.SIGINT, before)


def being_debugged():
    """Whether a debugger follows this thread: then nothing is limited. A tracer for coverage is no debugger."""
    monitoring = getattr(sys, "monitoring", None)                   # Python 3.12 and later
    if monitoring is not None and monitoring.get_tool(monitoring.DEBUGGER_ID) is not None:
        return True
    trace = sys.gettrace()
    follower = getattr(trace, "__module__", None) or type(trace).__module__
    return trace is not None and not follower.startswith("coverage")


class Limited(io.TextIOBase):
    """A stdout that shows the first PRINTED characters and counts them all."""

    def __init__(self, stream):
        self.stream, self.count, self.is_cut = stream, 0, False

    def write(self, text):
        room = len(text) if being_debugged() else max(0, PRINTED - self.count)
        self.stream.write(text[:room])
        self.count += len(text)
        self.is_cut = self.is_cut or room < len(text)
        return len(text)

    def how_many(self):
        """A line that says how many characters there were, if not all are shown."""
        said = f"\n… your function printed {self.count} characters; these were the first {PRINTED}.\n"
        return said if self.is_cut else ""

    def flush(self):
        self.stream.flush()

    def fileno(self):                                               # a debugger needs it to edit its command line
        return self.stream.fileno()

    def isatty(self):
        return self.stream.isatty()


@contextlib.contextmanager
def limited_printing():
    """Show at most PRINTED characters of stdout in the block, and then say how many there were if there were more."""
    limited = Limited(sys.stdout)
    try:
        with contextlib.redirect_stdout(limited):
            yield limited
    finally:
        limited.stream.write(limited.how_many())
