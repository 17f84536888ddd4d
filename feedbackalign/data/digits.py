"""The 1,797 handwritten digits of 8 x 8 pixels that ship with the package: data without a network.

Alpaydin and Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository (1998),
DOI 10.24432/C50P49, CC BY 4.0. `DATA.md` beside this file says where the copy comes from.
"""

import gzip
import hashlib
from importlib import resources

import numpy as np

from feedbackalign.data.dataset import Dataset, Split
from feedbackalign.validation import require_bool

TRAIN, VALIDATION = 1197, 240           # the other 360 are the test split


def digits(images=False):
    """Handwritten digits: 1,197 to train, 240 to validate, 360 to test, pixels in [0, 1].

    Returns a Dataset: x (N, 64), or with images=True (N, 1, 8, 8), float32, pixel / 16; labels 0 to 9.

    The splits are always the same, for nothing is drawn (see `split_order`). Every split has its share of every class,
    in turn, so `digits().batch(100)` holds about ten of each. The 13 writers are mixed over the splits.

    >>> data = digits()
    >>> data.train.x.shape, data.validation.x.shape, data.test.x.shape, data.outputs
    ((1197, 64), (240, 64), (360, 64), 10)
    """
    pixels, labels = read_digits()                              # (1797, 64), (1797,)
    order = split_order(labels)
    x = (pixels[order] / 16).astype(np.float32)
    x = x.reshape(-1, 1, 8, 8) if require_bool(images, "images") else x                 # (N, 64) -> (N, 1, 8, 8)
    labels = labels[order]

    def part(first, last):
        return Split(x[first:last], labels[first:last])

    ready = TRAIN + VALIDATION
    return Dataset("digits", train=part(0, TRAIN), validation=part(TRAIN, ready), test=part(ready, None), classes=10)


def read_digits():
    """The shipped file: pixels (1797, 64) and labels (1797,), int64."""
    packed = resources.files("feedbackalign.data").joinpath("digits.csv.gz").read_bytes()
    lines = gzip.decompress(packed).decode("ascii").splitlines()
    table = np.loadtxt(lines, delimiter=",", dtype=np.int64)    # (1797, 65)
    return table[:, :64], table[:, 64]


def split_order(labels):
    """An order that looks random, draws nothing, and spreads the classes evenly: labels (N,) -> indices (N,).

    The n members of a class are sorted by the sha256 of their line number (from 0, in decimal). Member k of them
    (k = 0, …, n − 1) gets the place (k + 1/2) / n among all samples; at the same place the smaller label goes first.
    So both sides of any cut of this order have the classes in the proportions of the whole.

    >>> split_order(np.array([0, 0, 0, 0, 1, 1])).tolist()
    [3, 4, 0, 1, 5, 2]
    """
    places = []
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label).tolist()
        members.sort(key=lambda index: hashlib.sha256(str(index).encode("ascii")).hexdigest())
        places += [((k + 0.5) / len(members), label, index) for k, index in enumerate(members)]
    return np.array([index for _, _, index in sorted(places)])
