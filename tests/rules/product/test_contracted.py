"""Two hops, contracted and closed form are one rule: per step, along whole runs, and in what they report."""

import copy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedbackalign import alignment
from tests.rules.tools import (assert_close, backprop, cases, conv_case, dense_case, distance, echo_of,
                               errors_before_and_after, frozen, make, replace_weights, train)
from tests.strategies import networks_with_batch

ROUTES = ("two-hop", "contracted", "closed-form")
VARIANTS = ("pfa", "pfa-o", "pfa-i")
SLOW = 0.01         # a rate at which no random network trains chaotically; at 0.05 one in a thousand does
every_variant = pytest.mark.parametrize("name", VARIANTS)


def on_every_route(name, net, **options):
    return [make(name, copy.deepcopy(net), route=route, **options) for route in ROUTES]


def assert_same_run(routed, tolerance=1e-12):
    two_hop, *others = routed
    for rule in others:
        assert_close(rule.network.parameters(), two_hop.network.parameters(), tolerance)
        for layer in rule.network.weighted_layers():
            name = layer.name
            assert distance(rule.learned_R(name), two_hop.R[name]) <= tolerance, (rule.notes(), name)
            assert distance(rule.feedback_weights(name), two_hop.feedback_weights(name)) <= tolerance
    assert [rule.notes()["route"] for rule in routed] == ["explicit", "explicit", "closed-form"]


@every_variant
@given(case=networks_with_batch(), expansion=st.integers(1, 4))
def test_all_routes_find_the_same_gradients(name, case, expansion):
    net, x, labels, _ = case
    options = {"expansion": expansion} if name == "pfa" else {}
    two_hop, contracted, undecided = on_every_route(name, net, **options)
    steps = [rule.gradients(x, labels) for rule in (two_hop, contracted, undecided)]
    for step in steps[1:]:
        assert_close(step.grads, steps[0].grads)
        assert_close(step.errors, steps[0].errors)
    for layer in net.weighted_layers():                             # ∂R = Bᵀ ∂W, by hand
        B, dW = two_hop.B[layer.name], steps[0].grads[f"{layer.name}.weight"]
        R = steps[0].grads[f"{layer.name}.R"]
        assert distance(R, np.einsum("om,o...->m...", B, dW)) <= 1e-12


@every_variant
@given(case=networks_with_batch(losses=("cross-entropy",)), steps=st.integers(1, 25), decay=st.floats(0, 0.2),
       momentum=st.sampled_from([0.0, 0.9]))
def test_all_routes_train_alike(name, case, steps, decay, momentum):
    net, x, labels, _ = case
    routed = on_every_route(name, net)
    for rule in routed:
        train(rule, x, labels, steps, lr=SLOW, decay=decay, momentum=momentum)
    assert_same_run(routed, 1e-11)


@pytest.mark.slow
@every_variant
@pytest.mark.parametrize("case", cases(), ids=["dense", "conv-1-0", "conv-1-1", "conv-2-1", "conv-3-2"])
def test_all_routes_train_alike_for_a_long_time(name, case):
    net, x, labels = case
    routed = on_every_route(name, net)
    for rule in routed:
        train(rule, x, labels, 100)
    assert_same_run(routed)


@pytest.mark.slow
@pytest.mark.parametrize("case", cases(), ids=["dense", "conv-1-0", "conv-1-1", "conv-2-1", "conv-3-2"])
def test_all_routes_train_alike_for_a_very_long_time(case):
    net, x, labels = case
    routed = on_every_route("pfa", net)
    for rule in routed:
        train(rule, x, labels, 300)
    assert_same_run(routed)


@every_variant
def test_all_routes_agree_in_float32_to_float32s_precision(name):
    net, x, labels = conv_case(dtype=np.float32)
    routed = on_every_route(name, net)
    for rule in routed:
        train(rule, x, labels, 50)
    assert_same_run(routed, 2e-5)


@every_variant
@given(case=networks_with_batch(losses=("cross-entropy",)), expansion=st.integers(1, 3))
def test_matched_once_it_trains_as_backprop_trains_on_every_route(name, case, expansion):
    """B Bᵀ = I and R = BᵀW: R and W learn alike, so the match holds for the whole run."""
    net, x, labels, rng = case
    by_backprop = make("bp", copy.deepcopy(net))
    train(by_backprop, x, labels, 15, lr=SLOW)
    routed = on_every_route(name, net, **({"expansion": expansion} if name == "pfa" else {}))
    for rule in routed:
        for layer in net.weighted_layers():
            out, mid = rule.B[layer.name].shape
            B = np.linalg.qr(np.random.default_rng(3).normal(size=(mid, mid)))[0][:out]         # orthonormal rows
            rule.set_feedback(layer.name, B=B, R=np.tensordot(B.T, layer.weight, axes=1))
        assert_close(rule.gradients(x, labels).grads, backprop(net, x, labels))
        train(rule, x, labels, 15, lr=SLOW)
        assert_close(rule.network.parameters(), by_backprop.network.parameters(), 1e-11)


@pytest.mark.parametrize("route", ["two-hop", "contracted"])
@given(case=networks_with_batch())
def test_the_explicit_routes_errors_do_not_notice_w(route, case):
    net, x, labels, rng = case
    rule = make("pfa", net, route=route)
    before, after = errors_before_and_after(rule, x, labels, lambda: replace_weights(net, rng))
    assert frozen(before) == frozen(after)


# ----------------------------------------------------------------------------------------- which explicit route

def test_left_alone_it_counts_operations():
    """Contracting wins where samples × positions are many for the weights' size, two hops where they are few."""
    net, x, labels = conv_case(stride=1, padding=1, N=32)
    rule = make("pfa", net)
    rule.gradients(x, labels)
    for layer in net.weighted_layers():
        out, mid = rule.B[layer.name].shape
        fan_in, samples = layer.weight[0].size, layer.error.size // out
        hops, contracting = samples * mid * (out + fan_in), out * mid * fan_in + samples * out * fan_in
        expected = "two-hop" if hops <= contracting else "contracted"
        assert rule.way.order(layer, layer.error) == expected
    assert rule.way.order(net.layer("conv1"), net.layer("conv1").error) == "contracted"
    assert rule.way.order(net.layer("fc1"), net.layer("fc1").error[:1]) == "two-hop"


@pytest.mark.parametrize("route", ["two-hop", "contracted"])
def test_the_users_choice_stands(route):
    for case in (dense_case, conv_case):
        net, x, labels = case()
        rule = make("pfa", net, route=route)
        train(rule, x, labels, 2)
        assert rule.notes().items() >= {"route": "explicit", "why_explicit": "chosen by the user"}.items()
        texts = {layer.name: rule.route(layer, len(x)) for layer in net.weighted_layers()}
        assert all(("[B" in text) == (route == "contracted") for text in texts.values()), texts


def test_the_trace_writes_each_route_in_its_own_symbols():
    net, x, labels = dense_case()
    two_hop, contracted, closed = on_every_route("pfa", net)
    assert two_hop.trace(x, labels)[0]["route"] == "(7,3) @ B (3,30) @ R (30,4)"
    assert contracted.trace(x, labels)[0]["route"] == "(7,3) @ [B (3,30) @ R (30,4)]"
    train(closed, x, labels, 1, decay=0.0)
    assert closed.trace(x, labels)[0]["route"] == "closed form: e G W + 1 e P"


# -------------------------------------------------------------------------------------------- the closed form's arrays

@every_variant
def test_the_closed_form_holds_one_number_to_train_and_still_tells_r(name):
    net, x, labels = conv_case()
    rule, two_hop = make(name, net), make(name, copy.deepcopy(net), route="two-hop")
    start = {layer: R.copy() for layer, R in two_hop.R.items()}
    for layer in net.weighted_layers():
        assert np.array_equal(rule.learned_R(layer.name), start[layer.name])
    schedule = train(rule, x, labels, 10)
    assert list(rule.parameters()) == ["pfa.echo"] and rule.gradients(x, labels).grads["pfa.echo"] == 0
    c, W_0 = echo_of(schedule, 0.9), two_hop.network
    for layer in net.weighted_layers():
        B = rule.B[layer.name]
        D_0 = start[layer.name] - np.tensordot(B.T, W_0.layer(layer.name).weight, axes=1)
        R = c * D_0 + np.tensordot(B.T, layer.weight, axes=1)
        assert distance(rule.learned_R(layer.name), R) <= 1e-13
        assert distance(rule.feedback_weights(layer.name), np.tensordot(B, R, axes=1)) <= 1e-13


def test_g_is_kept_where_b_is_not_orthogonal():
    net, x, labels = dense_case(dtype=np.float32)
    for name, orthogonal in [("pfa", False), ("pfa-o", True), ("pfa-i", True)]:
        rule = make(name, copy.deepcopy(net))
        train(rule, x, labels, 1)
        assert all((G is None) == orthogonal for G in rule.way.G.values())


@every_variant
def test_the_path_comes_to_its_floor(name):
    """Once the echo is gone the path angle is that between W and B BᵀW of this very B: 0 where B is orthogonal."""
    net, x, labels = dense_case()
    rule = make(name, net)
    assert max(alignment.weight_angles(rule).values()) > 50
    train(rule, x, labels, 400, lr=0.1, decay=0.1, changing=False)
    for key, degrees in alignment.weight_angles(rule).items():
        floor = alignment.path_floor(rule.B[key], net.layer(key).weight)
        assert abs(degrees - floor) < 1e-6 and (floor < 1e-6 or name == "pfa")
    if name != "pfa":
        assert max(abs(ratio - 1) for ratio in alignment.norm_ratios(rule).values()) < 1e-7
