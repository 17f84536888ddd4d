"""The exercises as a whole: found by their number, printed, tried, and all of them built alike."""

import importlib
import inspect
import sys
from pathlib import Path

import numpy as np
import pytest

import feedbackalign as fa
from feedbackalign import exercises
from feedbackalign.exercises import hints
from feedbackalign.exercises.plain import arrays_in
from feedbackalign.exercises.solution_file import verdict_on
from tests.exercises.kinds import ROWS, answers

SOLUTIONS = Path(__file__).resolve().parents[1] / "solutions"


def test_exercise_prints_a_verdict_or_the_task(capsys):
    fa.exercise("1.1", lambda error, weight, v: error @ weight * (1 - np.tanh(v)**2))
    assert capsys.readouterr().out == "exercise 1.1: right.\n"
    fa.exercise("1.1")
    out = capsys.readouterr().out
    assert out.startswith("def hidden_error(error, weight, v):") and "package's own functions is allowed" in out


@pytest.mark.parametrize("number, words", [
    ("1.9", "expected one that has a check, 1.1 or 1.2, in lesson 1"), ("99.1", "unknown exercise"),
    ("1", "lesson and"), (1.1, "in quotes"), ("../1.1", "lesson and"), ("", "lesson and")])
def test_an_unknown_number_is_refused(number, words):
    with pytest.raises(ValueError, match=words):
        fa.exercise(number)


@pytest.mark.parametrize("number", exercises.numbers())
def test_every_exercise_is_built_alike(number):
    exercise = exercises.find(number)
    assert inspect.getdoc(exercise.task).startswith(f"Exercise {number}. ")
    assert len(exercise.summary()) > 10
    once, again = exercise.draw_cases(), exercise.draw_cases()
    assert len(once) >= 2, "one case may come out right by chance"
    for one, other in zip(once, again):
        assert all(map(np.array_equal, arrays_in(one), arrays_in(other))), "drawn anew every time"
        assert list(exercises.arguments(number)) == exercise.arguments and len(one) == len(exercise.arguments)
        for array in arrays_in(one):
            is_square = array.ndim == 2 and array.shape[0] == array.shape[1]
            assert not is_square or "(d, d)" in exercise.text(), "a square that need not be one hides a transpose"
    sizes = [exercise.samples_in(case) for case in once]
    assert None in sizes or len(set(sizes)) > 1, "N must differ, or N times is five times"
    for sentence, mistake in exercise.mistakes:
        assert sentence[-1] not in ".?!", f"{sentence!r} ends a longer sentence, which has its own full stop"
        assert any(differs(exercise, mistake, arguments) for _, arguments in exercise.trials()), \
            f"{sentence!r} describes the right answer"


def test_the_table_of_kinds_has_a_row_for_every_exercise():
    assert list(ROWS) == exercises.numbers()


@pytest.mark.parametrize("number", exercises.numbers())
def test_limits_are_drawn_alike_and_have_a_finite_answer(number):
    exercise = exercises.find(number)
    once, again = exercise.draw_limits(), exercise.draw_limits()
    assert once, "where does its formula show what it is?"
    for limit, arguments in once.items():
        assert limit and len(arguments) == len(exercise.arguments)
        assert all(map(np.array_equal, arrays_in(arguments), arrays_in(again[limit]))), "drawn anew every time"
        assert all(np.isfinite(array).all() for array in arrays_in((*parts_of(exercise.right(*arguments)),)))
    if exercise.samples_in(exercise.draw_cases()[0]) is not None:
        assert 1 in map(exercise.samples_in, once.values()), "no limit has one sample"


@pytest.mark.parametrize("number", ROWS)
def test_every_row_of_the_table_has_its_proof(number):
    lesson, place = number.split(".")
    module = importlib.import_module(f"tests.exercises.test_lesson_{int(lesson):02d}")
    assert f'prove("{number}"' in inspect.getsource(getattr(module, f"test_{lesson}_{place}"))
    assert set(answers(number)) == set(hints.KINDS) and "" not in answers(number).values()


@pytest.mark.parametrize("number", exercises.numbers())
def test_every_exercise_has_a_solution_in_a_file(number, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    lesson = int(number.split(".")[0])
    verdict = verdict_on(number, SOLUTIONS / f"lesson_{lesson:02d}.py")
    assert verdict.right, verdict.text


def parts_of(value):
    return [np.asarray(part) for part in (value if isinstance(value, tuple) else [value])]


def differs(exercise, mistake, arguments):
    """Whether the mistake is far from the right answer here, or is none at this limit."""
    try:
        wrong = parts_of(mistake(*arguments))
    except Exception:
        return True
    right = parts_of(exercise.right(*arguments))
    return len(wrong) != len(right) or not all(
        mine.shape == theirs.shape and np.allclose(mine, theirs, rtol=1e-6, atol=1e-6 * np.abs(mine).max(initial=0))
        for mine, theirs in zip(right, wrong))


def test_the_numbers_are_in_order():
    numbers = exercises.numbers()
    assert numbers == sorted(set(numbers), key=lambda number: tuple(map(int, number.split("."))))
