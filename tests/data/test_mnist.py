"""The four files become a Dataset, or an error that says which one is wrong; small files stand in for the real ones."""

import gzip
import pathlib
import struct
import sys

import numpy as np
import pytest

from feedbackalign.data import DataError, LOADERS, fashion, load, mnist
from feedbackalign.data.mnist import DEBIAN_FASHION, LABEL_COUNTS

TRAIN, TEST = 30, 10
READERS = [(mnist, 0.1307, 0.3081), (fashion, 0.2860, 0.3530)]


def some_images(count, seed):
    return np.random.default_rng(seed).integers(0, 256, size=(count, 28, 28), dtype=np.uint8)


def some_labels(count):
    return (np.arange(count) % 10).astype(np.uint8)


def idx(array, code=0x08):
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape) + array.tobytes()


def write_folder(folder, joint="-", zipped=False, **changes):
    """The four files; `changes` replace the content of one: train_images=bytes, or None to leave it out."""
    contents = {"train_images": idx(some_images(TRAIN, 0)), "train_labels": idx(some_labels(TRAIN)),
                "t10k_images": idx(some_images(TEST, 1)), "t10k_labels": idx(some_labels(TEST)), **changes}
    for part, content in contents.items():
        if content is None:
            continue
        name = part.replace("_", "-") + joint + ("idx3" if "images" in part else "idx1") + "-ubyte"
        (folder / (name + ".gz" if zipped else name)).write_bytes(gzip.compress(content) if zipped else content)
    return folder


@pytest.mark.parametrize("reader, mean, std", READERS)
def test_pixels_labels_and_order(tmp_path, reader, mean, std):
    data = reader(write_folder(tmp_path), validation=8)
    assert data.input_shape == (1, 28, 28) and data.classes == 10 and data.name in LOADERS
    assert [len(part) for part in (data.train, data.validation, data.test)] == [22, 8, 10]
    assert data.train.x.dtype == np.float32 and data.train.targets.dtype == np.int64
    expected = (some_images(TRAIN, 0)[:, None] / 255 - mean) / std
    np.testing.assert_allclose(data.train.x, expected[:22], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(data.validation.x, expected[22:], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(data.test.x, (some_images(TEST, 1)[:, None] / 255 - mean) / std, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(data.train.targets, some_labels(TRAIN)[:22])
    np.testing.assert_array_equal(data.validation.targets, some_labels(TRAIN)[22:])


@pytest.mark.parametrize("reader, mean, std", READERS)
def test_without_standardising_pixels_are_in_0_to_1(tmp_path, reader, mean, std):
    raw = reader(write_folder(tmp_path), validation=8, standardise=False)
    assert raw.train.x.min() == 0 and raw.train.x.max() == 1
    np.testing.assert_array_equal(raw.standardised(mean, std).test.x, reader(tmp_path, validation=8).test.x)


def test_all_spellings_give_the_same(tmp_path):
    arrays = []
    for joint in "-.":
        for zipped in (False, True):
            folder = tmp_path / f"{joint}{zipped}"
            folder.mkdir()
            arrays.append(mnist(write_folder(folder, joint, zipped), validation=5).train.x.tobytes())
    assert len(set(arrays)) == 1


def test_a_folder_given_as_text(tmp_path, monkeypatch):
    assert len(mnist(str(write_folder(tmp_path)), validation=5).test) == TEST
    for variable in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(variable, str(tmp_path.parent))
    assert len(mnist(f"~/{tmp_path.name}", validation=5).test) == TEST


def test_folders_of_a_files_name_are_passed_over(tmp_path):
    write_folder(tmp_path, joint=".")
    for name in ("train-images-idx3-ubyte", "t10k-labels-idx1-ubyte"):
        (tmp_path / name).mkdir()
    assert len(mnist(tmp_path, validation=5).test) == TEST


@pytest.mark.parametrize("reader, inside", [(mnist, "MNIST/raw"), (mnist, "raw"), (fashion, "FashionMNIST/raw")])
def test_files_are_found_where_torchvision_puts_them(tmp_path, reader, inside):
    (tmp_path / inside).mkdir(parents=True)
    write_folder(tmp_path / inside)
    assert len(reader(tmp_path, validation=5).test) == TEST
    if inside != "raw":
        with pytest.raises(DataError, match="expected one of train-images-idx3-ubyte, .*, found no such file in it"):
            (fashion if reader is mnist else mnist)(tmp_path, validation=5)


def test_files_are_found_in_folders_of_their_own_names(tmp_path):
    write_folder(tmp_path)
    for file in list(tmp_path.iterdir()):
        content = file.read_bytes()
        file.unlink()
        file.mkdir()
        (file / file.name).write_bytes(content)
    assert len(mnist(tmp_path, validation=5).test) == TEST


@pytest.mark.parametrize("name, other", [("mnist", "fashion"), ("fashion", "mnist")])
@pytest.mark.parametrize("part", ["train", "t10k"])
def test_the_files_of_the_other_set_are_refused_by_their_labels(tmp_path, monkeypatch, name, other, part):
    few = {"mnist": {"train": [3, 4, 2, 3, 3, 3, 3, 3, 3, 3], "t10k": [0, 2] + [1] * 8},
           "fashion": {"train": [2, 4, 3, 3, 3, 3, 3, 3, 3, 3], "t10k": [2, 0] + [1] * 8}}
    monkeypatch.setattr(sys.modules["feedbackalign.data.mnist"], "LABEL_COUNTS", few)

    def labels_of(counts):
        return idx(np.repeat(np.arange(10), counts).astype(np.uint8))
    write_folder(tmp_path, **{f"{part}_labels": labels_of(few[other][part])})
    with pytest.raises(DataError, match=f"these files are for the data set '{other}'"):
        load(name, data_dir=tmp_path, validation=5)
    write_folder(tmp_path, **{f"{part}_labels": labels_of(few[name][part])})
    assert load(name, data_dir=tmp_path, validation=5).name == name


def test_the_counts_that_tell_the_two_apart_are_of_whole_sets():
    for counts in LABEL_COUNTS.values():
        assert (sum(counts["train"]), sum(counts["t10k"])) == (60_000, 10_000)
    assert LABEL_COUNTS["mnist"]["train"][1] == 6742 and LABEL_COUNTS["mnist"]["t10k"][1] == 1135


def test_without_validation_every_training_image_is_trained_on(tmp_path):
    data = mnist(write_folder(tmp_path), validation=0)
    assert data.validation is None and len(data.train) == TRAIN


@pytest.mark.parametrize("validation, error, message", [
    (TRAIN, ValueError, "fewer than the 30 training images, got 30"), (5000, ValueError, "got 5000"),
    (-1, ValueError, "validation: .*got -1"), (2.5, TypeError, "validation: .*got 2.5"), (None, TypeError, "got None"),
])
def test_validation_refuses(tmp_path, validation, error, message):
    with pytest.raises(error, match=message):
        mnist(write_folder(tmp_path), validation=validation)


bad_label = some_labels(TRAIN)
bad_label[7] = 10
WRONG = [
    ("no labels", {"train_labels": None}, "expected one of train-labels-idx1-ubyte, train-labels-idx1-ubyte.gz, "),
    ("no test images", {"t10k_images": None}, "expected one of t10k-images-idx3-ubyte"),
    ("too few labels", {"train_labels": idx(some_labels(29))}, r"train-labels.*expected 30 .*train-images.*\(29,\)"),
    ("too many test labels", {"t10k_labels": idx(some_labels(11))}, r"t10k-labels.*expected 10 .*\(11,\)"),
    ("label 10", {"train_labels": idx(bad_label)}, "train-labels.*from 0 to 9, got 10"),
    ("labels in the place of images", {"train_images": idx(some_labels(30))}, r"train-images.*\(N, 28, 28\).*\(30,\)"),
    ("images in the place of labels", {"train_labels": idx(some_images(30, 0))}, "train-labels.*expected 30 uint8"),
    ("other size", {"t10k_images": idx(np.zeros((10, 28, 27), np.uint8))}, r"t10k-images.*\(10, 28, 27\)"),
    ("no images", {"t10k_images": idx(np.zeros((0, 28, 28), np.uint8))}, r"t10k-images.*\(0, 28, 28\)"),
    ("signed bytes", {"train_images": idx(some_images(30, 0), code=0x09)}, "train-images.*int8"),
    ("cut", {"train_images": idx(some_images(30, 0))[:-5]}, "train-images.*expected 23520 bytes.*got only 23515"),
    ("no IDX", {"t10k_labels": b"<html>"}, "t10k-labels-idx1-ubyte: expected an IDX file"),
]


@pytest.mark.parametrize("reader", [mnist, fashion])
@pytest.mark.parametrize("changes, message", [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_wrong_files_are_refused_by_name(tmp_path, changes, message, reader):
    with pytest.raises(DataError, match=message) as caught:
        reader(write_folder(tmp_path, **changes), validation=5)
    assert str(tmp_path) in str(caught.value)


def test_no_folder():
    for reader in (mnist, fashion):
        with pytest.raises(DataError, match="no/such/folder: no such folder"):
            reader("no/such/folder")
        with pytest.raises(TypeError, match="data_dir: expected a path, got 3"):
            reader(3)
    with pytest.raises(DataError, match="give data_dir"):
        mnist(None)


def test_fashion_without_a_folder_looks_where_debian_puts_it(tmp_path, monkeypatch):
    module = sys.modules["feedbackalign.data.mnist"]        # the package's attribute of this name is the function
    monkeypatch.setattr(module, "DEBIAN_FASHION", str(write_folder(tmp_path)))
    assert len(fashion(validation=5).test) == TEST
    monkeypatch.setattr(module, "DEBIAN_FASHION", str(tmp_path / "nothing"))
    with pytest.raises(DataError, match="nothing: no Fashion-MNIST here.*apt install dataset-fashion-mnist.*data_dir"):
        fashion()


@pytest.mark.slow
@pytest.mark.skipif(not pathlib.Path(DEBIAN_FASHION).is_dir(), reason="the package dataset-fashion-mnist is not here")
def test_the_real_fashion_mnist():
    data = fashion(validation=0)
    assert len(data.train) == 60000 and len(data.test) == 10000
    assert np.bincount(data.train.targets).tolist() == [6000] * 10
    assert abs(data.train.x.mean(dtype=np.float64)) < 1e-3 and abs(data.train.x.std(dtype=np.float64) - 1) < 1e-3


# ---- load ------------------------------------------------------------------------------------------------------------

def test_load_reads_files_from_a_folder(tmp_path, monkeypatch):
    images = np.zeros((5001, 28, 28), np.uint8)                 # one more than the validation split
    write_folder(tmp_path, train_images=idx(images), train_labels=idx(some_labels(5001)))
    for name in ("mnist", "fashion"):
        data = load(name, data_dir=tmp_path)
        assert data.name == name and data.input_shape == (1, 28, 28) and len(data.validation) == 5000
        assert load(name, data_dir=tmp_path, images=False).input_shape == (784,)


def test_load_needs_a_folder_for_mnist():
    with pytest.raises(DataError, match="give data_dir"):
        load("mnist")
