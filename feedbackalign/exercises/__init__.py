"""The coded exercises of the lessons, and the checks that say what is wrong with an answer.

    fa.exercise("7.2", my_function)     "not done yet", "right", or in one sentence what is wrong
    fa.exercise("7.2")                  the task
    arguments("7.2")                    one set of arguments that the check uses, to try things with

For authors of lessons
----------------------
A lesson with its exercises is four files, and a line with its picture in lessons/README.md:

    lessons/NN_name.py                          the lesson
    feedbackalign/exercises/lesson_NN.py        tasks, right answers, named mistakes
    tests/solutions/lesson_NN.py                two differently written solutions of each task; not in the wheel
    tests/exercises/test_lesson_NN.py           right ones are accepted, wrong ones get the sentence that fits

**The lesson** is percent format: `# %%` opens a cell of code, `# %% [markdown]` one of text. 80 to 200 lines, one idea,
under 60 s on one core, better under 30. Its first cell is text and begins `# # N. The question it answers`; public
functions of the package only; every Generator has its seed. Pictures are drawn in `with fa.figures.panels("NN_name",
"Title") as axes:`, or handed to `fa.figures.show(figure, "NN_name")`: both save a PNG and show it where there is a
display. Before the exercises a text that begins `# ## Is it so?` heads a cell that asserts every number that the lesson
stated. Then comes a text that begins `# ## Exercises`: three to five of them, numbered `# **3.3**` and so on. The first
two are coded, each a cell of its own with the stub and the call of its check. `tests/test_lessons.py` holds a lesson to
all of this, and its text to names that exist; `tests/lesson_pictures.py` makes the small picture for the map.

    # %%
    def send_back(error, B):
        \"""Exercise 3.1. What it does, with shapes: error (N, out), B (out, in) -> (N, in), equation 2.\"""
        raise NotImplementedError

    fa.exercise("3.1", send_back)

**The exercises' file** holds the same stub, letter by letter (a test compares), and at its end the dict `EXERCISES`:

    EXERCISES = {
        "3.1": Exercise(task=send_back, cases=_errors_and_weights, right=fa.ops.linear.linear_transport, mistakes=[
            ("you left out …", lambda error, B: …),
        ]),
    }

`base.Exercise` says what each field is. The right answer is the package's function wherever there is one: to call it is
allowed, and the printed task says so. A mistake is a sentence and a function of the same arguments; its results are
compared with the student's in every case, so there must be two cases or more, with another N in each. The check
finds these by itself, so do not write them down: wrong shapes, dtypes and types, None, NaN, the transpose, a sign, N
times, 1/N, another constant factor, changed arguments and views of them, loops that never end, exceptions.

**The test** is one call per exercise of `prove` in `tests/exercises/proof.py`: two solutions, the kind (`KINDS` there
lists the wrong answers that a check of this kind must reject), those of the kind that only you can write, and two of
your own, each with words that the sentence must hold. `prove` makes all the general ones by itself; what cannot happen
in your exercise is named in `without`, with the reason. Every mistake of the exercise must occur in a test.
"""

import importlib
import pathlib
import re

from feedbackalign.exercises.base import Exercise
from feedbackalign.exercises.judge import judge
from feedbackalign.validation import require_known

__all__ = ["Exercise", "arguments", "exercise", "find", "numbers", "task"]


def exercise(number, answer=None):
    """Check an answer to an exercise of a lesson, and print whether it is right or what is wrong.

    Parameters
    ----------
    number : str
        "7.2": the second exercise of lesson 7.
    answer : function or class, optional
        Yours; without it the task is printed.

    Raises
    ------
    ValueError
        For an unknown number. What is wrong with the answer is printed, not raised.

    Examples
    --------
    >>> import feedbackalign as fa
    >>> fa.exercise("1.1", lambda error, weight, v: error @ weight)
    exercise 1.1: not right yet: entry [0, 0] of the answer should be ...: you left out the slope of tanh, ...
    """
    asked = find(number)
    print(task(number) if answer is None else judge(number, asked, answer).text)


def task(number):
    """The task of an exercise, as text: the stub with its docstring.

    >>> print(task("1.1").splitlines()[0])
    def hidden_error(error, weight, v):
    """
    lesson = number.split(".")[0]
    return (f"{find(number).text()}\n\n"
            f"# Exercise {number}, of lesson {lesson}. Calling the package's own functions is allowed.")


def arguments(number):
    """The arguments of the first case that the check tries, {name: value}: to call your function with, or to step.

    >>> {name: value.shape for name, value in arguments("1.1").items()}
    {'error': (5, 3), 'weight': (3, 4), 'v': (5, 4)}
    """
    asked = find(number)
    return dict(zip(asked.arguments, asked.draw_cases()[0]))


def find(number):
    """The `Exercise` of a number such as "7.2"."""
    if not isinstance(number, str) or not re.fullmatch(r"\d{1,2}\.\d", number):
        raise ValueError(f'exercise: expected lesson and number in quotes, such as "7.2", got {number!r}')
    lesson = f"lesson_{int(number.split('.')[0]):02d}"
    if lesson not in _lessons():
        require_known(number, numbers(), "exercise")
    exercises = importlib.import_module(f"feedbackalign.exercises.{lesson}").EXERCISES
    if number not in exercises:
        raise ValueError(f"exercise {number}: expected one that has a check, {' or '.join(exercises)}, in lesson "
                         f"{int(lesson[-2:])}; the questions after them are answered by trying out")
    return exercises[number]


def numbers():
    """All exercises there are, in order: ["1.1", "1.2", …]."""
    return [number for lesson in _lessons()
            for number in importlib.import_module(f"feedbackalign.exercises.{lesson}").EXERCISES]


def _lessons():
    """Names of the modules beside this file that hold a lesson's exercises, in order."""
    return sorted(path.stem for path in pathlib.Path(__file__).parent.glob("lesson_*.py"))
