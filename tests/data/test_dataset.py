"""A Dataset refuses what is wrong by the name of its split; an epoch visits every sample once, also when resumed."""

import dataclasses
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedbackalign.data import Batches, Dataset, Split
from feedbackalign.data.dataset import mean_and_std


def a_split(count=6, shape=(4,), classes=3, dtype=np.float32):
    x = np.arange(count * int(np.prod(shape)), dtype=dtype).reshape(count, *shape)
    return Split(x, np.arange(count) % classes)


def a_dataset(**changes):
    splits = {"train": a_split(8), "validation": a_split(5), "test": a_split(6)}
    return Dataset(**{"name": "mine", **splits, "classes": 3, **changes})


def a_regression(**changes):
    splits = {name: Split(np.ones((n, 4), np.float32), np.ones((n, 2), np.float32))
              for name, n in (("train", 8), ("validation", 5), ("test", 6))}
    return Dataset(**{"name": "mine", **splits, "classes": None, **changes})


# ---- Split -----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64])
def test_integer_targets_become_int64(dtype):
    split = Split(np.zeros((3, 2), np.float32), np.arange(3, dtype=dtype))
    assert split.targets.dtype == np.int64 and len(split) == 3


def test_a_split_is_read_only_and_leaves_the_given_arrays_writable():
    x, targets = np.zeros((3, 2), np.float32), np.arange(3)
    split = Split(x, targets)
    for array in (split.x, split.targets):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    x[0] = 1
    targets[0] = 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        split.x = x


FOUR, THREE = np.zeros((3, 4), np.float32), np.arange(3)


@pytest.mark.parametrize("x, targets, error, message", [
    ([[1.0]], np.array([0]), TypeError, "^x: expected a float32 or float64 array, got"),
    (np.zeros((3, 4), np.uint8), THREE, TypeError, "^x: .*float32.* got uint8"),
    (np.zeros(3, np.float32), THREE, ValueError, r"^x, targets: expected \(N, …\) samples.* got float32 .*\(3,\)"),
    (FOUR[:0], THREE[:0], ValueError, r"^x, targets: .*\(0, 4\)"),
    (FOUR[:, :0], THREE, ValueError, r"^x, targets: .*\(3, 0\)"),
    (FOUR, THREE[:1], ValueError, r"^x, targets: .*\(3, 4\) and int64 array of shape \(1,\)"),
    (FOUR, list(THREE), TypeError, "^targets: expected an array"),
    (FOUR, THREE > 0, TypeError, "^targets: expected an array .*got bool"),
    (np.full((3, 4), np.nan), THREE, ValueError, r"^x: expected finite.*nan at index \(0, 0\)"),
    (FOUR, np.full((3, 2), np.inf), ValueError, r"^targets: expected finite.*inf at index \(0, 0\)"),
])
def test_a_split_refuses(x, targets, error, message):
    with pytest.raises(error, match=message):
        Split(x, targets)


# ---- Dataset: what it tells ------------------------------------------------------------------------------------------

def test_sizes_of_classification_and_regression():
    assert (a_dataset().input_shape, a_dataset().outputs) == ((4,), 3)
    assert (a_regression().input_shape, a_regression().outputs) == ((4,), 2)
    assert a_dataset(validation=None).validation is None


def test_a_dataset_survives_pickling():
    data = pickle.loads(pickle.dumps(a_dataset()))
    np.testing.assert_array_equal(data.train.x, a_dataset().train.x)
    assert data.classes == 3


def test_batch_gives_the_first_samples_as_copies():
    data = a_dataset()
    for split in ("train", "validation", "test"):
        x, targets = data.batch(4, split)
        np.testing.assert_array_equal(x, getattr(data, split).x[:4])
        np.testing.assert_array_equal(targets, getattr(data, split).targets[:4])
        x[...] = -1
        targets[...] = -1
        assert getattr(data, split).x.min() == 0 and getattr(data, split).targets.min() == 0
    assert len(data.batch(8)[0]) == 8


@pytest.mark.parametrize("size, split, error, message", [
    (9, "train", ValueError, "mine, train split: expected an integer of at least 1 and at most 8, got 9"),
    (6, "validation", ValueError, "validation split.*at most 5, got 6"),
    (0, "train", ValueError, "at least 1.*got 0"),
    (2.0, "train", TypeError, "got 2.0"),
    (True, "train", TypeError, "got True"),
    (2, "tset", ValueError, "unknown split 'tset': did you mean 'test'"),
])
def test_batch_refuses(size, split, error, message):
    with pytest.raises(error, match=message):
        a_dataset().batch(size, split)


def test_batch_of_a_missing_split_is_refused():
    with pytest.raises(ValueError, match="mine was made without a validation split"):
        a_dataset(validation=None).batch(1, "validation")


# ---- Dataset: what it refuses ----------------------------------------------------------------------------------------

REFUSED = [
    ("no name", {"name": ""}, TypeError, "name: expected"),
    ("one class", {"classes": 1}, ValueError, "classes: expected an integer of at least 2, got 1"),
    ("classes as float", {"classes": 3.0}, TypeError, "classes"),
    ("a pair for a split", {"test": (1, 2)}, TypeError, "test split: expected a Split of feedbackalign.data"),
    ("no training split", {"train": None}, TypeError, "train split: expected a Split of .* got None"),
    ("no test split", {"test": None}, TypeError, "test split: expected a Split of .* got None"),
    ("label too large", {"test": a_split(classes=4)}, ValueError, "test split: targets: .*from 0 to 2, got 3"),
    ("negative label", {"train": Split(np.zeros((1, 4), np.float32), np.array([-1]))}, ValueError, "train.*got -1"),
    ("float labels", {"train": Split(np.zeros((1, 4), np.float32), np.array([1.0]))}, TypeError, "train.*targets"),
    ("other shape", {"test": a_split(shape=(5,))}, ValueError, r"test split: x: .*shape \(4,\).*got .*\(6, 5\)"),
    ("other dtype", {"test": a_split(dtype=np.float64)}, ValueError, "test split: x: expected float32"),
]


@pytest.mark.parametrize("changes, error, message", [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_a_dataset_refuses(changes, error, message):
    with pytest.raises(error, match=message):
        a_dataset(**changes)


def test_regression_refuses():
    x = np.ones((6, 4), np.float32)
    for targets, error, message in [
        (np.arange(6), TypeError, "test split: targets without classes: expected a float32 or float64 array"),
        (np.ones(6, np.float32), ValueError, "test split: targets without classes: expected shape"),
        (np.ones((6, 3), np.float32), ValueError, "test split: targets: .*as in the training split"),
    ]:
        with pytest.raises(error, match=message):
            a_regression(test=Split(x, targets))


# ---- Dataset: what it turns into -------------------------------------------------------------------------------------

def images(count, shape=(2, 3, 4), seed=0):
    return Split(np.random.default_rng(seed).normal(5, 2, size=(count, *shape)), np.arange(count) % 2)


def an_image_dataset():
    return Dataset("images", images(7, seed=1), images(3, seed=2), images(4, seed=3), classes=2)


def test_flat_keeps_the_order_of_channels_rows_columns():
    data = an_image_dataset()
    flat = data.flat()
    assert flat.input_shape == (24,) and flat.flat().input_shape == (24,)
    assert flat.test.x[2, 1 * 12 + 2 * 4 + 3] == data.test.x[2, 1, 2, 3]


@given(st.integers(4, 40), st.floats(0.13, 0.87))
def test_held_out_samples_are_training_samples_and_always_the_same(count, share):
    data = a_dataset(train=a_split(count))
    after, again = data.with_validation(share), data.with_validation(share)
    assert len(after.validation) == round(share * count) and len(after.train) + len(after.validation) == count
    assert np.array_equal(after.validation.x, again.validation.x)
    together = np.concatenate([after.train.x, after.validation.x])
    assert np.array_equal(together[together[:, 0].argsort()], data.train.x)             # whose first pixels rise
    for part in (after.train, after.validation):
        assert (np.diff(part.x[:, 0]) > 0).all()
        assert np.array_equal(part.targets, (part.x[:, 0] // 4).astype(int) % 3)        # each sample with its label
    assert after.test is data.test


def test_a_share_of_nothing_or_of_all_holds_out_no_split():
    assert a_dataset().with_validation(0).validation is None
    for share, told in ((0.01, "leaves samples on both sides"), (0.99, "leaves samples"), (1, "in"), (-0.1, "in")):
        with pytest.raises(ValueError, match=f"validation share: expected .*{told}"):
            a_dataset().with_validation(share)


def test_standardised_takes_its_two_numbers_from_the_training_split():
    data = an_image_dataset()
    after = data.standardised()
    assert abs(after.train.x.mean()) < 1e-12 and abs(after.train.x.std() - 1) < 1e-12
    np.testing.assert_allclose(after.test.x, (data.test.x - data.train.x.mean()) / data.train.x.std(), rtol=1e-12)
    np.testing.assert_array_equal(after.test.targets, data.test.targets)


def test_standardised_with_given_numbers():
    data = an_image_dataset()
    np.testing.assert_array_equal(data.standardised(1, 4).test.x, (data.test.x - 1) / 4)
    np.testing.assert_allclose(data.standardised(std=1).train.x.mean(), 0, atol=1e-12)
    np.testing.assert_allclose(data.standardised(mean=0).train.x.std(), 1, rtol=1e-12)


def test_standardised_leaves_float32_and_the_original_alone():
    data = a_dataset()
    before = data.train.x.copy()
    assert data.standardised().train.x.dtype == np.float32
    np.testing.assert_array_equal(data.train.x, before)


@pytest.mark.parametrize("arguments", [{"std": 0}, {"std": -1}, {"mean": np.nan}, {"std": np.inf}])
def test_standardised_refuses(arguments):
    with pytest.raises(ValueError, match="|".join(arguments)):
        a_dataset().standardised(**arguments)


def test_standardised_refuses_data_without_spread():
    with pytest.raises(ValueError, match=r"std: expected a finite number in \(0"):
        a_regression().standardised()


def test_mean_and_std_of_more_than_one_part():
    x = np.random.default_rng(0).normal(3, 2, size=(2500, 3))
    mean, std = mean_and_std(x)
    np.testing.assert_allclose((mean, std), (x.mean(), x.std()), rtol=1e-12)


@pytest.mark.parametrize("size, rows, columns", [(4, slice(0, 3), slice(0, 4)), (5, slice(1, 4), slice(0, 4)),
                                                 (6, slice(1, 4), slice(1, 5)), (9, slice(3, 6), slice(2, 6))])
def test_padded_puts_the_image_in_the_middle_of_zeros(size, rows, columns):
    data = an_image_dataset()
    padded = data.padded(size).test.x                                   # (4, 2, size, size)
    assert padded.shape == (4, 2, size, size) and padded.dtype == data.test.x.dtype
    np.testing.assert_array_equal(padded[:, :, rows, columns], data.test.x)
    assert np.count_nonzero(padded) == np.count_nonzero(data.test.x)


def test_padded_refuses_a_smaller_frame_and_rows():
    with pytest.raises(ValueError, match="images of 3 x 4.*at least 4, got 3"):
        an_image_dataset().padded(3)
    with pytest.raises(ValueError, match="expected images"):
        a_dataset().padded(9)


def test_astype_changes_floats_and_leaves_labels():
    data, regression = a_dataset().astype(np.float64), a_regression().astype("float64")
    assert data.test.x.dtype == np.float64 and data.test.targets.dtype == np.int64
    assert regression.test.x.dtype == regression.test.targets.dtype == np.float64
    with pytest.raises(TypeError, match="dtype: expected numpy.float32 or numpy.float64, .* got 'int32'"):
        data.astype("int32")


def test_every_change_keeps_a_missing_validation_split_missing():
    data = Dataset("images", images(7), None, images(4), classes=2)
    for changed in (data.flat(), data.standardised(), data.padded(5), data.astype(np.float32)):
        assert changed.validation is None and changed.name == "images" and changed.classes == 2


# ---- Batches ---------------------------------------------------------------------------------------------------------

sizes = st.integers(1, 40).flatmap(lambda count: st.tuples(st.just(count), st.integers(1, count)))
seeds = st.integers(0, 2**32 - 1)


def numbered(count):
    """Samples that carry their own number, in x and in the targets."""
    return Split(np.arange(count, dtype=np.float32)[:, None], np.arange(count))


@settings(deadline=None)
@given(sizes, seeds)
def test_an_epoch_visits_every_sample_once(size, seed):
    count, batch = size
    batches = Batches(numbered(count), batch, rng=np.random.default_rng(seed))
    for _ in range(2):
        epoch = list(batches)
        assert [len(targets) for _, targets in epoch[:-1]] == [batch] * (len(batches) - 1)
        assert 1 <= len(epoch[-1][1]) <= batch
        for x, targets in epoch:
            np.testing.assert_array_equal(x[:, 0], targets)             # rows stay together
        assert sorted(np.concatenate([targets for _, targets in epoch])) == list(range(count))


@settings(deadline=None)
@given(sizes, seeds, st.data())
def test_skipping_equals_continuing(size, seed, draw):
    count, batch = size
    batches = Batches(numbered(count), batch, rng=np.random.default_rng(seed))
    skip = draw.draw(st.integers(0, len(batches)))
    before = batches.rng.bit_generator.state
    whole, next_epoch = list(batches), list(batches)

    resumed = Batches(numbered(count), batch, rng=np.random.default_rng(0))
    resumed.rng.bit_generator.state = before
    assert_same_batches(list(resumed.epoch(skip=skip)), whole[skip:])
    assert_same_batches(list(resumed), next_epoch)


def assert_same_batches(these, those):
    assert len(these) == len(those)
    for (x, targets), (other_x, other_targets) in zip(these, those):
        np.testing.assert_array_equal(x, other_x)
        np.testing.assert_array_equal(targets, other_targets)


def test_an_epoch_draws_once_and_never_between_batches():
    batches = Batches(numbered(10), 3, rng=np.random.default_rng(0))
    epoch = iter(batches)
    after_the_call = batches.rng.bit_generator.state
    list(epoch)
    assert batches.rng.bit_generator.state == after_the_call

    direct = np.random.default_rng(0)
    order = direct.permutation(10)
    assert direct.bit_generator.state == after_the_call
    first, _ = next(iter(Batches(numbered(10), 3, rng=np.random.default_rng(0))))
    np.testing.assert_array_equal(first[:, 0], order[:3])


def test_two_epochs_differ_and_the_same_seed_repeats_them():
    def walk():
        batches = Batches(numbered(50), 50, rng=np.random.default_rng(1))
        return [targets.tolist() for _ in range(2) for _, targets in batches]
    assert walk() == walk() and walk()[0] != walk()[1]


def test_batches_are_copies():
    split = numbered(4)
    for x, targets in Batches(split, 2, rng=np.random.default_rng(0)):
        x[...] = -1
        targets[...] = -1
    assert split.x.min() == 0 and split.targets.min() == 0


def test_a_dataset_batches_its_training_split():
    data = a_dataset()
    batches = data.batches(3, rng=np.random.default_rng(0))
    assert batches.split is data.train and len(batches) == 3


@pytest.mark.parametrize("size, error, message", [(9, ValueError, "at most 8, got 9"), (0, ValueError, "got 0"),
                                                  (2.5, TypeError, "got 2.5"), ("2", TypeError, "got '2'")])
def test_batches_refuse_a_size(size, error, message):
    with pytest.raises(error, match=message):
        a_dataset().batches(size, rng=np.random.default_rng(0))


def test_batches_refuse_a_seed_a_pair_and_a_skip_past_the_end():
    with pytest.raises(TypeError, match="numpy.random.Generator.*got 0"):
        a_dataset().batches(2, rng=0)
    with pytest.raises(TypeError, match="expected a Split of feedbackalign.data"):
        Batches((1, 2), 1, rng=np.random.default_rng(0))
    batches = a_dataset().batches(3, rng=np.random.default_rng(0))
    assert list(batches.epoch(skip=3)) == []
    with pytest.raises(ValueError, match="skip: expected an integer of at least 0 and at most 3, got 4"):
        batches.epoch(skip=4)


def test_shuffled_labels_are_moved_and_the_test_keeps_its_own():
    data = Dataset("mine", *(Split(np.arange(60.0)[:, None], np.arange(60) % 3) for _ in range(3)), classes=3)
    shuffled = data.with_shuffled_labels(rng=np.random.default_rng(0))
    assert sorted(shuffled.train.targets) == sorted(data.train.targets)
    assert (shuffled.train.targets != data.train.targets).sum() > 20
    np.testing.assert_array_equal(shuffled.train.x, data.train.x)
    np.testing.assert_array_equal(shuffled.test.targets, data.test.targets)
    np.testing.assert_array_equal(shuffled.validation.targets, data.validation.targets)
    with pytest.raises(TypeError, match="with_shuffled_labels"):
        data.with_shuffled_labels(rng=0)
