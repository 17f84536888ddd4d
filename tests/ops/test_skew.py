"""From skew to orthogonal: both maps against other formulas, and each adjoint against the map that it belongs to."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedbackalign.ops import skew
from tests.strategies import generators

MAPS = {"exp": (skew.skew_exp, skew.skew_exp_adjoint), "cayley": (skew.cayley, skew.cayley_adjoint)}
sizes, scales = st.integers(1, 9), st.sampled_from([1e-3, 0.1, 1.0, 5.0])
every_map = pytest.mark.parametrize("name", MAPS)


def drawn(rng, d, scale=1.0):
    M = scale * rng.normal(size=(d, d))
    return M - M.T


def series(A, terms=25, halvings=8):
    """exp(A) by its power series at A/2⁸, squared eight times."""
    E, term = np.eye(len(A)), np.eye(len(A))
    for n in range(1, terms):
        term = term @ A / (2**halvings * n)
        E = E + term
    for _ in range(halvings):
        E = E @ E
    return E


def slope_along(name, A, direction, h=1e-5):
    """d map(A) / d A in this direction, by central differences."""
    up, down = (MAPS[name][0](A + sign * h * direction)[0] for sign in (1, -1))
    return (up - down) / (2 * h)


def worst_adjoint(name, adjoint, rng, d, scale):
    """The largest |⟨G, dE⟩ − ⟨adjoint(G), dA⟩| over three skew directions, relative to the lengths."""
    A, G = drawn(rng, d, scale), rng.normal(size=(d, d))
    E, *memory = MAPS[name][0](A)
    directions = [drawn(rng, d) for _ in range(3)]
    return max(abs((G * slope_along(name, A, dA)).sum() - (adjoint(G, *memory) * dA).sum())
               / (np.linalg.norm(G) * np.linalg.norm(dA) + 1e-300) for dA in directions)


@given(rng=generators(), d=sizes, scale=scales)
def test_the_exponential_is_the_power_series(rng, d, scale):
    A = drawn(rng, d, scale)
    np.testing.assert_allclose(skew.skew_exp(A)[0], series(A), atol=1e-11)


@given(rng=generators(), d=sizes, scale=scales)
def test_the_cayley_map_is_the_quotient(rng, d, scale):
    A, eye = drawn(rng, d, scale), np.eye(d)
    E, _ = skew.cayley(A)
    np.testing.assert_allclose((eye - A / 2) @ E, eye + A / 2, atol=1e-12 * (1 + np.abs(A).max() * d))


@every_map
@given(rng=generators(), d=sizes, scale=scales)
def test_a_map_is_orthogonal_and_its_inverse_is_that_of_minus_a(name, rng, d, scale):
    A = drawn(rng, d, scale)
    E, back = MAPS[name][0](A)[0], MAPS[name][0](-A)[0]
    np.testing.assert_allclose(E.T @ E, np.eye(d), atol=1e-12)
    np.testing.assert_allclose(E @ back, np.eye(d), atol=1e-12)
    assert np.linalg.det(E) == pytest.approx(1.0, abs=1e-11)


def test_the_two_maps_part_with_the_third_power():
    A = drawn(np.random.default_rng(0), 6, 0.05)
    gaps = [np.linalg.norm(skew.skew_exp(scale * A)[0] - skew.cayley(scale * A)[0]) for scale in (1, 0.5, 0.25)]
    assert gaps[0] / gaps[1] == pytest.approx(8, rel=0.05) and gaps[1] / gaps[2] == pytest.approx(8, rel=0.05)


@every_map
@given(rng=generators(), d=sizes, scale=scales)
def test_the_adjoint_belongs_to_its_map(name, rng, d, scale):
    assert worst_adjoint(name, MAPS[name][1], rng, d, scale) <= 1e-8


def test_equal_eigenvalues_do_no_harm():
    """At A = 0, and where a rotation stands twice, every difference of eigenvalues is zero."""
    G = np.random.default_rng(1).normal(size=(4, 4))
    np.testing.assert_allclose(skew.skew_exp_adjoint(G, *skew.skew_exp(np.zeros((4, 4)))[1:]), G, atol=1e-14)
    A = np.kron(np.eye(2), [[0.0, -1.0], [1.0, 0.0]])
    dA = drawn(np.random.default_rng(2), 4)
    given_back = (skew.skew_exp_adjoint(G, *skew.skew_exp(A)[1:]) * dA).sum()
    assert given_back == pytest.approx((G * slope_along("exp", A, dA)).sum(), rel=1e-7)


def with_minus_i(G, mu, U):
    return skew.skew_exp_adjoint(G, -mu, U)


def without_sinc(G, mu, U):
    phase = np.exp(0.5j * mu)
    return (U @ ((U.conj().T @ G @ U) * np.outer(phase, phase)) @ U.conj().T).real


def of_cayley_untransposed(G, R):
    return R @ G @ R


@pytest.mark.parametrize(("name", "wrong"), [("exp", with_minus_i), ("exp", without_sinc),
                                             ("cayley", of_cayley_untransposed), ("cayley", lambda G, R: G)])
def test_a_wrong_adjoint_is_found(name, wrong):
    rng = np.random.default_rng(3)
    assert min(worst_adjoint(name, wrong, rng, 5, 1.0) for _ in range(5)) > 1e-3
