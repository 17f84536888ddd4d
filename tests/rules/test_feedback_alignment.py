"""What is exactly true of feedback alignment, and what is only typical."""

import numpy as np
import pytest
from hypothesis import given

from feedbackalign import alignment, layers
from feedbackalign.networks import mlp
from feedbackalign.optimizer import SGD
from feedbackalign.training.loop import train_step
from tests.rules.tools import (assert_close, conv_case, dense_case, errors_before_and_after, frozen, make,
                               replace_weights, train)
from tests.strategies import networks_with_batch


@given(networks_with_batch())
def test_errors_do_not_notice_what_happens_to_w_after_the_forward_pass(case):
    net, x, labels, rng = case
    rule = make("fa", net)
    before, after = errors_before_and_after(rule, x, labels, lambda: replace_weights(net, rng))
    assert frozen(before) == frozen(after)


def test_the_formula_by_hand():
    net, x, labels = dense_case(activation="identity")
    rule = make("fa", net)
    step = rule.gradients(x, labels)
    error = net.loss_error(net.forward(x), labels)
    e2 = error @ rule.B["fc3"]                                                  # (N, 3) x (3, 4) -> (N, 4)
    e1 = e2 @ rule.B["fc2"]                                                     # (N, 4) x (4, 5) -> (N, 5)
    assert_close(step.errors, {"fc3": error, "fc2": e2, "fc1": e1}, 1e-14)
    assert_close(step.grads, {"fc1.weight": e1.T @ x, "fc1.bias": e1.sum(axis=0)}, 1e-14)


# ------------------------------------------------------------------------------------- the surrogate's exact gradient

def pushed_up(net, rule, name, v):
    """J_L … J_{l+1} v: a change v of the output of layer `name`, pushed to the network's output through the feedback
    weights in W's place, with every slope and every winner as the last forward pass left them."""
    above = False
    for layer in net.layers:
        if above and layer.is_weighted:
            v = layer.respond(v, rule.feedback_weights(layer.name))
        elif above and isinstance(layer, layers.MaxPool2d):
            v = of_the_winners(layer, v)
        elif above and isinstance(layer, layers.SoftmaxPool2d):
            v = layer.change(v, layer.input)
        elif above and layer.kind in layers.ACTIVATIONS:
            v = v * layer.derivative(layer.input)
        elif above:
            v = type(layer).forward(twin_of(layer), v)                         # flatten, average pools: linear
        above = above or layer.name == name
    return v


def twin_of(layer):
    twin = object.__new__(type(layer))
    vars(twin).update(vars(layer))
    return twin


def of_the_winners(layer, v):
    """Of every window the entry of v where the input was largest: (N, C, H, W) -> (N, C, rows, cols)."""
    rows, cols = layer.output_shape(v.shape[1:])[1:]
    picked = np.empty((*v.shape[:2], rows, cols))
    for p in range(rows):
        for q in range(cols):
            window = np.s_[:, :, p * layer.stride:p * layer.stride + layer.size,
                           q * layer.stride:q * layer.stride + layer.size]
            winner = layer.input[window].reshape(*v.shape[:2], -1).argmax(axis=2)[..., None]
            picked[:, :, p, q] = np.take_along_axis(v[window].reshape(*v.shape[:2], -1), winner, axis=2)[..., 0]
    return picked


@pytest.mark.parametrize("name", ["bp", "fa", "usf", "frsf", "kp", "wm", "pfa", "pfa-o"])
@given(case=networks_with_batch())
def test_the_errors_are_the_exact_gradient_of_a_surrogate_network(name, case):
    """⟨e_L, J_L … J_{l+1} v⟩ = ⟨e_l, v⟩ for every v, with the feedback weights in W's place on the way up."""
    net, x, labels, rng = case
    rule = make(name, net)
    errors = rule.gradients(x, labels).errors
    top = net.weighted_layers()[-1].name
    for layer in net.weighted_layers():
        v = rng.normal(size=errors[layer.name].shape)
        above = pushed_up(net, rule, layer.name, v)
        scale = np.linalg.norm(errors[top]) * np.linalg.norm(above) + np.linalg.norm(errors[layer.name] * v)
        assert abs((errors[top] * above).sum() - (errors[layer.name] * v).sum()) <= 1e-12 * max(scale, 1e-2)


# ---------------------------------------------------------------------------------------------------------- B itself

@pytest.mark.parametrize("case", [dense_case, conv_case])
def test_b_is_drawn_by_the_layers_own_initialiser_and_never_changes(case):
    net, x, labels = case()
    rule = make("fa", net)
    B = frozen(rule.constants())
    for layer in net.weighted_layers():
        out, fan_in = len(layer.weight), layer.weight[0].size
        taps = layer.weight[0, 0].size
        assert rule.B[layer.name].shape == layer.weight.shape
        assert np.abs(rule.B[layer.name]).max() <= np.sqrt(6 / (fan_in + out * taps))       # Xavier uniform
        assert not np.array_equal(rule.B[layer.name], layer.weight)
    train(rule, x, labels, 5)
    assert frozen(rule.constants()) == B and not rule.parameters() and not rule.plastic()


def test_what_a_sparse_b_keeps_is_not_rescaled():
    net = mlp([300, 200], rng=np.random.default_rng(0))
    full, half = (make("fa", net, density=density).B["fc1"] for density in (1.0, 0.5))
    np.testing.assert_array_equal(half[half != 0], full[half != 0])
    assert abs((half != 0).mean() - 0.5) < 0.01                                 # ± 0.002, one deviation


def test_training_turns_w_towards_b():
    """Typical, not exact: Lillicrap et al., fig. 2, the 30-20-10 linear teacher at one seed."""
    rng = np.random.default_rng(0)
    net = mlp([30, 20, 10], activation="identity", loss="squared-error", bias=False, rng=rng, dtype=np.float64)
    rule, optimizer, teacher = make("fa", net), SGD(lr=0.01), rng.uniform(-1, 1, size=(10, 30))
    start = alignment.weight_angles(rule)["fc2"]
    for _ in range(600):
        x = rng.normal(size=(20, 30))
        train_step(rule, optimizer, x, x @ teacher.T)
    assert start > 80 and alignment.weight_angles(rule)["fc2"] < 55
