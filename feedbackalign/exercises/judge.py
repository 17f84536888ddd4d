"""Judge an answer to an exercise: "not done yet", "right", or in one sentence what is wrong. Never a traceback."""

import ast
import contextlib
import copy
import dataclasses
import inspect
import warnings
import io
import os
import textwrap

import numpy as np

from feedbackalign.exercises import guard
from feedbackalign.exercises.explanation import complaint
from feedbackalign.exercises.plain import arrays_in, plain
from feedbackalign.validation import describe

SECONDS = 5.0               # of computing that one case may take

OPERATORS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.MatMult: "@", ast.Pow: "**",
             ast.FloorDiv: "//", ast.Mod: "%"}


@dataclasses.dataclass(frozen=True)
class Verdict:
    """state is "right", "not done" or "wrong"; text is the sentence for the student."""

    state: str
    text: str

    @property
    def right(self):
        return self.state == "right"


def not_right(number, wrong):
    """The verdict on a wrong answer."""
    wrong = guard.one_line(wrong)
    return Verdict("wrong", f"exercise {number}: not right yet: {wrong}{'' if wrong.endswith('?') else '.'}")


def judge(number, exercise, candidate, seconds=SECONDS):
    """Try the candidate on every case and at every limit of the exercise -> Verdict. Warnings are no faults."""
    trials, answers, failure = exercise.trials(), [], None
    wrong = _unfit(exercise, candidate, trials[0][1])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for limit, arguments in trials if wrong is None else ():
                answer, failure = _answer(exercise, candidate, arguments, seconds)
                if failure:
                    wrong = None if limit else failure
                    break
                answers.append(answer)
            wrong = wrong or complaint(exercise, trials, answers, failure,
                                       ask=lambda arguments: _asked(exercise, candidate, arguments, seconds))
    except NotImplementedError:
        return Verdict("not done", f"exercise {number}: not done yet.")
    return not_right(number, wrong) if wrong else Verdict("right", f"exercise {number}: right.")


def _unfit(exercise, candidate, arguments):
    """A sentence if the candidate is no function, or does not accept these arguments."""
    if not callable(candidate) or issubclass(type(candidate), type):
        return f"expected the function {exercise.name}, without brackets after its name, got {describe(candidate)}"
    try:
        signature = inspect.signature(candidate)
    except Exception:                                               # a built-in has none; the call will tell
        return None
    try:
        signature.bind(*arguments)
    except TypeError:
        return f"your function takes {_names_alone(signature)}, expected ({', '.join(exercise.arguments)})"
    return None


def _names_alone(signature):
    """The signature without annotations and defaults, for those may be anything."""
    nothing = inspect.Parameter.empty
    bare = [parameter.replace(annotation=nothing, default=nothing) for parameter in signature.parameters.values()]
    return inspect.Signature(bare)


def _answer(exercise, candidate, arguments, seconds):
    """(the candidate's answer, None), or (None, a sentence)."""
    given, mine = copy.deepcopy(arguments), os.getpid()
    try:
        answer = guard.call(lambda: plain(candidate(*given)), seconds)
    except guard.Failed as failed:
        return None, f"your function {failed}"
    finally:
        if os.getpid() != mine:                                     # a copy that os.fork made would try on
            os._exit(0)
    for name, was, now in zip(exercise.arguments, arguments, given):
        if not _is_unchanged(was, now):
            return None, f"your function changes its argument {name}: {_remedy(candidate, name)}"
        if any(np.may_share_memory(mine, theirs) for mine in arrays_in(answer) for theirs in arrays_in(now)):
            return None, (f"your function returns its argument {name} itself, or a view of it: a change of one is a "
                          f"change of the other, so return a copy")
    return copy.deepcopy(answer), None


def _asked(exercise, candidate, arguments, seconds):
    """The candidate's answer to arguments that are no trial, or None: nothing is printed, and no breakpoint reached."""
    if guard.being_debugged():
        return None
    with contextlib.redirect_stdout(io.StringIO()):
        return _answer(exercise, candidate, arguments, seconds)[0]


def _is_unchanged(was, now):
    """Whether the arrays are what they were; what can no longer be compared is not."""
    try:
        before, after = arrays_in(was), arrays_in(now)
        return len(before) == len(after) and all(np.array_equal(one, other) for one, other in zip(before, after))
    except Exception:                                               # the function put something else in their place
        return False


def _remedy(candidate, name):
    """How to leave an argument as it is: another operator where the source has `name += …`, else a copy."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(candidate)))
        signs = [OPERATORS[type(node.op)] for node in ast.walk(tree) if isinstance(node, ast.AugAssign)
                 and isinstance(node.target, ast.Name) and node.target.id == name]
    except Exception:                                               # there is no source, or it is half a statement
        signs = []
    return f"write {name} = {name} {signs[0]} …, not {name} {signs[0]}= …" if signs else "work on a copy of it"
