"""`feedbackalign exercise` as a student types it; `lessons` is tested with the lessons themselves."""

import hashlib
import json

import pytest

from feedbackalign import exercises
from feedbackalign.cli import done, lessons
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


def listed(capsys):
    assert main(["exercise"]) == 0
    return {line.split()[0]: line.split()[1] for line in capsys.readouterr().out.splitlines()}


def test_what_is_done_is_remembered_in_this_folder_until_the_reset(tmp_path, capsys):
    assert set(listed(capsys).values()) == {"open"}
    (tmp_path / "wrong.py").write_text(ANSWER.format(""))
    main(["exercise", "1.1", "wrong.py"])
    assert not (tmp_path / done.FILE).exists()
    for number, name, text in [("1.1", "right.py", ANSWER.format(" / np.cosh(v)**2")), (
            "3.2", "größer.py", "from feedbackalign.alignment import angle as angle_between\n")]:
        (tmp_path / name).write_text(text)
        assert main(["exercise", number, name]) == 0
        sha256 = hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()
        kept = json.loads((tmp_path / done.FILE).read_text(encoding="utf-8"))
        assert kept[number] == {"file": name, "sha256": sha256} and "1.1" in kept
    main(["exercise", "1.1", "wrong.py"])
    capsys.readouterr()
    assert [number for number, state in listed(capsys).items() if state == "done"] == ["1.1", "3.2"]
    assert main(["exercise", "--reset"]) == 0
    assert capsys.readouterr().out == "exercises-done.json: deleted\n" and not (tmp_path / done.FILE).exists()
    assert main(["exercise", "--reset"]) == 0 and "there is none here" in capsys.readouterr().out
    assert set(listed(capsys).values()) == {"open"}


@pytest.mark.parametrize("text", ["[]", '{"1.1": {"file": "a.py", "sha256": "0"}}', *(
    pytest.param(text, marks=pytest.mark.slow)
    for text in ("", '{"1.1": "right"}', "[" * 10**5, '{"a": {"file": "a.py", "sha256": "' + 64 * "0" + '"}}'))])
def test_another_file_of_that_name_is_named_and_left_alone(tmp_path, capsys, text):
    (tmp_path / done.FILE).write_text(text)
    (tmp_path / "right.py").write_text(ANSWER.format(" / np.cosh(v)**2"))
    assert main(["exercise"]) == 1
    assert "exercises-done.json: expected what `feedbackalign exercise` has written" in capsys.readouterr().err
    assert main(["exercise", "1.1", "right.py"]) == 0
    said = capsys.readouterr()
    assert said.out == "exercise 1.1: right.\n" and len(said.err.splitlines()) == 1 and "--reset" in said.err
    assert (tmp_path / done.FILE).read_text() == text


def test_an_answer_is_right_where_nothing_can_be_written(tmp_path, capsys):
    (tmp_path / done.FILE).mkdir()
    (tmp_path / "right.py").write_text(ANSWER.format(" / np.cosh(v)**2"))
    assert main(["exercise", "1.1", "right.py"]) == 0
    assert "exercise 1.1: right." in capsys.readouterr().out
    assert main(["exercise", "--reset"]) == 1
    assert "exercises-done.json: cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize("words, status, complaint", [
    (["exercise", "1.9"], 2, "one that has a check, 1.1 or 1.2"),
    (["exercise", "one"], 2, "lesson and number"),
    (["exercise", "1.9", "right.py"], 2, "one that has a check"),
    (["exercise", "1.1", "nowhere.py"], 1, "nowhere.py: there is no such file"),
    (["exercise", "1.1", "."], 1, ".: expected a file, got a folder"),
    (["exercise", "1.1", "a.py", "b.py"], 2, "unknown argument 'b.py'"),
    (["exercise", "1.1", "--reset"], 2, "no exercise beside it"),
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
