"""MNIST and Fashion-MNIST from their four original files.

MNIST: LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied to document recognition", Proc. IEEE 86 (1998).
Fashion-MNIST: Xiao, Rasul, Vollgraf, "Fashion-MNIST: a novel image dataset for benchmarking machine learning
algorithms", arXiv 1708.07747 (2017).
"""

import os

import numpy as np

from feedbackalign.data.dataset import Dataset, Split
from feedbackalign.data.idx import DataError, read_idx
from feedbackalign.validation import describe, require_bool, require_integer, require_path

MNIST_MEAN, MNIST_STD = 0.1307, 0.3081              # of the 60,000 training images, pixels in [0, 1]
FASHION_MEAN, FASHION_STD = 0.2860, 0.3530
LABEL_COUNTS = {            # of the original files, digit by digit: what tells the two sets apart
    "mnist": {"train": [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949],
              "t10k": [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]},
    "fashion": {"train": [6000] * 10, "t10k": [1000] * 10}}
DEBIAN_FASHION = "/usr/share/datasets/fashion-mnist"        # Debian's package dataset-fashion-mnist


def mnist(data_dir, *, validation=5000, standardise=True):
    """MNIST from your folder: 60,000 training images of 28 x 28 in ten classes, 10,000 to test.

    Parameters
    ----------
    data_dir : str or path
        Holds train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte; plain
        or .gz, also spelled train-images.idx3-ubyte. They may lie in folders inside of it, as torchvision
        (MNIST/raw) and Kaggle (a folder per file) put them.
    validation : int
        Number of training images, the last ones, that become the validation split. With 0, `data.validation` is None.
    standardise : bool
        True gives (pixel / 255 - 0.1307) / 0.3081, False gives pixel / 255.

    Returns a Dataset: x (N, 1, 28, 28) float32, labels 0 to 9; `.flat()` gives (N, 784). Raises DataError if a file is
    missing, is not IDX, does not fit the others, or is Fashion-MNIST's by the counts of its labels; TypeError or
    ValueError for a wrong argument, also if the validation split leaves nothing to train on.

    >>> mnist("no/such/folder")
    Traceback (most recent call last):
    ...
    feedbackalign.data.idx.DataError: no/such/folder: no such folder, expected one with the MNIST files
    """
    if data_dir is None:
        raise DataError("MNIST does not ship with the package: give data_dir, a folder with the four original files "
                        "(train-images-idx3-ubyte and so on, plain or .gz)")
    standardise = require_bool(standardise, "standardise")
    data = _read_folder("mnist", "MNIST", data_dir, validation)
    return data.standardised(MNIST_MEAN, MNIST_STD) if standardise else data


def fashion(data_dir=None, *, validation=5000, standardise=True):
    """Fashion-MNIST: 60,000 training images of clothes, 28 x 28, in ten classes, 10,000 to test.

    Files (in FashionMNIST/raw), arguments, result and errors are those of `mnist`, with mean 0.2860 and standard
    deviation 0.3530. Without data_dir the files of Debian's and Ubuntu's package dataset-fashion-mnist are read.

    >>> fashion("no/such/folder")
    Traceback (most recent call last):
    ...
    feedbackalign.data.idx.DataError: no/such/folder: no such folder, expected one with the Fashion-MNIST files
    """
    if data_dir is None:
        data_dir = DEBIAN_FASHION
        if not os.path.isdir(data_dir):
            raise DataError(f"{data_dir}: no Fashion-MNIST here. Install it (apt install dataset-fashion-mnist), or "
                            "give data_dir, a folder with the four files of github.com/zalandoresearch/fashion-mnist")
    standardise = require_bool(standardise, "standardise")
    data = _read_folder("fashion", "Fashion-MNIST", data_dir, validation)
    return data.standardised(FASHION_MEAN, FASHION_STD) if standardise else data


def _read_folder(name, title, data_dir, validation):
    """The four files as a Dataset of pixels in [0, 1]."""
    validation = require_integer(validation, "validation", low=0)
    folder = existing_folder(data_dir, title)
    splits = []
    for part in ("train", "t10k"):
        images, labels = read_part(folder, part, title)
        for other, counts in LABEL_COUNTS.items():
            if other != name and np.bincount(labels).tolist() == counts[part]:
                raise DataError(f"{folder}: expected {title}, got the label counts of another set: these files are for "
                                f"the data set {other!r}")
        splits.append(Split(as_pixels(images), labels))     # (N, 1, 28, 28), (N,)
    return held_out(name, *splits, validation)


def existing_folder(data_dir, title):
    """The path of a folder that is there; `title` names the data set in the error."""
    folder = require_path(data_dir, "data_dir")
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder, expected one with the {title} files")
    return folder


def held_out(name, train, test, validation):
    """A Dataset of ten classes; its validation split is the last `validation` training samples, None for 0."""
    validation = require_integer(validation, "validation", low=0)
    if validation >= len(train):
        raise ValueError(f"validation: expected fewer than the {len(train)} training images, got {validation}")
    cut = len(train) - validation
    held_back = Split(train.x[cut:], train.targets[cut:]) if validation else None
    return Dataset(name, train=Split(train.x[:cut], train.targets[:cut]), validation=held_back, test=test, classes=10)


def as_pixels(images):
    """(N, 28, 28) uint8 -> (N, 1, 28, 28) float32 in [0, 1]."""
    x = images[:, None].astype(np.float32)              # (N, 28, 28) -> (N, 1, 28, 28)
    x /= 255
    return x


def read_part(folder, part, title="Fashion-MNIST"):
    """Images (N, 28, 28) and labels (N,), uint8, of the part "train" or "t10k"; their sizes must fit each other."""
    image_file, label_file = (_find(folder, f"{part}-{what}", kind, title)
                              for what, kind in (("images", "idx3"), ("labels", "idx1")))
    images, labels = read_idx(image_file), read_idx(label_file)
    if images.dtype != np.uint8 or images.shape[1:] != (28, 28) or len(images) == 0:
        raise DataError(f"{image_file}: expected uint8 images of shape (N, 28, 28), got {describe(images)}")
    if labels.dtype != np.uint8 or labels.shape != (len(images),):
        raise DataError(f"{label_file}: expected {len(images)} uint8 labels, one per image of {image_file.name}, "
                        f"got {describe(labels)}")
    if labels.max() > 9:
        raise DataError(f"{label_file}: expected labels from 0 to 9, got {labels.max()}")
    return images, labels


def _find(folder, stem, kind, title):
    """The first of the file's spellings that is a file: in the folder, or where torchvision or Kaggle put it inside."""
    names = [f"{stem}{joint}{kind}-ubyte{suffix}" for joint in "-." for suffix in ("", ".gz")]
    inner = (folder, folder / "raw", folder / title.replace("-", "") / "raw")
    places = [place / name for place in inner for name in names] + [folder / name / name for name in names]
    for path in places:
        if path.is_file():
            return path
    raise DataError(f"{folder}: expected one of {', '.join(names)}, found no such file in it")
