"""The dynamics under a complex nudge: holomorphic in it, conjugate with it, and named where they are not finite."""

import numpy as np
import pytest
from hypothesis import given, settings

from feedbackalign.rules.equilibrium.dynamics import answer, from_below, preactivation, settle, top_error
from tests.rules.holomorphic.cases import conv_case, dense_case, settle_from, settled_cases

RADIUS = 0.05
kinds = pytest.mark.parametrize("make", [dense_case, conv_case, lambda: conv_case(pooling="softmax")],
                                ids=["dense", "average pooling", "softmax pooling"])


@kinds
def test_the_free_state_is_a_fixed_point(make):
    case = make()
    drive = from_below(case.chain.stages[0], case.x)
    for n, (stage, state) in enumerate(zip(case.chain.stages, case.free)):
        v = preactivation(case.chain, case.free, n, drive, 0.0, None, case.B)
        np.testing.assert_allclose(stage.unit.function(v), state, atol=2e-12)


@pytest.mark.parametrize("make", [dense_case, conv_case], ids=["dense", "average pooling"])
@pytest.mark.parametrize("steps", [1, 2, 7])
def test_the_rules_nudge_is_minus_the_one_of_the_dynamics(make, steps):
    case = make()
    start = [np.full_like(state, 0.3) for state in case.free]
    ours, _ = case.rule.settle(case.x, start, steps=steps, beta=-0.3, targets=case.targets)
    theirs, _ = settle(case.chain, case.x, start, steps=steps, feedback=case.B, beta=0.3, targets=case.labels,
                       sweep="synchronous", damping=0.5)
    for a, b in zip(ours, theirs):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


@kinds
def test_conjugate_nudges_give_conjugate_states(make):
    case = make()
    beta = RADIUS * np.exp(1j)
    for up, low in zip(case.phase(beta)[0], case.phase(np.conj(beta))[0]):
        np.testing.assert_allclose(low, up.conj(), rtol=0, atol=1e-12)
        assert np.abs(up.imag).max() > 1e-6


@settings(max_examples=10)
@given(settled_cases())
def test_conjugate_nudges_give_conjugate_states_whatever_the_shape(case):
    for up, low in zip(case.phase(0.01j)[0], case.phase(-0.01j)[0]):
        np.testing.assert_allclose(low, up.conj(), rtol=0, atol=1e-12)


@kinds
def test_the_states_are_holomorphic_in_the_nudge(make):
    """One derivative in every direction of the β plane; a conjugate or an absolute value anywhere would break it."""
    case, h, beta = make(), 1e-4, 0.02 + 0.01j
    quotients = []
    for direction in (1, 1j, np.exp(2j)):
        up, down = case.phase(beta + h * direction)[0], case.phase(beta - h * direction)[0]
        quotients.append([(a - b) / (2 * h * direction) for a, b in zip(up, down)])
    for other in quotients[1:]:
        for a, b in zip(quotients[0], other):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-7)


def test_a_positive_nudge_raises_the_loss():
    case = dense_case()

    def loss(states):
        return case.rule.network.loss(answer(case.chain, states[-1]), case.labels)

    assert loss(case.phase(-RADIUS)[0]) < loss(case.free) < loss(case.phase(RADIUS)[0])


@kinds
def test_the_top_error_is_the_derivative_of_the_loss(make):
    case, h = make(), 6e-6
    top, e = case.free[-1], top_error(case.chain, case.free[-1], case.targets)
    for unit in range(top.shape[1]):
        moved = np.zeros_like(top)
        moved[:, unit] = h
        up, down = (case.rule.network.sample_losses(answer(case.chain, top + sign * moved), case.labels)
                    for sign in (1, -1))
        np.testing.assert_allclose(e[:, unit], (up - down) / (2 * h), rtol=1e-6, atol=1e-8)


def test_complex_settling_stops_early_and_changes_no_argument():
    case, seen = dense_case(), []
    start = [state.copy() for state in case.free]
    states, _ = case.rule.settle(case.x, case.free, steps=5, beta=0.1j, targets=case.targets, watch=seen.append)
    assert len(seen) == 5 and all(np.array_equal(a, b) for a, b in zip(seen[-1], states))
    assert all(np.array_equal(a, b) for a, b in zip(case.free, start))
    seen.clear()
    case.rule.settle(case.x, case.free, steps=5, until=1e-9, watch=seen.append)
    assert len(seen) == 1


def test_damping_does_not_move_the_fixed_point():
    case = dense_case()
    for damping in (0.0, 0.7):
        states, residual = settle_from(case.rule, case.x, case.chain.rest(len(case.x)), damping=damping)
        assert residual <= 1e-12
        for a, b in zip(states, case.free):
            np.testing.assert_allclose(a, b, atol=1e-11)


@pytest.mark.parametrize("bad", [0, 1])
def test_a_phase_that_is_not_finite_is_named_with_step_and_layer(bad):
    case = dense_case()
    start = [state.copy() for state in case.free]
    start[bad][0, 0] = np.nan
    with pytest.raises(FloatingPointError, match=r"free phase is no longer finite at step 1, layer fc1"):
        case.rule.settle(case.x, start, steps=3)
    with pytest.raises(FloatingPointError, match=r"nudged phase is no longer finite at step 1, layer fc1"):
        case.rule.settle(case.x, start, steps=3, beta=0.1j, targets=case.targets)
