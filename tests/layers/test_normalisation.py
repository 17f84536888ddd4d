"""Batch normalisation: its gradient, its two kinds of statistics, and what it refuses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedbackalign.layers import BatchNorm1d, BatchNorm2d, Flatten, Linear
from feedbackalign.networks import Network
from feedbackalign.ops.fast import normalisation
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


@pytest.mark.parametrize("shape", [(5, 3), (4, 3, 2, 3)])
def test_the_way_down_through_running_statistics_is_that_of_a_fixed_line(shape):
    """Central differences of Σ e y in evaluation: mean and variance do not answer to x, γ and β do."""
    rng = np.random.default_rng(4)
    layer, x = layer_and_input(shape, rng)
    layer.forward(x)
    error, h = rng.normal(size=shape), 1e-6

    def slope(array, index):
        kept, ends = array[index], []
        for value in (kept + h, kept - h):
            array[index] = value
            ends.append((layer.forward(x, training=False) * error).sum())
        array[index] = kept
        return (ends[0] - ends[1]) / (2 * h)

    layer.forward(x, training=False)
    down, found = layer.backward(error), dict(layer.gradients)
    for index in ((0,) * x.ndim, (1,) * x.ndim, (-1,) * x.ndim):
        assert down[index] == pytest.approx(slope(x, index), rel=1e-6)
    for c in range(3):
        assert found["weight"][c] == pytest.approx(slope(layer.weight, c), rel=1e-6)
        assert found["bias"][c] == pytest.approx(slope(layer.bias, c), rel=1e-6)


def test_large_images_are_normalised_alike_on_any_number_of_threads(monkeypatch):
    """The same bytes, and what one pass over the whole would say."""
    rng = np.random.default_rng(5)
    layer, x = layer_and_input((6, 7, 5, 4), rng)
    error = rng.normal(size=x.shape)

    def passes():
        return [layer.forward(x), layer.backward(error), *layer.gradients.values(), layer.mean, layer.variance,
                layer.forward(x, training=False)]

    layer.momentum = 1.0                                    # the running statistics are this batch's
    whole = passes()
    for block, number in ((1, "1"), (1, "2"), (2 * 6 * 5 * 4 * 8, "2")):
        monkeypatch.setattr(normalisation, "BLOCK", block)
        monkeypatch.setenv("FEEDBACKALIGN_THREADS", number)
        for have, want in zip(passes(), whole, strict=True):
            np.testing.assert_allclose(have, want, rtol=1e-13, atol=1e-14)
        assert all(np.array_equal(one, other) for one, other in zip(passes(), passes()))


@pytest.mark.parametrize("kind, shape", [(BatchNorm2d, (64, 2, 8, 8)), (BatchNorm1d, (256, 2))])
def test_a_mean_far_from_zero_costs_no_digits(kind, shape):
    """Variance and slopes are taken around the mean: in float32, at 1000 standard deviations, three digits are left."""
    rng = np.random.default_rng(6)
    layer = kind(2)
    x = rng.normal(1000.0, 1.0, size=shape).astype(np.float32)
    exact = kind(2, dtype=np.float64)
    error = rng.normal(size=x.shape)
    np.testing.assert_allclose(layer.forward(x), exact.forward(x.astype(np.float64)), atol=2e-3)
    np.testing.assert_allclose(layer.backward(error.astype(np.float32)), exact.backward(error), atol=2e-3)
    np.testing.assert_allclose(layer.gradients["weight"], exact.gradients["weight"], atol=0.2)


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


def test_forgetting_drops_the_pass_and_keeps_the_running_statistics():
    layer, x = layer_and_input((4, 3), np.random.default_rng(7))
    layer.backward(layer.forward(x))
    running = layer.running_mean.copy()
    layer.forget()
    assert layer.input is layer.error is layer.mean is layer.variance is None
    assert np.array_equal(layer.running_mean, running) and running.any()


@pytest.mark.parametrize("x, message", [
    (np.zeros((1, 2)), "at least two values per channel"),
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
