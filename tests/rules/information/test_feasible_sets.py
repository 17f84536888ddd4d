"""The four sets: projections, their slopes, and a dual that holds a layer back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedbackalign.rules.information.feasible_sets import SETS, WITH_DUAL, next_dual, rates_of, slopes_of
from tests.strategies import generators


@given(generators(), st.sampled_from(SETS))
def test_slopes_are_the_derivative_of_the_rates(rng, feasible):
    u, q = rng.normal(size=(4, 5)), rng.random(4)
    kinks = {"antisparse": (0, 1), "sparse": (0,), "signed-antisparse": (-1, 1)}
    ends = np.stack([u - place for place in kinks[feasible]]) if feasible in kinks else np.abs(u) - q[:, None]
    clear = np.abs(ends).reshape(-1, *u.shape).min(axis=0) > 1e-3
    slope = (rates_of(u + 1e-6, q, feasible) - rates_of(u - 1e-6, q, feasible)) / 2e-6
    np.testing.assert_allclose(slope[clear], slopes_of(u, q, feasible)[clear], atol=1e-8)


@given(generators())
def test_rates_stay_in_their_set(rng):
    u = 3 * rng.normal(size=(4, 5))
    assert ((r := rates_of(u, None, "antisparse")) >= 0).all() and (r <= 1).all()
    assert np.abs(rates_of(u, None, "signed-antisparse")).max() <= 1
    assert rates_of(u, np.zeros(4), "sparse").min() >= 0
    assert np.array_equal(rates_of(u, np.zeros(4), "signed-sparse"), u)


@pytest.mark.parametrize("feasible", WITH_DUAL)
def test_the_dual_grows_until_the_rates_sum_to_one(feasible):
    u, a, q = np.array([[0.9, 0.7, -0.4]]), np.zeros(1), np.zeros(1)
    for _ in range(4000):
        r = rates_of(u - (q[:, None] if feasible == "sparse" else 0), q, feasible)
        a, q = next_dual(a, q, r, 0.02)
    assert np.abs(r).sum() == pytest.approx(1, abs=1e-6) and q > 0.1


def test_below_the_bound_the_dual_stays_at_zero():
    a, q = next_dual(np.zeros(2), np.zeros(2), np.array([[0.2, 0.3], [0.9, 0.9]]), 0.1)
    assert a[0] < 0 and q[0] == 0 and q[1] == a[1] > 0
