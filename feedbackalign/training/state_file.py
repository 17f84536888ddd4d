"""A file of arrays that shows whether it still holds what was written: an .npz with sums.

    meta    plain numbers and words, as JSON: in "arrays" {name: [dtype, shape, order, sha256]}, in "sha256" a sum over
            all of meta but itself
    NAME    an array, for every name

The file is written under another name and then renamed, so it is never half a file; nothing is pickled. It is read as
one whole: an array that is lost, added or changed is found before any array is used. The sums are against damage; who
wants to deceive can make them anew.
"""

import contextlib
import hashlib
import io
import json
import os
import zipfile

import numpy as np

from feedbackalign.data.writing import written_whole
from feedbackalign.validation import describe


class CheckpointError(ValueError):
    """A checkpoint that cannot be read, or belongs to another run."""


def write(path, stamp, meta, arrays):
    """Write a dict of plain values and a dict of arrays; `stamp` is what `read` asks for before all else."""
    arrays = {name: np.asarray(array) for name, array in arrays.items()}
    for name, array in arrays.items():
        if array.dtype.hasobject:
            raise TypeError(f"{name}: expected an array of numbers or text, got {describe(array)}")
    text = json.dumps({**stamp, **meta, "arrays": {name: mark_of(array) for name, array in arrays.items()}},
                      default=np.ndarray.tolist)                                # some streams hold arrays
    meta = json.loads(text)
    text = json.dumps({**meta, "sha256": sum_of(meta)})
    content = io.BytesIO()                              # a zip file on a full disk complains when it is deleted, too
    np.savez(content, meta=np.array(text), **arrays)
    with written_whole(path) as part, open(part, "wb") as file:
        file.write(content.getbuffer())
        file.flush()
        os.fsync(file.fileno())


def read_meta(path, stamp):
    """The plain values of a file; no array of it is read."""
    with opened(path) as file:
        return meta_of(file, stamp)


def read(path, stamp):
    """-> (meta, {name: array}) of a file; CheckpointError where one of them is not what was written."""
    with opened(path) as file:
        meta = meta_of(file, stamp)
        unread = ["meta", *meta["arrays"]]
        for name in names_of(file):
            if name not in unread:
                raise damaged(path, f"it holds {name}, which was not written")
            unread.remove(name)
        return meta, {name: array_of(file, name, mark) for name, mark in meta["arrays"].items()}


@contextlib.contextmanager
def opened(path):
    """The zip file, of which no member claims to be larger than the whole; what fails is a CheckpointError."""
    try:
        with open(path, "rb") as file, zipfile.ZipFile(file) as held:
            size = os.fstat(file.fileno()).st_size
            for info in held.infolist():
                if info.compress_type != zipfile.ZIP_STORED or max(info.file_size, info.compress_size) > size:
                    raise damaged(path, f"{info.filename} is packed or larger than the file")
            yield held
    except CheckpointError:
        raise
    except Exception as error:                          # zip, zlib, npy and JSON each have errors of their own
        reason = getattr(error, "strerror", None) or f"{type(error).__name__} while it was read"
        raise damaged(path, reason) from error


def names_of(file):
    return [name.removesuffix(".npy") for name in file.namelist()]


def meta_of(file, stamp):
    """The plain values: made by this version, and with the sum that was written."""
    meta = dict(json.loads(str(member(file, "meta"))))
    for key, mine in stamp.items():
        if key not in meta:
            raise damaged(file.filename, f"it lacks a {key}")
        if meta[key] != mine:
            raise foreign(file.filename, key, meta[key], mine)
    if meta.pop("sha256", None) != sum_of(meta):
        raise damaged(file.filename, "its meta is not what was written")
    return meta


def array_of(file, name, mark):
    """An array of the dtype, shape, order and numbers with which it was written."""
    array = member(file, name)
    *kind, _ = found = mark_of(array)
    if kind != mark[:-1]:
        raise damaged(file.filename, f"{name} was written as {mark[:-1]}, and is {kind}")
    if found != mark:
        raise damaged(file.filename, f"the numbers of {name} are not those that were written")
    return array


def member(file, name):
    """One member as an array. It is made of the bytes that are there: its header can ask for no more."""
    if name not in names_of(file):
        raise damaged(file.filename, f"it lacks {name}")
    content = io.BytesIO(file.read(f"{name}.npy"))
    if np.lib.format.read_magic(content) != (1, 0):
        raise damaged(file.filename, f"{name} is no array")
    shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(content)
    if dtype.hasobject:
        raise damaged(file.filename, f"{name} holds objects of Python")
    return np.ndarray(shape, dtype, content.getbuffer(), content.tell(), order="F" if is_fortran else "C")


def mark_of(array):
    """[dtype, shape, order, sha256] of an array; sums over it depend on the order in the last digits."""
    order = "Fortran" if array.flags.fnc else "C"
    return [array.dtype.str, list(array.shape), order, hashlib.sha256(array.tobytes()).hexdigest()]


def sum_of(values):
    """A sum over plain values that shows whether they are the ones that were written.

    >>> sum_of([{"epoch": 1, "loss": 0.5}]) == sum_of([{"loss": 0.5, "epoch": 1}])
    True
    """
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def damaged(path, what):
    return CheckpointError(f"{path}: not a whole checkpoint of feedbackalign ({what}); remove it to start again")


def foreign(path, what, theirs, mine):
    theirs, mine = differing(theirs, mine)
    return CheckpointError(f"{path}: made by another {what}: {theirs!r}, this run has {mine!r}; go on with that one, "
                           f"or start anew in another folder")


def differing(theirs, mine):
    """Two values that are not the same, and of two dicts only the entries that differ.

    >>> differing({"density": 1.0, "expansion": 10}, {"density": 1.0, "expansion": 2}), differing(0, 1)
    (({'expansion': 10}, {'expansion': 2}), (0, 1))
    """
    if not (isinstance(theirs, dict) and isinstance(mine, dict)):
        return theirs, mine
    return tuple({name: value for name, value in one.items() if name not in other or other[name] != value}
                 for one, other in ((theirs, mine), (mine, theirs)))
