"""What a function gives back, made of plain things: arrays, numbers, text, and tuples and lists of these.

Anything else becomes its description, so that no object of another kind is ever copied, compared or printed.
"""

import math

import numpy as np

from feedbackalign.validation import describe

ENTRIES = 10**7             # of an array; no right answer is as large
PARTS = 100                 # of a tuple or list


class Described:
    """Something that is no answer to any exercise: it prints as `describe` described it."""

    def __init__(self, value):
        self.text = describe(value)

    def __repr__(self):
        return self.text


def plain(value, depth=3):
    """The value if it is plain, with longdouble as float64; what is something else, or too large, as a `Described`.

    >>> plain((np.float32(0.5), [1, {2}]))
    (0.5, [1, {2}])
    >>> type(plain({2})).__name__
    'Described'
    """
    kind = type(value)
    if value is None or kind in (bool, float, complex, str):
        return value
    if kind is int:
        return value if abs(value) < 2**1000 else math.copysign(math.inf, value > 0 or -1)
    if kind in (np.ndarray, np.memmap) and not value.dtype.hasobject and value.size <= ENTRIES:
        with np.errstate(all="ignore"):
            return np.asarray(value, dtype=np.float64 if value.dtype == np.longdouble else value.dtype)
    if issubclass(kind, np.generic) and kind.__module__ == "numpy" and value.dtype.kind in "biuf":
        return float(value) if value.dtype == np.longdouble else value.item()
    base = next((base for base in (tuple, list) if issubclass(kind, base)), None)
    if base is None or depth == 0 or base.__len__(value) > PARTS:
        return Described(value)
    return base(plain(part, depth - 1) for part in base.__iter__(value))


def arrays_in(value):
    """Every array in a value: an array, or tuples, lists and dicts of such."""
    if isinstance(value, np.ndarray):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return [array for entry in value for array in arrays_in(entry)] if isinstance(value, (tuple, list)) else []
