"""Networks: names, live parameters, one 1/N, passes that can be undone, and refusals at the door."""

import math
import re

import numpy as np
import pytest
from hypothesis import given

from feedbackalign import layers, networks
from feedbackalign.networks import Network, mlp
from tests.strategies import networks_with_batch


def made(maker, *args, dtype=np.float64, **options):
    return maker(*args, rng=np.random.default_rng(0), dtype=dtype, **options)


# ---------------------------------------------------------------------------------------------- what they are made of

@pytest.mark.parametrize("maker, shape, counts", [
    (networks.lenet_mnist, (1, 32, 32), {"conv1": 6 * 25 + 6, "conv2": 16 * 6 * 25 + 16, "conv3": 120 * 16 * 25 + 120,
                                         "fc1": 120 * 84 + 84, "fc2": 84 * 10 + 10}),
    (networks.lenet_cifar, (3, 32, 32), {"conv1": 32 * 27 + 32, "conv2": 64 * 32 * 9 + 64, "conv3": 128 * 64 * 9 + 128,
                                         "fc1": 128 * 256 + 256, "fc2": 256 * 10 + 10}),
    (networks.digits_conv, (1, 8, 8), {"conv1": 8 * 9 + 8, "conv2": 16 * 8 * 9 + 16, "fc1": 256 * 32 + 32,
                                       "fc2": 32 * 10 + 10}),
    (networks.settling_conv, (1, 8, 8), {"conv1": 16 * 9 + 16, "conv2": 32 * 16 * 9 + 32, "fc1": 128 * 10 + 10}),
])
def test_the_named_convolutional_networks(maker, shape, counts):
    net = made(maker, dtype=np.float32)
    assert net.input_shape == shape and net.outputs == 10 and net.dtype == np.float32
    parameters = net.parameters()
    assert {name: parameters[f"{name}.weight"].size + parameters[f"{name}.bias"].size for name in counts} == counts
    assert len(parameters) == 2 * len(counts)
    x = np.random.default_rng(1).normal(size=(2, *shape)).astype(np.float32)
    answer = net.forward(x)
    grads = net.backward(net.loss_error(answer, np.array([0, 9])))
    assert answer.shape == (2, 10) and {g.dtype for g in grads.values()} == {np.dtype(np.float32)}
    assert all(grads[name].shape == array.shape for name, array in parameters.items())
    top = net.weighted_layers()[-1]
    assert net.shapes[top.name] == ((top.weight.shape[1],), (10,))


def test_lenet_has_the_61706_parameters_of_lenet_5():
    assert sum(array.size for array in made(networks.lenet_mnist).parameters().values()) == 61706


def test_layers_are_named_by_kind_and_order():
    net = made(networks.lenet_mnist)
    assert [layer.name for layer in net.layers] == [
        "conv1", "relu1", "pool1", "conv2", "relu2", "pool2", "conv3", "relu3", "flatten1", "fc1", "relu4", "fc2"]
    assert [layer.name for layer in net.weighted_layers()] == ["conv1", "conv2", "conv3", "fc1", "fc2"]
    assert net.layer("conv2") is net.layers[3]
    with pytest.raises(ValueError, match="unknown layer 'fc3': did you mean 'fc"):
        net.layer("fc3")


def test_parameters_are_live():
    net = made(mlp, [3, 2])
    x = np.ones((1, 3))
    net.parameters()["fc1.weight"][...] = 2.0
    net.parameters()["fc1.bias"][...] = [1.0, -1.0]
    assert np.array_equal(net.forward(x), [[7.0, 5.0]])
    assert net.parameters()["fc1.weight"] is net.layer("fc1").weight


@pytest.mark.parametrize("activation", layers.ACTIVATIONS)
def test_mlp(activation):
    net = made(mlp, [5, 4, 3], activation=activation, bias=False)
    assert [layer.kind for layer in net.layers] == ["fc", activation, "fc"]
    assert list(net.parameters()) == ["fc1.weight", "fc2.weight"]


def test_the_docstring_of_mlp_names_every_unit():
    named = re.search(r"One of ([^.]*)\.", mlp.__doc__).group(1)
    assert sorted(re.split(r",\s*", named)) == sorted(layers.ACTIVATIONS)


def test_output_gain_scales_the_last_first_weights_alone():
    usual, small = made(mlp, [5, 4, 3]), made(mlp, [5, 4, 3], output_gain=0.25)
    for name, array in usual.parameters().items():
        assert np.array_equal(small.parameters()[name], array * (0.25 if name == "fc2.weight" else 1))


def test_autoencoder_is_mirrored_with_a_linear_code():
    net = made(networks.autoencoder, [8, 5, 2])
    assert [layer.weight.shape for layer in net.weighted_layers()] == [(5, 8), (2, 5), (5, 2), (8, 5)]
    assert [layer.kind for layer in net.layers] == ["fc", "tanh", "fc", "fc", "tanh", "fc"]
    assert net.loss_name == "squared-error"


def test_an_autoencoder_of_two_sizes_is_linear_and_of_four_has_one_code():
    assert [layer.kind for layer in made(networks.autoencoder, [4, 2]).layers] == ["fc", "fc"]
    net = made(networks.autoencoder, [9, 7, 5, 2])
    assert "".join("-" if layer.kind == "tanh" else str(layer.weight.shape[0]) for layer in net.layers) == "7-5-25-7-9"


class Doubler(layers.Layer):
    """A layer of a user's own that knows its input's shape."""

    def known_input_shape(self):
        return [2, 3]

    def forward(self, x, training=True):
        return 2 * x


def test_the_lowest_layer_says_which_shape_goes_in_if_it_knows():
    norm = layers.BatchNorm1d(3)
    for lowest, shape in (([linear(3, 2)], (3,)), ([norm, linear(3, 2)], (3,)), ([layers.ReLU(), linear(3, 2)], None),
                          ([layers.Flatten(), linear(3, 2)], None), ([conv(1, 2, 3)], None),
                          ([layers.BatchNorm2d(3), layers.Flatten(), linear(12, 2)], None),
                          ([layers.Residual([linear(3, 3)]), linear(3, 2)], None),
                          ([Doubler(), layers.Flatten(), linear(6, 2)], (2, 3))):
        net = Network(lowest)
        assert net.input_shape == shape and (set(net.shapes) == {x.name for x in lowest}) == (shape is not None)
    assert Network([Doubler(), layers.Flatten(), linear(8, 2)], input_shape=(4, 2)).input_shape == (4, 2)
    with pytest.raises(ValueError, match=r"fc1: expected 6 inputs per sample, got shape \(3,\)"):
        Network([layers.BatchNorm1d(3), linear(6, 2)])


def test_the_same_seed_gives_the_same_network():
    first, second = (made(networks.digits_conv) for _ in range(2))
    assert all(np.array_equal(first.parameters()[name], array) for name, array in second.parameters().items())


# ---------------------------------------------------------------------------------------------- the passes

@given(networks_with_batch())
def test_what_comes_out_does_not_depend_on_order_in_memory(case):
    net, x, labels, rng = case
    expected = net.forward(np.ascontiguousarray(x))
    reference = net.backward(net.loss_error(expected, labels))
    for other in (np.asfortranarray(x), x[::-1].copy()[::-1]):
        output = net.forward(other)
        np.testing.assert_allclose(output, expected, rtol=1e-12, atol=1e-13)
        for name, gradient in net.backward(net.loss_error(output, labels)).items():
            np.testing.assert_allclose(gradient, reference[name], rtol=1e-11, atol=1e-13, err_msg=name)


@given(networks_with_batch())
def test_passes_leave_batch_and_error_alone(case):
    net, x, labels, rng = case
    before = x.copy(), labels.copy()
    error = net.loss_error(net.forward(x), labels)
    sent = error.copy()
    net.backward(error)
    assert np.array_equal(x, before[0]) and np.array_equal(labels, before[1]) and np.array_equal(error, sent)


@given(networks_with_batch())
def test_duplicating_the_batch_leaves_the_gradient(case):
    """One 1/N only, and the loss is the mean."""
    net, x, labels, rng = case
    loss, error = net.loss_and_error(net.forward(x), labels)
    once = net.backward(error)
    twice_x, twice_labels = np.concatenate([x, x, x]), np.concatenate([labels] * 3)
    loss3, error3 = net.loss_and_error(net.forward(twice_x), twice_labels)
    assert loss3 == pytest.approx(loss, rel=1e-12)
    for name, gradient in net.backward(error3).items():
        np.testing.assert_allclose(gradient, once[name], rtol=1e-11, atol=1e-13, err_msg=name)


@given(networks_with_batch())
def test_the_gradient_of_a_batch_is_the_mean_of_its_samples(case):
    net, x, labels, rng = case
    whole = net.backward(net.loss_error(net.forward(x), labels))
    samples = [net.backward(net.loss_error(net.forward(x[n:n + 1]), labels[n:n + 1])) for n in range(len(x))]
    for name, gradient in whole.items():
        np.testing.assert_allclose(gradient, np.mean([s[name] for s in samples], axis=0), rtol=1e-11, atol=1e-13)


@given(networks_with_batch())
def test_undisturbed_passes_leave_no_trace(case):
    net, x, labels, rng = case
    net.backward(net.loss_error(net.forward(x), labels))
    before = [dict(vars(layer)) for layer in net.layers]
    copies = [{key: np.array(value) for key, value in held.items() if isinstance(value, np.ndarray)} for held in before]
    with net.undisturbed() as same:
        same.backward(same.loss_error(same.forward(2 * x[:1]), labels[:1]))
        for layer in same.layers:
            layer.noise = layer.note = np.zeros(())                             # one that was there, and a new one
    assert same is net and net.targets is labels
    for layer, held, arrays in zip(net.layers, before, copies):
        assert vars(layer).keys() == held.keys()
        assert all(vars(layer)[key] is value for key, value in held.items())
        assert all(np.array_equal(vars(layer)[key], array) for key, array in arrays.items())


def test_undisturbed_also_after_an_error():
    net = made(mlp, [3, 2])
    x = np.ones((2, 3))
    net.forward(x)
    with pytest.raises(ZeroDivisionError), net.undisturbed():
        net.forward(2 * x)
        raise ZeroDivisionError
    assert np.array_equal(net.layer("fc1").input, x)


def test_residual_blocks_remember_and_turn_like_any_layer():
    block = layers.Residual([linear(3, 3)])
    net = Network([block, linear(3, 2)])
    net.forward(np.ones((2, 3)))
    seen = block.input
    with net.undisturbed():
        net.forward(np.zeros((1, 3)))
    assert block.input is seen and seen.dtype == np.float32
    net.astype(np.float64)
    assert block.input.dtype == np.float64


def test_float64_batches_meet_a_float32_network_in_float32():
    net = made(mlp, [3, 4, 2], dtype=np.float32)
    output = net.forward(np.ones((2, 3)))
    assert output.dtype == np.float32 and net.loss_error(output, np.array([0, 1])).dtype == np.float32


def test_astype_turns_everything():
    net = made(networks.digits_conv, dtype=np.float32)
    net.forward(np.zeros((1, 1, 8, 8), np.float32))
    net.astype(np.float64)
    assert net.dtype == np.float64 and {a.dtype for a in net.parameters().values()} == {np.dtype(np.float64)}
    assert net.forward(np.zeros((1, 1, 8, 8), np.float32)).dtype == np.float64


# ---------------------------------------------------------------------------------------------- the loss

def test_cross_entropy_by_hand():
    net = made(mlp, [3, 2])
    logits = np.array([[0.0, math.log(3.0)], [0.0, 0.0]])                       # probabilities 1/4, 3/4 and 1/2, 1/2
    loss, error = net.loss_and_error(logits, np.array([1, 0]))
    assert loss == pytest.approx((math.log(4 / 3) + math.log(2)) / 2, rel=1e-14)
    np.testing.assert_allclose(error, [[1 / 8, -1 / 8], [-1 / 4, 1 / 4]], rtol=1e-14)
    assert np.array_equal(net.sample_errors(logits, np.array([1, 0])), 2 * error)


@pytest.mark.parametrize("targets", [np.array([2, 0]), np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]),
                                     np.array([[0, 0, 1], [1, 0, 0]], dtype=np.float32)])
def test_squared_error_by_hand_with_labels_or_floats(targets):
    net = made(mlp, [3, 3], loss="squared-error")
    output = np.array([[1.0, 2.0, 3.0], [0.0, 0.0, 2.0]])
    loss, error = net.loss_and_error(output, targets)
    assert loss == pytest.approx((1 + 4 + 4 + 1 + 4) / 2 / 2, rel=1e-14)
    np.testing.assert_allclose(error, [[0.5, 1.0, 1.0], [-0.5, 0.0, 1.0]], rtol=1e-14)


def test_loss_remembers_what_it_was_computed_against():
    net = made(mlp, [3, 2])
    labels = np.array([0, 1])
    net.loss_error(net.forward(np.ones((2, 3))), labels)
    assert net.targets is labels


# ---------------------------------------------------------------------------------------------- refused at the door

def linear(inputs, outputs, dtype=np.float32):
    return layers.Linear(inputs, outputs, rng=np.random.default_rng(0), dtype=dtype)


def conv(*args, **options):
    return layers.Conv2d(*args, rng=np.random.default_rng(0), **options)


SHARED = linear(3, 3)
MADE = {"rng": np.random.default_rng(0)}


@pytest.mark.parametrize("error, make, message", [
    (ValueError, lambda: Network([]), "layers: expected at least one weighted layer"),
    (ValueError, lambda: Network([layers.ReLU()]), "layers: expected at least one weighted layer"),
    (TypeError, lambda: Network([linear(3, 2), "relu"]), "layers: .*got 'relu'"),
    (TypeError, lambda: Network([linear(3, 2), layers.ReLU]), "layers: expected a Layer of .*, made, got"),
    (ValueError, lambda: Network([SHARED, SHARED]), "the same layer object stands in the list twice"),
    (TypeError, lambda: Network([linear(3, 2), linear(2, 2, np.float64)]), "layers: expected one dtype .*float32.*64"),
    (ValueError, lambda: Network([linear(3, 2), linear(3, 2)]), r"fc2: expected 3 inputs per sample, got shape \(2,\)"),
    (ValueError, lambda: Network([conv(1, 2, 3), layers.Flatten(), linear(9, 2)], input_shape=(1, 5, 5)),
     r"fc1: expected 9 inputs per sample, got shape \(18,\)"),
    (ValueError, lambda: Network([conv(1, 2, 3), layers.MaxPool2d(4)], input_shape=(1, 5, 5)), "pool1 ran out of"),
    (ValueError, lambda: Network([conv(3, 2, 3)], input_shape=(1, 5, 5)), "conv1: expected 3 channels"),
    (ValueError, lambda: Network([linear(3, 2)], loss="cross-entrpy"), "unknown loss 'cross-entrpy': did you mean 'cr"),
    (ValueError, lambda: mlp([3, 2], output_gain=0, **MADE), r"output_gain: expected a finite number in \(0, inf\)"),
    (ValueError, lambda: mlp([3], **MADE), r"sizes: expected at least 2, got \[3\]"),
    (ValueError, lambda: mlp([3, 0, 2], **MADE), "sizes: .* got 0"),
    (TypeError, lambda: mlp([3, 2.5], **MADE), "sizes: .* got 2.5"),
    (ValueError, lambda: mlp([3, 2], activation="rleu", **MADE), "unknown activation 'rleu': did you mean 'relu'"),
    (TypeError, lambda: mlp([3, 2], rng=None), "Linear: expected rng=numpy.random.Generator"),
    (ValueError, lambda: networks.digits_conv(size=3, **MADE), "size: expected an integer of at least 4, got 3"),
    (ValueError, lambda: networks.settling_conv(size=3, **MADE), "size: expected an integer of at least 4, got 3"),
    (ValueError, lambda: networks.settling_conv(pooling="softmx", **MADE), "unknown pooling 'softmx': did you mean"),
    (ValueError, lambda: networks.lenet_mnist(size=20, **MADE), "ran out of pixels"),
    (ValueError, lambda: networks.autoencoder([8], **MADE), "sizes: "),
])
def test_what_cannot_be_a_network(error, make, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize("error, x, message", [
    (ValueError, np.ones((2, 4)), r"x: expected shape \(N, 3\), got float64 array of shape \(2, 4\)"),
    (ValueError, np.ones(3), r"x: expected shape \(N, 3\)"), (ValueError, np.ones((2, 3, 1)), "x: expected shape"),
    (ValueError, np.ones((0, 3)), "x: expected at least one sample"),
    (TypeError, np.ones((2, 3), int), "x: expected a float32 or float64 array, got int64 array"),
    (TypeError, np.ones((2, 3), bool), "x: .*bool"), (TypeError, [[1.0, 2.0, 3.0]], "x: .*got \\[\\["),
    (TypeError, np.ones((2, 3), np.float16), "x: .*float16"), (TypeError, np.array([["a"] * 3]), "x: .*U1"),
    (TypeError, None, "x: .*None"), (TypeError, 3.0, "x: .*3.0"),
])
def test_bad_batches(error, x, message):
    with pytest.raises(error, match=message):
        made(mlp, [3, 2]).forward(x)


OUTPUT = np.zeros((2, 3))


@pytest.mark.parametrize("loss, error, targets, message", [
    ("cross-entropy", TypeError, np.array([0.0, 1.0]), "targets: expected an integer array of 2 labels, got float64"),
    ("cross-entropy", TypeError, [0, 1], "targets: expected an integer array"),
    ("cross-entropy", TypeError, None, "targets: expected an integer array"),
    ("cross-entropy", TypeError, np.eye(3)[:2], "targets: expected an integer array"),
    ("cross-entropy", ValueError, np.array([0, 3]), "targets: expected labels from 0 to 2, got 3"),
    ("cross-entropy", ValueError, np.array([-1, 0]), "targets: expected labels from 0 to 2, got -1"),
    ("cross-entropy", ValueError, np.array([0]), r"targets: expected shape \(2,\)"),
    ("cross-entropy", ValueError, np.array([[0], [1]]), r"targets: expected shape \(2,\)"),
    ("squared-error", ValueError, np.zeros((2, 2)), r"targets: expected shape \(2, 3\)"),
    ("squared-error", ValueError, np.zeros(2), r"targets: expected shape \(2, 3\)"),
    ("squared-error", ValueError, np.array([0, 3]), "targets: expected labels from 0 to 2, got 3"),
    ("squared-error", TypeError, [[0.0] * 3] * 2, "targets: expected a float32 or float64 array"),
    ("squared-error", ValueError, np.full((2, 3), np.nan),
     r"targets: expected finite numbers, got nan at index \(0, 0\)"),
    ("squared-error", ValueError, np.full((2, 3), -np.inf), "targets: expected finite numbers, got -inf"),
])
def test_bad_targets(loss, error, targets, message):
    net = made(mlp, [4, 3], loss=loss)
    for function in (net.loss, net.loss_error, net.sample_losses, net.sample_errors, net.loss_and_error):
        with pytest.raises(error, match=message):
            function(OUTPUT, targets)
    assert net.targets is None, "a refused target was remembered"
