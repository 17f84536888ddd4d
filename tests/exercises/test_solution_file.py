"""An answer in a file: it is judged in a process of its own, and whatever that process does, there is a verdict."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from feedbackalign.exercises import find, guard
from feedbackalign.exercises.solution_file import check_file

CHECKOUT = Path(__file__).resolve().parents[2]
posix = pytest.mark.skipif(os.name != "posix", reason="no such calls")


@pytest.fixture
def write(tmp_path):
    def write_file(text, name="my_solution.py"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path
    return write_file


@pytest.fixture
def verdict_on(write):
    """The lines that are shown when the function has these lines; it must not be right, whatever it printed."""
    def verdict(*lines, seconds=60.0):
        body = "".join(f"    {line}\n" for line in lines)
        start = "import atexit, os, signal, subprocess, sys, threading, time, numpy as np\n"
        printed, right = check_file("1.1", write(f"{start}def hidden_error(error, weight, v):\n{body}"), seconds)
        assert not right
        lines = printed.split("\n")
        assert lines[-1].startswith("exercise 1.1: not right yet: ") and lines[-1].isprintable()
        return lines
    return verdict


TRIALS = len(find("1.1").trials())
RIGHT = "return error @ weight * (1 - np.tanh(v) ** 2)"


def test_a_right_answer_among_code_that_is_not_run(write):
    text = f"import numpy as np\nraise SystemExit\ndef hidden_error(error, weight, v):\n    print('I ran')\n    {RIGHT}"
    assert check_file("1.1", write(text)) == ("I ran\n" * TRIALS + "exercise 1.1: right.", True)


def test_an_edited_copy_of_a_whole_lesson_works(write):
    lesson = (CHECKOUT / "lessons" / "01_backprop_by_hand.py").read_text(encoding="utf-8")
    assert lesson.count("    raise NotImplementedError\n") == 2
    assert check_file("1.1", write(lesson)) == ("exercise 1.1: not done yet.", False)
    mine = lesson.replace("raise NotImplementedError", "return error @ weight / np.cosh(v) ** 2", 1)
    assert check_file("1.1", write(mine)) == ("exercise 1.1: right.", True)
    assert check_file("1.2", write(mine)) == ("exercise 1.2: not done yet.", False)


@pytest.mark.parametrize("lines, words", [
    (["print('exercise 1.1: right.')", "os._exit(0)"], "died (exit status 0)"),
    (["sys.exit(0)"], "your function ended the program"),
    *(pytest.param(*case, marks=pytest.mark.slow) for case in [
        (["os.write(1, b'exercise 1.1: right.\\n')", "os._exit(0)"], "died (exit status 0)"),
        (["os.abort()"], "died (SIGABRT)"),
        (["raise KeyboardInterrupt('no')"], "my_solution.py raised KeyboardInterrupt (no) in line 3, `raise Keyboard"),
        (["return input()"], "raised EOFError (EOF when reading a line) in line 3"),
        (["return hidden_error(error, weight, v)"], "raised RecursionError"),
        (["return np.ones(10**15)"], "MemoryError"),
        (["atexit.register(os._exit, 0)", "return np.zeros_like(v)"], "every entry is zero")]),
])
def test_however_the_function_ends_there_is_a_verdict(verdict_on, lines, words):
    shown = verdict_on(*lines)
    assert words in shown[-1]
    assert shown[:-1] == (["exercise 1.1: right."] if "_exit(0)" in lines[-1] else [])


@pytest.mark.slow
@posix
@pytest.mark.parametrize("lines, words", [
    (["os.kill(os.getpid(), signal.SIGKILL)"], "the process that ran my_solution.py died (SIGKILL)"),
    (["import ctypes", "ctypes.string_at(0)"], "died (SIGSEGV)"),
    (["os.closerange(0, 100)", RIGHT], "died (exit status"),
    (["for fd in range(3, 20):", "    try: os.write(fd, b'right\\n[true, \"right\"]\\n' * 10**5)",
      "    except OSError: pass", "os._exit(0)"], "the process that ran my_solution.py died ("),
    (["if os.fork(): os._exit(0)", RIGHT], "died (exit status 0)"),
    (["if os.fork():", "    os.wait()", "    return None", RIGHT], "is a `return` missing?"),
])
def test_whatever_the_process_does_to_itself_there_is_a_verdict(verdict_on, lines, words):
    assert words in verdict_on(*lines)[-1]


@posix
def test_a_copy_of_the_process_tries_nothing(write):
    path = write(f"import os, numpy as np\ndef hidden_error(error, weight, v):\n    os.write(1, b'x\\n')\n"
                 f"    if os.fork(): os.wait()\n    {RIGHT}")
    assert check_file("1.1", path) == ("x\n" * TRIALS + "exercise 1.1: right.", True)


@posix
def test_what_a_right_function_leaves_behind_does_not_matter(write):
    lines = ["threading.Thread(target=time.sleep, args=(1000,)).start()",
             "threading.Thread(target=int, args='x').start()", "atexit.register(time.sleep, 1000)",
             "print('to stderr', file=sys.stderr)", "sys.stdout = None",
             "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(1000)'])", "os.closerange(1, 2)", RIGHT]
    body = "".join(f"    {line}\n" for line in lines)
    path = write(f"import atexit, os, subprocess, sys, threading, time, numpy as np\n"
                 f"def hidden_error(error, weight, v):\n{body}")
    assert check_file("1.1", path) == ("exercise 1.1: right.", True)


@pytest.mark.slow
@posix
def test_it_ends_with_the_process_that_asks(tmp_path, write):
    beats = tmp_path / "beats"
    path = write("import time\ndef hidden_error(error, weight, v):\n    while True:\n        try:\n"
                 f"            open({str(beats)!r}, 'a').write('.')\n            time.sleep(0.01)\n"
                 "        except BaseException: pass\n")
    asking = subprocess.Popen([sys.executable, "-c", "import sys\nfrom feedbackalign.exercises.solution_file import "
                               "check_file\ncheck_file('1.1', sys.argv[1])", str(path)])
    try:
        while not beats.exists():
            assert asking.poll() is None
            time.sleep(0.05)
    finally:
        asking.kill()
        asking.wait()
    end, size = time.monotonic() + 30, -1
    while beats.stat().st_size != size:
        assert time.monotonic() < end, "it goes on alone"
        size = beats.stat().st_size
        time.sleep(1.0)


@pytest.mark.slow
@pytest.mark.parametrize("lines", [["time.sleep(1000)"], ["signal.signal(signal.SIGINT, signal.SIG_IGN)",
                                                          "while True: pass"]])
def test_a_file_that_never_ends_is_ended(verdict_on, lines):
    assert verdict_on(*lines, seconds=3.0) == [
        "exercise 1.1: not right yet: my_solution.py did not come to an end within 3 seconds."]


@pytest.mark.parametrize("flood", ["print('x' * 99)", "os.write(1, b'x' * 99 + b'\\n')"])
def test_a_flood_is_cut_and_counted(verdict_on, flood):
    shown = verdict_on("for n in range(10**4):", f"    {flood}", "return v * 0")
    assert "".join(shown[:-2]).count("x") == guard.PRINTED * 99 // 100 and "every entry is zero" in shown[-1]
    assert shown[-2] == f"… your function printed {TRIALS * 10**6} characters; these were the first {guard.PRINTED}."


def test_both_ways_to_print_are_shown_in_order_and_in_any_letters(verdict_on):
    shown = verdict_on("print('größer')", "os.write(1, 'noch größer\\n'.encode())", "print('\\ud800')",
                       "os.write(1, b'\\xff\\n')", "return None")
    assert shown[:-1] == ["größer", "noch größer", "?", "\ufffd"] * TRIALS


@pytest.mark.slow
def test_an_endless_flood_ends(verdict_on):
    shown = verdict_on("os.write(1, b'y' * 10**5)", "hidden_error(error, weight, v)")
    assert shown[0] == "y" * guard.PRINTED and "RecursionError" in shown[-1]


def test_a_file_beside_it_can_be_imported_and_the_path_may_hold_anything(tmp_path):
    folder = tmp_path / "März, 1"
    folder.mkdir()
    (folder / "slopes_of_mine.py").write_text("import numpy as np\ndef slope(v): return 1 - np.tanh(v)**2")
    answer = "\ufefffrom slopes_of_mine import slope\ndef hidden_error(e, weight, v): return e @ weight * slope(v)"
    (folder / "my solution.py").write_text(answer, encoding="utf-8")
    assert check_file("1.1", folder / "my solution.py") == ("exercise 1.1: right.", True)


def test_what_lies_in_the_folder_one_is_in_does_not_matter(tmp_path, write, monkeypatch):
    here = tmp_path / "here"
    here.mkdir()
    for name in ("numpy", "json", "ast", "feedbackalign"):
        (here / f"{name}.py").write_text("raise SystemExit")
    monkeypatch.chdir(here)
    path = write(f"import numpy as np\ndef hidden_error(error, weight, v): {RIGHT}")
    assert check_file("1.1", path) == ("exercise 1.1: right.", True)


def test_what_is_no_file_or_a_notebook_is_refused(tmp_path):
    with pytest.raises(ValueError, match="there is no such file"):
        check_file("1.1", tmp_path / "nothing.py")
    with pytest.raises(ValueError, match="in a cell below the function"):
        check_file("1.1", tmp_path / "notebook.ipynb")
    with pytest.raises(ValueError, match="one that has a check"):
        check_file("1.9", tmp_path / "nothing.py")
