"""tests/solutions/lesson_NN.md: for lecturers, an answer with measured numbers to every question that is not coded."""

import re
from pathlib import Path

import pytest

from feedbackalign import exercises
from feedbackalign.cli.lessons import cells, lesson_files

SOLUTIONS = Path(__file__).resolve().parents[1] / "solutions"
LONGEST = 700                                                       # letters: two to five sentences
every_lesson = pytest.mark.parametrize("path", lesson_files(), ids=lambda path: path.stem)


def questions(path):
    """The numbers of a lesson's questions that are not coded, in their order."""
    texts = "\n".join(text for kind, text in cells(path.read_text(encoding="utf-8")) if kind == "markdown")
    return [number for number in re.findall(r"\*\*(\d+\.\d)\*\*", texts.split("## Exercises")[1])
            if number not in exercises.numbers()]


def answers(path):
    """{number of the question: answer, on one line}."""
    text = (SOLUTIONS / f"lesson_{path.stem[:2]}.md").read_text(encoding="utf-8")
    parts = re.split(r"^\*\*(\d+\.\d)\*\* ", text, flags=re.M)
    return {number: " ".join(answer.split()) for number, answer in zip(parts[1::2], parts[2::2])}


@every_lesson
def test_every_question_that_is_not_coded_has_its_answer(path):
    assert questions(path) and list(answers(path)) == questions(path)


@every_lesson
def test_an_answer_is_short_and_has_numbers(path):
    for number, answer in answers(path).items():
        assert re.search(r"\d", answer), f"{number}: measured"
        assert len(re.findall(r"[.:!?](?= |$)", answer)) >= 2 and len(answer) <= LONGEST, number
