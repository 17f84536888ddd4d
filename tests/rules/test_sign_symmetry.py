"""Sign symmetry: the feedback's signs are those of the present W, its magnitudes know nothing of W."""

import numpy as np
import pytest
from hypothesis import given, settings

from feedbackalign.networks import mlp
from feedbackalign.ops import initialisers
from feedbackalign.optimizer import SGD
from feedbackalign.training.loop import train_step
from tests.rules.tools import (assert_close, backprop, conv_case, dense_case, distance, errors_before_and_after, frozen,
                               make, replace_weights)
from tests.strategies import networks_with_batch

SIGNED = ("usf", "frsf", "brsf")
every_signed_rule = pytest.mark.parametrize("name", SIGNED)


@given(networks_with_batch())
def test_with_all_magnitudes_equal_to_s_uniform_sign_symmetry_is_backprop(case):
    net, x, labels, rng = case
    rule = make("usf", net)
    for layer in net.weighted_layers():
        s = initialisers.deviation(layer.weight.shape, "xavier-uniform")
        layer.weight[...] = s * rng.choice([-1.0, 1.0], size=layer.weight.shape)
    assert_close(rule.gradients(x, labels).grads, backprop(net, x, labels))


@pytest.mark.parametrize("name", ["frsf", "brsf"])
@given(case=networks_with_batch())
def test_with_w_of_the_magnitudes_m_it_is_backprop(name, case):
    net, x, labels, rng = case
    rule = make(name, net)
    for layer in net.weighted_layers():
        rule.set_feedback(layer.name, M=np.abs(layer.weight))
    assert_close(rule.gradients(x, labels).grads, backprop(net, x, labels))


@every_signed_rule
@settings(max_examples=15)
@given(case=networks_with_batch(losses=("cross-entropy",)))
def test_the_signs_are_ws_after_every_step(name, case):
    net, x, labels, _ = case
    rule, optimizer, flips = make(name, net), SGD(lr=0.3, momentum=0.5), 0
    for _ in range(5):
        before = {layer.name: np.sign(layer.weight) for layer in net.weighted_layers()}
        train_step(rule, optimizer, x, labels)
        for layer in net.weighted_layers():
            feedback = rule.feedback_weights(layer.name)
            assert np.array_equal(np.sign(feedback), np.sign(layer.weight))
            flips += (before[layer.name] != np.sign(layer.weight)).sum()


@every_signed_rule
def test_signs_follow_flips_there_and_back_again(name):
    """An M overwritten by the signed product would let two flips cancel."""
    net, x, labels = conv_case()
    rule = make(name, net)
    for _ in range(3):
        for layer in net.weighted_layers():
            layer.weight *= -1
        rule.gradients(x, labels)
        for layer in net.weighted_layers():
            assert np.array_equal(np.sign(rule.feedback_weights(layer.name)), np.sign(layer.weight))
    assert all((M >= 0).all() for M in rule.magnitudes.values())


@every_signed_rule
def test_a_weight_of_zero_has_no_feedback(name):
    net, x, labels = conv_case(density=0.5)
    rule = make(name, net)
    for layer in net.weighted_layers():
        layer.weight[layer.weight == layer.weight[0, 0]] = -0.0
    optimizer = SGD(lr=0.05)
    for _ in range(3):
        for layer in net.weighted_layers():
            feedback = rule.feedback_weights(layer.name)
            assert not feedback[layer.weight == 0].any() and feedback[layer.weight != 0].all()
        train_step(rule, optimizer, x, labels)


@every_signed_rule
def test_sparse_feedback_has_ws_signs_and_is_not_rescaled(name):
    net, x, labels = conv_case()
    rule, full, optimizer = make(name, net, density=0.5), make(name, net), SGD(lr=0.1)
    exists = {key: M != 0 for key, M in rule.magnitudes.items()}
    if name != "usf":                                               # the first layer's draw is the same in both
        assert np.array_equal(rule.magnitudes["conv1"], full.magnitudes["conv1"] * exists["conv1"])
    for _ in range(3):
        for layer in net.weighted_layers():
            feedback = rule.feedback_weights(layer.name)
            assert np.array_equal(np.sign(feedback), np.sign(layer.weight) * exists[layer.name])
            assert 0 < exists[layer.name].mean() < 1
        train_step(rule, optimizer, x, labels)


# ------------------------------------------------------------------------------------------------ what is transported

@every_signed_rule
@given(case=networks_with_batch())
def test_errors_do_not_notice_noise_in_w_that_keeps_every_sign(name, case):
    net, x, labels, rng = case
    rule = make(name, net)
    before, after = errors_before_and_after(rule, x, labels, lambda: replace_weights(net, rng, keep_signs=True))
    assert frozen(before) == frozen(after)


@every_signed_rule
def test_errors_move_where_signs_flip_and_feedback_moves_there_alone(name):
    net, x, labels = dense_case()
    rule = make(name, net)
    held = {layer.name: rule.feedback_weights(layer.name).copy() for layer in net.weighted_layers()}
    signs = {layer.name: np.sign(layer.weight) for layer in net.weighted_layers()}
    before, after = errors_before_and_after(rule, x, labels, lambda: replace_weights(net, np.random.default_rng(0)))
    assert distance(after["fc1"], before["fc1"]) > 0.1
    for layer in net.weighted_layers():
        moved = rule.feedback_weights(layer.name) != held[layer.name]
        assert np.array_equal(moved, np.sign(layer.weight) != signs[layer.name]) and moved.any()


# --------------------------------------------------------------------------------------------------------- magnitudes

@pytest.mark.parametrize("init", initialisers.NAMES)
def test_the_one_magnitude_is_the_standard_deviation_of_ws_initialisation(init):
    net = mlp([120, 80], init=init, rng=np.random.default_rng(0), dtype=np.float64)
    (s,) = np.unique(np.abs(make("usf", net).feedback_weights("fc1")))
    assert abs(np.std(net.layer("fc1").weight) / s - 1) < 0.03


def test_fans_of_a_kernel_count_its_taps():
    net, _, _ = conv_case()
    (s,) = np.unique(np.abs(make("usf", net).feedback_weights("conv2")))        # (4, 3, 3, 2): fans 18 and 24
    np.testing.assert_allclose(s, np.sqrt(2 / (3 * 6 + 4 * 6)), rtol=1e-15)


def test_magnitudes_are_drawn_once_or_for_every_batch():
    net, x, labels = conv_case()
    for name, fresh in [("usf", False), ("frsf", False), ("brsf", True)]:
        rule, optimizer = make(name, net), SGD(lr=0.01)
        seen = [frozen(rule.magnitudes)]
        for _ in range(3):
            rule.gradients(x, labels)
            assert frozen(rule.magnitudes) == seen[-1]              # one batch, one M
            train_step(rule, optimizer, x, labels)
            seen.append(frozen(rule.magnitudes))
        assert all((a != b) == fresh for a, b in zip(seen, seen[1:]))
        assert (set(rule.plastic()) if fresh else set(rule.constants())) == {"conv1.M", "conv2.M", "fc1.M"}


def test_random_magnitudes_come_from_the_layers_own_initialiser():
    net = mlp([300, 200], rng=np.random.default_rng(0), dtype=np.float64)
    bound = np.sqrt(6 / 500)
    for name in ("frsf", "brsf"):
        M = make(name, net).magnitudes["fc1"]
        assert 0.99 * bound < M.max() <= bound and abs(M.mean() / (bound / 2) - 1) < 0.02
        assert abs(np.corrcoef(M.ravel(), np.abs(net.layer("fc1").weight).ravel())[0, 1]) < 0.02
