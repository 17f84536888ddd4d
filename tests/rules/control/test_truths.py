"""What `feedbackalign check` shows of the controller holds at any seed."""

import numpy as np
import pytest

from feedbackalign.networks.jacobians import pre_jacobians
from feedbackalign.rules import TABLE
from feedbackalign.rules.control import truths
from tests.rules.tools import wrong_truths

NAMES = ["dfc", "dfc-ss", "dfc-ssa"]


def test_all_three_rules_have_the_same_truths():
    truths_of = [TABLE[name].own_truths for name in NAMES]
    assert truths_of == 3 * [(truths.settling, truths.inversion, truths.gauss_newton, truths.zero_error)]


@pytest.mark.parametrize("seed", range(20))
def test_the_truths_of_steady_states_hold(seed):
    assert wrong_truths(TABLE["dfc-ssa"], [truths.inversion, truths.gauss_newton, truths.zero_error], seed) == []


@pytest.mark.parametrize("seed", range(2))
def test_the_simulation_settles_as_it_should(seed):
    assert wrong_truths(TABLE["dfc"], [truths.settling], seed) == []


@pytest.mark.parametrize("name", NAMES)
def test_an_output_that_is_right_teaches_nothing(name):
    assert wrong_truths(TABLE[name], [truths.zero_error], 0) == []


def test_the_feedback_of_the_truths_meets_condition_2():
    _, stages, seen, _, _ = truths.controlled_case(np.random.default_rng(0))
    Q, M = truths.spanning_feedback(stages, seen, np.random.default_rng(1))
    np.testing.assert_allclose(M, np.eye(3) + 0.2 * np.random.default_rng(1).normal(size=(3, 3)) / 3**0.5)
    for q, J in zip(Q, pre_jacobians(stages, seen)):
        np.testing.assert_allclose(q, J[0].T @ M)


@pytest.mark.parametrize(("broken", "truth", "says"), [
    ("damped_pinv", truths.inversion, "Q (JQ)⁻¹ against J^†"),
    ("joint_gauss_newton", truths.gauss_newton, "conditions 1 and 2"),
    ("steady_state", truths.settling, "linear network"),
])
def test_a_wrong_formula_is_found(broken, truth, says, monkeypatch):
    right = getattr(truths, broken)
    wrong = {"damped_pinv": lambda J: 1.001 * right(J),
             "joint_gauss_newton": lambda stages, seen, error, gamma: right(stages, seen, error, 0.1),
             "steady_state": lambda stages, seen, delta, Q, damping: right(stages, seen, delta, Q, 1.01 * damping)}
    monkeypatch.setattr(truths, broken, wrong[broken])
    found = wrong_truths(TABLE["dfc-ssa"], [truth], 0)
    assert found and says in found[0]
