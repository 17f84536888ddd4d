"""How an answer differs from the right one: the first thing that is wrong, in a clause."""

import numpy as np

from feedbackalign.validation import describe, is_plain


def difference(answer, right, exercise):
    """None if they agree, else a clause: shape expected and received, or the first entry that differs."""
    if answer is None or not isinstance(right, tuple):
        return _part_difference(answer, right, exercise, "the answer")
    names = list(exercise.parts) or [f"part {place + 1}" for place in range(len(right))]
    if not alike(right, answer):
        came = f"{len(answer)} things" if isinstance(answer, (tuple, list)) else describe(answer)
        return f"the answer should be {len(right)} things, {', '.join(names)}, got {came}"
    found = (_part_difference(mine, theirs, exercise, name) for mine, theirs, name in zip(answer, right, names))
    return next((clause for clause in found if clause is not None), None)


def alike(right, answer):
    """Whether the answer has as many parts as the right one, which is a tuple."""
    return isinstance(answer, (tuple, list)) and len(answer) == len(right)


def allowed(right, exercise):
    """The largest difference from this array that is rounding."""
    return exercise.tolerance * max(largest(right), exercise.at_least)


def largest(array):
    """The largest |entry| of those that are finite."""
    return float(np.abs(array[np.isfinite(array)]).max(initial=0.0))


def _part_difference(answer, right, exercise, what):
    if answer is None:
        return f"{what} is None: is a `return` missing?"
    wanted = np.asarray(right)
    if wanted.ndim == 0 and (not isinstance(answer, np.ndarray) or answer.ndim):
        if isinstance(answer, bool) or not isinstance(answer, (int, float)):
            return f"{what} should be a number, got {describe(answer)}"
        answer = np.asarray(answer, dtype=np.float64)
    if not isinstance(answer, np.ndarray):
        kind = f"a {type(answer).__name__}" if isinstance(answer, (list, tuple)) else describe(answer)
        return f"{what} should be a {wanted.dtype} array of shape {wanted.shape}, got {kind}"
    if not is_plain(answer):
        return f"{what} should be a plain array, got {describe(answer)}"
    if answer.shape != wanted.shape:
        return f"{what} should have shape {wanted.shape}, got {answer.shape}"
    if answer.dtype != wanted.dtype:
        return f"{what} should be of dtype {wanted.dtype}, got {answer.dtype}"
    if answer.dtype.kind == "f" and not np.isfinite(answer).all():
        bad = tuple(int(i) for i in np.argwhere(~np.isfinite(answer))[0])
        return f"{_entry(what, bad)} is {answer[bad]}"
    off = np.abs(answer - wanted) > allowed(wanted, exercise)
    if not off.any():
        return None
    index = tuple(int(i) for i in np.argwhere(off)[0])
    count = "" if off.all() else f" ({int(off.sum())} of {off.size} entries differ)" if off.size > 1 else ""
    return f"{_entry(what, index)} should be {_two_numbers(wanted[index], answer[index])}{count}"


def _entry(what, index):
    return f"entry {list(index)} of {what}" if index else what


def _two_numbers(want, have):
    """Both numbers with as few digits as are needed to see the difference: '0.25 and is 0.5'."""
    for digits in (4, 7, 10, 17):
        if f"{want:.{digits}g}" != f"{have:.{digits}g}":
            break
    return f"{want:.{digits}g} and is {have:.{digits}g}"
