"""Lists, dicts, functions, generators, and things that the package makes."""

import inspect

import numpy as np

from feedbackalign.validation.numbers import require_integer
from feedbackalign.validation.words import describe


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

    >>> require_instance(dict, np.random.Generator, "rng")
    Traceback (most recent call last):
    ...
    TypeError: rng: expected a Generator of numpy.random, made, got <class 'dict'>
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


def require_generator(rng, what):
    """Refuse anything but a numpy.random.Generator: the package never draws from global state."""
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"{what}: expected rng=numpy.random.Generator, for example np.random.default_rng(0), "
                        f"got {describe(rng)}")
    return rng
