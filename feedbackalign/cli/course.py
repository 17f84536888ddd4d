"""The commands of the course: `feedbackalign lessons` and `feedbackalign exercise`."""

from feedbackalign import exercises
from feedbackalign.cli import done
from feedbackalign.cli.arguments import UsageError
from feedbackalign.cli.errors import warn
from feedbackalign.cli.folders import writable_folder
from feedbackalign.cli.lessons import copy_lessons, lesson_files, title
from feedbackalign.cli.streams import say
from feedbackalign.data import DataError
from feedbackalign.exercises.solution_file import check_file


def lessons(arguments):
    """List the lessons, or copy them into a folder as scripts or notebooks."""
    if arguments.to is None:
        if arguments.notebook:
            raise UsageError("--notebook: expected --to DIR with it")
        for path in lesson_files():
            say(title(path))
        return
    written, kept = copy_lessons(writable_folder(arguments.to), as_notebooks=arguments.notebook)
    for path in written:
        say(path)
    for path in kept:
        say(f"{path}: left as it is, for it differs from what would be written")


def exercise(arguments):
    """Print all exercises, the task of one, or the verdict on an answer; status 1 unless it is right."""
    if arguments.reset:
        if arguments.number is not None:
            raise UsageError("--reset: expected no exercise beside it; it forgets all that are done")
        say(f"{done.FILE}: {'deleted' if done.forget() else 'there is none here'}")
        return
    if arguments.number is None:
        finished = done.read()
        for number in exercises.numbers():
            say(f"{number:5} {'done' if number in finished else 'open'}  {exercises.find(number).summary()}")
        return
    try:
        exercises.find(arguments.number)
    except ValueError as error:
        raise UsageError(str(error)) from error
    if arguments.file is None:
        say(exercises.task(arguments.number))
        return
    if not arguments.file.strip():
        raise UsageError(f"FILE.py: expected the name of a file, got {arguments.file!r}")
    sha256 = done.fingerprint(arguments.file)
    printed, right = check_file(arguments.number, arguments.file)
    say(printed)
    if right:
        try:
            done.remember(arguments.number, arguments.file, sha256)
        except (OSError, DataError) as error:                           # the answer is right all the same
            warn(str(error))
    return 0 if right else 1
