"""The exact error of a settled network, by finite differences of the settled loss; and what asymmetry does to it."""

import numpy as np
import pytest
from hypothesis import given, settings

from feedbackalign.alignment import angle
from feedbackalign.rules.equilibrium.dynamics import answer
from feedbackalign.rules.equilibrium.exact_gradients import recurrent_matrix, slopes
from feedbackalign.rules.holomorphic import recurrent_backprop as exact
from feedbackalign.rules.holomorphic import nudging
from tests.rules.holomorphic.cases import LONG, conv_case, dense_case, distance, settled_cases, symmetric

kinds = pytest.mark.parametrize("make", [dense_case, lambda: dense_case((3, 6, 5, 4), loss="squared-error"),
                                         lambda: dense_case((3, 6, 5, 4), readout=False), conv_case,
                                         pytest.param(lambda: conv_case(pooling="softmax"), marks=pytest.mark.slow)],
                                ids=["dense", "squared error", "no readout", "average pooling", "softmax pooling"])


def true_errors(case):
    return exact.recurrent_backprop(case.chain, case.x, case.free, case.targets, feedback=case.B)


@settings(max_examples=15)
@given(settled_cases())
def test_the_iteration_is_the_solve(case):
    solved = exact.solved_errors(case.chain, case.x, case.free, case.targets, case.B)
    assert distance(exact.iterated_errors(case.chain, case.x, case.free, case.targets, case.B), solved) <= 1e-10


@kinds
def test_every_gradient_is_that_of_the_settled_loss(make):
    """The reference by central differences through the whole settling: W, B, biases and the readout's alike."""
    case, h = make(), 1e-5
    rule, net = case.rule, case.rule.network
    grads = rule.references(case.x, case.labels)["recurrent-backprop"]
    parameters = net.parameters() | rule.parameters()
    assert grads.keys() == parameters.keys()

    def settled_loss():
        states, residual = case.rule.settle(case.x, case.free, steps=LONG, until=1e-15)
        assert residual <= 1e-13
        return net.loss(answer(case.chain, states[-1]), case.labels)

    rng = np.random.default_rng(0)
    for name, array in parameters.items():
        for index in rng.choice(array.size, size=min(4, array.size), replace=False):
            place = np.unravel_index(index, array.shape)
            kept, losses = array[place], []
            for sign in (1, -1):
                array[place] = kept + sign * h
                losses.append(settled_loss())
            array[place] = kept
            np.testing.assert_allclose(grads[name][place], (losses[0] - losses[1]) / (2 * h), rtol=1e-6, atol=1e-8,
                                       err_msg=f"{name}{place}")


@settings(max_examples=15)
@given(settled_cases(angle=0.0))
def test_with_symmetric_weights_nudging_finds_the_true_error(case):
    case = symmetric(case)
    assert distance(case.tangent().deltas, true_errors(case)) <= 1e-10


@pytest.mark.parametrize("pooling", [None, "softmax"])
def test_with_symmetric_kernels_nudging_finds_the_true_error(pooling):
    case = symmetric(conv_case(pooling=pooling))
    assert distance(case.points(0.05, 12).deltas, true_errors(case)) <= 1e-9
    if pooling is None:
        assert distance(case.tangent().deltas, true_errors(case)) <= 1e-10


@settings(max_examples=15)
@given(settled_cases())
def test_what_asymmetry_adds(case):
    """δ − δ_EP = 2 J⁻ᵀ A δ_EP, J = W − D⁻¹, sample by sample."""
    W, _ = recurrent_matrix(case.chain, case.B)
    D = np.concatenate(slopes(case.chain, case.x, case.free, case.B), axis=1)
    delta, found = np.concatenate(true_errors(case), axis=1), np.concatenate(case.tangent().deltas, axis=1)
    for d, true, ep in zip(D, delta, found):
        added = np.linalg.solve((W - np.diag(1 / d)).T, (W - W.T) @ ep)
        np.testing.assert_allclose(true - ep, added, rtol=1e-7, atol=1e-10 * max(np.abs(true).max(), 1e-3))


def test_the_pair_of_coordinates_matters():
    """With symmetric weights da/dβ under ∂ℓ/∂a is the true error; du/dβ points elsewhere."""
    case = symmetric(dense_case())
    delta, found = np.concatenate(true_errors(case), axis=1), np.concatenate(case.tangent().deltas, axis=1)
    D = np.concatenate(slopes(case.chain, case.x, case.free, case.B), axis=1)
    assert angle(found, delta) <= 1e-6 and angle(found / D, delta) >= 1


def test_more_points_cure_the_nudge_and_never_the_asymmetry():
    case = dense_case(angle=90.0)
    delta = true_errors(case)
    errors = [distance(case.points(0.5, N).deltas, delta) for N in (4, 8, 16)]
    assert min(errors) >= 0.1 and abs(errors[1] - errors[2]) <= 1e-3


def test_nudging_does_not_move_with_the_order_or_the_number_of_copies():
    case = dense_case(N=4)
    grads = exact.gradients_of_errors(case.chain, case.x, case.free, case.points(0.1, 4).deltas, case.B)
    order = np.array([2, 0, 3, 1, 2, 0, 3, 1])
    x, free, targets = case.x[order], [a[order] for a in case.free], case.targets[order]

    def phase(beta):
        return case.rule.settle(x, free, steps=LONG, beta=beta, targets=targets, until=1e-16)

    estimate = nudging.cauchy_sum(phase, free, nudging.half_circle(0.1, 4))
    again = exact.gradients_of_errors(case.chain, x, free, estimate.deltas, case.B)
    for name in grads:
        np.testing.assert_allclose(again[name], grads[name], rtol=1e-9, atol=1e-12)
