"""What a user's own file holds: a rule's class, or a function that makes data or a network, as FILE.py:NAME.

The file is imported once and again when its bytes change. Where its code raises, `place_of` says file and line.
"""

import hashlib
import importlib.util
import inspect
import pathlib
import sys
import traceback

PREFIX = "feedbackalign_user_"                      # of the names that these modules have


class UserFileError(ValueError):
    """A user's file that cannot be found, raises while it is imported, or holds no such name."""


def find_in_file(reference, what, example):
    """What stands behind "FILE.py:NAME" in that file; None where the file has no such name.

    `what` and `example` are words for the message: "rule", "my_rule.py:MyRule".
    """
    path, _, name = reference.rpartition(":")                                   # the last: C:\x\my_rule.py:MyRule
    if not path.endswith(".py") or not name:
        kind = "CLASS" if what == "rule" else "FUNCTION"
        raise UserFileError(f"{what} {reference!r}: expected FILE.py:{kind}, for example {example}")
    file = pathlib.Path(path).expanduser().resolve()
    if not file.is_file():
        why = "expected a file, got a folder" if file.is_dir() else "there is no such file"
        raise UserFileError(f"{what} file {path}: {why}")
    return getattr(_module_of(file, f"{what} file {path}"), name, None)


def _module_of(file, what):
    """The module of a file, imported anew if its bytes are others than they were."""
    name = f"{PREFIX}{file.stem}_{hashlib.sha256(str(file).encode()).hexdigest()[:8]}"   # other folders have such too
    source = file.read_bytes()
    sha256 = hashlib.sha256(source).hexdigest()
    module = sys.modules.get(name)
    if getattr(module, "__file__", None) == str(file) and module.sha256 == sha256:
        return module
    module = importlib.util.module_from_spec(importlib.util.spec_from_file_location(name, file))
    module.sha256 = sha256
    sys.modules[name] = module
    try:
        exec(compile(source, file, "exec"), vars(module))           # not by its loader: that may know older bytes
    except (Exception, SystemExit) as error:
        place = place_of(error)
        del sys.modules[name]
        line = place[len(file.name):] if place else ""
        raise UserFileError(f"{what}{line}: {type(error).__name__} while it was imported: {error}") from error
    return module


def file_of(thing):
    """The file that holds a class or function; None where it was typed into a running Python.

    >>> file_of(find_in_file).name, file_of(eval("lambda: 1"))
    ('user_file.py', None)
    """
    try:
        file = pathlib.Path(inspect.getsourcefile(thing))
    except (TypeError, OSError):
        return None
    return file if file.is_file() else None


def is_own(thing):
    """Whether a class or function is not this package's."""
    return thing.__module__.split(".")[0] != __name__.split(".")[0]


def can_be_imported(thing):
    """Whether another process finds this class or function by its name.

    >>> can_be_imported(find_in_file), can_be_imported(lambda: 1)
    (True, False)
    """
    module, found = sys.modules.get(thing.__module__), None
    if module is not None and not module.__name__.startswith(PREFIX):
        found = getattr(module, thing.__qualname__.split(".")[0], None)
        for name in thing.__qualname__.split(".")[1:]:
            found = getattr(found, name, None)
    typed_in = thing.__module__ == "__main__" and not pathlib.Path(getattr(module, "__file__", None) or "").is_file()
    return found is thing and not typed_in


def place_of(error):
    """Where in a user's file an error arose, "my_rule.py, line 4"; None where none is to blame.

    An error of this package's own kinds says what it has to say in its text.
    """
    if is_own(type(error)):
        files = {module.__file__: pathlib.Path(module.__file__).name for name, module in list(sys.modules.items())
                 if name.startswith(PREFIX)}
        for frame in reversed(traceback.extract_tb(error.__traceback__)):
            if frame.filename in files:
                return f"{files[frame.filename]}, line {frame.lineno}"
    return getattr(error, "place", None)            # of an error that came from another process


def note_place(error):
    """Make an error keep its place on its way to another process, where its traceback is text."""
    place = place_of(error)
    if place is not None:
        error.place = place
