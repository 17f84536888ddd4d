"""Chains: what is read off a list of layers, and what is refused by the layer's name, with a hint."""

import pickle
import re

import numpy as np
import pytest

from feedbackalign import layers
from feedbackalign.networks import Network, autoencoder, digits_conv, jacobians, lenet_mnist, mlp
from feedbackalign.networks.chains import BOUNDED, UnfitNetworkError, dense_chain, relu_chain, settling_chain
from tests.rules.equilibrium import cases


def rng_of(seed=0):
    return np.random.default_rng(seed)


def test_a_refusal_keeps_its_hint_on_the_way_from_a_worker():
    refused = pickle.loads(pickle.dumps(UnfitNetworkError("fc1 cannot settle", "the hint")))
    assert isinstance(refused, ValueError) and (str(refused), refused.hint) == ("fc1 cannot settle", "the hint")


# ---------------------------------------------------------------------------------------------------------- dense

def test_jacobians_hand_on_the_dense_chain():
    assert jacobians.dense_chain is dense_chain


def test_dense_stages_unpack_into_layer_and_unit():
    (fc1, relu1), (fc2, identity) = dense_chain(mlp([4, 3, 2], rng=rng_of()))
    assert [fc1.name, relu1.name, fc2.name, identity.kind] == ["fc1", "relu1", "fc2", "identity"]


def test_a_layer_without_a_unit_has_the_identity():
    stages = dense_chain(autoencoder([6, 4, 2], rng=np.random.default_rng(0)))
    assert [stage.unit.kind for stage in stages] == ["tanh", "identity", "tanh", "identity"]
    assert [stage.name for stage in stages] == ["fc1", "fc2", "fc3", "fc4"]


@pytest.mark.parametrize(("stack", "culprit"), [
    (lambda linear: [linear(4, 3), layers.Tanh(), linear(3, 2), layers.Sigmoid()], "sigmoid1 .*linear output"),
    (lambda linear: [linear(4, 3), layers.Tanh(), layers.Tanh(), linear(3, 2)], "tanh2 .*dense layers alone"),
    (lambda linear: [layers.Tanh(), linear(4, 2)], "tanh1 .*dense layers alone"),
    (lambda linear: [linear(4, 3), layers.BatchNorm1d(3), layers.Tanh(), linear(3, 2)], "bn1 .*dense layers alone"),
    (lambda linear: [linear(4, 4), layers.Residual([linear(4, 4)]), linear(4, 2)], "block1 .*dense layers alone"),
], ids=["unit-on-top", "two-units", "unit-first", "normalised", "residual"])
def test_other_layers_are_refused_by_name(stack, culprit):
    rng = np.random.default_rng(0)
    net = Network(stack(lambda inputs, outputs: layers.Linear(inputs, outputs, rng=rng)), input_shape=(4,))
    with pytest.raises(UnfitNetworkError, match=f"{culprit}.*got") as refused:
        dense_chain(net)
    assert refused.value.hint == "the dense models: --model mlp, --model autoencoder"


def test_a_convolution_is_refused_by_name():
    with pytest.raises(ValueError, match=r"conv1 cannot be taken: expected dense layers alone.*got Conv2d\(1, "):
        dense_chain(lenet_mnist(rng=np.random.default_rng(0)))


# ----------------------------------------------------------------------------------------------------------- ReLU

def test_a_chain_of_relus_and_a_single_layer_are_taken():
    rng = rng_of()
    assert [stage.unit.kind for stage in relu_chain(mlp([4, 3, 3, 2], rng=rng))] == ["relu", "relu", "identity"]
    assert [stage.name for stage in relu_chain(mlp([4, 2], rng=rng))] == ["fc1"]
    flat = Network([layers.Flatten(), layers.Linear(4, 3, rng=rng), layers.ReLU(), layers.Linear(3, 2, rng=rng),
                    layers.Identity()], input_shape=(1, 2, 2))
    assert [stage.name for stage in relu_chain(flat)] == ["fc1", "fc2"]


@pytest.mark.parametrize(("stack", "culprit"), [
    (lambda linear: [linear(4, 3), layers.ReLU(), linear(3, 3), layers.Tanh(), linear(3, 2)], "fc2 .*a ReLU on every"),
    (lambda linear: [linear(4, 3), layers.LeakyReLU(), linear(3, 2)], "fc1 .*a ReLU on every"),
    (lambda linear: [linear(4, 3), linear(3, 2)], "fc1 .*a ReLU on every"),
    (lambda linear: [linear(4, 3), layers.ReLU()], "relu1 .*linear output"),
    (lambda linear: [linear(4, 3), layers.BatchNorm1d(3), layers.ReLU(), linear(3, 2)], "bn1 .*dense layers alone"),
], ids=["one-other", "leaky", "no-unit", "unit-on-top", "normalised"])
def test_what_is_no_chain_of_relus_is_refused_by_name(stack, culprit):
    rng = rng_of()
    net = Network(stack(lambda inputs, outputs: layers.Linear(inputs, outputs, rng=rng)), input_shape=(4,))
    with pytest.raises(UnfitNetworkError, match=f"{culprit}.*got") as refused:
        relu_chain(net)
    assert refused.value.hint == "the dense model of ReLU units: --model mlp"



# ------------------------------------------------------------------------------------------------------- settling

def conv(**options):
    return layers.Conv2d(1, 2, 3, padding=1, rng=rng_of(), **options)


def linear(inputs=4, outputs=4):
    return layers.Linear(inputs, outputs, rng=rng_of())


REFUSED = {
    "relu1 cannot settle: expected a bounded unit": lambda: mlp([4, 3, 2], rng=rng_of()),
    "softplus1 cannot settle": lambda: mlp([4, 3, 2], activation="softplus", rng=rng_of()),
    "pool1 cannot settle": lambda: digits_conv(rng=rng_of()),
    "fc2 cannot settle: expected a bounded unit after it": lambda: autoencoder([6, 4, 2], rng=rng_of()),
    "tanh2 cannot settle: under cross-entropy the top Linear is without unit":
        lambda: Network([linear(), layers.Tanh(), linear(), layers.Tanh()]),
    "relu1 cannot settle: expected a bounded": lambda: Network([linear(), layers.ReLU()], loss="squared-error"),
    "fc1 cannot settle: under cross-entropy it is a readout": lambda: Network([linear()]),
    "tanh2 cannot settle": lambda: Network([linear(), layers.Tanh(), layers.Tanh(), linear()]),
    "pool1 cannot settle: expected (Conv2d, [MaxPool2d":
        lambda: Network([conv(), layers.Tanh(), layers.MaxPool2d(2), layers.Flatten(), linear(32)],
                        input_shape=(1, 8, 8)),
    "MaxPool2d(2, stride=2) after tanh1":
        lambda: Network([conv(), layers.Tanh(), layers.MaxPool2d(2), layers.Flatten(), linear(32)],
                        input_shape=(1, 8, 8)),
    "first": lambda: Network([layers.Tanh(), linear()], input_shape=(4,)),
    "cannot settle: expected a Linear on top": lambda: Network([conv(), layers.Tanh(), layers.Flatten()],
                                                               input_shape=(1, 4, 4), loss="squared-error"),
    "GlobalAvgPool2d": lambda: Network([conv(), layers.GlobalAvgPool2d(), linear(2)], input_shape=(1, 4, 4)),
    "needs its sizes": lambda: Network([conv(), layers.Tanh(), layers.Flatten(), linear(32)]),
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_cannot_settle_is_refused_by_the_layers_name(message):
    with pytest.raises(UnfitNetworkError, match=re.escape(message)) as refused:
        settling_chain(REFUSED[message]())
    assert refused.value.hint == "the models made for such rules: --model settling, settling-conv"


@pytest.mark.parametrize("unit", BOUNDED)
def test_a_unit_of_ones_own_takes_the_networks_place(unit):
    net = mlp([4, 3, 3, 2], rng=rng_of(), loss="squared-error")
    found = settling_chain(net, activation=unit)
    assert [stage.unit.kind for stage in found.stages] == [unit, unit, "identity"]
    assert [layer.kind for layer in net.layers] == ["fc", "relu", "fc", "relu", "fc"]
    with pytest.raises(ValueError, match="unknown activation of a settling network 'relu'"):
        settling_chain(net, activation="relu")


@pytest.mark.parametrize("pooling", layers.POOLINGS)
def test_a_pooling_of_ones_own_takes_the_networks_place(pooling):
    net, _, _ = cases.image("max")
    found = settling_chain(net, pooling=pooling)
    assert [type(stage.pool) for stage in found.stages] == [layers.POOLINGS[pooling]] * 2
    assert [stage.pool.name for stage in found.stages] == ["pool1", "pool2"] and found.stages[0].pool.size == 2
    assert isinstance(net.layers[1], layers.MaxPool2d)


@pytest.mark.parametrize(("net", "options", "says"), [
    (lambda: cases.image("max")[0], {"pooling": "mean"}, "unknown pooling 'mean'.*max, average, softmax"),
    (lambda: cases.image("none")[0], {"pooling": "softmax"}, "pooling: expected a network with pooling that 'softmax'"),
    (lambda: Network([conv(), layers.MaxPool2d(3, 2, padding=1), layers.Tanh(), layers.Flatten(), linear(8)],
                     input_shape=(1, 4, 4)), {"pooling": "average"}, "pool1 cannot be replaced: .*without padding"),
    (lambda: Network([linear(), layers.Tanh(), linear(), layers.Tanh()]), {"readout": False},
     "tanh2 cannot settle: under cross-entropy the top Linear is without unit")])
def test_what_no_option_can_make_settle_is_refused(net, options, says):
    with pytest.raises(ValueError, match=says):
        settling_chain(net(), **options)


def test_the_output_settles_where_it_is_no_readout():
    net = mlp([4, 3, 2], activation="tanh", rng=rng_of())
    found = settling_chain(net, readout=False)
    assert [stage.unit.kind for stage in found.stages] == ["tanh", "identity"] and found.readout is None
    assert [stage.name for stage in settling_chain(Network([linear()]), readout=False).stages] == ["fc1"]
    with pytest.raises(TypeError, match="readout: expected True or False, got 'no'"):
        settling_chain(net, readout="no")


def test_states_lie_after_pooling_and_the_readout_outside():
    net, x, _ = cases.image("max")
    found = settling_chain(net)
    assert [state.shape for state in found.rest(len(x))] == [(4, 4, 4, 4), (4, 6, 2, 2)]
    assert found.readout is net.layer("fc1")
    assert settling_chain(cases.image("none", loss="squared-error")[0]).readout is None
