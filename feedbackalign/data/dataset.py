"""A data set has three splits that never change; every epoch walks the training split in a new random order.

    Split      x (N, ...) floats, targets (N,) labels or (N, out) floats
    Dataset    a name, the splits train, validation and test, and the number of classes
    Batches    the mini-batches of a split, in a new order every epoch, with augmented images if wanted
"""

import dataclasses
import functools
import hashlib
import math

import numpy as np

from feedbackalign.validation import (describe, require_dtype, require_finite, require_floats, require_function,
                                      require_generator, require_instance, require_integer, require_known,
                                      require_labels, require_number, store)

SPLITS = ("train", "validation", "test")


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Split:
    """Samples and their targets, as read-only views; integers become int64. What fits its task a Dataset checks.

    Parameters
    ----------
    x : float array, (N, ...)
        Samples; images are (N, C, H, W). The loaders of this package give float32.
    targets : integer array, (N,), or float array, (N, out)
        Labels in classification, values in regression.

    >>> split = Split(np.zeros((5, 2), np.float32), np.arange(5))
    >>> len(split), split
    (5, Split(x: float32 (5, 2), targets: int64 (5,)))
    """

    x: np.ndarray
    targets: np.ndarray

    def __post_init__(self):
        x, targets = require_finite(self.x, "x"), self.targets
        if not isinstance(targets, np.ndarray) or targets.dtype.char not in "fd" and targets.dtype.kind not in "iu":
            raise TypeError(f"targets: expected an array of labels or of floats, got {describe(targets)}")
        if x.ndim < 2 or x.shape[:1] != targets.shape[:1] or x.size == 0:
            raise ValueError(f"x, targets: expected (N, …) samples and as many targets, got {describe(x)} and "
                             f"{describe(targets)}")
        if targets.dtype.kind == "f":
            require_finite(targets, "targets")
        store(self, x=_read_only(x), targets=_read_only(targets))

    def __len__(self):
        return len(self.targets)

    def __repr__(self):
        return f"Split(x: {self.x.dtype} {self.x.shape}, targets: {self.targets.dtype} {self.targets.shape})"


@dataclasses.dataclass(frozen=True, eq=False)
class Dataset:
    """Train, validation and test splits of one task, checked once and never changed.

    Parameters
    ----------
    name : str
        What tables and figures call it.
    train, test : Split
    validation : Split or None
        None when every training sample is trained on.
    classes : int or None
        Labels run from 0 to classes - 1; None means regression, and targets are floats (N, out).

    Raises TypeError or ValueError for an empty split, NaN or infinity, a label out of range, x and targets of different
    lengths, or a shape or dtype that differs from the training split's. The message names the split.

    >>> rng = np.random.default_rng(0)
    >>> part = Split(rng.normal(size=(6, 4)), np.array([0, 1, 2, 0, 1, 2]))
    >>> data = Dataset("mine", train=part, validation=None, test=part, classes=3)
    >>> data.input_shape, data.outputs
    ((4,), 3)
    >>> x, labels = data.batch(5)
    >>> x.shape, labels
    ((5, 4), array([0, 1, 2, 0, 1]))
    """

    name: str
    train: Split
    validation: "Split | None"
    test: Split
    classes: "int | None"

    def __post_init__(self):
        if not isinstance(self.name, str) or not self.name:
            raise TypeError(f"name: expected a name for the data set, got {describe(self.name)}")
        if self.classes is not None:
            store(self, classes=require_integer(self.classes, "classes", low=2))
        for split_name in SPLITS:
            split = getattr(self, split_name)
            if split is None and split_name == "validation":
                continue
            _check_split(split, self.train, f"{self.name}, {split_name} split", self.classes)

    @functools.cached_property
    def sha256(self):
        """What the arrays are, in 64 letters: two data sets with the same sum hold the same samples and targets."""
        total = hashlib.sha256()
        for part in filter(None, (self.train, self.validation, self.test)):
            for array in (part.x, part.targets):
                total.update(f"{array.dtype} {array.shape}".encode())
                total.update(np.ascontiguousarray(array).data)
        return total.hexdigest()

    @property
    def input_shape(self):
        """Shape of one sample: (64,) or (1, 28, 28)."""
        return self.train.x.shape[1:]

    @property
    def outputs(self):
        """Output units that the task needs: its classes, or the width of its targets."""
        return self.train.targets.shape[1] if self.classes is None else self.classes

    def batch(self, size, split="train"):
        """The first `size` samples of a split as copies: x (size, ...), targets (size,) or (size, out)."""
        part = getattr(self, require_known(split, SPLITS, "split"))
        if part is None:
            raise ValueError(f"{self.name} was made without a {split} split")
        size = require_integer(size, f"size of a batch of {self.name}, {split} split", low=1, high=len(part))
        return part.x[:size].copy(), part.targets[:size].copy()

    def batches(self, size, *, rng, augment=None):
        """Mini-batches of the training split, in a new order every epoch: see `Batches`."""
        return Batches(self.train, size, rng=rng, augment=augment)

    def flat(self):
        """The same data with every sample as one row: x (N, ...) -> (N, product)."""
        return self.with_x(lambda x: x.reshape(len(x), -1))                 # (N, C, H, W) -> (N, C*H*W)

    def astype(self, dtype):
        """The same data in float32 (to train) or float64 (to check); labels stay integers."""
        dtype = require_dtype(dtype)

        def convert(split):
            targets = split.targets if self.classes is not None else split.targets.astype(dtype)
            return Split(split.x.astype(dtype), targets)

        return self._with_splits(convert)

    def standardised(self, mean=None, std=None):
        """The same data as (x - mean) / std, with two numbers for all units and all splits.

        A number that is not given is computed over all samples and units of the training split alone, so that nothing
        is learnt from the test split. Targets stay as they are.

        >>> x = np.array([[1.0], [3.0]])
        >>> part = Split(x, np.array([0, 1]))
        >>> Dataset("mine", part, None, part, classes=2).standardised().train.x.ravel()
        array([-1.,  1.])
        """
        own_mean, own_std = mean_and_std(self.train.x) if mean is None or std is None else (mean, std)
        mean = require_number(own_mean if mean is None else mean, "mean")
        std = require_number(own_std if std is None else std, "std", low=0, low_open=True)

        def rescale(x):
            rescaled = x - mean
            rescaled /= std                             # in place: a second copy of MNIST takes much memory
            return rescaled

        return self.with_x(rescale)

    def with_shuffled_labels(self, *, rng):
        """The same samples with the training targets in a random order, so that they can only be learnt by heart.

        Test and validation targets stay as they are.

        >>> x = np.arange(4.0)[:, None]
        >>> part = Split(x, np.array([0, 0, 1, 1]))
        >>> data = Dataset("mine", part, None, part, classes=2).with_shuffled_labels(rng=np.random.default_rng(0))
        >>> data.train.targets, data.test.targets
        (array([1, 0, 0, 1]), array([0, 0, 1, 1]))
        """
        order = require_generator(rng, "with_shuffled_labels").permutation(len(self.train))
        return dataclasses.replace(self, train=Split(self.train.x, self.train.targets[order]))

    def with_validation(self, share):
        """The same data with this share of the training samples held out as its only validation split; 0: with none.

        Which samples these are is drawn from a fixed stream, so it is the same in every run; both parts keep the order
        of the training samples.

        >>> x = np.arange(5.0)[:, None]
        >>> part = Split(x, np.array([0, 0, 1, 1, 1]))
        >>> data = Dataset("mine", part, None, part, classes=2).with_validation(0.4)
        >>> data.train.x.ravel(), data.validation.x.ravel()
        (array([0., 1., 3.]), array([2., 4.]))
        """
        share = require_number(share, "validation share", low=0, high=1, high_open=True)
        if share == 0:
            return dataclasses.replace(self, validation=None)
        count = round(share * len(self.train))
        if not 0 < count < len(self.train):
            raise ValueError(f"validation share: expected one that leaves samples on both sides, got {share} of "
                             f"{len(self.train)}")
        chosen = np.zeros(len(self.train), dtype=bool)
        chosen[np.random.default_rng(0).permutation(len(self.train))[:count]] = True
        train, validation = (Split(self.train.x[part], self.train.targets[part]) for part in (~chosen, chosen))
        return dataclasses.replace(self, train=train, validation=validation)

    def padded(self, size):
        """The same images in the middle of a frame of zeros: x (N, C, H, W) -> (N, C, size, size).

        An odd row or column goes below or to the right. Pad before you standardise: only then is 0 MNIST's background.
        """
        if len(self.input_shape) != 3:
            raise ValueError(f"padded: expected images (N, C, H, W), got samples of shape {self.input_shape}")
        height, width = self.input_shape[1:]
        size = require_integer(size, f"size of padded images of {height} x {width}", low=max(height, width))
        above, left = (size - height) // 2, (size - width) // 2
        frame = ((0, 0), (0, 0), (above, size - height - above), (left, size - width - left))
        return self.with_x(lambda x: np.pad(x, frame))                      # (N, C, H, W) -> (N, C, size, size)

    def with_x(self, change):
        """The same data with every split's x changed: x -> change(x)."""
        require_function(change, "change")
        return self._with_splits(lambda split: Split(change(split.x), split.targets))

    def _with_splits(self, change):
        changed = {name: change(getattr(self, name)) for name in SPLITS if getattr(self, name) is not None}
        return dataclasses.replace(self, **changed)


class Batches:
    """Mini-batches of a split: every epoch draws one permutation and visits every sample once.

    Parameters
    ----------
    split : Split
    size : int
        Samples per batch, from 1 to len(split); the last batch of an epoch holds the rest and may be smaller.
    rng : numpy.random.Generator
        Draws one permutation per epoch, so its state before an epoch is enough to repeat that epoch. A run that was
        stopped after k steps restores that state and goes on with `epoch(skip=k)`.
    augment : CropAndFlip or the like, optional
        `draw(count, rng=rng)` draws one row per sample after every permutation, `augment(x, rows)` applies them, and
        `check(shape, what)` refuses samples of the wrong shape.

    >>> split = Split(np.arange(5.0)[:, None], np.arange(5))
    >>> batches = Batches(split, 2, rng=np.random.default_rng(0))
    >>> len(batches), [targets.tolist() for x, targets in batches]
    (3, [[2, 4], [3, 0], [1]])
    """

    def __init__(self, split, size, *, rng, augment=None):
        self.split = require_instance(split, Split, "split")
        self.size = require_integer(size, "size of a batch", low=1, high=len(split))
        self.rng = require_generator(rng, "Batches")
        if augment is not None:
            if isinstance(augment, type) or not callable(augment) or not hasattr(augment, "draw"):
                raise TypeError("augment: expected feedbackalign.data.CropAndFlip() or the like, "
                                f"got {describe(augment)}")
            augment.check(split.x.shape[1:], "augment")
        self.augment = augment

    def __len__(self):
        """Steps in an epoch."""
        return math.ceil(len(self.split) / self.size)

    def __iter__(self):
        return self.epoch()

    def epoch(self, skip=0):
        """Walk one epoch without its first `skip` batches; yields copies of x (size, ...) and of their targets.

        This call draws the permutation and the augmentation, even before the first batch is used.
        """
        skip = require_integer(skip, "skip", low=0, high=len(self))
        order = self.rng.permutation(len(self.split))
        moves = None if self.augment is None else self.augment.draw(len(order), rng=self.rng)
        return self._walk(order, moves, start=skip * self.size)

    def _walk(self, order, moves, start):
        for first in range(start, len(order), self.size):
            rows = order[first:first + self.size]
            x = self.split.x[rows]
            yield x if moves is None else self.augment(x, moves[first:first + self.size]), self.split.targets[rows]


def mean_and_std(x):
    """Mean and standard deviation of all entries of x, in float64, without a float64 copy of x.

    >>> mean_and_std(np.array([[1, 3]], np.float32))
    (2.0, 1.0)
    """
    k = max(math.frexp(float(x.max()))[1], math.frexp(float(x.min()))[1])

    def parts():                                            # over 2^k, so that the squares of large numbers are numbers
        return (np.ldexp(x[first:first + 1000], -k) for first in range(0, len(x), 1000))
    with np.errstate(under="ignore"):
        mean = sum(float(part.sum(dtype=np.float64)) for part in parts()) / x.size
        variance = sum(float(np.square(part - mean, dtype=np.float64).sum()) for part in parts()) / x.size
    return math.ldexp(mean, k), math.ldexp(math.sqrt(variance), k)


def _read_only(array):
    if np.issubdtype(array.dtype, np.integer):
        array = array.astype(np.int64, copy=False)
    view = array.view()
    view.flags.writeable = False
    return view


def _check_split(split, train, what, classes):
    """Refuse a split that is no data of these classes, or not of the same kind as the training split."""
    targets = require_instance(split, Split, what).targets
    if classes is not None:
        require_labels(targets, f"{what}: targets", count=len(split), classes=classes)
    else:
        require_floats(targets, f"{what}: targets without classes", shape=(len(split), None))
    for field in ("x", "targets"):
        ours, theirs = getattr(split, field), getattr(train, field)
        if ours.shape[1:] != theirs.shape[1:] or ours.dtype != theirs.dtype:
            raise ValueError(f"{what}: {field}: expected {theirs.dtype} samples of shape {theirs.shape[1:]} "
                             f"as in the training split, got {describe(ours)}")
