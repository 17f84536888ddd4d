"""The figure of homeostasis against none: what is measured, and what is drawn of it."""

import importlib
import math

import numpy as np
import pytest

from feedbackalign import figures

subject = importlib.import_module("feedbackalign.figures.experiments.homeostasis")


def rows(seeds=2, epochs=3):
    """Made up by formula."""
    made = []
    for seed in range(seeds):
        for rule, helped in (("hep", False), ("hep-homeo", True)):
            for epoch in range(epochs + 1):
                made.append({"rule": rule, "seed": seed, "epoch": epoch, "free_residual": 0.01 * (1 + seed),
                             "test_accuracy": 0.1 + 0.1 * epoch * (1 + helped) + 0.01 * seed,
                             "feedback_angle": 90.0 - (20 if helped else 2) * epoch + seed,
                             "cosine": {"fc1": 0.3 + 0.15 * epoch * helped, "fc2": 0.4, "fc3": 1.0}})
    return made


def test_three_panels_with_one_line_and_one_band_per_rule():
    figure = subject.homeostasis(rows())
    assert len(figure.axes) == 3
    for axes, last in zip(figure.axes, (40.5, 84.5, 0.3)):
        lines = [line for line in axes.lines if line.get_label() in ("hep", "hep-homeo")]
        assert [line.get_label() for line in lines] == ["hep", "hep-homeo"] and len(axes.collections) == 2
        np.testing.assert_allclose(lines[0].get_ydata()[-1], last)
    assert "largest free residual 2e-02" in " ".join(text.get_text() for text in figure.texts)


def test_nothing_to_show_is_said():
    with pytest.raises(figures.NothingToShow, match="at least one row"):
        subject.homeostasis([])


@pytest.mark.slow
def test_measuring_gives_a_row_per_rule_seed_and_epoch(monkeypatch):
    monkeypatch.setattr(subject, "BATCH", 500)
    seen = []
    measured = subject.homeostasis_rows(seeds=[4], epochs=1, progress=seen.append)
    assert seen == measured
    assert [(row["rule"], row["seed"], row["epoch"]) for row in measured] == [
        ("hep", 4, 0), ("hep", 4, 1), ("hep-homeo", 4, 0), ("hep-homeo", 4, 1)]
    start, other = measured[0], measured[2]
    assert {key: start[key] for key in start if key != "rule"} == {key: other[key] for key in other if key != "rule"}
    assert 80 < start["feedback_angle"] < 100 and start["cosine"].keys() == {"fc1", "fc2", "fc3"}
    assert all(isinstance(number, float) and math.isfinite(number) for number in start["cosine"].values())
