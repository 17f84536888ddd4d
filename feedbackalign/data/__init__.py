"""Data to learn from: what ships, what is computed from a seed, and readers for files you own."""

from feedbackalign.data.dataset import Batches, Dataset, Split
from feedbackalign.data.digits import digits
from feedbackalign.data.fashion_mini import fashion_mini
from feedbackalign.data.generators import linear_teacher, mnist1d, spirals, teacher_student
from feedbackalign.data.idx import DataError, read_idx
from feedbackalign.data.loaders import CUTTABLE, LOADERS, load
from feedbackalign.data.mnist import fashion, mnist

__all__ = ["Batches", "CUTTABLE", "DataError", "Dataset", "LOADERS", "Split", "digits", "fashion", "fashion_mini",
           "linear_teacher", "load", "mnist", "mnist1d", "read_idx", "spirals", "teacher_student"]
