"""Direct feedback: every layer below hears the error at the output, in the shape of its own input."""

import copy

import numpy as np
import pytest
from hypothesis import given

from feedbackalign import alignment, layers
from feedbackalign.networks import Network, mlp
from tests.rules.tools import (assert_close, backprop, conv_case, dense_case, errors_before_and_after, frozen, make,
                               replace_weights)
from tests.strategies import linear_networks_with_batch, networks_with_batch


@given(linear_networks_with_batch())
def test_in_a_linear_network_with_the_product_of_weights_it_is_backprop(case):
    net, x, labels, _ = case
    rule = make("dfa", net)
    weights = [layer.weight for layer in net.weighted_layers()]
    for index, layer in enumerate(net.weighted_layers()):
        product = weights[index]
        for above in weights[index + 1:]:
            product = above @ product                                           # W_L … W_l, (classes, in)
        rule.set_feedback(layer.name, B=product)
    assert_close(rule.gradients(x, labels).grads, backprop(net, x, labels))


@given(networks_with_batch())
def test_errors_do_not_notice_what_happens_to_w_after_the_forward_pass(case):
    net, x, labels, rng = case
    before, after = errors_before_and_after(make("dfa", net), x, labels, lambda: replace_weights(net, rng))
    assert frozen(before) == frozen(after)


@given(networks_with_batch())
def test_a_layer_sends_down_the_outputs_error_through_its_b(case):
    net, x, labels, rng = case
    rule = make("dfa", net)
    rule.gradients(x, labels)
    top_error = net.loss_error(net.forward(x), labels)                          # (N, classes)
    for layer in net.weighted_layers():
        B = rule.B[layer.name].reshape(net.outputs, *layer.input.shape[1:])     # (classes, in) or (classes, C, H, W)
        expected = np.tensordot(top_error, B, axes=1)                           # (N, in) or (N, C, H, W)
        for error in (layer.error, rng.normal(size=layer.error.shape)):
            sent = rule.send_back(layer, error)
            assert sent.shape == layer.input.shape
            np.testing.assert_allclose(sent, expected, rtol=1e-13, atol=1e-14)


def test_shapes_and_the_order_channel_row_column():
    net, x, labels = conv_case(stride=2, padding=1)
    rule = make("dfa", net)
    assert {name: B.shape for name, B in rule.B.items()} == {
        "conv1": (3, 2 * 7 * 6), "conv2": (3, 3 * 4 * 4), "fc1": (3, 4 * 2 * 2 + 4 * 2 * 1)}
    rule.gradients(x, labels)
    sent, B, e = rule.send_back(net.layer("conv2"), None), rule.B["conv2"], rule.output_error
    for n, c, h, w in [(0, 0, 0, 0), (1, 2, 3, 1), (3, 1, 0, 3)]:
        np.testing.assert_allclose(sent[n, c, h, w], e[n] @ B[:, c * 16 + h * 4 + w], rtol=1e-13)


def test_b_is_drawn_over_its_own_shape():
    """Xavier uniform with fan_in = in·H·W and fan_out = classes, not with the kernel's fans."""
    net = Network([layers.Conv2d(2, 8, 3, padding=1, rng=np.random.default_rng(0)), layers.ReLU(), layers.Flatten(),
                   layers.Linear(8 * 100, 10, rng=np.random.default_rng(0))], input_shape=(2, 10, 10))
    for name, inputs in [("conv1", 200), ("fc1", 800)]:
        B, bound = make("dfa", net).B[name], np.sqrt(6 / (inputs + 10))
        assert B.shape == (10, inputs) and 0.98 * bound < np.abs(B).max() <= bound


def test_it_stands_in_nobodys_place_and_is_direct_at_the_top_alone():
    net, x, labels = dense_case()
    rule = make("dfa", net)
    assert all(rule.feedback_weights(layer.name) is None for layer in net.weighted_layers())
    assert alignment.weight_angles(rule) == {} == alignment.norm_ratios(rule)
    shares = {name: share for name, (share, _) in alignment.reciprocity(rule).items()}
    assert shares == {"fc1": 0.0, "fc2": 0.0, "fc3": 1.0}


def test_above_a_convolution_on_top_no_synapse_mirrors_another():
    net = Network([layers.Conv2d(2, 3, 3, rng=np.random.default_rng(0)), layers.GlobalAvgPool2d()],
                  input_shape=(2, 5, 5))
    assert alignment.reciprocity(make("dfa", net))["conv1"][0] == 0


def test_it_needs_to_know_the_sizes():
    net, _, _ = conv_case()
    unknown = Network(copy.deepcopy(net.layers))
    with pytest.raises(ValueError, match="make the network with Network.*input_shape="):
        make("dfa", unknown)


def test_it_can_be_matched_in_linear_dense_networks_alone():
    for net in (dense_case(activation="tanh")[0], conv_case()[0]):
        with pytest.raises(ValueError, match="linear networks of dense layers only"):
            make("dfa", net).match_to_backprop()


def test_depth_costs_no_path():
    """Every hidden error of a linear network is one product away from the output, however deep the network is."""
    rng = np.random.default_rng(0)
    net = mlp([4] * 8, activation="identity", rng=rng, dtype=np.float64)
    rule = make("dfa", net)
    step = rule.gradients(rng.normal(size=(5, 4)), rng.integers(4, size=5))
    for index in range(1, 7):
        assert_close(step.errors, {f"fc{index}": step.errors["fc7"] @ rule.B[f"fc{index + 1}"]}, 1e-13)
