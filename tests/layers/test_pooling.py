"""What a pooling offers to states that settle: its value, its change and the adjoint of that, and no memory of any."""

import copy

import numpy as np
import pytest

from feedbackalign.layers import POOLINGS, AvgPool2d, MaxPool2d, SoftmaxPool2d

every_pooling = pytest.mark.parametrize("pool", [
    MaxPool2d(2), MaxPool2d(3, 2), MaxPool2d(3, 2, padding=1), AvgPool2d(2), AvgPool2d(3, 2), SoftmaxPool2d(2),
    SoftmaxPool2d(3, 2)], ids=repr)
H = 1e-6


def drawn(pool):
    """z (2, 3, 7, 6), a direction of its shape, a signal in the shape of the answer."""
    rng = np.random.default_rng(0)
    z, direction = rng.normal(size=(2, 2, 3, 7, 6))
    return z, direction, rng.normal(size=(2, *pool.output_shape((3, 7, 6))))


@every_pooling
def test_its_value_is_that_of_a_pass_and_nothing_is_remembered(pool):
    z, direction, signal = drawn(pool)
    assert np.array_equal(pool.pooled(z), copy.deepcopy(pool).forward(z))
    pool.change(direction, z), pool.unpooled(signal, z.shape, z)
    assert pool.input is None and not hasattr(pool, "winner")


@every_pooling
def test_its_change_is_the_derivative_and_unpooling_the_adjoint(pool):
    z, direction, signal = drawn(pool)
    change = pool.change(direction, z)
    quotient = (pool.pooled(z + H * direction) - pool.pooled(z - H * direction)) / (2 * H)
    np.testing.assert_allclose(change, quotient, rtol=1e-6, atol=1e-8)
    back = pool.unpooled(signal, z.shape, z)
    np.testing.assert_allclose((back * direction).sum(), (signal * change).sum(), rtol=1e-11)
    if pool.is_linear:
        assert np.array_equal(pool.change(direction, None), change)
        assert np.array_equal(pool.unpooled(signal, z.shape, None), back)


@every_pooling
def test_only_softmax_pooling_is_curved_and_only_the_maximum_has_kinks(pool):
    z, direction, signal = drawn(pool)
    assert pool.is_smooth == (not isinstance(pool, MaxPool2d)) and pool.is_curved == isinstance(pool, SoftmaxPool2d)
    quotient = (pool.unpooled(signal, z.shape, z + H * direction)
                - pool.unpooled(signal, z.shape, z - H * direction)) / (2 * H)
    curvature = pool.unpooled_change(signal, direction, z) if pool.is_curved else np.zeros_like(z)
    np.testing.assert_allclose(curvature, quotient, rtol=1e-6, atol=1e-8)
    if pool.is_smooth:
        assert np.iscomplexobj(pool.unpooled(signal, z.shape, z + 1j * direction)) == pool.is_curved


def test_every_window_pooling_has_a_name():
    assert list(POOLINGS.items()) == [("max", MaxPool2d), ("average", AvgPool2d), ("softmax", SoftmaxPool2d)]
