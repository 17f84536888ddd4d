"""Graphs of single samples, and the witnesses read off them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedbackalign import networks
from feedbackalign.ops.losses import softmax
from feedbackalign.persistence import (WITNESSES, activation_graphs, dgp_witness, maxima_witness, maxmin, mst_weights,
                                       topological_uncertainty, witnesses)
from tests.strategies import dense_networks_with_batch
from tests.rules.tools import frozen


def graphs_of(seed, sizes=(5, 4, 3), N=3):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(N, out, inputs)) for inputs, out in zip(sizes, sizes[1:])]


def is_activity_times_weight(graphs_of_network, rng):
    sizes, N = (5, 4, 3), 6
    weights = [rng.normal(size=(out, inputs)) for inputs, out in zip(sizes, sizes[1:])]
    arriving = [rng.normal(size=(N, inputs)) for inputs in sizes[:-1]]
    graphs = graphs_of_network(weights, arriving)
    for W, a, G in zip(weights, arriving, graphs):
        assert G.shape == (N, *W.shape)
        np.testing.assert_allclose(G.sum(axis=2), a @ W.T, rtol=0, atol=1e-13)          # what the layer answers
        assert all(G[n, o, i] == a[n, i] * W[o, i] for n, o, i in np.ndindex(G.shape))


@given(st.integers(0, 2**32 - 1))
def test_a_graph_holds_what_flows_through_every_synapse(seed):
    is_activity_times_weight(activation_graphs, np.random.default_rng(seed))


def test_graphs_of_the_layers_own_outputs_are_rejected():
    with pytest.raises((AssertionError, ValueError)):
        is_activity_times_weight(lambda weights, arriving: [np.abs(G) for G in activation_graphs(weights, arriving)],
                                 np.random.default_rng(0))


# ------------------------------------------------------------------------------------------------------- witnesses

def by_hand(graphs, n, ddof=None):
    """The graphs of sample n as strengths, (in, out): raw, or standardised by loops that nobody can get wrong."""
    layers = []
    for G in graphs:
        entries = G[n].ravel().tolist()
        mean = sum(entries) / len(entries)
        deviation = (sum((entry - mean)**2 for entry in entries) / (len(entries) - (ddof or 0)))**0.5
        layers.append(np.abs(G[n] if ddof is None else (G[n] - mean) / (deviation + 1e-8)).T)
    return layers


def is_the_tree_of_the_best_paths(witness, graphs):
    for standardise, ddof in [(False, None), (True, 1)]:
        for n, found in enumerate(witness(graphs, standardise)):
            S = by_hand(graphs, n, ddof)[0]
            for Z in by_hand(graphs, n, ddof)[1:]:
                S = maxmin(S, Z)
            np.testing.assert_allclose(found, mst_weights(S), rtol=0, atol=1e-12)


def is_the_tree_of_every_layer(witness, graphs):
    for standardise, ddof in [(False, None), (True, 0)]:
        found = witness(graphs, standardise)
        assert len(found) == len(graphs)
        for n in range(len(graphs[0])):
            for layer, Z in zip(found, by_hand(graphs, n, ddof)):
                np.testing.assert_allclose(layer[n], mst_weights(Z), rtol=0, atol=1e-12)


@given(st.integers(0, 2**32 - 1))
def test_witnesses_by_hand(seed):
    graphs = graphs_of(seed)
    is_the_tree_of_the_best_paths(dgp_witness, graphs)
    is_the_tree_of_every_layer(topological_uncertainty, graphs)
    for n, found in enumerate(maxima_witness(graphs)):
        S = maxmin(*by_hand(graphs, n))
        assert found.tolist() == sorted([*S.max(axis=0), *S.max(axis=1)], reverse=True)


def with_ddof(ddof, witness):
    """The witness of graphs that were standardised with another ddof."""
    def wrong(graphs, standardise=False):
        if standardise:
            graphs = [(G - G.mean(axis=(1, 2), keepdims=True)) / (G.std(axis=(1, 2), ddof=ddof, keepdims=True) + 1e-8)
                      for G in graphs]
        return witness(graphs)
    return wrong


@pytest.mark.parametrize(("check", "witness", "right", "wrong"), [
    (is_the_tree_of_the_best_paths, dgp_witness, 1, 0), (is_the_tree_of_every_layer, topological_uncertainty, 0, 1)])
def test_the_wrong_ddof_is_rejected(check, witness, right, wrong):
    check(with_ddof(right, witness), graphs_of(0))
    with pytest.raises(AssertionError):
        check(with_ddof(wrong, witness), graphs_of(0))


def over_the_batch(graphs, standardise=False):
    """Wrong: one mean and deviation for all samples."""
    return dgp_witness([(G - G.mean()) / (G.std(ddof=1) + 1e-8) if standardise else G for G in graphs])


def absolute_first(graphs, standardise=False):
    """Wrong: signed flows not centred before |·|."""
    return dgp_witness([np.abs(G) for G in graphs], standardise)


def last_edge_dropped(graphs, standardise=False):
    found = dgp_witness(graphs, standardise)
    found[:, -1] = 0
    return found


@pytest.mark.parametrize("wrong", [over_the_batch, absolute_first, last_edge_dropped])
def test_wrong_witnesses_are_rejected(wrong):
    with pytest.raises(AssertionError):
        is_the_tree_of_the_best_paths(wrong, graphs_of(0))


def test_a_graph_of_zeros_and_one_of_one_edge_are_no_error():
    assert not dgp_witness([np.zeros((2, 3, 4))], standardise=True).any()
    assert dgp_witness([np.ones((2, 1, 1))], standardise=True).tolist() == [[0.0], [0.0]]


# ------------------------------------------------------------------------------------------------------ of a network

@given(dense_networks_with_batch())
def test_a_network_is_left_as_it_was_and_every_witness_has_its_shape(case):
    net, x, _, _ = case
    output = net.forward(x)
    before = frozen(net.parameters()), [layer.input is None for layer in net.all_layers()]
    memory = [layer.input for layer in net.all_layers()]
    found = witnesses(net, x, list(WITNESSES))
    assert all(now is then for now, then in zip([layer.input for layer in net.all_layers()], memory))
    assert before == (frozen(net.parameters()), [layer.input is None for layer in net.all_layers()])
    shapes = [layer.weight.shape for layer in net.weighted_layers()]
    ends = shapes[0][1] + shapes[-1][0]
    assert {kind: [array.shape[1] for array in arrays] for kind, arrays in found.items()} == {
        "softmax": [net.outputs], "logits": [net.outputs], "dgp": [ends - 1], "dgp_var": [ends - 1],
        "dgp_maxima": [ends], "uncertainty": [sum(shape) - 1 for shape in shapes],
        "uncertainty_var": [sum(shape) - 1 for shape in shapes], "last_layer": [np.prod(shapes[-1])]}
    assert all(len(array) == len(x) for arrays in found.values() for array in arrays)
    np.testing.assert_allclose(found["softmax"][0], softmax(output), rtol=0, atol=1e-12)
    bias = net.weighted_layers()[-1].bias
    flows = found["last_layer"][0].reshape(len(x), *shapes[-1]).sum(axis=2)             # biases are in no graph
    np.testing.assert_allclose(flows + (0 if bias is None else bias), found["logits"][0], rtol=0, atol=1e-12)


def test_samples_do_not_depend_on_their_chunk(monkeypatch):
    net = networks.mlp([5, 4, 3], rng=np.random.default_rng(0), dtype=np.float64)
    x = np.random.default_rng(1).normal(size=(7, 5))
    whole = witnesses(net, x, ["dgp_var", "uncertainty"])
    monkeypatch.setattr("feedbackalign.persistence.activation.CHUNK", 3)
    for kind, arrays in witnesses(net, x, ["dgp_var", "uncertainty"]).items():
        assert all(np.allclose(one, other, rtol=0, atol=1e-13) for one, other in zip(arrays, whole[kind]))


def test_bad_arguments_are_refused():
    W, x = np.ones((2, 3)), np.ones((4, 3))
    net = networks.mlp([3, 2], rng=np.random.default_rng(0))
    for attempt, complaint in [
            (lambda: activation_graphs([W], [x, x]), "activations: expected 1 arrays"),
            (lambda: activation_graphs([W], [x.T]), r"activations\[0\]: expected numbers of shape"),
            (lambda: activation_graphs([W], [x * np.nan]), r"activations\[0\]: expected finite"),
            (lambda: witnesses(net, x, ["dpg"]), "unknown witness 'dpg': did you mean 'dgp'"),
            (lambda: witnesses(net, x[:0], ["dgp"]), "x: expected at least one sample"),
            (lambda: witnesses(networks.lenet_mnist(rng=np.random.default_rng(0)), x, ["dgp"]), "conv1")]:
        with pytest.raises(ValueError, match=complaint):
            attempt()
