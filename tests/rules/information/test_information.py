"""Correlative information: two ways to predict, one number, and what the network's approximation gives away."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedbackalign.rules.information.information import (joint_information, layer_information, log_determinant,
                                                         predictive_information, predictor)
from tests.strategies import generators

EPSILON = st.sampled_from([1e-3, 0.03, 0.15, 3.0])


def correlations(rng):
    """Of two related random vectors: x (N, n), y (N, m), Rx, Ry, Ryx."""
    N, n, m = rng.integers(2, 30), *rng.integers(1, 7, size=2)
    x = rng.normal(size=(N, n))
    y = x @ rng.normal(size=(n, m)) + rng.normal(size=(N, m))
    return x, y, x.T @ x / N, y.T @ y / N, y.T @ x / N


@given(generators(), EPSILON)
def test_forward_backward_and_joint_information_are_one_number(rng, epsilon):
    _, _, Rx, Ry, Ryx = correlations(rng)
    joint = joint_information(Rx, Ry, Ryx, epsilon)
    assert predictive_information(Rx, Ry, Ryx, epsilon) == pytest.approx(joint, rel=1e-10, abs=1e-10)
    assert predictive_information(Ry, Rx, Ryx.T, epsilon) == pytest.approx(joint, rel=1e-10, abs=1e-10)


@given(generators(), EPSILON)
def test_the_schur_complement_is_the_errors_correlation_and_the_weights(rng, epsilon):
    x, y, Rx, Ry, Ryx = correlations(rng)
    W = predictor(Rx, Ryx, epsilon)
    error = y - x @ W.T
    Re = error.T @ error / len(x)
    left = Ry + epsilon * np.eye(len(Ry)) - Ryx @ np.linalg.inv(Rx + epsilon * np.eye(len(Rx))) @ Ryx.T
    right = Re + epsilon * W @ W.T + epsilon * np.eye(len(Ry))
    np.testing.assert_allclose(left, right, rtol=1e-10, atol=1e-10 * np.abs(Ry).max())


@given(generators(), EPSILON)
def test_the_best_predictor_minimises_error_and_weight(rng, epsilon):
    x, y, Rx, _, Ryx = correlations(rng)
    W = predictor(Rx, Ryx, epsilon)

    def cost(W):
        return ((y - x @ W.T) ** 2).sum() / len(x) + epsilon * (W**2).sum()
    for _ in range(5):
        assert cost(W + 0.1 * rng.normal(size=W.shape)) >= cost(W)


@given(generators(), EPSILON)
def test_the_trace_bounds_the_determinant_and_the_errors_the_information(rng, epsilon):
    x, y, Rx, Ry, Ryx = correlations(rng)
    error = y - x @ predictor(Rx, Ryx, epsilon).T
    Re = error.T @ error / len(x)
    assert log_determinant(Re, epsilon) <= len(Re) * np.log(epsilon) + np.trace(Re) / epsilon + 1e-10
    informed = predictive_information(Rx, Ry, Ryx, epsilon)
    assert (log_determinant(Ry, epsilon) - log_determinant(Re, epsilon)) / 2 >= informed - 1e-10
    exact = (log_determinant(Ry, epsilon) - log_determinant(Re, epsilon)) / 2
    assert layer_information(y, error, epsilon) <= exact + 1e-10
