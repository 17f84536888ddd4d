"""`feedbackalign exercise` as a student types it; `lessons` is tested with the lessons themselves."""

import pytest

from feedbackalign import exercises
from feedbackalign.cli import lessons
from feedbackalign.cli.commands import main

ANSWER = "import numpy as np\ndef hidden_error(error, weight, v): return error @ weight{}\n"


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_all_exercises_are_listed_and_each_prints_its_task(capsys):
    assert main(["exercise"]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in listed] == exercises.numbers()
    assert "Send the error down one layer" in listed[0]
    assert main(["exercise", "1.1"]) == 0
    out = capsys.readouterr().out
    assert out.startswith('def hidden_error(error, weight, v):\n    """Exercise 1.1. Send the error down one layer')
    assert "return" not in out.split('"""')[2], "a solution"


def test_the_status_tells_right_from_wrong(tmp_path, capsys):
    (tmp_path / "right.py").write_text(ANSWER.format(" / np.cosh(v)**2"))
    (tmp_path / "wrong.py").write_text(ANSWER.format(""))
    assert main(["exercise", "1.1", "right.py"]) == 0
    assert capsys.readouterr().out == "exercise 1.1: right.\n"
    assert main(["exercise", "1.1", "wrong.py"]) == 1
    assert "you left out the slope of tanh" in capsys.readouterr().out


@pytest.mark.parametrize("words, status, complaint", [
    (["exercise", "1.9"], 2, "one that has a check, 1.1 or 1.2"),
    (["exercise", "one"], 2, "lesson and number"),
    (["exercise", "1.9", "right.py"], 2, "one that has a check"),
    (["exercise", "1.1", "nowhere.py"], 1, "nowhere.py: there is no such file"),
    (["exercise", "1.1", "a.py", "b.py"], 2, "unknown argument 'b.py'"),
    (["lessons", "--too", "x"], 2, "did you mean --to"),
])
def test_what_makes_no_sense_is_one_line(words, status, complaint, capsys):
    assert main(words) == status
    said = capsys.readouterr().err
    assert complaint in said and len(said.splitlines()) == 1


def test_an_installation_without_lessons_says_so(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(lessons, "PACKAGE", tmp_path / "feedbackalign")
    assert main(["lessons"]) == 1
    assert "this installation has no lessons" in capsys.readouterr().err


def test_an_installed_package_brings_its_own_lessons(monkeypatch, tmp_path, capsys):
    for folder, question in (("feedbackalign/lessons", "inside"), ("lessons", "beside")):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "01_a.py").write_text(f"# %% [markdown]\n# # 1. {question}\n")
    monkeypatch.setattr(lessons, "PACKAGE", tmp_path / "feedbackalign")
    assert main(["lessons"]) == 0
    assert capsys.readouterr().out == "1. inside\n"
