"""Worker processes that are killed, stopped, or do not end: nothing hangs, and the right run is named."""

import concurrent.futures
import gc
import multiprocessing.connection
import os
import pickle
import signal
import subprocess
import sys
import threading
import time

import pytest

from feedbackalign.runs import workers as workers_module
from feedbackalign.runs.sweep import do_runs, plan
from feedbackalign.runs.worker import do_run
from feedbackalign.runs.workers import WorkerDiedError, workers
from tests.runs.test_workers import Upward

pytestmark = pytest.mark.skipif(os.name == "nt", reason="SIGKILL and SIGSTOP are POSIX")
SMALL = {"hidden": (6,), "epochs": 1, "batch_size": 300}


@pytest.fixture(autouse=True)
def mark(tmp_path, monkeypatch):
    """A file by which one worker says to another that it has begun."""
    monkeypatch.setenv("MARK", str(tmp_path / "begun"))


# What a worker is told to do. The first argument is what the error calls it.

def kill(name=None, beside_another=False):
    while beside_another and not os.path.exists(os.environ["MARK"]):
        time.sleep(0.05)
    os.kill(os.getpid(), signal.SIGKILL)


def half_a_message(name, then):
    """Write the head of a message of 1000 bytes and four of them."""
    open(os.environ["MARK"], "w").close()
    pipe, = (thing for thing in gc.get_objects() if isinstance(thing, multiprocessing.connection.Connection))
    os.write(pipe.fileno(), (1000).to_bytes(4, "big") + b"half")
    os.kill(os.getpid(), then)


def stop(name, after=0.0):
    """Stop now, or a while after the answer, as Ctrl-Z does: no signal but the last one ends such a process."""
    if after:
        threading.Timer(after, stop, [name]).start()
    else:
        open(os.environ["MARK"], "w").close()
        os.kill(os.getpid(), signal.SIGSTOP)


def linger(name):
    """Leave a thread behind for which Python waits at its end."""
    threading.Thread(target=time.sleep, args=[10_000]).start()


def kill_beside_a_child(name):
    """Be killed where a process of one's own lives on and holds the pipe."""
    if os.fork():
        kill()
    time.sleep(60)
    os._exit(0)


class Unpicklable(Exception):
    """Goes into a pickle, and does not come out."""

    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")


def fail(one, two):
    raise Unpicklable(one, two)


class Killed(Upward):
    """Is killed in its first learning phase, once others have begun; no other process knows its name."""

    def gradients(self, x, targets):
        kill(beside_another=True)


class Stopped(Upward):
    """Is stopped in its first learning phase."""

    def gradients(self, x, targets):
        stop(self.name)


class Kept(dict):
    """Stands in for `FinishedRuns`."""

    rows, under_way, keep = dict.get, lambda self, run: None, dict.__setitem__


# ------------------------------------------------------------------------------------------------------------ deaths

@pytest.mark.slow
@pytest.mark.parametrize("task, words", [
    ((kill, "mine"), "mine: killed, perhaps out of memory"),
    ((half_a_message, "mine", signal.SIGKILL), "mine: killed, perhaps out of memory"),
    pytest.param((half_a_message, "mine", signal.SIGTERM), "mine: ended by signal 15", marks=pytest.mark.slow),
    ((os._exit, 3), "3: ended with exit status 3")])
def test_a_dead_workers_task_is_named(task, words):
    with pytest.raises(WorkerDiedError) as died, workers(1) as executor:
        executor.submit(*task).result()
    assert str(died.value) == words and died.value.others == []


@pytest.mark.slow
def test_a_death_is_noticed_though_a_child_of_the_dead_lives_on():
    began = time.monotonic()
    with pytest.raises(WorkerDiedError, match="^mine: killed"), workers(1) as executor:
        executor.submit(kill_beside_a_child, "mine").result()
    assert time.monotonic() - began < 50                                # the child's 60 seconds are not over


@pytest.mark.slow
def test_what_others_had_under_way_is_named_and_what_is_finished_stays():
    with pytest.raises(WorkerDiedError) as died, workers(2) as executor:
        finished = executor.submit(divmod, 7, 2)
        waiting = [executor.submit(kill, "mine", True), executor.submit(stop, "other"), executor.submit(time.sleep, 9)]
        for future in waiting:
            with pytest.raises(WorkerDiedError):
                future.result()
        processes = [worker.process for worker in executor.workers]
        assert finished.result() == (3, 1)
        waiting[0].result()
    assert str(died.value) == "mine: killed, perhaps out of memory; not finished: other"
    assert not any(process.is_alive() for process in processes)


@pytest.mark.slow
def test_a_worker_stopped_inside_a_message_holds_nobody_up():
    with pytest.raises(WorkerDiedError, match="^mine: killed.*not finished: other$"), workers(2) as executor:
        executor.submit(half_a_message, "other", signal.SIGSTOP)
        executor.submit(kill, "mine", True).result()


@pytest.mark.parametrize("task", [(stop, "mine", 0.3), pytest.param((linger, "mine"), marks=pytest.mark.slow)])
def test_a_worker_that_does_not_end_is_ended(task, monkeypatch):
    monkeypatch.setattr(workers_module, "PATIENCE", 1.0)
    with workers(1) as executor:
        process = executor.workers[0].process
        assert executor.submit(*task).result() is None
    assert process.exitcode == -signal.SIGKILL


def test_a_killed_run_is_named_and_finished_runs_are_kept():
    runs, kept = plan(["bp", Killed, Stopped, "fa"], seeds=1, **SMALL), Kept()
    failures = []
    with pytest.raises(WorkerDiedError) as died, workers(2) as executor:
        do_runs(runs, executor=executor, finished=kept, on_failure=lambda run, error: failures.append(run))
    assert str(died.value) == "Killed seed 0: killed, perhaps out of memory; not finished: Stopped seed 0"
    assert (died.value.run, died.value.others) == (runs[1], [runs[2]])
    assert list(kept) == [runs[0]] and failures == []
    assert str(pickle.loads(pickle.dumps(died.value))) == str(died.value)


@pytest.mark.slow
def test_a_program_that_starts_itself_again_in_its_workers_ends(tmp_path):
    script = tmp_path / "no_guard.py"
    script.write_text("import feedbackalign\nfrom feedbackalign.runs.workers import workers\n"
                      "with workers(1) as executor:\n    executor.submit(print, 'mine').result()\n")
    ended = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60)
    assert ended.stderr.splitlines()[-1].endswith("a worker process, before its first run: ended with exit status 1")


# ---------------------------------------------------------------------------------------------- what is not a death

def test_what_cannot_travel_fails_alone_and_the_worker_goes_on():
    with workers(1) as executor:
        for task, error, words in [((fail, 1, 2), RuntimeError, "Unpicklable: 1 and 2"),
                                   ((sys.exit, 3), RuntimeError, "SystemExit: 3"),
                                   ((eval, "lambda: 1"), Exception, "(?i)pickle"),
                                   ((lambda: 1,), Exception, "(?i)pickle")]:
            with pytest.raises(error, match=words):
                executor.submit(*task).result()
        with pytest.raises(ZeroDivisionError) as caught:
            executor.submit(divmod, 1, 0).result()
        assert "in _answer" in str(caught.value.__cause__)              # what --debug shows: where it was over there
        slow, cancelled = executor.submit(time.sleep, 0.3), executor.submit(divmod, 7, 2)
        assert cancelled.cancel() and slow.result() is None
        assert executor.submit(divmod, 7, 2).result() == (3, 1)
    with pytest.raises(RuntimeError, match="block of these workers was left"):
        executor.submit(divmod, 7, 2)


def test_an_interrupt_while_workers_start_is_quiet(capfd):
    with pytest.raises(KeyboardInterrupt), workers(2):
        raise KeyboardInterrupt
    assert capfd.readouterr().err == ""


def test_leaving_the_block_waits_for_what_was_submitted():
    with workers(1) as executor:
        futures = [executor.submit(divmod, 7, n) for n in (1, 2, 3)]
    assert [future.result() for future in futures] == [(7, 0), (3, 1), (2, 1)]


def test_news_that_cannot_be_told_end_the_runs():
    told = []

    def tell(run, news):
        told.append(news)
        if len(told) == 1:
            raise LookupError("nobody listens")
    with workers(1, tell=tell) as executor:
        run, = plan(["bp"], seeds=1, **SMALL)
        for future in (executor.submit(do_run, run), executor.submit(divmod, 7, 2)):    # which may not hear of the run
            with pytest.raises(LookupError, match="nobody listens"):
                future.result()


def test_a_broken_executor_is_raised_once_all_that_is_finished_is_kept():
    class Broken(concurrent.futures.Executor):
        def submit(self, function, run, folder):
            future = concurrent.futures.Future()
            if run.seed == 7:
                future.set_exception(concurrent.futures.BrokenExecutor("the cluster is gone"))
            else:
                future.set_result([{"seed": run.seed}])
            return future

    runs, kept = plan(["bp"], seeds=30, **SMALL), Kept()
    with pytest.raises(concurrent.futures.BrokenExecutor, match="cluster"):
        do_runs(runs, executor=Broken(), finished=kept, on_failure=lambda run, error: None)
    assert {run.seed for run in kept} == set(range(30)) - {7}
