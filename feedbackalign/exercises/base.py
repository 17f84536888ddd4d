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
    limits : callable
        rng -> {"one sample": arguments, "parallel arrays": arguments, …}, tried after the cases. What goes wrong only
        there is said with the limit's name, "with one sample: …". Every entry of `right` must be finite there. An
        epsilon in a denominator is told by what it does where the name holds the word "tiny".
    mistakes : sequence of (str, callable)
        A hint, and a function of the same arguments that makes the mistake. An answer that equals its results in every
        case and at every limit gets the hint; nan in a result equals nan, an error, and the right answer. Begin the
        hint with its kind, of `feedbackalign.exercises.hints`.
    parts : sequence of str
        Names for the parts of a tuple, in order.
    batch : str, optional
        The argument whose first axis is the batch, to recognise "N times"; `error` or `x` by default.
    counted : str
        What N counts, as in "divide by the number of samples".
    tolerance, at_least : float
        Largest difference, relative to the largest entry of the right answer, or to `at_least` if that is larger: an
        arccos has an error of 1e-6 degrees where the angle is 0.
    """

    task: typing.Callable
    cases: typing.Callable
    right: typing.Callable
    limits: typing.Callable = lambda rng: {}
    mistakes: typing.Sequence = ()
    parts: typing.Sequence = ()
    batch: str = None
    counted: str = "samples"
    tolerance: float = 1e-9
    at_least: float = 1e-300

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
        return self.cases(_rng(self.name))

    def draw_limits(self):
        """{name: arguments} of every limit, the same every time."""
        return self.limits(_rng(f"{self.name} limits"))

    def trials(self):
        """[(name of the limit, or "", arguments), …]: the cases, then the limits."""
        return [("", arguments) for arguments in self.draw_cases()] + list(self.draw_limits().items())

    def samples_in(self, arguments):
        """N of a case, or None if the exercise has no batch."""
        named = dict(zip(self.arguments, arguments))
        name = self.batch or next((usual for usual in ("error", "x") if usual in named), None)
        return None if name is None else len(named[name])


def _rng(text):
    return np.random.default_rng(zlib.crc32(text.encode("utf-8")))
