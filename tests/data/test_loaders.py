"""Every name in the table loads, and what does not fit a name is refused before anything is read."""

import numpy as np
import pytest

from feedbackalign import data
from feedbackalign.data import LOADERS, load


@pytest.mark.parametrize("name", ["digits", "fashion-mini", "mnist1d", "spirals", "linear-teacher", "teacher-student"])
def test_load_by_name(name):
    loaded = load(name, rng=np.random.default_rng(0))
    assert loaded.name == name and isinstance(loaded, data.Dataset)


def test_load_equals_the_function():
    ours = load("spirals", rng=np.random.default_rng(4))
    theirs = data.spirals(rng=np.random.default_rng(4))
    np.testing.assert_array_equal(ours.train.x, theirs.train.x)


def test_images_of_the_digits():
    assert load("digits").input_shape == load("digits", images=False).input_shape == (64,)
    assert load("digits", images=True).input_shape == (1, 8, 8)


@pytest.mark.parametrize("name", ["digits", "fashion-mini"])
def test_standardised_or_from_0_to_1(name):
    standardised, raw = load(name, standardise=True).train.x, load(name, standardise=False).train.x
    assert (raw.min(), raw.max()) == (0, 1)
    assert standardised.mean(dtype=np.float64) == pytest.approx(0, abs=1e-6)
    assert standardised.std(dtype=np.float64) == pytest.approx(1, rel=1e-6)


def test_digits_draw_nothing():
    rng = np.random.default_rng(0)
    before = rng.bit_generator.state
    load("digits", rng=rng)
    assert rng.bit_generator.state == before


@pytest.mark.parametrize("arguments, error, message", [
    ({"name": "fashon"}, ValueError, "unknown data set 'fashon': did you mean 'fashion'"),
    ({"name": "linear_teacher"}, ValueError, "did you mean 'linear-teacher'"),
    ({"name": None}, TypeError, "unknown data set: .* got None"),
    ({"name": "spirals"}, TypeError, "spirals: expected rng=numpy.random.Generator.*got None"),
    ({"name": "mnist1d", "rng": 0}, TypeError, "got 0"),
    ({"name": "digits", "data_dir": "here"}, ValueError, "data_dir: digits is not read from a folder, got 'here'"),
    ({"name": "spirals", "rng": np.random.default_rng(0), "images": True}, ValueError, "images: expected a data"),
    ({"name": "mnist1d", "rng": np.random.default_rng(0), "standardise": True}, ValueError, "standardise: expected a"),
])
def test_load_refuses(arguments, error, message):
    with pytest.raises(error, match=message):
        load(**arguments)


def test_the_table_holds_exactly_the_documented_names():
    assert sorted(LOADERS) == ["cifar10", "digits", "fashion", "fashion-mini", "linear-teacher", "mnist",
                               "mnist1d", "spirals", "teacher-student"]


def test_public_names_exist():
    for name in data.__all__:
        assert hasattr(data, name), name
