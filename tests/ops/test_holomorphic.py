"""Functions of complex arrays: holomorphic, as on the real line there, and safe where exponentials are not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedbackalign.ops import activations, pooling
from feedbackalign.ops.losses import softmax
from tests.strategies import generators

HOLOMORPHIC = ("tanh", "sigmoid", "steep_sigmoid", "dsilu", "identity", "sine")
every_unit = pytest.mark.parametrize("name", HOLOMORPHIC)


def pair(name):
    """A unit and its slope."""
    return getattr(activations, name), getattr(activations, f"{name}_derivative")


def complex_numbers(rng, shape, height=0.5):
    return rng.normal(size=shape) + 1j * rng.uniform(-height, height, size=shape)


@every_unit
def test_a_complex_number_without_imaginary_part_is_the_real_one(name):
    v = np.linspace(-30, 30, 1201)
    for function in pair(name):
        np.testing.assert_allclose(function(v + 0j), function(v), rtol=1e-12, atol=1e-14)
        assert function(v).dtype == np.float64 and function(v + 0j).dtype == np.complex128
        assert function(v.astype(np.complex64)).dtype == np.complex64


@every_unit
@given(rng=generators())
def test_it_is_holomorphic_with_the_slope_it_says(name, rng):
    """The difference quotient is the slope in every direction of the plane: the Cauchy-Riemann equations."""
    function, slope = pair(name)
    z, h = complex_numbers(rng, 20), 1e-5
    for direction in (1, 1j, np.exp(0.7j)):
        quotient = (function(z + h * direction) - function(z - h * direction)) / (2 * h * direction)
        np.testing.assert_allclose(quotient, slope(z), rtol=1e-7, atol=1e-8)


@every_unit
def test_conjugate_in_conjugate_out(name):
    z = complex_numbers(np.random.default_rng(0), 50)
    function, _ = pair(name)
    assert np.array_equal(function(z.conj()), function(z).conj())


@every_unit
def test_nothing_complex_overflows(name):
    z = np.array([-1e4, 1e4, -1e4 + 1j, 1e4 - 1j])
    for function in pair(name):
        assert np.isfinite(function(z)).all()


def test_complex_softmax_is_shift_invariant_and_does_not_overflow():
    z = complex_numbers(np.random.default_rng(1), (4, 5))
    np.testing.assert_allclose(softmax(z + 3 - 2j), softmax(z), rtol=1e-13)
    np.testing.assert_allclose(softmax(z), np.exp(z) / np.exp(z).sum(axis=1, keepdims=True), rtol=1e-13)
    assert np.isfinite(softmax(z + np.array([1e4, 0, 0, 0, -1e4]))).all()
    np.testing.assert_allclose(softmax(z - 1e4), softmax(z), rtol=1e-10)                    # all far below zero


# ------------------------------------------------------------------------------------------------- softmax pooling

pools = st.tuples(generators(), st.integers(1, 3), st.integers(1, 3), st.integers(3, 7), st.integers(3, 7))


def images(case):
    rng, size, stride, H, W = case
    return rng, complex_numbers(rng, (2, 3, H, W)), (size, stride)


@given(pools)
def test_softmax_pooling_against_a_loop(case):
    _, z, (size, stride) = images(case)
    pooled = pooling.softmax_pool(z, size, stride)
    for n, c, p, q in np.ndindex(pooled.shape):
        window = z[n, c, p * stride:p * stride + size, q * stride:q * stride + size].ravel()
        w = np.exp(window) / np.exp(window).sum()
        np.testing.assert_allclose(pooled[n, c, p, q], (w * window).sum(), rtol=1e-12, atol=1e-13)


@given(pools)
def test_the_change_of_softmax_pooling_is_its_derivative(case):
    rng, z, window = images(case)
    d, h = complex_numbers(rng, z.shape), 1e-5
    quotient = (pooling.softmax_pool(z + h * d, *window) - pooling.softmax_pool(z - h * d, *window)) / (2 * h)
    np.testing.assert_allclose(pooling.softmax_pool_change(z, d, *window), quotient, rtol=1e-7, atol=1e-8)


@given(pools)
def test_softmax_unpooling_is_the_adjoint_under_the_plain_product(case):
    rng, z, window = images(case)
    d = complex_numbers(rng, z.shape)
    change = pooling.softmax_pool_change(z, d, *window)
    signal = complex_numbers(rng, change.shape)
    below = pooling.softmax_unpool(signal, z, *window)
    np.testing.assert_allclose((signal * change).sum(), (below * d).sum(), rtol=1e-12, atol=1e-12)


@given(pools)
def test_the_change_of_softmax_unpooling_is_its_derivative(case):
    rng, z, window = images(case)
    d, h = complex_numbers(rng, z.shape), 1e-5
    signal = complex_numbers(rng, pooling.softmax_pool(z, *window).shape)
    quotient = (pooling.softmax_unpool(signal, z + h * d, *window)
                - pooling.softmax_unpool(signal, z - h * d, *window)) / (2 * h)
    np.testing.assert_allclose(pooling.softmax_unpool_change(signal, z, d, *window), quotient, rtol=1e-7, atol=1e-7)


def test_softmax_pooling_does_not_overflow():
    z = np.array([[[[1e4, -1e4], [3e3 + 1j, 0]]]])
    assert np.isfinite(pooling.softmax_pool(z, 2, 2)).all() and np.isfinite(pooling.softmax_slopes(z, 2, 2)).all()
