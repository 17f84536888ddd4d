"""6,000 images of Fashion-MNIST that ship with the package, so that convolutional networks need no download.

Xiao, Rasul, Vollgraf, "Fashion-MNIST: a novel image dataset for benchmarking machine learning algorithms",
arXiv 1708.07747 (2017). MIT licence, see FASHION-MNIST-LICENSE.txt beside this file; DATA.md says where the copy comes
from. Nothing is drawn: these are the first images of the original training and test files in `digits.split_order`.
"""

from importlib import resources

from feedbackalign.data.dataset import Split
from feedbackalign.data.idx import read_idx
from feedbackalign.data.mnist import as_pixels, held_out
from feedbackalign.validation import require_bool

TRAIN, TEST = 5000, 1000                # 500 and 100 of every class
IMAGES, LABELS = "fashion-mini-images-idx3-ubyte.gz", "fashion-mini-labels-idx1-ubyte.gz"


def fashion_mini(*, validation=0, standardise=True):
    """A small Fashion-MNIST: 5,000 images to train and 1,000 to test, 28 x 28, equally many of each of the ten classes.

    Parameters
    ----------
    validation : int
        As for `mnist`; the split is balanced if this is a multiple of 10.
    standardise : bool
        True gives mean 0 and standard deviation 1 over the training split, False gives pixel / 255.

    Returns a Dataset: x (N, 1, 28, 28) float32, labels 0 to 9 in turn, so `fashion_mini().batch(100)` holds ten of
    each. The training images are from the original's training file, the test images from its test file.

    >>> data = fashion_mini()
    >>> data.train.x.shape, data.test.x.shape, data.train.targets[:12].tolist()
    ((5000, 1, 28, 28), (1000, 1, 28, 28), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1])
    """
    images, labels = read_fashion_mini()                        # (6000, 28, 28), (6000,)
    x = as_pixels(images)                                       # -> (6000, 1, 28, 28)
    data = held_out("fashion-mini", Split(x[:TRAIN], labels[:TRAIN]), Split(x[TRAIN:], labels[TRAIN:]), validation)
    return data.standardised() if require_bool(standardise, "standardise") else data


def read_fashion_mini():
    """The shipped files: images (6000, 28, 28) and labels (6000,), uint8, the test images last."""
    folder = resources.files("feedbackalign.data")
    with resources.as_file(folder / IMAGES) as images, resources.as_file(folder / LABELS) as labels:
        return read_idx(images), read_idx(labels)
