"""The shipped part of Fashion-MNIST is the one that its page describes, chosen by the recipe that stands there."""

import gzip
import hashlib
import os
import re
from importlib import resources

import numpy as np
import pytest

from feedbackalign.data import fashion_mini, load, read_idx
from feedbackalign.data.fashion_mini import IMAGES, LABELS, read_fashion_mini
from feedbackalign.data.mnist import DEBIAN_FASHION
from tests.data.fashion_mini_files import cut_from, write
from tests.data.test_mnist import idx, some_images, write_folder

FOLDER = resources.files("feedbackalign.data")


@pytest.mark.parametrize("name", [IMAGES, LABELS])
def test_the_files_are_the_ones_that_their_page_describes(name):
    content = FOLDER.joinpath(name).read_bytes()
    page = FOLDER.joinpath("DATA.md").read_text(encoding="utf-8")
    known = re.findall(r"`([0-9a-f]{64})`", page)
    assert hashlib.sha256(content).hexdigest() in known
    assert hashlib.sha256(gzip.decompress(content)).hexdigest() in known
    assert f"{len(content):,}" in page and len(content) < 3_000_000


def test_the_licence_travels():
    text = FOLDER.joinpath("FASHION-MNIST-LICENSE.txt").read_text(encoding="utf-8")
    assert "The MIT License (MIT) Copyright © [2017] Zalando SE" in text
    assert "The above copyright notice and this permission notice shall be included" in text and "AS IS" in text


def test_shapes_balance_and_order():
    data = fashion_mini()
    assert data.name == "fashion-mini" and data.classes == 10 and data.validation is None
    assert (data.train.x.shape, data.test.x.shape) == ((5000, 1, 28, 28), (1000, 1, 28, 28))
    assert data.train.x.dtype == np.float32
    for split in (data.train, data.test):
        assert np.array_equal(split.targets, np.arange(len(split)) % 10)


def test_no_image_is_in_both_splits():
    images, _ = read_fashion_mini()
    train, test = ({image.tobytes() for image in part} for part in (images[:5000], images[5000:]))
    assert len(test) == 1000 and not train & test


def test_standardised_by_the_training_split():
    x, raw = fashion_mini().train.x, fashion_mini(standardise=False)
    assert x.mean(dtype=np.float64) == pytest.approx(0, abs=1e-6) and x.std(dtype=np.float64) == pytest.approx(1, 1e-6)
    assert raw.train.x.min() == 0 and raw.train.x.max() == 1
    expected = (raw.test.x - raw.train.x.mean(dtype=np.float64)) / raw.train.x.std(dtype=np.float64)
    np.testing.assert_allclose(fashion_mini().test.x, expected, rtol=1e-5, atol=1e-5)


def test_a_validation_split_is_the_balanced_end_of_the_training_images():
    whole, cut = fashion_mini(standardise=False), fashion_mini(validation=500, standardise=False)
    assert np.array_equal(cut.validation.x, whole.train.x[4500:]) and len(cut.train) == 4500
    assert np.bincount(cut.validation.targets).tolist() == [50] * 10
    assert np.array_equal(cut.test.x, whole.test.x)
    with pytest.raises(ValueError, match="validation: expected fewer than the 5000 training images, got 5000"):
        fashion_mini(validation=5000)


def test_by_name():
    assert np.array_equal(load("fashion-mini").test.x, fashion_mini().test.x)
    assert load("fashion-mini", images=False, validation=10).validation.x.shape == (10, 784)
    with pytest.raises(ValueError, match="data_dir: fashion-mini is not read from a folder"):
        load("fashion-mini", data_dir="here")


def test_the_recipe_by_hand(tmp_path):
    """20 images, their labels in no order: of every class comes the one whose place has the smallest sha256."""
    labels = np.random.default_rng(3).permutation(np.arange(20) % 10).astype(np.uint8)
    write_folder(tmp_path, train_images=idx(some_images(20, 0)), train_labels=idx(labels))
    images, chosen = cut_from(tmp_path, train=10)
    firsts = [min(np.flatnonzero(labels == label), key=lambda k: hashlib.sha256(str(k).encode()).hexdigest())
              for label in range(10)]
    assert np.array_equal(images[:10], some_images(20, 0)[firsts]) and chosen.tolist() == [*range(10)] * 2
    write(tmp_path, images, chosen)
    assert np.array_equal(read_idx(tmp_path / IMAGES), images) and np.array_equal(read_idx(tmp_path / LABELS), chosen)


@pytest.mark.skipif(not os.path.isdir(DEBIAN_FASHION), reason="the original files are not installed")
def test_the_shipped_files_are_what_the_recipe_makes_of_the_originals():
    for shipped, made in zip(read_fashion_mini(), cut_from(DEBIAN_FASHION)):
        assert shipped.dtype == made.dtype and np.array_equal(shipped, made)
