"""Exercises × kinds of mistakes: "yes", which has a case in the exercise's proof, or why it cannot be made.

A row says what an exercise has to do with; what it has not is the reason why a kind cannot be made there. A kind that
cannot be made for another reason has it written beside it.
"""

from feedbackalign.exercises import hints

# {what an exercise may have: the kinds of mistakes that can be made with it}
THINGS = {
    "slope": ("slope left out", "slope twice", "slope of the wrong"),
    "product": ("order swapped",),                      # of more than two factors, or of two that fit either way
    "decay": ("decay's sign",),
    "samples": ("no mean", "mean twice"),               # N of them, whether the mean is taken here or was before
    "another N": ("wrong N",),
    "broadcast": ("wrong axis",),
    "channels": ("samples and channels mixed",),
    "loop": ("overwritten in a loop",),
    "places": ("off by one",),
    "terms": ("first left out", "last left out"),
    "phases": ("other phase left out",),
    "matrix norm": ("spectral norm",),
    "arccos": ("not clipped",),
    "quotient": ("epsilon",),
    "array": ("squeezed",),
    "matrix": ("transposed",),
    "signs": ("sign", "absolute value", "cut off"),
    "constant": ("hard-coded",),
}
assert sorted(kind for kinds in THINGS.values() for kind in kinds) == sorted(hints.KINDS)

# {number: (what it has, {kind: why it cannot be made all the same})}
ROWS = {
    "1.1": ("slope, samples, broadcast, loop, terms, array, matrix, signs", {}),
    "1.2": ("slope, samples, another N, loop, terms, array, matrix, signs", {}),
    "2.1": ("samples, channels, loop, places, terms, array, matrix, signs", {}),
    "2.2": ("samples, channels, loop, places, terms, array, matrix, signs", {}),
    "3.1": ("slope, samples, loop, terms, quotient, array, matrix, signs", {
        "slope twice": "it is 1 or 0, and twice is once"}),
    "3.2": ("matrix norm, arccos, quotient, signs", {}),
    "4.1": ("slope, samples, loop, terms, array, matrix, signs", {
        "slope twice": "it is 1 or 0, and twice is once"}),
    "4.2": ("product, terms, array, matrix, signs", {
        "order swapped": "the shapes of the factors fit in one order only"}),
    "5.1": ("slope, samples, loop, terms, quotient, array, matrix, signs", {
        "slope twice": "it is 1 or 0, and twice is once"}),
    "5.2": ("another N, matrix norm, arccos, quotient, signs", {
        "wrong N": "the cosine is above 1 then, and the answer 0° or nan, whatever else is wrong",
        "absolute value": "the cosine is never negative", "cut off": "the cosine is never negative"}),
    "6.1": ("decay, samples, loop, terms, array, matrix, signs, constant", {}),
    "6.2": ("decay, samples, another N, loop, terms, array, matrix, signs, constant", {}),
    "7.1": ("samples, loop, terms, array, matrix, signs", {}),
    "7.2": ("decay, places, terms, array, signs, constant", {}),
    "8.1": ("another N, loop, terms, quotient, signs", {}),
    "8.2": ("decay, samples, loop, terms, array, matrix, signs, constant", {}),
    "9.1": ("samples, quotient, array, matrix, signs, constant", {"no mean": "the loss holds its mean"}),
    "9.2": ("samples, another N, broadcast, loop, places, terms, quotient, array, matrix, signs, constant",
            {"wrong axis": "there are as many changes as samples, and not as units: NumPy refuses"}),
    "10.1": ("loop, terms, arccos, signs", {"not clipped": "no product of cosines is above 1"}),
    "10.2": ("slope, product, samples, loop, terms, array, matrix, signs", {"slope twice": "it is 0 or 1"}),
    "11.1": ("loop, places, terms, matrix norm, arccos, quotient, signs, constant",
             {"last left out": "it is the same as one too few", "absolute value": "no angle is below 0"}),
    "11.2": ("samples, loop, terms, array, matrix, signs", {}),
    "12.1": ("samples, broadcast, loop, terms, array, matrix, signs, constant",
             {"wrong axis": "the bias has one entry a unit, not one a sample: NumPy refuses",
              "cut off": "every state is between 0 and 1"}),
    "12.2": ("samples, another N, loop, places, terms, phases, quotient, array, matrix, signs, constant", {}),
    "13.1": ("samples, another N, broadcast, loop, places, terms, quotient, array, matrix, signs",
             {"wrong axis": "there are as many β as points, and not as units: NumPy refuses"}),
    "13.2": ("samples, another N, loop, places, terms, array, matrix, signs", {}),
    "14.1": ("samples, broadcast, loop, terms, array, matrix, signs",
             {"wrong axis": "the bias has one entry a unit, not one a sample: NumPy refuses"}),
    "14.2": ("samples, another N, loop, places, terms, array, matrix, signs", {}),
    "15.1": ("product, decay, samples, loop, terms, quotient, array, matrix, signs, constant", {}),
    "15.2": ("samples, another N, loop, terms, phases, quotient, array, matrix, signs, constant", {}),
    "16.1": ("decay, samples, loop, terms, quotient, array, matrix, signs, constant", {}),
    "16.2": ("samples, another N, loop, terms, phases, quotient, array, matrix, signs, constant", {}),
    "17.1": ("samples, another N, loop, terms, quotient, signs, constant", {
        "absolute value": "no root is below 0", "cut off": "no persistence is below 0 or above 1"}),
    "17.2": ("another N, broadcast, loop, terms, quotient, array, matrix, signs", {
        "overwritten in a loop": "a loop keeps the largest, and adds nothing",
        "absolute value": "no strength is below 0", "cut off": "no strength is below 0 or above 1"}),
    "18.1": ("samples, loop, places, terms, quotient, array, signs, constant", {}),
    "18.2": ("slope, samples, another N, broadcast, loop, terms, quotient, array, matrix, signs, constant", {}),
    "19.1": ("product, array, matrix, signs, constant", {}),
    "19.2": ("product, quotient, array, matrix, signs", {}),
    "20.1": ("samples, loop, terms, array, matrix, signs, constant", {}),
    "20.2": ("samples, loop, terms, quotient, array, matrix, signs, constant", {}),
    "21.1": ("slope, samples, loop, terms, array, matrix, signs", {
        "slope twice": "it is 1 or 0, and twice is once"}),
    "21.2": ("samples, loop, terms, quotient, array, matrix, signs, constant", {}),
    "22.1": ("loop, terms, array, matrix, signs", {}),
    "22.2": ("quotient, signs, constant", {
        "absolute value": "neither is ever negative", "cut off": "neither is ever negative"}),
}


def answers(number):
    """{kind: "yes", or why it cannot be made} of an exercise, all kinds in order."""
    things, reasons = ROWS[number]
    has = [thing.strip() for thing in things.split(",")]
    assert set(has) <= set(THINGS), f"{number}: unknown are {sorted(set(has) - set(THINGS))}"
    said = {kind: "yes" if thing in has else f"it has no {thing}" for thing, kinds in THINGS.items() for kind in kinds}
    assert all(said.get(kind) == "yes" for kind in reasons), f"{number}: a reason stands beside what it has not"
    return said | reasons
