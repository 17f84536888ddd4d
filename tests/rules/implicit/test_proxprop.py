"""ProxProp: the proximal problem by least squares, what is consequentialism's, and what the official program does."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedbackalign.networks import mlp
from feedbackalign.networks.chains import UnfitNetworkError
from feedbackalign.optimizer import SGD, Adam
from feedbackalign.rules import Rule
from feedbackalign.rules.implicit.solve import input_rows
from feedbackalign.training.loop import train_step
from tests.rules.implicit.cases import exponents, gap, relu_networks
from tests.rules.tools import assert_close, backprop, conv_case, dense_case, frozen, make

etas = st.floats(0.1, 2)


@given(case=relu_networks(), eta=etas, exponent=exponents)
def test_every_layer_takes_the_minimum_of_its_proximal_problem(case, eta, exponent):
    """Eq. 4 for weights and bias together, as one least-squares problem per layer."""
    net, x, labels, _ = case
    step = make("proxprop", net, eta=eta, tau=10**exponent).gradients(x, labels)
    for layer in net.weighted_layers():
        X = input_rows(layer)
        n, wanted = X.shape[1], eta * len(x) * step.errors[layer.name]
        rows = np.concatenate([X, np.sqrt(10**-exponent) * np.eye(n)])
        minimum = np.linalg.lstsq(rows, np.concatenate([wanted, np.zeros((n, wanted.shape[1]))]), rcond=None)[0].T
        grads = [step.grads[f"{layer.name}.{key}"].reshape(len(minimum), -1) for key in layer.parameters()]
        assert np.linalg.norm(np.concatenate(grads, axis=1) - minimum) <= 1e-9 * max(np.linalg.norm(minimum), 1e-6)


@given(case=relu_networks(), eta=etas, exponent=exponents)
def test_in_a_whole_network_it_is_consequentialism(case, eta, exponent):
    net, x, labels, _ = case
    proximal = make("proxprop", net, eta=eta, tau=10**exponent).gradients(x, labels)
    amended = make("consequentialism", net, epsilon=10**-exponent).gradients(x, labels)
    assert_close(proximal.grads, {name: eta * gradient for name, gradient in amended.grads.items()}, 1e-10)
    assert frozen(proximal.errors) == frozen(amended.errors)


@given(relu_networks())
def test_the_mean_is_one_over_the_batch(case):
    net, x, labels, _ = case
    assert make("proxprop", net).eta == "mean"
    assert_close(make("proxprop", net).gradients(x, labels).grads,
                 make("proxprop", net, eta=1 / len(x)).gradients(x, labels).grads, 1e-13)


@given(case=relu_networks(), eta=etas)
def test_a_gradient_top_steps_by_eta_times_the_summed_gradient(case, eta):
    net, x, labels, _ = case
    plain, proximal = (make("proxprop", net, eta=eta, top=top).gradients(x, labels).grads
                       for top in ("gradient", "proximal"))
    top, exact = net.weighted_layers()[-1].name, backprop(net, x, labels)
    assert_close(plain, {name: eta * len(x) * exact[name] for name in plain if name.startswith(top)}, 1e-12)
    assert all(np.array_equal(plain[name], proximal[name]) for name in plain if not name.startswith(top))


def test_a_short_tau_and_not_a_short_eta_leads_to_backprop():
    net, x, labels = dense_case(activation="relu")
    exact = backprop(net, x, labels)
    for eta, tau, near in ((0.5, 1e-8, True), (1e-8, 0.5, False)):
        grads = make("proxprop", net, eta=eta, tau=tau).gradients(x, labels).grads
        gaps = [gap(grads[name] / (eta * tau * len(x)), exact[name]) for name in exact]
        assert max(gaps) < 1e-6 if near else max(gaps) > 0.1


def test_its_gradients_go_to_any_optimiser():
    assert make("proxprop", dense_case()[0]).update.__func__ is Rule.update
    for optimizer, twin in ((SGD(0.3, momentum=0.9), SGD(0.3, momentum=0.9)), (Adam(0.01), Adam(0.01))):
        net, x, labels = dense_case(activation="relu")
        by_hand = {name: array.copy() for name, array in net.parameters().items()}
        rule = make("proxprop", net)
        for _ in range(2):
            twin.step(by_hand, train_step(rule, optimizer, x, labels).grads)
        assert frozen(net.parameters()) == frozen(by_hand)


@pytest.mark.parametrize("name", ["proxprop", "semi-implicit"])
def test_anything_but_a_chain_of_relus_is_refused_by_name(name):
    for net, culprit in ((mlp([4, 3, 2], activation="tanh", rng=np.random.default_rng(0)), "fc1 .*got Tanh"),
                         (conv_case()[0], "conv1 .*got Conv2d")):
        with pytest.raises(UnfitNetworkError, match=culprit):
            make(name, net)


@pytest.mark.parametrize(("options", "says"), [
    ({"eta": 0.0}, r"eta: expected a finite number in \(0"), ({"eta": "median"}, "unknown eta 'median'.*mean"),
    ({"tau": 0}, r"tau: expected a finite number in \(0"), ({"tau": -1.0}, r"tau: expected a finite number in \(0"),
    ({"top": "linear"}, "unknown top 'linear'.*proximal, gradient")])
def test_options_outside_their_range_are_refused(options, says):
    with pytest.raises(ValueError, match=says):
        make("proxprop", dense_case()[0], **options)
