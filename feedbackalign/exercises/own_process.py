"""Ask a process of its own, in which anything may happen, and believe nothing but its answer.

The process gets a random word on its stdin, and gives it back before its answer, on a pipe that is used for nothing
else: what it prints is no answer, and neither is how it ends. After the answer, or when the time is over, the process
and all that it has started are killed; Windows knows no such group, so there it is the process alone.
"""

import codecs
import contextlib
import io
import json
import os
import secrets
import signal
import subprocess
import threading
import time
import typing

from feedbackalign.exercises.guard import Limited, one_line

PIECE = 2**16               # bytes that are read at once
MOST = 2**20                # bytes that are kept of the pipe for the answer


class Reply(typing.NamedTuple):
    """printed is the beginning of stdout. Without an answer it is None, and `ended` says why; "" after a time-out."""

    answer: object
    printed: str
    ended: str


def ask(command, seconds, environment):
    """Start a process that calls `may_answer`, and wait for its answer: -> Reply."""
    word = secrets.token_hex(16).encode()
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               env=environment, start_new_session=True)
    printed, decoder = Limited(io.StringIO()), codecs.getincrementaldecoder("utf-8")("replace")
    received, is_complete = bytearray(), threading.Event()

    def receive(piece):
        if len(received) < MOST:
            received.extend(piece)
            if _line_after(word, received):
                is_complete.set()

    readers = [threading.Thread(target=_read, args=arguments, daemon=True) for arguments in (
        (process.stdout, lambda piece: printed.write(decoder.decode(piece))), (process.stderr, receive))]
    deadline = time.monotonic() + seconds
    try:
        for reader in readers:
            reader.start()
        with contextlib.suppress(OSError), process.stdin:               # it may have died already
            process.stdin.write(word)
        while not is_complete.wait(0.05) and process.poll() is None and time.monotonic() < deadline:
            pass
        is_late = process.poll() is None and not is_complete.is_set()
    finally:
        _kill(process)
    for reader in readers:
        reader.join(1.0)                                                # a process that left the group may hold a pipe
    line = _line_after(word, received)
    shown = printed.stream.getvalue() + printed.how_many()
    return Reply(json.loads(line) if line else None, shown, "" if line or is_late else _why(process, received))


def _read(stream, take):
    with stream:
        for piece in iter(lambda: stream.read1(PIECE), b""):
            take(piece)


def _line_after(word, received):
    """What stands between the word and the end of its line, or nothing."""
    line, end, _ = received.partition(word)[2].partition(b"\n")
    return line if end else b""


def _kill(process):
    with contextlib.suppress(OSError):                                  # all of them have ended
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()


def _why(process, received):
    """Why a process ended without an answer: a signal, the last line of its stderr, or its exit status."""
    if process.returncode < 0:
        return next((known.name for known in signal.Signals if known == -process.returncode),
                    f"signal {-process.returncode}")
    lines = received.decode("utf-8", "replace").split("\n")
    return one_line(next((line for line in reversed(lines) if line.strip()), f"exit status {process.returncode}"), 200)


def _end_with_parent(parent):
    """Kill the process and its group when the one who asked is gone: nobody else would."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os.killpg(0, signal.SIGKILL)


def may_answer():
    """In the process, before anything of others runs: -> a function that gives the answer and ends the process."""
    if os.name == "posix":
        threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    word = b"".join(iter(lambda: os.read(0, PIECE), b""))
    pipe, mine, nothing = os.dup(2), os.getpid(), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    os.close(nothing)

    def answer(value):
        try:
            if os.getpid() == mine:                                     # and no copy that os.fork made
                os.write(pipe, word + json.dumps(value).encode() + b"\n")
        finally:
            os._exit(0)                                                 # no atexit, and no waiting for threads
    return answer
