"""Jacobians by the recursion against differences, pseudoinverses against their defining equations, Gauss-Newton."""

import copy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedbackalign import layers
from feedbackalign.alignment import angle
from feedbackalign.networks import Network, mlp
from feedbackalign.networks.jacobians import (CUTOFF, damped_pinv, dense_chain, forward,
                                              gradients_of_signals, joint_gauss_newton, last_pass,
                                              layerwise_gauss_newton, post_jacobians, pre_jacobians, slopes, times)
from tests.rules.tools import assert_close, backprop
from tests.strategies import ACTIVATIONS, SMOOTH, dense_networks_with_batch, seeds


def answer_from(stages, place, h):
    """The output if the post-activation of layer `place` were h, by the layers' own arithmetic."""
    for layer, unit in stages[place + 1:]:
        h = h @ layer.weight.T + (0 if layer.bias is None else layer.bias)
        h = unit.function(h)
    return h


def errors_of(net, seen, labels):
    return net.sample_errors(seen.output, labels)


# ----------------------------------------------------------------------------------------------------------- a pass

@given(case=dense_networks_with_batch())
def test_a_pass_is_the_networks_own(case):
    net, x, _, _ = case
    stages = dense_chain(net)
    seen = forward(stages, x)
    assert all(layer.input is None for layer in net.all_layers())                       # nothing remembers it
    output = net.forward(x)
    remembered = last_pass(stages, output)
    assert len(seen.pre) == len(stages) and len(seen.post) == len(stages) + 1
    for mine, theirs in zip([*seen.pre, *seen.post], [*remembered.pre, *remembered.post]):
        np.testing.assert_allclose(mine, theirs, rtol=1e-13, atol=1e-14)
    assert remembered.output is output and np.array_equal(seen.post[0], x)


def test_a_flattened_image_is_the_input_in_the_order_of_flatten():
    rng = np.random.default_rng(0)
    net = Network([layers.Flatten(), layers.Linear(12, 3, rng=rng, dtype=np.float64), layers.Tanh(),
                   layers.Linear(3, 2, rng=rng, dtype=np.float64)], input_shape=(2, 3, 2))
    x = rng.normal(size=(4, 2, 3, 2))
    stages = dense_chain(net)
    np.testing.assert_allclose(forward(stages, x).output, net.forward(x), rtol=1e-14)
    assert forward(stages, x.astype(np.float32)).output.dtype == np.float64             # the network's own precision


# ----------------------------------------------------------------------------------------------------- the Jacobians

@given(case=dense_networks_with_batch(activations=SMOOTH))
def test_the_recursions_are_the_derivatives_of_the_output(case):
    """Central differences of the layers above, entry by entry."""
    net, x, _, _ = case
    stages, h = dense_chain(net), 6e-6
    seen = forward(stages, x)
    post, pre = post_jacobians(stages, seen), pre_jacobians(stages, seen)
    for place, stage in enumerate(stages):
        for unit in range(len(stage.layer.weight)):
            step = h * np.eye(len(stage.layer.weight))[unit]
            moved = [answer_from(stages, place, seen.post[place + 1] + sign * step) for sign in (1, -1)]
            np.testing.assert_allclose(post[place][:, :, unit], (moved[0] - moved[1]) / (2 * h), rtol=1e-6, atol=1e-8)
            moved = [answer_from(stages, place, stage.unit.function(seen.pre[place] + sign * step)) for sign in (1, -1)]
            np.testing.assert_allclose(pre[place][:, :, unit], (moved[0] - moved[1]) / (2 * h), rtol=1e-6, atol=1e-8)


@given(case=dense_networks_with_batch())
def test_an_error_through_the_jacobians_is_backprop(case):
    """Jᵀ e at every pre-activation, whatever the unit: the signals of the exact gradient."""
    net, x, labels, _ = case
    stages = dense_chain(net)
    seen = forward(stages, x)
    error = errors_of(net, seen, labels)
    exact = backprop(net, x, labels)
    down = [times(J.swapaxes(1, 2), error) for J in pre_jacobians(stages, seen)]
    assert_close(gradients_of_signals(stages, seen, down), exact)
    assert gradients_of_signals(stages, seen, down).keys() == exact.keys()
    through_post = [slope * times(J.swapaxes(1, 2), error)
                    for slope, J in zip(slopes(stages, seen), post_jacobians(stages, seen))]
    assert_close(gradients_of_signals(stages, seen, through_post), exact)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_float32_stays_float32(activation):
    net = mlp([5, 4, 3], activation=activation, rng=np.random.default_rng(0))
    x, labels = np.random.default_rng(1).normal(size=(6, 5)).astype(np.float32), np.arange(6) % 3
    stages = dense_chain(net)
    seen = forward(stages, x)
    error = errors_of(net, seen, labels)
    found = [*post_jacobians(stages, seen), *pre_jacobians(stages, seen)]
    for gamma in (0.0, 1e-9, 0.1):
        found += [damped_pinv(J, gamma) for J in post_jacobians(stages, seen)]
        found += [*layerwise_gauss_newton(stages, seen, error, gamma).values(),
                  *joint_gauss_newton(stages, seen, error, gamma).values()]
    assert all(array.dtype == np.float32 and np.isfinite(array).all() for array in found)


# -------------------------------------------------------------------------------------------------- pseudoinverses

def matrices(rng, stack, out, n, rank):
    """(stack, out, n) of this rank, singular values in [0.5, 2]."""
    J = np.zeros((stack, out, n))
    for place in range(stack):
        U, V = (np.linalg.qr(rng.normal(size=(size, rank)))[0] for size in (out, n))
        J[place] = U * rng.uniform(0.5, 2.0, size=rank) @ V.T
    return J


shapes = st.tuples(st.integers(1, 3), st.integers(1, 6), st.integers(1, 6), st.integers(1, 6), seeds)


@given(shape=shapes)
def test_without_damping_it_is_moore_and_penroses_whatever_the_rank(shape):
    stack, out, n, rank, seed = shape
    J = matrices(np.random.default_rng(seed), stack, out, n, min(rank, out, n))
    G = damped_pinv(J)
    assert G.shape == (stack, n, out)
    for product in (J @ G, G @ J):
        np.testing.assert_allclose(product, product.swapaxes(1, 2), atol=1e-12)
    np.testing.assert_allclose(J @ G @ J, J, atol=1e-12)
    np.testing.assert_allclose(G @ J @ G, G, atol=1e-12)


@given(shape=shapes, gamma=st.sampled_from([1e-12, 1e-9, 1e-6, 0.1, 10.0, 1e8]))
def test_both_forms_of_damping_agree_whatever_the_rank(shape, gamma):
    """Jᵀ (J Jᵀ + γI)⁻¹ = (Jᵀ J + γI)⁻¹ Jᵀ, told by its equation: G (J Jᵀ + γI) = Jᵀ."""
    stack, out, n, rank, seed = shape
    J = matrices(np.random.default_rng(seed), stack, out, n, min(rank, out, n))
    G, Jt = damped_pinv(J, gamma), J.swapaxes(1, 2)
    scale = 1 + gamma
    np.testing.assert_allclose(G @ (J @ Jt + gamma * np.eye(out)), Jt, atol=1e-11 * scale)
    np.testing.assert_allclose((Jt @ J + gamma * np.eye(n)) @ G, Jt, atol=1e-11 * scale)


def test_where_squaring_would_lose_the_digits_singular_values_keep_them():
    """A γ far below J Jᵀ, and J all but singular: 1e-6 against 1."""
    J = np.diag([1.0, 1e-6])[None]
    np.testing.assert_allclose(damped_pinv(J, 1e-12)[0], np.diag([1 / (1 + 1e-12), 1e-6 / 2e-12]), rtol=1e-9)
    np.testing.assert_allclose(damped_pinv(J)[0], np.diag([1.0, 1e6]), rtol=1e-9)
    for dtype, cutoff in CUTOFF.items():
        J = np.diag([1.0, 0.5 * cutoff]).astype(dtype)[None]
        np.testing.assert_allclose(damped_pinv(J)[0], np.diag([1.0, 0.0]), rtol=1e-6)


def test_strong_damping_leads_to_the_transpose():
    J = matrices(np.random.default_rng(0), 2, 3, 5, 3)
    gaps = [np.abs(gamma * damped_pinv(J, gamma) - J.swapaxes(1, 2)).max() for gamma in (1e4, 1e5)]
    np.testing.assert_allclose(gaps[0] / gaps[1], 10, rtol=1e-2)


def test_a_jacobian_of_zeros_asks_for_no_change():
    for gamma in (0.0, 1e-3):
        assert np.array_equal(damped_pinv(np.zeros((2, 3, 4)), gamma), np.zeros((2, 4, 3)))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_gives_nan_and_no_linear_algebra_error(bad):
    J = np.ones((2, 3, 4))
    J[1, 2, 3] = bad
    for gamma in (0.0, 1.0):
        assert np.isnan(damped_pinv(J, gamma)).all() and damped_pinv(J, gamma).shape == (2, 4, 3)


@pytest.mark.parametrize("gamma", [-0.1, np.nan, np.inf, "0.1", True, None])
def test_a_damping_that_is_none_is_refused(gamma):
    with pytest.raises((ValueError, TypeError), match=r"gamma: expected a finite number in \[0, inf\), got"):
        damped_pinv(np.ones((1, 2, 3)), gamma)


# ---------------------------------------------------------------------------------------------------- Gauss-Newton

@given(case=dense_networks_with_batch(activations=SMOOTH), gamma=st.sampled_from([0.0, 0.1, 1.0]))
def test_layer_by_layer_every_sample_has_the_pseudoinverse_of_its_own(case, gamma):
    """Sample by sample, with NumPy's pinv or the defining equation."""
    net, x, labels, _ = case
    stages = dense_chain(net)
    seen = forward(stages, x)
    error = errors_of(net, seen, labels)
    expected = {name: np.zeros_like(array) for name, array in net.parameters().items()}
    for n in range(len(x)):
        for place, stage in enumerate(stages):
            J = post_jacobians(stages, seen)[place][n]
            G = np.linalg.pinv(J, rcond=1e-10) if gamma == 0 else J.T @ np.linalg.inv(J @ J.T + gamma * np.eye(len(J)))
            signal = error[n] if stage is stages[-1] else slopes(stages, seen)[place][n] * (G @ error[n])
            expected[f"{stage.name}.weight"] += np.outer(signal, seen.post[place][n]) / len(x)
            if stage.layer.bias is not None:
                expected[f"{stage.name}.bias"] += signal / len(x)
    assert_close(layerwise_gauss_newton(stages, seen, error, gamma), expected, 1e-8)


@given(case=dense_networks_with_batch(activations=SMOOTH), gamma=st.sampled_from([0.0, 0.1, 1.0]))
def test_jointly_it_is_the_pseudoinverse_of_the_derivative_by_all_weights(case, gamma):
    """J_W written out, (out, all weights and biases), a sample at a time."""
    net, x, labels, _ = case
    stages = dense_chain(net)
    seen = forward(stages, x)
    error = errors_of(net, seen, labels)
    jacobians, total = pre_jacobians(stages, seen), 0
    for n in range(len(x)):
        blocks = []
        for stage, J, below in zip(stages, jacobians, seen.post):
            blocks.append(np.einsum("oi,j->oij", J[n], below[n]).reshape(len(error[n]), -1))
            if stage.layer.bias is not None:
                blocks.append(J[n])
        JW = np.concatenate(blocks, axis=1)
        G = np.linalg.pinv(JW, rcond=1e-10) if gamma == 0 else JW.T @ np.linalg.inv(JW @ JW.T + gamma * np.eye(len(JW)))
        total = total + G @ error[n] / len(x)
    found = joint_gauss_newton(stages, seen, error, gamma)
    assert found.keys() == net.parameters().keys()
    flat = np.concatenate([array.ravel() for array in found.values()])
    np.testing.assert_allclose(flat, total, atol=1e-8 * max(1, np.abs(total).max()))


def test_an_input_of_zeros_without_biases_moves_nothing_and_is_finite():
    net = mlp([4, 3, 2], activation="tanh", bias=False, rng=np.random.default_rng(0), dtype=np.float64)
    stages = dense_chain(net)
    seen = forward(stages, np.zeros((2, 4)))
    found = joint_gauss_newton(stages, seen, np.ones((2, 2)), 0.0)
    assert all(np.array_equal(array, np.zeros_like(array)) for array in found.values())


def test_under_strong_damping_both_point_along_backprop():
    net = mlp([5, 6, 4, 3], activation="tanh", rng=np.random.default_rng(0), dtype=np.float64)
    x, labels = np.random.default_rng(1).normal(size=(6, 5)), np.arange(6) % 3
    stages = dense_chain(net)
    seen = forward(stages, x)
    error, exact = errors_of(net, seen, labels), backprop(copy.deepcopy(net), x, labels)
    for gauss_newton in (layerwise_gauss_newton, joint_gauss_newton):
        far, near = (gauss_newton(stages, seen, error, gamma) for gamma in (1e6, 1e-3))
        for name, gradient in exact.items():
            assert angle(far[name], gradient) < 1e-3
        assert max(angle(near[name], gradient) for name, gradient in exact.items()) > 5
