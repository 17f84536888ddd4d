"""The exercises as a whole: found by their number, printed, tried, and all of them built alike."""

import inspect
import sys
from pathlib import Path

import numpy as np
import pytest

import feedbackalign as fa
from feedbackalign import exercises
from feedbackalign.exercises.plain import arrays_in
from feedbackalign.exercises.solution_file import verdict_on

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
        differs = [not same(exercise.right(*case), mistake(*case)) for case in once]
        assert any(differs), f"{sentence!r} describes the right answer"


@pytest.mark.parametrize("number", exercises.numbers())
def test_every_exercise_has_a_solution_in_a_file(number, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    lesson = int(number.split(".")[0])
    verdict = verdict_on(number, SOLUTIONS / f"lesson_{lesson:02d}.py")
    assert verdict.right, verdict.text


def same(one, other):
    pairs = list(zip(one, other)) if isinstance(one, tuple) else [(one, other)]
    return all(np.shape(mine) == np.shape(theirs) and np.allclose(mine, theirs, rtol=1e-6) for mine, theirs in pairs)


def test_the_numbers_are_in_order():
    numbers = exercises.numbers()
    assert numbers == sorted(set(numbers), key=lambda number: tuple(map(int, number.split("."))))
