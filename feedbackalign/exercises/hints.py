"""The kinds of mistakes that an answer can hold, each with the words that name it.

A constant begins a sentence, which the exercise ends: f"{hints.SLOPE_LEFT_OUT} of tanh, 1 − tanh(v)²". A function ends
with its word: hints.no_mean("points"). So a hint is of a kind if it contains the constant, or the function of "".
"""

# ------------------------------------------------------------------------------------- slopes and products
SLOPE_LEFT_OUT = "you left out the slope"
SLOPE_TWICE = "you multiplied with the slope twice"
ORDER_SWAPPED = "the order of a product is swapped"


def slope_of_the_wrong(taken):
    """slope_of_the_wrong("h = tanh(v); it belongs at v")"""
    return f"the slope is taken of the wrong quantity, {taken}"


# ------------------------------------------------------------------------------------- signs
SIGN = "the sign is wrong"
DECAY_SIGN = "the decay has the wrong sign"
ABS = "you took the absolute value, and the sign belongs to the answer"
CLIPPED = "you cut off values that belong there"


# ------------------------------------------------------------------------------------- means; what N counts
def no_mean(counted):
    """no_mean("points")"""
    return f"a factor 1/N is missing, where N is the number of {counted}"


def mean_twice(counted):
    """mean_twice("units")"""
    return f"there is one factor 1/N too many, where N is the number of {counted}"


def wrong_N(counted):
    """wrong_N("samples, not of classes")"""
    return f"you divided by another N: it should be the number of {counted}"


# ------------------------------------------------------------------------------------- axes, loops, sums
WRONG_AXIS = "the numbers are spread over the wrong axis"
MIXED_SAMPLES_AND_CHANNELS = "a reshape mixes samples and channels: bring the axes into order first, with transpose"
OVERWRITTEN_IN_LOOP = "a loop overwrites what it should add to: += where you have ="
OFF_BY_ONE = "you are off by one"
FIRST_LEFT_OUT = "the first term is left out"
LAST_LEFT_OUT = "the last term is left out"
OTHER_PHASE_LEFT_OUT = "the other phase's term is left out"
SQUEEZED = "an axis of length 1 is lost, as np.squeeze loses it: all axes belong to the answer"
TRANSPOSED = "this is the transpose of the right answer"

# ------------------------------------------------------------------------------------- numbers
SPECTRAL_NORM = "this is the spectral norm, the largest singular value; meant is the root of the sum of squares"
NOT_CLIPPED = "rounding may lift a cosine just above 1, where the arccos is nan: clip it first"
EPSILON = "a small number is added in a denominator, which counts where all is small: leave it out"


def hard_coded(name):
    """hard_coded("sigma"): of a number written into the function, and of an argument that is not used at all."""
    return f"your answer stays the same whatever comes for {name}"


# {name of the kind: the words that its hints have in common}
KINDS = {
    "slope left out": SLOPE_LEFT_OUT, "slope twice": SLOPE_TWICE, "slope of the wrong": slope_of_the_wrong(""),
    "order swapped": ORDER_SWAPPED,
    "sign": SIGN, "decay's sign": DECAY_SIGN, "absolute value": ABS, "cut off": CLIPPED,
    "no mean": no_mean(""), "mean twice": mean_twice(""), "wrong N": wrong_N(""),
    "wrong axis": WRONG_AXIS, "samples and channels mixed": MIXED_SAMPLES_AND_CHANNELS,
    "overwritten in a loop": OVERWRITTEN_IN_LOOP, "off by one": OFF_BY_ONE, "first left out": FIRST_LEFT_OUT,
    "last left out": LAST_LEFT_OUT, "other phase left out": OTHER_PHASE_LEFT_OUT, "squeezed": SQUEEZED,
    "transposed": TRANSPOSED,
    "spectral norm": SPECTRAL_NORM, "not clipped": NOT_CLIPPED, "epsilon": EPSILON, "hard-coded": hard_coded(""),
}
