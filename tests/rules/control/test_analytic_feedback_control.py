"""What dfc-ssa, dfc and dfc-ss share: scale, references, feedback that sleeps, notes, state, and what is refused."""

import copy

import numpy as np
import pytest

from feedbackalign import alignment
from feedbackalign.layers import Conv2d, Flatten, Linear
from feedbackalign.networks import Network, autoencoder
from feedbackalign.networks.jacobians import damped_pinv, dense_chain, forward, pre_jacobians
from feedbackalign.optimizer import SGD, Adam
from feedbackalign.rules.control.dynamics import Noise, UnstableControllerError
from feedbackalign.rules.control.feedback import fixed_feedback
from feedbackalign.rules.control.sleep import sleep_change
from feedbackalign.training.loop import train_step
from tests.rules.control.cases import unstable
from tests.rules.tools import assert_close, dense_case, frozen, make

NAMES = ["dfc", "dfc-ss", "dfc-ssa"]
SIMULATED = NAMES[:2]
every_variant = pytest.mark.parametrize("name", NAMES)


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
def test_the_outputs_feedback_learns_only_by_its_option(name):
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


@pytest.mark.parametrize("longest", [None, 1e-3])
def test_the_feedback_learns_by_the_adam_that_was_asked_for(longest):
    """Two phases of the authors' kind: a floor under σ, a clipped norm, and β₁, β₂, ε other than Adam's usual ones."""
    net, x, labels = dense_case(activation="tanh")
    adam = {"feedback_lr": 0.01, "feedback_decay": 0.2, "feedback_beta1": 0.5, "feedback_beta2": 0.7,
            "feedback_epsilon": 0.3}
    asleep = {"sigma": 0.002, "sigma_floor": 0.01, "feedback_clip": longest, "output_feedback": "learned"}
    rule = make("dfc-ssa", net, **adam, **asleep)
    twin, seen = copy.deepcopy(rule), forward(rule.stages, x)
    by_hand = Adam(0.01, betas=(0.5, 0.7), epsilon=0.3, weight_decay=0.2)
    for _ in range(2):
        changes = sleep_change(rule.stages, seen, twin.arrays(), rule.sleep_controller, Noise(twin.rng, 0.002),
                               steps=40)
        changes = [change * 0.2**2 for change in changes]                                   # σ²/0.01²
        downhill = {f"fc{i}.Q": -change * (longest / np.linalg.norm(change) if longest else 1.0)
                    for i, change in enumerate(changes, start=1)}
        by_hand.step(twin.plastic(), downhill)
        rule.after_batch(x, labels)
        assert_close(rule.plastic(), twin.plastic(), 1e-12)
    assert min(np.linalg.norm(change) for change in changes) > 1e-3                         # all were clipped


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


# -------------------------------------------------------------------------------------------------- the record

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

@every_variant
def test_a_controller_that_is_not_stable_after_pretraining_is_refused(name):
    rule, x, labels = unstable(name, pretraining=0)
    with pytest.raises(UnstableControllerError, match=f"{name}: the controller is not stable: .*eigenvalue"):
        rule.before_training([(x, labels)])


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
    ({"feedback_lr": 0}, "feedback_lr: expected a finite number"),
    ({"feedback_decay": -1}, "feedback_decay: expected a finite number"),
    ({"feedback_beta1": 1}, r"feedback_beta1: expected a finite number in \[0, 1\)"),
    ({"feedback_beta2": -0.1}, "feedback_beta2: expected a finite number"),
    ({"feedback_epsilon": 0}, "feedback_epsilon: expected a finite number"),
    ({"feedback_clip": 0}, "feedback_clip: expected a finite number"),
    ({"sigma_floor": -1}, "sigma_floor: expected a finite number"),
])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_bad_options_are_refused(name, dtype, options, says):
    with pytest.raises(ValueError, match=says):
        make(name, dense_case(dtype=dtype)[0], **options)


def test_a_singular_loop_is_refused_by_the_rule_too():
    net, x, labels = dense_case(activation="tanh")
    rule = make("dfc-ssa", net, alpha=0.0)
    for stage in rule.stages:
        rule.set_feedback(stage.name, Q=rule.Q[stage.name] * np.array([1.0, 1.0, 0.0]))
    with pytest.raises(ValueError, match=r"J Q \+ 0 I is singular at sample \d"):
        rule.gradients(x, labels)
