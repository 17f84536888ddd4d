"""Data: splits and data sets, their batches, generators, loaders and files of one's own."""

import gzip
import pathlib
import tempfile

import numpy as np

import feedbackalign as fa
from tests.hostile.calls import Entry
from tests.hostile.values import (Fresh, Kind, dataset, dtype, flag, floats, function, integer, labels, number, path,
                                  rng, several, split, task, without, word)

FOLDER = pathlib.Path(tempfile.mkdtemp(prefix="hostile-"))


def idx_file():
    file = FOLDER / "labels.gz"
    file.write_bytes(gzip.compress(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 1])))
    return file


def npz_file():
    np.savez(FOLDER / "mine.npz", x=np.random.default_rng(0).random((10, 3)), y=np.arange(10) % 2)
    return FOLDER / "mine.npz"


X, Y = floats((12, 4)), labels(12, 2)
COUNT, NONE_OR_MORE = integer(1, good=(20, np.uint8(20))), integer(0, good=(10, 0))
SAMPLES = {"train": COUNT, "validation": NONE_OR_MORE, "test": COUNT}
POSITIVE = number(0, low_open=True, good=(0.75, 1))
STANDARDISE = {"validation": integer(0, good=(0, 100)), "standardise": flag()}
AUGMENT = Kind((None,), {**without("None"), "a word": "crop-flip", "a flag": True, "the class": fa.data.CropAndFlip,
                         "a number": 4})
IMAGES = np.random.default_rng(0).random((5, 1, 4, 4))
CROP = fa.data.CropAndFlip(padding=1)
SIZE = integer(1, 12, good=(4, np.uint8(3)))
TEST_SHARE = number(0, 1, low_open=True, high_open=True, good=(0.2, 0.4)).or_none()
TARGETS = Kind((np.arange(10) % 2, np.array(list("ababababab")), np.random.default_rng(0).random((10, 2))),
               {**without(), "a word": "abc", "a number": 5, "complex": np.ones(10) * 1j, "too few": np.arange(9) % 2,
                "one class": np.zeros(10, int), "NaN inside": np.array([np.nan] * 10), "a flag": True})
ROWS = floats((10, 3), lists=True).but(without=("bool array", "axis 1 too long", "one axis more"))     # all are samples

TABLE = {
    "data.Split": Entry({"x": X.but(without=("axis 1 too long", "one axis more")),
                         "targets": Y.but(without=("too high", "negative", "floats", "two axes"))}),
    "data.Dataset": Entry({"name": Kind(("mine",), {**without(), "empty": "", "a number": 5, "a flag": True}),
                           "train": split(), "validation": split().or_none(), "test": split(),
                           "classes": integer(2, good=(2, np.uint8(3))).but(too_few=1)}),
    "data.Batches": Entry({"split": split(), "size": SIZE, "rng": rng(), "augment": AUGMENT}),
    "data.Batches.epoch": Entry({"skip": integer(0, 3)}, on=lambda: task().batches(4, rng=np.random.default_rng(0))),
    "data.CropAndFlip": Entry({"padding": integer(0), "flip": flag()}),
    "data.CropAndFlip.draw": Entry({"count": integer(1, good=(5,)), "rng": rng()}, on=lambda: CROP),
    "data.CropAndFlip.__call__": Entry({"x": floats(IMAGES.shape, good=IMAGES, free=(1, 2, 3)).but(
        without=("NaN inside", "infinity inside")), "moves": Kind((np.ones((5, 3), int),), {
            **without(), "a word": "abc", "floats": np.ones((5, 3)), "too few": np.ones((4, 3), int),
            "another width": np.ones((5, 2), int), "out of the frame": np.full((5, 3), 3), "negative":
            np.full((5, 3), -1), "a list": [[1, 1, 0]] * 5})}, on=lambda: CROP),
    "data.linear_teacher": Entry({"rng": rng(), "inputs": COUNT, "outputs": COUNT, **SAMPLES}),
    "data.teacher_student": Entry({"sizes": several(integer(1, good=(4,)), (4, 3, 2), [4, 3, 2]), "rng": rng(),
                                   "activation": word("relu", "tanh"), "gain": POSITIVE, **SAMPLES}),
    "data.spirals": Entry({"rng": rng(), "classes": integer(2, good=(2, np.uint8(3))), "turns": POSITIVE,
                           "noise": number(0, good=(0.1, 0)), **SAMPLES}),
    "data.mnist1d": Entry({"rng": rng(), **SAMPLES}),
    "data.digits": Entry({"images": flag()}),
    "data.fashion_mini": Entry({**STANDARDISE, "validation": integer(0, good=(0, 100)).but(all_of_them=5000)}),
    "data.mnist": Entry({"data_dir": path(FOLDER), **STANDARDISE}, quick=False),
    "data.fashion": Entry({"data_dir": path(FOLDER), **STANDARDISE}, quick=False),
    "data.cifar10": Entry({"data_dir": path(FOLDER), **STANDARDISE}, quick=False),
    "data.read_idx": Entry({"path": path(Fresh(idx_file)).but(no_such_file="no/such", a_folder=FOLDER)}),
    "data.load": Entry({"name": word("digits"), "rng": rng().or_none(), "data_dir": path(None).but(a_folder=FOLDER,
                                                                                                without=("None",)),
                        "images": flag().or_none(), "validation": integer(0).only(None).but(without=("None",)),
                        "standardise": flag().or_none()}),
    "data.own.is_file": Entry({"name": path("a.npz", "digits").but(without=("a zero byte", "empty"))}),
    "data.own.read": Entry({"path": path(Fresh(npz_file)).but(no_such_file="no.npz", a_folder=FOLDER),
                            "test_share": TEST_SHARE,
                            "label_column": Kind((None,), {"a float": 0.5, "a list": ["label"], "NaN": np.nan,
                                                              "an object": object(), "a flag": True})}),
    "data.own.dataset": Entry({"name": Kind(("mine",), {**without(), "empty": "", "a number": 5}),
                               "x": ROWS, "y": TARGETS, "x_test": ROWS.only(None).but(without=("None",)),
                               "y_test": TARGETS.only(None).but(without=("None",)), "test_share": TEST_SHARE}),
    "data.own.in_form": Entry({"data": dataset(), "form": word("standardised", "unit", "centred")}),
    "data.own.sha256_of": Entry({"path": path(Fresh(npz_file)).but(no_such_file="no.npz", a_folder=FOLDER)}),
}
METHODS = {
    "astype": {"dtype": dtype()}, "batch": {"size": SIZE, "split": word("train", "test")},
    "batches": {"size": SIZE, "rng": rng(), "augment": AUGMENT},
    "standardised": {"mean": number(good=(0.0, 1)).or_none(), "std": POSITIVE.or_none()},
    "with_shuffled_labels": {"rng": rng()},
    "with_validation": {"share": number(0, 1, high_open=True, good=(0.0, 0.25)).but(too_little=0.001)},
    "with_x": {"change": function(lambda x: 2 * x).but(an_answer_of_another_length=lambda x: x[:3],
                                                       NaN=lambda x: x * np.nan, nothing=lambda x: None)},
}
TABLE |= {f"data.Dataset.{name}": Entry(arguments, on=task) for name, arguments in METHODS.items()}
TABLE["data.Dataset.padded"] = Entry({"size": integer(8, good=(8, 10))}, on=lambda: fa.data.digits(images=True))
