"""The errors fall with the nudge as theory says, and the figure shows the rows it was given."""

import numpy as np
import pytest

from feedbackalign.figures import NothingToShow
from feedbackalign.figures.experiments.nudge_bias import nudge_bias, nudge_bias_rows


@pytest.fixture(scope="module")
def rows():
    return nudge_bias_rows([1e-4, 1e-3, 1e-2, 1e-1])


def pick(rows, estimator, key="error"):
    return np.array([(row["beta"], row[key]) for row in rows if row["estimator"] == estimator])


def fitted_slope(points):
    """Of log error against log β up to 1e-2: above, higher orders bend the curve."""
    small = np.log(points[points[:, 0] <= 1e-2])
    return np.polyfit(small[:, 0], small[:, 1], 1)[0]


def test_the_errors_have_their_slopes(rows):
    assert len(rows) == 12 and max(row["residual"] for row in rows) <= 1e-10
    assert {row["reference"] for row in rows} == {"implicit"}
    np.testing.assert_allclose(fitted_slope(pick(rows, "one-sided")), 1, atol=0.02)
    np.testing.assert_allclose(fitted_slope(pick(rows, "symmetric")), 2, atol=0.02)
    np.testing.assert_allclose(fitted_slope(pick(rows, "random-sign")), 1, atol=0.02)
    # One settles β and −β as one batch, the other each alone: rounding, 1e-16 of a state, is divided by β.
    np.testing.assert_allclose(pick(rows, "random-sign", "bias"), pick(rows, "symmetric"), rtol=1e-6, atol=5e-12)


def test_it_draws_every_row_on_logarithmic_axes(rows):
    (axes,) = nudge_bias(rows).axes
    assert axes.get_xscale() == axes.get_yscale() == "log"
    drawn = {line.get_label(): np.array(line.get_data()).T for line in axes.lines}
    np.testing.assert_allclose(drawn["one-sided"], pick(rows, "one-sided"))
    np.testing.assert_allclose(drawn["symmetric"], pick(rows, "symmetric"))
    np.testing.assert_allclose(drawn["random sign, one draw (r.m.s.)"], pick(rows, "random-sign"))
    np.testing.assert_allclose(drawn["random sign, in expectation"], pick(rows, "random-sign", "bias"))
    guides = [np.log(data) for label, data in drawn.items() if label.startswith("_")]
    slopes = sorted(float((g[1] - g[0])[1] / (g[1] - g[0])[0]) for g in guides)
    np.testing.assert_allclose(slopes, sorted([1, 2])[-len(slopes):], rtol=1e-9)


def test_zero_errors_are_left_out_and_nothing_is_refused(rows):
    flat = [dict(row, error=0.0, bias=0.0) for row in rows]
    with pytest.raises(NothingToShow, match="nudge bias"):
        nudge_bias(flat)
    with pytest.raises(NothingToShow):
        nudge_bias([])
    with pytest.raises(ValueError, match="rows: expected those of nudge_bias_rows"):
        nudge_bias([{"rule": "bp"}])
