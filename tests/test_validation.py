"""Refusals: one sentence that names the argument, what was expected and what came."""

import ast
import functools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import feedbackalign as fa
from feedbackalign import validation as checks


@pytest.mark.parametrize("value, kind", [(True, TypeError), ("1", TypeError), (None, TypeError), (1j, TypeError),
                                         (np.ones(1), TypeError), (float("nan"), ValueError),
                                         (float("inf"), ValueError), (-0.1, ValueError), (1.1, ValueError)])
def test_numbers(value, kind):
    with pytest.raises(kind, match=r"share: expected a finite number in \[0, 1\], got"):
        checks.require_number(value, "share", low=0, high=1)


@pytest.mark.parametrize("value", [0, 1, 0.5, np.float32(0.5), np.int64(1)])
def test_numbers_come_back_as_floats(value):
    returned = checks.require_number(value, "share", low=0, high=1)
    assert type(returned) is float and returned == value


@pytest.mark.parametrize("open_end", [{"low_open": True}, {"high_open": True}])
def test_open_ends(open_end):
    edge = 0 if "low_open" in open_end else 1
    checks.require_number(edge, "share", low=0, high=1)
    with pytest.raises(ValueError, match=r"share: expected .*(\(0, 1\]|\[0, 1\))"):
        checks.require_number(edge, "share", low=0, high=1, **open_end)


@pytest.mark.parametrize("value, kind", [(1.0, TypeError), (True, TypeError), ("2", TypeError), (0, ValueError),
                                         (10, ValueError), (np.int8(0), ValueError)])
def test_integers(value, kind):
    with pytest.raises(kind, match="epochs: expected an integer of at least 1 and at most 9, got"):
        checks.require_integer(value, "epochs", low=1, high=9)
    assert checks.require_integer(np.int16(3), "epochs", low=1) == 3


@given(st.one_of(st.none(), st.integers(), st.floats(), st.text(), st.binary(), st.lists(st.integers())))
def test_anything_is_described_in_a_line(value):
    text = checks.describe(value)
    assert "\n" not in text and len(text) < 120


@pytest.mark.parametrize("x, kind, message", [
    ([[1.0]], TypeError, r"x: expected a float32 or float64 array, got \[\[1.0\]\]"),
    (np.ones((2, 3), np.float16), TypeError, "x: .*float16 array"),
    (np.ones((2, 3), object), TypeError, "x: .*object array"),
    (np.ones((2, 4)), ValueError, r"x: expected shape \(N, 3\), got float64 array of shape \(2, 4\)"),
    (np.ones((2, 3, 1)), ValueError, r"x: expected shape \(N, 3\)"),
    (np.ones((0, 3)), ValueError, "x: expected at least one sample"),
])
def test_floats(x, kind, message):
    with pytest.raises(kind, match=message):
        checks.require_floats(x, "x", shape=(None, 3))


def test_floats_names_every_free_axis():
    with pytest.raises(ValueError, match=r"expected shape \(N, 2, H, W\), got .*\(1, 3, 4, 5\)$"):
        checks.require_floats(np.ones((1, 3, 4, 5)), "x", shape=(None, 2, None, None))
    with pytest.raises(ValueError, match=r"expected shape \(3,\)"):
        checks.require_floats(np.ones((1, 3)), "x", shape=(3,))


@pytest.mark.parametrize("shape", [(None, 1, None, None), (None, 1, 28, 28)])
def test_images_with_their_channels_last_are_told_so(shape):
    with pytest.raises(ValueError, match=r"\(N, 1, .*\), got .* of shape \(4, 28, 28, 1\): channels come first"):
        checks.require_floats(np.ones((4, 28, 28, 1)), "x", shape=shape)
    for other in ((4, 3, 28, 28), (4, 28, 28, 2), (4, 1, 28)):
        with pytest.raises(ValueError, match=r"got float64 array of shape \([\d, ]+\)$"):
            checks.require_floats(np.ones(other), "x", shape=shape)


def test_every_place_that_takes_images_tells_so():
    rng = np.random.default_rng(0)
    wrong = fa.data.Split(rng.normal(size=(4, 8, 8, 1)).astype(np.float32), np.arange(4) % 2)
    data = fa.data.Dataset("clothes", train=wrong, validation=None, test=wrong, classes=2)
    net = fa.networks.digits_conv(classes=2, rng=rng)
    loose = fa.networks.Network([fa.layers.Conv2d(1, 2, 3, rng=rng), fa.layers.GlobalAvgPool2d()])
    rule, sgd = fa.rules.make("bp", net), fa.optimizer.SGD(lr=0.1)
    for refuse in (lambda: net.forward(wrong.x), lambda: loose.forward(wrong.x),
                   lambda: fa.training.train(rule, data, sgd, epochs=1, batch_size=4),
                   lambda: fa.models.fit("digits-conv", data, rng=rng),
                   lambda: fa.networks.Network(net.layers, input_shape=(8, 8, 1)),
                   lambda: fa.layers.BatchNorm2d(1).forward(wrong.x)):
        with pytest.raises(ValueError, match=": channels come first$"):
            refuse()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_first_entry_that_is_not_finite_is_named(bad, dtype):
    x = np.ones((3, 4), dtype=dtype)
    x[1, 2] = x[2, 0] = bad
    with pytest.raises(ValueError, match=rf"x: expected finite numbers, got {bad} at index \(1, 2\)"):
        checks.require_finite(x, "x")


def test_large_finite_numbers_pass():
    """Their float32 sum would overflow, and ±inf would cancel to NaN: neither may matter."""
    checks.require_finite(np.full(10, 3e38, dtype=np.float32), "x")
    with pytest.raises(ValueError, match=r"got inf at index \(0,\)"):
        checks.require_finite(np.array([np.inf, -np.inf]), "x")


@pytest.mark.parametrize("x", [np.full(4, 1.7e308), np.array([1.7e308, 1.7e308, -1.7e308])])
def test_finite_numbers_whose_sum_overflows_pass(x):
    assert checks.require_finite(x, "x") is x


@pytest.mark.parametrize("labels, kind, message", [
    ([0, 1], TypeError, "targets: expected an integer array of 2 labels"),
    (np.array([0.0, 1.0]), TypeError, "targets: .*float64 array"),
    (np.array([True, False]), TypeError, "targets: .*bool array"),
    (np.array([0, 1, 2]), ValueError, r"targets: expected shape \(2,\)"),
    (np.array([[0], [1]]), ValueError, r"targets: expected shape \(2,\)"),
    (np.array([0, 3]), ValueError, "targets: expected labels from 0 to 2, got 3"),
    (np.array([-1, 2]), ValueError, "targets: expected labels from 0 to 2, got -1"),
])
def test_labels(labels, kind, message):
    with pytest.raises(kind, match=message):
        checks.require_labels(labels, "targets", count=2, classes=3)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int64, np.uint64])
def test_labels_of_any_integer_dtype_pass(dtype):
    checks.require_labels(np.array([0, 2], dtype=dtype), "targets", count=2, classes=3)


def test_a_name_that_is_near_nothing_gets_the_list():
    with pytest.raises(ValueError, match="unknown rule 'zzzzzz'. Known: bp, fa"):
        checks.require_known("zzzzzz", ["bp", "fa"], "rule")


def test_a_generator_is_nothing_else():
    for wrong in (None, 0, np.random, np.random.RandomState(0)):
        with pytest.raises(TypeError, match="fa: expected rng=numpy.random.Generator"):
            checks.require_generator(wrong, "fa")


# ------------------------------------------------------------------------------------ what was checked is what is used

def thrown_away(source):
    """Lines that check a number and go on with what came; a line of commands has Python's own numbers."""
    return [node.lineno for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Call) and isinstance(node.value.func, ast.Name)
            and node.value.func.id in ("require_number", "require_integer", "require_step")
            and ast.unparse(node.value.args[0]).partition(".")[0] != "arguments"
            and isinstance(node.value.args[0], (ast.Name, ast.Attribute))]


def test_no_checked_number_is_thrown_away():
    assert thrown_away("require_number(lr, 'lr')\nlr = require_number(lr, 'lr')") == [1]
    package = Path(fa.__file__).parent
    found = {str(path.relative_to(package)): thrown_away(path.read_text(encoding="utf-8"))
             for path in package.rglob("*.py")}
    assert {path: lines for path, lines in found.items() if lines} == {"runs/run.py": found["runs/run.py"]}
    assert len(found["runs/run.py"]) == 1                                   # the smallest of a dict of rates


SMALL = [np.uint8, np.int8, np.int16, np.uint64]


@pytest.mark.parametrize("kind", SMALL)
def test_small_numpy_numbers_make_what_pythons_make(kind):
    """What files of labels give; the product of two uint8 may be 0."""
    def weights(layer):
        return [array.tobytes() for array in layer.parameters().values()]
    def made(number):
        rng = np.random.default_rng(0)
        return [*weights(fa.layers.Linear(number(100), number(10), rng=rng)),
                *weights(fa.layers.Conv2d(number(100), number(10), number(5), rng=rng))]
    assert made(kind) == made(int)
    sizes = [[250, 512, size] for size in (kind(10), 10)]
    ours, theirs = (fa.networks.mlp(size, rng=np.random.default_rng(0)).parameters() for size in sizes)
    assert all(np.array_equal(ours[name], theirs[name]) for name in theirs)


@pytest.mark.parametrize("kind", SMALL)
def test_small_numpy_numbers_train_as_pythons_do(kind, tmp_path):
    data = fa.data.spirals(rng=np.random.default_rng(0), train=400)
    batches = data.batches(kind(8), rng=np.random.default_rng(0))
    assert [len(labels) for _, labels in batches.epoch(skip=kind(48))] == [8, 8]
    rows = []
    for number in (kind, int):
        rule = fa.rules.make("fa", fa.networks.mlp([data.input_shape[0], data.outputs], rng=np.random.default_rng(0)),
                             rng=np.random.default_rng(1))
        rows.append(fa.training.train(rule, data, fa.optimizer.SGD(0.1), epochs=number(2), batch_size=number(100),
                                      checkpoint_every=number(1), folder=tmp_path / number.__name__)[-1]["train_loss"])
    assert rows[0] == rows[1]


# ------------------------------------------------------------------------------------------------- words are not flags

rng = np.random.default_rng
FLAGS = {
    "bias": lambda flag: [layer(bias=flag, rng=rng(0)) for layer in (
        functools.partial(fa.layers.Linear, 2, 2), functools.partial(fa.layers.Conv2d, 2, 2, 1))],
    "batch_norm": lambda flag: fa.networks.mlp([2, 2, 2], batch_norm=flag, rng=rng(0)),
    "shuffled_labels": lambda flag: fa.Run("bp", shuffled_labels=flag),
    "persistence": lambda flag: fa.Run("bp", persistence=flag),
    "images": lambda flag: fa.data.digits(images=flag),
    "standardise": lambda flag: fa.data.fashion_mini(standardise=flag),
    "flip": lambda flag: fa.data.CropAndFlip(flip=flag),
    "resume": lambda flag: fa.Run("bp", epochs=0).train(resume=flag),
}


@pytest.mark.parametrize("name", FLAGS)
def test_a_flag_is_true_or_false_and_no_word(name):
    for word in ("no", "False", 0, None, 1):
        with pytest.raises(TypeError, match=f"^{name}: expected True or False, got {word!r}"):
            FLAGS[name](word)
    FLAGS[name](np.False_)


def test_numpys_false_counts_as_no():
    assert fa.layers.Linear(2, 2, bias=np.False_, rng=rng(0)).bias is None
    with pytest.raises(TypeError, match="^bias: expected True or False, got 'no'"):
        fa.networks.mlp([2, 2, 2], bias="no", batch_norm=True, rng=rng(0))


@pytest.mark.parametrize("sizes", [64, [64], None, "64", [[2, 3]]])
def test_sizes_of_a_network_are_two_or_more(sizes):
    with pytest.raises((TypeError, ValueError), match="sizes: expected (a list|at least 2), got "):
        fa.networks.mlp(sizes, rng=rng(0))


def test_a_shortcut_is_one_of_two():
    with pytest.raises(ValueError, match="unknown option of the shortcut 'C'"):
        fa.networks.resnet20(option="C", rng=rng(0))
