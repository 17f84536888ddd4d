"""Angles of the predictors: measured on a short run, drawn as they were given."""

import numpy as np
import pytest

from feedbackalign.figures.experiments.predictors import predictors, predictors_rows

def rows(seeds=2, epochs=3):
    """By formula: the angle falls, fc1 comes nearer to the settled gradient than to backprop."""
    return [{"feedback": feedback, "rule": "corinfomax", "seed": seed, "epoch": epoch,
             "test_accuracy": 0.9 + 0.02 * seed, "between": 90.0 - slope * epoch + seed,
             "implicit": {"fc1": 90.0 - 15 * epoch, "fc2": 30.0 + epoch},
             "backprop": {"fc1": 85.0, "fc2": 100.0 + epoch}}
            for feedback, slope in (("learned", 10), ("fixed", 5))
            for seed in range(seeds) for epoch in range(epochs + 1)]


def test_rows_of_a_short_run():
    measured = predictors_rows(seeds=[3], epochs=1)
    assert [(row["feedback"], row["seed"], row["epoch"]) for row in measured] == [
        (feedback, 3, epoch) for feedback in ("learned", "fixed") for epoch in (0, 1)]
    assert measured[0] == {**measured[2], "feedback": "learned"} and measured[1]["between"] < measured[3]["between"]
    assert 80 < measured[0]["between"] < 100 and measured[1]["between"] < 80
    assert measured[1]["implicit"]["fc1"] < 75 and measured[1]["test_accuracy"] > 0.7


def test_lines_are_the_means_over_seeds():
    left, right = predictors(rows()).axes
    np.testing.assert_allclose(left.lines[0].get_ydata(), [90.5, 80.5, 70.5, 60.5])
    np.testing.assert_allclose(left.lines[1].get_ydata(), [90.5, 85.5, 80.5, 75.5])
    drawn = [line.get_ydata() for line in right.lines if len(line.get_xdata()) == 4]
    np.testing.assert_allclose(drawn, [[90, 75, 60, 45], [30, 31, 32, 33], [85] * 4, [100, 101, 102, 103]])
    assert any("91 % with Wb learned, 91 % with Wb fixed" in text.get_text() for text in predictors(rows()).texts)


def test_epochs_without_a_settled_gradient_are_left_out():
    some = rows()
    for row in some:
        row["implicit"] = None if row["epoch"] == 3 else row["implicit"]
    lengths = sorted(len(line.get_xdata()) for line in predictors(some).axes[1].lines)
    assert lengths == [2, 3, 3, 4, 4]                                           # 2: the line at 90°


@pytest.mark.parametrize("epochs", [1, 20])
def test_the_panels_have_epochs_below_them(epochs):
    assert {axes.get_xlabel() for axes in predictors(rows(epochs=epochs)).axes} == {"epoch"}
