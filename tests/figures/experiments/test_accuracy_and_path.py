"""What `mlp` and `resnet` share: curves are the rows' own."""

import pytest

from feedbackalign import figures
from feedbackalign.figures import NothingToShow
from feedbackalign.figures.experiments.accuracy_and_path import choose
from tests.figures.records import CONVOLUTIONAL, changed, line, lines, record, title, words

RULES = ("bp", "fa", "dfa", "usf", "pfa", "pfa-o")


def rows(**how):
    """fa ends behind all others."""
    return changed(record(rules=RULES, **how), lambda row: row.update(test_accuracy=row["test_accuracy"] - 0.08)
                   if row["rule"] == "fa" else None)


def test_accuracy_beside_angles_above_norm_ratios():
    made = rows()
    figure = figures.mlp(made)
    assert title(figure) == "MLP: accuracy, and how well the feedback stands in for the forward weights W"
    accuracy, *panels = figure.axes
    assert lines(accuracy) == list(RULES) and len(panels) == 6
    _, y = line(accuracy, "fa")
    own = [100 * row["test_accuracy"] for row in made if row["rule"] == "fa" and row["epoch"] == 6]
    assert y[-1] == pytest.approx(sum(own) / 3)
    for layer, axes, below in zip(("fc1", "fc2", "fc3"), panels[::2], panels[1::2]):
        for kind, panel in (("weight_angle", axes), ("norm_ratio", below)):
            assert lines(panel) == ["bp", "fa", "usf", "pfa", "pfa-o"]
            own = [row[kind][layer] for row in made if row["rule"] == "usf" and row["epoch"] == 2]
            assert line(panel, "usf")[1][2] == pytest.approx(sum(own) / 3)


def test_deep_networks_show_the_lowest_routing_a_middle_and_the_top_layer():
    shown = choose(list(CONVOLUTIONAL))
    assert len(shown) == 3 and shown[0] == CONVOLUTIONAL[1] and shown[-1] == "fc1"
    figure = figures.resnet(rows(layers=CONVOLUTIONAL))
    assert [axes.get_title() for axes in figure.axes[1::2]][-1] == "fc1 (top)"
    assert "3 of 9 layers" in words(figure) and "228 steps" in words(figure)


def test_nothing_to_show_is_said():
    with pytest.raises(NothingToShow, match="no accuracy"):
        figures.mlp(record(rules=("dfa",)))
