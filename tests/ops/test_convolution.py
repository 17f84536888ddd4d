"""Convolution against a loop that nobody can get wrong, and every way down against the adjoint of its way up."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from feedbackalign.ops import convolution as conv
from tests import oracles
from tests.strategies import generators


@st.composite
def geometries(draw):
    """(N, in, out, H, W, kh, kw, stride, padding): any kernel that fits somewhere."""
    N, inputs, outputs = (draw(st.integers(1, 3)) for _ in range(3))
    H, W = draw(st.integers(1, 7)), draw(st.integers(1, 7))
    padding, stride = draw(st.integers(0, 3)), draw(st.integers(1, 4))
    kh, kw = (draw(st.integers(1, min(5, size + 2 * padding))) for size in (H, W))
    return N, inputs, outputs, H, W, kh, kw, stride, padding


def drawn(geometry, rng):
    N, inputs, outputs, H, W, kh, kw, stride, padding = geometry
    return (rng.normal(size=(N, inputs, H, W)), rng.normal(size=(outputs, inputs, kh, kw)), rng.normal(size=outputs),
            stride, padding)


def assert_adjoint(up, error, x, down):
    """⟨up, error⟩ = ⟨x, down⟩ to 1e-12 of the terms' size."""
    left, right = up * error, x * down
    assert abs(left.sum() - right.sum()) <= 1e-12 * (1e-30 + np.abs(left).sum() + np.abs(right).sum())


@given(geometries(), generators())
@example((1, 1, 1, 1, 1, 3, 3, 1, 1), np.random.default_rng(0))                 # a kernel larger than its image
@example((2, 2, 2, 6, 5, 2, 2, 3, 0), np.random.default_rng(0))                 # a stride that leaves gaps
@example((2, 1, 2, 7, 4, 1, 1, 2, 2), np.random.default_rng(0))                 # outputs that see padding alone
def test_forward_against_the_naive_loop(geometry, rng):
    x, weight, bias, stride, padding = drawn(geometry, rng)
    y, _ = conv.convolve(x, weight, bias, stride, padding)
    np.testing.assert_allclose(y, oracles.convolution(x, weight, bias, stride, padding), rtol=1e-12, atol=1e-13)
    bare, _ = conv.convolve(x, weight, None, stride, padding)
    np.testing.assert_allclose(bare + bias[:, None, None], y, rtol=1e-12, atol=1e-13)


@given(geometries(), generators())
def test_the_way_down_is_the_adjoint_of_the_way_up(geometry, rng):
    x, weight, _, stride, padding = drawn(geometry, rng)
    y, columns = conv.convolve(x, weight, None, stride, padding)
    error = rng.normal(size=y.shape)
    assert_adjoint(y, error, x, conv.convolution_transport(error, weight, x.shape, stride, padding))
    assert_adjoint(y, error, weight, conv.convolution_weight_gradient(error, columns, weight.shape))


@given(geometries(), generators())
def test_col2im_is_the_adjoint_of_im2col(geometry, rng):
    x, weight, _, stride, padding = drawn(geometry, rng)
    columns = conv.im2col(x, weight.shape[2:], stride, padding)
    other = rng.normal(size=columns.shape)
    assert_adjoint(columns, other, x, conv.col2im(other, x.shape, weight.shape[2:], stride, padding))


@given(geometries(), generators())
def test_mixing_channels_is_a_1x1_convolution_downwards(geometry, rng):
    x, _, _, _, _ = drawn(geometry, rng)
    matrix = rng.normal(size=(x.shape[1], 4))                                   # (out, mid)
    expected = np.einsum("ncrs,cm->nmrs", x, matrix)
    np.testing.assert_allclose(conv.mix_channels(x, matrix), expected, rtol=1e-12, atol=1e-13)
    kernel = matrix[:, :, None, None]
    np.testing.assert_allclose(conv.convolution_transport(x, kernel, (len(x), 4, *x.shape[2:])), expected, rtol=1e-12,
                               atol=1e-13)


@given(geometries())
def test_tap_counts_are_what_a_convolution_of_ones_counts(geometry):
    _, _, _, H, W, kh, kw, stride, padding = geometry
    ones = np.ones((1, 1, H, W))
    y, columns = conv.convolve(ones, np.ones((1, 1, kh, kw)), None, stride, padding)
    counted = conv.convolution_weight_gradient(np.ones_like(y), columns, (1, 1, kh, kw))
    assert np.array_equal(conv.tap_counts((H, W), (kh, kw), stride, padding), counted[0, 0])


@pytest.mark.parametrize("size, kernel, stride, padding, positions",
                         [(5, 5, 1, 0, 1), (32, 5, 1, 0, 28), (28, 2, 2, 0, 14), (8, 3, 2, 1, 4), (7, 2, 3, 0, 2)])
def test_output_size(size, kernel, stride, padding, positions):
    assert conv.output_size(size, kernel, stride, padding) == positions
