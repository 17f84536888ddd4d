"""A process of its own is believed nothing but its answer, and ends with all that it started."""

import contextlib
import os
import sys
import threading
import time

import pytest

from feedbackalign.exercises import own_process

pytestmark = pytest.mark.skipif(os.name != "posix", reason="no groups of processes, and no fork")
# What the process does is what `may_answer` does, without the time that importing the package takes.
WORD = "import os, sys, time, signal\nword = sys.stdin.read()\ndef say(text): os.write(2, text.encode())\n"
BEAT = """
if os.fork() == 0:
    for _ in range(3): os.fork()
    while True:
        with open(sys.argv[1], "a") as file: file.write(".")
        time.sleep(0.01)
while not (os.path.exists(sys.argv[1]) and os.path.getsize(sys.argv[1])): time.sleep(0.01)
"""


def ask(code, seconds=60.0, *arguments):
    return own_process.ask([sys.executable, "-u", "-c", WORD + code, *map(str, arguments)], seconds, dict(os.environ))


def test_the_answer_is_what_follows_the_word():
    assert ask("say(f'{word}[1, \"ü\"]\\n')") == ([1, "ü"], "", "")
    assert ask("say('noise\\n' * 1000 + word + '[2]\\nmore'); time.sleep(1000)").answer == [2]
    assert ask("say(word); time.sleep(0.1); say('[3'); time.sleep(0.1); say(']\\n')").answer == [3]


@pytest.mark.parametrize("code, ended", [
    ("say('[1]\\n')", "[1]"), ("say(word + '[1]')", "[1]"), ("print(word + '[1]\\n')", "exit status 0"),
    ("say('0' * 32 + '[1]\\n')", "[1]"), ("os._exit(3)", "exit status 3"), ("raise ValueError('no')", "ValueError: no"),
    ("os.kill(os.getpid(), signal.SIGTERM)", "SIGTERM"), ("os.kill(os.getpid(), 40)", "signal 40")])
def test_without_the_word_or_the_end_of_the_line_there_is_none(code, ended):
    reply = ask(code)
    assert reply.answer is None and reply.ended.endswith(ended)


@pytest.mark.parametrize("last, answer", [
    pytest.param("time.sleep(1000)", None, marks=pytest.mark.slow), ("os._exit(1)", None),
    pytest.param("os.kill(0, signal.SIGSTOP)", None, marks=pytest.mark.slow), ("say(word + '[4]\\n')", [4])])
def test_all_that_it_started_ends_with_it(tmp_path, last, answer):
    beats = tmp_path / "beats"
    reply = ask(f"print('so far'){BEAT}{last}", 5.0, beats)
    assert reply.answer == answer and reply.printed == "so far\n"
    assert bool(reply.ended) is (last == "os._exit(1)")
    size = beats.stat().st_size
    time.sleep(0.2)
    assert 0 < size == beats.stat().st_size


@pytest.mark.slow
@pytest.mark.parametrize("setsid", ["os.setsid()", "pass"])
@pytest.mark.parametrize("last, answer", [("say(word + '[5]\\n')", [5]), ("os._exit(1)", None)])
def test_a_process_that_is_left_is_not_waited_for(setsid, last, answer):
    left = (f"ready, tell = os.pipe()\nif os.fork() == 0:\n    {setsid}\n    os.write(tell, b'!')\n    time.sleep(60)\n"
            f"    os._exit(0)\nos.read(ready, 1)\n{last}")
    began = time.monotonic()
    assert ask(left).answer == answer
    assert time.monotonic() - began < 50


def test_it_ends_when_the_one_who_asks_is_interrupted(tmp_path, monkeypatch):
    beats = tmp_path / "beats"
    waited = threading.Event.wait

    def interrupted(event, timeout=None):
        if timeout == 0.05 and beats.exists():
            raise KeyboardInterrupt
        return waited(event, timeout)
    monkeypatch.setattr(threading.Event, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        ask(f"{BEAT}time.sleep(1000)", 60.0, beats)
    size = beats.stat().st_size
    time.sleep(0.2)
    assert 0 < size == beats.stat().st_size


def test_a_flood_on_the_pipe_of_the_answer_is_not_kept():
    reply = ask("for _ in range(100): say('x' * 10**5)\nsay(word + '[6]\\n')")
    assert reply.answer is None and len(reply.ended) < 300


def test_the_word_is_another_one_every_time():
    assert len({ask("print(word)").printed for _ in range(2)}) == 2


def test_nothing_stays_open():
    ask("print(1)")
    with contextlib.suppress(FileNotFoundError):                        # Linux shows what is open
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(3):
            ask("print(1)")
        assert len(os.listdir("/proc/self/fd")) == before
