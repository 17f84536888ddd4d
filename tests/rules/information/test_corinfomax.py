"""The rule: held against a case by hand and a second writing of it, its exact truths, and what it must not become."""

import copy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedbackalign import networks, rules, training
from feedbackalign.alignment import angle, relative_distance
from feedbackalign.networks.chains import UnfitNetworkError
from feedbackalign.optimizer import SGD
from feedbackalign.rules.information import corinfomax
from feedbackalign.rules.information.corinfomax import CorInfoMax
from feedbackalign.rules.information.dynamics import Activity, next_activity, restarted
from feedbackalign.training import train_step
from tests.rules.information import oracle
from tests.rules.information.cases import LABELS, X, clear, drawn, golden
from tests.rules.tools import frozen, wrong_truths
from tests.small_runs import SmallRun
from tests.strategies import generators

FREE = [[0.306477614113, 0.069921312802], [0, 0.216730864667]], [[0.160133047762, 0.017643824188], [0, 0.119902657698]]
NUDGED = [[0.316523395393, 0.087018367773], [0, 0.244060760841]], [[0.261306009388, 0.021132749627],
                                                                   [0, 0.232870295403]]
CONTRAST = {"fc1.weight": [[0.009297154383, 0.008698252865, 0.002864009004],
                           [0.006832474044, 0.012298453278, 0.001366494809]],
            "fc2.weight": [[0.014740426125, -0.000528572535], [0.004705012847, 0.011624628095]],
            "fc2.Wb": [[0.012420564621, 0.008520150007], [-0.00031823301, 0.006022095255]]}
LATERAL = {"paper": [[1.009495781094, 0.201770625028], [0.201770625028, 0.807829668016]],
           "woodbury": [[1.009496165005, 0.201770808137], [0.201770808137, 0.807829782361]]}


# ------------------------------------------------------------------------------------------------ held against numbers

@pytest.mark.parametrize("lateral", LATERAL)
def test_the_case_by_hand(lateral):
    rule = golden(lateral=lateral)
    step = rule.gradients(X, LABELS)
    for held, wanted in ((rule.free, FREE), (rule.nudged, NUDGED)):
        for (rates, dual), exact in zip(held.values(), wanted):
            np.testing.assert_allclose(rates.T, exact, atol=1e-11)
            assert dual is None
    for name, exact in CONTRAST.items():
        np.testing.assert_allclose(-step.grads[name], exact, atol=1e-11)
    assert step.loss == pytest.approx(0.5 * ((np.array(FREE[1]) - np.eye(2)) ** 2).sum() / 2, abs=1e-11)
    assert step.errors == {}
    rule.after_batch(X, LABELS)
    np.testing.assert_allclose(rule.B["fc1"], LATERAL[lateral], atol=1e-11)


def agrees_with_the_oracle(kind, rng, **options):
    """The rule's gradients against a second writing, to 1e-11 of each gradient or of 1."""
    rule, x, labels = drawn(rng, kind, **options)
    for sign in (1, -1):
        rule.beta = sign * 0.7
        expected = oracle.gradients(rule, x, labels, rule.beta, rule.phases)
        ours = rule.gradients(x, labels).grads
        assert ours.keys() == expected.keys()
        for name, exact in expected.items():
            np.testing.assert_allclose(ours[name], exact, rtol=1e-11, atol=1e-11, err_msg=name)
        rule.after_batch(x, labels)


@given(generators(), st.sampled_from([2, 3]), st.sampled_from(["antisparse", "sparse"]),
       st.sampled_from(["constant", "slow", "loop"]))
def test_the_rule_is_what_its_equations_say(rng, phases, sets, step_rule):
    agrees_with_the_oracle(CorInfoMax, rng, phases=phases, sets=sets, step_rule=step_rule, dual_rates=0.1,
                           output_leak=0.7, leak=0.2)


class UnsignedBeta(CorInfoMax):
    def contrast(self, x, nudged, free, beta):
        return super().contrast(x, nudged, free, abs(beta))


class KeepsVoltages(CorInfoMax):
    start = staticmethod(lambda phase: phase)


class CarriesTheCompanion(CorInfoMax):
    start = staticmethod(lambda phase: [Activity(layer.rates, layer.rates, layer.companion, layer.dual)
                                        for layer in phase])


class ReadsForwardWeights(CorInfoMax):
    def populations(self):
        above = [layer.weight for layer in self.layers[1:]] + [None]
        return [population._replace(backward=W) for population, W in zip(super().populations(), above)]


class MovesAllAtOnce(CorInfoMax):
    """Every layer sees the old rates below it."""


def all_at_once(neurons, populations, x, start, *, sweeps, beta=0.0, targets=None):
    now, drive = list(start), populations[0].basal(x)
    for sweep in range(sweeps):
        now = [next_activity(neurons, populations, now, k, drive, neurons.step(sweep), beta,
                                                 targets) for k in range(len(populations))]
    return now, 0.0


class NewWeightsInTheSecondError(CorInfoMax):
    def products(self, x, activities):
        for layer in self.layers:
            layer.weight *= 0.99
        return super().products(x, activities)


WRONG = [(UnsignedBeta, {}), (KeepsVoltages, {}), (CarriesTheCompanion, {"sets": "sparse"}), (ReadsForwardWeights, {}),
         (MovesAllAtOnce, {}), (NewWeightsInTheSecondError, {})]


@pytest.mark.parametrize("kind, options", WRONG, ids=lambda value: getattr(value, "__name__", ""))
def test_wrong_versions_do_not_agree(kind, options, monkeypatch):
    monkeypatch.setattr(corinfomax, "restarted", getattr(kind, "start", restarted))
    if kind is MovesAllAtOnce:
        monkeypatch.setattr(corinfomax, "settle", all_at_once)
    with pytest.raises(AssertionError):
        for seed in range(10):
            agrees_with_the_oracle(kind, np.random.default_rng(seed), dual_rates=0.1, **options)


# --------------------------------------------------------------------------------------------------------- exact truths

@given(generators())
def test_the_lowest_layer_learns_from_the_change_of_its_rates_alone(rng):
    """The parts W x xᵀ of both errors cancel, for x is clamped."""
    rule, x, labels = drawn(rng)
    grads = rule.gradients(x, labels).grads
    moved = rule.nudged["fc1"][0] - rule.free["fc1"][0]
    np.testing.assert_allclose(grads["fc1.weight"], -moved.T @ x / (rule.beta * len(x)), atol=1e-14, rtol=1e-10)


@pytest.mark.parametrize("sizes", [(5, 6, 4), (5, 6, 5, 3)])
def test_tied_weights_make_it_the_gradient_with_an_error_of_beta_squared(sizes):
    rule, x, labels = clear(np.random.default_rng(2), sizes=sizes, phases=3)
    rule.match_to_tied()
    exact = 0.15 * rule.references(x, labels)["implicit"]["fc1.weight"]
    errors = []
    for rule.beta in (1e-2, 1e-3):
        ours = rule.gradients(x, labels).grads["fc1.weight"]
        assert 1 - np.cos(np.radians(angle(ours, exact))) < 1e-6
        errors.append(np.linalg.norm(ours - exact) / np.linalg.norm(exact))
    assert errors[1] < 1e-3 and errors[0] / errors[1] == pytest.approx(100, rel=0.1)


def test_tied_weights_the_hebbian_contrast_is_the_gradient_of_both_ways():
    """r_k⁺ r_{k−1}⁺ᵀ − r_k⁻ r_{k−1}⁻ᵀ over 2βε against −∂L/∂W of a weight that is read in both directions."""
    rule, x, labels = clear(np.random.default_rng(5), sizes=(3, 4, 2), beta=1e-3)
    x, labels = x[:3], labels[:3]
    rule.match_to_tied()
    ends = {}
    for sign in (1, -1):
        rule.beta = sign * 1e-3
        rule.gradients(x, labels)
        ends[sign] = rule.nudged["fc2"][0].T @ rule.nudged["fc1"][0]
    ours = -(ends[1] - ends[-1]) / (2 * 1e-3 * 0.15 * len(x))

    def loss(weight):
        twin = copy.deepcopy(rule)
        twin.network.layer("fc2").weight[...] = twin.Wb["fc2"][...] = weight
        return twin.network.loss(twin.predict(x), labels)
    W = rule.network.layer("fc2").weight
    both = np.zeros_like(W)
    for place in np.ndindex(W.shape):
        step = np.zeros_like(W)
        step[place] = 1e-5
        both[place] = (loss(W + step) - loss(W - step)) / 2e-5
    np.testing.assert_allclose(ours, both, atol=1e-3 * np.abs(both).max())


def test_its_own_truths_hold_and_a_wrong_rule_breaks_them():
    assert wrong_truths(CorInfoMax, CorInfoMax.own_truths) == []
    assert len(wrong_truths(UnsignedBeta, CorInfoMax.own_truths)) == 0          # at β > 0 they agree
    assert len(wrong_truths(NewWeightsInTheSecondError, CorInfoMax.own_truths)) == 2


# -------------------------------------------------------------------------------------------------------------- options

def test_a_random_sign_leaves_beta_alone_and_comes_from_the_rules_stream():
    rule = golden(sign="random", beta=0.5)
    fixed = {sign: golden(beta=sign * 0.5).gradients(X, LABELS).grads["fc1.weight"] for sign in (1, -1)}
    seen = [rule.gradients(X, LABELS).grads["fc1.weight"] for _ in range(20)]
    assert rule.beta == 0.5
    signs = [next(sign for sign, wanted in fixed.items() if np.array_equal(grads, wanted)) for grads in seen]
    assert set(signs) == {1, -1}
    again = golden(sign="random", beta=0.5)
    assert all(np.array_equal(again.gradients(X, LABELS).grads["fc1.weight"], grads) for grads in seen)


def test_a_negative_beta_is_taken_as_it_is():
    rule = golden(beta=-0.4)
    assert rule.gradients(X, LABELS).grads["fc1.weight"].any() and rule.beta == -0.4


def test_without_lateral_weights_there_are_none():
    rule = golden(lateral="none")
    assert rule.plastic() == {} and rule.B == {}
    rule.gradients(X, LABELS)
    rule.after_batch(X, LABELS)
    assert all(row["lateral_share"] == 0 for row in rule.trace(X, LABELS))


def test_gradients_never_move_lateral_weights_and_after_batch_does():
    rule = golden()
    before = frozen(rule.plastic())
    rule.gradients(X, LABELS)
    assert frozen(rule.plastic()) == before
    rule.after_batch(X, LABELS)
    assert frozen(rule.plastic()) != before


def test_three_phases_move_lateral_weights_with_the_first_nudged_rates():
    two, three = golden(), golden(phases=3)
    for rule in (two, three):
        rule.gradients(X, LABELS)
        rule.after_batch(X, LABELS)
    assert frozen(two.plastic()) == frozen(three.plastic())


def test_the_feedbacks_rate_is_three_tenths_once_one_learning_rate_was_met():
    rule, grads = golden(), {}
    grads["new"] = rule.gradients(X, LABELS).grads
    for name, lr in (("one", 0.1), ("dict", {"fc1": 0.1, "fc2": 0.1})):
        rule.meet_optimizer(SGD(lr))
        grads[name] = rule.gradients(X, LABELS).grads
    fixed = golden(feedback_rate=0.5)
    grads["fixed"] = fixed.gradients(X, LABELS).grads
    fixed.meet_optimizer(SGD(0.1))
    grads["fixed, met"] = fixed.gradients(X, LABELS).grads
    shares = {name: (found["fc2.Wb"] / grads["new"]["fc2.Wb"]).mean() for name, found in grads.items()}
    assert shares == pytest.approx({"new": 1, "one": 0.3, "dict": 1, "fixed": 0.5, "fixed, met": 0.5})
    assert all(np.array_equal(found["fc2.weight"], grads["new"]["fc2.weight"]) for found in grads.values())


def test_whether_an_optimiser_was_met_is_part_of_the_state():
    first, second = golden(), golden()
    first.meet_optimizer(SGD(0.1))
    second.load_state(first.state())
    assert frozen(second.gradients(X, LABELS).grads) == frozen(first.gradients(X, LABELS).grads)
    assert second.present_feedback_rate() == 0.3


def test_sets_and_dual_rates_for_each_layer():
    rule = golden(sets=["sparse", "antisparse"], dual_rates=[0.3, 9])
    rule.gradients(X, LABELS)
    assert rule.free["fc1"][1].shape == (2,) and rule.free["fc2"][1] is None
    assert list(rule.references(X, LABELS)) == ["bptt(30)", "backprop"]
    assert golden(sets="sparse").dual_rates == [1e-6, 0.01] and golden(dual_rates=0.2).dual_rates == [0.2, 0.2]
    assert {row["phase"] for row in rule.trace(X, LABELS)} == {"free", "nudged"}


def test_a_sparse_layer_of_quick_duals_sums_to_one():
    rule = golden(sets=["sparse", "antisparse"], dual_rates=0.05, free_steps=4000)
    rule.network.layer("fc1").weight[...] += 1
    rule.gradients(X, LABELS)
    np.testing.assert_allclose(rule.free["fc1"][0].sum(axis=1), 1, atol=1e-6)


def test_references_first_are_through_the_settled_network_then_feed_forward():
    rule, x, labels = clear(np.random.default_rng(0))
    references = rule.references(x, labels)
    assert list(references) == ["implicit", "backprop"]
    assert relative_distance(references["backprop"], rule.backprop_gradients(x, labels)) == 0
    assert relative_distance(references["implicit"], references["backprop"]) > 0.1


def test_one_layer_is_enough():
    network = networks.mlp([3, 2], loss="squared-error", rng=np.random.default_rng(0), dtype=np.float64)
    rule = CorInfoMax(network, rng=np.random.default_rng(1))
    assert rule.parameters() == {} and rule.feedback_weights("fc1") is None
    assert rule.gradients(X, LABELS).grads.keys() == {"fc1.weight", "fc1.bias"}


def test_the_trace_tells_every_phase_and_layer():
    rows = golden().trace(X, LABELS)
    assert [(row["phase"], row["layer"], row["steps"]) for row in rows] == [
        (phase, layer, steps) for phase, steps in (("free", 30), ("nudged", 10), ("free, for the references", None))
        for layer in ("fc1", "fc2")]
    assert rows[0]["at_0"] == 0.25 and rows[0]["at_1"] == 0
    assert rows[0]["residual"] > 1e-9 > rows[-1]["residual"]
    high = golden()
    high.network.layer("fc1").weight[0] = 1.2                                   # its rates: 1 and 0.95, 0 and 0.09
    assert high.trace(X, LABELS)[0]["at_1"] == 0.25 and 0.9 < high.free_phase(X)[0][0].rates[1, 0] < 1
    assert rows[1]["information_backward"] is None and rows[0]["information_backward"] > 0


# ------------------------------------------------------------------------------------------------------------ bad input

@pytest.mark.parametrize("options, error, says", [
    ({"beta": 0}, ValueError, "beta: expected a nudge other than 0"), ({"beta": np.inf}, ValueError, "beta: expected"),
    ({"sign": "both"}, ValueError, "unknown sign 'both'"), ({"phases": 4}, ValueError, "phases: expected"),
    ({"lateral": "some"}, ValueError, "unknown lateral 'some'"), ({"sets": "dense"}, ValueError, "unknown set 'dense'"),
    ({"sets": ["sparse"]}, ValueError, "sets: expected one for all layers or 2 in a list"),
    ({"dual_rates": [1, 2, 3]}, ValueError, "dual_rates: expected one for all layers or 2"),
    ({"dual_rates": -1}, ValueError, "dual_rates: expected a finite number"),
    ({"feedback_rate": -1}, ValueError, "feedback_rate: expected"), ({"free_steps": 0}, ValueError, "free_steps"),
    ({"nudged_steps": 0}, ValueError, "nudged_steps")])
def test_options_out_of_their_range_are_refused(options, error, says):
    with pytest.raises(error, match=says):
        golden(**options)


def test_other_layers_and_other_losses_are_refused_naming_the_layer():
    rng = np.random.default_rng(0)
    for network, says in ((networks.digits_conv(rng=rng), "conv1 cannot be taken: expected dense layers"),
                          (networks.mlp([3, 2], rng=rng), 'fc1 cannot be taken: .* loss="squared-error", got \'cross')):
        with pytest.raises(UnfitNetworkError, match=says):
            rules.make("corinfomax", network, rng=rng)


def test_a_forgetting_at_which_the_papers_update_must_fail_is_warned_of():
    with pytest.warns(UserWarning, match="forgetting: 0.5 is at most 1 − 1/2, where the paper's lateral update"):
        golden(forgetting=0.5)
    golden(forgetting=0.5, lateral="woodbury")


def test_a_step_after_which_b_would_not_be_definite_is_refused_and_moves_no_b():
    with pytest.warns(UserWarning):
        rule = golden(forgetting=0.02)
    rule.gradients(X, LABELS)
    before = frozen(rule.plastic())
    with pytest.raises(FloatingPointError, match=r"fc1.lateral: .* λ_max\(X B Xᵀ\) is \d.*forgetting nearer to 1, or"):
        rule.after_batch(X, LABELS)
    assert frozen(rule.plastic()) == before


def test_rank1_refuses_a_batch_and_follows_single_samples():
    rule = golden(lateral="rank1")
    rule.gradients(X, LABELS)
    with pytest.raises(ValueError, match='lateral="rank1" takes one sample a batch, got 2'):
        rule.after_batch(X, LABELS)
    rule.gradients(X[:1], LABELS[:1])
    rule.after_batch(X[:1], LABELS[:1])


def test_outputs_that_are_silent_for_an_epoch_are_warned_of():
    run = SmallRun("corinfomax", free_steps=3, nudged_steps=3)
    run.network.layer("fc2").weight[1] = -9.0
    with pytest.warns(UserWarning, match=r"outputs \[1\] of fc2 were 0 for a whole epoch.*output_gain"):
        run.train(epochs=1)


def test_silence_is_counted_epoch_by_epoch_and_in_the_free_phase():
    rule = golden()
    for _ in range(2):
        rule.gradients(X, LABELS)
        rule.after_batch(X, LABELS)
        rule.after_epoch([])                                                    # both outputs have fired
    rule.free["fc2"] = np.zeros((2, 2)), None
    rule.after_batch(X, LABELS)
    with pytest.warns(UserWarning, match=r"outputs \[0, 1\] of fc2"):
        rule.after_epoch([])


def test_what_has_fired_survives_a_checkpoint():
    first, second = golden(), golden()
    first.gradients(X, LABELS)
    first.after_batch(X, LABELS)
    second.load_state(first.state())
    second.after_epoch([])                                                      # no warning


# ----------------------------------------------------------------------------------------------------------- life cycle

def test_measuring_leaves_the_last_batchs_rates_as_they_are():
    rule = golden(sign="random")
    rule.gradients(X, LABELS)
    held = frozen([rule.free, rule.nudged, rule.state(), rule.network.parameters()])
    rule.references(X[:1], LABELS[:1])
    rule.trace(X[:1], LABELS[:1])
    rule.predict(X[:1])
    training.record.measure(rule, X[:1], LABELS[:1])
    assert frozen([rule.free, rule.nudged, rule.state(), rule.network.parameters()]) == held


@pytest.mark.parametrize("lateral", ["paper", "woodbury"])
def test_a_resumed_run_equals_one_that_was_never_stopped(tmp_path, lateral):
    straight = SmallRun("corinfomax", lateral=lateral)
    rows = straight.train(epochs=3)
    SmallRun("corinfomax", lateral=lateral).train(epochs=1, folder=tmp_path)
    resumed = SmallRun("corinfomax", lateral=lateral)
    again = resumed.train(epochs=3, folder=tmp_path, resume=True)
    assert resumed.bytes() == straight.bytes()
    assert [row["test_loss"] for row in again] == [row["test_loss"] for row in rows]


def test_the_optimiser_moves_w_and_wb_and_leaves_b_to_the_rule():
    rule = golden()
    before = {name: array.copy() for name, array in (rule.network.parameters() | rule.parameters()).items()}
    step = train_step(rule, SGD(0.5), X, LABELS)
    for name, array in (rule.network.parameters() | rule.parameters()).items():
        np.testing.assert_allclose(array, before[name] - 0.5 * step.grads[name], rtol=1e-12)
    np.testing.assert_allclose(rule.B["fc1"], LATERAL["paper"], atol=1e-11)
