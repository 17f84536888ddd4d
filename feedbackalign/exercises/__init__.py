"""The coded exercises of the lessons, and the checks that say what is wrong with an answer.

    fa.exercise("7.2", my_function)     "not done yet", "right", or what is wrong, in one sentence
    fa.exercise("7.2")                  the task
    arguments("7.2")                    one set of arguments that the check uses, to try things with

lesson_01 … lesson_22 hold the exercises of one lesson each; tests/exercises/README.md says how to write one.
"""

import importlib
import pathlib
import re

from feedbackalign.exercises import guard
from feedbackalign.exercises.base import Exercise
from feedbackalign.exercises.judge import judge
from feedbackalign.validation import require_known

__all__ = ["Exercise", "arguments", "exercise", "find", "numbers", "task"]


def exercise(number, answer=None):
    """Check an answer to an exercise of a lesson, and print whether it is right or what is wrong.

    number is for example "7.2", the second exercise of lesson 7; answer is your function. Without an answer the task is
    printed. An unknown number raises ValueError; what is wrong with the answer is printed, not raised.

    Your function runs in this very process, so less is promised than by `feedbackalign exercise 7.2 FILE.py`, which has
    a process for it and a verdict whatever it does. Here a loop in Python is ended, but not one inside a call of NumPy;
    only what goes through sys.stdout is cut; os._exit ends your session; and a module that is changed stays so.

    >>> import feedbackalign as fa
    >>> fa.exercise("1.1", lambda error, weight, v: error @ weight)
    exercise 1.1: not right yet: entry [0, 0] of the answer should be ...: you left out the slope of tanh, ...
    """
    asked = find(number)
    if answer is None:
        print(task(number))
        return
    with guard.limited_printing():
        verdict = judge(number, asked, answer)
    print(verdict.text)


def task(number):
    """The task of an exercise, as text: the stub with its docstring.

    >>> print(task("1.1").splitlines()[0])
    def hidden_error(error, weight, v):
    """
    asked = find(number)
    return (f"{asked.text()}\n\n"
            f"# Exercise {number}, of lesson {number.split('.')[0]}. Calling the package's own functions is allowed.")


def arguments(number):
    """The arguments of the first case that the check tries, {name: value}: call your function with them.

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
    """The numbers of all exercises, in order: ["1.1", "1.2", …]."""
    return [number for lesson in _lessons()
            for number in importlib.import_module(f"feedbackalign.exercises.{lesson}").EXERCISES]


def _lessons():
    """Names of the modules lesson_NN beside this file, in order."""
    return sorted(path.stem for path in pathlib.Path(__file__).parent.glob("lesson_*.py"))
