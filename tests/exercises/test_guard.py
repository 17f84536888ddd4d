"""Somebody's function is run and comes back, whatever it does."""

import io
import os
import signal
import sys
import threading
import time

import pytest

from feedbackalign.exercises import guard


def fails(function, seconds=5.0):
    with pytest.raises(guard.Failed) as caught:
        guard.call(function, seconds)
    return str(caught.value)


def test_what_it_returns_comes_back_and_not_done_passes():
    assert guard.call(lambda: 3, 1.0) == 3

    def stub():
        raise NotImplementedError
    with pytest.raises(NotImplementedError):
        guard.call(stub, 1.0)


def test_an_exception_is_told_with_its_line():
    def divide():
        return 1 // 0
    said = fails(divide)
    assert said == ("raised ZeroDivisionError (integer division or modulo by zero) in line "
                    f"{divide.__code__.co_firstlineno + 1}, `return 1 // 0`")


def test_shapes_that_do_not_fit_get_a_hint_and_no_jargon():
    import numpy as np

    def multiply():
        return np.ones((2, 3)) @ np.ones((2, 3))

    def add():
        return np.ones((2, 3)) + np.ones((2, 4))

    def dot():
        return np.dot(np.ones((2, 3)), np.ones((2, 3)))
    for wrong in (multiply, add, dot):
        assert "write the shape of every factor beside it" in fails(wrong)
    assert "signature" not in fails(multiply)


def test_a_name_that_is_not_there_and_an_end_without_words():
    assert "gets all that it needs as arguments" in fails(lambda: nowhere)      # noqa: F821
    assert "ended the program" in fails(lambda: sys.exit(3))

    def bare():
        raise KeyError
    assert fails(bare).startswith("raised KeyError in line")

    def deep():
        return deep()
    assert "RecursionError" in fails(deep)

    def too_early():
        answer += 1                                                             # noqa: F821, F841
        answer = 2                                                              # noqa: F841
    assert "raised UnboundLocalError" in fails(too_early) and "as arguments" not in fails(too_early)


@pytest.mark.parametrize("text, line", [
    ("a\n  b ", "a b"), ("\x1b[2J\x00\ud800\u202e", r"\x1b[2J\x00\ud800\u202e"),
    ("größer ∂W", "größer ∂W"), ("x" * 300, "x" * 200 + "…"), ("x" * 200, "x" * 200)])
def test_any_text_is_one_line_that_can_be_shown(text, line):
    assert guard.one_line(text, most=200) == line


def loop():
    while True:
        pass


def loop_that_catches():
    while True:
        try:
            time.perf_counter()
        except Exception:
            pass


def loop_that_goes_on():
    try:
        loop()
    except BaseException:
        loop()


@pytest.mark.parametrize("endless", [loop, loop_that_catches, loop_that_goes_on])
def test_a_loop_without_end_is_ended(endless):
    before = signal.getsignal(signal.SIGINT)
    assert "still computing after 0.1 seconds" in fails(endless, 0.1)
    assert signal.getsignal(signal.SIGINT) is before


def test_a_limit_inside_of_another_leaves_the_outer_one():
    def both():
        assert guard.call(lambda: 3, 5.0) == 3
        loop()
    assert "still computing after 0.1 seconds" in fails(both, 0.1)


def test_one_thread_watches_every_function():
    guard.call(lambda: 3, 1.0)
    before = threading.active_count()
    for _ in range(3):
        assert guard.call(threading.active_count, 1.0) == before


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_after_a_fork_there_is_a_limit_too():
    guard.call(lambda: 3, 1.0)
    child = os.fork()
    if not child:
        status = 1
        try:
            guard.call(loop, 0.1)
        except guard.Failed:
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0


def test_even_where_interrupts_were_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert "still computing" in fails(loop, 0.05)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_waiting_is_not_computing():
    assert guard.call(lambda: time.sleep(0.5) or "back", 0.3) == "back"


def test_ctrl_c_is_still_ctrl_c():
    import _thread

    def interrupted():
        _thread.interrupt_main()
        for _ in range(1000):
            time.sleep(0.001)
    with pytest.raises(KeyboardInterrupt):
        guard.call(interrupted, 5.0)


def test_in_another_thread_and_under_a_debugger_there_is_no_limit(monkeypatch):
    answers = []
    thread = threading.Thread(target=lambda: answers.append(guard.call(lambda: 4, 0.0)))
    thread.start()
    thread.join()
    assert answers == [4]
    monkeypatch.setattr(guard, "being_debugged", lambda: True)

    def half_a_second():
        end = time.process_time() + 0.4
        while time.process_time() < end:
            pass
        return "done"
    assert guard.call(half_a_second, 0.05) == "done"


def test_a_debugger_is_seen():
    def follow(*event):
        return None
    before = sys.gettrace()
    assert not guard.being_debugged()
    try:
        sys.settrace(follow)
        assert guard.being_debugged()
        follow.__module__ = "coverage.pytracer"
        assert not guard.being_debugged()
    finally:
        sys.settrace(before)


def test_what_is_printed_is_cut_and_counted(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    with guard.limited_printing():
        print("a" * 10)
    assert stream.getvalue() == "a" * 10 + "\n"
    with guard.limited_printing():
        for _ in range(300):
            print("b" * 99)
    text = stream.getvalue()
    assert text.count("b") < guard.PRINTED and text.endswith(
        f"printed 30000 characters; these were the first {guard.PRINTED}.\n")


def test_a_debugger_prints_as_much_as_it_likes(monkeypatch):
    monkeypatch.setattr(guard, "being_debugged", lambda: True)
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    with guard.limited_printing():
        print("c" * 5000)
    assert stream.getvalue() == "c" * 5000 + "\n"
