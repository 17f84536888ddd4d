"""The three estimators over training: measured on a short run, drawn as they were given."""

import numpy as np
import pytest

from feedbackalign import figures
from feedbackalign.figures import NothingToShow, looks
from feedbackalign.figures.experiments.estimators import ESTIMATORS, estimators, estimators_rows
from tests.figures.records import line, lines

FALL = {"symmetric": 0, "one-sided": 6, "random-sign": 2}


def rows(seeds=2, epochs=3, betas=(0.3, 1.0)):
    """By formula."""
    return [{"estimator": estimator, "beta": beta, "rule": "ep", "seed": seed, "epoch": epoch, "unsettled": 0.1 * beta,
             "test_accuracy": 0.5 + 0.1 * epoch - 0.01 * FALL[estimator] * beta + 0.02 * seed,
             "implicit": {"conv1": 20.0 + 5 * FALL[estimator] * beta + epoch, "conv2": 70.0, "fc1": 0.0}}
            for beta in betas for estimator in ESTIMATORS for seed in range(seeds) for epoch in range(epochs + 1)]


@pytest.mark.slow
def test_rows_of_a_short_run():
    seen = []
    measured = estimators_rows(seeds=[3], epochs=1, betas=[1.0], progress=seen.append)
    assert seen == measured
    assert [(row["estimator"], row["beta"], row["seed"], row["epoch"]) for row in measured] == [
        (estimator, 1.0, 3, epoch) for estimator in ESTIMATORS for epoch in (0, 1)]
    start = {row["estimator"]: row["implicit"] for row in measured if row["epoch"] == 0}
    assert start["symmetric"].keys() == {"conv1", "conv2", "fc1"}
    assert all(angle + 10 < start["one-sided"][layer] for layer, angle in start["symmetric"].items())
    assert {row["test_accuracy"] for row in measured if row["epoch"] == 0} == {measured[0]["test_accuracy"]}
    assert all(0 <= row["unsettled"] <= 1 for row in measured if row["epoch"] == 1)


def test_lines_are_the_means_over_seeds():
    figure = estimators(rows())
    assert [axes.get_title() for axes in figure.axes] == [
        "β = 0.3: test accuracy (%)", "conv1's update: angle to implicit",
        "β = 1: test accuracy (%)", "conv1's update: angle to implicit"]
    _, _, accuracy, angle = figure.axes
    assert lines(accuracy) == lines(angle) == list(ESTIMATORS)
    np.testing.assert_allclose(line(accuracy, "one-sided")[1], [45, 55, 65, 75])
    np.testing.assert_allclose(line(angle, "one-sided")[1], [50, 51, 52, 53])
    assert any("last epoch: 10 % at most elsewhere" in text.get_text().replace("\n", " ") for text in figure.texts)


def test_the_small_print_names_the_estimators_whose_phases_did_not_settle():
    share = {("one-sided", 1.0): 0.9}
    some = [row | {"unsettled": share.get((row["estimator"], row["beta"]), 0.02)} for row in rows()]
    words = " ".join(text.get_text().replace("\n", " ") for text in estimators(some).texts)
    assert "90 % of the nudged phases of one-sided at β = 1, 2 % at most elsewhere" in words


def test_epochs_without_a_settled_gradient_have_no_angle():
    some = rows(betas=(1.0,))
    for row in some:
        row["implicit"] = None if row["epoch"] == 3 else row["implicit"]
    accuracy, angle = estimators(some).axes
    assert np.isfinite(line(accuracy, "symmetric")[1]).all() and np.isnan(line(angle, "symmetric")[1][-1])


def test_every_estimator_has_a_colour_of_its_own():
    assert len({looks.look(name).colour for name in ESTIMATORS}) == 3


@pytest.mark.parametrize("wrong, error", [([], NothingToShow), ([{"rule": "ep"}], ValueError)])
def test_what_it_cannot_draw(wrong, error):
    with pytest.raises(error, match="estimators_rows"):
        figures.estimators(wrong)
