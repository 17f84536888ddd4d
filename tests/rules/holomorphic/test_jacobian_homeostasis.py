"""`hep-homeo` as a rule: what it adds to `hep`, from which noise, and that it turns W and B towards each other."""

import copy

import numpy as np
import pytest

from feedbackalign import alignment, rules
from feedbackalign.figures.experiments.homeostasis import homeostasis_rows
from feedbackalign.networks import mlp
from feedbackalign.optimizer import SGD
from feedbackalign.rules.holomorphic import homeostasis
from feedbackalign.rules.holomorphic.holomorphic_equilibrium_propagation import HolomorphicEP
from feedbackalign.rules.holomorphic.jacobian_homeostasis import JacobianHomeostasis
from feedbackalign.runs.run import Run
from feedbackalign.training.loop import train_step
from tests.rules.holomorphic.cases import conv_case
from tests.rules.tools import frozen

ESTIMATES = ("closed-form", "full", "local")
every_estimate = pytest.mark.parametrize("estimate", ESTIMATES)


def small(kind=JacobianHomeostasis, dtype=np.float64, seed=1, **options):
    rng = np.random.default_rng(0)
    net = mlp([5, 6, 7, 4], activation="dsilu", rng=rng, dtype=dtype)
    rule = rules.make(kind, net, rng=np.random.default_rng(seed), mode="tangent", **options)
    return rule, rng.normal(size=(3, 5)).astype(dtype), np.array([0, 3, 1])


@every_estimate
def test_it_is_hep_plus_the_pull_divided_by_the_number_of_neurons(estimate):
    plain, x, labels = small(HolomorphicEP)
    rule, _, _ = small(coefficient=2.0, estimate=estimate)
    pull = copy.deepcopy(rule).homeostatic_gradients(rule.free_phase(x)[0])
    assert pull.keys() == {"fc2.weight", "fc2.B"}
    grads, task = rule.gradients(x, labels).grads, plain.gradients(x, labels).grads
    assert grads.keys() == task.keys() and rule.predict(x).shape == (3, 4)
    for name in grads:
        added = 2.0 / 13 * pull[name] if name in pull else 0.0          # 6 + 7 settling neurons
        np.testing.assert_allclose(grads[name], task[name] + added, rtol=1e-12, atol=1e-15)


def test_a_coefficient_of_zero_is_hep():
    plain, x, labels = small(HolomorphicEP)
    rule, _, _ = small(coefficient=0.0, estimate="closed-form")
    assert frozen(rule.gradients(x, labels).grads) == frozen(plain.gradients(x, labels).grads)
    assert frozen(rule.references(x, labels)) == frozen(plain.references(x, labels))


def test_there_are_probes_times_samples_drawn_by_the_rule():
    """Each sample's probes meet its own free state."""
    case = conv_case(kind=JacobianHomeostasis, pooling="softmax", probes=3)
    rule, twin = case.rule, copy.deepcopy(case.rule)
    pull = rule.homeostatic_gradients(case.free)
    noise = homeostasis.draw_probes(rule.chain, 9, twin.rng)
    states = [state[[0, 0, 0, 1, 1, 1, 2, 2, 2]] for state in case.free]
    again = homeostasis.probed_chain_gradient(rule.chain, states, rule.B, noise, local=True)
    assert frozen(pull) == frozen(again) and rule.rng.random() == twin.rng.random()
    assert frozen(rule.homeostatic_gradients(case.free)) != frozen(pull)        # fresh noise every time


@every_estimate
def test_float32_stays_float32_and_measuring_draws_nothing(estimate):
    rule, x, labels = small(dtype=np.float32, estimate=estimate)
    step = train_step(rule, SGD(lr=0.1, momentum=0.9), x, labels)
    assert all(gradient.dtype == np.float32 for gradient in step.grads.values())
    before = frozen(rule)
    first, again = (alignment.update_angles(rule, x, labels) for _ in range(2))
    rule.trace(x, labels), rule.references(x, labels), rule.notes()
    assert frozen(rule) == before and first == again


@pytest.mark.parametrize("estimate", ["full", "local"])
def test_a_fresh_rule_goes_on_with_the_same_noise(estimate):
    rule, x, labels = small(estimate=estimate)
    train_step(rule, SGD(lr=0.1), x, labels)
    other = rules.make(JacobianHomeostasis, copy.deepcopy(rule.network), rng=np.random.default_rng(50), mode="tangent",
                       estimate=estimate)
    other.load_state(rule.state())
    for each in (rule, other):
        train_step(each, SGD(lr=0.1), x, labels)
    assert frozen(rule.state()) == frozen(other.state())


@pytest.mark.parametrize("pooling", [None, pytest.param("softmax", marks=pytest.mark.slow)])
@pytest.mark.parametrize("estimate", [pytest.param("full", marks=pytest.mark.slow), "local"])
def test_convolutions_are_pulled_together(estimate, pooling):
    case = conv_case(kind=JacobianHomeostasis, pooling=pooling, coefficient=60.0, estimate=estimate, mode="tangent",
                     probes=10)
    rule, before = case.rule, alignment.weight_angles(case.rule)
    for _ in range(40):
        train_step(rule, SGD(lr=0.05), case.x, case.labels)
    after = alignment.weight_angles(rule)
    assert all(after[name] < 0.5 * before[name] for name in ("conv2", "fc1")), (before, after)


@pytest.mark.parametrize(("options", "says"), [
    ({"coefficient": -1}, r"coefficient: expected a finite number in \[0"),
    ({"probes": 0}, "probes: expected an integer of at least 1"),
    ({"estimate": "exact"}, "unknown estimate 'exact'"),
    ({"radius": 0.0, "mode": "points"}, "radius: expected a finite number"),
])
def test_bad_options_are_refused(options, says):
    net = mlp([3, 4, 4, 2], activation="dsilu", rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match=says):
        rules.make(JacobianHomeostasis, net, rng=np.random.default_rng(1), **options)


def test_what_has_no_closed_form_is_refused_by_name():
    with pytest.raises(ValueError, match="conv2: the closed form takes dense layers"):
        conv_case(kind=JacobianHomeostasis, estimate="closed-form")


def test_the_common_run_trains_it_on_the_settling_model_as_it_is():
    rows = Run(JacobianHomeostasis, model="settling", hidden=(24, 24), epochs=2, lr=0.1,
               options=(("mode", "tangent"), ("coefficient", 20.0))).train()
    first, last = rows[0], rows[-1]
    assert last["rule"] == "hep-homeo" and last["activation"] == "dsilu"        # soft clips settle with dsilu
    assert last["weight_angle"]["fc2"] < first["weight_angle"]["fc2"] - 20
    assert last["test_accuracy"] > first["test_accuracy"]


@pytest.mark.slow
def test_homeostasis_restores_learning_without_symmetry():
    """64-64-64-10 and a readout on the digits, B drawn apart from W, eight epochs, seeds 0, 1, 2."""
    rows = [row for row in homeostasis_rows(seeds=3, epochs=8) if row["epoch"] == 8]
    with_, without = ([row for row in rows if row["rule"] == name] for name in ("hep-homeo", "hep"))
    gain = np.mean([row["test_accuracy"] for row in with_]) - np.mean([row["test_accuracy"] for row in without])
    assert len(with_) == len(without) == 3 and gain >= 0.08, gain
    assert all(row["feedback_angle"] <= 30 and row["cosine"]["fc1"] >= 0.8 for row in with_)
    assert all(row["feedback_angle"] >= 70 and row["cosine"]["fc1"] <= 0.55 for row in without)
