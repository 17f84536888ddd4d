"""Direct targets: straight from the output's, linear, through a random hidden layer, and without the difference."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedbackalign.networks.jacobians import forward
from feedbackalign.rules.targets.direct_target_propagation import RandomHiddenTargetPropagation
from tests.rules.tools import backprop, dense_case, distance, frozen, make
from tests.strategies import dense_networks_with_batch

DIRECT = ("ddtp-linear", "ddtp-rhl", "ddtp-control")


@given(case=dense_networks_with_batch(), target_step=st.sampled_from([1.0, 1e-3, 1e-6]))
def test_with_frozen_feedback_the_linear_rule_is_direct_feedback_alignment(case, target_step):
    net, x, labels, _ = case
    rule, aligned = make("ddtp-linear", net, target_step=target_step), make("dfa", net)
    stages = rule.stages
    for stage, above in zip(stages, stages[1:]):
        aligned.set_feedback(above.name, B=rule.Q[stage.name].T)
    ours, theirs = rule.gradients(x, labels).grads, aligned.gradients(x, labels).grads
    for name in theirs:
        assert distance(ours[name], theirs[name]) <= 1e-15 / target_step * 10, name


@given(case=dense_networks_with_batch())
def test_targets_are_those_of_the_table(case):
    net, x, labels, _ = case
    for name in DIRECT:
        rule = make(name, net, target_step=0.3)
        seen = forward(rule.stages, x)
        *targets, top = rule.targets_of(x, labels)
        assert distance(top, seen.output - 0.3 * net.sample_errors(seen.output, labels)) <= 1e-12
        for place, (stage, target) in enumerate(zip(rule.stages, targets)):
            Q, h = rule.Q[stage.name], seen.post[place + 1]
            if name != "ddtp-rhl":
                expected = h + (top - seen.output) @ Q.T
            else:
                read = [t if stage is rule.stages[-2] else np.tanh(t @ rule.R.T + rule.r) for t in (top, seen.output)]
                to, fro = (np.tanh(t @ Q.T + rule.c.get(stage.name, 0.0)) for t in read)
                expected = h + to - fro
            assert distance(target, expected) <= 1e-12


def test_the_random_hidden_layer_is_fixed_shared_and_skipped_at_the_last():
    net, x, _ = dense_case(sizes=(6, 5, 7, 4, 3), activation="tanh")
    rule = make("ddtp-rhl", net, hidden_units=20)
    assert {name: array.shape for name, array in rule.constants().items()} == {"fc4.R": (20, 3), "fc4.r": (20,)}
    assert max(np.abs(array).max() for array in rule.constants().values()) <= 1 / np.sqrt(3)
    assert [rule.Q[name].shape for name in ("fc1", "fc2", "fc3")] == [(5, 20), (7, 20), (4, 3)]
    held = frozen(rule.constants())
    for _ in range(3):
        rule.train_feedback(x)
    assert frozen(rule.constants()) == held


def test_recurrent_feedback_reads_its_own_layer_as_it_is_without_noise():
    net, x, labels = dense_case(sizes=(6, 5, 7, 4, 3), activation="tanh")
    rule = make("ddtp-rhl", net, hidden_units=20, recurrent=True)
    assert [rule.Q[name].shape for name in ("fc1", "fc2", "fc3")] == [(5, 25), (7, 27), (4, 3)]
    seen = forward(rule.stages, x)
    h = seen.post[1]
    assert np.array_equal(rule.code(0, seen.output, h)[:, 20:], h) and rule.code(0, seen.output, h).shape == (7, 25)
    noisy = h + 0.1
    loss, gradients = rule.feedback_gradients(0, seen, noisy)
    rule.Q["fc1"][:, :20] = 0                               # what is left reads the same at both ends: no difference
    loss, _ = rule.feedback_gradients(0, seen, noisy)
    np.testing.assert_allclose(loss, (0.01 * h.size / len(h)) / rule.sigma**2, rtol=1e-9)
    assert gradients["Q"].shape == (5, 25) and rule.gradients(x, labels).loss > 0


def test_the_control_learns_its_bias_and_the_linear_rule_has_none():
    net, x, _ = dense_case(activation="tanh")
    linear, control = make("ddtp-linear", net), make("ddtp-control", net)
    assert not linear.c and set(control.c) == {"fc1", "fc2"}
    for _ in range(3):
        control.train_feedback(x)
    assert all(c.any() for c in control.c.values())


def test_matching_sets_the_jacobians_transpose_and_refuses_curved_units():
    net, x, labels = dense_case(sizes=(6, 5, 4, 7, 3), activation="identity")
    for name in ("ddtp-linear", "ddtp-control"):
        rule = make(name, net)
        rule.match_to_backprop()
        assert distance(rule.Q["fc1"].T, net.layer("fc4").weight @ net.layer("fc3").weight @ net.layer("fc2").weight
                        ) <= 1e-14
        exact = backprop(net, x, labels)
        assert max(distance(rule.gradients(x, labels).grads[key], exact[key]) for key in exact) <= 1e-12
    curved, _, _ = dense_case(activation="tanh")
    with pytest.raises(ValueError, match="ddtp-linear: matches backprop in linear networks only, and tanh1 is Tanh"):
        make("ddtp-linear", curved).match_to_backprop()
    with pytest.raises(NotImplementedError, match="ddtp-rhl: nothing makes this rule equal"):
        make("ddtp-rhl", curved).match_to_backprop()


def test_only_the_output_layer_shows_direct_feedback_to_its_inputs():
    net, _, _ = dense_case(activation="tanh")
    rule = make("ddtp-linear", net)
    assert rule.direct_feedback("fc1") is None and rule.direct_feedback("fc2") is None
    assert np.array_equal(rule.direct_feedback("fc3"), rule.Q["fc2"].T)


@pytest.mark.parametrize("hidden_units", [0, -1, 2.5])
def test_a_hidden_layer_without_units_is_refused(hidden_units):
    net, _, _ = dense_case()
    with pytest.raises((ValueError, TypeError), match="hidden_units: expected an integer of at least 1"):
        make(RandomHiddenTargetPropagation, net, hidden_units=hidden_units)
