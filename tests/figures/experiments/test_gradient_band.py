"""The figure of the band: what is measured of a training, and what is drawn of it."""

import importlib

import numpy as np
import pytest

from feedbackalign import figures

subject = importlib.import_module("feedbackalign.figures.experiments.gradient_band")


def rows(seeds=2):
    """Made up by formula."""
    down = np.arange(subject.STEPS + 1)

    def made(weights, seed):
        steep = {"constant": 0.15, "not skew": 1.5}.get(weights, 0.05)
        return {"weights": weights, "seed": seed, "test_accuracy": None if weights == "not skew" and seed else 0.95,
                "lowest": (0.99**down).tolist(), "highest": ((1 + steep + 0.01 * seed) ** down).tolist(),
                "low": (0.9**down).tolist(), "high": (1.1**down).tolist(), "drift": 1e-14}
    return [made(weights, seed) for seed in range(seeds) for weights in subject.WEIGHTS]


def test_one_panel_for_each_kind_of_weights_with_its_band():
    panels = dict(zip(subject.WEIGHTS, subject.gradient_band(rows()).axes))
    assert [axes.get_title() for axes in panels.values()] == [
        "iso flow, orthogonal: 95, 95 %", "gated flow, orthogonal: 95, 95 %", "one matrix, unconstrained: 95, 95 %",
        "the iso flow, not made skew: 95, – %"]
    for axes in panels.values():
        low, high, lowest, highest = (line.get_ydata() for line in axes.lines)
        np.testing.assert_allclose(low, 0.9 ** np.arange(11)), np.testing.assert_allclose(high, 1.1 ** np.arange(11))
        assert lowest[-1] == pytest.approx(0.99**10)
    assert highest[-1] == pytest.approx(2.51**10), "the longest of all seeds"
    assert [text.get_text() for text in panels["not skew"].texts] == [f"up to {2.51**10:,.0f}"]
    assert not panels["iso"].texts


@pytest.mark.slow
def test_flows_are_measured_inside_and_the_other_two_outside():
    found = {row["weights"]: row for row in subject.gradient_band_rows(seeds=[3], epochs=6)}
    for weights, row in found.items():
        ends = [np.array(row[key]) for key in ("low", "lowest", "highest", "high")]
        is_inside = all((above - below >= -1e-12).all() for below, above in zip(ends, ends[1:]))
        assert is_inside == (weights in ("iso", "gated")), weights
        assert (row["drift"] < 1e-10) == is_inside and ends[1][0] == ends[2][0] == 1
    assert found["iso"]["test_accuracy"] > 0.9


def test_nothing_to_show_is_said():
    with pytest.raises(figures.NothingToShow, match="at least one row of gradient_band_rows"):
        subject.gradient_band([])
    with pytest.raises(ValueError, match="rows: expected those of gradient_band_rows"):
        subject.gradient_band([{"rule": "bp"}])
