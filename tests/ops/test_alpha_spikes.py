"""Spikes of a kernel that decays: on the threshold, the first ones, their derivatives, and what a grid misses."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from feedbackalign.ops import spikes
from tests.strategies import seeds


@given(seeds, st.sampled_from([0.3, 1.0]))
def test_alpha_spikes_lie_on_the_threshold_and_nothing_reaches_it_before(seed, tau):
    rng = np.random.default_rng(seed)
    times, weight = rng.random((2, 6)), rng.normal(0.6, 0.6, size=(4, 6))
    found, slopes = spikes.first_spikes(times, weight, 1.0, 4.0, tau)
    fired = np.isfinite(found)
    assert np.abs(spikes.potential(found, times, weight, tau) - 1.0)[fired].max(initial=0.0) <= 1e-10
    assert (slopes[fired] > 0).all()
    start = times.min(axis=1, keepdims=True)
    for share in np.linspace(0.0, 1.0, spikes.CELLS + 1):                       # at the ends of the cells before it
        end = start + share * (4.0 - start)
        t = np.where(end < found, end, start)                                   # (N, out)
        assert (spikes.potential(t, times, weight, tau) < 1.0).all()


def test_alpha_derivatives_are_central_differences():
    rng, h, compared = np.random.default_rng(0), 1e-5, 0
    for _ in range(6):
        times, weight = rng.random((1, 5)), rng.normal(0.7, 0.4, size=(3, 5))

        def answer(s, w, times=times, weight=weight):
            return spikes.first_spikes(times + s, weight + w, 1.0, 4.0, 1.0)
        found, slopes = answer(0, 0)
        kept = np.isfinite(found[0]) & (slopes[0] > 0.1)
        by_input = spikes.spike_transport(np.eye(3), *(np.repeat(part, 3, axis=0) for part in (found, slopes, times)),
                                          weight, 1.0)
        by_weight = spikes.spike_weight_gradient(np.ones((1, 3)), found, slopes, times, 1.0)
        for j in range(5):
            step = h * (np.arange(5) == j)
            if np.abs(found[0] - times[0, j])[kept].min(initial=1.0) > 1e-3:
                for ours, (up, down) in ((by_input, (answer(step, 0), answer(-step, 0))),
                                         (by_weight, (answer(0, step), answer(0, -step)))):
                    numerical = (up[0][0, kept] - down[0][0, kept]) / (2 * h)
                    np.testing.assert_allclose(ours[kept, j], numerical, rtol=1e-6, atol=1e-6)
                    compared += kept.sum()
    assert compared > 60


def test_alpha_misses_a_potential_that_crosses_twice_within_a_cell():
    """What the grid cannot see: up and down again between two of its points."""
    times, weight = np.array([[0.0, 0.012]]), np.array([[100.0, -400.0]])
    cell = 4.0 / spikes.CELLS
    t = np.linspace(0.0, cell, 1000)[:, None]
    top = max(spikes.potential(t, np.repeat(times, 1000, axis=0), weight, 1.0))
    assert np.isinf(spikes.first_spikes(times, weight, 1.0, 4.0, 1.0)[0])
    assert top > 1.5                                                            # above ϑ all the same
    assert np.isfinite(spikes.first_spikes(times, weight, 1.0, 0.2, 1.0)[0])    # a finer grid sees it
