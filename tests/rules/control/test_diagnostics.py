"""The conditions, the eigenvalues that say whether a controller settles, and which samples have."""

import numpy as np
import pytest

from feedbackalign.networks.jacobians import dense_chain, forward
from feedbackalign.rules.control.diagnostics import (condition1, condition2, growth_rates, has_converged, has_diverged,
                                                     residuals, system_matrix, why_unstable)
from feedbackalign.rules.control.dynamics import Controller, linear_control, run, steady_state
from feedbackalign.rules.control.feedback import drawn_feedback
from feedbackalign.rules.control.truths import spanning_feedback
from tests.rules.control.cases import joined, network, split


# --------------------------------------------------------------------------------------------------- conditions 1 and 2

@pytest.mark.parametrize("activation", ["identity", "tanh"])
@pytest.mark.parametrize("seed", range(5))
def test_under_condition_2_the_loop_inverts_the_network(activation, seed):
    rng = np.random.default_rng(seed)
    _, stages, seen = network(rng, (6, 8, 7, 3), activation)
    Q, M = spanning_feedback(stages, seen, rng)
    J = joined(stages, seen)[0]
    whole = np.concatenate(Q)
    inverse = whole @ np.linalg.inv(J @ whole)
    np.testing.assert_allclose(inverse, np.linalg.pinv(J), atol=1e-10 * np.linalg.cond(M))
    assert condition2(stages, seen, Q)[0] == pytest.approx(1.0, abs=1e-10)
    other = rng.normal(size=whole.shape)                        # any other right inverse is not the smallest
    np.testing.assert_allclose(J @ other @ np.linalg.inv(J @ other), np.eye(3), atol=1e-8)
    assert condition2(stages, seen, split(stages, other))[0] < 0.8
    exact = np.linalg.norm(np.linalg.pinv(J) @ J @ other) / np.linalg.norm(other)
    assert condition2(stages, seen, split(stages, other))[0] == pytest.approx(exact, rel=1e-10)


def test_condition_1_is_the_spread_of_the_lengths():
    rates = [np.array([[3.0, 4.0], [1.0, 0.0]]), np.array([[0.0, 5.0], [0.0, 3.0]])]
    np.testing.assert_allclose(condition1(rates), [0.0, 0.5])
    np.testing.assert_allclose(condition1([r * 0 for r in rates]), [0.0, 0.0])


# ------------------------------------------------------------------------------------------------------------ stability

def feedback_with(stages, seen, rng, eigenvalues):
    """Q with J Q = V diag(eigenvalues) V⁻¹."""
    V = np.eye(len(eigenvalues)) + 0.3 * rng.normal(size=(len(eigenvalues),) * 2)
    wanted = V @ np.diag(eigenvalues) @ np.linalg.inv(V)
    return split(stages, np.linalg.pinv(joined(stages, seen)[0]) @ wanted)


@pytest.mark.slow
def test_condition_3_is_sharp():
    """An eigenvalue −0.05 of J Q: with a leak of 0.04 the control grows for ever, with 0.06 it settles."""
    rng = np.random.default_rng(4)
    _, stages, seen = network(rng, (5, 6, 3), "identity")
    Q = feedback_with(stages, seen, rng, [-0.05, 0.6, 1.0])
    lengths = {}
    for alpha in (0.04, 0.06):
        controller = Controller(alpha=alpha, k_p=0.0, dt=0.1, tau=0.1)          # dt = τ: the network answers at once
        lengths[alpha] = [np.linalg.norm(state.u) for state in run(stages, seen, seen.output + 1.0, Q, controller,
                                                                   steps=6000) if state.step in (3000, 6000)]
    assert lengths[0.04][1] / lengths[0.04][0] == pytest.approx(np.exp(0.01 * 300), rel=0.05)
    settled = np.linalg.norm(linear_control(stages, seen, np.ones((1, 3)), Q, 0.06))
    assert lengths[0.06] == pytest.approx([settled, settled], rel=0.1)
    assert lengths[0.06][1] == pytest.approx(settled, rel=0.01)


@pytest.mark.slow
@pytest.mark.parametrize("leak", ["integral", "total"])
def test_it_grows_at_the_rate_of_the_system_matrix(leak):
    rng = np.random.default_rng(5)
    _, stages, seen = network(rng, (5, 7, 6, 3), "identity")
    Q = feedback_with(stages, seen, rng, [-0.3, 0.7, 1.0])
    for dt, tolerance in ((0.02, 0.02), (0.01, 0.01)):
        controller = Controller(alpha=0.05, k_p=0.5, dt=dt, tau=0.2, leak=leak)
        exact = growth_rates(stages, seen, Q, controller)[0]
        assert exact > 0.1
        lengths = [np.linalg.norm(state.v[0] - seen.pre[0]) for state in run(
            stages, seen, seen.output + 1.0, Q, controller, steps=round(60 / dt)) if state.step * dt in (40.0, 60.0)]
        assert np.log(lengths[1] / lengths[0]) / 20 == pytest.approx(exact, rel=tolerance)


@pytest.mark.parametrize("sizes", [(5, 3), (5, 6, 3), (5, 7, 6, 3), (5, 7, 6, 4, 3)])
def test_a_linear_system_rests_where_the_control_is_known(sizes):
    """0 = A (Δv, u) + (0, δ), of every sample, δ the output's way to go."""
    rng = np.random.default_rng(5)
    _, stages, seen = network(rng, sizes, "identity")
    Q, delta = drawn_feedback(stages, rng), rng.normal(size=seen.output.shape)
    A = system_matrix(stages, seen, Q, Controller(alpha=0.5, k_p=0.0))
    pushed = np.concatenate([np.zeros((len(A), len(A[0]) - 3)), delta], axis=1)
    control = np.linalg.solve(A, -pushed[..., None])[:, -3:, 0]
    np.testing.assert_allclose(control, linear_control(stages, seen, delta, Q, 0.5), rtol=1e-9, atol=1e-12)


def test_a_proportional_part_makes_a_slightly_unstable_mode_worse():
    """With the fast network μ / (1 + k_p μ) must lie right of −α."""
    rng = np.random.default_rng(4)
    _, stages, seen = network(rng, (5, 6, 3), "identity")
    Q = feedback_with(stages, seen, rng, [-0.05, 0.6, 1.0])
    for k_p in (0.0, 2.0, 5.0):
        fast = Controller(alpha=0.06, k_p=k_p, dt=1e-5, tau=1e-5)
        rate = growth_rates(stages, seen, Q, fast)[0]
        assert rate == pytest.approx(0.05 / (1 - 0.05 * k_p) - 0.06, abs=1e-4)
    assert rate > 0


def test_what_is_not_finite_is_said():
    rng = np.random.default_rng(0)
    _, stages, seen = network(rng, (5, 8, 3))
    Q = drawn_feedback(stages, rng)
    Q[0][0, 0] = np.nan
    assert why_unstable(stages, seen, Q, Controller()) == "the network's own answer is not finite"


# ---------------------------------------------------------------------------------------------------------- convergence

def test_every_sample_is_judged_by_itself():
    rng = np.random.default_rng(6)
    _, stages, seen = network(rng, (5, 8, 3), "identity", samples=3)
    Q, target = drawn_feedback(stages, rng), seen.output + 0.2
    controller = Controller(alpha=0.02, k_p=1.5)
    measured = {}
    for state in run(stages, seen, target, Q, controller, steps=2000):
        if state.step in (1, 300, 2000):
            measured[state.step] = (residuals(seen, state, target, controller.damping),
                                    has_converged(seen, state, target, controller.damping))
    assert (measured[1][0] > measured[300][0]).all() and (measured[300][0] > measured[2000][0]).all()
    assert not measured[300][1].any() and measured[2000][1].all()
    state.r[-1][1] = target[1] + 10.0                           # one sample is thrown off, another is no number
    state.r[-1][2] = np.nan
    assert has_converged(seen, state, target, controller.damping).tolist() == [True, False, False]
    assert has_diverged(seen, state, target).tolist() == [False, True, True]
    assert residuals(seen, state, target, controller.damping)[2] == np.inf


def test_at_rest_far_from_the_target_is_not_converged():
    """A leak so strong that most of the error is left."""
    rng = np.random.default_rng(6)
    _, stages, seen = network(rng, (5, 8, 3), "identity", samples=3)
    Q, target = drawn_feedback(stages, rng), seen.output + 0.2
    for alpha, converged in ((0.1, True), (5.0, False)):
        state = steady_state(stages, seen, target - seen.output, Q, alpha)
        assert residuals(seen, state, target, alpha).max() < 1e-12
        assert has_converged(seen, state, target, alpha).tolist() == [converged] * 3


def test_an_error_below_rounding_has_not_diverged():
    rng = np.random.default_rng(6)
    net, _, _ = network(rng, (5, 8, 3))
    net.astype(np.float32)
    stages = dense_chain(net)
    seen = forward(stages, rng.normal(size=(50, 5)).astype(np.float32))
    state = steady_state(stages, seen, 0 * seen.output, drawn_feedback(stages, rng), 0.1)
    state.r[-1][...] = np.nextafter(seen.output, np.float32(9))                 # the last digit
    assert not has_diverged(seen, state, seen.output).any()
    state.r[-1][...] = seen.output + np.float32(0.01)
    assert has_diverged(seen, state, seen.output).all()
