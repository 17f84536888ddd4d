"""How an answer differs from the right one: what is wrong, in one sentence, and the known mistake that explains it."""

import numpy as np

from feedbackalign.check.diagnosis import common_factor
from feedbackalign.validation import describe, is_plain


@np.errstate(all="ignore")              # also where the student has set all="raise": a difference may overflow
def complaint(exercise, cases, answers):
    """None if every answer is right; else one sentence: the first difference, and a hint that fits.

    cases is a list of tuples of arguments, answers has the candidate's answer to each, as `plain` left it.
    """
    rights = [exercise.right(*arguments) for arguments in cases]
    first = None
    for right, answer in zip(rights, answers):
        first = first or difference(answer, right, exercise.tolerance, exercise.parts)
    if first is None:
        return None
    for hint, wrong in exercise.mistakes:
        if all(difference(answer, wrong(*arguments), exercise.tolerance, exercise.parts) is None
               for arguments, answer in zip(cases, answers)):
            return f"{first}: {hint}"
    hint = _generic_hint(rights, answers, [exercise.samples_in(arguments) for arguments in cases], exercise.tolerance)
    return f"{first}: {hint}" if hint else first


def difference(answer, right, tolerance, parts=(), what="the answer"):
    """None if they agree, else a clause: shape expected and received, or the first entry that differs."""
    if answer is None:
        return f"{what} is None: is a `return` missing?"
    if not isinstance(right, tuple):
        return _array_difference(answer, right, tolerance, what)
    names = list(parts) or [f"part {place + 1}" for place in range(len(right))]
    if not _alike(right, answer):
        came = f"{len(answer)} things" if isinstance(answer, (tuple, list)) else describe(answer)
        return f"{what} should be {len(right)} things, {', '.join(names)}, got {came}"
    found = (difference(mine, theirs, tolerance, what=name) for mine, theirs, name in zip(answer, right, names))
    return next((clause for clause in found if clause is not None), None)


def _array_difference(answer, right, tolerance, what):
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
    off = np.abs(answer - wanted) > tolerance * max(float(np.abs(wanted).max(initial=0.0)), 1e-300)
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


def _generic_hint(rights, answers, samples, tolerance):
    """A hint that fits any exercise: the answer is the transpose, a multiple, or has its entries in wrong places."""
    pairs = [pair for right, answer in zip(rights, answers) for pair in _leaves(right, answer)]
    wrong = [(right, answer) for right, answer in pairs if not _close(right, answer, tolerance)]
    if not wrong or any(not isinstance(answer, np.ndarray) or answer.dtype.kind not in "iuf" for _, answer in wrong):
        return None
    if all(right.ndim > 1 and _close(right.T, answer, tolerance) for right, answer in wrong):
        return "this is the transpose of the right answer"
    if not all(right.shape == answer.shape for right, answer in wrong):
        return None
    if not any(answer.any() for _, answer in wrong):
        return "every entry is zero"
    factors = _factors(rights, answers, tolerance)
    if factors:
        hint = _factor_in_words(factors, samples, numbers=all(right.size == 1 for right, _ in wrong))
        if hint:
            return hint
    if all(_close(np.sort(right, axis=None), np.sort(answer, axis=None), tolerance) for right, answer in wrong):
        return "the numbers are right, but they stand in the wrong places"
    return None


def _leaves(right, answer):
    """(right, answer) of every part, as arrays; an answer that is no number stays what it is."""
    if isinstance(right, tuple):
        return [leaf for pair in zip(right, answer) for leaf in _leaves(*pair)] if _alike(right, answer) else []
    numeric = isinstance(answer, (int, float)) and not isinstance(answer, bool)
    return [(np.asarray(right), np.asarray(answer) if numeric else answer)]


def _alike(right, answer):
    """Whether the answer has as many parts as the right one, which is a tuple."""
    return isinstance(answer, (tuple, list)) and len(answer) == len(right)


def _close(right, answer, tolerance):
    return (isinstance(answer, np.ndarray) and answer.shape == right.shape and answer.dtype.kind in "iuf"
            and bool(np.all(np.abs(answer - right) <= tolerance * max(float(np.abs(right).max(initial=0)), 1e-300))))


def _factors(rights, answers, tolerance):
    """c of every case, with answer = c · right in all parts that differ; None if a case has no such c."""
    factors = []
    for right, answer in zip(rights, answers):
        wrong = [pair for pair in _leaves(right, answer) if not _close(*pair, tolerance)]
        if not wrong:
            return None
        theirs, mine = (np.concatenate([np.ravel(array) for array in arrays]) for arrays in zip(*wrong))
        if theirs.size == 1:
            factors.append(float(mine[0] / theirs[0]) if theirs[0] else None)
        else:
            factors.append(common_factor(mine, theirs))
    return None if None in factors else factors


MEANS = {1: "N times the right one ({}): the mean over the batch divides by N once",
         -1: "1/N of the right one ({}): it is divided by N once more than it should be",
         -2: "1/N² of the right one ({}): it is divided by N twice more than it should be"}


def _factor_in_words(factors, samples, numbers):
    """Say which factor it is: a sign, a power of the batch size N, or a number; `numbers` if every part is a number."""
    if np.allclose(factors, -1.0):
        return "the sign is wrong everywhere"
    if None not in samples:
        for sign, minus in ((1.0, ""), (-1.0, "minus ")):
            for power, said in MEANS.items():
                if np.allclose(factors, [sign * float(N)**power for N in samples], rtol=1e-6, atol=0):
                    return f"your answer is {minus}{said.format(f'N = {samples[0]} samples here')}"
    if np.allclose(factors, factors[0], rtol=1e-6):
        return f"your answer is {factors[0]:.4g} times the right one"
    if numbers:
        return None
    return f"all entries are off by one factor, {factors[0]:.4g} here, and another one on another batch"
