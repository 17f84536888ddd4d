"""Batch normalisation: its gradient, its two kinds of statistics, and what it refuses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedbackalign.layers import BatchNorm1d, BatchNorm2d, Flatten, Linear
from feedbackalign.networks import Network
from tests.assertions import assert_gradients


def layer_and_input(shape, rng):
    layer = (BatchNorm1d if len(shape) == 2 else BatchNorm2d)(shape[1], dtype=np.float64)
    layer.weight[...], layer.bias[...] = rng.normal(size=shape[1]), rng.normal(size=shape[1])
    return layer, rng.normal(2.0, 3.0, size=shape)


@given(st.integers(3, 6), st.integers(1, 3), st.integers(0, 2**31))
def test_gradients_of_rows_and_images(N, C, seed):
    rng = np.random.default_rng(seed)
    for shape in ((N, C), (N, C, 2, 3)):
        layer, x = layer_and_input(shape, rng)
        assert_gradients(layer, rng, x)


def test_training_uses_the_batch_and_evaluation_the_running_statistics():
    rng = np.random.default_rng(0)
    layer, x = layer_and_input((50, 3), rng)
    y = layer.forward(x)
    np.testing.assert_allclose(y.mean(axis=0), layer.bias, atol=1e-12)
    np.testing.assert_allclose(y.std(axis=0), np.abs(layer.weight), rtol=1e-5)
    np.testing.assert_allclose(layer.running_mean, 0.1 * x.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(layer.running_variance, 0.9 + 0.1 * x.var(axis=0, ddof=1), rtol=1e-12)
    before = layer.state()
    evaluated = layer.forward(x[:1], training=False)
    deviation = np.sqrt(layer.running_variance + layer.epsilon)
    np.testing.assert_allclose(evaluated, (x[:1] - layer.running_mean) / deviation * layer.weight + layer.bias)
    assert all(np.array_equal(before[key], layer.state()[key]) for key in before)


def test_running_statistics_come_to_those_of_the_data():
    rng = np.random.default_rng(1)
    layer = BatchNorm2d(2, dtype=np.float64)
    for _ in range(200):
        layer.forward(rng.normal(3.0, 2.0, size=(64, 2, 4, 4)))
    np.testing.assert_allclose(layer.running_mean, 3.0, atol=0.1)
    np.testing.assert_allclose(layer.running_variance, 4.0, rtol=0.05)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_in_is_dtype_out(dtype):
    layer = BatchNorm2d(2, dtype=dtype)
    x = np.random.default_rng(0).normal(size=(4, 2, 3, 3)).astype(dtype)
    assert layer.forward(x).dtype == layer.backward(x).dtype == layer.gradients["weight"].dtype == dtype
    assert layer.running_mean.dtype == layer.running_variance.dtype == dtype


def test_state_travels_and_measuring_leaves_it():
    rng = np.random.default_rng(2)
    make = {"rng": rng, "dtype": np.float64}
    net = Network([Linear(3, 4, **make), BatchNorm1d(4, dtype=np.float64), Linear(4, 2, **make)])
    x = rng.normal(size=(6, 3))
    net.forward(x)
    state = net.state()
    assert sorted(state) == ["bn1.running_mean", "bn1.running_variance"]
    kept = {key: array.copy() for key, array in state.items()}
    with net.undisturbed():
        net.forward(x * 5)
    assert all(np.array_equal(kept[key], array) for key, array in net.state().items())
    other = Network([Linear(3, 4, **make), BatchNorm1d(4, dtype=np.float64), Linear(4, 2, **make)])
    other.load_state(kept)
    assert all(np.array_equal(kept[key], array) for key, array in other.state().items())
    other.forward(x)                                        # moves on, and leaves what was loaded from alone
    assert np.array_equal(kept["bn1.running_mean"], net.state()["bn1.running_mean"])


@pytest.mark.parametrize("x, message", [
    (np.zeros((1, 2)), "at least two values a channel"),
    (np.zeros((4, 3)), r"expected shape \(N, 2\)"),
    (np.zeros((4, 2, 2, 2)), r"expected shape \(N, 2\)"),
])
def test_what_it_refuses(x, message):
    with pytest.raises(ValueError, match=message):
        BatchNorm1d(2, dtype=np.float64).forward(x)


def test_one_image_has_values_enough():
    assert BatchNorm2d(1, dtype=np.float64).forward(np.ones((1, 1, 2, 2))).shape == (1, 1, 2, 2)


def test_a_block_of_flattened_images_may_be_normalised():
    rng = np.random.default_rng(3)
    net = Network([Flatten(), BatchNorm1d(4, dtype=np.float64), Linear(4, 2, rng=rng, dtype=np.float64)],
                  input_shape=(1, 2, 2))
    assert_gradients(net, rng, rng.normal(size=(5, 1, 2, 2)), np.array([0, 1, 0, 1, 1]))
