"""The shipped digits are the published ones, and everybody gets the same split of them."""

import hashlib
import re
from importlib import resources

import numpy as np
import pytest

from feedbackalign.data import digits
from feedbackalign.data.digits import read_digits, split_order

FOLDER = resources.files("feedbackalign.data")
FIRST, FIRST_OF_VALIDATION = [561, 1631, 1064, 886, 1391], [1191, 407, 488]
ORDER_SHA256 = "7b28b275ff2f203145a5c4a7b12b6cfdcd538851d2cb0768dd34ade3600bbe2d"


def test_the_file_is_the_one_that_its_page_describes():
    content = FOLDER.joinpath("digits.csv.gz").read_bytes()
    page = FOLDER.joinpath("DATA.md").read_text(encoding="utf-8")
    assert hashlib.sha256(content).hexdigest() in re.findall(r"`([0-9a-f]{64})`", page)
    assert f"{len(content):,} bytes" in page and len(content) < 58_000
    assert "10.24432/C50P49" in page and "CC BY 4.0" in page


def test_the_table_is_the_published_one():
    pixels, labels = read_digits()
    assert pixels.shape == (1797, 64) and pixels.min() == 0 and pixels.max() == 16
    assert np.bincount(labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]   # optdigits.names
    assert pixels[0, :16].tolist() == [0, 0, 5, 13, 9, 1, 0, 0, 0, 0, 13, 15, 10, 15, 5, 0] and labels[0] == 0


def test_shapes_and_range():
    data = digits()
    assert [len(split) for split in (data.train, data.validation, data.test)] == [1197, 240, 360]
    assert data.name == "digits" and data.classes == data.outputs == 10 and data.input_shape == (64,)
    assert data.train.x.dtype == np.float32 and data.train.targets.dtype == np.int64
    assert data.train.x.min() == 0 and data.train.x.max() == 1
    np.testing.assert_array_equal(data.train.x * 16, np.round(data.train.x * 16))       # sixteenths, exact


def test_images_are_the_same_numbers():
    rows, images = digits(), digits(images=True)
    assert images.input_shape == (1, 8, 8)
    np.testing.assert_array_equal(images.flat().test.x, rows.test.x)
    np.testing.assert_array_equal(images.test.x[0, 0, 3], rows.test.x[0, 24:32])
    np.testing.assert_array_equal(images.test.targets, rows.test.targets)


def test_every_image_is_in_one_split():
    order = split_order(read_digits()[1])
    assert sorted(order) == list(range(1797))


def test_every_split_has_its_share_of_every_class():
    data = digits()
    for split in (data.train, data.validation, data.test):
        share = np.bincount(split.targets, minlength=10) / len(split)
        whole = np.bincount(read_digits()[1]) / 1797
        assert np.abs(share - whole).max() * len(split) < 1.5           # within about one sample


def test_the_split_is_the_same_for_everybody():
    """Numbers and checksum of the split as first published: a change of any of them is a new data set."""
    order = split_order(read_digits()[1])
    assert order[:5].tolist() == FIRST and order[1197:1200].tolist() == FIRST_OF_VALIDATION
    assert hashlib.sha256(",".join(map(str, order.tolist())).encode()).hexdigest() == ORDER_SHA256


def test_line_order_by_hand():
    labels = np.array([0, 0, 0, 0, 1, 1])
    by_hash = sorted(range(6), key=lambda index: hashlib.sha256(b"%d" % index).hexdigest())
    zeros, ones = [i for i in by_hash if i < 4], [i for i in by_hash if i >= 4]
    # places: zeros 1/8, 3/8, 5/8, 7/8; ones 1/4, 3/4
    assert split_order(labels).tolist() == [zeros[0], ones[0], zeros[1], zeros[2], ones[1], zeros[3]]


@pytest.mark.parametrize("images", [False, True])
def test_two_calls_give_the_same_bytes(images):
    assert digits(images).train.x.tobytes() == digits(images).train.x.tobytes()
