"""What consequentialism moves, in whole networks, dense and convolutional; what goes down; what the trace tells."""

import copy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedbackalign import rules
from feedbackalign.layers import BatchNorm1d, Conv2d, Flatten, Linear, ReLU
from feedbackalign.networks import Network, mlp
from feedbackalign.networks.chains import UnfitNetworkError
from feedbackalign.optimizer import SGD
from feedbackalign.rules.implicit.amending import AmendingRule
from feedbackalign.rules.implicit.solve import error_rows, input_rows
from feedbackalign.training.loop import train_step
from tests.rules.implicit.cases import exponents, gap, independent_rows, one_layer, rows
from tests.rules.tools import assert_close, backprop, conv_case, dense_case, make, residual_case
from tests.strategies import networks_with_batch, seeds


# ----------------------------------------------------------------------------------------------------- a linear layer

@given(independent_rows(more_samples=False))
def test_one_step_solves_a_batch_of_few_samples_exactly(case):
    x, targets, rng = case
    net = one_layer(x.shape[1], targets.shape[1], rng=rng)
    train_step(make("consequentialism", net, epsilon=0.0), SGD(lr=1.0), x, targets)
    assert np.abs(net.forward(x) - targets).max() <= 1e-13 * np.linalg.cond(x)**2


@given(independent_rows(more_samples=True))
def test_one_step_finds_the_least_squares_of_many_from_any_start(case):
    x, targets, rng = case
    for _ in range(2):
        net = one_layer(x.shape[1], targets.shape[1], rng=rng)
        train_step(make("consequentialism", net, epsilon=0.0), SGD(lr=1.0), x, targets)
        exact = np.linalg.lstsq(x, targets, rcond=None)[0].T
        assert gap(net.layer("fc1").weight, exact) <= 1e-12 * np.linalg.cond(x)**2


@given(case=rows(), mu=st.floats(0.01, 1.99), bias=st.booleans())
def test_a_training_step_leaves_what_is_promised_of_the_residual(case, mu, bias):
    x, residual, epsilon, rng = case
    net = one_layer(x.shape[1], residual.shape[1], bias=bias, rng=rng)
    targets = net.forward(x) - residual
    residual = net.forward(x) - targets                     # as the loss will see it
    train_step(make("consequentialism", net, epsilon=epsilon), SGD(lr=mu), x, targets)
    K = x @ x.T + float(bias)
    promised = residual - mu * K @ np.linalg.solve(K + epsilon * np.eye(len(K)), residual)
    size = np.linalg.norm(residual) + np.linalg.norm(targets)
    assert np.linalg.norm(net.forward(x) - targets - promised) <= 1e-10 * size
    assert np.linalg.norm(net.forward(x) - targets) <= np.linalg.norm(residual) + 1e-9 * size


# -------------------------------------------------------------------------------------------------- whole networks

@given(case=networks_with_batch(), exponent=exponents)
def test_every_layer_moves_its_samples_as_promised(case, exponent):
    """The answer of every layer to the inputs it had, after W and b have changed: −K (K + εI)⁻¹ Δ."""
    net, x, labels, rng = case
    rule = make("consequentialism", net, epsilon=10**exponent)
    step, before = rule.gradients(x, labels), copy.deepcopy(net)
    for name, array in net.parameters().items():
        array -= step.grads[name]
    for layer, old in zip(net.weighted_layers(), before.weighted_layers()):
        K, wanted = input_rows(old) @ input_rows(old).T, len(x) * error_rows(old, step.errors[old.name])
        promised = -K @ np.linalg.solve(K + 10**exponent * np.eye(len(K)), wanted)
        moved = error_rows(old, layer.answer(old.input) - old.answer(old.input))
        size = np.linalg.norm(wanted) + 1e-4 * np.linalg.norm(old.answer(old.input))
        assert np.linalg.norm(moved - promised) <= 1e-10 * max(size, 1e-6)


@given(seed=seeds, batch=st.integers(1, 5))
def test_with_a_small_epsilon_hidden_layers_move_by_their_errors(seed, batch):
    """Up to ε over the smallest singular value of K, where the inputs are independent."""
    rng = np.random.default_rng(seed)
    net = mlp([12, 10, 8, 3], activation="tanh", rng=rng, dtype=np.float64)
    x, labels = rng.normal(size=(batch, 12)), rng.integers(3, size=batch)
    step = make("consequentialism", net, epsilon=1e-6).gradients(x, labels)
    for layer in net.weighted_layers():
        wanted, smallest = batch * step.errors[layer.name], np.linalg.svd(input_rows(layer), compute_uv=False)[-1]**2
        moved = layer.input @ step.grads[f"{layer.name}.weight"].T + step.grads[f"{layer.name}.bias"]
        assert np.linalg.norm(moved - wanted) <= (1e-6 / smallest + 1e-9) * np.linalg.norm(wanted)


@given(networks_with_batch())
def test_raw_errors_go_down_and_the_rest_of_a_network_keeps_its_gradient(case):
    net, x, labels, _ = case
    exact = copy.deepcopy(net)
    exact.backward(exact.loss_error(exact.forward(x), labels))
    errors = make("consequentialism", net).gradients(x, labels).errors
    assert_close(errors, {layer.name: layer.error for layer in exact.weighted_layers()}, 1e-14)


def test_a_batch_normalisation_keeps_its_mean_gradient():
    rng = np.random.default_rng(0)
    net = Network([Linear(4, 5, rng=rng, dtype=np.float64), BatchNorm1d(5, dtype=np.float64), ReLU(),
                   Linear(5, 3, rng=rng, dtype=np.float64)])
    x, labels = rng.normal(size=(6, 4)), rng.integers(3, size=6)
    grads, exact = make("consequentialism", net).gradients(x, labels).grads, backprop(net, x, labels)
    own = {name: gradient for name, gradient in exact.items() if name.startswith("bn1")}
    assert own
    assert_close(grads, own, 1e-14)
    assert not np.allclose(grads["fc1.weight"], exact["fc1.weight"])


def test_layers_inside_residual_blocks_are_amended_too():
    net, x, labels = residual_case()
    step, exact = make("consequentialism", net, epsilon=1e8).gradients(x, labels), backprop(net, x, labels)
    assert step.errors.keys() == {layer.name for layer in net.weighted_layers()}
    assert_close({name: 1e8 * gradient / len(x) for name, gradient in step.grads.items()}, exact, 1e-4)


@given(case=networks_with_batch(max_batch=1, convolutional=False), exponent=exponents)
def test_a_batch_of_one_has_backprops_direction(case, exponent):
    net, x, labels, _ = case
    grads, exact = (make("consequentialism", net, epsilon=10**exponent).gradients(x, labels).grads,
                    backprop(net, x, labels))
    for layer in net.weighted_layers():
        factor = 1 / (10**exponent + (input_rows(layer)**2).sum())
        assert_close(grads, {f"{layer.name}.{key}": factor * exact[f"{layer.name}.{key}"]
                             for key in layer.parameters()}, 1e-11)


@pytest.mark.parametrize("bias", [True, False])
def test_a_float32_network_is_solved_in_float64(bias):
    """Nearly dependent inputs, whose Gram matrix has lost its small eigenvalues in float32."""
    rng = np.random.default_rng(0)
    x = (np.ones((6, 8)) + 1e-3 * rng.normal(size=(6, 8))).astype(np.float32)
    net, labels = mlp([8, 3], bias=bias, rng=rng), rng.integers(3, size=6)
    grads = make("consequentialism", net, epsilon=1e-7).gradients(x, labels).grads
    exact = make("consequentialism", net.astype(np.float64), epsilon=1e-7).gradients(x.astype(np.float64), labels).grads
    assert grads["fc1.weight"].dtype == np.float32
    assert_close(grads, exact, 1e-3)


# --------------------------------------------------------------------------------------------------- convolutions

@given(seed=seeds, N=st.integers(1, 6), exponent=exponents)
def test_a_kernel_that_covers_the_image_is_a_dense_layer(seed, N, exponent):
    rng = np.random.default_rng(seed)
    conv = Network([Conv2d(2, 3, (3, 4), rng=rng, dtype=np.float64), Flatten()], input_shape=(2, 3, 4))
    dense = Network([Flatten(), Linear(24, 3, rng=rng, dtype=np.float64)], input_shape=(2, 3, 4))
    dense.layer("fc1").weight[...] = conv.layer("conv1").weight.reshape(3, -1)
    x, labels = rng.normal(size=(N, 2, 3, 4)), rng.integers(3, size=N)
    as_conv, as_dense = (make("consequentialism", net, epsilon=10**exponent).gradients(x, labels).grads
                         for net in (conv, dense))
    assert gap(as_conv["conv1.weight"].reshape(3, -1), as_dense["fc1.weight"]) <= 1e-10
    assert gap(as_conv["conv1.bias"], as_dense["fc1.bias"]) <= 1e-10


# ---------------------------------------------------------------------------------------------- the trace, bad input

@pytest.mark.parametrize("case", [dense_case, conv_case])
def test_the_trace_tells_both_moves_the_condition_and_the_angle(case):
    net, x, labels = case()
    rule = make("consequentialism", net, epsilon=0.5)
    step, rows_of = rule.gradients(x, labels), rule.trace(x, labels)
    assert [row["layer"] for row in rows_of] == [layer.name for layer in reversed(net.weighted_layers())]
    for row in rows_of:
        layer = net.layer(row["layer"])
        K = input_rows(layer) @ input_rows(layer).T
        wanted = len(x) * error_rows(layer, step.errors[layer.name])
        np.testing.assert_allclose(row["wanted_move"], np.linalg.norm(wanted), rtol=1e-10)
        np.testing.assert_allclose(row["induced_move"],
                                   np.linalg.norm(K @ np.linalg.solve(K + 0.5 * np.eye(len(K)), wanted)), rtol=1e-8)
        np.testing.assert_allclose(row["condition"], np.linalg.cond(K + 0.5 * np.eye(len(K))), rtol=1e-6)
        assert row["induced_move"] < row["wanted_move"] and 0 < row["angle_to_backprop"] < 90


@pytest.mark.parametrize("epsilon", [-1, -1e-9, np.nan, np.inf, "1", None, True])
def test_an_epsilon_outside_its_range_is_refused(epsilon):
    with pytest.raises((ValueError, TypeError), match=r"epsilon: expected a finite number in \[0, inf\)"):
        make("consequentialism", dense_case()[0], epsilon=epsilon)


def test_epsilon_zero_is_refused_by_the_layers_name_and_changes_nothing():
    net, x, labels = dense_case()
    net.layer("fc1").weight[0] = 0
    net.layer("fc1").bias[0] = -1                           # a dead unit: the inputs of fc2 are dependent
    rule, before = make("consequentialism", net, epsilon=0.0), copy.deepcopy(net.parameters())
    with pytest.raises(ValueError, match="consequentialism: epsilon at fc2: expected a number above 0, got 0"):
        train_step(rule, SGD(lr=0.1), x, labels)
    assert all(np.array_equal(array, before[name]) for name, array in net.parameters().items())


def test_layers_that_are_no_matrix_product_are_refused_by_name():
    class Other(Linear):
        pass

    class Strange(Linear.__mro__[1]):
        kind = "strange"

        def known_input_shape(self):
            return (self.weight.shape[1],)

    rng = np.random.default_rng(0)
    rules.make("consequentialism", Network([Other(3, 2, rng=rng)]), rng=rng)
    net = Network([Strange((2, 3), bias=True, rng=rng, init="xavier-uniform", density=1.0, dtype=np.float64)])
    with pytest.raises(UnfitNetworkError, match="strange1 cannot be taken: expected Linear or Conv2d"):
        rules.make("consequentialism", net, rng=rng)


def test_a_rule_of_ones_own_says_what_is_missing():
    net, x, labels = dense_case()
    rule = AmendingRule(net, rng=np.random.default_rng(0))
    with pytest.raises(NotImplementedError, match=r"AmendingRule does not say how far z should move: write length\(\)"):
        rule.gradients(x, labels)
    rule.length = lambda N: 1.0
    with pytest.raises(NotImplementedError, match=r"how the solve is damped: write epsilon_of\(\)"):
        rule.gradients(x, labels)
