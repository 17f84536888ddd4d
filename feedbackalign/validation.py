"""Refuse bad arguments at the edge, in one sentence: which argument, what was expected, what came.

Every public entry of the package calls these before any work is done. They raise TypeError for the
wrong kind of thing and ValueError for the right kind with the wrong content.
"""

import difflib
import inspect
import math
import os
import pathlib

import numpy as np

MOST = 2**63 - 1                # no memory holds so many of anything



def describe(value):
    """What came, in a few words: `float32 array of shape (3, 4)` or `'abc'`.

    >>> describe(np.zeros((3, 4)))
    'float64 array of shape (3, 4)'
    """
    try:
        if isinstance(value, np.ndarray):
            text = f"{value.dtype} {'array' if is_plain(value) else type(value).__name__} of shape {value.shape}"
        else:
            text = repr(value)
    except Exception as error:                                      # an object may do anything when it is looked at
        text = f"{type(value).__name__} object whose repr raises {type(error).__name__}"
    return text if len(text) <= 80 else f"{type(value).__name__} {text}"[:77] + "..."


def require_known(name, known, what):
    """Refuse a name that is not in `known`, and say which one was probably meant.

    >>> require_known("pfo", ["bp", "pfa"], "rule")
    Traceback (most recent call last):
    ...
    ValueError: unknown rule 'pfo': did you mean 'pfa'? Known: bp, pfa
    """
    known = list(known)
    if not isinstance(name, str):
        raise TypeError(f"unknown {what}: expected one of {', '.join(known)}, got {describe(name)}")
    if name in known:
        return name
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
    hint = f": did you mean {near[0]!r}?" if near else "."
    raise ValueError(f"unknown {what} {name!r}{hint} Known: {', '.join(known)}")


def require_number(value, what, *, low=-math.inf, high=math.inf, low_open=False, high_open=False):
    """Refuse anything but one finite real number in the range; return it as a float.

    >>> require_number(0.5, "density", low=0, high=1, low_open=True)
    0.5
    """
    left, right = "(" if low_open or low == -math.inf else "[", ")" if high_open or high == math.inf else "]"
    expected = f"a finite number in {left}{low:g}, {high:g}{right}"
    is_number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if not is_number:
        raise TypeError(f"{what}: expected {expected}, got {describe(value)}")
    try:
        number = float(value)
    except OverflowError as error:                                              # an int may be longer than any float
        raise ValueError(f"{what}: expected {expected}, got {describe(value)}") from error
    too_low = number < low or (low_open and number == low)
    too_high = number > high or (high_open and number == high)
    if not math.isfinite(number) or too_low or too_high:
        raise ValueError(f"{what}: expected {expected}, got {number!r}")
    return number


def require_integer(value, what, *, low, high=MOST):
    """Refuse anything but an integer of at least `low` and at most `high`; return it as an int."""
    expected = f"an integer of at least {low}"
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{what}: expected {expected}{f' and at most {high}' * (high < MOST)}, got {describe(value)}")
    value = int(value)
    if not low <= value <= high:
        upper = f" and at most {high}" if high < MOST or value > high else ""
        raise ValueError(f"{what}: expected {expected}{upper}, got {describe(value)}")
    return value


def require_seed(value, what="seed"):
    """Refuse anything but an integer of at least 0, of any length; return it as an int."""
    return require_integer(value, what, low=0, high=math.inf)


def store(instance, **checked):
    """Put checked values into the fields of a frozen dataclass, so that what was checked is what is used."""
    for field, value in checked.items():
        object.__setattr__(instance, field, value)


def require_bool(value, what):
    """Refuse anything but True or False.

    >>> require_bool("no", "recurrent")
    Traceback (most recent call last):
    ...
    TypeError: recurrent: expected True or False, got 'no'
    """
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{what}: expected True or False, got {describe(value)}")
    return bool(value)


def require_step(value, what, dtype, *, divided=True, nudge=False):
    """Refuse a step that is so short, or so long, that what it moves drowns in rounding.

    A step over whose length a difference is divided keeps half of the digits: it is as long as the root of the rounding
    or more. Other steps (`divided=False`) have to be as long as the rounding itself. None is longer than the inverse.
    A nudge may be negative.

    >>> require_step(1e-12, "target_step", np.dtype(np.float32))
    Traceback (most recent call last):
    ...
    ValueError: target_step: expected at least 3.5e-04 in float32, got 1e-12: what it moves drowns in rounding
    """
    value = require_number(value, what, low=-math.inf if nudge else 0, low_open=not nudge)
    if value == 0:
        raise ValueError(f"{what}: expected a nudge other than 0: without one nothing moves, and nothing is learnt")
    smallest = float(np.finfo(dtype).eps) ** (0.5 if divided else 1.0)
    if not smallest <= abs(value) <= 1 / smallest:
        bound = f"at least {smallest:.1e}" if abs(value) < smallest else f"at most {1 / smallest:.1e}"
        raise ValueError(f"{what}: expected {bound} in {np.dtype(dtype)}{' or its negative' if nudge else ''}, got "
                         f"{value!r}: what it moves drowns in rounding")
    return value


def require_factor(value, what, dtype, *, low_open=False):
    """Refuse a factor whose square is no number of the dtype: products vanish or overflow. `low_open` refuses 0 too.

    >>> require_factor(1e39, "gamma", np.float32)
    Traceback (most recent call last):
    ...
    ValueError: gamma: expected 0 or a number from 1.1e-19 to 9.2e+18 in float32, got 1e+39: products vanish or overflow
    """
    value = require_number(value, what, low=0, low_open=low_open)
    smallest = float(np.finfo(dtype).tiny) ** 0.5
    if value and not smallest <= value <= 1 / smallest:
        raise ValueError(f"{what}: expected {'' if low_open else '0 or '}a number from {smallest:.1e} to "
                         f"{1 / smallest:.1e} in {np.dtype(dtype)}, got {value!r}: products vanish or overflow")
    return value


def require_density(value, shape):
    """Refuse what is no share of synapses in (0, 1], or leaves less than one of an array of this shape.

    >>> require_density(1e-80, (4, 3))
    Traceback (most recent call last):
    ...
    ValueError: density: expected at least 0.0833, one synapse of an array of shape (4, 3), got 1e-80
    """
    value = require_number(value, "density", low=0, high=1, low_open=True)
    if value * math.prod(shape) < 1:
        raise ValueError(f"density: expected at least {1 / math.prod(shape):.3g}, one synapse of an array of shape "
                         f"{tuple(shape)}, got {value!r}")
    return value


def require_dtype(dtype, what="dtype"):
    """Refuse anything but float32 and float64, or their names; return the numpy.dtype.

    >>> require_dtype("float32"), require_dtype(np.float64)
    (dtype('float32'), dtype('float64'))
    """
    for known in (np.dtype(np.float32), np.dtype(np.float64)):
        if dtype is known.type or isinstance(dtype, (str, np.dtype)) and str(dtype) == known.name:
            return known
    raise TypeError(f"{what}: expected numpy.float32 or numpy.float64, or the name of one, got {describe(dtype)}")


def require_plain(array, what):
    """Refuse masked arrays, matrices and other kinds of array that compute in their own way; return an ndarray.

    Lists and numbers become arrays. A memory map is read where it lies.

    >>> require_plain(np.ma.masked_array([1.0, 2.0], mask=[True, False]), "x")
    Traceback (most recent call last):
    ...
    TypeError: x: expected a plain numpy.ndarray, got float64 MaskedArray of shape (2,)
    """
    if isinstance(array, np.ndarray) and not is_plain(array):
        raise TypeError(f"{what}: expected a plain numpy.ndarray, got {describe(array)}")
    return np.asarray(array)


def is_plain(array):
    return type(array) in (np.ndarray, np.memmap)


def require_reals(array, what):
    """Refuse anything but real numbers, in a plain array or in lists; return them as a float64 array.

    >>> require_reals([1, 2], "u")
    array([1., 2.])
    """
    array = require_plain(array, what)
    if array.dtype.kind not in "buif":
        raise TypeError(f"{what}: expected an array of real numbers, got {describe(array)}")
    return array.astype(np.float64)


def require_generator(rng, what):
    """Refuse anything but a numpy.random.Generator: the package never draws from global state."""
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"{what}: expected rng=numpy.random.Generator, for example np.random.default_rng(0), "
                        f"got {describe(rng)}")
    return rng


def require_floats(x, what, *, shape):
    """Refuse anything but a floating array of this shape; None in `shape` stands for any length above 0.

    >>> require_floats(np.zeros((2, 3)), "x", shape=(None, 4))
    Traceback (most recent call last):
    ...
    ValueError: x: expected shape (N, 4), got float64 array of shape (2, 3)
    >>> require_floats(np.zeros((4, 28, 28, 1)), "x", shape=(None, 1, None, None))
    Traceback (most recent call last):
    ...
    ValueError: x: expected shape (N, 1, H, W), got float64 array of shape (4, 28, 28, 1): channels come first
    """
    require_float_array(x, what)
    if not fits(x.shape, shape):
        hint = channels_first(shape[1:], x.shape[1:])
        raise ValueError(f"{what}: expected shape {in_letters(shape)}, got {describe(x)}{hint}")
    if x.size == 0:
        raise ValueError(f"{what}: expected at least one sample, got {describe(x)}")
    return x


def require_float_array(x, what, *, kinds="fd"):
    """Refuse anything but an array of float32 or float64, of any shape; "fdFD" lets complex ones through."""
    if not isinstance(x, np.ndarray) or x.dtype.char not in kinds:
        raise TypeError(f"{what}: expected a float32 or float64 array, got {describe(x)}")
    return require_plain(x, what)


def in_letters(shape):
    """
    >>> in_letters((None, 3)), in_letters((None,))
    ('(N, 3)', '(N,)')
    """
    letters = "NCHW" + "?" * len(shape)
    wanted = ", ".join(letter if want is None else str(want) for letter, want in zip(letters, shape))
    return f"({wanted}{',' * (len(shape) == 1)})"


def fits(have, shape):
    """Whether a shape is the wanted one, in which None stands for any length.

    >>> fits((2, 3), (None, 3)), fits((2, 3), (None, 4)), fits((2, 3), (2,))
    (True, False, False)
    """
    if len(have) != len(shape):
        return False
    for length, wanted in zip(have, shape):
        if wanted is not None and length != wanted:
            return False
    return True


def channels_first(want, have):
    """A hint where samples of shape (H, W, C) came for (C, H, W), None for any length; else nothing.

    >>> channels_first((3, 32, 32), (32, 32, 3)), channels_first((3, 32, 32), (1, 32, 32))
    (': channels come first', '')
    """
    last_is_first = len(want) == len(have) == 3 and want[0] == have[2]
    fits = last_is_first and all(size in (None, length) for size, length in zip(want[1:], have))
    return ": channels come first" if fits else ""


def require_finite(x, what):
    """Refuse NaN and infinity, naming the first entry that is not finite; and arrays that are not plain."""
    x = require_plain(x, what)
    with np.errstate(over="ignore", invalid="ignore"):              # finite entries may have a sum that is not
        total = float(np.add.reduce(x, axis=None, dtype=np.float64))    # one pass: a bad entry makes the sum bad
    if not math.isfinite(total) and not np.isfinite(x).all():
        first = tuple(int(i) for i in np.argwhere(~np.isfinite(x))[0])
        raise ValueError(f"{what}: expected finite numbers, got {x[first]} at index {first}")
    return x


def require_labels(labels, what, *, count, classes):
    """Refuse anything but `count` integer labels in 0 … classes − 1."""
    if not isinstance(labels, np.ndarray) or not np.issubdtype(labels.dtype, np.integer):
        raise TypeError(f"{what}: expected an integer array of {count} labels, got {describe(labels)}")
    require_plain(labels, what)
    if labels.shape != (count,):
        raise ValueError(f"{what}: expected shape ({count},), one label a sample, got {describe(labels)}")
    if labels.min() < 0 or labels.max() >= classes:
        wrong = labels[(labels < 0) | (labels >= classes)][0]
        raise ValueError(f"{what}: expected labels from 0 to {classes - 1}, got {wrong}")
    return labels


def require_numbers(x, what, *, shape=None, kinds="iuf"):
    """Refuse anything but finite real numbers, an array or lists, and return a float64 array; `shape` as above.

    `kinds` are those of dtypes that are taken, with "b" booleans too.

    >>> require_numbers([[1, 2]], "W", shape=(None, 3))
    Traceback (most recent call last):
    ...
    ValueError: W: expected numbers of shape (N, 3), got int64 array of shape (1, 2)
    """
    try:
        array = require_plain(x, what)
    except ValueError:                                                          # rows of different lengths
        array = np.array(None)
    if array.dtype.kind not in kinds or array.ndim == 0:
        raise TypeError(f"{what}: expected an array of real numbers, got {describe(x)}")
    if array.size == 0 or shape is not None and not fits(array.shape, shape):
        wanted = "at least one number" if shape is None else f"numbers of shape {in_letters(shape)}"
        raise ValueError(f"{what}: expected {wanted}, got {describe(array)}")
    return require_finite(array.astype(np.float64), what)


def require_list(values, what, check=None, *, least=1):
    """Refuse anything but a list, tuple, range or flat array of at least `least`; -> a list of what `check` returns.

    >>> require_list([4, 0], "sizes", lambda size, what: require_integer(size, what, low=1))
    Traceback (most recent call last):
    ...
    ValueError: sizes: expected an integer of at least 1, got 0
    """
    is_flat = isinstance(values, np.ndarray) and values.ndim == 1
    if not isinstance(values, (list, tuple, range)) and not is_flat:
        raise TypeError(f"{what}: expected a list, got {describe(values)}")
    if len(values) < least:
        raise ValueError(f"{what}: expected at least {least}, got {describe(values)}")
    return [value if check is None else check(value, what) for value in (values.tolist() if is_flat else values)]


def require_shape(shape, what):
    """Refuse anything but lengths of at least 1; -> a tuple of int."""
    return tuple(require_list(shape, what, lambda length, what: require_integer(length, what, low=1)))


def require_dict(value, what):
    """Refuse anything but a dict."""
    if not isinstance(value, dict):
        raise TypeError(f"{what}: expected a dict, got {describe(value)}")
    return value


def require_entries(value, names, what):
    """Refuse anything but a dict that has all these names."""
    require_dict(value, what)
    missing = [name for name in names if name not in value]
    if missing:
        held = ", ".join(map(str, value)) or "none"
        raise ValueError(f"{what}: expected an entry {missing[0]!r}, got a dict with {held}")
    return value


def require_arrays(value, what):
    """Refuse anything but a dict of arrays of real numbers by name."""
    for name, array in require_dict(value, what).items():
        if np.asarray(array).dtype.kind not in "buif":
            raise TypeError(f"{what}: expected an array of real numbers for {name}, got {describe(array)}")
    return value


def require_instance(value, kind, what):
    """Refuse anything but an instance of this class of the package.

    >>> require_instance(dict, pathlib.Path, "place")
    Traceback (most recent call last):
    ...
    TypeError: place: expected a Path of pathlib, made, got <class 'dict'>
    """
    if not isinstance(value, kind):
        home = ".".join(kind.__module__.split(".")[:2])
        raise TypeError(f"{what}: expected a {kind.__name__} of {home}, made, got {describe(value)}")
    return value


def require_function(value, what):
    """Refuse what cannot be called, and classes, which are to be made first."""
    if inspect.isclass(value) or not callable(value):
        raise TypeError(f"{what}: expected a function, got {describe(value)}")
    return value


def require_text(value, what):
    """Refuse anything but words."""
    if not isinstance(value, str):
        raise TypeError(f"{what}: expected a text, got {describe(value)}")
    if not value:
        raise ValueError(f"{what}: expected a text, got {value!r}, which is empty")
    return value


def require_path(value, what):
    """Refuse what is no path; -> a pathlib.Path, with ~ put out in full."""
    if not isinstance(value, (str, os.PathLike)):
        raise TypeError(f"{what}: expected a path, got {describe(value)}")
    if not os.fspath(value) or "\0" in str(value):
        raise ValueError(f"{what}: expected a path, got {value!r}")
    return pathlib.Path(value).expanduser()


def require_folder(value, what):
    """Refuse what is no path, and the path of a file; the folder may be new. -> a pathlib.Path"""
    path = require_path(value, what)
    if path.exists() and not path.is_dir():
        raise ValueError(f"{what}: expected a folder, got {path}, which is none")
    return path


def require_file(value, what):
    """Refuse what is no path of a file that can be written: its folder is not there, or it is a folder itself."""
    path = require_path(value, what)
    if not path.parent.is_dir() or path.is_dir():
        raise ValueError(f"{what}: expected a file in a folder that is there, got {path}")
    return path
