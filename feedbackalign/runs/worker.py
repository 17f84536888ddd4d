"""A run in a worker process: what the process hears, does, and says.

The parent sends tasks, (function, arguments, options) as bytes. The worker sends ("ready", None), any number of
("news", news), and for each task ("answer", bytes), which hold (error, its traceback as text, result).
"""

import contextlib
import multiprocessing
import os
import pickle
import signal
import sys
import threading
import time
import traceback
import warnings

from feedbackalign.rules.user_file import note_place
from feedbackalign.training.checkpoints import NoLockWarning

NEWS_EVERY = 0.1                    # seconds between two pieces of news from inside an epoch

_tell = None                        # in a worker: called with (run, news), and sends the news


def do_run(run, progress=None, **where):
    """One run from start to end: -> its rows; `where` are folder, resume and checkpoint_every of `Run.train`."""
    if progress is None and _tell is not None:
        progress = _now_and_then(run)
    try:
        return run.train(progress=progress, **where)
    except Exception as error:
        note_place(error)
        raise


def _now_and_then(run):
    """A progress callback that tells every epoch, and a step now and then: a message costs a step."""
    last = -NEWS_EVERY

    def progress(news):
        nonlocal last
        if "epochs" in news:                    # a step's, not an epoch's
            if time.monotonic() < last + NEWS_EVERY:
                return
            last = time.monotonic()
        _tell(run, news)
    return progress


def work(pipe, folder, path):
    """Do the tasks that come through the pipe, until it is closed; in the parent's folder, with its sys.path."""
    global _tell
    os.chdir(folder)                                            # not where the parent was when it started
    sys.path[:] = path
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    warnings.simplefilter("ignore", NoLockWarning)              # the parent has given it

    def tell(run, news):
        pipe.send(("news", news))                               # the parent knows which run this worker has

    _tell = tell
    pipe.send(("ready", None))
    with contextlib.suppress(EOFError, OSError):
        while True:
            pipe.send(("answer", _answer(pipe.recv_bytes())))


def _answer(task):
    try:
        function, arguments, options = pickle.loads(task)
        return pickle.dumps((None, None, function(*arguments, **options)))
    except BaseException as error:
        return pickle.dumps((_sendable(error), traceback.format_exc(), None))


def _sendable(error):
    """The error itself, or a RuntimeError of its words in place of one that would not arrive or would end Python."""
    with contextlib.suppress(Exception):
        if isinstance(error, Exception) and isinstance(pickle.loads(pickle.dumps(error)), type(error)):
            return error
    return RuntimeError(f"{type(error).__name__}: {error}")


def _end_with_parent():
    """End with the parent: a worker that lived on would hold the folder of its run."""
    multiprocessing.parent_process().join()
    os._exit(1)
