"""Processes of our own for many runs: spawned, each with its BLAS threads fixed before its NumPy loads."""

import concurrent.futures
import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import time

from feedbackalign.rules.user_file import note_place
from feedbackalign.training.threads import THREAD_VARIABLES
from feedbackalign.validation import require_integer

NEWS_EVERY = 0.1                    # seconds between two pieces of news from inside an epoch

_progress_queue = None              # in a worker of `workers`: where its news go


def do_run(run, progress=None, **where):
    """One run from start to end: -> its rows; `where` are folder, resume and checkpoint_every of `Run.train`."""
    if progress is None and _progress_queue is not None:
        progress = _teller(run)
    try:
        return run.train(progress=progress, **where)
    except Exception as error:
        note_place(error)
        raise


def _teller(run):
    """A progress callback that puts every epoch, and a step now and then, into the queue: a message costs a step."""
    last = -NEWS_EVERY

    def tell(news):
        nonlocal last
        if "epochs" in news:                    # a step's, not an epoch's
            if time.monotonic() < last + NEWS_EVERY:
                return
            last = time.monotonic()
        _progress_queue.put((run, news))
    return tell
class Workers(concurrent.futures.ProcessPoolExecutor):
    """The executor of `workers`. Its futures are never cancelled: an exception in its block ends the processes.

    (Up to Python 3.12 an executor fails when its processes end after a future was cancelled.)
    """


@contextlib.contextmanager
def workers(jobs, *, threads=1, tell=None):
    """Spawned processes as an executor, each with `threads` BLAS threads set before its NumPy loads.

    Ctrl-C is left to their parent, and they end when it ends. An exception in the block ends them at once.

    Parameters
    ----------
    jobs : int
        Processes at a time.
    threads : int
        BLAS threads of each.
    tell : multiprocessing queue, optional
        Made by the "spawn" context; gets (run, news) after every epoch of every run, and sometimes inside one.
    """
    jobs = require_integer(jobs, "jobs", low=1)
    threads = require_integer(threads, "threads", low=1)
    before = {variable: os.environ.get(variable) for variable in THREAD_VARIABLES}
    children_before = set(multiprocessing.active_children())
    os.environ.update({variable: str(threads) for variable in THREAD_VARIABLES})
    try:
        context = multiprocessing.get_context("spawn")
        with Workers(jobs, mp_context=context, initializer=_start_worker, initargs=(tell, sys.path)) as executor:
            try:
                _start_all(executor, jobs)
                yield executor
            except BaseException:
                for child in set(multiprocessing.active_children()) - children_before:
                    child.terminate()
                raise
    finally:
        for variable, value in before.items():
            if value is None:
                os.environ.pop(variable, None)
            else:
                os.environ[variable] = value


def _start_all(executor, jobs):
    """Start the processes now, with Ctrl-C ignored from their first instruction on: a handler would come too late."""
    in_main_thread = threading.current_thread() is threading.main_thread()      # where alone Python sets handlers
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN) if in_main_thread else None
    try:
        for _ in range(jobs):
            executor.submit(os.getpid)
    finally:
        if in_main_thread:
            signal.signal(signal.SIGINT, signal.SIG_DFL if handler is None else handler)


def _start_worker(tell, path):
    global _progress_queue
    _progress_queue = tell
    sys.path[:] = path
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent():
    """End with the parent: a worker that lived on would hold the folder of its run."""
    multiprocessing.parent_process().join()
    os._exit(1)
