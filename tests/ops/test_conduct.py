"""What holds for every function of `ops`: arguments stay as they are, results are new, dtypes and layouts are kept."""

import numpy as np
import pytest

from feedbackalign.ops import convolution as conv
from tests.assertions import assert_layout_does_not_matter, assert_pure
from tests.ops.cases import arguments, public_functions

FUNCTIONS = public_functions()


def test_the_table_of_arguments_is_complete():
    assert set(arguments()) == set(FUNCTIONS)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_argument_is_changed_and_no_result_is_a_view_of_one(name):
    assert_pure(FUNCTIONS[name], *arguments()[name])


@pytest.mark.parametrize("one_by_one", ["convolve", "im2col", "convolution_transport", "max_pool", "average_pool",
                                        "max_unpool", "average_unpool", "mix_channels"])
def test_nor_where_there_is_nothing_to_do(one_by_one):
    """A 1×1 kernel or window, stride 1, no padding, one sample: where an implementation might hand back its input."""
    x, unit = np.random.default_rng(0).normal(size=(1, 1, 3, 3)), np.ones((1, 1, 1, 1))
    cases = {"convolve": (x, unit), "im2col": (x, (1, 1)), "convolution_transport": (x, unit, x.shape),
             "max_pool": (x, 1, 1), "average_pool": (x, 1, 1), "max_unpool": (x, np.zeros(x.shape, int), x.shape, 1, 1),
             "average_unpool": (x, x.shape, 1, 1), "mix_channels": (x, np.ones((1, 1)))}
    assert_pure(FUNCTIONS[one_by_one], *cases[one_by_one])


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_goes_in_comes_out(name, dtype):
    """float32 in, float32 out, whatever Python numbers and integers take part."""
    returned = FUNCTIONS[name](*arguments(dtype)[name])
    floats = [part for part in (returned if isinstance(returned, tuple) else (returned,)) if part.dtype.kind == "f"]
    assert (floats or name == "causal_set") and all(part.dtype == dtype for part in floats)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_float32_agrees_with_float64(name):
    exact, rough = (FUNCTIONS[name](*arguments(dtype)[name]) for dtype in (np.float64, np.float32))
    if name == "skew_exp":                                          # eigenvectors are right with any phase
        rough, exact = rough[0], exact[0]
    for have, want in zip(*(part if isinstance(part, tuple) else (part,) for part in (rough, exact)), strict=True):
        np.testing.assert_allclose(have, want, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_order_in_memory_does_not_matter(name):
    given = arguments()[name]
    arrays = [a for a in given if isinstance(a, np.ndarray) and a.ndim > 1]

    def call(*some):
        some = iter(some)
        return FUNCTIONS[name](*[next(some) if isinstance(a, np.ndarray) and a.ndim > 1 else a for a in given])

    assert_layout_does_not_matter(call, *arrays)


def test_the_documented_helpers_do_not_copy_what_lies_right():
    x = conv.batch_innermost(np.random.default_rng(0).normal(size=(2, 3, 4, 5)))
    assert np.shares_memory(conv.batch_innermost(x), x)
    inner = x.transpose(1, 2, 3, 0)
    assert conv.pad(inner, 0) is inner and np.shares_memory(conv.tap(inner, 0, 1, 2, 2, 1), inner)
    assert np.array_equal(conv.as_images(conv.as_rows(x), x.shape), x)
