"""The law is SGD's own recursion; real runs of different data and labels lie on it, and the title says how near."""

import importlib

import numpy as np
import pytest

from feedbackalign import figures
from feedbackalign.figures import NothingToShow
from feedbackalign.figures.experiments import trained
from feedbackalign.figures.experiments.decay import COMMON, curves_of, departure, law
from feedbackalign.optimizer import SMALL_NETWORKS
from feedbackalign.runs.run import Run
from tests.figures.records import title, words

experiment = importlib.import_module("feedbackalign.figures.experiments.decay")


@pytest.fixture(scope="module")
def rows():
    return two_runs()


def two_runs():
    """Real ones, hop by hop, on right and on shuffled labels."""
    return trained.do([trained.Planned(Run(**COMMON | {"epochs": 4, "hidden": (16,), "shuffled_labels": shuffled}),
                                       {"task": "shuffled" if shuffled else "digits"}) for shuffled in (False, True)])


def test_the_law_is_sgds_recursion_on_a_number():
    c, v, expected = 1.0, 0.0, [1.0]
    for step in range(1000):
        decay = SMALL_NETWORKS.decay * (SMALL_NETWORKS.drop if step >= SMALL_NETWORKS.steps(0.01, 0.9) else 1)
        v = 0.9 * v + decay * c
        c -= 0.01 * v
        expected.append(c)
    np.testing.assert_allclose(law(1000), expected, rtol=1e-12)
    np.testing.assert_allclose(law(3, lr=0.1, momentum=0.0, decay=0.5), 0.95**np.arange(4))
    assert 0.05 < law(1000)[-1] < 0.065                                       # about e^-2.8


def test_real_runs_lie_on_it_whatever_they_learn(rows):
    assert {row["route"] for row in rows} == {"explicit"}
    losses = {row["task"]: row["train_loss"] for row in rows if row["epoch"] == 4}
    assert losses["shuffled"] > 2 * losses["digits"]
    curves = curves_of(rows)
    assert set(curves) == {(task, 0, layer) for task in ("digits", "shuffled") for layer in ("fc1", "fc2")}
    assert departure(curves, law(4 * 38)) < 1e-5
    assert all(points[0] == (0, 1.0) and points[-1][1] < 0.75 for points in curves.values())


def test_the_departure_is_that_of_the_worst_point():
    curves = {("a", 0, "fc1"): [(0, 1.0), (2, 0.5)], ("b", 0, "fc1"): [(1, 0.75)]}
    assert departure(curves, [1.0, 0.8, 0.6]) == pytest.approx(0.1)


def test_it_draws_every_layer_of_every_task(rows):
    figure = figures.decay(rows)
    left, right = figure.axes
    assert len(left.lines) == 2
    marks = [line for line in right.lines if line.get_linestyle() == "None"]
    assert len(marks) == 4 and all(len(line.get_xdata()) == 5 for line in marks)
    curve = next(line for line in right.lines if len(line.get_xdata()) == 153)
    np.testing.assert_allclose(curve.get_ydata(), law(152))
    assert title(figure) == experiment.title(curves_of(rows), law(152)) and "hop by hop" in words(figure)


def test_the_title_says_within_which_power_of_ten_the_law_holds():
    curves = {("a", 0, "fc1"): [(0, 1.0), (1, 0.5)]}
    for off, power in ((0.02, -1), (2e-6, -5), (0.0, -16)):
        assert experiment.title(curves, [1.0, 0.5 + off]).endswith(f"lies within 1e{power} of the scalar law")


@pytest.mark.parametrize("wrong", [[], [{"rule": "pfa", "epoch": 1}],
                                   [{"rule": "fa", "epoch": 1, "task": "digits", "difference_norm": {}}]])
def test_nothing_to_show_is_said(wrong):
    with pytest.raises(NothingToShow):
        figures.decay(wrong)
