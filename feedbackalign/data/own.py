"""Data of one's own: a file of arrays or a table of text becomes a Dataset.

    FILE.npz    x_train, y_train, x_test, y_test; or x and y, of which a share becomes the test set
    FILE.csv    one sample a line, with or without a line of names; of it too a share becomes the test set

Integers and words are labels, renamed 0, 1, … in sorted order; floats are values of a regression. Nothing is unpickled.
"""

import csv
import functools
import hashlib
import itertools
import pathlib
import zipfile
import zlib

import numpy as np

from feedbackalign.data.dataset import Dataset, Split
from feedbackalign.data.idx import DataError
from feedbackalign.validation import (describe, require_finite, require_instance, require_known, require_number,
                                      require_path, require_plain, require_text)

SUFFIXES = (".npz", ".csv")
LABELS = ("label", "target", "class", "y")          # names of the column of labels, where none is given
TEST_SHARE = 0.2
FORMS = ("standardised", "unit", "centred")


def is_file(name):
    """Whether a name is that of a file which `read` reads.

    >>> is_file("mine.npz"), is_file("digits"), is_file("my_data.py:make")
    (True, False, False)
    """
    return pathlib.PurePath(name if isinstance(name, str) else require_path(name, "name")).suffix.lower() in SUFFIXES


def read(path, *, test_share=None, label_column=None):
    """The samples of a file as they are: x float32 (N, …), labels (N,) or values (N, out).

    Parameters
    ----------
    path : str or path
        FILE.npz or FILE.csv. Images (N, H, W) gain a channel: (N, 1, H, W).
    test_share : float, optional
        The share of a file without a test set that becomes one, 0.2 unless given: the last of one fixed permutation.
    label_column : str or int, optional
        Of a table: a name, or a number from 0 on (-1 is the last). Unless given it is the one that is called label,
        target, class or y, else the first.

    Raises DataError where the file is not there or not as it should be.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.savez(folder + "/mine.npz", x=np.zeros((10, 8, 8)), y=np.arange(10) % 2)
    ...     data = read(folder + "/mine.npz")
    >>> data.input_shape, len(data.train), len(data.test), data.classes
    ((1, 8, 8), 8, 2, 2)
    """
    path, test_share = require_path(path, "path"), _require_share(test_share)
    if isinstance(label_column, bool) or not isinstance(label_column, (str, int, type(None))):
        raise TypeError(f"label_column: expected a name or a number, got {describe(label_column)}")
    if path.suffix.lower() not in SUFFIXES:
        raise DataError(f"{path}: expected a file that ends in {' or '.join(SUFFIXES)}")
    if path.suffix.lower() == ".npz" and label_column is not None:
        raise ValueError(f"label_column: {path.name} has no columns, got {label_column!r}")
    return _read(path, sha256_of(path), test_share, label_column)


def _require_share(test_share):
    """Refuse what is no share between 0 and 1; None stays None."""
    if test_share is None:
        return None
    return require_number(test_share, "test_share", low=0, high=1, low_open=True, high_open=True)


def sha256_of(path):
    """The sha256 of a file's bytes; DataError where it cannot be read."""
    try:
        return hashlib.sha256(require_path(path, "path").read_bytes()).hexdigest()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error


@functools.lru_cache(maxsize=1)                     # the runs of a comparison read the same file; data never changes
def _read(path, sha256, test_share, label_column):
    try:
        parts = _parts_of_arrays(path) if path.suffix.lower() == ".npz" else _parts_of_table(path, label_column)
        if len(parts) == 4 and test_share is not None:
            raise ValueError(f"test_share: the file has a test set of its own, got {test_share}")
        return dataset(path.name, *parts, test_share=test_share)
    except (ValueError, TypeError, OSError, EOFError, csv.Error, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path}: {str(error).removeprefix(f'{path.name}, ')}") from error


def _parts_of_arrays(path):
    """(x, y) or (x_train, y_train, x_test, y_test)."""
    if not zipfile.is_zipfile(path):
        raise ValueError("expected a file as np.savez writes it")
    with open(path, "rb") as file, np.load(file, allow_pickle=False) as held:
        for names in (("x_train", "y_train", "x_test", "y_test"), ("x", "y")):
            if set(names) <= set(held.files):
                return [_array(held, name) for name in names]
        raise ValueError(f"expected the arrays x_train, y_train, x_test and y_test, or x and y; it holds "
                         f"{', '.join(held.files) or 'none'}")


def _array(held, name):
    try:
        return held[name]
    except ValueError as error:
        if "allow_pickle" not in str(error):
            raise
        kinds, kind = ("numbers or words", "str") if name.startswith("y") else ("numbers", "float")
        raise ValueError(f"{name}: expected {kinds}, got objects of Python; save {name}.astype({kind})") from error


def _parts_of_table(path, label_column):
    """(x, y) of a table with commas between its cells."""
    names = next((cells for _, cells in _rows(path)), [])
    if len(names) < 2:
        raise ValueError("expected a table with commas between its cells, labels and at least one number a line")
    named = _has_names(names, label_column)
    column = _column(names if named else None, len(names), label_column)
    _require_samples(path, named, len(names))
    form = {"delimiter": ",", "quotechar": '"', "comments": None, "skiprows": int(named), "ndmin": 2}
    y = _labels_or_values(np.char.strip(np.loadtxt(_lines(path), str, usecols=[column], **form)[:, 0]))
    others = [k for k in range(len(names)) if k != column]
    try:
        x = require_finite(np.loadtxt(_lines(path), np.float32, usecols=others, **form), "x")       # (N, in)
        return x, require_finite(y, "y") if y.dtype.kind == "f" else y
    except ValueError as error:
        columns = {k: name for k, name in enumerate(names if named else range(len(names)))
                   if k != column or y.dtype.kind == "f"}
        wrong = _first_wrong_cell(path, columns, named) or str(error)
        raise ValueError(wrong if label_column is None else f"{wrong} (it is {label_column!r})") from error


def _labels_or_values(words):
    """Words of a table as integers, else as floats; as they are where one of them is neither."""
    for kind in (np.int64, np.float32):
        try:
            return words.astype(kind)
        except ValueError:
            continue
    return words


def _lines(path):
    """The lines of a text, without empty ones and without a byte order mark."""
    with open(path, encoding="utf-8-sig") as file:
        yield from filter(str.strip, file)


def _rows(path):
    """(number of the line in the file, its cells) of every line that is not empty."""
    with open(path, encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file)
        for cells in reader:
            if any(map(str.strip, cells)) or len(cells) > 1:
                yield reader.line_num, [cell.strip() for cell in cells]


def _require_samples(path, named, count):
    """Refuse a table without samples, and lines of more or fewer cells than the first."""
    samples = -int(named)
    for line, cells in _rows(path):
        if len(cells) != count:
            raise ValueError(f"line {line}: expected {count} cells as in the first line, got {len(cells)}")
        samples += 1
    if samples < 1:
        raise ValueError("no samples below the line of names")


def _first_wrong_cell(path, columns, named):
    """Which cell of these columns, {place: name}, is the first that is no finite number, in words; None for none."""
    for line, cells in itertools.islice(_rows(path), int(named), None):
        for k, name in columns.items():
            if not _is_number(cells[k]):
                return (f"line {line}, column {name}: expected a finite number, got {cells[k]!r}; label_column "
                        f"(--label-column) says where the labels are")


def _has_names(cells, label_column):
    """Whether the first line names the columns: one is called as the labels are, or no cell is a number."""
    return label_column in cells or any(cell.lower() in LABELS for cell in cells) or not any(map(_is_number, cells))


def _is_number(cell):
    try:
        return abs(float(cell)) <= float(np.finfo(np.float32).max)
    except ValueError:
        return False


def _column(names, count, label_column):
    """Which column holds the labels, from 0 on."""
    if names is not None and label_column is None:
        return next((k for k, name in enumerate(names) if name.lower() in LABELS), 0)
    if names is not None and str(label_column) in names:
        return names.index(str(label_column))
    try:
        column = int(label_column or 0)
    except ValueError:
        if names is None:
            raise ValueError(f"label_column: the table has no line of names, got {label_column!r}") from None
        require_known(label_column, names, "label column")
    if not -count <= column < count:
        raise ValueError(f"label_column: expected a number below {count}, got {column}")
    return column % count


def dataset(name, x, y, x_test=None, y_test=None, *, test_share=None):
    """A Dataset of arrays; where no test samples are given, a share of one fixed permutation becomes them.

    Parameters
    ----------
    name : str
    x, x_test : arrays (N, …)
        Of numbers. Images (N, H, W) gain a channel.
    y, y_test : arrays (N,) or (N, out)
        Integers or words: labels (N,). Floats: values of a regression.
    test_share : float, optional
        0.2 unless given.

    >>> data = dataset("mine", np.zeros((5, 3)), np.array(["cat", "dog", "cat", "dog", "cat"]))
    >>> data.classes, len(data.train), len(data.test)
    (2, 4, 1)
    """
    given, test_share = x_test is not None, _require_share(test_share)
    if given == (y_test is None):
        raise ValueError(f"x_test, y_test: expected both or none, got {describe(x_test)} and {describe(y_test)}")
    require_text(name, "name")
    if np.ndim(y) == 0:
        raise TypeError(f"y: expected an array of labels or values, got {describe(y)}")
    x = _samples(x, "x_train" if given else "x")
    y = _targets(y, "y_train" if given else "y", len(x))
    if given:
        x_test, y_test = _samples(x_test, "x_test"), _targets(y_test, "y_test", len(x_test))
        for ours, theirs, what in ((x, x_test, "x_test"), (y, y_test, "y_test")):
            if ours.shape[1:] != theirs.shape[1:]:
                raise ValueError(f"{what}: expected samples of shape {ours.shape[1:]} as in training, got "
                                 f"{describe(theirs)}")
        cut, x, y = len(x), np.concatenate([x, x_test]), np.concatenate([y, y_test])
    if y.dtype.kind == "f":
        targets, classes = y.reshape(len(x), -1), None
    else:
        targets, classes = _renamed(y, cut if given else len(x), "y_train" if given else "y")
    if not given:
        cut = len(x) - max(1, int(len(x) * (TEST_SHARE if test_share is None else test_share)))
        order = np.random.default_rng(0).permutation(len(x))                # the same at every seed of a run
        x, targets = x[order], targets[order]
    return Dataset(name, train=Split(x[:cut], targets[:cut]), validation=None, test=Split(x[cut:], targets[cut:]),
                   classes=classes)


def _samples(x, what):
    """-> x float32 (N, …), images with a channel; NaN is told at the index that it has in what came."""
    given, x = x, require_plain(x, what)
    if x.dtype.kind not in "buif" or x.ndim < 2 or x.size == 0:
        raise ValueError(f"{what}: expected numbers (N, …), got {describe(given)}")
    x = require_finite(x.astype(np.float32), what)
    return x[:, None] if x.ndim == 3 else x                                 # (N, H, W) -> (N, 1, H, W)


def _targets(y, what, count):
    """-> labels (N,), integers or words, or values float32 (N, …)."""
    y = require_plain(y, what)
    if y.shape[:1] != (count,):
        raise ValueError(f"{what}: expected one entry a sample, {count} in all, got {describe(y)}")
    if y.dtype.kind == "f":
        return require_finite(y.astype(np.float32), what)
    if y.dtype.kind not in "buiU" or y.size != count:
        hint = f"; save {what}.astype(str)" if y.dtype.kind in "OS" else ""
        raise ValueError(f"{what}: expected labels ({count},), integers or words, or floats; got {describe(y)}{hint}")
    return y.ravel()


def _renamed(y, known, what):
    """Labels as 0, 1, … in sorted order: -> (labels (N,), how many classes); the first `known` hold every class."""
    names, labels = np.unique(y, return_inverse=True)
    held = np.unique(labels[:known])
    if len(held) < 2:
        raise ValueError(f"{what}: expected labels of at least two classes, got {names[held[0]].item()!r} alone")
    if len(held) < len(names):
        missing = names[np.setdiff1d(labels, held)[0]].item()
        raise ValueError(f"y_test: expected the labels of y_train alone, got {missing!r}, which training lacks")
    return labels.reshape(len(y)), len(names)


def in_form(data, form):
    """The samples in the form that a model asks for, by numbers of the training split: "standardised" to mean 0 and
    deviation 1, "unit" from 0 to 1 (test samples that lie outside are cut off there), "centred" to mean 0.

    >>> data = in_form(dataset("mine", np.arange(10.0)[:, None], np.arange(10) % 2), "unit")
    >>> float(data.train.x.min()), float(data.train.x.max())
    (0.0, 1.0)
    """
    require_known(form, FORMS, "form")
    require_instance(data, Dataset, "data")
    if form == "centred":
        return data.standardised(std=1)
    low, high = data.train.x.min(), data.train.x.max()
    if low == high:
        raise DataError(f"{data.name}: all entries of its training samples are {low:g}: there is nothing to learn from")
    if form == "standardised":
        return data.standardised()
    unit = data.standardised(float(low), float(high) - float(low))
    return unit.with_x(lambda x: np.clip(x, 0, 1))
