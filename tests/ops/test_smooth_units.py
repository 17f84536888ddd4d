"""The smooth units of settling networks: their values, slopes and limits; and max pooling linearised at its winners."""

import numpy as np
import pytest
from hypothesis import given

from feedbackalign.check.gradients import numerical_gradient
from feedbackalign.ops import activations, pooling
from tests.strategies import generators

UNITS = ("steep_sigmoid", "dsilu")


def unit(name):
    return getattr(activations, name), getattr(activations, f"{name}_derivative")


def test_the_steep_sigmoid_is_the_logistic_function_of_4_v_minus_2():
    v = np.array([-1.0, 0.0, 0.5, 1.0, 2.0])
    np.testing.assert_allclose(activations.steep_sigmoid(v), 1 / (1 + np.exp(-4 * (v - 0.5))), rtol=1e-12)
    assert activations.steep_sigmoid_derivative(np.array([0.5]))[0] == 1.0


def test_dsilu_is_half_the_difference_of_two_silus():
    """v/2·L(v) + (1 − v/2)·L(v − 2) = (silu(v) − silu(v − 2)) / 2, as clip(v/2, 0, 1) is of two ReLUs."""
    def silu(u):
        return u / (1 + np.exp(-u))

    v = np.linspace(-6, 8, 57)
    np.testing.assert_allclose(activations.dsilu(v), (silu(v) - silu(v - 2)) / 2, rtol=1e-12, atol=1e-14)
    wide = np.array([-30.0, 1.0, 32.0])
    np.testing.assert_allclose(activations.dsilu(wide), activations.soft_clip(wide), atol=1e-10)


@pytest.mark.parametrize("name", UNITS)
@given(rng=generators())
def test_the_slope_is_the_derivative(name, rng):
    function, derivative = unit(name)
    v = rng.normal(scale=2, size=5)
    numerical = numerical_gradient(lambda v: float(function(v).sum()), v.copy())
    np.testing.assert_allclose(derivative(v), numerical, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", UNITS)
def test_far_out_they_saturate_without_overflow_and_float32_stays(name):
    function, derivative = unit(name)
    v = np.array([-1e4, 1e4], dtype=np.float32)
    assert function(v).dtype == derivative(v).dtype == np.float32
    np.testing.assert_allclose(function(v), [0, 1], atol=1e-3)
    np.testing.assert_allclose(derivative(v), [0, 0], atol=1e-3)


@given(rng=generators())
def test_max_pick_is_max_pooling_linearised(rng):
    """At its own image it answers what the pooling does; at others it is linear, and max_unpool is its adjoint."""
    x, z, w = (rng.normal(size=(2, 3, 6, 5)) for _ in range(3))
    y, winner = pooling.max_pool(x, 2, 2)
    assert np.array_equal(pooling.max_pick(x, winner, 2, 2), y)
    picked = pooling.max_pick(z, winner, 2, 2)
    np.testing.assert_allclose(pooling.max_pick(2 * z + w, winner, 2, 2),
                               2 * picked + pooling.max_pick(w, winner, 2, 2), rtol=1e-12, atol=1e-13)
    error = rng.normal(size=y.shape)
    down = pooling.max_unpool(error, winner, x.shape, 2, 2)
    np.testing.assert_allclose((picked * error).sum(), (z * down).sum(), rtol=1e-11, atol=1e-12)
