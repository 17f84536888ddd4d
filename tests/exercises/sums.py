"""Wrong answers that add up a part of the terms only, for `prove`."""


def of_a_sum(partly):
    """{kind: wrong answer}: partly(kept) -> the answer with the terms of the slice `kept` alone."""
    return {"overwritten in a loop": partly(slice(-1, None)), "first left out": partly(slice(1, None)),
            "last left out": partly(slice(None, -1))}
