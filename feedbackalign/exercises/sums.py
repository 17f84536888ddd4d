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


def of_two_sums(first, second, partly):
    """Seven mistakes of a sum over two kinds of terms: three of each kind, and a loop that overwrites in both.

    first and second are their names; partly(kept, also_kept) -> the exercise's function, with these terms alone.

    >>> import numpy as np
    >>> of_rows_and_columns = of_two_sums("rows", "columns", lambda rows, columns: lambda x: x[rows, columns].sum())
    >>> hint, mistake = of_rows_and_columns[-1]
    >>> hint.endswith("over rows and columns"), int(mistake(np.array([[1, 2], [3, 4]])))
    (True, 4)
    """
    every, last = slice(None), slice(-1, None)
    return [*of_a_sum(first, lambda kept: partly(kept, every)),
            *of_a_sum(second, lambda kept: partly(every, kept)),
            (f"{hints.OVERWRITTEN_IN_LOOP}, over {first} and {second}", partly(last, last))]
