"""The kinds of arguments: what is good, and what is bad under a label. Every kind stands here once.

    integer(1)                      an integer of at least 1
    number(0, 1, good=(0.5,))       a number in [0, 1]
    floats((6, 4))                  a float array of this shape

A value that a call may change is made anew for every call: `Fresh(function)`.
"""

import dataclasses
import math
import pathlib
import typing

import numpy as np

import feedbackalign as fa


class Fresh(typing.NamedTuple):
    """A value that is made for the call."""

    make: typing.Callable


def made(value):
    return value.make() if isinstance(value, Fresh) else value


@dataclasses.dataclass(frozen=True)
class Kind:
    """Good values, and bad ones by label."""

    good: tuple
    bad: dict

    def but(self, *good, without=(), **bad):
        """The same kind with more good values, fewer bad ones (by label), and others that are bad here."""
        kept = {label: value for label, value in self.bad.items() if label not in without}
        return Kind((*self.good, *good), {**kept, **{label.replace("_", " "): value for label, value in bad.items()}})

    def or_none(self):
        """The same where None means that nothing was given."""
        return self.but(None, without=("None",))

    def only(self, *good):
        """The same with these good values alone."""
        return Kind(good, self.bad)


def generator():
    yield 1


# What is wrong nearly everywhere. An object array holds anything, a class is not an instance of itself.
STRANGE = {"None": None, "an object": object(), "a class": dict, "a generator": Fresh(generator), "a dict": {"a": 1},
           "a list of strange things": [None, "a"], "an object array": np.array([None, "a"], dtype=object),
           "a complex number": 1j, "a function": generator, "bytes": b"abc", "a module": np}


def without(*labels):
    return {label: value for label, value in STRANGE.items() if label not in labels}


# ------------------------------------------------------------------------------------------------ numbers and words

def integer(low, high=None, *, good=None, huge=10**400):
    """An integer of at least `low`; `huge` is one that no computer has room for."""
    bad = {**without(), "a word": "3", "a float": low + 1.0, "a broken number": 2.5, "a flag": True, "NaN": math.nan,
           "infinity": math.inf, "too low": low - 1, "a list": [low + 1], "an array": np.array([1, 2]),
           "a NumPy float": np.float32(low + 1), "a small number too low": np.int8(low - 1), "a zero-dimensional array":
           np.array(low + 1), "empty": "", "400 digits": huge}
    if high is not None:
        bad["too high"] = high + 1
    good = (low, low + 1, np.uint8(low + 1), np.int64(low + 1)) if good is None else good
    return Kind(good, bad)


def number(low=-math.inf, high=math.inf, *, low_open=False, high_open=False, good):
    """A finite number of this range."""
    bad = {**without(), "a word": "0.5", "a flag": True, "NaN": math.nan, "infinity": math.inf,
           "minus infinity": -math.inf, "400 digits": 10**400, "a list": [0.5], "an array": np.array([0.5]),
           "a zero-dimensional array": np.array(0.5), "empty": "", "NumPy's NaN": np.float32("nan")}
    if low > -math.inf:
        bad |= {"too low": low - 1, "minus 1e308": -1e308}
    if high < math.inf:
        bad |= {"too high": high + 1, "1e308": 1e308}
    if low_open:
        bad["the open low end"] = low
    if high_open:
        bad["the open high end"] = high
    return Kind(good, bad)


def flag():
    return Kind((True, False, np.False_), {**without(), "no": "no", "False": "False", "0": 0, "1": 1, "0.0": 0.0,
                                           "NaN": math.nan, "empty": "", "an array": np.array([True]), "a list": []})


def word(*good):
    """One of some names."""
    return Kind(good, {**without(), "an unknown word": "nonsense", "empty": "", "a number": 5, "a flag": True,
                       "NaN": math.nan, "a list": [good[0]], "an array": np.array([1.0, 2.0]),
                       "an array of words": np.array([good[0], "b"]), "in capitals": str(good[0]).upper() + "?"})


def dtype():
    return Kind((np.float32, np.float64), {"int8 as dtype": np.int8, "no dtype": None, "a strange dtype": "a"})


def rng():
    return Kind((Fresh(lambda: np.random.default_rng(7)),),
                {**without(), "a seed": 0, "numpy.random": np.random, "a RandomState": np.random.RandomState(0),
                 "the class": np.random.Generator, "a word": "rng", "a list": [np.random.default_rng(0)]})


def path(*good):
    """A path; `good` are Fresh paths, for a file may be written there."""
    return Kind(good, {**without("bytes"), "a number": 5, "a flag": True, "a float": 0.5, "empty": "",
                       "a zero byte": "a\0b", "a list": ["a"], "NaN": math.nan, "an array": np.array([1.0])})


def function(*good):
    """Something to be called; a class is not."""
    return Kind(good, {**without("a function"), "a number": 5, "a flag": True, "a word": "f", "an array": np.ones(2),
                       "a list": [len]})


# ------------------------------------------------------------------------------------------------------------ arrays

def subclasses(array):
    masked = np.ma.masked_array(np.where(np.isfinite(array), array, 0), mask=np.zeros(array.shape, bool))
    found = {"a masked array": masked}
    if array.ndim == 2:
        found["a matrix"] = array.view(np.matrix)
    return found


def floats(shape, *, good=None, free=(0,), lists=False, seed=3):
    """A finite float array of this shape; axes in `free` may have any length, so no length there is wrong.

    `lists` says that a list of numbers will do.
    """
    x = np.random.default_rng(seed).random(shape) + 0.1 if good is None else good
    bad = {**without(), "a word": "abc", "a number": 0.5, "a flag": True, "the class": np.ndarray,
           "words": x.astype(str), "objects": x.astype(object), "complex": x.astype(complex) * 1j,
           "bool array": x > 0.5, "NaN inside": spoilt(x, np.nan), "infinity inside": spoilt(x, np.inf),
           "empty array": np.empty((0, *shape[1:])), "one axis more": x[..., None], "one axis less": x.reshape(-1)
           if x.ndim > 1 else x[0], "dates": np.zeros(shape, "datetime64[s]"), **subclasses(x)}
    if not lists:
        bad |= {"a list": x.tolist(), "integers": x.astype(np.int64), "half precision": x.astype(np.float16)}
    for axis in range(x.ndim):
        if axis not in free:
            bad[f"axis {axis} too long"] = np.concatenate([x, x], axis=axis)
    return Kind((x, x.astype(np.float32)), bad)


def spoilt(x, value):
    x = np.array(x, dtype=np.float64)
    x.flat[-1] = value
    return x


def labels(count, classes):
    y = np.arange(count) % classes
    return Kind((y, y.astype(np.uint8)),
                {**without(), "a list": y.tolist(), "a word": "abc", "a number": 1, "floats": y.astype(float),
                 "flags": y > 0, "too many": np.concatenate([y, y]), "too few": y[:-1], "too high": y + classes,
                 "negative": y - 1, "two axes": y[:, None], "empty array": y[:0], "words": y.astype(str),
                 "objects": y.astype(object), "a masked array": np.ma.masked_array(y)})


def named_arrays(good, *, others=None):
    """{name: array}; `others` are dicts that do not fit."""
    return Kind((good,), {**without("a dict"), "a word": "abc", "a number": 5, "a list": ["fc1.weight"],
                          "an array": np.ones(2), **(others or {})})


# -------------------------------------------------------------------------------------------------- things of ours

def net(seed=0, dtype=np.float32):
    return fa.networks.mlp([4, 3, 2], rng=np.random.default_rng(seed), dtype=dtype)


def task():
    """Twelve samples of four numbers in two classes."""
    x = np.random.default_rng(3).normal(size=(12, 4)).astype(np.float32)
    part = fa.data.Split(x, np.arange(12) % 2)
    return fa.data.Dataset("small", train=part, validation=None, test=part, classes=2)


NOT_OURS = {**STRANGE, "a word": "abc", "a number": 5, "a flag": True, "an array": np.ones((6, 4), np.float32),
            "a list": [1, 2], "NaN": math.nan}


def network(*good):
    return Kind(good or (Fresh(net),), {**NOT_OURS, "the class": fa.networks.Network, "a layer": fa.layers.ReLU(),
                                        "a list of layers": Fresh(lambda: net().layers)})


def rule(*good):
    good = good or (Fresh(lambda: fa.rules.make("fa", net(), rng=np.random.default_rng(1))),)
    return Kind(good, {**NOT_OURS, "the class": fa.rules.Backprop, "a network": Fresh(net), "a name": "bp"})


def optimizer():
    return Kind((Fresh(lambda: fa.optimizer.SGD(0.1)), Fresh(lambda: fa.optimizer.Adam(0.01))),
                {**NOT_OURS, "the class": fa.optimizer.SGD, "a name": "sgd"})


def dataset():
    return Kind((Fresh(task),), {**NOT_OURS, "the class": fa.data.Dataset, "a split": task().train, "a name": "digits"})


def split():
    return Kind((Fresh(lambda: task().train),), {**NOT_OURS, "the class": fa.data.Split, "a data set": Fresh(task)})


def several(one, *good, empty=True, text=False):
    """A list of things of one kind: none but lists, and one bad thing in it is bad."""
    bad = {**without("a list of strange things"), "a number": 5, "a flag": True,
           **{f"a list with {label}": [one.good[0], value] for label, value in one.bad.items()
              if not isinstance(value, Fresh)}}
    if not text:
        bad["a word"] = "abc"
    if empty:
        bad |= {"an empty list": [], "an empty tuple": ()}
    return Kind(good, bad)


def where(folder):
    """A fresh path in a folder that is there."""
    return Fresh(lambda: pathlib.Path(folder) / f"{np.random.default_rng().integers(2**40)}")
