"""Data to learn from: what ships, what is computed from a seed, and readers for files you own."""

from feedbackalign.data import own
from feedbackalign.data.augmentation import AUGMENTATIONS, CropAndFlip
from feedbackalign.data.cifar10 import cifar10
from feedbackalign.data.dataset import Batches, Dataset, Split
from feedbackalign.data.digits import digits
from feedbackalign.data.fashion_mini import fashion_mini
from feedbackalign.data.generators import linear_teacher, mnist1d, spirals, teacher_student
from feedbackalign.data.idx import DataError, read_idx
from feedbackalign.data.loaders import CUTTABLE, LOADERS, OF_IMAGES, load
from feedbackalign.data.mnist import fashion, mnist

__all__ = ["AUGMENTATIONS", "Batches", "CUTTABLE", "CropAndFlip", "DataError", "Dataset", "LOADERS", "OF_IMAGES",
           "Split", "cifar10", "digits", "fashion", "fashion_mini", "linear_teacher", "load", "mnist", "mnist1d",
           "own", "read_idx", "spirals", "teacher_student"]
