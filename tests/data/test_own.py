"""Data of one's own: arrays and tables become the Dataset that a reader expects, and a bad file is told by name."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedbackalign.data import DataError, own
from feedbackalign.data.dataset import Dataset, Split


def saved(folder, **arrays):
    np.savez(folder / "mine.npz", **arrays)
    return folder / "mine.npz"


def table(folder, text, encoding="utf-8"):
    (folder / "mine.csv").write_text(text, encoding=encoding)
    return folder / "mine.csv"


def with_nan(samples, place, dimensions=3):
    """Zeros, four entries an axis below the samples, and NaN at one place."""
    array = np.zeros((samples, *[4] * (dimensions - 1)))
    array[place] = np.nan
    return array


def four(y_train, y_test):
    """Two samples for training and two to test, with these labels."""
    return {"x_train": np.zeros((2, 1)), "y_train": np.array(y_train),
            "x_test": np.zeros((2, 1)), "y_test": np.array(y_test)}


LINES = "5.1,0.5,a\n4.9,0.25,b\n4.7,0.5,a\n4.6,1,b\n5,2,a\n"


# ------------------------------------------------------------------------------------------------------------- arrays

def test_four_arrays_are_the_two_splits_as_they_stand(tmp_path):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(9, 6)), np.arange(9) % 3
    data = own.read(saved(tmp_path, x_train=x[:5], y_train=y[:5], x_test=x[5:], y_test=y[5:]))
    assert (data.train.x == x[:5].astype(np.float32)).all() and (data.test.targets == y[5:]).all()
    assert data.train.x.dtype == np.float32 and data.classes == 3 and data.name == "mine.npz"


@given(st.integers(2, 40), st.floats(0.01, 0.99), st.integers(0, 2**32 - 1))
def test_a_share_becomes_the_test_set_by_one_fixed_permutation(samples, share, seed):
    x = np.random.default_rng(seed).permutation(samples)[:, None].astype(float)
    data = own.dataset("mine", x, np.arange(samples) % 2, test_share=share)
    order = np.random.default_rng(0).permutation(samples)
    both = np.concatenate([data.train.x, data.test.x])
    assert (both == x[order]).all() and len(data.test) == max(1, int(samples * share))


def test_unless_told_otherwise_a_fifth_is_the_test_set(tmp_path):
    path = saved(tmp_path, x=np.zeros((50, 2)), y=np.arange(50) % 2)
    assert len(own.read(path).test) == 10 and len(own.read(path, test_share=0.5).test) == 25


@pytest.mark.parametrize("y, targets, classes", [
    (np.array([3, 7, 3, 9]), [0, 1, 0, 2], 3), (np.array([-1, 1, 1, -1]), [0, 1, 1, 0], 2),
    (np.array(["b", "a", "b", "a"]), [1, 0, 1, 0], 2), (np.array([[1], [0], [1], [0]], np.uint8), [1, 0, 1, 0], 2),
    (np.array([True, False, True, False]), [1, 0, 1, 0], 2),
    (np.array([0.5, 1, 2, 3]), [[0.5], [1], [2], [3]], None), (np.ones((4, 2)), [[1, 1]] * 4, None)])
def test_integers_and_words_are_labels_and_floats_are_values(y, targets, classes):
    data = own.dataset("mine", np.zeros((4, 1)), y, np.zeros((4, 1)), y)
    assert data.train.targets.tolist() == data.test.targets.tolist() == targets and data.classes == classes


def test_grey_images_gain_a_channel_and_no_other_shape_changes():
    labels = np.arange(6) % 2
    for shape, wanted in [((5,), (5,)), ((4, 4), (1, 4, 4)), ((3, 4, 4), (3, 4, 4))]:
        assert own.dataset("mine", np.zeros((6, *shape), np.uint8), labels).input_shape == wanted


# ------------------------------------------------------------------------------------------------------------- tables

@pytest.mark.parametrize("header, column", [("long,wide,species\n", "species"), ("long,wide,species\n", 2),
                                            ("long,wide,class\n", None), ("a, b, LABEL\n", None), ("1,2,y\n", None),
                                            ("", 2), ("", -1), ("", "-1"), ("1,2,3\n", "3")])
def test_a_table_with_names_or_without(tmp_path, header, column):
    data = own.read(table(tmp_path, header + LINES), label_column=column, test_share=0.4)
    x, labels = (np.concatenate([getattr(part, field) for part in (data.train, data.test)])
                 for field in ("x", "targets"))
    order = np.random.default_rng(0).permutation(5)
    assert x[np.argsort(order)].tolist() == [[np.float32(cell) for cell in line.split(",")[:2]]
                                             for line in LINES.split()]
    assert labels[np.argsort(order)].tolist() == [0, 1, 0, 1, 0] and data.classes == 2


def test_the_first_column_holds_the_labels_where_nothing_names_another(tmp_path):
    data = own.read(table(tmp_path, "7,0.5,1\n8,0.25,2\n7,1,3\n8,1,4\n7,1,5\n"))
    assert data.input_shape == (2,) and data.classes == 2
    assert own.read(table(tmp_path, "price,size\n7.5,1\n8.5,2\n9,3\n9,4\n9,5\n")).classes is None


def test_a_byte_order_mark_quotes_and_blank_lines_are_no_matter(tmp_path):
    plain = own.read(table(tmp_path, "wide,class\n" + "1,a\n2,b\n3,a\n4,b\n5,a\n"))
    marked = '"wide","class"\r\n' + '1,"a"\r\n2,b\r\n3,a\r\n4,"b"\r\n\r\n5,a\r\n'
    marked = own.read(table(tmp_path, marked, "utf-8-sig"))
    assert plain.sha256 == marked.sha256


# -------------------------------------------------------------------------------------------------------- what is bad

@pytest.mark.parametrize("arrays, message", [
    ({"a": np.zeros(3)}, "expected the arrays x_train, y_train, x_test and y_test, or x and y; it holds a"),
    ({"x": np.zeros((4, 2)), "y": np.zeros(3, int)}, "y: expected one entry a sample, 4 in all"),
    ({"x": np.zeros((4, 2)), "y": np.zeros(4, int)}, "at least two classes"),
    ({"x": np.zeros((4, 2)), "y": np.eye(4, dtype=int)}, r"y: expected labels \(4,\)"),
    ({"x": np.zeros(4), "y": np.arange(4)}, r"x: expected numbers \(N, …\)"),
    ({"x": np.zeros((4, 2), complex), "y": np.arange(4)}, "x: expected numbers"),
    ({"x": with_nan(9, (7, 3, 3)), "y": np.arange(9) % 2}, r"x: .* got nan at index \(7, 3, 3\)"),
    ({"x": np.zeros((9, 2)), "y": with_nan(9, (7,), 1)}, r"y: .* got nan at index \(7,\)"),
    ({"x_train": np.zeros((4, 2)), "y_train": np.zeros((4, 4)), "x_test": np.zeros((9, 2)),
      "y_test": with_nan(9, (7, 0), 2)},
     r"y_test: .* got nan at index \(7, 0\)"),
    ({"x": np.array([[{}], [{}]]), "y": np.arange(2)}, r"x: expected numbers, got .*; save x.astype\(float\)"),
    ({"x": np.zeros((2, 2)), "y": np.array(["a", "b"], object)}, r"y: expected .* words, .*; save y.astype\(str\)"),
    ({"x": np.zeros((2, 2)), "y": np.array([b"a", b"b"])}, r"y: .*; save y.astype\(str\)"),
    (four([0, 0], [0, 1]), "y_train: expected labels of at least two classes, got 0 alone"),
    (four(["a", "b"], ["c", "a"]), "y_test: expected the labels of y_train alone, got 'c'"),
    (four([0, 1, 1], [0]), r"y_train: expected one entry a sample, 2 in all, got int64 array of shape \(3,\)")])
def test_arrays_that_are_no_data_are_refused_by_the_file_s_name(tmp_path, arrays, message):
    with pytest.raises(DataError, match=message) as caught:
        own.read(saved(tmp_path, **arrays))
    assert str(caught.value).startswith(f"{tmp_path / 'mine.npz'}: ")


@pytest.mark.parametrize("text, column, message", [
    ("", None, "expected a table with commas"), ("1;2\n3;4\n", None, "expected a table with commas"),
    ("y,a\n1,2\n\n1,word\n", None,
     r"line 4, column a: expected a finite number, got 'word'; label_column \(--label-column\) says where"),
    ("1,2,3\n0,1,\n", None, "line 2, column 2: expected a finite number, got ''"),
    ("y,a,b\n0.5,1,2\nnan,1,2\n", None, "line 3, column y: expected a finite number, got 'nan'"),
    ("y,a\n1,2\n0\n", None, "line 3: expected 2 cells as in the first line, got 1"),
    ("y,a\n1,2\n0,3,4\n", None, "line 3: expected 2 cells as in the first line, got 3"),
    ("y,a\n", None, "no samples below the line of names"), ("y,a\n1,1e39\n0,2\n", None, "line 2, column a"),
    ("y,a\n1,2\n0,3\n", "b", "unknown label column 'b'"), ("y,a\n1,2\n0,3\n", 2, "expected a number below 2"),
    ("y,a\n1,2\n0,nan\n", None, "line 3, column a: expected a finite number, got 'nan'")])
def test_tables_that_are_no_data_are_refused(tmp_path, text, column, message):
    with pytest.raises(DataError, match=message):
        own.read(table(tmp_path, text), label_column=column)


def test_broken_and_missing_files_and_options_of_other_files(tmp_path):
    for name, content in [("cut.npz", b"PK\x03\x04"), ("text.npz", b"hello")]:
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=name):
            own.read(tmp_path / name)
    x, y = np.zeros((4, 1)), np.arange(4)
    whole = saved(tmp_path, x_train=x, y_train=y, x_test=x, y_test=y)
    for path, options, message in [(tmp_path / "none.npz", {}, "cannot be read"),
                                   (tmp_path, {}, "ends in .npz or .csv"),
                                   (whole, {"label_column": 1}, "has no columns"),
                                   (whole, {"test_share": 0.5}, "a test set of its own"),
                                   (whole, {"test_share": 1.0}, "test_share")]:
        with pytest.raises(ValueError, match=message):
            own.read(path, **options)


# -------------------------------------------------------------------------------------------------- forms and content

def test_the_forms_are_made_by_the_training_split_alone():
    x = np.random.default_rng(0).normal(3, 2, size=(50, 4))
    data = own.dataset("mine", x, np.arange(50) % 2, x + 9, np.arange(50) % 2)
    standard, unit, centred = (own.in_form(data, form) for form in own.FORMS)
    assert abs(standard.train.x.mean()) < 1e-5 and abs(standard.train.x.std() - 1) < 1e-5
    assert (unit.train.x.min(), unit.train.x.max(), unit.test.x.max()) == (0, 1, 1)
    assert abs(centred.train.x.mean()) < 1e-5 and centred.train.x.std() == pytest.approx(data.train.x.std())
    with pytest.raises(DataError, match="nothing to learn from"):
        own.in_form(own.dataset("mine", np.ones((4, 2)), np.arange(4)), "standardised")


def test_the_sum_of_a_dataset_is_that_of_its_contents():
    def made(x, y=(0, 1), validation=None):
        part = Split(np.array(x, np.float32)[:, None], np.array(y))
        return Dataset("mine", part, validation and part, part, classes=2)
    sums = [made([1, 2]).sha256, made([1, 3]).sha256, made([1, 2], (1, 0)).sha256, made([1, 2], validation=True).sha256,
            made([1, 2]).astype(np.float64).sha256]
    assert len(set(sums)) == 5 and made([1, 2]).sha256 == sums[0] == made(np.array([1, 0, 2])[::2]).sha256
