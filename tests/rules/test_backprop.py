"""Backprop is the network's own exact gradient, and reads W to send it down."""

import numpy as np
from hypothesis import given

from feedbackalign import alignment
from tests.rules.tools import (assert_close, backprop, dense_case, distance, errors_before_and_after, make,
                               replace_weights)
from tests.strategies import SMOOTH, networks_with_batch


@given(networks_with_batch())
def test_it_is_the_chain_rule(case):
    net, x, labels, rng = case
    rule = make("bp", net)
    assert_close(rule.gradients(x, labels).grads, backprop(net, x, labels))
    for angles in (alignment.update_angles(rule, x, labels), alignment.delta_angles(rule, x, labels),
                   alignment.weight_angles(rule)):
        assert all(degrees == 0 or np.isnan(degrees) for degrees in angles.values())


@given(networks_with_batch(activations=SMOOTH, max_batch=3))
def test_it_agrees_with_a_difference_of_losses(case):
    """Along one random direction in the space of all parameters; no kinks but those of max pooling."""
    net, x, labels, rng = case
    gradients = make("bp", net).gradients(x, labels).grads
    direction = {name: rng.normal(size=array.shape) for name, array in net.parameters().items()}
    slope, h, losses = sum((gradients[name] * direction[name]).sum() for name in gradients), 1e-5, []
    winners = []
    for sign in (1, -2):
        for name, array in net.parameters().items():
            array += sign * h * direction[name]
        losses.append(net.loss(net.forward(x), labels))
        winners.append([layer.winner for layer in net.layers if hasattr(layer, "winner")])
    if all(np.array_equal(one, other) for one, other in zip(*winners)):
        np.testing.assert_allclose((losses[0] - losses[1]) / (2 * h), slope, rtol=1e-5, atol=1e-7)


def test_its_errors_move_with_W():
    net, x, labels = dense_case()
    rule = make("bp", net)
    before, after = errors_before_and_after(rule, x, labels, lambda: replace_weights(net, np.random.default_rng(0)))
    assert np.array_equal(before["fc3"], after["fc3"])
    assert distance(after["fc2"], before["fc2"]) > 0.1 and distance(after["fc1"], before["fc1"]) > 0.1


def test_it_holds_nothing_of_its_own():
    net, x, labels = dense_case()
    rule = make("bp", net)
    assert not rule.parameters() and not rule.constants() and not rule.plastic()
    assert rule.feedback_weights("fc1") is net.layer("fc1").weight
    assert set(alignment.norm_ratios(rule).values()) == {1.0}
