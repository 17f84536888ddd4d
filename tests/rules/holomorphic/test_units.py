"""The complex units are those of `ops` on the real line, holomorphic off it, and safe wherever exponentials are not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedbackalign.ops import activations, losses
from feedbackalign.rules.holomorphic import units
from tests.strategies import generators

REAL = {"tanh": "tanh", "sigmoid": "sigmoid", "steep-sigmoid": "steep_sigmoid", "dsilu": "dsilu",
        "identity": "identity"}
every_unit = pytest.mark.parametrize("kind", list(units.UNITS))


def complex_numbers(rng, shape, height=0.5):
    return rng.normal(size=shape) + 1j * rng.uniform(-height, height, size=shape)


@every_unit
def test_on_the_real_line_it_is_the_unit_of_ops(kind):
    v = np.linspace(-30, 30, 1201)
    function, slope = units.UNITS[kind]
    for complex_safe, name in ((function, REAL[kind]), (slope, f"{REAL[kind]}_derivative")):
        expected = getattr(activations, name)(v)
        np.testing.assert_allclose(complex_safe(v), expected, rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(complex_safe(v + 0j), expected, rtol=1e-12, atol=1e-14)
        assert complex_safe(v).dtype == np.float64 and complex_safe(v + 0j).dtype == np.complex128


@every_unit
@given(rng=generators())
def test_it_is_holomorphic_with_the_slope_it_says(kind, rng):
    """The difference quotient is the slope in every direction of the plane: the Cauchy-Riemann equations."""
    function, slope = units.UNITS[kind]
    z, h = complex_numbers(rng, 20), 1e-5
    for direction in (1, 1j, np.exp(0.7j)):
        quotient = (function(z + h * direction) - function(z - h * direction)) / (2 * h * direction)
        np.testing.assert_allclose(quotient, slope(z), rtol=1e-7, atol=1e-8)


@every_unit
def test_conjugate_in_conjugate_out(kind):
    z = complex_numbers(np.random.default_rng(0), 50)
    assert np.array_equal(units.UNITS[kind][0](z.conj()), units.UNITS[kind][0](z).conj())


@every_unit
def test_nothing_overflows(kind):
    z = np.array([-1e4, 1e4, -1e4 + 1j, 1e4 - 1j])
    for function in units.UNITS[kind]:
        assert np.isfinite(function(z)).all()


def test_softmax_is_that_of_ops_is_shift_invariant_and_does_not_overflow():
    rng = np.random.default_rng(1)
    real = rng.normal(size=(4, 5))
    np.testing.assert_allclose(units.softmax(real), losses.softmax(real), rtol=1e-14)
    z = complex_numbers(rng, (4, 5))
    np.testing.assert_allclose(units.softmax(z + 3 - 2j), units.softmax(z), rtol=1e-13)
    np.testing.assert_allclose(units.softmax(z), np.exp(z) / np.exp(z).sum(axis=1, keepdims=True), rtol=1e-13)
    assert np.isfinite(units.softmax(z + np.array([1e4, 0, 0, 0, -1e4]))).all()
    np.testing.assert_allclose(units.softmax(z - 1e4), units.softmax(z), rtol=1e-10)       # all far below zero


# ------------------------------------------------------------------------------------------------- softmax pooling

pools = st.tuples(generators(), st.integers(1, 3), st.integers(1, 3), st.integers(3, 7), st.integers(3, 7))


def images(case):
    rng, size, stride, H, W = case
    return rng, complex_numbers(rng, (2, 3, H, W)), (size, stride)


@given(pools)
def test_softmax_pooling_against_a_loop(case):
    _, z, (size, stride) = images(case)
    pooled = units.softmax_pool(z, size, stride)
    for n, c, p, q in np.ndindex(pooled.shape):
        window = z[n, c, p * stride:p * stride + size, q * stride:q * stride + size].ravel()
        w = np.exp(window) / np.exp(window).sum()
        np.testing.assert_allclose(pooled[n, c, p, q], (w * window).sum(), rtol=1e-12, atol=1e-13)


@given(pools)
def test_the_change_of_softmax_pooling_is_its_derivative(case):
    rng, z, window = images(case)
    d, h = complex_numbers(rng, z.shape), 1e-5
    quotient = (units.softmax_pool(z + h * d, *window) - units.softmax_pool(z - h * d, *window)) / (2 * h)
    np.testing.assert_allclose(units.softmax_pool_change(z, d, *window), quotient, rtol=1e-7, atol=1e-8)


@given(pools)
def test_softmax_unpooling_is_the_adjoint_under_the_plain_product(case):
    rng, z, window = images(case)
    d = complex_numbers(rng, z.shape)
    change = units.softmax_pool_change(z, d, *window)
    signal = complex_numbers(rng, change.shape)
    below = units.softmax_unpool(signal, z, *window)
    np.testing.assert_allclose((signal * change).sum(), (below * d).sum(), rtol=1e-12, atol=1e-12)


@given(pools)
def test_the_change_of_softmax_unpooling_is_its_derivative(case):
    rng, z, window = images(case)
    d, h = complex_numbers(rng, z.shape), 1e-5
    signal = complex_numbers(rng, units.softmax_pool(z, *window).shape)
    quotient = (units.softmax_unpool(signal, z + h * d, *window)
                - units.softmax_unpool(signal, z - h * d, *window)) / (2 * h)
    np.testing.assert_allclose(units.softmax_unpool_change(signal, z, d, *window), quotient, rtol=1e-7, atol=1e-7)


def test_softmax_pooling_does_not_overflow():
    z = np.array([[[[1e4, -1e4], [3e3 + 1j, 0]]]])
    assert np.isfinite(units.softmax_pool(z, 2, 2)).all() and np.isfinite(units.softmax_slopes(z, 2, 2)).all()
