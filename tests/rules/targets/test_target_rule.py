"""What the rules that hand out targets share: the door, the feedback's own training, references, state, bad input."""

import copy
import json

import numpy as np
import pytest
from hypothesis import given

from feedbackalign import alignment, layers, rules
from feedbackalign.data import Batches, Split
from feedbackalign.networks import Network, lenet_mnist
from feedbackalign.networks.jacobians import dense_chain, forward, gradients_of_signals, slopes
from feedbackalign.optimizer import SGD
from feedbackalign.rules.targets.target_rule import TargetRule
from feedbackalign.training.loop import train_step
from tests.rules.tools import assert_close, backprop, dense_case, distance, frozen, make
from tests.strategies import dense_networks_with_batch

NAMES = [name for name, kind in rules.TABLE.items() if issubclass(kind, TargetRule)]
LEARNED = [name for name in NAMES if name != "gnt"]
every_rule = pytest.mark.parametrize("name", NAMES)
every_learned_rule = pytest.mark.parametrize("name", LEARNED)


def batches(x, labels, size=3):
    return Batches(Split(x, labels), size, rng=np.random.default_rng(0))


def test_all_seven_are_here():
    assert NAMES == ["tp", "dtp", "dtp-drl", "ddtp-linear", "ddtp-rhl", "ddtp-control", "gnt"]


# ---------------------------------------------------------------------------------------------- the learning phase

@every_rule
@given(case=dense_networks_with_batch())
def test_gradients_are_one_step_towards_the_targets_divided_by_its_size(name, case):
    net, x, labels, _ = case
    rule = make(name, net) if name == "gnt" else make(name, net, target_step=0.5)
    seen, targets = forward(rule.stages, x), rule.targets_of(x, labels)
    signals = [slope * (h - target) / rule.target_step
               for slope, h, target in zip(slopes(rule.stages, seen), seen.post[1:], targets)]
    assert_close(rule.gradients(x, labels).grads, gradients_of_signals(rule.stages, seen, signals), 1e-10)


class TransposedTargets(TargetRule):
    """Backprop, told as a rule of targets: the moves go through the Jacobian's transpose."""

    name = "transposed"

    def moves(self, seen, top):
        from feedbackalign.networks.jacobians import post_jacobians, times
        return [times(J.swapaxes(1, 2), top) for J in post_jacobians(self.stages, seen)[:-1]]


@given(case=dense_networks_with_batch())
def test_moves_through_the_transpose_make_backprop(case):
    net, x, labels, _ = case
    assert_close(make(TransposedTargets, net).gradients(x, labels).grads, backprop(net, x, labels))


@every_rule
@given(case=dense_networks_with_batch())
def test_the_output_layer_has_backprops_update_and_references_have_names(name, case):
    net, x, labels, _ = case
    rule, exact = make(name, net, gamma=0.25), backprop(net, x, labels)
    grads, top = rule.gradients(x, labels).grads, rule.stages[-1].name
    references = rule.references(x, labels)
    assert list(references) == ["gauss-newton(0.25)", "backprop"]
    for key in exact:
        if key.startswith(f"{top}."):
            assert distance(grads[key], exact[key]) <= 1e-12
            assert distance(references["gauss-newton(0.25)"][key], exact[key]) <= 1e-12
    assert_close(references["backprop"], exact)


def test_a_batch_is_the_mean_of_its_samples():
    """Nothing divides by N twice."""
    net, x, labels = dense_case(activation="tanh")
    for name in NAMES:
        rule = make(name, net)
        alone = [rule.gradients(x[n:n + 1], labels[n:n + 1]).grads for n in range(len(x))]
        whole = rule.gradients(x, labels).grads
        assert_close({key: sum(grads[key] for grads in alone) / len(x) for key in whole}, whole, 1e-12)


@every_rule
def test_the_trace_shows_every_layers_target(name):
    net, x, labels = dense_case(activation="tanh")
    rule = make(name, net)
    rows = rule.trace(x, labels)
    assert [row["layer"] for row in rows] == ["fc3", "fc2", "fc1"]
    assert rows[0]["target"] == "h − λ e" and all(row["target"] and "ĥ" != row["target"] for row in rows)
    for reference in rule.references(x, labels):
        angles = alignment.update_angles(rule, x, labels, to=reference)
        for row in rows:
            np.testing.assert_allclose(row[f"angle_to_{reference}"], angles[f"{row['layer']}.weight"], atol=1e-9)
    error = net.sample_errors(forward(rule.stages, x).output, labels)
    np.testing.assert_allclose(rows[0]["distance"], rule.target_step * np.linalg.norm(error, axis=1).mean())


def test_rules_that_move_alike_say_so_alike():
    net, x, labels = dense_case(activation="tanh")
    words = {name: make(name, net).trace(x, labels)[1]["target"] for name in ("tp", "dtp", "dtp-drl")}
    assert words["tp"] != words["dtp"] == words["dtp-drl"]


# ---------------------------------------------------------------------------------------------- the feedback learns

@every_learned_rule
def test_the_feedback_learns_when_it_should_and_nothing_else_does(name):
    net, x, labels = dense_case(activation="tanh")
    rule = make(name, net, pretraining=7, extra_epochs=2)
    fixed = frozen([net.parameters(), rule.constants()])
    rule.before_training(batches(x, labels))                # 3 batches an epoch: 7 updates end in the third one
    assert len(rule.losses.running["feedback_loss"]) == rule.feedback_optimizer.steps == 7
    rule.after_batch(x, labels)
    assert rule.feedback_optimizer.steps == 8
    rule.after_epoch(batches(x, labels))
    assert rule.feedback_optimizer.steps == 8 + 2 * 3 and rule.losses.running == {}
    assert rule.notes()["feedback_loss"] > 0
    assert frozen([net.parameters(), rule.constants()]) == fixed


@every_learned_rule
def test_without_pretraining_and_extra_epochs_only_batches_train_it(name):
    net, x, labels = dense_case(activation="tanh")
    rule = make(name, net, pretraining=0, extra_epochs=0)
    rule.before_training(batches(x, labels))
    rule.after_epoch(batches(x, labels))
    assert rule.feedback_optimizer.steps == 0 and rule.notes() == {"feedback_loss": None}
    train_step(rule, SGD(lr=0.1), x, labels)
    assert rule.feedback_optimizer.steps == 1


@every_learned_rule
def test_feedback_has_biases_where_its_layer_has(name):
    usual, without = (make(name, dense_case(activation="tanh", bias=bias)[0]) for bias in (True, False))
    assert usual.plastic().keys() - without.plastic().keys() == ({"fc1.c", "fc2.c"} if usual.feedback_bias else set())
    assert without.plastic().keys() == {"fc1.Q", "fc2.Q"}
    _, x, labels = dense_case()
    without.train_feedback(x)
    assert without.plastic().keys() == {"fc1.Q", "fc2.Q"} and without.notes().keys() == {"feedback_loss"}


@every_learned_rule
def test_gradients_are_averaged_over_a_layers_units(name):
    """By a step of plain SGD at rate 1: what moved is the loss's gradient over n."""
    net, x, _ = dense_case(activation="tanh")
    rule = make(name, net, feedback_optimizer="sgd", feedback_lr=1.0, feedback_decay=0.0, sigma=0.3)
    before, stream = copy.deepcopy(rule.plastic()), copy.deepcopy(rule.rng)
    untouched = copy.deepcopy(rule)
    rule.train_feedback(x)
    seen = forward(untouched.stages, x)
    for place, stage in enumerate(untouched.stages[:-1]):
        h = seen.post[place + 1]
        _, found = untouched.feedback_gradients(place, seen, h + 0.3 * stream.standard_normal(h.shape))
        for key, gradient in found.items():
            moved = before[f"{stage.name}.{key}"] - rule.plastic()[f"{stage.name}.{key}"]
            np.testing.assert_allclose(moved, gradient / h.shape[1], rtol=1e-9, atol=1e-12)


@every_learned_rule
def test_the_optimiser_of_the_feedback_is_chosen_and_decays(name):
    net, x, _ = dense_case(activation="tanh")
    usual = {"ddtp-linear": 1e-4, "ddtp-rhl": 1e-4, "dtp-drl": 1e-4}.get(name, 1e-5)
    assert make(name, net).feedback_optimizer.weight_decay == usual
    rule = make(name, net, feedback_optimizer="sgd", feedback_lr=0.5, feedback_decay=0.25)
    assert isinstance(rule.feedback_optimizer, SGD)
    assert (rule.feedback_optimizer.lr, rule.feedback_optimizer.weight_decay) == (0.5, 0.25)


@every_learned_rule
def test_the_state_holds_moments_and_losses(name):
    net, x, labels = dense_case(activation="tanh")
    rule = make(name, net)
    for _ in range(3):
        rule.train_feedback(x)
    rule.after_epoch(batches(x, labels))
    rule.train_feedback(x)
    state = rule.state()
    assert {f"feedback_optimizer/{key}" for key in ("steps", "first/fc1.Q", "second/fc2.Q")} <= set(state)
    other = make(name, copy.deepcopy(net), seed=5)
    other.load_state(state)
    assert other.losses.running == rule.losses.running and other.notes() == rule.notes() and json.dumps(rule.notes())
    for each in (rule, other):
        each.train_feedback(x)
    assert frozen(other.state()) == frozen(rule.state())


def test_a_network_without_hidden_layers_has_no_feedback_and_is_backprop():
    net, x, labels = dense_case(sizes=(6, 3))
    for name in NAMES:
        rule = make(name, net)
        assert_close(rule.gradients(x, labels).grads, backprop(net, x, labels))
        train_step(rule, SGD(lr=0.1), x, labels)
        rule.before_training(batches(x, labels))
        rule.after_epoch(batches(x, labels))
        assert rule.plastic() == {} and rule.notes() == {}


# -------------------------------------------------------------------------------------------------------- bad input

@every_rule
def test_a_convolution_is_refused_by_name(name):
    with pytest.raises(ValueError, match="conv1 cannot be taken: expected dense layers alone"):
        make(name, lenet_mnist(rng=np.random.default_rng(0)))


@every_rule
def test_a_unit_on_the_output_is_refused(name):
    rng = np.random.default_rng(0)
    net = Network([layers.Linear(3, 4, rng=rng), layers.Tanh(), layers.Linear(4, 2, rng=rng), layers.Sigmoid()])
    with pytest.raises(ValueError, match="sigmoid1 cannot be taken: expected a linear output"):
        make(name, net)


@every_rule
@pytest.mark.parametrize("gamma", [-1e-9, -1, np.nan, np.inf, "0.1", None])
def test_a_damping_below_zero_is_refused(name, gamma):
    with pytest.raises((ValueError, TypeError), match=r"gamma: expected a finite number in \[0, inf\)"):
        make(name, dense_case()[0], gamma=gamma)


@every_learned_rule
@pytest.mark.parametrize(("option", "bad", "says"), [
    ("sigma", 0, r"sigma: expected a finite number in \(0, inf\), got 0.0"),
    ("sigma", -0.1, r"sigma: expected"), ("sigma", np.nan, "sigma: expected"),
    ("target_step", 0, "target_step: expected"), ("target_step", -0.1, "target_step: expected"),
    ("feedback_lr", 0, "feedback_lr: expected"), ("feedback_decay", -1, "feedback_decay: expected"),
    ("feedback_optimizer", "adm", "unknown feedback_optimizer 'adm': did you mean 'adam'"),
    ("pretraining", -1, "pretraining: expected an integer of at least 0"),
    ("pretraining", 1.5, "pretraining: expected an integer"), ("extra_epochs", -1, "extra_epochs: expected an integer"),
])
def test_options_out_of_range_are_refused(name, option, bad, says):
    with pytest.raises((ValueError, TypeError), match=says):
        make(name, dense_case()[0], **{option: bad})


@every_learned_rule
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_step_may_be_as_small_as_the_digits_of_a_move_allow(name, dtype):
    """Differences are taken in float64, whatever the network's dtype; a product keeps its digits."""
    net, x, labels = dense_case(activation="tanh", dtype=dtype)
    smallest = float(np.finfo(dtype).tiny) if rules.find(name).moves_are_products else 1.5e-8
    with pytest.raises(ValueError, match="target_step: expected"):
        make(name, net, target_step=smallest / 2)
    if rules.find(name).moves_are_products:
        seen = forward(dense_chain(net), x)
        error = 1e-3 * net.sample_errors(seen.output, labels)                               # λe is subnormal
        found, exact = (make(name, net, target_step=step).signals(seen, error) for step in (smallest, 1.0))
        for ours, theirs in zip(found, exact):
            np.testing.assert_allclose(ours, theirs, rtol=1e-6)


@every_rule
def test_a_singular_jacobian_is_no_obstacle(name):
    """A dead layer: zero weights above, and zero damping."""
    net, x, labels = dense_case(sizes=(6, 5, 4, 3), activation="relu")
    net.layer("fc2").weight[...] = 0
    net.layer("fc2").bias[...] = -1                         # every unit of it is off
    rule = make(name, net, gamma=0.0)
    rule.train_feedback(x)
    assert all(np.isfinite(gradient).all() for gradient in rule.gradients(x, labels).grads.values())
    for reference in rule.references(x, labels).values():
        assert not reference["fc1.weight"].any() and all(np.isfinite(array).all() for array in reference.values())


@pytest.mark.parametrize(("moves", "got"), [
    (lambda top: [top], r"got float64 array of shape \(7, 3\)"), (lambda top: [], "got none"),
    (lambda top: [np.ones((7, 5)), np.ones((4, 7))], "got float64 array"),
    (lambda top: top, "got float64 array"), (lambda top: None, "got None")])
def test_moves_in_other_shapes_than_the_hidden_layers_are_refused(moves, got):
    net, x, labels = dense_case()
    rule = make(TargetRule, net)
    rule.moves = lambda seen, top: moves(top)
    for ask in (rule.gradients, rule.targets_of):
        with pytest.raises(ValueError, match=r"expected arrays of shapes \(7, 5\), \(7, 4\), one per hidden.*" + got):
            ask(x, labels)


def test_an_empty_rule_says_what_must_be_written():
    net, x, labels = dense_case()
    with pytest.raises(NotImplementedError, match="write moves"):
        make(TargetRule, net).gradients(x, labels)
    with pytest.raises(NotImplementedError, match="write feedback_gradients"):
        make(TargetRule, net).feedback_gradients(0, forward(dense_chain(net), x), x)
