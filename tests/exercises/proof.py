"""The exercises' checks are checked: what is right is accepted, what is wrong is told what it is.

    def test_3_1():
        prove("3.1", right=[solutions.send_back, solutions.send_back_by_loops],
              kinds={"slope left out": lambda error, B, v: error @ B, ...},
              own={"two of your own": (function, "words that the sentence holds"), ...},
              without={"endless": "why it cannot happen here"})

`GENERAL` is made from the first right solution and wanted of every check. So are the kinds of mistakes that
`made_from` makes; the others to which `kinds.ROWS` says "yes" are written by you, in `kinds`: a function, or several.
"""

import copy

import numpy as np

from feedbackalign.exercises import explanation, find, hints
from feedbackalign.exercises.difference import difference
from feedbackalign.exercises.judge import judge
from feedbackalign.exercises.plain import arrays_in
from tests.exercises.kinds import ROWS, answers


def every(change):
    """right -> a wrong answer: the change at every array (or number) that it returns."""
    def wrong_kind(right):
        return lambda *arguments: _at_every_part(change, right(*arguments))
    return wrong_kind


def _at_every_part(change, value):
    if isinstance(value, (tuple, list)):
        return tuple(_at_every_part(change, part) for part in value)
    return change(value)


def in_longdouble(right):
    """The same answer in more digits."""
    return every(lambda part: np.asarray(part, dtype=np.longdouble) if np.asarray(part).dtype == np.float64 else part)(
        right)


def changing_an_argument(right):
    """The right answer, but an argument is not what it was."""
    def wrong(*arguments):
        answer = copy.deepcopy(right(*arguments))
        for array in arrays_in(arguments)[:1]:
            array += 1
        return answer
    return wrong


def returning_a_view(right):
    """An argument, or a view of it, for an answer."""
    return lambda *arguments: arrays_in(arguments)[0][:1]


def raising(right):
    def wrong(*arguments):
        raise KeyError("no such thing")
    return wrong


def ending_the_program(right):
    def wrong(*arguments):
        raise SystemExit
    return wrong


def endless(right):
    def wrong(*arguments):
        while True:
            try:
                len(arguments)
            except Exception:
                pass
    return wrong


GENERAL = {
    "None": (lambda right: lambda *arguments: None, "None"),
    "NaN": (every(lambda part: part * np.nan), "nan"),
    "list": (every(lambda part: [1.0, 2.0]), "got"),
    "text": (every(lambda part: "0.5"), "got"),
    "float32": (every(lambda part: np.asarray(part, dtype=np.float32) if np.ndim(part) else "0.5"), ""),
    "one axis more": (every(lambda part: np.asarray(part)[None]), "shape"),
    "zero": (every(lambda part: part * 0.0), "zero"),
    "twice": (every(lambda part: part * 3.0), "3 times"),
    "one entry": (every(lambda part: part + np.eye(1, np.size(part)).reshape(np.shape(part)) * 0.5), "should be"),
    "nothing for arguments": (lambda right: lambda: right(), "takes ()"),
    "argument returned": (returning_a_view, "a view of it"),
    "argument changed": (changing_an_argument, "changes its argument"),
    "raises": (raising, "raised KeyError"),
    "exit": (ending_the_program, "ended the program"),
    "endless": (endless, "still computing"),
}


def made_from(right, exercise):
    """{kind: wrong answers} of the kinds that can be made from a right answer without knowing the exercise."""
    made = {kind: [every(change)(right) for words, change in explanation.CHANGES.items() if phrase in words]
            for kind, phrase in hints.KINDS.items()}
    if None not in (exercise.samples_in(arguments) for _, arguments in exercise.trials()):
        made["no mean"] = [times_N_to_the(1.0, right, exercise)]
        made["mean twice"] = [times_N_to_the(-1.0, right, exercise)]
    made["hard-coded"] = [keeping(right, place, number) for place, number in enumerate(exercise.draw_cases()[0])
                          if isinstance(number, float)]
    differing = {kind: [wrong for wrong in candidates if differs(exercise, right, wrong)]
                 for kind, candidates in made.items()}
    return {kind: candidates for kind, candidates in differing.items() if candidates}


def times_N_to_the(power, right, exercise):
    """The right answer times a power of the batch size."""
    return lambda *arguments: every(lambda part: part * exercise.samples_in(arguments)**power)(right)(*arguments)


def keeping(right, place, number):
    """The right answer, but with one number instead of an argument."""
    return lambda *arguments: right(*arguments[:place], number, *arguments[place + 1:])


def differs(exercise, right, wrong):
    """Whether the two give something else in one trial at least."""
    return any(difference(wrong(*arguments), exercise.right(*arguments), exercise) is not None
               for _, arguments in copy.deepcopy(exercise.trials()))


def prove(number, *, right, own, kinds=None, without=None):
    """Assert that the check accepts all of `right`, and rejects every wrong answer with the words beside it."""
    exercise = find(number)
    without = without or {}
    assert len(right) >= 2 and len(own) >= 2, f"{number}: expected two right answers and two wrong ones of its own"
    for candidate in right:
        verdict = judge(number, exercise, candidate)
        assert verdict.right, verdict.text
        assert judge(number, exercise, in_longdouble(candidate)).right, f"{number}: longdouble is not accepted"
    assert judge(number, exercise, exercise.task).state == "not done"

    first = right[0]
    candidates = {name: (make(first), words) for name, (make, words) in GENERAL.items() if name not in without}
    candidates |= every_yes(number, made_from(first, exercise), kinds or {})
    said = [rejected(number, name, *entry) for name, entry in {**candidates, **own}.items()]
    unheard = [sentence for sentence, _ in exercise.mistakes if not any(sentence in text for text in said)]
    assert not unheard, f"{number}: no wrong answer is told {unheard}"


def every_yes(number, made, written):
    """{name: (wrong answer, words)} for every kind of mistake that can be made; what has been written wins."""
    reasons = ROWS[number][1]
    cases = {kind: wrong for kind, wrong in made.items() if kind not in reasons} | {
        kind: wrong if isinstance(wrong, (list, tuple)) else [wrong] for kind, wrong in written.items()}
    wanted = {kind for kind, said in answers(number).items() if said == "yes"}
    assert set(cases) == wanted, (f"{number}: the table says yes to {sorted(wanted - set(cases))}, without a case, and "
                                  f"no to {sorted(set(cases) - wanted)}, with one")
    return {f"{kind} {place}": (wrong, hints.KINDS[kind]) for kind in cases for place, wrong in enumerate(cases[kind])}


def rejected(number, name, candidate, words):
    """Assert that a wrong answer is rejected with these words -> the sentence."""
    verdict = judge(number, find(number), candidate, seconds=0.01 if name == "endless" else 5.0)
    assert verdict.state == "wrong", f"{number}, {name}: {verdict.text}"
    assert words.lower() in verdict.text.lower(), f"{number}, {name}: expected the words {words!r} in {verdict.text!r}"
    assert "Traceback" not in verdict.text and "\n" not in verdict.text, f"{number}, {name}: not one sentence"
    return verdict.text
