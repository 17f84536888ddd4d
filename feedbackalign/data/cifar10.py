"""CIFAR-10 from its binary files. The pickled version is refused, because unpickling a file runs code from it.

Krizhevsky, "Learning multiple layers of features from tiny images", technical report, University of Toronto (2009).
A file is 10,000 records of 3,073 bytes: the label, then 32 x 32 red, green and blue values, row by row.
"""

import numpy as np

from feedbackalign.data.dataset import Split
from feedbackalign.data.idx import DataError
from feedbackalign.data.mnist import existing_folder, held_out
from feedbackalign.validation import require_bool, require_integer

TRAIN_FILES = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
TEST_FILE = "test_batch.bin"
RECORDS = 10_000                                    # in each file
SHAPE = (3, 32, 32)
RECORD_BYTES = 1 + 3 * 32 * 32
FOLDER, ARCHIVE = "cifar-10-batches-bin", "cifar-10-binary.tar.gz"      # what the original is called


def cifar10(data_dir, *, validation=5000, standardise=True):
    """CIFAR-10 from your folder: 50,000 training images of 32 x 32 in colour, ten classes, 10,000 to test.

    Parameters
    ----------
    data_dir : str or path
        Holds data_batch_1.bin to data_batch_5.bin and test_batch.bin, or their folder cifar-10-batches-bin.
        `feedbackalign data fetch cifar10 --to DIR` makes such a folder.
    validation : int
        As for `mnist`.
    standardise : bool
        True gives every channel mean 0 and standard deviation 1 over the 50,000 training images, False pixel / 255.

    Returns a Dataset: x (N, 3, 32, 32) float32, labels 0 to 9 for airplane, automobile, bird, cat, deer, dog, frog,
    horse, ship, truck; 740 MB in memory. Raises DataError if a file is missing, has another size or a label above 9, or
    if the classes are not balanced (in the original they are; exchanged files are found in this way).

    >>> cifar10("no/such/folder")
    Traceback (most recent call last):
    ...
    feedbackalign.data.idx.DataError: no/such/folder: no such folder, expected one with the CIFAR-10 files
    """
    validation, standardise = require_integer(validation, "validation", low=0), require_bool(standardise, "standardise")
    folder = _find_folder(data_dir)
    images, labels = read_records([folder / name for name in TRAIN_FILES])      # (50000, 3, 32, 32), (50000,)
    test_images, test_labels = read_records([folder / TEST_FILE])
    _check_balance(folder, "training", labels)
    _check_balance(folder, "test", test_labels)
    mean, std = channel_statistics(images) if standardise else (np.zeros(3), np.ones(3))
    train = Split(rescaled(images, mean, std), labels)
    return held_out("cifar10", train, Split(rescaled(test_images, mean, std), test_labels), validation)


def read_records(files):
    """Images (N, 3, 32, 32) and labels (N,) of these files, uint8; DataError for a file of another format."""
    records = np.concatenate([_read_file(file) for file in files])              # (N, 3073)
    return records[:, 1:].reshape(-1, *SHAPE), records[:, 0]


def channel_statistics(images):
    """Mean and standard deviation of each channel in units of 255, from exact counts: (N, C, H, W) uint8 -> (C,), (C,)

    >>> channel_statistics(np.array([0, 255, 51, 51], np.uint8).reshape(1, 2, 1, 2))
    (array([0.5, 0.2]), array([0.5, 0. ]))
    """
    values = np.arange(256) / 255
    shares = [np.bincount(images[:, channel].ravel(), minlength=256) / images[:, channel].size
              for channel in range(images.shape[1])]                            # how often each value occurs
    mean = np.array([share @ values for share in shares])
    std = np.array([np.sqrt(share @ (values - m)**2) for share, m in zip(shares, mean)])
    return mean, std


def rescaled(images, mean, std):
    """(pixel / 255 - mean) / std, channel by channel: (N, C, H, W) uint8 -> float32, with no second copy of it."""
    x = images.astype(np.float32)
    for channel in range(x.shape[1]):
        x[:, channel] /= 255
        x[:, channel] -= float(mean[channel])
        x[:, channel] /= float(std[channel])
    return x


def _find_folder(data_dir):
    if data_dir is None:
        raise DataError("CIFAR-10 does not ship with the package: give data_dir (on the command line --data-dir), a "
                        "folder with the six binary files; `feedbackalign data fetch cifar10 --to DIR` gets them")
    folder = existing_folder(data_dir, "CIFAR-10")
    if (folder / FOLDER).is_dir() and not (folder / TEST_FILE).is_file():
        folder = folder / FOLDER
    missing = [name for name in (*TRAIN_FILES, TEST_FILE) if not (folder / name).exists()]
    if missing:
        raise DataError(f"{folder}: expected {', '.join(missing)}, found no such file{_what_is_there(folder)}")
    return folder


def _what_is_there(folder):
    if (folder / "data_batch_1").exists() or (folder / "cifar-10-batches-py").is_dir():
        return f"; found CIFAR-10's Python version, which is pickled and not read: take the binary version, {ARCHIVE}"
    if (folder / ARCHIVE).exists():
        return f"; {ARCHIVE} is there: unpack it"
    return ""


def _read_file(path):
    """One file: (10000, 3073) uint8."""
    expected = f"{path}: expected {RECORDS * RECORD_BYTES} bytes, {RECORDS} records of {RECORD_BYTES}"
    try:
        if not path.is_file():
            raise DataError(f"{expected}, got something that is not a regular file")
        size = path.stat().st_size
        if size != RECORDS * RECORD_BYTES:
            raise DataError(f"{expected}, got {size} bytes")
        records = np.fromfile(path, np.uint8).reshape(RECORDS, RECORD_BYTES)
    except OSError as error:
        raise DataError(f"{expected}, could not read it ({error})") from error
    wrong = np.flatnonzero(records[:, 0] > 9)
    if len(wrong):
        raise DataError(f"{path}: expected labels from 0 to 9, got {records[wrong[0], 0]} in record {wrong[0]}")
    return records


def _check_balance(folder, part, labels):
    """The original has equally many images of every class, in the training files together and in the test file."""
    counts = np.bincount(labels, minlength=10)
    if counts.min() != counts.max():
        raise DataError(f"{folder}: expected {len(labels) // 10} {part} images of every class, got from {counts.min()} "
                        f"to {counts.max()}; is every file under its own name?")
