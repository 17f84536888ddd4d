"""Models by name: a network that fits the data, and the data in the form that the network takes."""

import numpy as np
import pytest

from feedbackalign import data, networks
from feedbackalign.layers import MaxPool2d, SoftmaxPool2d
from feedbackalign.runs import Run, models


def fit(name, some_data, **options):
    return models.fit(name, some_data, rng=np.random.default_rng(0), **options)


DEEP = ("resnet44", "resnet56", "resnet110")


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.slow) if name in DEEP else name
                                  for name in models.MODELS])
def test_every_model_takes_the_digits(name):
    network, fitted = fit(name, data.digits(images=models.MODELS[name].takes_images))
    x, targets = fitted.batch(3)
    output = network.forward(x)
    assert output.shape == (3, fitted.outputs) == (3, network.outputs)
    assert np.isfinite(network.loss(output, targets))
    assert network.input_shape == tuple(fitted.input_shape) and network.dtype == np.float32
    assert fitted.input_shape == ((1, 32, 32) if models.MODELS[name].least_pixels else
                                  (1, 8, 8) if models.MODELS[name].takes_images else (64,))


@pytest.mark.parametrize("name, sizes", [("mlp", [64, 64, 64, 64, 10]), ("mlp-bn", [*[64] * 9, 10]),
                                         ("settling", [64, 64, 64, 10]), ("corinfomax", [64, 100, 10]),
                                         ("spiking", [64, 64, 10]),
                                         ("autoencoder", [64, 32, 8, 32, 64])])
def test_hidden_units_of_the_dense_models(name, sizes):
    network, _ = fit(name, data.digits())
    assert [network.input_shape[0], *(layer.weight.shape[0] for layer in network.weighted_layers())] == sizes


def test_large_samples_get_the_wide_mlp():
    split = data.Split(np.zeros((4, 784), np.float32), np.array([0, 1, 2, 9]))
    wide = data.Dataset(name="wide", train=split, validation=None, test=split, classes=10)
    network, _ = fit("mlp", wide)
    assert [layer.weight.shape for layer in network.weighted_layers()] == [(512, 784), (512, 512), (10, 512)]


def images(channels, size, classes=10):
    x = np.random.default_rng(0).normal(size=(6, channels, size, size)).astype(np.float32)
    split = data.Split(x, np.arange(6) % classes)
    return data.Dataset("images", train=split, validation=None, test=split, classes=classes)


@pytest.mark.parametrize("name", [name for name, known in models.MODELS.items() if known.least_pixels == 32])
def test_small_images_are_padded_to_32_pixels(name):
    network, fitted = fit(name, images(1, 28))
    assert tuple(fitted.input_shape) == (1, 32, 32) and network.input_shape == (1, 32, 32)
    assert np.array_equal(fitted.train.x[:, :, 2:30, 2:30], images(1, 28).train.x)
    assert np.count_nonzero(fitted.train.x) == np.count_nonzero(images(1, 28).train.x)          # a frame of zeros


@pytest.mark.parametrize("name, channels, size, classes", [
    ("resnet20", 3, 32, 10), ("resnet20", 2, 40, 7), ("resnet18", 3, 64, 5), ("lenet-cifar", 3, 48, 4)])
def test_channels_classes_and_size_are_the_datas(name, channels, size, classes):
    network, fitted = fit(name, images(channels, size, classes))
    assert network.input_shape == tuple(fitted.input_shape) == (channels, size, size)
    assert network.forward(fitted.train.x[:2]).shape == (2, classes)


@pytest.mark.parametrize("name, weighted", [("resnet20", 20), ("resnet32", 32), ("resnet44", 44), ("resnet56", 56),
                                            ("resnet110", 110)])
def test_residual_networks_are_as_deep_as_their_names_say(name, weighted):
    assert len(fit(name, images(3, 32))[0].weighted_layers()) == weighted


def test_the_autoencoder_is_its_own_teacher():
    _, fitted = fit("autoencoder", data.digits())
    for split in (fitted.train, fitted.validation, fitted.test):
        assert np.array_equal(split.targets, split.x)
    assert not fitted.classes and fitted.outputs == 64


@pytest.mark.parametrize("name, pool, init, scale", [
    ("settling-conv", MaxPool2d, "pytorch-default", 1.0),                       # ±1/√fan-in, biases too
    ("settling-conv-soft", SoftmaxPool2d, "kaiming-uniform", 6**0.5)])          # ±√(6/fan-in)
def test_the_convolutional_settling_models_have_a_start_of_their_own(name, pool, init, scale):
    network, fitted = fit(name, data.digits(images=True))
    assert [type(layer) for layer in network.layers[1:6:3]] == [pool, pool] and fitted.train.x.min() >= 0
    for layer in network.weighted_layers():
        bound = scale * layer.weight[0].size ** -0.5
        assert 0.8 * bound < np.abs(layer.weight).max() <= bound
        assert np.abs(layer.bias).max() <= bound and layer.bias.any() == (init == "pytorch-default")
    assert [Run("ep", model=name, init=given).init for given in (None, "orthogonal")] == [init, "orthogonal"]
    plain, _ = fit(name, data.digits(images=True), init="xavier-uniform")
    assert not plain.layer("conv1").bias.any()


def test_options_reach_the_dense_models():
    network, _ = fit("mlp", data.digits(), hidden=(7,), activation="tanh", init="orthogonal")
    assert repr(network) == "Network(Linear(64, 7), Tanh(), Linear(7, 10))"
    np.testing.assert_allclose(network.layer("fc1").weight @ network.layer("fc1").weight.T, np.eye(7), atol=1e-6)


def test_batch_norm_stands_before_every_activation_in_place_of_the_bias():
    network, _ = fit("mlp-bn", data.digits(), hidden=(7, 5))
    assert [layer.name for layer in network.layers] == ["fc1", "bn1", "relu1", "fc2", "bn2", "relu2", "fc3"]
    assert [layer.bias is None for layer in network.weighted_layers()] == [True, True, False]


@pytest.mark.parametrize("error, name, options, message", [
    (ValueError, "lenet", {}, "unknown model 'lenet': did you mean 'lenet-"),
    (ValueError, "digits-conv", {"hidden": (5,)}, "model digits-conv: hidden units and activation are"),
    (ValueError, "lenet-mnist", {"activation": "tanh"}, "model lenet-mnist: hidden units and activation"),
    (ValueError, "spiking", {"activation": "relu"}, "model spiking: has neither activation nor init to choose"),
    (ValueError, "spiking", {"init": "orthogonal"}, "model spiking: has neither activation nor init to choose"),
    (ValueError, "mlp", {"hidden": (0,)}, "hidden units: expected an integer of at least 1, got 0"),
    (ValueError, "mlp", {"activation": "tan"}, "unknown activation 'tan': did you mean 'tanh'"),
    (ValueError, "mlp", {"init": "xavier"}, "unknown initialiser 'xavier'"),
])
def test_what_does_not_fit(error, name, options, message):
    with pytest.raises(error, match=message):
        fit(name, data.digits(), **options)


@pytest.mark.parametrize("name, size, message", [
    ("lenet-mnist", 40, r"model lenet-mnist, images of 40×40 pixels: fc1: expected 120 inputs per sample, got shape"),
    ("digits-conv", 3, r"model digits-conv, images of 3×3 pixels: size: expected an integer of at least 4, got 3"),
])
def test_images_that_do_not_fit_are_refused_naming_the_layer(name, size, message):
    with pytest.raises(ValueError, match=message):
        fit(name, images(1, size))


@pytest.mark.parametrize("make, size, layer", [
    (networks.lenet_mnist, 8, "conv2 ran out of pixels: a 5×5 kernel"),
    (networks.lenet_mnist, 20, "conv3 ran out of pixels: a 5×5 kernel"),
    (networks.lenet_cifar, 6, "pool3 ran out of pixels: a 2×2 window"),
])
def test_the_layer_that_ran_out_of_pixels_is_named(make, size, layer):
    with pytest.raises(ValueError, match=layer):
        make(size=size, rng=np.random.default_rng(0))


def test_image_models_refuse_what_is_no_image():
    with pytest.raises(ValueError, match=r"model lenet-mnist: takes images .* has samples of shape \(64,\)"):
        fit("lenet-mnist", data.digits())
