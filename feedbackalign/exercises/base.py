"""An exercise: a task, arguments to try, the right answer, and known mistakes with a hint for each."""

import dataclasses
import inspect
import typing
import zlib

import numpy as np

from feedbackalign.rules.option_help import docstring


@dataclasses.dataclass(frozen=True)
class Exercise:
    """One coded exercise of a lesson.

    Attributes
    ----------
    task : function
        The stub, equal to the lesson's letter by letter: its name, signature and docstring are the task. It raises
        NotImplementedError.
    cases : callable
        rng -> list of tuples of arguments: arrays and numbers, square ones only where the task says (d, d), and
        another N in every case.
    right : callable
        *arguments -> the answer: an array, a number, or a tuple of such. Best by the package's own functions.
    mistakes : sequence of (str, callable)
        A hint, and a function of the same arguments that makes the mistake. An answer that equals its results in every
        case gets the hint.
    parts : sequence of str
        Names for the parts of a tuple, in order.
    batch : str, optional
        The argument whose first axis is the batch, to recognise "N times"; `error` or `x` by default.
    tolerance : float
        Largest difference, relative to the largest entry of the right answer.
    """

    task: typing.Callable
    cases: typing.Callable
    right: typing.Callable
    mistakes: typing.Sequence = ()
    parts: typing.Sequence = ()
    batch: str = None
    tolerance: float = 1e-9

    @property
    def name(self):
        return self.task.__name__

    @property
    def arguments(self):
        """Names of the arguments, in order."""
        return list(inspect.signature(self.task).parameters)

    def text(self):
        """The task as it stands in the lesson: the stub's source."""
        return inspect.getsource(self.task).rstrip()

    def summary(self):
        """The first line of the task's docstring, without the number."""
        return docstring(self.task).splitlines()[0].split(". ", 1)[-1]

    def draw_cases(self):
        """The arguments of every case, the same every time."""
        return self.cases(np.random.default_rng(zlib.crc32(self.name.encode("utf-8"))))

    def samples_in(self, arguments):
        """N of a case, or None if the exercise has no batch."""
        named = dict(zip(self.arguments, arguments))
        name = self.batch or next((usual for usual in ("error", "x") if usual in named), None)
        return None if name is None else len(named[name])
