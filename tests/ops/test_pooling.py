"""Pooling against loops: overlapping windows, windows with gaps, borders that fill none, and ties."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from feedbackalign.ops import pooling
from tests import oracles
from tests.strategies import generators


@st.composite
def windows(draw):
    """(N, C, H, W), size, stride."""
    shape = tuple(draw(st.integers(low, high)) for low, high in [(1, 3), (1, 2), (2, 7), (2, 7)])
    return shape, draw(st.integers(1, min(3, *shape[2:]))), draw(st.integers(1, 4))


def answer_shape(shape, size, stride):
    return *shape[:2], (shape[2] - size) // stride + 1, (shape[3] - size) // stride + 1


@given(windows(), generators(), st.booleans())
def test_max_pool_against_the_loop(case, rng, ties):
    """With ties, the first of the largest takes the whole error."""
    shape, size, stride = case
    x = rng.integers(-1, 2, size=shape).astype(float) if ties else rng.normal(size=shape)
    error = rng.normal(size=answer_shape(shape, size, stride))
    y, down = oracles.max_pool(x, error, size, stride)
    found, winner = pooling.max_pool(x, size, stride)
    assert np.array_equal(found, y)
    np.testing.assert_allclose(pooling.max_unpool(error, winner, shape, size, stride), down, rtol=1e-13, atol=1e-14)
    assert np.array_equal(pooling.max_pick(x, winner, size, stride), y)


@given(windows(), generators())
def test_average_pool_against_the_loop(case, rng):
    shape, size, stride = case
    x, error = rng.normal(size=shape), rng.normal(size=answer_shape(shape, size, stride))
    y, down = oracles.average_pool(x, error, size, stride)
    np.testing.assert_allclose(pooling.average_pool(x, size, stride), y, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(pooling.average_unpool(error, shape, size, stride), down, rtol=1e-12, atol=1e-14)


@given(windows(), generators())
def test_the_ways_down_are_adjoints(case, rng):
    shape, size, stride = case
    x, error = rng.normal(size=shape), rng.normal(size=answer_shape(shape, size, stride))
    averaged = pooling.average_unpool(error, shape, size, stride)
    np.testing.assert_allclose((pooling.average_pool(x, size, stride) * error).sum(), (x * averaged).sum(), rtol=1e-11,
                               atol=1e-12)
    channels = rng.normal(size=shape[:2])
    spread = pooling.global_average_unpool(channels, shape)
    np.testing.assert_allclose((pooling.global_average_pool(x) * channels).sum(), (x * spread).sum(), rtol=1e-11,
                               atol=1e-12)


def test_every_entry_can_win_and_a_tie_goes_to_the_first():
    for index in range(9):
        x = np.zeros((1, 1, 3, 3))
        x.flat[index] = 1.0
        _, winner = pooling.max_pool(x, 3, 1)
        assert winner.item() == index
    _, winner = pooling.max_pool(np.zeros((1, 1, 3, 3)), 3, 1)
    assert winner.item() == 0


def test_negative_entries_win_over_nothing():
    """The largest of a window of negative numbers is negative: no zero sneaks in."""
    x = -1.0 - np.arange(4.0).reshape(1, 1, 2, 2)
    y, winner = pooling.max_pool(x, 2, 2)
    assert y.item() == -1.0 and winner.item() == 0


def test_nan_is_not_hidden_by_max():
    x = np.zeros((1, 1, 2, 2))
    x[0, 0, 1, 0] = np.nan
    assert np.isnan(pooling.max_pool(x, 2, 2)[0]).all()
