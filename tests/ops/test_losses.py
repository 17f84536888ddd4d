"""Losses by the standard library, their errors by central differences, and both where exponentials would overflow."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedbackalign.check.gradients import numerical_gradient
from feedbackalign.ops import losses
from tests.strategies import generators

sizes = st.integers(1, 6)


@given(sizes, sizes, generators())
def test_cross_entropy_sample_by_sample(N, classes, rng):
    logits, labels = 3 * rng.normal(size=(N, classes)), rng.integers(classes, size=N)
    expected = [math.log(math.fsum(math.exp(z) for z in row)) - row[label] for row, label in zip(logits, labels)]
    np.testing.assert_allclose(losses.cross_entropy(logits, labels), expected, rtol=1e-10, atol=1e-12)
    slopes = numerical_gradient(lambda z: float(losses.cross_entropy(z, labels).sum()), logits)
    np.testing.assert_allclose(losses.cross_entropy_error(logits, labels), slopes, rtol=1e-6, atol=1e-8)


@given(sizes, sizes, generators())
def test_squared_error_sample_by_sample(N, out, rng):
    outputs, targets = rng.normal(size=(N, out)), rng.normal(size=(N, out))
    expected = [math.fsum((y - t)**2 for y, t in zip(*rows)) / 2 for rows in zip(outputs, targets)]
    np.testing.assert_allclose(losses.squared_error(outputs, targets), expected, rtol=1e-12)
    slopes = numerical_gradient(lambda y: float(losses.squared_error(y, targets).sum()), outputs)
    np.testing.assert_allclose(losses.squared_error_error(outputs, targets), slopes, rtol=1e-6, atol=1e-8)


@given(sizes, sizes, generators())
def test_errors_of_a_sample_sum_to_zero_and_softmax_to_one(N, classes, rng):
    logits, labels = 5 * rng.normal(size=(N, classes)), rng.integers(classes, size=N)
    np.testing.assert_allclose(losses.softmax(logits).sum(axis=1), 1.0, rtol=1e-14)
    np.testing.assert_allclose(losses.cross_entropy_error(logits, labels).sum(axis=1), 0.0, atol=1e-14)
    np.testing.assert_allclose(losses.cross_entropy(logits + 100.0, labels), losses.cross_entropy(logits, labels),
                               rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("logits, label, loss, error", [
    ([1e4, -1e4], 0, 0.0, [0, 0]), ([1e4, -1e4], 1, 2e4, [1, -1]), ([1e4, 1e4], 0, math.log(2), [-0.5, 0.5]),
    ([-1e4, -1e4], 1, math.log(2), [0.5, -0.5]), ([-1e4, 0.0], 0, 1e4, [-1, 1])])
def test_logits_of_ten_thousand(logits, label, loss, error, dtype):
    z, labels = np.array([logits], dtype=dtype), np.array([label])
    rounding = 1e4 * np.finfo(dtype).eps
    assert losses.cross_entropy(z, labels)[0] == pytest.approx(loss, rel=1e-6, abs=float(rounding))
    np.testing.assert_allclose(losses.cross_entropy_error(z, labels), [error], atol=1e-7)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int64])
def test_labels_of_any_integer_dtype(dtype):
    assert np.array_equal(losses.one_hot(np.array([2, 0], dtype=dtype), 3), [[0, 0, 1], [1, 0, 0]])
    z = np.random.default_rng(0).normal(size=(2, 3))
    assert np.array_equal(losses.cross_entropy_error(z, np.array([2, 0], dtype=dtype)),
                          losses.cross_entropy_error(z, np.array([2, 0])))
