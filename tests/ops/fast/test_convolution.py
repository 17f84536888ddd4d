"""The fast convolution is the readable one, for every stride, padding, kernel and order in memory."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedbackalign.layers import Conv2d, weighted
from feedbackalign.ops import convolution
from feedbackalign.ops.fast import convolution as fast, threads
from tests.assertions import assert_gradients

GEOMETRIES = [(kernel, stride, padding) for kernel in ((1, 1), (3, 3), (2, 3), (5, 2)) for stride in (1, 2, 3)
              for padding in (0, 1, 3)]


@st.composite
def cases(draw):
    kh, kw, stride, padding = (draw(st.integers(*ends)) for ends in ((1, 4), (1, 4), (1, 3), (0, 4)))
    low_h, low_w = max(1, kh - 2 * padding), max(1, kw - 2 * padding)
    N, C, out, H, W = (draw(st.integers(*ends)) for ends in ((1, 3), (1, 3), (1, 4), (low_h, 8), (low_w, 8)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    x, weight, bias = rng.normal(size=(N, C, H, W)), rng.normal(size=(out, C, kh, kw)), rng.normal(size=out)
    y, columns = convolution.convolve(x, weight, bias, stride, padding)
    return x, weight, bias, stride, padding, y, columns, rng.normal(size=y.shape)


@given(cases())
def test_forward(case):
    x, weight, bias, stride, padding, y, _, _ = case
    np.testing.assert_allclose(fast.convolve(x, weight, bias, stride, padding), y, rtol=1e-12, atol=1e-12)
    batch_last = convolution.batch_innermost(x)
    np.testing.assert_array_equal(fast.convolve(batch_last, weight, bias, stride, padding),
                                  fast.convolve(x, weight, bias, stride, padding))


@given(cases())
def test_weight_gradient(case):
    x, weight, _, stride, padding, _, columns, error = case
    np.testing.assert_allclose(fast.weight_gradient(error, x, weight.shape[2:], stride, padding),
                               convolution.convolution_weight_gradient(error, columns, weight.shape),
                               rtol=1e-12, atol=1e-11)


@given(cases())
def test_transport(case):
    x, weight, _, stride, padding, _, _, error = case
    np.testing.assert_allclose(fast.transport(error, weight, x.shape, stride, padding),
                               convolution.convolution_transport(error, weight, x.shape, stride, padding),
                               rtol=1e-12, atol=1e-12)


@given(cases(), st.sampled_from([1, 300, 2000]))
def test_a_few_rows_at_a_time_are_all_rows_at_once(case, block):
    """However many lines a block holds, one at least: every row lands in its own place."""
    x, weight, bias, stride, padding, y, columns, error = case
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fast, "BLOCK", block)
        found = (fast.convolve(x, weight, bias, stride, padding),
                 fast.transport(error, weight, x.shape, stride, padding),
                 fast.weight_gradient(error, x, weight.shape[2:], stride, padding))
    wanted = (y, convolution.convolution_transport(error, weight, x.shape, stride, padding),
              convolution.convolution_weight_gradient(error, columns, weight.shape))
    for one, other in zip(found, wanted):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-11)


@given(cases())
def test_it_changes_nothing_and_shares_nothing(case):
    x, weight, bias, stride, padding, _, _, error = case
    before = [array.copy() for array in (x, weight, bias, error)]
    results = [fast.convolve(x, weight, bias, stride, padding),
               fast.weight_gradient(error, x, weight.shape[2:], stride, padding),
               fast.transport(error, weight, x.shape, stride, padding)]
    for array, kept in zip((x, weight, bias, error), before):
        assert np.array_equal(array, kept)
        assert not any(np.shares_memory(array, result) for result in results)


def three_ways(x, weight, bias, error, stride, padding):
    """Forward, kernel gradient and way down, row by row."""
    return (fast.convolve(x, weight, bias, stride, padding),
            fast.weight_gradient(error, x, weight.shape[2:], stride, padding),
            fast.transport(error, weight, x.shape, stride, padding))


@pytest.mark.parametrize("kernel, stride, padding", GEOMETRIES)
def test_two_threads_give_the_reference_and_the_same_bytes_every_time(kernel, stride, padding, monkeypatch):
    """As many rows as make several parts; the bytes are those of one thread, too."""
    rng = np.random.default_rng(0)
    x, weight, bias = rng.normal(size=(2, 3, 21, 6)), rng.normal(size=(4, 3, *kernel)), rng.normal(size=4)
    y, columns = convolution.convolve(x, weight, bias, stride, padding)
    error = rng.normal(size=y.shape)
    reference = (y, convolution.convolution_weight_gradient(error, columns, weight.shape),
                 convolution.convolution_transport(error, weight, x.shape, stride, padding))
    found = {}
    for number in ("1", "2"):
        monkeypatch.setenv(threads.VARIABLE, number)
        found[number] = three_ways(x, weight, bias, error, stride, padding)
        for _ in range(3):
            for again, once in zip(three_ways(x, weight, bias, error, stride, padding), found[number]):
                assert np.array_equal(again, once)
    for one, two, want in zip(found["1"], found["2"], reference):
        np.testing.assert_allclose(two, want, rtol=1e-12, atol=1e-12)
        assert np.array_equal(one, two)


@given(cases())
def test_the_ways_down_are_adjoints_of_the_way_up(case):
    x, weight, _, stride, padding, _, _, error = case
    up, gradient, down = three_ways(x, weight, None, error, stride, padding)
    for left, right in (((up * error), (x * down)), ((up * error), (weight * gradient))):
        assert abs(left.sum() - right.sum()) <= 1e-12 * (1e-30 + np.abs(left).sum() + np.abs(right).sum())


@pytest.mark.parametrize("stride", [1, 2])
def test_float32_stays_float32(stride):
    rng = np.random.default_rng(0)
    x, weight = rng.normal(size=(2, 3, 9, 8)).astype(np.float32), rng.normal(size=(4, 3, 3, 3)).astype(np.float32)
    y, _ = convolution.convolve(x, weight, weight[:, 0, 0, 0], stride, 1)
    error = np.cos(y)
    for result in three_ways(x, weight, weight[:, 0, 0, 0], error, stride, 1):
        assert result.dtype == np.float32


def test_a_layer_goes_row_by_row_where_its_columns_would_be_large(monkeypatch):
    """And finds the same numbers: forward, gradients, transport, and what its bare kernels answer."""
    rng = np.random.default_rng(0)
    layer = Conv2d(3, 4, 3, stride=2, padding=1, rng=rng, dtype=np.float64)
    x = rng.normal(size=(2, 3, 7, 6))

    def passes():
        y = layer.forward(x)
        error = np.cos(y)
        return [y, layer.backward(error), *layer.gradients.values(), layer.respond(x), layer.correlate(error, x)]

    readable = passes()
    assert layer.columns is not None
    monkeypatch.setattr(weighted, "LARGE", 0)
    rows = passes()
    assert layer.columns is None
    for one, other in zip(readable, rows):
        np.testing.assert_allclose(other, one, rtol=1e-12, atol=1e-12)
    assert_gradients(layer, rng, x)
