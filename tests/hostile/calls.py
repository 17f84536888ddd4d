"""Draws calls from the table, makes them, and judges how they end.

A call has good arguments, or one of them is bad. How it ends is

    right       good: something came back. Bad: a ValueError, a TypeError or an error of ours, raised on purpose, that
                names the argument and says what came
    silent      bad, and something came back
    foreign     an error of another class, or one that Python or NumPy raised; and any error of a good call
    unclear     refused, but the message lacks the argument's name or what came
"""

import ast
import contextlib
import dataclasses
import functools
import inspect
import io
import os
import re
import traceback
import types
import typing
import warnings

import numpy as np

import feedbackalign as fa
from tests.hostile.values import Kind, made

# Names that say as much as the argument's own: symbols of the field, and the words of messages.
ALSO = {"x": ("input of", "samples"), "targets": ("labels",), "sizes": ("size",), "error": ("error of",),
        "inputs": ("Linear",), "classes": ("outputs",), "rows": ("record",), "folder": ("path",),
        "rng": ("Generator",), "init": ("initialiser",), "name": ("data set", "layer"),
        "input_shape": ("inputs per sample",), "phases": ("phase",), "to": ("reference",), "preset": ("decay",),
        "optimizer": ("optimiser",), "augment": ("augmentation",), "options": ("option",),
        "kinds": ("witness",), "witnesses": ("witness",)}


@dataclasses.dataclass(frozen=True)
class Entry:
    """One callable: its arguments, what a method is called on, and whether a good call is quick enough to be made."""

    arguments: dict
    on: typing.Callable = None
    quick: bool = True


class Call(typing.NamedTuple):
    """One call: path, arguments made, and which of them is bad, under which label (both None in a good call)."""

    path: str
    entry: Entry
    arguments: dict
    bad: str
    label: str

    def __str__(self):
        return f"{self.path}({', '.join(self.arguments)}), " + (f"{self.bad}: {self.label}" if self.bad else "good")


class End(typing.NamedTuple):
    verdict: str
    message: str


# ------------------------------------------------------------------------------------------------------------ drawing

def draw(table, rng):
    """One call of a callable drawn from the table: one in ten is good, where that is quick."""
    path = list(table)[rng.integers(len(table))]
    entry = table[path]
    chosen = {name: kind.good[rng.integers(len(kind.good))] for name, kind in entry.arguments.items()}
    if entry.quick and rng.random() < 0.1:
        return Call(path, entry, chosen, None, None)
    breakable = [name for name, kind in entry.arguments.items() if bad_labels(kind)]
    if not breakable:
        return Call(path, entry, chosen, None, None)
    name = breakable[rng.integers(len(breakable))]
    labels = bad_labels(entry.arguments[name])
    label = labels[rng.integers(len(labels))]
    return Call(path, entry, chosen | {name: entry.arguments[name].bad[label]}, name, label)


def every(table):
    """Every bad value of every argument once, beside the first good values; and every good value."""
    for path, entry in table.items():
        usual = {name: kind.good[0] for name, kind in entry.arguments.items()}
        for name, kind in entry.arguments.items():
            for value in kind.good if entry.quick else ():
                yield Call(path, entry, usual | {name: value}, None, None)
            for label in bad_labels(kind):
                yield Call(path, entry, usual | {name: kind.bad[label]}, name, label)


def bad_labels(kind: Kind):
    return list(kind.bad)


# ------------------------------------------------------------------------------------------------- making and judging

def find(path):
    return functools.reduce(getattr, path.split("."), fa)


def make(call):
    """Make the call and see how it ends."""
    arguments = {name: made(value) for name, value in call.arguments.items()}
    if call.entry.on is None:
        function = find(call.path)
    else:
        function = getattr(call.entry.on(), call.path.rpartition(".")[2])
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            returned = function(**arguments)
            if isinstance(returned, types.GeneratorType):
                next(returned)
            elif hasattr(returned, "__enter__"):
                with returned:
                    pass
    except BaseException as error:
        if isinstance(error, (KeyboardInterrupt, SystemExit)):
            raise
        return judged(call, arguments, error)
    return End("silent", f"returned {type(returned).__name__}") if call.bad else End("right", "")


def judged(call, arguments, error):
    says = f"{type(error).__name__}: {error}"
    if call.bad is None or not is_ours(error):
        return End("foreign", says)
    value = arguments[call.bad]
    named = names(str(error), call.bad) or isinstance(value, (str, os.PathLike)) and str(value) in str(error)
    clear = named and tells(str(error), value)                  # a file is named by its path
    return End("right" if clear else "unclear", says)


def is_ours(error):
    """Whether this is a ValueError, a TypeError or of a class of ours, and a `raise` in the package raised it."""
    if not (type(error) in (ValueError, TypeError) or type(error).__module__.startswith("feedbackalign")):
        return False
    last = traceback.extract_tb(error.__traceback__)[-1]
    return "feedbackalign/" in last.filename.replace("\\", "/") and last.lineno in raising_lines(last.filename)


@functools.lru_cache(maxsize=None)
def raising_lines(filename):
    """The lines of a file on which a `raise` stands, all of them where it is long."""
    with open(filename, encoding="utf-8") as file:
        tree = ast.parse(file.read())
    return {line for node in ast.walk(tree) if isinstance(node, ast.Raise)
            for line in range(node.lineno, node.end_lineno + 1)}


def names(message, argument):
    """Whether a message names an argument: as it is written, with spaces, or in the words of `ALSO`."""
    words = {argument, argument.replace("_", " "), argument.rstrip("s").replace("_", " "), *ALSO.get(argument, ())}
    return any(re.search(rf"(?<!\w){re.escape(word)}s?(?!\w)", message) for word in words)


def tells(message, value):
    """Whether a message says what came: the value or its beginning, its type, its shape, or one thing in it."""
    return any(text and text in message for text in signs(value))


def signs(value, depth=0):
    found = {type(value).__name__, repr(value)[:20], str(value)[:20]}
    with contextlib.suppress(TypeError, ValueError, OverflowError):
        found.add(f"{value:g}")
    if isinstance(value, np.ndarray):
        found |= {str(value.shape), str(value.shape[1:]), value.dtype.name}
        found |= {str(entry) for entry in value.ravel()[:100]}
    if isinstance(value, (str, bytes)):
        found |= {"empty", "none"} if not value else set()
    elif inspect.isclass(value) or inspect.isfunction(value):
        found.add(value.__name__)
    elif hasattr(value, "__len__") and not isinstance(value, np.ndarray):
        with contextlib.suppress(TypeError):
            found.add(f"{len(value)}")
            found |= {"none", "empty"} if not len(value) else set()
    if isinstance(value, (list, tuple, dict)) and depth < 2:
        found |= {sign for entry in list(value)[:20] for sign in signs(entry, depth + 1)}
        if isinstance(value, dict):
            found |= {sign for entry in list(value.values())[:20] for sign in signs(entry, depth + 1)}
    return found
