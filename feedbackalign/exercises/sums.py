"""The mistakes of a sum over samples, units or other terms, for `Exercise.mistakes`."""

from feedbackalign.exercises import hints


def of_a_sum(terms, partly):
    """Three mistakes: a loop that overwrites, and a first and a last term that are left out.

    terms is their name, "samples"; partly(kept) -> the exercise's function, with the terms of the slice `kept` alone.

    >>> hint, mistake = of_a_sum("samples", lambda kept: lambda x: sum(x[kept]))[1]
    >>> hint, mistake([1, 2, 4])
    ("the first term is left out, the first sample's", 6)
    """
    one = terms[:-1]
    return [(f"{hints.OVERWRITTEN_IN_LOOP}, over the {terms}", partly(slice(-1, None))),
            (f"{hints.FIRST_LEFT_OUT}, the first {one}'s", partly(slice(1, None))),
            (f"{hints.LAST_LEFT_OUT}, the last {one}'s", partly(slice(None, -1)))]
