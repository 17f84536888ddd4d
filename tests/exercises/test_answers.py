"""The checks against answers that nobody wrote for them: what is right is accepted, what is wrong is told so.

The answers are those of tests/exercises/answers. A wrong one that is accepted today stands in `KNOWN_FAULTS`; who mends
a check takes it off the list.
"""

import importlib
from pathlib import Path

import pytest

from feedbackalign.exercises import find
from feedbackalign.exercises.judge import judge
from tests.exercises.answers import KINDS

LESSONS = sorted(int(path.name[:2]) for path in (Path(__file__).parents[2] / "lessons").glob("[0-9][0-9]_*.py"))

# (number, kind) of the wrong answers that a check accepts.
KNOWN_FAULTS = [(number, kind) for kind, numbers in {
    "slope at the kink": "10.2 21.1",
    "0/0": "21.1",
    "index past the end": "11.1",
    "tie counted": "18.2",
    "exp without a shift": "18.2",
}.items() for number in numbers.split()]


def answers(lesson):
    return importlib.import_module(f"tests.exercises.answers.lesson_{lesson:02}").ANSWERS


@pytest.mark.parametrize("lesson", [lesson if lesson % 4 == 1 else pytest.param(lesson, marks=pytest.mark.slow)
                                    for lesson in LESSONS])
def test_right_answers_are_accepted_and_wrong_ones_are_not(lesson):
    for number, which, kind, answer in answers(lesson):
        verdict = judge(number, find(number), answer)
        expected = "right" if (number, kind) in KNOWN_FAULTS else which
        assert verdict.state == expected, f"{number}, {kind or answer.__name__}: {verdict.text}"
        assert "Traceback" not in verdict.text and "\n" not in verdict.text, f"{number}, {kind}: not one sentence"


def test_every_exercise_has_answers_of_either_sort():
    found = {(number, which): 0 for lesson in LESSONS for number in (f"{lesson}.1", f"{lesson}.2")
             for which in ("right", "wrong")}
    for lesson in LESSONS:
        for number, which, _, _ in answers(lesson):
            found[number, which] += 1
    assert [key for key, count in found.items() if count < {"right": 2, "wrong": 4}[key[1]]] == []


def test_every_kind_and_every_known_fault_is_that_of_an_answer():
    given = {(number, kind) for lesson in LESSONS for number, which, kind, _ in answers(lesson) if which == "wrong"}
    assert {kind for _, kind in given} == set(KINDS)
    assert sorted(set(KNOWN_FAULTS) - given) == []
    assert {kind for lesson in LESSONS for _, which, kind, _ in answers(lesson) if which == "right"} == {""}
