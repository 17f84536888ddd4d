"""Arrays: plain ones, of the right numbers and the right shape."""

import numpy as np

from feedbackalign.validation.words import PLAIN, describe, is_plain


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


def require_reals(array, what):
    """Refuse anything but real numbers, in a plain array or in lists; return them as a float64 array.

    >>> require_reals([1, 2], "u")
    array([1., 2.])
    """
    given, array = array, require_plain(array, what)
    if array.dtype.kind not in "buif":
        raise TypeError(f"{what}: expected an array of real numbers, got {describe(given)}")
    return array.astype(np.float64)


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


def require_float_array(x, what, *, kinds="fd"):
    """Refuse anything but an array of float32 or float64, of any shape; "fdFD" lets complex ones through."""
    if type(x) in PLAIN and x.dtype.char in kinds:
        return x
    require_plain(x, what)
    raise TypeError(f"{what}: expected a float32 or float64 array, got {describe(x)}")


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
    if type(x) not in PLAIN or x.dtype.char not in "fd":
        require_float_array(x, what)
    if not (shape[0] is None and x.ndim and x.shape[1:] == shape[1:]) and not fits(x.shape, shape):    # mostly one look
        hint = channels_first(shape[1:], x.shape[1:])
        raise ValueError(f"{what}: expected shape {in_letters(shape)}, got {describe(x)}{hint}")
    if x.size == 0:
        raise ValueError(f"{what}: expected at least one sample, got {describe(x)}")
    return x


def fits(have, shape):
    """Whether a shape is the wanted one, in which None stands for any length.

    >>> fits((2, 3), (None, 3)), fits((2, 3), (None, 4)), fits((2, 3), (2,))
    (True, False, False)
    """
    return len(have) == len(shape) and not any(want not in (None, length) for want, length in zip(shape, have))


def in_letters(shape):
    """
    >>> in_letters((None, 3)), in_letters((None,))
    ('(N, 3)', '(N,)')
    """
    letters = "NCHW" + "?" * len(shape)
    wanted = ", ".join(letter if want is None else str(want) for letter, want in zip(letters, shape))
    return f"({wanted}{',' * (len(shape) == 1)})"


def channels_first(want, have):
    """A hint where samples of shape (H, W, C) came for (C, H, W), None for any length; else nothing.

    >>> channels_first((3, 32, 32), (32, 32, 3)), channels_first((3, 32, 32), (1, 32, 32))
    (': channels come first', '')
    """
    last_is_first = len(want) == len(have) == 3 and want[0] == have[2]
    fits = last_is_first and all(size in (None, length) for size, length in zip(want[1:], have))
    return ": channels come first" if fits else ""


def require_finite(x, what):
    """Refuse anything but a float array without NaN and infinity, naming the first entry that is not finite."""
    if not np.isfinite(require_float_array(x, what)).all():
        first = tuple(int(i) for i in np.argwhere(~np.isfinite(x))[0])
        raise ValueError(f"{what}: expected finite numbers, got {x[first]} at index {first}")
    return x


def require_labels(labels, what, *, count, classes):
    """Refuse anything but `count` integer labels in 0 … classes − 1."""
    if type(labels) not in PLAIN or labels.dtype.kind not in "iu":
        require_plain(labels, what)
        raise TypeError(f"{what}: expected an integer array of {count} labels, got {describe(labels)}")
    if labels.shape != (count,):
        raise ValueError(f"{what}: expected shape ({count},), one label a sample, got {describe(labels)}")
    if labels.min() < 0 or labels.max() >= classes:
        wrong = labels[(labels < 0) | (labels >= classes)][0]
        raise ValueError(f"{what}: expected labels from 0 to {classes - 1}, got {wrong}")
    return labels
