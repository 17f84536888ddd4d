"""The figure of step lengths: what is swept, and that every point drawn is a median of its rows."""

import numpy as np
import pytest

from feedbackalign import figures
from feedbackalign.figures.experiments import step_tolerance as subject


def rows():
    """Made up by formula."""
    made = []
    for rule, loss in (("bp", 1.0), ("proxprop", 0.5), ("semi-implicit", 0.2)):
        for seed in (1, 2, 3):
            made += [{"rule": rule, "seed": seed, "epoch": 1, "swept": "eta", "eta": eta,
                      "penalty": None if rule == "bp" else 1.0, "loss": loss * seed if eta < 3 else None}
                     for eta in (0.1, 0.5, 3.0)]
            made += [{"rule": rule, "seed": seed, "epoch": 1, "swept": "penalty", "eta": 0.5, "penalty": penalty,
                      "loss": loss * seed} for penalty in (0.1, 10.0) if rule != "bp"]
    return made


def test_medians_are_drawn_and_what_is_no_number_at_the_top():
    left, right = subject.step_tolerance(rows()).axes
    curves = [line for line in left.lines if len(line.get_xdata()) == 3]
    assert len(curves) == 3
    for line, loss in zip(curves, (1.0, 0.5, 0.2)):
        np.testing.assert_allclose(line.get_ydata(), (2 * loss, 2 * loss, subject.HIGHEST))
    curves = [line.get_ydata() for line in right.lines if tuple(line.get_xdata()) == (0.1, 10.0)]
    np.testing.assert_allclose(curves, [(1.0, 1.0), (0.4, 0.4)])


def test_nothing_to_show_is_said():
    with pytest.raises(figures.NothingToShow, match="at least one row"):
        subject.step_tolerance([])


def test_every_rule_is_trained_at_every_setting_of_its_sweep():
    measured = figures.step_tolerance_rows(seeds=[3], etas=[0.1, 1e15], penalties=[10.0], hidden=(8, 8))
    settings = [(row["rule"], row["swept"], row["eta"], row["penalty"]) for row in measured]
    assert settings == [
        ("bp", "eta", 0.1, None), ("proxprop", "eta", 0.1, 1.0), ("semi-implicit", "eta", 0.1, 1.0),
        ("bp", "eta", 1e15, None), ("proxprop", "eta", 1e15, 1.0), ("semi-implicit", "eta", 1e15, 1.0),
        ("proxprop", "penalty", 0.5, 10.0), ("semi-implicit", "penalty", 0.5, 10.0)]
    losses = [row["loss"] for row in measured]
    assert losses[3] is None and all(0 < loss < 3 for loss in losses[:3] + losses[6:])
    assert {row["seed"] for row in measured} == {3}


@pytest.mark.parametrize("option", ["etas", "penalties"])
def test_lengths_that_are_not_above_zero_are_refused_before_any_run(option):
    with pytest.raises(ValueError, match=rf"{option}: expected a finite number in \(0"):
        figures.step_tolerance_rows(seeds=1, **{option: [1.0, 0.0]})
