"""Work on threads: each part once, errors and settings of every thread, and the variable that says how many."""

import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedbackalign.ops.fast import threads


@given(st.integers(0, 100), st.integers(1, 9))
def test_parts_cover_the_range_once_in_order_and_evenly(length, number):
    some = threads.parts(length, number)
    assert [i for part in some for i in part] == list(range(length)) and len(some) == min(length, number)
    assert not some or max(map(len, some)) - min(map(len, some)) <= 1


def test_parts_follow_the_number_of_threads(monkeypatch):
    for number, cut in (("1", 1), ("3", 6)):
        monkeypatch.setenv(threads.VARIABLE, number)
        assert len(threads.parts(100)) == cut


@pytest.mark.parametrize("number", ["1", "2", "3"])
def test_every_part_is_done_once(number, monkeypatch):
    monkeypatch.setenv(threads.VARIABLE, number)
    for parts in (0, 1, 2, 50):
        done = np.zeros(parts, dtype=int)

        def work(i, done=done):
            done[i] += 1

        threads.share_out(work, range(parts))
        assert (done == 1).all()


def test_two_threads_work_at_the_same_time(monkeypatch):
    """Each part waits until the other has begun: with one thread it would wait in vain."""
    monkeypatch.setenv(threads.VARIABLE, "2")
    meeting, names = threading.Barrier(2), set()

    def work(_):
        meeting.wait(timeout=60)
        names.add(threading.current_thread().name)

    threads.share_out(work, range(2))
    assert len(names) == 2


@pytest.mark.parametrize("number", ["1", "2"])
@pytest.mark.parametrize("bad", range(4))
def test_an_error_in_any_part_comes_out_and_the_next_work_is_done(number, bad, monkeypatch):
    monkeypatch.setenv(threads.VARIABLE, number)

    def work(i):
        if i == bad:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        threads.share_out(work, range(4))
    test_every_part_is_done_once(number, monkeypatch)


def test_after_an_error_the_other_thread_begins_no_further_part(monkeypatch):
    """Two threads have a part each; one fails, and the other ends its part after that."""
    monkeypatch.setenv(threads.VARIABLE, "2")
    both, has_failed, begun, set_buffer = threading.Barrier(2), threading.Event(), [], np.setbufsize

    def notice(size):
        if size != threads.SHORT:                                               # a thread puts its buffer back: it ends
            has_failed.set()
        return set_buffer(size)

    def work(i):
        begun.append(i)
        both.wait(timeout=60)
        if i == 0:
            raise ZeroDivisionError
        has_failed.wait(timeout=60)

    monkeypatch.setattr(np, "setbufsize", notice)
    with pytest.raises(ZeroDivisionError):
        threads.share_out(work, range(4))
    assert sorted(begun) == [0, 1]


@pytest.mark.parametrize("number", ["1", "2"])
def test_error_settings_hold_in_every_thread_and_the_buffer_is_put_back(number, monkeypatch):
    monkeypatch.setenv(threads.VARIABLE, number)
    meeting, seen, before = threading.Barrier(int(number)), [], np.getbufsize()

    def work(_):
        meeting.wait(timeout=60)
        seen.append((np.geterr()["over"], np.getbufsize()))

    with np.errstate(over="raise"):
        threads.share_out(work, range(int(number)))
    with np.errstate(over="ignore"):
        threads.share_out(work, range(int(number)))
    assert seen == [("raise", threads.SHORT)] * int(number) + [("ignore", threads.SHORT)] * int(number)
    assert np.getbufsize() == before


@pytest.mark.parametrize("text", ["0", "-1", "two", "", "1.5", "1e2", "300", "²"])
def test_what_is_no_number_of_threads(text, monkeypatch):
    monkeypatch.setenv(threads.VARIABLE, text)
    with pytest.raises(ValueError, match=f"FEEDBACKALIGN_THREADS: expected a number of .* 1 to 256, got '{text}'"):
        threads.count()


def test_one_thread_unless_told(monkeypatch):
    monkeypatch.delenv(threads.VARIABLE, raising=False)
    assert threads.count() == 1
    monkeypatch.setenv(threads.VARIABLE, " 4 ")
    assert threads.count() == 4


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_makes_threads_of_its_own():
    """The parent's helpers do not exist in the child: work that waits for them would never end."""
    code = ("import os, numpy as np; from feedbackalign.ops.fast import threads\n"
            "def work(i): done[i] += 1\n"
            "done = np.zeros(9); threads.share_out(work, range(9))\n"
            "child = os.fork()\n"
            "done = np.zeros(9); threads.share_out(work, range(9)); ok = (done == 1).all()\n"
            "if child == 0: os._exit(0 if ok else 1)\n"
            "assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0 and ok")
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], env={**os.environ, threads.VARIABLE: "2"}, check=True,
                   timeout=120)
