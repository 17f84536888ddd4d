"""Curves over density are the rows' own."""

import math

import numpy as np
import pytest

from feedbackalign import figures
from feedbackalign.figures import NothingToShow
from feedbackalign.figures.experiments.sparse import expected_angle, over_density, reciprocal_share
from tests.figures.records import bands, line, lines, words

DENSITIES = (1.0, 0.3, 0.05)
RULES = ("fa", "dfa", "kp", "pfa")


def rows(seeds=2):
    """Made up by formula, as an experiment's rows are: bp at full density only, two epochs of each run."""
    made = []
    for rule, density in [("bp", 1.0)] + [(rule, density) for rule in RULES for density in DENSITIES]:
        for seed in range(seeds):
            for epoch in (0, 1):
                share = {"bp": 1.0, "dfa": 0.0, "pfa": 0.0}.get(rule, density)
                made.append({"rule": rule, "seed": seed, "epoch": epoch, "density": density, "model": "mlp",
                             "data": "digits", "decay": "equal",
                             "test_accuracy": 0.1 if epoch == 0 else 0.9 + 0.02 * seed - 0.05 * (1 - density),
                             "reciprocity": {"fc1": 1.0, "fc2": share, "fc3": share},
                             "weight_angle": {} if rule == "dfa" else {"fc1": 0.0, "fc2": 30.0, "fc3": 50.0 + seed}})
    return made


@pytest.fixture(scope="module")
def figure():
    """For tests that only look at it."""
    return figures.sparse(rows())


def test_lines_are_means_over_seeds_after_the_last_epoch(figure):
    accuracy, reciprocity, angle = figure.axes
    assert lines(accuracy) == list(RULES) and lines(angle) == ["fa", "kp", "pfa"]
    x, y = line(accuracy, "fa")
    assert x == list(DENSITIES)
    np.testing.assert_allclose(y, [100 * (0.91 - 0.05 * (1 - density)) for density in DENSITIES])
    np.testing.assert_allclose(bands(accuracy)[0][1.0], (90.0, 92.0))
    np.testing.assert_allclose(line(reciprocity, "kp")[1], [100 * density for density in DENSITIES])
    assert line(reciprocity, "pfa")[1] == [0.0] * 3
    np.testing.assert_allclose(line(angle, "fa")[1], 40.25)                  # over all layers but the lowest


def test_what_has_no_density_is_a_line_across(figure):
    accuracy = figure.axes[0]
    across = [line for line in accuracy.lines if list(line.get_xdata()) == [0, 1]]
    assert len(across) == 1 and across[0].get_ydata()[0] == pytest.approx(91.0)
    assert [text.get_text() for text in accuracy.texts] == ["bp"]


def test_the_lowest_layers_feedback_counts_for_nothing():
    assert reciprocal_share({"reciprocity": {"fc1": 1.0, "fc2": 0.2, "fc3": 0.4}}) == pytest.approx(30.0)
    assert reciprocal_share({"reciprocity": {"fc1": 1.0}}) is None and reciprocal_share({}) is None


def test_densities_go_from_full_to_sparse(figure):
    curve = over_density(rows(), lambda row: row["epoch"])["fa"]
    assert curve.epochs == [1.0, 0.3, 0.05]
    left, right = figure.axes[0].get_xlim()
    assert left > 1.0 > 0.05 > right > 0


@pytest.mark.parametrize("density, degrees", [(1, 17.5), (0.5, 24), (0.1, 45), (0.05, 55)])
def test_where_the_path_is_expected_to_end(density, degrees):
    assert expected_angle(density) == pytest.approx(degrees, abs=0.3)
    assert math.tan(math.radians(expected_angle(density)))**2 == pytest.approx(1 / (10 * density))


def test_the_small_print_says_what_was_trained(figure):
    assert "mlp, digits, after 1 epochs, decay equal" in words(figure) and "mean over 2 seeds" in words(figure)
    assert "one seed" in words(figures.sparse(rows(seeds=1)))


def test_nothing_to_show_is_said():
    with pytest.raises(NothingToShow, match="density"):
        figures.sparse([{"rule": "fa", "epoch": 1}])
