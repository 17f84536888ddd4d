"""What holds for every layer: backward is the derivative of forward, memory lies open, nothing is disturbed."""

import copy

import numpy as np
import pytest
from hypothesis import given

from feedbackalign import layers
from tests.assertions import (SLOPES_AT_KINKS, assert_flattens, assert_gradients, assert_kinks,
                              assert_layout_does_not_matter, layer_case)
from tests.strategies import generators, networks_with_batch


def every_layer(dtype=np.float64):
    rng = np.random.default_rng(0)
    make = {"rng": rng, "dtype": dtype}
    made = [layers.Linear(5, 4, **make), layers.Linear(5, 4, bias=False, **make),
            layers.Linear(5, 4, density=0.5, **make), layers.Conv2d(2, 3, 3, **make),
            layers.Conv2d(2, 3, (3, 2), stride=2, padding=1, **make), layers.Conv2d(2, 3, (2, 4), stride=3, padding=2,
                                                                                   bias=False, **make),
            layers.Conv2d(2, 3, 1, density=0.6, **make), layers.MaxPool2d(2), layers.MaxPool2d(3, 2),
            layers.MaxPool2d(1, 2), layers.AvgPool2d(2), layers.AvgPool2d(3, 2), layers.SoftmaxPool2d(2),
            layers.SoftmaxPool2d(3, 2), layers.GlobalAvgPool2d(), layers.Flatten(),
            *[layers.MatrixFlow(5, 3, flow=flow, map=map, **make)
                                for flow, map in (("iso", "exp"), ("gated", "cayley"), ("free-time", "exp"))],
            *[kind() for kind in layers.ACTIVATIONS.values()], layers.TimesToLogits(4.0),
            layers.SpikeTimes(5, 4, **make)]
    for layer in made:
        if layer.is_weighted and layer.bias is not None:
            layer.bias[...] = rng.normal(size=layer.bias.shape)
    np.abs(made[-1].weight, out=made[-1].weight)                                # every spiking neuron fires
    return made


EVERY = pytest.mark.parametrize("layer", every_layer(), ids=repr)


@EVERY
def test_gradients(layer):
    report = assert_gradients(layer, np.random.default_rng(1))
    assert report.compared >= 20


@given(networks_with_batch(max_batch=3))
def test_gradients_of_whole_networks(case):
    net, x, labels, rng = case
    assert_gradients(net, rng, x, labels)


@EVERY
def test_its_memory_is_what_it_saw(layer):
    layer = copy.deepcopy(layer)
    x = layer_case(layer, np.random.default_rng(2))
    y = layer.forward(x)
    error = np.random.default_rng(3).normal(size=y.shape)
    before = x.copy(), error.copy()
    down = layer.backward(error)
    assert layer.input is x and layer.error is error and down.shape == x.shape
    assert np.array_equal(x, before[0]) and np.array_equal(error, before[1])
    layer.forget()
    assert layer.input is None and layer.error is None


@EVERY
def test_output_shape_is_the_shape_of_the_output(layer):
    x = layer_case(layer, np.random.default_rng(2))
    assert copy.deepcopy(layer).forward(x).shape == (len(x), *layer.output_shape(x.shape[1:]))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("number", range(len(every_layer())))
def test_dtype_in_dtype_out(number, dtype):
    layer = every_layer(dtype)[number]
    x = layer_case(layer, np.random.default_rng(2)).astype(dtype)
    y = layer.forward(x)
    down = layer.backward(np.ones_like(y))
    arrays = [y, down, *layer.parameters().values(), *getattr(layer, "gradients", {}).values()]
    assert {array.dtype for array in arrays} == {np.dtype(dtype)}


@EVERY
def test_astype_goes_there_and_back(layer):
    layer = copy.deepcopy(layer)
    layer.forward(layer_case(layer, np.random.default_rng(2)))
    layer.astype(np.float32)
    held = [*layer.parameters().values(), layer.input]
    assert {array.dtype for array in held} == {np.dtype(np.float32)}
    layer.forward(layer_case(layer, np.random.default_rng(2)).astype(np.float32))


@EVERY
def test_order_in_memory_does_not_matter(layer):
    layer = copy.deepcopy(layer)
    x = layer_case(layer, np.random.default_rng(2))
    error = np.random.default_rng(3).normal(size=layer.forward(x).shape)

    def both_ways(x, error):
        y = layer.forward(x)
        down = layer.backward(error)
        return (y, down, *getattr(layer, "gradients", {}).values())

    assert_layout_does_not_matter(both_ways, x, error)


@EVERY
def test_two_passes_give_the_same_and_batches_do_not_mix(layer):
    """Every sample is answered by itself; and its error sent down by itself."""
    layer = copy.deepcopy(layer)
    x = layer_case(layer, np.random.default_rng(2))
    y = layer.forward(x)
    error = np.random.default_rng(3).normal(size=y.shape)
    down = layer.backward(error)
    assert np.array_equal(layer.forward(x), y) and np.array_equal(layer.backward(error), down)
    for n in range(len(x)):
        np.testing.assert_allclose(layer.forward(x[n:n + 1])[0], y[n], rtol=1e-13, atol=1e-14)
        np.testing.assert_allclose(layer.backward(error[n:n + 1])[0], down[n], rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("kind", SLOPES_AT_KINKS)
def test_slopes_at_kinks(kind):
    assert_kinks(layers.ACTIVATIONS[kind]())


@given(generators())
def test_flatten_orders_channels_rows_columns(rng):
    assert_flattens(layers.Flatten(), rng)
