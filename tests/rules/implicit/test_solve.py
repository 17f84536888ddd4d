"""The solve: two forms of one step, its limits, what it moves and how far."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedbackalign.alignment import angle
from feedbackalign.layers import Conv2d, Linear
from feedbackalign.rules.implicit.solve import amended, as_gradients, error_rows, input_rows
from tests.rules.implicit.cases import exponents, gap, independent_rows, rows
from tests.strategies import convolutions, image_shapes, seeds


@given(rows())
def test_the_smaller_solve_gives_the_step_of_both(case):
    X, R, epsilon, _ = case
    by_samples = np.linalg.solve(X @ X.T + epsilon * np.eye(len(X)), R).T @ X
    by_inputs = np.linalg.solve(X.T @ X + epsilon * np.eye(X.shape[1]), X.T @ R).T
    assert max(gap(amended(X, R, epsilon), step) for step in (by_samples, by_inputs)) <= 1e-10


@given(rows())
def test_it_is_the_minimum_of_the_proximal_problem(case):
    """Eq. 4, by least squares on the rows and the penalty together."""
    X, R, epsilon, _ = case
    stacked = np.concatenate([X, np.sqrt(epsilon) * np.eye(X.shape[1])])
    minimum = np.linalg.lstsq(stacked, np.concatenate([R, np.zeros((X.shape[1], R.shape[1]))]), rcond=None)[0].T
    assert gap(amended(X, R, epsilon), minimum) <= 1e-10


@given(case=rows(), mu=st.floats(0.01, 1.99))
def test_what_is_left_of_the_residual_and_that_it_never_grows(case, mu):
    X, R, epsilon, _ = case
    left = R - mu * X @ amended(X, R, epsilon).T
    K = X @ X.T
    promised = R - mu * K @ np.linalg.solve(K + epsilon * np.eye(len(K)), R)
    assert np.linalg.norm(left - promised) <= 1e-10 * np.linalg.norm(R)
    assert np.linalg.norm(left) <= np.linalg.norm(R) * (1 + 1e-9)
    at_one = epsilon * np.linalg.solve(K + epsilon * np.eye(len(K)), R)
    assert np.linalg.norm(R - X @ amended(X, R, epsilon).T - at_one) <= 1e-10 * np.linalg.norm(R)


@given(rows())
def test_it_leads_down_wherever_there_is_a_gradient(case):
    X, R, epsilon, _ = case
    step, gradient = amended(X, R, epsilon), R.T @ X
    assert (step * gradient).sum() > 0 and angle(step, gradient) < 90


@given(rows())
def test_it_tends_to_the_gradient_within_an_exact_bound(case):
    X, R, epsilon, _ = case
    gradient = R.T @ X
    bound = np.linalg.norm(X, ord=2)**2 / epsilon
    assert np.linalg.norm(epsilon * amended(X, R, epsilon) - gradient) <= (bound + 1e-12) * np.linalg.norm(gradient)


@given(rows())
def test_its_length_is_bounded_however_long_the_inputs_are(case):
    X, R, epsilon, _ = case
    assert np.linalg.norm(amended(X, R, epsilon))**2 <= np.linalg.norm(R)**2 / (4 * epsilon) * (1 + 1e-12)


# --------------------------------------------------------------------------------------------------------- ε = 0

@given(independent_rows(more_samples=False))
def test_without_epsilon_every_sample_moves_as_it_should_by_least_change(case):
    X, R, rng = case
    step = amended(X, R, 0.0)
    cond = np.linalg.cond(X)**2
    assert gap(X @ step.T, R) <= 1e-13 * cond
    assert gap(step, (np.linalg.pinv(X) @ R).T) <= 1e-13 * cond
    off = rng.normal(size=step.shape)
    off -= off @ np.linalg.pinv(X) @ X                                          # it moves none of the samples
    assert np.linalg.norm(step) <= np.linalg.norm(step + off) * (1 + 1e-12)


@given(independent_rows(more_samples=True))
def test_without_epsilon_more_samples_end_at_least_squares(case):
    X, R, _ = case
    assert gap(amended(X, R, 0.0), np.linalg.lstsq(X, R, rcond=None)[0].T) <= 1e-13 * np.linalg.cond(X)**2


@given(case=independent_rows(more_samples=False), scale=st.sampled_from([0.1, 16.0, 1000.0]))
def test_without_epsilon_the_move_does_not_notice_the_scale(case, scale):
    X, R, _ = case
    moves = [X @ amended(X, R, 0.0).T, scale * X @ amended(scale * X, R, 0.0).T]
    assert gap(moves[1], moves[0]) <= 1e-13 * np.linalg.cond(X)**2


@given(seed=seeds, P=st.integers(1, 6), more=st.integers(0, 6))
def test_of_orthonormal_inputs_it_is_the_gradient(seed, P, more):
    rng = np.random.default_rng(seed)
    X = np.linalg.qr(rng.normal(size=(P + more, P)))[0].T
    R = rng.normal(size=(P, 3))
    assert gap(amended(X, R, 0.0), R.T @ X) <= 1e-12


@given(case=rows(), exponent=exponents)
def test_of_one_sample_it_is_normalised_least_mean_squares(case, exponent):
    X, R, epsilon, _ = case
    step = amended(X[:1], R[:1], epsilon)
    assert gap(step, np.outer(R[0], X[0]) / (epsilon + X[0] @ X[0])) <= 1e-12
    assert angle(step, np.outer(R[0], X[0])) < 1e-6


@pytest.mark.parametrize("X", [np.ones((3, 5)), np.ones((5, 3)), np.eye(4) * [1, 1, 1, 0], np.zeros((1, 2)),
                               np.concatenate([np.eye(3), np.zeros((3, 2))], axis=1).T @ np.ones((3, 3))],
                         ids=["rows", "columns", "dead", "nothing", "rank-one"])
def test_epsilon_zero_is_refused_where_the_solve_is_singular(X):
    with pytest.raises(ValueError, match=r"fc1's epsilon: expected a number above 0, got 0: .*singular"):
        amended(X, np.ones((len(X), 1)), 0.0, "fc1's epsilon")
    assert np.isfinite(amended(X, np.ones((len(X), 1)), 1e-3)).all()


def test_no_samples_are_no_step_and_no_argument_changes():
    assert np.array_equal(amended(np.zeros((0, 3)), np.zeros((0, 2)), 1.0), np.zeros((2, 3)))
    X, R = np.arange(6.0).reshape(2, 3), np.ones((2, 1))
    before = X.copy(), R.copy()
    amended(X, R, 1.0)
    assert np.array_equal(X, before[0]) and np.array_equal(R, before[1])


@given(seed=seeds, exponent=st.floats(0, 4))
def test_implicit_steps_stay_monotone_where_explicit_ones_diverge(seed, exponent):
    """Least squares with eigenvalues from 1e-6 to 100: steps of s/λ_max, from 1 to ten thousand."""
    rng = np.random.default_rng(seed)
    X = np.linalg.qr(rng.normal(size=(6, 6)))[0] * 10 ** np.linspace(-3, 1, 6)
    R, losses, step_length = rng.normal(size=(6, 1)), [], 10**exponent
    explicit = R.copy()
    for _ in range(30):
        losses.append(np.linalg.norm(R))
        R = R - X @ amended(X, R, 100.0 / step_length).T
        explicit = explicit - step_length / 100.0 * X @ (X.T @ explicit)
    assert all(after <= before * (1 + 1e-12) for before, after in zip(losses, losses[1:]))
    assert step_length < 3 or np.linalg.norm(explicit) > 10 * losses[0]


# -------------------------------------------------------------------------------------------------- rows of layers

@given(seed=seeds, image=image_shapes(), data=st.data())
def test_rows_of_a_convolution_give_its_answer_and_its_gradient(seed, image, data):
    rng = np.random.default_rng(seed)
    layer = data.draw(convolutions(rng, image))
    y = layer.forward(rng.normal(size=(3, *image)))
    X, W = input_rows(layer), layer.weight.reshape(len(layer.weight), -1)
    W = W if layer.bias is None else np.concatenate([W, layer.bias[:, None]], axis=1)
    np.testing.assert_allclose(X @ W.T, error_rows(layer, y), rtol=1e-12, atol=1e-12)
    error = rng.normal(size=y.shape)
    local, by_rows = layer.local_gradients(error), as_gradients(layer, error_rows(layer, error).T @ X)
    assert local.keys() == by_rows.keys()
    for key, gradient in local.items():
        np.testing.assert_allclose(by_rows[key], gradient, rtol=1e-11, atol=1e-11)


def test_rows_are_float64_and_steps_come_back_in_the_layers_dtype():
    rng = np.random.default_rng(0)
    for layer, shape in ((Linear(3, 2, rng=rng), (4, 3)), (Conv2d(1, 2, 2, rng=rng), (4, 1, 3, 3))):
        y = layer.forward(rng.normal(size=shape).astype(np.float32))
        assert input_rows(layer).dtype == error_rows(layer, y).dtype == np.float64
        step = as_gradients(layer, error_rows(layer, y).T @ input_rows(layer))
        assert {key: array.shape for key, array in step.items()} == {key: p.shape for key, p in
                                                                     layer.parameters().items()}
        assert all(array.dtype == np.float32 for array in step.values())
