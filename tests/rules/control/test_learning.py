"""What the push teaches: Gauss-Newton, minimum norm, descent, and backprop, each where the theory says so."""

import numpy as np
import pytest
from hypothesis import given, settings

from feedbackalign.alignment import angle
from feedbackalign.networks.jacobians import dense_chain, forward, joint_gauss_newton, post_jacobians, pre_jacobians
from feedbackalign.rules.control.diagnostics import condition1
from feedbackalign.rules.control.dynamics import Controller, run, steady_state
from feedbackalign.rules.control.feedback import drawn_feedback
from feedbackalign.rules.control.learning import TimeMean, gradients_at, signals_of
from feedbackalign.rules.control.truths import spanning_feedback
from tests.rules.control.cases import flat, joined, network, split
from tests.strategies import SMOOTH, dense_networks_with_batch


def first_order(stages, seen, delta, Q, damping, kind="voltages", own_rates=False):
    """The update to first order in the target step: rates where they were without control."""
    state = steady_state(stages, seen, delta, Q, damping)
    return gradients_at(stages, seen, state._replace(r=seen.post), 1.0, kind=kind, own_rates=own_rates)


def weight_jacobian(stages, seen):
    """∂r_L/∂(all weights and biases) of the first sample, in the order of `flat`: (out, parameters)."""
    columns = {}
    for stage, J, r in zip(stages, pre_jacobians(stages, seen), seen.post):
        columns[f"{stage.name}.weight"] = np.einsum("oi,j->oij", J[0], r[0])
        if stage.layer.bias is not None:
            columns[f"{stage.name}.bias"] = J[0]
    return np.concatenate([columns[name].reshape(len(J[0]), -1) for name in sorted(columns)], axis=1)


def equal_lengths(stages, x, length):
    """Scale the weights until every hidden layer's rates have this length, by bisection: -> the forward pass."""
    for place, (layer, _) in enumerate(stages[:-1]):
        W, low, high = layer.weight.copy(), 0.0, 1e3
        for _ in range(200):
            layer.weight[...] = W * (low + high) / 2
            longer = np.linalg.norm(forward(stages, x).post[place + 1]) > length
            low, high = (low, (low + high) / 2) if longer else ((low + high) / 2, high)
    return forward(stages, x)


# ------------------------------------------------------------------------------------------------------ conditions

@pytest.mark.parametrize("activation", ["identity", "tanh"])
@pytest.mark.parametrize("seed", range(5))
def test_under_both_conditions_it_is_gauss_newton(activation, seed):
    rng = np.random.default_rng(seed)
    _, stages, seen = network(rng, (6, 12, 9, 3), activation, bias=False)
    x = 1.2 * seen.post[0] / np.linalg.norm(seen.post[0])
    seen = equal_lengths(stages, x, 1.2)
    assert condition1(seen.post[:-1]).max() < 1e-10
    Q, _ = spanning_feedback(stages, seen, rng)
    J, J_W, delta = joined(stages, seen)[0], weight_jacobian(stages, seen), rng.normal(size=(1, 3))
    np.testing.assert_allclose(J_W @ J_W.T, 1.2**2 * J @ J.T, rtol=1e-8, atol=1e-10)
    exact = -np.linalg.pinv(J_W) @ delta[0]
    assert angle(flat(first_order(stages, seen, delta, Q, 0.0)), exact) <= 1e-7 if activation == "tanh" else 1e-8
    assert angle(flat(joint_gauss_newton(stages, seen, -delta, 0.0)), exact) <= 1e-7
    for layer, _ in stages[:-1]:                                # condition 1 broken: both rates are off
        layer.weight *= rng.uniform(1.5, 3.0)
    bent = forward(stages, x)
    Q, _ = spanning_feedback(stages, bent, rng)
    exact = -np.linalg.pinv(weight_jacobian(stages, bent)) @ delta[0]
    for own_rates in (False, True):
        assert angle(flat(first_order(stages, bent, delta, Q, 0.0, own_rates=own_rates)), exact) > 3


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_with_rates_of_their_own_the_weights_move_as_little_as_they_can(bias, seed):
    """argmin Σ (‖r_{i−1}‖² + 1) ‖ΔW_i, Δb_i‖² under which the output reaches its target, to first order."""
    rng = np.random.default_rng(seed)
    _, stages, seen = network(rng, (6, 8, 7, 3), bias=bias)
    Q, _ = spanning_feedback(stages, seen, rng)
    delta, J_W = rng.normal(size=(1, 3)), weight_jacobian(stages, seen)
    lengths = {f"{stage.name}.{key}": np.full(array.size, np.linalg.norm(r) ** 2 + bias)
               for stage, r in zip(stages, seen.post) for key, array in stage.layer.parameters().items()}
    root = np.sqrt(np.concatenate([lengths[name] for name in sorted(lengths)]))
    exact = np.linalg.pinv(J_W / root) @ delta[0] / root
    own = flat(first_order(stages, seen, delta, Q, 0.0, own_rates=True))
    np.testing.assert_allclose(-own, exact, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(J_W @ -own, delta[0], atol=1e-10)
    assert angle(flat(first_order(stages, seen, delta, Q, 0.0)), -exact) > 3


def test_any_feedback_goes_downhill_by_the_same_amount():
    """Σ ⟨ΔW_i, −∇_i⟩ = ‖δ‖² with own rates and no leak, for every Q whatever; with one rate for all, often uphill."""
    rng = np.random.default_rng(0)
    _, stages, seen = network(rng, (6, 8, 7, 3), bias=False)
    for layer, _ in stages:
        layer.weight *= 2.0
    seen, uphill = forward(stages, seen.post[0]), 0
    delta = rng.normal(size=(1, 3))
    slope = {f"{stage.name}.weight": (J[0].T @ -delta[0])[:, None] * r[0]
             for stage, J, r in zip(stages, pre_jacobians(stages, seen), seen.post)}
    for _ in range(500):
        Q = split(stages, rng.normal(size=(18, 3)))
        own = first_order(stages, seen, delta, Q, 0.0, own_rates=True)
        assert sum((own[name] * slope[name]).sum() for name in slope) == pytest.approx((delta**2).sum(), rel=1e-8)
        common = first_order(stages, seen, delta, Q, 0.0)
        uphill += sum((common[name] * slope[name]).sum() for name in slope) < 0
    assert 5 < uphill < 400


def test_a_strong_leak_and_transposed_feedback_make_it_backprop():
    """α → ∞: the angle falls with 1/α; with the rates' rule Jᵀ counts the slopes twice, and J_hᵀ does not."""
    rng = np.random.default_rng(0)
    _, stages, seen = network(rng, (6, 10, 8, 3), gain=1.3)
    delta = rng.normal(size=(1, 3))
    J_v = [J[0].T for J in pre_jacobians(stages, seen)]
    J_h = [J[0].T for J in post_jacobians(stages, seen)]
    back = flat({f"{stage.name}.{key}": array for stage, q, r in zip(stages, J_v, seen.post)
                 for key, array in (("weight", (q @ -delta[0])[:, None] * r), ("bias", q @ -delta[0]))})

    def degrees(Q, kind, alpha):
        state = steady_state(stages, seen, delta, Q, alpha)
        return angle(flat(gradients_at(stages, seen, state, 1.0, kind=kind)), back)

    for Q, kind in ((J_v, "voltages"), (J_h, "rates"), (J_h, "slopes")):
        found = [degrees(Q, kind, alpha) for alpha in (1e2, 1e4, 1e6)]
        assert 95 <= found[0] / found[1] <= 105 and 95 <= found[1] / found[2] <= 105, (kind, found)
        assert found[2] < 1e-3
    assert degrees(J_v, "rates", 1e6) > 3


# --------------------------------------------------------------------------------------------------------- signals

def test_the_three_signals():
    rng = np.random.default_rng(0)
    _, stages, seen = network(rng, (5, 7, 3), samples=4)
    state = steady_state(stages, seen, rng.normal(size=(4, 3)), drawn_feedback(stages, rng), 0.1)
    rates, voltages, slope = (signals_of(stages, seen, state, kind) for kind in ("rates", "voltages", "slopes"))
    np.testing.assert_allclose(rates[0], np.tanh(state.v[0]) - np.tanh(state.v_ff[0]), rtol=1e-14)
    np.testing.assert_allclose(voltages[0], state.v[0] - state.v_ff[0], rtol=1e-14)
    np.testing.assert_allclose(slope[0], voltages[0] * (1 - np.tanh(seen.pre[0]) ** 2), rtol=1e-13)
    for signals in (rates, voltages, slope):                    # the output is linear
        np.testing.assert_allclose(signals[1], voltages[1], rtol=1e-13)
    own = signals_of(stages, seen, state, "rates", own_rates=True)
    np.testing.assert_allclose(own[1] * ((state.r[1] ** 2).sum(axis=1) + 1)[:, None], rates[1], rtol=1e-13)
    with pytest.raises(ValueError, match="unknown signal 'rate': did you mean 'rates'"):
        signals_of(stages, seen, state, "rate")


def test_own_rates_divide_by_lengths_below_one_too():
    rng = np.random.default_rng(0)
    _, stages, seen = network(rng, (5, 7, 3), samples=2, bias=False)
    seen = forward(stages, 0.1 * seen.post[0])
    state = steady_state(stages, seen, np.full((2, 3), 1e-3), drawn_feedback(stages, rng), 0.1)
    plain, own = (signals_of(stages, seen, state, own_rates=own_rates) for own_rates in (False, True))
    for signal, divided, below in zip(plain, own, state.r):
        assert (np.linalg.norm(below, axis=1) < 1).all()
        np.testing.assert_allclose(divided * (below**2).sum(axis=1, keepdims=True), signal, rtol=1e-12)


def test_a_dark_input_has_a_rate_too():
    rng = np.random.default_rng(0)
    _, stages, seen = network(rng, (5, 7, 3), samples=2, bias=False)
    seen = forward(stages, seen.post[0] * 0)
    state = steady_state(stages, seen, np.ones((2, 3)), drawn_feedback(stages, rng), 0.1)
    assert all(np.isfinite(signal).all() for signal in signals_of(stages, seen, state, own_rates=True))


def test_the_presynaptic_rate_is_the_controlled_one():
    rng = np.random.default_rng(0)
    _, stages, seen = network(rng, (5, 7, 3), samples=4)
    state = steady_state(stages, seen, rng.normal(size=(4, 3)), drawn_feedback(stages, rng), 0.1)
    signal = signals_of(stages, seen, state)[1]
    ours = gradients_at(stages, seen, state, 0.1)["fc2.weight"]
    np.testing.assert_allclose(ours, -signal.T @ state.r[1] / (4 * 0.1), rtol=1e-13)
    assert np.abs(ours + signal.T @ seen.post[1] / (4 * 0.1)).max() > 1e-3


@settings(max_examples=15)
@given(case=dense_networks_with_batch(activations=SMOOTH))
def test_the_time_mean_is_the_mean_of_every_states_gradients(case):
    net, x, _, rng = case
    stages = dense_chain(net)
    seen = forward(stages, x)
    for options in ({}, {"kind": "voltages", "own_rates": True}):
        mean, apart = TimeMean(stages, seen, 0.05, **options), []
        for state in run(stages, seen, seen.output + 0.1, drawn_feedback(stages, rng), Controller(), steps=5):
            mean.add(state)
            apart.append(gradients_at(stages, seen, state, 0.05, **options))
        for name, ours in mean.gradients().items():
            np.testing.assert_allclose(ours, np.mean([grads[name] for grads in apart], axis=0), rtol=1e-10, atol=1e-13)
        assert sorted(mean.gradients()) == sorted(net.parameters())


