"""Perturbation: the estimates are right on average, and their variance is the price."""

import numpy as np
import pytest
from hypothesis import given

from feedbackalign import alignment
from feedbackalign.networks import mlp
from tests.rules.tools import backprop, conv_case, dense_case, distance, frozen, make
from tests.strategies import SMOOTH, networks_with_batch

both_rules = pytest.mark.parametrize("name", ["wp", "np"])


def estimates(name, net, x, labels, draws, seed=0, sigma=1e-4):
    """(draws, parameters): estimates of the whole gradient, flattened."""
    rule = make(name, net, seed=seed, sigma=sigma)
    return np.array([np.concatenate([g.ravel() for g in rule.gradients(x, labels).grads.values()])
                     for _ in range(draws)])


def flat(gradients):
    return np.concatenate([gradient.ravel() for gradient in gradients.values()])


@both_rules
@pytest.mark.parametrize("case", [
    pytest.param(lambda: dense_case(sizes=(4, 3, 3), activation="tanh"), id="dense"),
    pytest.param(lambda: conv_case(3, 2, N=2), id="conv", marks=pytest.mark.slow)])
def test_the_mean_of_many_estimates_is_the_gradient(name, case):
    """Within 5 standard errors in every entry, at a fixed seed."""
    net, x, labels = case()
    drawn, exact = estimates(name, net, x, labels, 3000), flat(backprop(net, x, labels))
    error = drawn.std(axis=0) / np.sqrt(len(drawn))
    assert (np.abs(drawn.mean(axis=0) - exact) < 5 * error + 1e-3 * np.abs(exact).max()).all()
    assert alignment.angle(drawn.mean(axis=0), exact) < 60 and alignment.angle(drawn[:1500].mean(axis=0), exact) < 75


@given(networks_with_batch(activations=SMOOTH, dense=True, convolutional=False))
def test_weight_perturbations_estimate_is_the_slope_along_the_jitter(case):
    """ĝ = (g·ξ) ξ for small σ: all entries are the same number times the jitter."""
    net, x, labels, _ = case
    stream, rule = np.random.default_rng(4), make("wp", net, seed=4, sigma=1e-6)
    exact, grads = backprop(net, x, labels), rule.gradients(x, labels).grads
    jitter = {name: stream.standard_normal(array.shape) for name, array in net.parameters().items()}
    slope = sum((exact[name] * jitter[name]).sum() for name in exact)
    for name in exact:
        np.testing.assert_allclose(grads[name], slope * jitter[name], atol=1e-3 * (1 + abs(slope)))


@given(networks_with_batch(activations=SMOOTH, dense=True, convolutional=False))
def test_node_perturbation_credits_each_unit_with_its_own_samples_change(case):
    """eₙ = (eₙ*·ξₙ) ξₙ for small σ, eₙ* being the exact errors of sample n in all units."""
    net, x, labels, _ = case
    rule = make("np", net, seed=4, sigma=1e-6)
    step, stream = rule.gradients(x, labels), np.random.default_rng(4)
    net.backward(net.loss_error(net.forward(x), labels))
    jitter = {layer.name: stream.standard_normal((len(x), len(layer.weight))) for layer in net.weighted_layers()}
    slopes = sum((layer.error * jitter[layer.name]).sum(axis=1) for layer in net.weighted_layers())    # (N,), with 1/N
    for layer in net.weighted_layers():
        expected = slopes[:, None] * jitter[layer.name]
        np.testing.assert_allclose(step.errors[layer.name], expected, atol=1e-3 * (1 + np.abs(slopes).max()))
        assert distance(step.grads[f"{layer.name}.weight"], step.errors[layer.name].T @ layer.input) < 1e-12


@pytest.mark.slow
@pytest.mark.parametrize("hidden", [2, 8, 32])
def test_the_power_of_weight_perturbation_grows_with_the_number_of_weights(hidden):
    """E‖ĝ‖² = (P + 2) ‖g‖² with P weights and biases: jitter is Gaussian."""
    net, x, labels = dense_case(sizes=(4, hidden, 3), activation="tanh")
    exact = flat(backprop(net, x, labels))
    power = (estimates("wp", net, x, labels, 3000)**2).sum(axis=1).mean() / (exact**2).sum()
    assert abs(power / (exact.size + 2) - 1) < 0.15                 # deviation √(2/3000), about 3 %


@pytest.mark.parametrize("hidden", [2, 8, 32])
def test_the_power_of_node_perturbation_grows_with_the_number_of_units(hidden):
    """E‖e‖² = (U + 2) ‖e*‖² for every sample, U being the units of all layers."""
    net, x, labels = dense_case(sizes=(4, hidden, 3), activation="tanh")
    net.backward(net.loss_error(net.forward(x), labels))
    exact = sum((layer.error**2).sum() for layer in net.weighted_layers())
    rule, power = make("np", net, sigma=1e-4), 0.0
    for _ in range(1000):
        power += sum((e**2).sum() for e in rule.gradients(x, labels).errors.values()) / 1000
    assert abs(power / exact / (hidden + 3 + 2) - 1) < 0.15


def test_node_perturbation_is_nearer_to_the_gradient():
    net, x, labels = dense_case(sizes=(10, 20, 5), N=20, activation="tanh")
    exact, angles = flat(backprop(net, x, labels)), {}
    for name in ("wp", "np"):
        angles[name] = np.mean([alignment.angle(g, exact) for g in estimates(name, net, x, labels, 100)])
    assert angles["wp"] > 82 and angles["np"] < angles["wp"] - 5


@both_rules
def test_nothing_is_left_of_the_jitter(name):
    net, x, labels = conv_case()
    rule = make(name, net)
    parameters = frozen(net.parameters())
    net.forward(x)
    inputs = [frozen(layer.input) for layer in net.layers]
    stream = frozen(rule.rng)
    rule.gradients(x, labels)
    assert frozen(net.parameters()) == parameters and frozen(rule.rng) != stream
    assert [frozen(layer.input) for layer in net.layers] == inputs      # the memory is of the clean pass
    assert all(layer.noise is None for layer in net.weighted_layers())


@both_rules
def test_parameters_come_back_when_the_loss_fails(name, monkeypatch):
    net, x, labels = dense_case()
    rule, parameters, calls = make(name, net), frozen(net.parameters()), []
    losses = net.sample_losses

    def fails_at_the_second_call(output, targets):
        calls.append(output)
        if len(calls) == 2:
            raise RuntimeError("stopped")
        return losses(output, targets)

    monkeypatch.setattr(net, "sample_losses", fails_at_the_second_call)
    with pytest.raises(RuntimeError, match="stopped"):
        rule.gradients(x, labels)
    assert frozen(net.parameters()) == parameters and all(layer.noise is None for layer in net.weighted_layers())


@both_rules
def test_a_new_jitter_for_every_batch(name):
    net, x, labels = dense_case()
    rule = make(name, net)
    assert frozen(rule.gradients(x, labels).grads) != frozen(rule.gradients(x, labels).grads)


@both_rules
@pytest.mark.parametrize("sigma", [0, -1e-3, np.inf, np.nan, "small"])
def test_a_sigma_outside_its_range_is_refused(name, sigma):
    with pytest.raises((ValueError, TypeError), match=r"sigma: expected a finite number in \(0, inf\)"):
        make(name, dense_case()[0], sigma=sigma)


@both_rules
def test_they_ask_for_smaller_steps_and_send_no_weights(name):
    rule = make(name, mlp([4, 3, 2], rng=np.random.default_rng(0)))
    assert rule.learning_rate_factor == {"wp": 0.01, "np": 0.1}[name]
    assert rule.feedback_weights("fc1") is None and alignment.weight_angles(rule) == {}
    assert alignment.reciprocity(rule)["fc1"][0] == 0 and rule.trace(np.ones((2, 4)), np.array([0, 1])) == []
