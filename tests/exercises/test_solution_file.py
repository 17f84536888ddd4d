"""An answer in a file: only definitions are run, in a process that ends."""

import ast
import sys
from pathlib import Path

import pytest

from feedbackalign.exercises.solution_file import check_file, definitions, is_constant, main

CHECKOUT = Path(__file__).resolve().parents[2]
RIGHT = """
import numpy as np

EPSILON, HALF_TURN = 1e-3, np.pi
half = lambda v: v / 2
SIZES: list = [3, HALF_TURN]
data = open("there is no such file")
later = data.train
raise SystemExit("a lesson trains here")

def hidden_error(error, weight, v):
    print("I was here")
    return error @ weight * (1 - np.tanh(v) ** 2)
"""


@pytest.fixture
def write(tmp_path):
    def write_file(text, name="my_solution.py"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path
    return write_file


def test_a_right_answer_among_code_that_is_not_run(write):
    printed, right = check_file("1.1", write(RIGHT))
    assert right and printed.splitlines() == ["I was here", "I was here", "exercise 1.1: right."]


def test_an_edited_copy_of_a_whole_lesson_works(write):
    lesson = (CHECKOUT / "lessons" / "01_backprop_by_hand.py").read_text(encoding="utf-8")
    assert lesson.count("    raise NotImplementedError\n") == 2
    assert check_file("1.1", write(lesson)) == ("exercise 1.1: not done yet.", False)
    mine = lesson.replace("raise NotImplementedError", "return error @ weight / np.cosh(v) ** 2", 1)
    assert check_file("1.1", write(mine)) == ("exercise 1.1: right.", True)
    assert check_file("1.2", write(mine)) == ("exercise 1.2: not done yet.", False)


@pytest.mark.parametrize("text, words", [
    ("def hidden_eror(error, weight, v): return v", "my_solution.py defines no hidden_error (but hidden_eror)"),
    ("x = 3", "defines no hidden_error"),
    ("def hidden_error(error, weight, v) return v", "raised SyntaxError"),
    ("import nothing_of_this_name", "raised ModuleNotFoundError (No module named 'nothing_of_this_name') in line 1"),
    ("net = make()\ndef hidden_error(error, weight, v): return net.forward(v)", "raised NameError"),
    ("def hidden_error(error, weight, v, out=undefined): return v", "raised NameError"),
    ("def hidden_error(error, weight, v): return -1", "got -1"),
])
def test_what_is_wrong_with_a_file_is_one_sentence(write, capsys, monkeypatch, text, words):
    monkeypatch.setattr(sys, "path", list(sys.path))
    assert main("1.1", write(text)) == 1
    printed = capsys.readouterr().out
    assert words in printed and len(printed.splitlines()) == 1
    assert printed.startswith("exercise 1.1: not right yet: ")


@pytest.mark.parametrize("line, words", [("os._exit(7)", "the process that ran my_solution.py died"),
                                         ("return input()", "raised EOFError")])
def test_what_a_process_of_its_own_is_for(write, line, words):
    printed, right = check_file("1.1", write(f"import os\ndef hidden_error(error, weight, v): {line}"))
    assert not right and words in printed and len(printed.splitlines()) == 1


def test_a_file_that_waits_for_ever_is_ended(write):
    text = "import time\ndef hidden_error(error, weight, v): time.sleep(1000)"
    printed, right = check_file("1.1", write(text), seconds=0.8)
    assert not right and printed.endswith("not right yet: my_solution.py did not come to an end within 0.8 seconds.")


def test_a_flood_is_cut(write):
    text = "def hidden_error(error, weight, v):\n    for n in range(10**4): print(n)\n    return v * 0"
    printed, right = check_file("1.1", write(text))
    assert not right and len(printed) < 3000 and "every entry is zero" in printed.splitlines()[-1]


def test_a_file_beside_it_can_be_imported_and_the_path_may_hold_anything(tmp_path):
    folder = tmp_path / "März, 1"
    folder.mkdir()
    (folder / "slopes_of_mine.py").write_text("import numpy as np\ndef slope(v): return 1 - np.tanh(v)**2")
    answer = "\ufefffrom slopes_of_mine import slope\ndef hidden_error(e, weight, v): return e @ weight * slope(v)"
    (folder / "my solution.py").write_text(answer, encoding="utf-8")
    assert check_file("1.1", folder / "my solution.py") == ("exercise 1.1: right.", True)


def test_what_is_no_file_or_a_notebook_is_refused(tmp_path):
    with pytest.raises(ValueError, match="there is no such file"):
        check_file("1.1", tmp_path / "nothing.py")
    with pytest.raises(ValueError, match="in a cell below the function"):
        check_file("1.1", tmp_path / "notebook.ipynb")
    with pytest.raises(ValueError, match="one that has a check"):
        check_file("1.9", tmp_path / "nothing.py")


@pytest.mark.parametrize("line, constant", [
    ("a = 3", True), ("a, b = 1, (2, 'x')", True), ("a: float = -1e-3", True), ("a = known * 2", True),
    ("a = lambda v: load(v)", True), ("a = module.pi", True),
    ("a = package.path.sep", True), ("a = package.path.nothing", False), ("a = package.nothing.sep", False),
    ("a = load()", False), ("a = unknown", False), ("a: int", False), ("a = module.nothing", False),
    ("a = known.attribute", False), ("a[0] = 1", False), ("known.attribute = 1", False),
    ("a = [f() for f in ()]", False),
    ("print(1)", False), ("del known", False), ("a += 1", False),
])
def test_what_counts_as_a_constant(line, constant):
    import math
    import os
    assert is_constant(ast.parse(line).body[0], {"known": 2, "module": math, "package": os, "load": None}) is constant


def test_definitions_can_be_looked_at(write, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    names = definitions(write(RIGHT))
    assert names["EPSILON"] == 1e-3 and names["half"](4) == 2 and names["SIZES"][0] == 3
    assert "data" not in names and "later" not in names
