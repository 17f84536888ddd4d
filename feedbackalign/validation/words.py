"""What came, in words; and names, texts and paths."""

import difflib
import os
import pathlib

import numpy as np

PLAIN = (np.ndarray, np.memmap)         # kinds of array that compute as NumPy's own do


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


def is_plain(array):
    return type(array) in PLAIN


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
