"""Makes the files of fashion_mini from the original ones, as feedbackalign/data/DATA.md describes."""

import gzip
import pathlib
import struct

import numpy as np

from feedbackalign.data.digits import split_order
from feedbackalign.data.fashion_mini import IMAGES, LABELS, TEST, TRAIN
from feedbackalign.data.mnist import read_part


def cut_from(data_dir, train=TRAIN, test=TEST):
    """The same images and labels, cut from the four original files."""
    parts = []
    for part, count in (("train", train), ("t10k", test)):
        images, labels = read_part(pathlib.Path(data_dir), part)
        chosen = split_order(labels)[:count]
        parts.append((images[chosen], labels[chosen]))
    images, labels = zip(*parts)
    return np.concatenate(images), np.concatenate(labels)       # (6000, 28, 28), (6000,)


def write(folder, images, labels):
    """Write the shipped files; the bytes of gzip may depend on the version of zlib."""
    for name, array in ((IMAGES, images), (LABELS, labels)):
        header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
        (pathlib.Path(folder) / name).write_bytes(gzip.compress(header + array.tobytes(), 9, mtime=0))
