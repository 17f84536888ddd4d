"""Numbers, flags, steps and dtypes. What comes back is a Python number, and the one to use."""

import math

import numpy as np

from feedbackalign.validation.words import describe

MOST = 2**63 - 1                # no memory holds so many of anything
FLOATS = {"float32": np.dtype(np.float32), "float64": np.dtype(np.float64)}


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
    for name, known in FLOATS.items():                  # known.name and str(dtype) are spelled anew at every call
        if dtype is known.type or (isinstance(dtype, str) and dtype == name
                                   or isinstance(dtype, np.dtype) and dtype == known):
            return known
    raise TypeError(f"{what}: expected numpy.float32 or numpy.float64, or the name of one, got {describe(dtype)}")


def store(instance, **checked):
    """Put checked values into the fields of a frozen dataclass, so that what was checked is what is used."""
    for field, value in checked.items():
        object.__setattr__(instance, field, value)
