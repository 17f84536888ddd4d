"""Why an answer is wrong: the known mistake that it equals in every trial, or what has happened to the right one.

A trial is a case or a limit; `base` says what these are.
"""

import functools
import itertools
import re

import numpy as np

from feedbackalign.check.diagnosis import common_factor
from feedbackalign.exercises import hints
from feedbackalign.exercises.difference import allowed, alike, difference, largest

CLOSE = 1e-6                # as near as this an answer is what a mistake gives: two epsilons may differ

# What Python's own functions raise where NumPy's give nan.
NOT_A_NUMBER = "math domain error|expected a number in range|ZeroDivisionError"

# What may have happened to an array of the right answer, for any exercise: {words: change}.
CHANGES = {
    f"{hints.SIGN} everywhere": lambda right: -right,
    hints.SQUEEZED: np.squeeze,
    hints.TRANSPOSED: np.transpose,
    hints.ABS: np.abs,
    f"{hints.CLIPPED}, below 0": lambda right: np.maximum(right, 0.0),
    f"{hints.CLIPPED}, beyond ±1": lambda right: np.clip(right, -1.0, 1.0),
}

POWERS = ((1, "N times", hints.no_mean), (-1, "1/N of", hints.mean_twice), (-2, "1/N² of", hints.mean_twice))


@np.errstate(all="ignore")              # also where the student has set all="raise": a difference may overflow
def complaint(exercise, trials, answers, failure=None, ask=lambda arguments: None):
    """None if every answer is right; else one sentence: the first difference, and why.

    trials is a list of (name of the limit or "", arguments); answers has the candidate's answer to each of the first,
    as `plain` left it. If one is missing, `failure` says why. `ask` gets arguments and gives an answer, or None. What
    explains the answers in all trials is said, else what explains those in the cases: there may be two mistakes.
    """
    rights = [exercise.right(*arguments) for _, arguments in trials[:len(answers)]]
    found = [difference(answer, right, exercise) for answer, right in zip(answers, rights)] + [failure]
    first = next((place for place, clause in enumerate(found) if clause is not None), None)
    if first is None:
        return None
    names, trials = zip(*trials)
    limit = names[first]
    cases = names.count("")
    is_off = not all(_is_near(right, answer, exercise)
                     for _, right, answer in _wrong_parts(exercise, rights[:cases], answers[:cases]))
    spans = [len(answers), cases] if is_off else [len(answers)]
    if first == len(answers):
        hint = _known_mistake(exercise, trials, rights, [*answers, None]) if re.search(NOT_A_NUMBER, failure) else None
    else:
        looks = (_known_mistake, _zero, _change, functools.partial(_epsilon, names), _two_mistakes,
                 functools.partial(_unused, ask), _factor, _misplaced)
        hint = next((hint for look in looks for span in spans
                     if (hint := look(exercise, trials[:span], rights[:span], answers[:span]))), None)
    return f"{f'with {limit}: ' if limit else ''}{found[first]}{f': {hint}' if hint else ''}"


def _known_mistake(exercise, trials, rights, answers):
    """The hint of the exercise's first mistake that gives these answers; None stands for one that is missing."""
    for hint, mistake in exercise.mistakes:
        if all(_gives(exercise, mistake, arguments, answer) for arguments, answer in zip(trials, answers)):
            return hint
    return None


def _two_mistakes(exercise, trials, rights, answers):
    """A known mistake, with a wrong sign or power of N beside it."""
    counts = [exercise.samples_in(arguments) for arguments in trials]
    beside = {hints.SIGN: [-1.0] * len(trials)}
    if None not in counts:
        beside |= {hints.no_mean(exercise.counted): [float(N) for N in counts],
                   hints.mean_twice(exercise.counted): [1 / N for N in counts]}
    for hint, mistake in [(None, exercise.right), *exercise.mistakes]:          # the sign or the power may be all
        for words, factors in beside.items():
            if all(_gives(exercise, functools.partial(_times, factor, mistake), arguments, answer)
                   for factor, arguments, answer in zip(factors, trials, answers)):
                return hint and f"{hint}; and {words}"
    return None


def _times(factor, mistake, *arguments):
    wrong = mistake(*arguments)
    return tuple(factor * part for part in wrong) if isinstance(wrong, tuple) else factor * wrong


def _gives(exercise, mistake, arguments, answer):
    """Whether the mistake gives this answer, or gives nan where there is none: math.acos raises, np.arccos does not.

    Where the mistake gives nan, the answer may also be right: whether a cosine is above 1 is a matter of rounding.
    """
    try:
        wrong = mistake(*arguments)
    except Exception:
        return False
    has_nan = any(np.isnan(part).any() for part, _ in _leaves(wrong, wrong))
    if answer is None:
        return has_nan
    pairs = zip(_leaves(wrong, answer), _leaves(exercise.right(*arguments) if has_nan else wrong, answer))
    found = [_is_near(given, mine, exercise) or bool(np.isnan(given).all()) and _is_near(right, mine, exercise)
             for (given, mine), (right, _) in pairs]
    return bool(found) and all(found)


def _leaves(wanted, answer):
    """[(wanted, answer), …] of every part, as arrays; an answer that is no number stays what it is."""
    if isinstance(wanted, (tuple, list)):
        return [leaf for pair in zip(wanted, answer) for leaf in _leaves(*pair)] if alike(wanted, answer) else []
    numeric = isinstance(answer, (int, float)) and not isinstance(answer, bool)
    return [(np.asarray(wanted), np.asarray(answer, dtype=np.float64) if numeric else answer)]


def _is_near(wanted, answer, exercise):
    """Whether an answer is this array but for CLOSE; nan equals nan."""
    return _equal(wanted, answer, max(CLOSE * largest(wanted), allowed(wanted, exercise)))


def _equal(wanted, answer, by):
    if not _is_like(wanted, answer):
        return False
    same = (answer == wanted) | (np.isnan(answer) & np.isnan(wanted))
    return bool((same | (np.abs(answer - wanted) <= by)).all())


def _is_like(wanted, answer):
    return isinstance(answer, np.ndarray) and answer.shape == wanted.shape and answer.dtype.kind in "iuf"


def _wrong_parts(exercise, rights, answers):
    """[(trial, right, answer), …] of every part that is wrong in some trial; [] where parts are missing."""
    trials = [_leaves(right, answer) for right, answer in zip(rights, answers)]
    if not all(trials):
        return []
    wrong = {part for leaves in trials for part, (right, answer) in enumerate(leaves)
             if not _equal(right, answer, allowed(right, exercise))}
    return [(trial, *leaves[part]) for trial, leaves in enumerate(trials) for part in sorted(wrong)
            if part < len(leaves)]


def _numbers_wrong(exercise, rights, answers):
    """The same if nothing but numbers is wrong; [] if a shape or kind is."""
    wrong = _wrong_parts(exercise, rights, answers)
    return wrong if all(_is_like(right, answer) for _, right, answer in wrong) else []


def _zero(exercise, trials, rights, answers):
    wrong = _numbers_wrong(exercise, rights, answers)
    is_so = wrong and all((np.abs(answer) <= allowed(right, exercise)).all() for _, right, answer in wrong)
    return "every entry is zero" if is_so else None


def _change(exercise, trials, rights, answers):
    """Which of CHANGES has happened to every part that is wrong."""
    wrong = _wrong_parts(exercise, rights, answers)
    for words, change in CHANGES.items():
        if wrong and all(_is_near(change(right), answer, exercise) for _, right, answer in wrong):
            return words
    return None


def _epsilon(names, exercise, trials, rights, answers):
    """Whether the answer is about right, but too small where a limit is tiny: by how much depends on the epsilon."""
    kept = [(_kept(right, answer), "tiny" in names[trial])
            for trial, right, answer in _numbers_wrong(exercise, rights, answers)]
    is_so = all(abs(share - 1) < 1e-3 or is_tiny and -1e-3 < share < 1 for share, is_tiny in kept)
    return hints.EPSILON if is_so and min([share for share, _ in kept], default=1) < 0.5 else None


def _kept(right, answer):
    """c of answer = c · right, but for rounding; nan if there is no such c."""
    size = float(np.abs(right).max(initial=0.0))
    if not size:
        return 1.0 if not answer.any() else np.nan
    theirs, mine = np.ravel(right) / size, np.ravel(answer) / size
    share = float(mine @ theirs / (theirs @ theirs))
    return share if np.abs(mine - share * theirs).max() < 1e-3 else np.nan


def _unused(ask, exercise, trials, rights, answers):
    """An argument on which the answer does not depend, though the right one does."""
    if not _numbers_wrong(exercise, rights, answers):
        return None
    arguments = trials[0]
    is_used = {}
    for (place, name), times in itertools.product(enumerate(exercise.arguments), (0.7, -0.7)):
        other = (*arguments[:place], _altered(arguments[place], times), *arguments[place + 1:])
        try:
            pairs = _leaves(exercise.right(*arguments), exercise.right(*other))
        except Exception:                                           # such arguments do not exist
            continue
        if not all(_equal(right, np.asarray(moved), allowed(right, exercise)) for right, moved in pairs):
            pairs = _leaves(answers[0], ask(other))
            is_used[name] = is_used.get(name, False) or not pairs or not all(_equal(*pair, 0.0) for pair in pairs)
    unused = [name for name, used in is_used.items() if not used]
    return hints.hard_coded(unused[0] if any(is_used.values()) else "all arguments") if unused else None


def _altered(argument, times):
    """Other numbers: floats, and arrays of such, in lists too; anything else stays what it is."""
    if isinstance(argument, (list, tuple)):
        return type(argument)(_altered(part, times) for part in argument)
    if isinstance(argument, np.ndarray) and argument.dtype.kind == "f":
        return times * np.flip(argument)
    return times * argument if isinstance(argument, float) else argument


def _factor(exercise, trials, rights, answers):
    """Which factor it is: a power of the batch size N, or a number; or one for all entries that changes."""
    wrong = _numbers_wrong(exercise, rights, answers)

    def is_times(factors):
        return all(_is_near(factors[trial] * right, answer, exercise) for trial, right, answer in wrong)

    if not wrong:
        return None
    counts = [exercise.samples_in(arguments) for arguments in trials]
    for sign, minus in ((1.0, ""), (-1.0, "minus ")) if None not in counts else ():
        for power, times, kind in POWERS:
            if is_times([sign * float(N)**power for N in counts]):
                return (f"your answer is {minus}{times} the right one (N = {counts[0]} {exercise.counted} here): "
                        f"{kind(exercise.counted)}")
    factors = [_factor_of([pair for place, *pair in wrong if place == trial]) for trial in range(len(trials))]
    others = [factor for factor in factors if factor != 1.0]
    if not others or None in others:
        return None
    if is_times([others[0]] * len(trials)):
        return f"your answer is {others[0]:.4g} times the right one"
    if None not in counts and is_times([factors[0] * N / counts[0] for N in counts]):
        return hints.wrong_N(f"{exercise.counted}, not {counts[0] / factors[0]:.4g} whatever it is")
    if all(right.size == 1 for _, right, _ in wrong):
        return None
    return f"all entries are off by one factor, {others[0]:.4g} here, and another one on another batch"


def _factor_of(pairs):
    """c, with answer = c · right in all these pairs: 1 if they are equal; None if there is no such c."""
    right, answer = (np.concatenate([np.ravel(array) for array in arrays]) for arrays in zip(*pairs))
    size = float(np.abs(right).max(initial=0.0))
    if np.abs(answer - right).max(initial=0.0) <= CLOSE * size:
        return 1.0
    if right.size == 1 and size:
        return float(answer[0] / right[0]) if np.isfinite(answer[0]) else None
    return common_factor(answer / size, right / size) if size else None


def _misplaced(exercise, trials, rights, answers):
    wrong = _numbers_wrong(exercise, rights, answers)
    is_off = not all(_is_near(right, answer, exercise) for _, right, answer in wrong)
    is_so = is_off and all(_is_near(np.sort(right, axis=None), np.sort(answer, axis=None), exercise)
                           for _, right, answer in wrong)
    return "the numbers are right, but they stand in the wrong places" if is_so else None
