"""dfc, dfc-ss and dfc-ssa as rules: three ways to one update, what is refused, what is recorded."""

import copy

import numpy as np
import pytest

from feedbackalign import alignment, rules
from feedbackalign.layers import Conv2d, Flatten, Linear
from feedbackalign.networks import Network, autoencoder
from feedbackalign.networks.jacobians import damped_pinv, dense_chain, forward, pre_jacobians
from feedbackalign.optimizer import SGD
from feedbackalign.rules.control.dynamics import UnstableControllerError
from feedbackalign.rules.control.feedback import fixed_feedback
from feedbackalign.training.loop import train_step
from tests.rules.tools import assert_close, dense_case, distance, frozen, make

NAMES = ["dfc", "dfc-ss", "dfc-ssa"]
SIMULATED = NAMES[:2]
every_variant = pytest.mark.parametrize("name", NAMES)
every_simulation = pytest.mark.parametrize("name", SIMULATED)


def unstable(name, sign=-1.0, **options):
    """A rule whose control pushes the output away from the target, and a batch."""
    net, x, labels = dense_case(activation="tanh")
    rule = make(name, net, **options)
    rule.set_feedback("fc3", Q=sign * np.eye(3))
    return rule, x, labels


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


@every_variant
def test_the_update_has_a_gradients_scale_whatever_the_target_step(name):
    """Per sample, divided by λ once and by N once: λ and repeated samples leave it as it is."""
    net, x, labels = dense_case(activation="tanh")
    grads = {step: make(name, net, target_step=step).gradients(x, labels).grads for step in (1e-3, 1e-4)}
    assert_close(grads[1e-3], grads[1e-4], 0.01)
    twice = make(name, net, target_step=1e-3).gradients(np.concatenate([x, x]), np.concatenate([labels, labels]))
    assert_close(twice.grads, grads[1e-3], 1e-10)
    top = make("bp", net).gradients(x, labels).grads["fc3.weight"]
    assert 0.3 < np.linalg.norm(grads[1e-3]["fc3.weight"]) / np.linalg.norm(top) < 1.2


@every_variant
def test_it_goes_downhill_on_a_regression_too(name):
    rng = np.random.default_rng(0)
    net = autoencoder([6, 5, 3], rng=rng, dtype=np.float64)
    x, rule, sgd = rng.normal(size=(20, 6)), make(name, net, sleep_updates=0), SGD(0.1)
    losses = [train_step(rule, sgd, x, x).loss for _ in range(20)]
    assert losses[-1] < 0.9 * losses[0]


# ------------------------------------------------------------------------------------------------------- references

@every_variant
def test_its_claim_is_gauss_newton_of_all_layers_together(name):
    net, x, labels = dense_case(activation="tanh")
    found = make(name, net, gamma=0.25).references(x, labels)
    assert list(found) == ["joint-gauss-newton(0.25)", "minimum-norm(0.25)", "backprop"]
    stages = dense_chain(net)
    seen, by_hand, joint = forward(stages, x), 0.0, 0.0
    error = net.sample_errors(seen.output, labels)
    blocks = pre_jacobians(stages, seen)
    J = np.concatenate(blocks, axis=2)
    for n in range(len(x)):
        gram = sum((r[n] @ r[n] + 1) * block[n] @ block[n].T for block, r in zip(blocks, seen.post))    # J_W J_Wᵀ
        push = blocks[1][n].T @ np.linalg.inv(gram + 0.25 * np.eye(3)) @ error[n]
        joint = joint + np.outer(push, seen.post[1][n]) / len(x)
        push = damped_pinv(J[n], 0.25) @ error[n]
        by_hand = by_hand + np.outer(push[5:9], seen.post[1][n]) / len(x)       # 6-5-4-3: the second layer's four units
    np.testing.assert_allclose(found["minimum-norm(0.25)"]["fc2.weight"], by_hand, rtol=1e-10)
    np.testing.assert_allclose(found["joint-gauss-newton(0.25)"]["fc2.weight"], joint, rtol=1e-10)
    assert_close(found["backprop"], make("bp", net).gradients(x, labels).grads)


def test_with_ideal_feedback_it_is_the_minimum_norm_update():
    """One sample, Q = Jᵀ, α small: Q (JQ)⁻¹ δ is J^† δ."""
    net, x, labels = dense_case(activation="tanh", N=1)
    rule = make("dfc-ssa", net, gamma=0.0, alpha=0.0, target_step=1e-5, signal="voltages")
    stages = dense_chain(net)
    for stage, J in zip(stages, pre_jacobians(stages, forward(stages, x))):
        rule.set_feedback(stage.name, Q=J[0].T)
    angles = alignment.update_angles(rule, x, labels, to="minimum-norm(0)")
    assert max(angles.values()) < 1e-3
    assert alignment.update_angles(rule, x, labels, to="backprop")["fc1.weight"] > 1


# --------------------------------------------------------------------------------------------------- feedback

@every_variant
def test_the_output_s_feedback_stands_still_unless_it_is_told_to_learn(name):
    net, x, labels = dense_case(activation="tanh")
    for option, learning in (("identity", ["fc1.Q", "fc2.Q"]), ("learned", ["fc1.Q", "fc2.Q", "fc3.Q"])):
        rule = make(name, copy.deepcopy(net), output_feedback=option)
        before = {key: q.copy() for key, q in rule.Q.items()}
        assert list(rule.plastic()) == learning and np.array_equal(rule.Q["fc3"], np.eye(3))
        rule.after_batch(x, labels)
        assert [f"{key}.Q" for key, q in rule.Q.items() if (q != before[key]).any()] == learning
        assert sorted([*rule.plastic(), *rule.constants()]) == ["fc1.Q", "fc2.Q", "fc3.Q"]


def test_fixed_feedback_never_moves():
    net, x, labels = dense_case(activation="tanh")
    rule = make("dfc-ssa", net, feedback="fixed")
    assert not rule.plastic() and len(rule.constants()) == 3
    for q, exact in zip(rule.arrays(), fixed_feedback(dense_chain(net))):
        assert np.array_equal(q, exact)
    before = frozen(rule.Q)
    rule.before_training([(x, labels)])
    for _ in range(3):
        train_step(rule, SGD(0.1), x, labels)
    assert frozen(rule.Q) == before


def test_pretraining_is_so_many_phases_however_few_batches_there_are():
    net, x, labels = dense_case(activation="tanh")
    rule = make("dfc-ssa", net, pretraining=7)
    rule.before_training([(x, labels), (x[:3], labels[:3])])
    assert rule.feedback_optimizer.steps == 7
    train_step(rule, SGD(0.1), x, labels)
    assert rule.feedback_optimizer.steps == 8
    rule = make("dfc-ssa", net, sleep_updates=3, pretraining=0)
    rule.before_training([(x, labels)])
    train_step(rule, SGD(0.1), x, labels)
    assert rule.feedback_optimizer.steps == 3


@pytest.mark.slow
def test_sleep_brings_the_feedback_to_condition_2():
    net, x, labels = dense_case(activation="tanh", sizes=(8, 10, 9, 4), N=30)
    rule = make("dfc-ssa", net, pretraining=600)
    start = make("dfc-ssa", net, pretraining=0)
    start.before_training([(x, labels)])
    rule.before_training([(x, labels)])
    assert rule.notes()["condition2"] > 0.9 > start.notes()["condition2"]


def test_the_state_holds_the_moments_and_the_sums_of_the_epoch():
    net, x, labels = dense_case(activation="tanh")
    rule = make("dfc", net, control_steps=20)
    train_step(rule, SGD(0.1), x, labels)
    state = rule.state()
    assert {"feedback_optimizer/first/fc1.Q", "feedback_optimizer/second/fc2.Q", "feedback_optimizer/steps",
            "epochs"} <= set(state)
    fresh = make("dfc", copy.deepcopy(net), seed=3, control_steps=20)
    fresh.load_state(state)
    assert fresh.epoch.running == rule.epoch.running and fresh.epoch.running["samples"] == [7]
    assert fresh.feedback_optimizer.steps == 1


def test_the_feedback_learns_on_in_another_precision():
    net, x, labels = dense_case(activation="tanh")
    rule = make("dfc-ssa", net)
    rule.after_batch(x, labels)
    rule.astype(np.float32)
    rule.after_batch(x.astype(np.float32), labels)
    held = rule.feedback_optimizer
    assert {a.dtype for a in [*held.first.values(), *held.second.values(), *rule.Q.values()]} == {np.dtype(np.float32)}


# ------------------------------------------------------------------------------------------------- the record

@every_variant
def test_the_notes_of_an_epoch(name):
    net, x, labels = dense_case(activation="tanh")
    rule = make(name, net, pretraining=2, **({} if name == "dfc-ssa" else {"control_steps": 2000, "alpha": 0.2}))
    rule.before_training([(x, labels)])
    conditions = {"condition1", "condition2", "smallest_eigenvalue", "stable"}
    assert set(rule.notes()) == conditions                      # no batch has been seen awake yet
    for _ in range(2):
        train_step(rule, SGD(1e-3), x, labels)
    rule.after_epoch([(x, labels)])
    simulated = {"converged", "diverged"} if name in SIMULATED else set()
    notes = rule.notes()
    assert set(notes) == conditions | {"residual"} | simulated
    assert 0 < notes["condition2"] <= 1 and notes["stable"] == 1.0 and notes["smallest_eigenvalue"] > 0
    if simulated:
        assert notes["converged"] == 1.0 and notes["diverged"] == 0.0 and notes["residual"] < 1e-5
    rule.after_epoch([(x, labels)])
    assert set(rule.notes()) == conditions


@every_simulation
def test_the_trace_has_a_row_a_phase(name):
    net, x, labels = dense_case(activation="tanh")
    rows = [row for row in make(name, net, control_steps=2500, alpha=0.2).trace(x, labels) if "phase" in row]
    assert [row["phase"] for row in rows] == ["feedforward", "controlled", "steady state, to first order"]
    assert [row["steps"] for row in rows] == [0, 2500, None]
    assert rows[1]["loss"] < rows[0]["loss"] and abs(rows[1]["loss"] - rows[2]["loss"]) < 1e-3
    assert rows[1]["converged"] == 1.0 and rows[1]["residual"] < 1e-5
    assert len(make("dfc-ssa", net).trace(x, labels)) == 2 + 3
    rule, x, labels = unstable(name, control_steps=400)
    assert {row["phase"] for row in rule.trace(x, labels)} >= {"feedforward"}               # and no layers


@every_variant
def test_the_trace_of_the_layers_is_what_the_measures_say(name):
    net, x, labels = dense_case(activation="tanh")
    rule = make(name, net)
    rows = [row for row in rule.trace(x, labels) if "layer" in row]
    assert [row["layer"] for row in rows] == ["fc3", "fc2", "fc1"]
    for reference in ("joint-gauss-newton(0.1)", "minimum-norm(0.1)", "backprop"):
        angles = alignment.update_angles(rule, x, labels, to=reference)
        for row in rows:
            np.testing.assert_allclose(row[f"angle_to_{reference}"], angles[f"{row['layer']}.weight"], rtol=1e-9)
    exact = np.linalg.norm(make(name, net).gradients(x, labels).grads["fc1.weight"])
    np.testing.assert_allclose(rows[-1]["update_norm"], exact, rtol=1e-9)
    assert rows[0]["push"] == "Q u, Q (3, 3)" and rows[0]["push_norm"] > 0


# -------------------------------------------------------------------------------------------------------- bad input

@every_simulation
def test_a_controller_that_runs_away_is_told_by_its_eigenvalue(name):
    rule, x, labels = unstable(name, control_steps=2000)
    with pytest.raises(UnstableControllerError, match=rf"{name}: the controller ran away from its target in \d of 7 "
                       r"samples; at sample \d its linearised dynamics has an eigenvalue of real part \+.*, and J Q "
                       r"one of real part −?-.*right of −alpha = -0.02: make alpha larger or k_p smaller"):
        rule.gradients(x, labels)


@every_simulation
def test_steps_that_overshoot_are_told_apart_from_an_unstable_controller(name):
    rule, x, labels = unstable(name, sign=40.0, control_steps=300, dt=0.2, tau=0.2, k_p=0.0)
    with pytest.raises(UnstableControllerError, match=r"decays everywhere .*overshoot.*Make dt or the target step"):
        rule.gradients(x, labels)


@every_variant
def test_a_controller_that_is_not_stable_after_pretraining_is_refused(name):
    rule, x, labels = unstable(name, pretraining=0)
    with pytest.raises(UnstableControllerError, match=f"{name}: the controller is not stable: .*eigenvalue"):
        rule.before_training([(x, labels)])


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


@every_variant
def test_what_is_neither_true_nor_false_is_refused(name):
    options = ["own_rates"] if name == "dfc-ssa" else ["own_rates", "proactive", "only_converged"]
    for option in options:
        with pytest.raises(TypeError, match=f"{option}: expected True or False, got 'no'"):
            make(name, dense_case()[0], **{option: "no"})


@every_variant
def test_layers_that_are_not_dense_are_refused_by_name(name):
    rng = np.random.default_rng(0)
    net = Network([Conv2d(1, 2, 3, rng=rng), Flatten(), Linear(8, 3, rng=rng)], input_shape=(1, 4, 4))
    with pytest.raises(ValueError, match="conv1 cannot be taken: expected dense layers alone"):
        make(name, net)


@every_variant
@pytest.mark.parametrize(("options", "says"), [
    ({"target_step": 1e-9}, "target_step: expected at least 1.5e-08 in float64, got 1e-09"),
    ({"target_step": 0}, "target_step: expected a finite number"),
    ({"alpha": -1}, "alpha: expected a finite number"),
    ({"signal": "rate"}, "unknown signal 'rate': did you mean 'rates'"),
    ({"feedback": "learn"}, "unknown feedback 'learn': did you mean 'learned'"),
    ({"output_feedback": "I"}, "unknown output_feedback 'I'"),
    ({"leak": "both"}, "unknown leak 'both'"),
    ({"sigma": 0}, "sigma: expected a finite number"),
    ({"sleep_alpha": -0.5}, "alpha: expected a finite number"),
    ({"sleep_steps": 1}, "sleep_steps: expected an integer of at least 2"),
    ({"pretraining": -1}, "pretraining: expected an integer of at least 0"),
    ({"gamma": -1}, "gamma: expected a finite number"),
    ({"feedback_lr": 0}, "lr: expected a finite number"),
])
def test_bad_options_are_refused(name, options, says):
    with pytest.raises(ValueError, match=says):
        make(name, dense_case()[0], **options)


def test_a_step_longer_than_the_time_constant_is_refused():
    with pytest.raises(ValueError, match="dt: expected a step no longer than the time constant tau = 0.2, got 0.3"):
        make("dfc", dense_case()[0], dt=0.3)


def test_float32_asks_for_a_larger_target_step():
    with pytest.raises(ValueError, match="target_step: expected at least 3.5e-04 in float32"):
        make("dfc-ssa", dense_case(dtype=np.float32)[0], target_step=1e-4)


def test_a_singular_loop_is_told_by_the_rule_too():
    net, x, labels = dense_case(activation="tanh")
    rule = make("dfc-ssa", net, alpha=0.0)
    for stage in rule.stages:
        rule.set_feedback(stage.name, Q=rule.Q[stage.name] * np.array([1.0, 1.0, 0.0]))
    with pytest.raises(ValueError, match=r"J Q \+ 0 I is singular at sample \d"):
        rule.gradients(x, labels)


def test_the_simulations_take_the_options_of_the_solve_and_their_own():
    solved, simulated = (rules.options_of(name) for name in ("dfc-ssa", "dfc"))
    assert set(simulated) - set(solved) == {"control_steps", "dt", "tau", "proactive", "only_converged"}
    assert list(simulated)[:len(solved)] == list(solved) and rules.options_of("dfc-ss") == simulated
