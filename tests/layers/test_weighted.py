"""Linear and Conv2d: the steps that rules are made of, masks, initialisation, and what they refuse."""

import numpy as np
import pytest
from hypothesis import given

from feedbackalign import layers
from tests.assertions import assert_convolves, assert_masks_hold
from tests.strategies import convolutions, generators, image_shapes


def make_with(dtype=np.float64, seed=0):
    return {"rng": np.random.default_rng(seed), "dtype": dtype}


@given(image_shapes().flatmap(lambda shape: convolutions(np.random.default_rng(0), shape).map(lambda c: (c, shape))),
       generators())
def test_transport_carries_an_error_through_any_weights(case, rng):
    """⟨respond(x, V), e⟩ = ⟨x, transport(e, V)⟩ for V that is not W."""
    layer, shape = case
    x = rng.normal(size=(2, *shape))
    answer = layer.forward(x)
    V, error = rng.normal(size=layer.weight.shape), rng.normal(size=answer.shape)
    up, down = layer.respond(x, V) * error, layer.transport(error, V) * x
    assert abs(up.sum() - down.sum()) <= 1e-12 * (1 + np.abs(up).sum())
    bare = answer if layer.bias is None else answer - layer.bias[:, None, None]
    np.testing.assert_allclose(layer.respond(x), bare, rtol=1e-12, atol=1e-13)


@given(image_shapes().flatmap(lambda shape: convolutions(np.random.default_rng(0), shape).map(lambda c: (c, shape))),
       generators())
def test_answer_is_forward_without_a_memory(case, rng):
    layer, shape = case
    if layer.bias is not None:
        layer.bias[...] = rng.normal(size=layer.bias.shape)
    x, z = rng.normal(size=(2, 2, *shape))
    answer = layer.answer(x)
    assert layer.input is None
    np.testing.assert_allclose(answer, layer.forward(x), rtol=1e-13, atol=1e-14)
    both = layer.answer(x + 1j * z)
    np.testing.assert_allclose(both.real, answer, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(both.imag, layer.respond(z), rtol=1e-12, atol=1e-13)


def test_transport_through_more_channels_than_the_layer_has():
    """R of product feedback alignment has mid outputs where W has out."""
    rng = np.random.default_rng(0)
    layer = layers.Conv2d(2, 3, 3, stride=2, padding=1, **make_with())
    e = rng.normal(size=layer.forward(rng.normal(size=(2, 2, 7, 6))).shape)
    B, R = rng.normal(size=(3, 12)), rng.normal(size=(12, 2, 3, 3))
    hops = layer.transport(layer.mix_outputs(e, B), R)
    np.testing.assert_allclose(hops, layer.transport(e, np.tensordot(B, R, axes=1)), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(layer.outer(layer.mix_outputs(e, B)), np.tensordot(B.T, layer.outer(e), axes=1),
                               rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("make", [lambda **o: layers.Linear(5, 4, **o), lambda **o: layers.Conv2d(5, 4, 1, **o)])
def test_a_1x1_convolution_of_1x1_images_is_a_dense_layer(make):
    rng = np.random.default_rng(1)
    linear, conv = layers.Linear(5, 4, **make_with()), layers.Conv2d(5, 4, 1, **make_with())
    conv.weight[...] = linear.weight[:, :, None, None]
    x, e = rng.normal(size=(3, 5)), rng.normal(size=(3, 4))
    np.testing.assert_allclose(conv.forward(x[:, :, None, None])[:, :, 0, 0], linear.forward(x), rtol=1e-13)
    np.testing.assert_allclose(conv.backward(e[:, :, None, None])[:, :, 0, 0], linear.backward(e), rtol=1e-13)
    np.testing.assert_allclose(conv.gradients["weight"][:, :, 0, 0], linear.gradients["weight"], rtol=1e-13)
    np.testing.assert_allclose(conv.correlate(e[:, :, None, None], x[:, :, None, None])[:, :, 0, 0],
                               linear.correlate(e, x), rtol=1e-13)


@pytest.mark.parametrize("stride, padding", [(1, 0), (2, 1), (3, 2)])
def test_forward_against_the_naive_loop(stride, padding):
    layer = layers.Conv2d(2, 3, (3, 2), stride=stride, padding=padding, **make_with())
    layer.bias[...] = [0.5, -1.0, 2.0]
    assert_convolves(layer, np.random.default_rng(1))


def test_correlating_noise_with_its_answer_gives_w():
    """In the mean, at every tap alike, whatever padding and stride: one fixed seed, 3 % of relative noise."""
    layer = layers.Conv2d(2, 3, 3, stride=2, padding=2, **make_with())
    noise = np.random.default_rng(1).normal(size=(5000, 2, 5, 4))
    learned = layer.correlate(layer.respond(noise), noise)
    assert np.linalg.norm(learned - layer.weight) < 0.05 * np.linalg.norm(layer.weight)


@pytest.mark.parametrize("make", [lambda **o: layers.Linear(20, 30, **o), lambda **o: layers.Conv2d(4, 8, 5, **o)])
def test_density_is_the_share_of_synapses(make):
    layer = make(density=0.3, **make_with())
    kept = (layer.weight != 0).mean()
    assert abs(kept - 0.3) < 4 * np.sqrt(0.3 * 0.7 / layer.weight.size)
    assert np.array_equal(layer.weight != 0, layer.mask) and layer.masks()["weight"] is layer.mask
    assert make(**make_with()).masks() == {}


def test_synapses_that_do_not_exist_do_not_learn():
    assert_masks_hold(layers.Linear(5, 4, density=0.5, **make_with()), np.random.default_rng(1))


def test_the_same_seed_gives_the_same_weights_and_bias_starts_at_zero():
    first, second = (layers.Conv2d(2, 3, 3, **make_with(seed=5)) for _ in range(2))
    assert np.array_equal(first.weight, second.weight) and not first.bias.any()
    assert layers.Linear(2, 3, bias=False, **make_with()).parameters().keys() == {"weight"}


GOOD = {"rng": np.random.default_rng(0)}


@pytest.mark.parametrize("error, make, message", [
    (TypeError, lambda: layers.Linear(3, 2, rng=0), "Linear: expected rng=numpy.random.Generator.*got 0"),
    (TypeError, lambda: layers.Linear(3, 2, rng=np.random), "Linear: expected rng=numpy.random.Generator"),
    (ValueError, lambda: layers.Linear(0, 2, **GOOD), "Linear inputs: expected an integer of at least 1, got 0"),
    (TypeError, lambda: layers.Linear(3, 2.0, **GOOD), "Linear outputs: expected an integer.*got 2.0"),
    (TypeError, lambda: layers.Linear(True, 2, **GOOD), "Linear inputs: expected an integer.*got True"),
    (ValueError, lambda: layers.Linear(3, 2, density=0, **GOOD), r"density: expected .* \(0, 1\], got 0"),
    (ValueError, lambda: layers.Linear(3, 2, density=1.5, **GOOD), r"density: .* got 1.5"),
    (ValueError, lambda: layers.Linear(3, 2, density=float("nan"), **GOOD), "density: .* got nan"),
    (TypeError, lambda: layers.Linear(3, 2, density="0.5", **GOOD), "density: .* got '0.5'"),
    (TypeError, lambda: layers.Linear(3, 2, dtype=np.float16, **GOOD), "dtype: expected numpy.float32 or numpy"),
    (TypeError, lambda: layers.Linear(3, 2, dtype=int, **GOOD), "dtype: expected numpy.float32 or numpy.float64"),
    (ValueError, lambda: layers.Linear(3, 2, init="xavier-unifrom", **GOOD), "did you mean 'xavier-uniform'"),
    (ValueError, lambda: layers.Conv2d(1, 2, (3, 3, 3), **GOOD), r"Conv2d kernel: .* got \(3, 3, 3\)"),
    (ValueError, lambda: layers.Conv2d(0, 2, 3, **GOOD), "Conv2d inputs: expected an integer of at least 1, got 0"),
    (TypeError, lambda: layers.Conv2d(1.0, 2, 3, **GOOD), "Conv2d inputs: .* got 1.0"),
    (ValueError, lambda: layers.Conv2d(1, 0, 3, **GOOD), "Conv2d outputs: expected an integer of at least 1, got 0"),
    (TypeError, lambda: layers.Conv2d(1, True, 3, **GOOD), "Conv2d outputs: .* got True"),
    (ValueError, lambda: layers.Conv2d(1, 2, (3, 0), **GOOD), "Conv2d kernel: expected an integer .* got 0"),
    (ValueError, lambda: layers.Conv2d(1, 2, (3,), **GOOD), r"Conv2d kernel: expected one length or two, got \(3,\)"),
    (ValueError, lambda: layers.Conv2d(1, 2, [0, 3], **GOOD), "Conv2d kernel: expected an integer .* got 0"),
    (TypeError, lambda: layers.Conv2d(1, 2, 3, stride=1.5, **GOOD), "Conv2d stride: .* got 1.5"),
    (ValueError, lambda: layers.Conv2d(1, 2, 0, **GOOD), "Conv2d kernel: expected an integer of at least 1, got 0"),
    (ValueError, lambda: layers.Conv2d(1, 2, 3, stride=0, **GOOD), "Conv2d stride: .* got 0"),
    (ValueError, lambda: layers.Conv2d(1, 2, 3, padding=-1, **GOOD), "Conv2d padding: .* got -1"),
    (TypeError, lambda: layers.Conv2d(1, 2, 3, padding=0.5, **GOOD), "Conv2d padding: .* got 0.5"),
    (TypeError, lambda: layers.Conv2d(1, 2, 2.5, **GOOD), "Conv2d kernel: .* got 2.5"),
    (ValueError, lambda: layers.MaxPool2d(0), "pooling size: .* got 0"),
    (TypeError, lambda: layers.AvgPool2d(2, 1.5), "pooling stride: .* got 1.5"),
])
def test_bad_options_are_refused_by_name(error, make, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize("error, layer, x, message", [
    (ValueError, layers.Linear(3, 2, **GOOD), np.ones((4, 5)), r"input of fc: expected shape \(N, 3\), .* \(4, 5\)"),
    (ValueError, layers.Linear(3, 2, **GOOD), np.ones(3), r"input of fc: .*\(3,\)"),
    (ValueError, layers.Linear(3, 2, **GOOD), np.ones((0, 3)), "input of fc: expected at least one sample"),
    (TypeError, layers.Linear(3, 2, **GOOD), np.ones((4, 3), int), "input of fc: expected a float32 or float64 array"),
    (TypeError, layers.Linear(3, 2, **GOOD), [[1.0, 2.0, 3.0]], "input of fc: expected a float32 or float64 array"),
    (TypeError, layers.Linear(3, 2, **GOOD), np.ones((4, 3), complex), "input of fc: .*complex128"),
    (ValueError, layers.Conv2d(2, 3, 3, **GOOD), np.ones((4, 1, 5, 5)), r"input of conv: .*\(N, 2, .*\(4, 1, 5, 5\)"),
    (ValueError, layers.Conv2d(2, 3, 3, **GOOD), np.ones((4, 2, 2, 5)), r"conv ran out of pixels: .*\(2, 2, 5\)"),
    (ValueError, layers.Conv2d(2, 3, 3, **GOOD), np.ones((4, 50)), r"input of conv: .*\(4, 50\)"),
    (ValueError, layers.MaxPool2d(3), np.ones((1, 1, 2, 5)), "pool ran out of pixels: a 3×3 window"),
    (ValueError, layers.AvgPool2d(3), np.ones((1, 1, 5, 2)), "pool ran out of pixels: a 3×3 window"),
    (ValueError, layers.MaxPool2d(2), np.ones((4, 4)), "input of pool: "),
    (ValueError, layers.GlobalAvgPool2d(), np.ones((4, 4)), "input of pool: "),
])
def test_bad_inputs_are_refused_by_name(error, layer, x, message):
    with pytest.raises(error, match=message):
        layer.forward(x)
