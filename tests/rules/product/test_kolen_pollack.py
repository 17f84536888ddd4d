"""Kolen-Pollack: both routes are one rule, and B becomes W."""

import copy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedbackalign import alignment
from tests.rules.tools import (assert_close, cases, dense_case, errors_before_and_after, frozen, make,
                               replace_weights, train)
from tests.strategies import networks_with_batch


def both_routes(net):
    return make("kp", copy.deepcopy(net), route="explicit"), make("kp", copy.deepcopy(net), route="closed-form")


def assert_same_run(explicit, closed, tolerance=1e-12):
    assert closed.notes()["route"] == "closed-form" and explicit.notes()["route"] == "explicit"
    assert_close(closed.network.parameters(), explicit.network.parameters(), tolerance)
    for layer in explicit.network.weighted_layers():
        assert_close({"B": closed.feedback_weights(layer.name)}, {"B": explicit.B[layer.name]}, tolerance)


@given(networks_with_batch())
def test_b_receives_ws_own_gradient_and_the_error_goes_through_b(case):
    net, x, labels, rng = case
    rule = make("kp", net)
    step = rule.gradients(x, labels)
    for layer in net.weighted_layers():
        learned, own = step.grads[f"{layer.name}.B"], step.grads[f"{layer.name}.weight"]
        assert np.array_equal(learned, own) and not np.shares_memory(learned, own)
    as_fa = make("fa", net)                                         # the same draw of B
    assert frozen(as_fa.constants()) == frozen(rule.parameters())
    assert frozen(as_fa.gradients(x, labels).errors) == frozen(step.errors)


@given(networks_with_batch())
def test_the_explicit_routes_errors_do_not_notice_w(case):
    net, x, labels, rng = case
    rule = make("kp", net, route="explicit")
    before, after = errors_before_and_after(rule, x, labels, lambda: replace_weights(net, rng))
    assert frozen(before) == frozen(after)


@given(case=networks_with_batch(losses=("cross-entropy",)), steps=st.integers(1, 25), decay=st.floats(0, 0.2))
def test_both_routes_train_alike(case, steps, decay):
    net, x, labels, _ = case
    explicit, closed = both_routes(net)
    for rule in (explicit, closed):
        train(rule, x, labels, steps, decay=decay)
    assert_same_run(explicit, closed, 1e-11)


@pytest.mark.slow
@pytest.mark.parametrize("case", cases(), ids=["dense", "conv-1-0", "conv-1-1", "conv-2-1", "conv-3-2"])
def test_both_routes_train_alike_for_a_long_time(case):
    net, x, labels = case
    explicit, closed = both_routes(net)
    for rule in (explicit, closed):
        train(rule, x, labels, 200)
    assert_same_run(explicit, closed)


def test_both_routes_agree_in_float32_to_float32s_precision():
    net, x, labels = dense_case(dtype=np.float32)
    explicit, closed = both_routes(net)
    for rule in (explicit, closed):
        train(rule, x, labels, 50)
    assert_same_run(explicit, closed, 1e-5)


def test_b_becomes_w():
    net, x, labels = dense_case()
    rule = make("kp", net, route="explicit")
    assert max(alignment.weight_angles(rule).values()) > 60
    train(rule, x, labels, 400, lr=0.1, decay=0.1, changing=False)
    assert max(alignment.weight_angles(rule).values()) < 1e-6
    assert max(abs(ratio - 1) for ratio in alignment.norm_ratios(rule).values()) < 1e-8


def test_a_masked_b_becomes_the_masked_w():
    """Entry by entry on the synapses of B: the mask on B alone leaves D's law as it is there."""
    net, x, labels = dense_case()
    rule = make("kp", net, density=0.5)
    train(rule, x, labels, 400, lr=0.1, decay=0.1, changing=False)
    for layer in net.weighted_layers():
        mask = rule.masks()[f"{layer.name}.B"]
        np.testing.assert_allclose(rule.B[layer.name], mask * layer.weight, atol=1e-8)
