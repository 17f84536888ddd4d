"""How far persistence can go when the weights of a layer change places, and how far chance takes it."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedbackalign.persistence import (high_arrangement, low_arrangement, neural_persistence, persistence_bounds,
                                       shuffle_gap)
from feedbackalign.persistence.bounds import blocks
from tests.persistence.cases import matrices

pytestmark = pytest.mark.filterwarnings("ignore:.*(weights are|one unit on a side)")
W1 = np.array([[1, -2, 0.5], [0.3, 0.8, -1.2]]).T


def hold_and_are_attained(bounds, W, p=2):
    low, high = bounds(W, p)
    assert -1e-12 <= low <= neural_persistence(W, p) + 1e-12 and neural_persistence(W, p) <= high + 1e-12
    assert abs(neural_persistence(low_arrangement(W), p) - low) < 1e-10
    assert abs(neural_persistence(high_arrangement(W), p) - high) < 1e-10


@given(matrices(high=14), st.sampled_from([1, 2, 3]))
def test_the_bounds_hold_and_both_are_attained(case, p):
    hold_and_are_attained(persistence_bounds, case[0], p)


@pytest.mark.parametrize("shape", [(2, 2), (2, 3), (1, 4)])
def test_no_arrangement_at_all_leaves_them(shape):
    weights = np.random.default_rng(3).normal(size=shape)
    found = [neural_persistence(np.reshape(order, shape)) for order in itertools.permutations(weights.ravel())]
    assert np.allclose(persistence_bounds(weights), (min(found), max(found)), rtol=0, atol=1e-14)


@given(matrices())
def test_arrangements_move_the_weights_and_change_none(case):
    W, _ = case
    for arranged in (low_arrangement(W), high_arrangement(W)):
        assert arranged.shape == W.shape and (np.sort(arranged, axis=None) == np.sort(W, axis=None)).all()


@given(st.integers(1, 6), st.integers(1, 6))
def test_blocks_are_the_largest_and_grow_by_one(out, inputs):
    rows, columns = blocks(out, inputs)
    for r, a, b in zip(range(1, out + inputs), rows, columns):
        best = max(i * j for i in range(1, out + 1) for j in range(1, inputs + 1) if i + j - 1 == r)
        assert a * b == best and a + b - 1 == r and a <= out and b <= inputs
    assert set(np.diff(rows) + np.diff(columns)) <= {1} and set(np.diff(rows)) <= {0, 1}


def test_golden_bounds_and_the_options():
    found = persistence_bounds(W1, normalised=False)
    np.testing.assert_allclose(found, (0.8774964387392122, 0.986154146165801), rtol=0, atol=1e-15)
    np.testing.assert_allclose(persistence_bounds(W1), np.array(found) / 2, rtol=0, atol=1e-15)
    for options in ({"maximum": 5.0}, {"essential": True}, {"p": 1, "essential": True, "normalised": False}):
        for bound, arranged in zip(persistence_bounds(W1, **options), (low_arrangement(W1), high_arrangement(W1))):
            assert abs(bound - neural_persistence(arranged, **options)) < 1e-14


def crude(W, p=2):
    """Wrong: the N − 1 weakest weights bound it too, but no arrangement gets there."""
    strengths = np.sort(np.abs(W), axis=None) / np.abs(W).max()
    count = sum(W.shape) - 1
    return persistence_bounds(W, p)[0], np.mean((1 - strengths[:count])**p)**(1 / p)


def last_edge_dropped(W, p=2):
    strengths = -np.sort(-np.abs(W), axis=None) / np.abs(W).max()
    return np.mean((1 - strengths[:sum(W.shape) - 2])**p)**(1 / p), persistence_bounds(W, p)[1]


@pytest.mark.parametrize("wrong", [crude, last_edge_dropped, lambda W, p=2: persistence_bounds(np.tril(W), p)])
def test_wrong_bounds_are_rejected(wrong):
    with pytest.raises(AssertionError):
        hold_and_are_attained(wrong, np.random.default_rng(0).normal(size=(4, 5)))


# ---------------------------------------------------------------------------------------------------------- shuffles

def test_the_gap_by_hand():
    W = np.random.default_rng(0).normal(size=(6, 4))
    rng = np.random.default_rng(7)
    shuffled = [neural_persistence(rng.permutation(W.ravel()).reshape(6, 4)) for _ in range(5)]
    found, mean, deviation, position = shuffle_gap(W, 5, np.random.default_rng(7))
    low, high = persistence_bounds(W)
    assert found == neural_persistence(W) and mean == np.mean(shuffled) and deviation == np.std(shuffled)
    assert position == (found - mean) / (high - low)


def test_a_gaussian_matrix_lies_near_its_shuffles_and_the_lower_bound():
    W = np.random.default_rng(0).normal(size=(60, 100))
    found, mean, deviation, position = shuffle_gap(W, 20, np.random.default_rng(1))
    low, high = persistence_bounds(W)
    assert abs(found - mean) < 4 * deviation < 0.02 and abs(position) < 0.03
    assert found - low < 0.05 * (high - low)


def test_a_block_of_strong_weights_is_far_from_its_shuffles():
    W = 0.1 * np.random.default_rng(0).random((20, 30))
    W[:10, :10] = 1.0
    assert shuffle_gap(W, 10, np.random.default_rng(1))[3] > 0.2


def test_where_all_arrangements_are_alike_there_is_no_position():
    for W in (np.ones((2, 3)), np.zeros((2, 3)), np.array([[1.0, 0.5, 0.2]])):
        found, mean, deviation, position = shuffle_gap(W, 3, np.random.default_rng(0))
        assert found == mean and deviation < 1e-15 and position is None


def test_bad_counts_and_streams_are_refused():
    for count, rng, error in [(0, np.random.default_rng(0), ValueError), (2.5, np.random.default_rng(0), TypeError),
                              (3, 0, TypeError)]:
        with pytest.raises(error, match="count|shuffle_gap"):
            shuffle_gap(np.eye(2), count, rng)
