"""The six binary files become a Dataset, or an error that says which one is wrong; short files stand in for them."""

import sys

import numpy as np
import pytest

from feedbackalign.data import DataError, cifar10, load
from feedbackalign.data.cifar10 import RECORD_BYTES, RECORDS, TEST_FILE, TRAIN_FILES, read_records

COUNT = 20                                          # records in a file here
MODULE = sys.modules["feedbackalign.data.cifar10"]


@pytest.fixture(autouse=True)
def short_files(monkeypatch):
    monkeypatch.setattr(MODULE, "RECORDS", COUNT)


def records(seed, count=COUNT):
    """Random pixels; over the training files together every class is there as often, over a single one it is not."""
    some = np.random.default_rng(seed).integers(0, 256, size=(count, RECORD_BYTES), dtype=np.uint8)
    some[:, 0] = np.arange(count) % 10
    if seed == 1:
        some[0, 0] = 9
    if seed == 2:
        some[9, 0] = 0
    return some


def write_folder(folder, **changes):
    """The six files; `changes` replace the content of one: data_batch_1=bytes, or None to leave it out."""
    folder.mkdir(exist_ok=True)
    for seed, name in enumerate([*TRAIN_FILES, TEST_FILE], start=1):
        content = changes.get(name.removesuffix(".bin"), records(seed).tobytes())
        if content is not None:
            (folder / name).write_bytes(content)
    return folder


def test_records_are_a_label_and_three_planes(tmp_path):
    """Built pixel by pixel: red first, then green, then blue, each row by row."""
    record = np.zeros(RECORD_BYTES, np.uint8)
    record[0] = 7
    record[1 + 0 * 1024 + 2 * 32 + 5] = 11          # red, row 2, column 5
    record[1 + 1 * 1024 + 31 * 32] = 22             # green, row 31, column 0
    record[1 + 2 * 1024 + 31] = 33                  # blue, row 0, column 31
    (tmp_path / "file").write_bytes(record.tobytes() * COUNT)
    images, labels = read_records([tmp_path / "file"])
    assert images.shape == (COUNT, 3, 32, 32) and images.dtype == np.uint8 and (labels == 7).all()
    assert (images[3, 0, 2, 5], images[3, 1, 31, 0], images[3, 2, 0, 31]) == (11, 22, 33)
    assert np.count_nonzero(images[3]) == 3


def test_files_become_splits_in_their_order(tmp_path):
    data = cifar10(write_folder(tmp_path), validation=30, standardise=False)
    assert data.name == "cifar10" and data.classes == 10 and data.input_shape == (3, 32, 32)
    assert [len(split) for split in (data.train, data.validation, data.test)] == [70, 30, 20]
    train = np.concatenate([records(seed) for seed in range(1, 6)])
    assert np.array_equal(np.concatenate([data.train.targets, data.validation.targets]), train[:, 0])
    pixels = np.concatenate([data.train.x, data.validation.x]).reshape(100, -1)
    np.testing.assert_allclose(pixels, train[:, 1:] / 255, rtol=1e-6)
    np.testing.assert_allclose(data.test.x.reshape(20, -1), records(6)[:, 1:] / 255, rtol=1e-6)
    assert data.train.x.dtype == np.float32 and cifar10(tmp_path, validation=0).validation is None


def test_every_channel_is_standardised_by_the_training_images(tmp_path):
    shifted = records(3)
    shifted[:, 1:1025] //= 4                        # a darker red
    write_folder(tmp_path, data_batch_3=shifted.tobytes())
    raw, data = cifar10(tmp_path, validation=0, standardise=False), cifar10(tmp_path, validation=0)
    over = (0, 2, 3)
    np.testing.assert_allclose(data.train.x.mean(over, dtype=np.float64), 0, atol=1e-6)
    np.testing.assert_allclose(data.train.x.std(over, dtype=np.float64), 1, rtol=1e-6)
    mean, std = (statistic(raw.train.x, axis=over, dtype=np.float64)[:, None, None] for statistic in (np.mean, np.std))
    assert mean[0] < mean[1] - 0.03
    np.testing.assert_allclose(data.test.x, (raw.test.x - mean) / std, rtol=1e-5, atol=1e-5)
    assert data.test.x.mean() != pytest.approx(0, abs=1e-3)


def test_the_folder_that_the_archive_holds_is_found(tmp_path):
    write_folder(tmp_path / "cifar-10-batches-bin")
    assert np.array_equal(load("cifar10", data_dir=tmp_path, validation=0).test.targets, np.arange(20) % 10)
    assert load("cifar10", data_dir=str(tmp_path), images=False, validation=0).input_shape == (3072,)


def test_files_beside_an_empty_folder_of_that_name_are_found(tmp_path):
    write_folder(tmp_path)
    (tmp_path / "cifar-10-batches-bin").mkdir()
    assert load("cifar10", data_dir=tmp_path, validation=0).input_shape == (3, 32, 32)


def test_a_file_of_the_real_size(tmp_path, monkeypatch):
    monkeypatch.setattr(MODULE, "RECORDS", RECORDS)
    assert RECORDS * RECORD_BYTES == 30_730_000     # the size of each of the original's files
    content = records(9, RECORDS)
    (tmp_path / "file").write_bytes(content.tobytes())
    images, labels = read_records([tmp_path / "file"])
    assert len(images) == 10_000 and images[-1, 2, 31, 31] == content[-1, -1] and labels[-1] == content[-1, 0]


# ------------------------------------------------------------------------------------------------------- bad files

GOOD = records(2).tobytes()


@pytest.mark.parametrize("content, message", [
    (None, "expected data_batch_2.bin, found no such file"),
    (b"", "data_batch_2.bin: expected 61460 bytes, 20 records of 3073, got 0 bytes"),
    (GOOD[:-1], "data_batch_2.bin: expected 61460 bytes, 20 records of 3073, got 61459 bytes"),
    (GOOD[:-RECORD_BYTES], "got 58387 bytes"), (GOOD + b"x", "got 61461 bytes"), (GOOD * 2, "got 122920 bytes"),
    (b"\x0a" + GOOD[1:], "data_batch_2.bin: expected labels from 0 to 9, got 10 in record 0"),
    (GOOD[:5 * RECORD_BYTES] + b"\xff" + GOOD[5 * RECORD_BYTES + 1:], "got 255 in record 5"),
    (b"<!DOCTYPE html><title>404</title>", "expected 61460 bytes"),
    (bytes(20 * 3074), "got 61480 bytes"),                          # CIFAR-100's records have two labels
    (b"\x01" + GOOD[1:], "expected 10 training images of every class, got from 9 to 11; is every file under its own"),
])
def test_a_file_that_is_not_as_it_should_be(content, message, tmp_path):
    with pytest.raises(DataError, match=message):
        cifar10(write_folder(tmp_path, data_batch_2=content))


def test_files_under_each_others_names_are_found_out(tmp_path):
    write_folder(tmp_path, test_batch=records(1).tobytes(), data_batch_1=records(6).tobytes())
    with pytest.raises(DataError, match="expected 10 training images of every class"):
        cifar10(tmp_path)
    write_folder(tmp_path, test_batch=records(1).tobytes())
    with pytest.raises(DataError, match="expected 2 test images of every class, got from 1 to 3"):
        cifar10(tmp_path)


def test_what_is_no_file(tmp_path):
    write_folder(tmp_path, data_batch_4=None)
    (tmp_path / "data_batch_4.bin").mkdir()
    with pytest.raises(DataError, match="data_batch_4.bin.*is not a regular file"):
        cifar10(tmp_path)


def test_the_pickled_version_is_refused_unread(tmp_path):
    (tmp_path / "data_batch_1").write_bytes(b"cos\nsystem\n(S'exit'\ntR.")
    with pytest.raises(DataError, match="Python version, which is pickled.*take the binary version"):
        cifar10(tmp_path)
    (tmp_path / "data_batch_1").unlink()
    (tmp_path / "cifar-10-batches-py").mkdir()
    with pytest.raises(DataError, match="pickled"):
        cifar10(tmp_path)


@pytest.mark.parametrize("folder, error, message", [
    (None, DataError, "CIFAR-10 does not ship with the package: give data_dir.*feedbackalign data fetch cifar10"),
    ("no/such", DataError, "no/such: no such folder"), (3, TypeError, "data_dir: expected a path, got 3"),
])
def test_no_folder(folder, error, message):
    with pytest.raises(error, match=message):
        cifar10(folder)


def test_an_empty_folder_names_all_six_and_an_archive_that_lies_there(tmp_path):
    with pytest.raises(DataError, match="data_batch_1.bin, .*data_batch_5.bin, test_batch.bin, found no such file$"):
        cifar10(tmp_path)
    (tmp_path / "cifar-10-binary.tar.gz").write_bytes(b"")
    with pytest.raises(DataError, match="cifar-10-binary.tar.gz is there: unpack it"):
        cifar10(tmp_path)
    write_folder(tmp_path)
    with pytest.raises(ValueError, match="validation: expected fewer than the 100 training images, got 100"):
        cifar10(tmp_path, validation=100)
