"""The simulated rules dfc and dfc-ss: where they end, what runs away, and which samples count."""

import copy

import pytest

from feedbackalign import rules
from feedbackalign.rules.control.dynamics import UnstableControllerError
from tests.rules.control.cases import unstable
from tests.rules.tools import assert_close, dense_case, distance, make

SIMULATED = ["dfc", "dfc-ss"]
every_simulation = pytest.mark.parametrize("name", SIMULATED)


# ------------------------------------------------------------------------------------------ three ways to one update

@pytest.mark.parametrize("leak", ["integral", "total"])
@pytest.mark.parametrize("options", [{}, {"signal": "voltages", "own_rates": True}])
def test_in_a_linear_network_the_solve_is_where_the_simulation_ends(leak, options):
    net, x, labels = dense_case(activation="identity", loss="squared-error")
    common = {"alpha": 0.2, "leak": leak, **options}
    ends = make("dfc-ss", net, control_steps=2500, dt=0.05, **common).gradients(x, labels).grads
    solved = make("dfc-ssa", net, **common).gradients(x, labels).grads
    assert_close(ends, solved, 1e-8)
    other = make("dfc-ssa", net, **{**common, "leak": "total" if leak == "integral" else "integral"})
    assert distance(other.gradients(x, labels).grads["fc1.weight"], solved["fc1.weight"]) > 1e-3


def test_the_time_mean_comes_nearer_the_longer_it_runs():
    net, x, labels = dense_case(activation="tanh")
    solved = make("dfc-ssa", net, alpha=0.2).gradients(x, labels).grads["fc1.weight"]
    gaps = [distance(make("dfc", net, alpha=0.2, control_steps=steps).gradients(x, labels).grads["fc1.weight"], solved)
            for steps in (300, 3000)]
    assert 0.02 < gaps[0] < 0.5 and gaps[1] < 0.2 * gaps[0]


@every_simulation
def test_the_trace_has_one_row_per_phase(name):
    net, x, labels = dense_case(activation="tanh")
    rows = [row for row in make(name, net, control_steps=2500, alpha=0.2).trace(x, labels) if "phase" in row]
    assert [row["phase"] for row in rows] == ["feedforward", "controlled", "steady state, to first order"]
    assert [row["steps"] for row in rows] == [0, 2500, None]
    assert rows[1]["loss"] < rows[0]["loss"] and abs(rows[1]["loss"] - rows[2]["loss"]) < 1e-3
    assert rows[1]["converged"] == 1.0 and rows[1]["residual"] < 1e-5
    assert len(make("dfc-ssa", net).trace(x, labels)) == 2 + 3
    rule, x, labels = unstable(name, control_steps=400)
    assert {row["phase"] for row in rule.trace(x, labels)} >= {"feedforward"}               # and no layers


# -------------------------------------------------------------------------------------------------------- bad input

@every_simulation
def test_a_controller_that_runs_away_is_reported_with_its_eigenvalue(name):
    rule, x, labels = unstable(name, control_steps=2000)
    with pytest.raises(UnstableControllerError, match=rf"{name}: the controller ran away from its target in \d of 7 "
                       r"samples; at sample \d its linearised dynamics has an eigenvalue of real part \+.*, and J Q "
                       r"one of real part −?-.*right of −alpha = -0.02: make alpha larger or k_p smaller"):
        rule.gradients(x, labels)


@every_simulation
def test_steps_that_overshoot_have_their_own_message(name):
    rule, x, labels = unstable(name, sign=40.0, control_steps=300, dt=0.2, tau=0.2, k_p=0.0)
    with pytest.raises(UnstableControllerError, match=r"decays everywhere .*overshoot.*Make dt or the target step"):
        rule.gradients(x, labels)


@every_simulation
def test_samples_that_run_away_are_left_out_and_counted(name):
    """Of seven samples two are unstable: what is learnt is the others', over seven."""
    net, x, labels = dense_case(activation="relu", sizes=(6, 5, 3), N=7)
    rule = make(name, net, control_steps=1500)
    net.layer("fc1").weight[0] = 0.0
    net.layer("fc1").weight[0, 0] = 1.0
    net.layer("fc1").bias[0] = 0.0
    net.layer("fc2").weight[:, 0] = [3.0, 0.0, 0.0]             # unit 0 is on where x₀ > 0, and then is pushed wrongly
    Q = rule.Q["fc1"] * 0
    Q[0] = [-1.0, 0.0, 0.0]
    rule.set_feedback("fc1", Q=Q)
    x[:, 0] = [1.0, -1.0, -1.0, 1.0, -1.0, -1.0, -1.0]
    kept = x[:, 0] < 0
    step = rule.gradients(x, labels)
    assert rule.epoch.running["diverged"] == [2] and rule.epoch.running["samples"] == [7]
    alone = make(name, copy.deepcopy(net), control_steps=1500)
    alone.set_feedback("fc1", Q=Q)
    exact = alone.gradients(x[kept], labels[kept])
    assert_close({key: 7 / 5 * gradient for key, gradient in step.grads.items()}, exact.grads, 1e-10)


def test_only_what_has_converged_may_count():
    net, x, labels = dense_case(activation="tanh")
    short, long = ({"control_steps": steps, "alpha": 0.2, "only_converged": True} for steps in (100, 2500))
    assert all((gradient == 0).all() for gradient in make("dfc", net, **short).gradients(x, labels).grads.values())
    everything = make("dfc", net, control_steps=2500, alpha=0.2).gradients(x, labels)
    assert_close(make("dfc", net, **long).gradients(x, labels).grads, everything.grads)


def test_an_epoch_in_which_nothing_that_may_count_has_converged_is_refused():
    net, x, labels = dense_case(activation="tanh")
    for steps, refused in ((100, True), (2500, False)):
        rule = make("dfc", net, control_steps=steps, alpha=0.2, only_converged=True)
        rule.gradients(x, labels)
        if refused:
            with pytest.raises(ValueError, match=r"none came within 1e-5 of its steady state in 100 steps"):
                rule.after_epoch([(x, labels)])
        else:
            rule.after_epoch([(x, labels)])
            assert rule.notes()["converged"] == 1


def test_a_step_longer_than_the_time_constant_is_refused():
    with pytest.raises(ValueError, match="dt: expected a step no longer than the time constant tau = 0.2, got 0.3"):
        make("dfc", dense_case()[0], dt=0.3)


def test_the_simulations_take_the_options_of_the_solve_and_their_own():
    solved, simulated = (rules.options_of(name) for name in ("dfc-ssa", "dfc"))
    assert set(simulated) - set(solved) == {"control_steps", "dt", "tau", "proactive", "only_converged"}
    assert list(simulated)[:len(solved)] == list(solved) and rules.options_of("dfc-ss") == simulated
