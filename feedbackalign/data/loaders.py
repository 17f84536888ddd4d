"""From the name of a data set to the data: the table behind `--data NAME`."""

from feedbackalign.data.cifar10 import cifar10
from feedbackalign.data.digits import digits
from feedbackalign.data.fashion_mini import fashion_mini
from feedbackalign.data.generators import linear_teacher, mnist1d, spirals, teacher_student
from feedbackalign.data.mnist import fashion, mnist
from feedbackalign.validation import describe, require_bool, require_generator, require_known

FROM_FILES = {"mnist": mnist, "fashion": fashion, "cifar10": cifar10}           # take data_dir
FROM_A_SEED = {"mnist1d": mnist1d, "spirals": spirals, "linear-teacher": linear_teacher,
               "teacher-student": teacher_student}          # take rng
LOADERS = {"digits": digits, "fashion-mini": fashion_mini, **FROM_FILES, **FROM_A_SEED}
OF_IMAGES = ("digits", "fashion-mini", *FROM_FILES)
CUTTABLE = ("fashion-mini", *FROM_FILES)                    # take validation


def load(name, *, rng=None, data_dir=None, images=None, validation=None, standardise=None):
    """The data set of this name, with its default sizes.

    Parameters
    ----------
    name : str
        One of LOADERS: digits, fashion-mini, mnist, fashion, cifar10, mnist1d, spirals, linear-teacher,
        teacher-student.
    rng : numpy.random.Generator
        Needed by the last four, which are computed from a seed; the others draw nothing from it.
    data_dir : str or path, optional
        Where the files of mnist, cifar10 (needed) or fashion are.
    images : bool, optional
        True gives samples (N, C, H, W), False gives rows (N, product). By default digits are rows, the others images.
    validation : int, optional
        Number of training samples of fashion-mini, mnist, fashion or cifar10 that are held out, 0 for none; the other
        sets have a fixed split.
    standardise : bool, optional
        For images: True gives mean 0 and standard deviation 1 over the training split, False pixels from 0 to 1. By
        default digits go from 0 to 1, the others are standardised.

    Raises ValueError for an unknown name or an option that this data set does not have; DataError, a ValueError, if
    files are missing or broken; TypeError if a Generator is needed and not given.

    >>> load("digits", images=True).input_shape
    (1, 8, 8)
    >>> import numpy as np
    >>> load("spirals", rng=np.random.default_rng(0)).name
    'spirals'
    """
    require_known(name, LOADERS, "data set")
    rng = None if rng is None else require_generator(rng, name)
    images = None if images is None else require_bool(images, "images")
    standardise = None if standardise is None else require_bool(standardise, "standardise")
    if name not in FROM_FILES and data_dir is not None:
        raise ValueError(f"data_dir: {name} is not read from a folder, got {describe(data_dir)}")
    if name not in CUTTABLE and validation is not None:
        raise ValueError(f"validation: {name} has a fixed split, got {validation!r}")
    for option, value in (("images", images), ("standardise", standardise)):
        if name not in OF_IMAGES and value:
            raise ValueError(f"{option}: expected a data set of images ({', '.join(OF_IMAGES)}), got {name}")

    if name in FROM_A_SEED:
        data = FROM_A_SEED[name](rng=require_generator(rng, name))
    elif name == "digits":
        data = digits(images=images is True)
        data = data.standardised() if standardise else data
    else:
        folder = [data_dir] if name in FROM_FILES else []
        given = {"validation": validation, "standardise": standardise}
        data = LOADERS[name](*folder, **{option: value for option, value in given.items() if value is not None})
    return data.flat() if images is False else data
