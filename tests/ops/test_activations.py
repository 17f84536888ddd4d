"""Every unit's slope against central differences away from kinks, and exactly at them; and no overflow anywhere."""

import math

import numpy as np
import pytest

from feedbackalign.check.gradients import KINKS, numerical_gradient
from feedbackalign.ops import activations

PAIRS = {name: (function, getattr(activations, f"{name}_derivative"))
         for name, function in vars(activations).items() if hasattr(activations, f"{name}_derivative")}


def away_from_kinks(name):
    v = np.linspace(-4.0, 5.0, 181) + 0.0123
    kinks = KINKS.get(name.replace("_", "-").replace("absolute", "abs"), ())
    return v[[all(abs(entry - kink) > 1e-3 for kink in kinks) for entry in v]]


def test_all_units_are_there():
    assert {"relu", "leaky_relu", "tanh", "sigmoid", "softplus", "identity", "hard_sigmoid", "soft_clip",
            "absolute", "sine"} <= set(PAIRS)


@pytest.mark.parametrize("name", PAIRS)
def test_slope_against_central_differences(name):
    function, derivative = PAIRS[name]
    v = away_from_kinks(name)
    slopes = [numerical_gradient(lambda u: float(function(u)[0]), np.array([entry]))[0] for entry in v]
    np.testing.assert_allclose(derivative(v), slopes, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name, kink, slope", [
    ("relu", 0.0, 0.0), ("relu", -0.0, 0.0), ("leaky_relu", 0.0, 0.01), ("hard_sigmoid", 0.0, 0.0),
    ("hard_sigmoid", 1.0, 0.0), ("soft_clip", 0.0, 0.0), ("soft_clip", 2.0, 0.0), ("absolute", 0.0, 0.0),
    ("absolute", -0.0, 0.0)])
def test_slope_at_a_kink_is_that_of_the_flat_side(name, kink, slope):
    assert PAIRS[name][1](np.array([kink]))[0] == slope


@pytest.mark.parametrize("name, value, slope", [
    ("tanh", math.tanh(0.7), 1 - math.tanh(0.7)**2), ("sigmoid", 1 / (1 + math.exp(-0.7)), None),
    ("softplus", math.log1p(math.exp(0.7)), 1 / (1 + math.exp(-0.7))), ("relu", 0.7, 1.0), ("leaky_relu", 0.7, 1.0),
    ("identity", 0.7, 1.0), ("hard_sigmoid", 0.7, 1.0), ("soft_clip", 0.35, 0.5), ("absolute", 0.7, 1.0),
    ("sine", math.sin(0.7), math.cos(0.7))])
def test_values_by_the_standard_library(name, value, slope):
    function, derivative = PAIRS[name]
    assert function(np.array([0.7]))[0] == pytest.approx(value, rel=1e-14)
    if slope is not None:
        assert derivative(np.array([0.7]))[0] == pytest.approx(slope, rel=1e-14)


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nothing_overflows(name, dtype):
    """Warnings are errors: an exponential of 1e4 would show."""
    v = np.array([-1e4, -100.0, 0.0, 100.0, 1e4], dtype=dtype)
    for function in PAIRS[name]:
        answer = function(v)
        assert np.isfinite(answer).all() and answer.dtype == dtype


def test_relu_is_the_larger_of_v_and_0():
    v = np.array([-np.inf, -1e-3, 0.0, 1e-3, 7.0, np.inf], dtype=np.float32)
    found = activations.relu(v)
    np.testing.assert_array_equal(found, np.maximum(v, 0.0))
    assert found.dtype == np.float32 and np.isnan(activations.relu(np.array([np.nan])))
