"""Hypothesis draws shapes and a seed, a Generator draws the values: networks, batches and single layers, in float64.

    @given(networks_with_batch())
    def test_something(case):
        net, x, labels, rng = case

Values come from the Generator because Hypothesis is good at finding shapes that break a program and slow at drawing
thousands of floats; what shrinks is the architecture, and the seed stands in the report of a failure.
"""

import numpy as np
from hypothesis import strategies as st

from feedbackalign import layers
from feedbackalign.networks import LOSSES, Network, spiking
from feedbackalign.ops.convolution import output_size

ACTIVATIONS = tuple(layers.ACTIVATIONS)
BOUNDED = ("tanh", "sigmoid", "steep-sigmoid", "dsilu")                 # smooth, and a network of them can settle
SMOOTH = ("tanh", "sigmoid", "softplus", "identity")                    # without a kink anywhere
seeds = st.integers(0, 2**32 - 1)


def generators():
    """A numpy Generator from a drawn seed."""
    return seeds.map(np.random.default_rng)


@st.composite
def networks_with_batch(draw, *, dense=True, convolutional=True, activations=ACTIVATIONS, losses=LOSSES,
                        max_batch=5, batch_innermost=True):
    """(net, x, labels, rng): a small network, a batch (N, …) with integer labels (N,), and a Generator to go on with.

    Integer labels suit both losses. Biases are random: at zero they would hide mistakes. `dense` and `convolutional`
    say which kinds may come; `batch_innermost=False` gives image batches in NumPy's usual order only.
    """
    assert dense or convolutional
    images = draw(st.booleans()) if dense and convolutional else convolutional
    seed = draw(seeds)
    weights, data, rng = (np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(3))
    pieces = draw(_convolutional_layers(weights, activations) if images else _dense_layers(weights, activations))
    stack, input_shape = pieces
    net = Network(stack, input_shape=input_shape, loss=draw(st.sampled_from(losses)))
    for name, array in net.parameters().items():
        if name.endswith("bias"):
            array[...] = 0.3 * weights.normal(size=array.shape)
    N = draw(st.integers(1, max_batch))
    x = data.normal(size=(N, *input_shape))
    if images and batch_innermost and draw(st.booleans()):
        x = np.ascontiguousarray(x.transpose(1, 2, 3, 0)).transpose(3, 0, 1, 2)     # another order in memory
    labels = data.integers(net.outputs, size=N)
    return net, x, labels, rng


def dense_networks_with_batch(**options):
    """Dense networks under a linear output, (net, x, labels, rng) as above."""
    return networks_with_batch(convolutional=False, **options)


def linear_networks_with_batch(**options):
    """Dense networks without any nonlinearity, (net, x, labels, rng) as above."""
    return dense_networks_with_batch(activations=("identity",), **options)


@st.composite
def settling_networks_with_batch(draw, *, losses=LOSSES, max_batch=4):
    """(net, x, labels, rng) as above, of networks that every settling rule takes, their weights small enough to settle.

    Dense, or convolutions with average pooling or none; smooth bounded units.
    """
    seed = draw(seeds)
    weights, data, rng = (np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(3))
    stack, input_shape = [], draw(st.one_of(st.tuples(st.integers(1, 6)), image_shapes(max_channels=2, high=6)))
    shape, images = input_shape, len(input_shape) == 3
    if images:
        layer = draw(convolutions(weights, shape))
        stack, shape = [layer], layer.output_shape(shape)
        if draw(st.booleans()):
            stack.append(layers.AvgPool2d(draw(st.integers(1, min(2, *shape[1:])))))
            shape = stack[-1].output_shape(shape)
        stack += [draw(_activation(BOUNDED)), layers.Flatten()]
        shape = stack[-1].output_shape(shape)
    for _ in range(draw(st.integers(0 if images else 1, 2))):
        stack += [draw(_linear(weights, shape[0], draw(st.integers(1, 6)))), draw(_activation(BOUNDED))]
        shape = (len(stack[-2].weight),)
    stack.append(draw(_linear(weights, shape[0], draw(st.integers(1, 4)))))
    net = Network(stack, input_shape=input_shape, loss=draw(st.sampled_from(losses)))
    for name, array in net.parameters().items():
        array[...] = 0.3 * weights.normal(size=array.shape) if name.endswith("bias") else 0.5 * array
    N = draw(st.integers(1, max_batch))
    return net, data.normal(size=(N, *input_shape)), data.integers(net.outputs, size=N), rng


@st.composite
def spiking_networks_with_batch(draw, *, max_batch=4):
    """(net, x, labels, rng) as above, of neurons that fire once; intensities are tenths, where ties are common, or any.

    Some neurons are silent, for t_max is short, but the first of each layer is not: a batch needs a spike to go on.
    """
    seed = draw(seeds)
    weights, data, rng = (np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(3))
    sizes = draw(st.lists(st.integers(2, 6), min_size=2, max_size=4))
    net = spiking(sizes, t_max=draw(st.sampled_from([2.5, 4.0, 8.0])), beta=draw(st.sampled_from([1.0, 5.0])),
                  rng=weights, dtype=np.float64)
    for layer in net.weighted_layers():
        layer.weight[0] = 1.0 + np.abs(layer.weight[0])
    x = data.random((draw(st.integers(1, max_batch)), sizes[0]))
    return net, np.round(x, 1) if draw(st.booleans()) else x, data.integers(net.outputs, size=len(x)), rng


@st.composite
def _dense_layers(draw, rng, activations):
    sizes = draw(st.lists(st.integers(1, 7), min_size=3, max_size=5))
    stack = []
    for inputs, outputs in zip(sizes, sizes[1:]):
        stack += [draw(_linear(rng, inputs, outputs)), draw(_activation(activations))]
    return stack[:-1], (sizes[0],)


@st.composite
def _convolutional_layers(draw, rng, activations):
    shape = input_shape = draw(image_shapes())
    stack = []
    for _ in range(draw(st.integers(1, 2))):
        layer = draw(convolutions(rng, shape))
        stack += [layer, draw(_activation(activations))]
        shape = layer.output_shape(shape)
        if draw(st.booleans()):
            stack.append(draw(poolings(shape)))
            shape = stack[-1].output_shape(shape)
    stack.append(draw(st.sampled_from([layers.Flatten, layers.GlobalAvgPool2d]))())
    (features,) = stack[-1].output_shape(shape)
    if draw(st.booleans()):
        hidden = draw(st.integers(1, 6))
        stack += [draw(_linear(rng, features, hidden)), draw(_activation(activations))]
        features = hidden
    stack.append(draw(_linear(rng, features, draw(st.integers(1, 5)))))
    return stack, input_shape


def image_shapes(max_channels=3, low=3, high=8):
    """(C, H, W), rectangular."""
    return st.tuples(st.integers(1, max_channels), st.integers(low, high), st.integers(low, high))


@st.composite
def convolutions(draw, rng, input_shape):
    """A Conv2d of any kernel, stride and padding that fits images of this shape (C, H, W)."""
    C, H, W = input_shape
    padding = draw(st.integers(0, 2))
    kernel = tuple(draw(st.integers(1, min(4, size + 2 * padding))) for size in (H, W))
    assert min(output_size(H, kernel[0], 1, padding), output_size(W, kernel[1], 1, padding)) >= 1
    return layers.Conv2d(C, draw(st.integers(1, 3)), kernel, stride=draw(st.integers(1, 3)), padding=padding,
                         bias=draw(st.booleans()), rng=rng, dtype=np.float64)


@st.composite
def poolings(draw, input_shape):
    """A pooling that fits images of this shape (C, H, W); windows may overlap or leave gaps."""
    size = draw(st.integers(1, min(3, *input_shape[1:])))
    kind = draw(st.sampled_from(list(layers.POOLINGS.values())))
    return kind(size, draw(st.one_of(st.none(), st.integers(1, 3))))


def _linear(rng, inputs, outputs):
    return st.booleans().map(lambda bias: layers.Linear(inputs, outputs, bias=bias, rng=rng, dtype=np.float64))


def _activation(names):
    return st.sampled_from(names).map(lambda name: layers.ACTIVATIONS[name]())
