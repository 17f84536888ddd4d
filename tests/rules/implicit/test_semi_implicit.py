"""Semi-implicit steps in whole networks: the order of the solves, what goes down, the step, limits and equalities."""

import copy
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedbackalign.alignment import angle
from feedbackalign.layers import Linear
from feedbackalign.networks import Network, mlp
from feedbackalign.optimizer import SGD, Adam
from feedbackalign.training.loop import train_step
from tests.rules.implicit.cases import exponents, gap, one_layer, relu_networks, rows
from tests.rules.tools import assert_close, backprop, dense_case, frozen, make

solvers = st.sampled_from(["cg", "newton"])


@given(case=relu_networks(), solver=solvers, eta=st.floats(0.1, 3))
def test_errors_go_down_through_the_new_weights_and_the_old_slopes(case, solver, eta):
    net, x, labels, _ = case
    rule = make("semi-implicit", net, solver=solver, eta=eta)
    output = net.forward(x)
    below = [layer.input for layer in net.weighted_layers()]
    step = rule.gradients(x, labels)
    error = net.sample_errors(output, labels)                                   # e, without 1/N
    for place in reversed(range(len(below))):
        layer = net.weighted_layers()[place]
        if place < len(below) - 1:
            error = error * (below[place + 1] > 0)
        np.testing.assert_allclose(len(x) * step.errors[layer.name], error, rtol=1e-10, atol=1e-12)
        assert layer.error is step.errors[layer.name]
        error = error @ (layer.weight - step.grads[f"{layer.name}.weight"])


@given(case=relu_networks(), solver=solvers)
def test_no_layers_sum_grows_and_no_step_is_too_long(case, solver):
    net, x, labels, _ = case
    rule = make("semi-implicit", net, solver=solver)
    grads = rule.gradients(x, labels).grads
    for stage in rule.stages:
        problem, V = rule.weight_problem(stage, rule.error_at(stage, len(x))), -grads[f"{stage.name}.weight"]
        start, after = (problem.R**2).sum(), problem.objective(V, problem.X @ V.T)
        assert after <= start * (1 + 1e-9) and (V**2).sum() <= start * (1 + 1e-9)
        if stage.layer.bias is not None:
            below, c = rule.bias_problem(problem, V), -grads[f"{stage.name}.bias"][:, None]
            assert below.objective(c, below.X @ c.T) <= (below.R**2).sum() * (1 + 1e-9)


@given(case=relu_networks(), solver=solvers)
def test_the_bias_is_solved_for_with_the_new_weights(case, solver):
    """Eq. 7 by its own formula: the sum at b is that of the bias problem at no change, and so is its slope."""
    net, x, labels, _ = case
    rule = make("semi-implicit", net, solver=solver)
    grads = rule.gradients(x, labels).grads
    for stage in rule.stages:
        error = rule.error_at(stage, len(x))
        V, F = -grads[f"{stage.name}.weight"], stage.layer.answer(stage.layer.input)
        z = F + stage.layer.input @ V.T
        if stage is not rule.stages[-1]:
            F, new = np.maximum(F, 0), np.maximum(z, 0)
        else:
            new = z
        problem = rule.bias_problem(rule.weight_problem(stage, error), V)
        scale = np.abs(F).max() + np.abs(new).max() + np.abs(error).max()
        np.testing.assert_allclose(problem.R, new - (F - 0.5 * error), rtol=0, atol=1e-13 * scale)
        if stage is not rule.stages[-1]:
            np.testing.assert_allclose(problem.z, z, rtol=0, atol=1e-13 * scale)
        assert problem.penalty == 1.0 and np.array_equal(problem.X, np.ones((len(x), 1)))


@given(case=rows(), bias=st.booleans(), exponent=exponents)
def test_the_linear_top_is_solved_exactly_weights_first_then_bias(case, bias, exponent):
    x, targets, penalty, rng = case
    net = one_layer(x.shape[1], targets.shape[1], bias=bias, rng=rng)
    rule = make("semi-implicit", net, solver="newton", eta=0.7, weight_penalty=penalty, bias_penalty=10**exponent)
    grads, e = rule.gradients(x, targets).grads, net.forward(x) - targets
    W = np.linalg.solve(x.T @ x + penalty * np.eye(x.shape[1]), x.T @ (0.7 * e)).T
    assert gap(grads["fc1.weight"], W) <= 1e-9
    if bias:
        left = 0.7 * e - x @ grads["fc1.weight"].T
        wanted = left.sum(axis=0) / (len(x) + 10**exponent)
        assert np.linalg.norm(grads["fc1.bias"] - wanted) <= 1e-10 * np.linalg.norm(0.7 * e)


@given(case=rows(), eta=st.floats(0.1, 2))
def test_a_linear_layer_without_bias_takes_the_step_of_the_other_two(case, eta):
    x, targets, epsilon, rng = case
    net = one_layer(x.shape[1], targets.shape[1], rng=rng)
    own = make("semi-implicit", net, solver="newton", eta=eta, weight_penalty=epsilon).gradients(x, targets).grads
    proximal = make("proxprop", net, eta=eta, tau=1 / epsilon).gradients(x, targets).grads
    amended = make("consequentialism", net, epsilon=epsilon).gradients(x, targets).grads
    assert gap(own["fc1.weight"], proximal["fc1.weight"]) <= 1e-10
    assert gap(own["fc1.weight"], eta * amended["fc1.weight"]) <= 1e-10


def test_with_a_bias_or_a_unit_it_takes_another_step():
    for net, x, labels in (dense_case((5, 3)), dense_case((5, 4, 3), activation="relu", bias=False)):
        own = make("semi-implicit", net, solver="newton").gradients(x, labels).grads["fc1.weight"]
        other = make("proxprop", net, eta=0.5, tau=1.0).gradients(x, labels).grads["fc1.weight"]
        assert gap(own, other) > 0.01


# --------------------------------------------------------------------------------------------------------- limits

def steps_and_exact(**options):
    net, x, labels = dense_case((6, 8, 7, 3), activation="relu", seed=3)
    grads = make("semi-implicit", net, solver="newton", **options).gradients(x, labels).grads
    return grads, {name: len(x) * gradient for name, gradient in backprop(net, x, labels).items()}


def test_strong_penalties_lead_to_backprop_as_one_over_lambda():
    gaps = []
    for penalty in (1e4, 1e6, 1e8):
        grads, exact = steps_and_exact(weight_penalty=penalty, bias_penalty=penalty)
        gaps.append(max(gap(penalty / 0.5 * grads[name], exact[name]) for name in exact))
        assert penalty < 1e6 or max(angle(grads[name], exact[name]) for name in exact) < np.degrees(4.5e-5)
    assert gaps[0] < 0.1 and all(80 < before / after < 120 for before, after in zip(gaps, gaps[1:]))


def test_a_short_eta_does_not_lead_to_backprop():
    """The output layer's step tends to η times the preconditioned gradient instead."""
    grads, exact = steps_and_exact(eta=1e-6)
    assert max(angle(grads[name], exact[name]) for name in exact) > 10
    net, x, labels = dense_case((6, 8, 7, 3), activation="relu", seed=3)
    net.forward(x)
    F = net.layer("fc3").input
    preconditioned = 1e-6 * exact["fc3.weight"] @ np.linalg.inv(F.T @ F + np.eye(7))
    assert gap(grads["fc3.weight"], preconditioned) <= 1e-10


@given(relu_networks(losses=("squared-error",)))
def test_where_no_sample_has_an_error_nothing_moves(case):
    net, x, labels, _ = case
    for solver in ("cg", "newton"):
        grads = make("semi-implicit", net, solver=solver).gradients(x, net.forward(x)).grads
        assert not any(gradient.any() for gradient in grads.values())


def test_at_a_stationary_point_that_fits_no_sample_nothing_moves():
    """Least squares with residuals left: the gradient is zero, the errors are not."""
    rng = np.random.default_rng(0)
    x, targets = rng.normal(size=(9, 4)), rng.normal(size=(9, 2))
    net = one_layer(4, 2, bias=True, rng=rng)
    minimum = np.linalg.lstsq(np.concatenate([x, np.ones((9, 1))], axis=1), targets, rcond=None)[0].T
    net.layer("fc1").weight[...], net.layer("fc1").bias[...] = minimum[:, :4], minimum[:, 4]
    for solver in ("cg", "newton"):
        grads = make("semi-implicit", net, solver=solver).gradients(x, targets).grads
        assert max(np.abs(gradient).max() for gradient in grads.values()) <= 1e-12


# ------------------------------------------------------------------------------------------------ its step, its state

@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_its_step_is_that_of_sgd_with_rate_1_to_the_last_bit(dtype):
    results = []
    for own in (True, False):
        net, x, labels = dense_case(activation="relu", dtype=dtype)
        rule = make("semi-implicit", net)
        for _ in range(3):
            if own:
                train_step(rule, SGD(lr=0.01, momentum=0.9, weight_decay=0.1), x, labels)
            else:
                SGD(lr=1.0).step(net.parameters(), rule.gradients(x, labels).grads)
        results.append(frozen(net.parameters()))
    assert results[0] == results[1]


def test_no_optimiser_is_asked_and_none_is_warned_of():
    results = []
    for optimizer in (SGD(lr=7.0, momentum=0.9), Adam(0.3)):
        net, x, labels = dense_case(activation="relu")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            train_step(make("semi-implicit", net), optimizer, x, labels)
        results.append(frozen(net.parameters()))
        assert not optimizer.carries_momentum()
    assert results[0] == results[1]


def test_newton_leaves_a_status_for_every_row_and_cg_none():
    net, x, labels = dense_case(activation="relu")
    rule = make("semi-implicit", net, solver="newton")
    rule.gradients(x, labels)
    assert {name: status.shape for name, status in rule.status.items()} == {"fc1": (5,), "fc2": (4,), "fc3": (3,)}
    assert set(np.concatenate(list(rule.status.values()))) <= {"stationary", "kink", "limit"}
    assert set(rule.status["fc3"]) == {"stationary"}
    by_cg = make("semi-implicit", net)
    by_cg.gradients(x, labels)
    assert by_cg.status == {}


def test_errors_keep_the_mean_and_steps_the_sum():
    """The same samples twice: the errors are halved, the steps are those of twice the penalty's halves."""
    net, x, labels = dense_case(activation="relu")
    once = make("semi-implicit", net, solver="newton").gradients(x, labels)
    twice = make("semi-implicit", net, solver="newton", weight_penalty=2.0, bias_penalty=2.0).gradients(
        np.concatenate([x, x]), np.concatenate([labels, labels]))
    assert_close(twice.grads, once.grads, 1e-8)
    assert_close({name: 2 * error[:len(x)] for name, error in twice.errors.items()}, once.errors, 1e-8)


def test_synapses_that_do_not_exist_carry_no_error():
    net, x, labels = dense_case(activation="relu", density=0.5)
    step = make("semi-implicit", net).gradients(x, labels)
    for layer in net.weighted_layers():
        assert not step.grads[f"{layer.name}.weight"][~layer.mask].any()


def test_both_losses_and_a_single_layer_are_taken():
    rng = np.random.default_rng(0)
    x, labels = rng.normal(size=(5, 4)).astype(np.float32), np.array([0, 1, 0, 1, 1])
    for loss in ("cross-entropy", "squared-error"):
        for sizes in ([4, 2], [4, 3, 2]):
            rule = make("semi-implicit", mlp(sizes, loss=loss, rng=rng))
            losses = [train_step(rule, SGD(lr=1.0), x, labels).loss for _ in range(4)]
            assert losses[-1] < losses[0]
    alone = make("semi-implicit", Network([Linear(4, 2, rng=rng)]))
    assert alone.gradients(x, labels).grads.keys() == {"fc1.weight", "fc1.bias"}


@pytest.mark.parametrize("solver", ["cg", "newton"])
def test_the_trace_tells_the_sums_the_kinks_and_the_angle(solver):
    net, x, labels = dense_case(activation="relu")
    rule = make("semi-implicit", net, solver=solver)
    twin = copy.deepcopy(rule)
    step = twin.gradients(x, labels)
    trace = rule.trace(x, labels)
    assert [row["layer"] for row in trace] == ["fc3", "fc2", "fc1"] and rule.status == {}
    np.testing.assert_allclose(trace[0]["sum_at_start"], 0.25 * (net.sample_errors(net.forward(x), labels)**2).sum())
    for row in trace:
        assert row["sum_at_the_new_W"] < row["sum_at_start"] and 0 < row["angle_to_backprop"] < 90
        assert row["update_norm"] == np.linalg.norm(step.grads[f"{row['layer']}.weight"])
        kinks = row["rows_at_a_kink"]
        assert kinks is None if solver == "cg" else kinks == (twin.status[row["layer"]] == "kink").sum()


@pytest.mark.parametrize(("options", "says"), [
    ({"eta": 0.0}, r"eta: expected a finite number in \(0"),
    ({"weight_penalty": 0}, r"weight_penalty: expected a finite number in \[1e-10, 1e\+10\]"),
    ({"bias_penalty": -1.0}, "bias_penalty: expected a finite number in"),
    ({"solver": "fr"}, "unknown solver 'fr'.*cg, newton")])
def test_options_outside_their_range_are_refused(options, says):
    with pytest.raises(ValueError, match=says):
        make("semi-implicit", dense_case()[0], **options)
