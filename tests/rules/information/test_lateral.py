"""Lateral weights: two exact inverses, a first-order one, and the entropy that they stand for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedbackalign.rules.information import lateral
from tests.strategies import generators


def inverse_of(rng, n):
    J = rng.normal(size=(n, n))
    R = J @ J.T / n + 0.5 * np.eye(n)
    B = np.linalg.inv(R)
    return R, (B + B.T) / 2


def relative(B, exact):
    return np.linalg.norm(B - exact) / np.linalg.norm(exact)


@given(generators(), st.integers(1, 12), st.sampled_from([0.9, 0.99, 0.9999]))
def test_rank1_and_woodbury_are_the_inverse_and_symmetric(rng, n, forgetting):
    for update, N in ((lateral.rank1, 1), (lateral.woodbury, 1), (lateral.woodbury, 7)):
        R, B = inverse_of(rng, n)
        for _ in range(20):
            X = rng.random((N, n))
            R, B = forgetting * R + (1 - forgetting) * X.T @ X / N, update(B, X, forgetting)
        assert relative(B, np.linalg.inv(R)) < 1e-10
        assert np.array_equal(B, B.T)                   # what is not symmetric would grow by 1/λ with every batch


@pytest.mark.parametrize("update, N, n, steps", [(lateral.rank1, 1, 60, 2000), (lateral.woodbury, 20, 60, 500)])
def test_the_inverse_holds_for_thousands_of_samples(update, N, n, steps):
    rng = np.random.default_rng(0)
    R, B = inverse_of(rng, n)
    for _ in range(steps):
        X = rng.random((N, n))
        R, B = 0.99 * R + 0.01 * X.T @ X / N, update(B, X, 0.99)
    assert relative(B, np.linalg.inv(R)) < 1e-10


@given(generators(), st.integers(1, 7), st.integers(1, 9), st.floats(0.2, 0.999))
def test_paper_stays_positive_definite_iff_growth_is_below_one(rng, n, N, forgetting):
    _, B = inverse_of(rng, n)
    X, gamma = 3 * rng.random((N, n)), (1 - forgetting) / forgetting
    value = lateral.growth(B, X, gamma)
    if abs(value - 1) < 1e-9:
        return
    stays = np.linalg.eigvalsh(lateral.paper(B, X, forgetting))[0] > 0
    assert stays == (value < 1)
    if value < 1:
        lateral.require_definite(B, X, gamma, "fc1")
    else:
        with pytest.raises(FloatingPointError, match=r'fc1.lateral: .* is [\d.e+]+, expected below 1.*"woodbury"'):
            lateral.require_definite(B, X, gamma, "fc1")


def test_the_criterion_of_single_samples_would_refuse_good_steps():
    B, X = np.eye(2), np.array([[3.0, 0.0], [0.0, 3.0]])
    gamma = 0.15
    assert gamma * max(x @ B @ x for x in X) > 1 > lateral.growth(B, X, gamma)
    lateral.require_definite(B, X, gamma, "fc1")


@pytest.mark.parametrize("N, least, low, high", [(20, 0.99, 80, 105), (1, 0.999, 80, 105)])
def test_papers_error_falls_with_the_square_of_gamma(N, least, low, high):
    ratios = []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        R, B = inverse_of(rng, 20)
        X = rng.random((N, 20))
        errors = []
        for forgetting in (least, 1 - (1 - least) / 10, 1 - (1 - least) / 100):
            exact = np.linalg.inv(forgetting * R + (1 - forgetting) * X.T @ X / N)
            errors.append(relative(lateral.paper(B, X, forgetting), exact))
        ratios += [errors[0] / errors[1], errors[1] / errors[2]]
    assert low <= np.median(ratios) <= high


@given(generators(), st.integers(1, 6), st.sampled_from([0.9, 0.99]))
def test_b_is_the_gradient_of_the_entropy_up_to_a_known_factor(rng, n, forgetting):
    """d/dr ½ log|λR + (1 − λ) r rᵀ + εI| = γ B r / (1 + γ rᵀ B r), B = (R + ε/λ I)⁻¹."""
    epsilon, gamma = 0.15, (1 - forgetting) / forgetting
    R, _ = inverse_of(rng, n)
    r = rng.random(n)
    B = np.linalg.inv(R + epsilon / forgetting * np.eye(n))

    def entropy(r):
        return np.linalg.slogdet(forgetting * R + (1 - forgetting) * np.outer(r, r) + epsilon * np.eye(n))[1] / 2
    numeric = [(entropy(r + 1e-5 * e) - entropy(r - 1e-5 * e)) / 2e-5 for e in np.eye(n)]
    exact = gamma * B @ r / (1 + gamma * r @ B @ r)
    np.testing.assert_allclose(numeric, exact, atol=1e-8)
    assert np.linalg.norm(gamma * B @ r - exact) / np.linalg.norm(exact) == pytest.approx(gamma * r @ B @ r, rel=1e-9)


def test_rank1_takes_one_sample():
    with pytest.raises(ValueError, match='lateral="rank1" takes one sample a batch, got 2: use "woodbury"'):
        lateral.rank1(np.eye(2), np.ones((2, 2)), 0.9)
