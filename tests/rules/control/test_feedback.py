"""Where feedback starts: stable whatever the input; where it stays if it does not learn: the transposed path."""

import numpy as np
from hypothesis import given

from feedbackalign.networks.jacobians import dense_chain, forward, pre_jacobians
from feedbackalign.rules.control.diagnostics import has_diverged
from feedbackalign.rules.control.dynamics import Controller, linear_control, loop, settle
from feedbackalign.rules.control.feedback import drawn_feedback, fixed_feedback
from tests.rules.control.cases import network
from tests.strategies import dense_networks_with_batch


@given(case=dense_networks_with_batch())
def test_drawn_feedback_is_stable_for_every_input(case):
    net, x, _, rng = case
    stages = dense_chain(net)
    seen = forward(stages, 3 * x)
    Q = drawn_feedback(stages, rng)
    assert np.linalg.eigvals(loop(stages, seen, Q)).real.min() >= 0.5 - 1e-9
    state = settle(stages, seen, seen.output + 0.1, Q, Controller(), steps=300)
    assert not has_diverged(seen, state, seen.output + 0.1).any()


def test_fixed_feedback_is_the_transposed_path():
    rng = np.random.default_rng(0)
    _, stages, seen = network(rng, (5, 7, 6, 3), "identity")
    for q, J in zip(fixed_feedback(stages), pre_jacobians(stages, seen)):
        np.testing.assert_allclose(q, J[0].T, rtol=1e-13, atol=1e-14)
    control = linear_control(stages, seen, np.ones((1, 3)), fixed_feedback(stages), 0.0)
    assert np.isfinite(control).all()


def test_drawn_feedback_is_xaviers_where_the_weights_are_small():
    rng = np.random.default_rng(0)
    _, stages, _ = network(rng, (5, 300, 200), gain=1e-3)
    hidden, top = drawn_feedback(stages, rng)
    assert abs(hidden.std() / (2 / 500) ** 0.5 - 1) < 0.02 and np.array_equal(top, np.eye(200))
    _, stages, _ = network(rng, (5, 300, 200), gain=10.0)
    assert np.linalg.norm(stages[1].layer.weight @ drawn_feedback(stages, rng)[0], 2) <= 0.5
