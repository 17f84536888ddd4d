"""The difference D fades by one scalar that no data can change; where it does not, the closed form is not taken."""

import copy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedbackalign.optimizer import SGD
from feedbackalign.training.loop import train_step
from tests.rules.product.breakers import (EXPLICIT, Foreign, adam, differences, every_learning_rule, several_rates,
                                          with_momentum_from_elsewhere)
from tests.rules.tools import assert_close, cases, dense_case, distance, echo_of, frozen, make, train
from tests.strategies import networks_with_batch

# ------------------------------------------------------------------------------------------------------- the echo

@every_learning_rule
@settings(max_examples=15)
@given(case=networks_with_batch(losses=("cross-entropy",)), momentum=st.sampled_from([0.0, 0.5, 0.9]),
       decay=st.floats(0, 0.3), steps=st.integers(1, 20))
def test_the_difference_fades_by_sgds_own_recursion(name, case, momentum, decay, steps):
    """D_t = c_t D_0, whatever the network, the data, the loss and the schedules are."""
    net, x, labels, _ = case
    rule = make(name, net, route=EXPLICIT[name])
    start = differences(rule)
    schedule = train(rule, x, labels, steps, momentum=momentum, decay=decay)
    c = echo_of(schedule, momentum)
    assert_close(differences(rule), {key: c * D for key, D in start.items()})
    for key, D in differences(rule).items():
        np.testing.assert_allclose(rule.notes()["difference_norm"][key], np.linalg.norm(D), rtol=1e-12)
    assert rule.notes().items() >= {"route": "explicit", "why_explicit": "chosen by the user"}.items()


@every_learning_rule
@pytest.mark.parametrize("case", cases(), ids=["dense", "conv-1-0", "conv-1-1", "conv-2-1", "conv-3-2"])
def test_the_closed_forms_echo_is_that_scalar(name, case):
    net, x, labels = copy.deepcopy(case)
    rule = make(name, net)
    before = rule.notes()["difference_norm"]
    schedule = train(rule, x, labels, 60)
    (echo,) = rule.parameters().values()
    assert rule.notes()["difference_norm"] == pytest.approx({key: abs(echo) * norm for key, norm in before.items()})
    np.testing.assert_allclose(echo, echo_of(schedule, 0.9), rtol=1e-13)
    assert rule.notes().items() >= {"route": "closed-form", "echo": float(echo)}.items()
    assert (rule.B if name == "kp" else rule.R) == {}                   # no array is left to learn
    assert echo.dtype == np.float64 and echo.shape == () and abs(float(echo)) < 0.99


@every_learning_rule
def test_without_momentum_the_echo_is_a_power(name):
    net, x, labels = dense_case()
    rule = make(name, net)
    train(rule, x, labels, 40, lr=0.1, momentum=0.0, decay=0.2, changing=False)
    np.testing.assert_allclose(rule.notes()["echo"], (1 - 0.1 * 0.2)**40, rtol=1e-13)


@every_learning_rule
def test_without_decay_the_start_is_never_forgotten(name):
    net, x, labels = dense_case()
    rule = make(name, net)
    train(rule, x, labels, 20, decay=0.0)
    assert rule.notes()["echo"] == 1


@every_learning_rule
def test_shuffled_labels_leave_the_difference_where_it_was(name):
    """Other labels, other gradients, other W, and the same D."""
    net, x, labels = dense_case()
    ends = []
    for targets in (labels, (labels + 1) % 3):
        rule = make(name, copy.deepcopy(net), route=EXPLICIT[name])
        train(rule, x, targets, 40)
        ends.append((differences(rule), {layer.name: layer.weight for layer in rule.network.weighted_layers()}))
    assert_close(ends[0][0], ends[1][0])
    assert all(distance(ends[0][1][key], ends[1][1][key]) > 0.05 for key in ends[0][1])


# -------------------------------------------------------------------------------- what would break it on the way

@every_learning_rule
@pytest.mark.parametrize(("breaker", "reason"), [
    (adam, "Adam rescales"), (several_rates, "several learning rates"), (Foreign, "a foreign one"),
    (with_momentum_from_elsewhere, "another optimiser, which carries momentum from elsewhere")])
def test_another_optimiser_in_mid_run_is_refused(name, breaker, reason):
    net, x, labels = dense_case()
    rule = make(name, net)
    train(rule, x, labels, 3)
    before = frozen([net.parameters(), rule.parameters()])
    with pytest.raises(ValueError, match=f"the closed form holds no longer: .*{reason}.*Make the rule with route="):
        train_step(rule, breaker(), x, labels)
    assert frozen([net.parameters(), rule.parameters()]) == before


@every_learning_rule
def test_a_fresh_sgd_in_mid_run_is_fine(name):
    net, x, labels = dense_case()
    explicit = make(name, copy.deepcopy(net), route=EXPLICIT[name])
    rule = make(name, net)
    for _ in range(2):
        train(rule, x, labels, 15)
        train(explicit, x, labels, 15)
    assert_close(net.parameters(), explicit.network.parameters(), 1e-11)


@every_learning_rule
@pytest.mark.parametrize("assign", [
    lambda W: W.__setitem__(..., 0.5), lambda W: W.__imul__(1.01), lambda W: W.__setitem__((0, 0), W[0, 0] + 1e-6)])
def test_w_assigned_in_mid_run_is_refused(name, assign):
    net, x, labels = dense_case()
    rule, optimizer = make(name, net), SGD(lr=0.05, momentum=0.9)
    for _ in range(2):
        train_step(rule, optimizer, x, labels)
    assign(net.layer("fc2").weight)
    with pytest.raises(ValueError, match="holds no longer: W was assigned in mid-run"):
        train_step(rule, optimizer, x, labels)


@every_learning_rule
def test_feedback_is_a_formula_after_the_first_step_and_cannot_be_set(name):
    net, x, labels = dense_case()
    rule = make(name, net)
    shape = rule.parameters()["fc1.B" if name == "kp" else "fc1.R"].shape
    setting = {"B" if name == "kp" else "R": np.ones(shape)}
    rule.set_feedback("fc1", **setting)                             # before: an ordinary array
    train(rule, x, labels, 1)
    for refused in (lambda: rule.set_feedback("fc1", **setting), rule.match_to_backprop):
        with pytest.raises(ValueError, match=f"{name}: the closed form holds the feedback as a formula"):
            refused()


# --------------------------------------------------------------------------------------------------- what it reads

@every_learning_rule
def test_the_closed_form_reads_w_and_the_explicit_rule_does_not(name):
    """The biology computes what the formula only predicts, and to predict it the formula reads W."""
    for route, moves in ((EXPLICIT[name], False), ("closed-form", True)):
        net, x, labels = dense_case()
        rule = make(name, net, route=route)
        train(rule, x, labels, 2)
        error = net.loss_error(net.forward(x), labels)
        before = rule.backward(error).errors
        for layer in net.weighted_layers():
            layer.weight[...] = np.random.default_rng(1).normal(size=layer.weight.shape)
        after = rule.backward(error).errors
        assert (distance(after["fc1"], before["fc1"]) > 0.1) == moves
        assert (frozen(after) == frozen(before)) != moves


@pytest.mark.parametrize("name", ["pfa", "pfa-o", "kp"])
def test_both_orders_of_multiplying_give_the_same_error(name):
    """Few samples go hop by hop, (e G) W + c (e P); many through the path, e (G W + c P)."""
    net, x, labels = dense_case(sizes=(30, 20, 10, 3), N=200)
    rule = make(name, net)
    train(rule, x, labels, 3)
    rule.gradients(x, labels)
    for layer in net.weighted_layers():
        many = rule.send_back(layer, layer.error)
        few = np.concatenate([rule.send_back(layer, layer.error[n:n + 1]) for n in range(len(x))])
        assert distance(few, many) <= 1e-13
        assert distance(many, layer.error @ rule.feedback_weights(layer.name)) <= 1e-13
