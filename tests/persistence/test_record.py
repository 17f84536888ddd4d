"""What a row says of a network: every number against the functions by themselves."""

import numpy as np
import pytest
from hypothesis import given

from feedbackalign import layers, networks, persistence
from feedbackalign.networks import Network
from tests.rules.tools import frozen
from tests.strategies import dense_networks_with_batch

KEYS = ["np", "low", "high", "shuffle_gap", "position"]
pytestmark = pytest.mark.filterwarnings("ignore:.*(weights are|one unit on a side|do not vary)")


@given(dense_networks_with_batch())
def test_every_number_is_that_of_its_function(case):
    net, _, _, _ = case
    before = frozen(net.parameters())
    row = persistence.persistence_row(net, epoch=3)
    weights = {layer.name: layer.weight for layer in net.weighted_layers()}
    mean, each = persistence.network_persistence(list(weights.values()))
    assert list(row) == ["layers", "np", "dgp", "why"] and list(row["layers"]) == list(weights)
    assert row["np"] == mean and row["dgp"] == persistence.deep_graph_persistence(list(weights.values()))
    for index, (name, W) in enumerate(weights.items()):
        found, shuffled, _, position = persistence.shuffle_gap(W, 20, np.random.default_rng([3, index]))
        assert list(row["layers"][name]) == KEYS
        assert list(row["layers"][name].values()) == [each[index], *persistence.persistence_bounds(W),
                                                      found - shuffled, position]
    assert frozen(net.parameters()) == before


def test_a_convolution_has_none_and_so_has_its_network():
    net = networks.lenet_mnist(rng=np.random.default_rng(0))
    row = persistence.persistence_row(net, epoch=0)
    assert row["layers"]["conv1"] == dict.fromkeys(KEYS)
    assert row["np"] is None is row["dgp"] and "conv1, conv2, conv3: a convolution has no" in row["why"]
    dense = next(layer for layer in net.weighted_layers() if layer.weight.ndim == 2)
    largest = max(np.abs(layer.weight).max() for layer in net.weighted_layers())
    assert row["layers"][dense.name]["np"] == persistence.neural_persistence(dense.weight, maximum=float(largest))
    assert None not in row["layers"][dense.name].values()


def test_what_is_undefined_has_a_reason():
    net = networks.mlp([4, 3, 2], rng=np.random.default_rng(0))
    assert persistence.persistence_row(net, epoch=0)["why"] is None
    net.layer("fc2").weight[...] = 0
    row = persistence.persistence_row(net, epoch=0)
    assert row["dgp"] is None is row["layers"]["fc2"]["position"] and row["layers"]["fc2"]["np"] == 1 and row["np"] < 1
    assert "dgp: the best paths have strength 0" in row["why"] and "fc2: all arrangements" in row["why"]


def test_where_more_than_weights_is_between_there_are_no_paths():
    make = {"rng": np.random.default_rng(0), "dtype": np.float64}
    for name, between in (("block1", layers.Residual([layers.Linear(4, 4, **make)])),
                          ("flow1", layers.MatrixFlow(4, 2, **make))):
        net = Network([layers.Linear(3, 4, **make), between, layers.Linear(4, 2, **make)])
        row = persistence.persistence_row(net, epoch=0)
        assert row["dgp"] is None and f"{name}: more than weights is between" in row["why"] and row["np"] > 0
