"""Processes of our own for many runs: spawned, each with its BLAS threads fixed before its NumPy loads.

Each process has a pipe of its own, and here a thread that gives it one run after the other and hears its news. They
share no queue and no lock. So a process that is killed, even inside a message, leaves nothing behind on which others
wait, and it is known which run it had.
"""

import concurrent.futures
import contextlib
import multiprocessing
import os
import pickle
import queue
import signal
import sys
import threading

from feedbackalign.runs.worker import work
from feedbackalign.training.threads import THREAD_VARIABLES
from feedbackalign.validation import require_integer

LOOK_EVERY = 0.5                    # seconds between two looks whether a silent process is alive
PATIENCE = 5.0                      # seconds that a process with nothing more to do has to end


class WorkerDiedError(concurrent.futures.BrokenExecutor):
    """A worker process died, and the others were ended: `how` it ended, its `run`, and those of the `others`.

    >>> print(WorkerDiedError("killed", "fa seed 0", ["bp seed 0", "bp seed 1"]))
    fa seed 0: killed; not finished: bp seed 0, bp seed 1
    """

    def __init__(self, how, run=None, others=(), name=str):
        died = how if run is None else f"{name(run)}: {how}"
        super().__init__(f"{died}; not finished: {', '.join(map(name, others))}" if others else died)
        self.how, self.run, self.others = how, run, others


class TracebackThere(Exception):
    """The traceback in a worker, as text: the cause of an error that came from there."""


@contextlib.contextmanager
def workers(jobs, *, threads=1, tell=None):
    """Spawned processes as an executor, each with `threads` BLAS threads set before its NumPy loads.

    Ctrl-C is left to their parent, and they end when it ends. An exception in the block ends them at once. When one
    dies, all are ended, and every future that is not done raises a WorkerDiedError.

    Parameters
    ----------
    jobs : int
        Processes at a time.
    threads : int
        BLAS threads of each.
    tell : callable, optional
        Called with (run, news) after every epoch of every run, and sometimes inside one, from one thread per process.
        The run is the first argument of what was submitted.

    >>> with workers(1) as executor:
    ...     executor.submit(divmod, 7, 2).result()
    (3, 1)
    """
    jobs = require_integer(jobs, "jobs", low=1)
    threads = require_integer(threads, "threads", low=1)
    executor = Workers(tell or (lambda run, news: None))
    try:
        with _threads_in_the_environment(threads), _ctrl_c_ignored():
            for _ in range(jobs):
                executor.workers.append(Worker(executor))
        yield executor
        executor.finish()
    except BaseException as error:
        executor.end(error)
        executor.finish()
        raise


class Workers(concurrent.futures.Executor):
    """The executor of `workers`."""

    def __init__(self, tell):
        self.tell, self.workers, self.tasks = tell, [], queue.SimpleQueue()
        self.is_open = True
        self.error = None                       # what ended the processes before their time
        self.lock = threading.Lock()

    def submit(self, function, /, *arguments, **options):
        if not self.is_open:
            raise RuntimeError("submit: the block of these workers was left")
        future = concurrent.futures.Future()
        self.tasks.put((future, (function, arguments, options)))
        return future

    def end(self, error):
        """Kill the processes; what is not done raises the error: -> the first of these errors."""
        with self.lock:
            if self.error is None:
                self.error = error
                for worker in self.workers:
                    worker.process.kill()
        return self.error

    def finish(self):
        """Let the processes do what was submitted, and end."""
        self.is_open = False
        for _ in self.workers:
            self.tasks.put(None)
        for worker in self.workers:
            while worker.thread.is_alive():
                worker.thread.join(LOOK_EVERY)              # Windows cannot interrupt an endless wait


class Worker:
    """A process, and the thread that talks with it."""

    def __init__(self, executor):
        self.executor, self.run = executor, None            # the run under way
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=work, args=(theirs, os.getcwd(), sys.path))
        self.process.start()
        theirs.close()                                      # now the pipe ends when the process does
        self.thread = threading.Thread(target=self.talk, daemon=True)
        self.thread.start()

    def talk(self):
        """Give the process one task after the other, and at the end let it go."""
        with contextlib.suppress(BaseException):            # its death, or what ended all: every task has the error
            self.hear()                                     # it is ready
        for future, task in iter(self.executor.tasks.get, None):
            if future.set_running_or_notify_cancel():
                self.do(future, *task)
        self.pipe.close()
        self.end_process()

    def do(self, future, function, arguments, options):
        """Have one task done: what comes of it goes into the future."""
        self.run = arguments[0] if arguments else function
        try:
            error, text, result = pickle.loads(self.ask(pickle.dumps((function, arguments, options))))
            if error is not None:
                raise error from TracebackThere(f"\n{text}")
            future.set_result(result)
        except BaseException as error:
            future.set_exception(error)
        self.run = None

    def ask(self, task):
        """Send a task: -> the answer, both as bytes."""
        if self.executor.error is not None:                 # what the pipe still holds answers another task
            raise self.executor.error
        with self.death_told():
            self.pipe.send_bytes(task)
        while True:
            kind, said = self.hear()
            if kind == "answer":
                return said
            try:
                self.executor.tell(self.run, said)
            except BaseException as error:                  # the process goes on, and nobody would hear the end
                self.executor.end(error)
                raise

    def hear(self):
        """The next message of the process."""
        with self.death_told():
            while not self.pipe.poll(LOOK_EVERY):
                if not self.process.is_alive() and not self.pipe.poll():    # and a child of its own holds the pipe
                    raise EOFError
            return self.pipe.recv()

    @contextlib.contextmanager
    def death_told(self):
        """Where the pipe ends, perhaps inside a message, the process is dead: then all processes are ended."""
        try:
            yield
        except (EOFError, OSError):
            others = [worker.run for worker in self.executor.workers if worker is not self and worker.run is not None]
            at_start = "a worker process, before its first run: " if self.run is None else ""
            died = WorkerDiedError(at_start + how_it_ended(self.end_process()), self.run, others)
            raise self.executor.end(died) from None

    def end_process(self):
        """Wait a while for the process to end, then kill it: -> its exit code."""
        self.process.join(PATIENCE)
        self.process.kill()
        self.process.join()
        return self.process.exitcode


def how_it_ended(code):
    """What the exit code of a process says that was not meant to end.

    >>> how_it_ended(-9), how_it_ended(-11), how_it_ended(3)
    ('killed, perhaps out of memory', 'ended by signal 11', 'ended with exit status 3')
    """
    if code == -9:
        return "killed, perhaps out of memory"
    return f"ended by signal {-code}" if code < 0 else f"ended with exit status {code}"


@contextlib.contextmanager
def _threads_in_the_environment(threads):
    before = {variable: os.environ.get(variable) for variable in THREAD_VARIABLES}
    os.environ.update({variable: str(threads) for variable in THREAD_VARIABLES})
    try:
        yield
    finally:
        for variable, value in before.items():
            if value is None:
                os.environ.pop(variable, None)
            else:
                os.environ[variable] = value


@contextlib.contextmanager
def _ctrl_c_ignored():
    """Processes started here ignore Ctrl-C from their first instruction on: a handler would come too late."""
    in_main_thread = threading.current_thread() is threading.main_thread()      # where alone Python sets handlers
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN) if in_main_thread else None
    try:
        yield
    finally:
        if in_main_thread:
            signal.signal(signal.SIGINT, signal.SIG_DFL if handler is None else handler)
