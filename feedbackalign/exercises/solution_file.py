"""Check the answer to an exercise in a file, in a process of its own: whatever the file does, there is a verdict."""

import difflib
import os
import pathlib
import sys

from feedbackalign.exercises import find, guard, own_process
from feedbackalign.exercises.judge import judge, not_right
from feedbackalign.exercises.loading import load
from feedbackalign.training.threads import THREAD_VARIABLES

SECONDS = 60.0              # longest time for the whole file
START = ("import sys; sys.path[:] = [sys.argv[1], *filter(None, sys.path)]; "       # "" may hold a numpy.py
         "from feedbackalign.exercises.solution_file import main; main(*sys.argv[2:])")


def check_file(number, path, seconds=SECONDS):
    """Judge a file in a separate process: -> (what was printed, with the verdict at the end; whether it is right).

    Raises ValueError for an unknown exercise, a missing file, or a notebook.
    """
    exercise = find(number)
    path = pathlib.Path(path).expanduser()
    if path.suffix == ".ipynb":
        raise ValueError(f"{path}: expected a .py file; in a notebook write fa.exercise({number!r}, {exercise.name}) "
                         f"in a cell below the function")
    if not path.is_file():
        raise ValueError(f"{path}: {'expected a file, got a folder' if path.is_dir() else 'there is no such file'}")
    package = pathlib.Path(__file__).resolve().parents[2]
    environment = {**dict.fromkeys(THREAD_VARIABLES, "1"), **os.environ,
                   "PYTHONIOENCODING": "utf-8:replace", "MPLBACKEND": "Agg"}
    command = [sys.executable, "-u", "-c", START, str(package), number, str(path)]
    reply = own_process.ask(command, seconds, environment)
    if reply.answer:
        right, text = reply.answer
    elif reply.ended:
        right, text = False, not_right(number, f"the process that ran {path.name} died ({reply.ended})").text
    else:
        right, text = False, not_right(number, f"{path.name} did not come to an end within {seconds:g} seconds").text
    return "\n".join(filter(None, (reply.printed.rstrip(), text))), right


def main(number, path):
    """In the separate process, where everything is as for `python FILE`: answer whether it is right, and the text."""
    answer = own_process.may_answer()
    sys.path.append(sys.path.pop(0))
    sys.argv = [path]
    try:
        verdict = verdict_on(number, path)
    except BaseException as error:                                  # a KeyboardInterrupt of the file's own
        verdict = not_right(number, f"{pathlib.Path(path).name} {guard.in_words(error)}")
    answer([verdict.right, verdict.text])


def verdict_on(number, path):
    """The verdict on the definition in this file that has the exercise's name."""
    exercise, name = find(number), pathlib.Path(path).name
    try:
        names = guard.call(lambda: load(path, exercise.name), SECONDS)
    except guard.Failed as failed:
        return not_right(number, f"{name} {failed}")
    except NotImplementedError as error:
        return not_right(number, f"{name} {guard.in_words(error)}")
    if exercise.name not in names:
        mine = [name for name, value in names.items() if callable(value) and not name.startswith("_")]
        near = difflib.get_close_matches(exercise.name, mine, n=1)
        return not_right(number, f"{name} defines no {exercise.name}{f' (but {near[0]})' if near else ''}")
    return judge(number, exercise, names[exercise.name])
