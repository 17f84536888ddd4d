"""What `mlp` and `resnet` share: curves are the rows' own, the title is supported by every seed and layer."""

import pytest

from feedbackalign import figures
from feedbackalign.figures import NothingToShow
from feedbackalign.figures.experiments.accuracy_and_path import choose
from tests.figures.records import CONVOLUTIONAL, assert_fits_its_slide, changed, line, lines, record, title, words

RULES = ("bp", "fa", "dfa", "usf", "pfa", "pfa-o")


def rows(**how):
    """fa ends behind all others."""
    return changed(record(rules=RULES, **how), lambda row: row.update(test_accuracy=row["test_accuracy"] - 0.08)
                   if row["rule"] == "fa" else None)


@pytest.mark.parametrize("draw", [figures.mlp, figures.resnet])
def test_accuracy_beside_angles_above_norm_ratios(draw):
    made = rows()
    accuracy, *panels = draw(made).axes
    assert lines(accuracy) == list(RULES) and len(panels) == 6
    _, y = line(accuracy, "fa")
    own = [100 * row["test_accuracy"] for row in made if row["rule"] == "fa" and row["epoch"] == 6]
    assert y[-1] == pytest.approx(sum(own) / 3)
    for layer, axes, below in zip(("fc1", "fc2", "fc3"), panels[::2], panels[1::2]):
        for kind, panel in (("weight_angle", axes), ("norm_ratio", below)):
            assert lines(panel) == ["bp", "fa", "usf", "pfa", "pfa-o"]
            own = [row[kind][layer] for row in made if row["rule"] == "usf" and row["epoch"] == 2]
            assert line(panel, "usf")[1][2] == pytest.approx(sum(own) / 3)


@pytest.mark.parametrize("made", [rows(), rows(seeds=1), rows(layers=CONVOLUTIONAL), rows(epochs=1)])
def test_it_fits_its_slide(made):
    assert_fits_its_slide(figures.resnet(made))


def test_deep_networks_show_the_lowest_layer_that_routes_one_between_and_the_top():
    shown = choose(list(CONVOLUTIONAL))
    assert len(shown) == 3 and shown[0] == CONVOLUTIONAL[1] and shown[-1] == "fc1"
    figure = figures.resnet(rows(layers=CONVOLUTIONAL))
    assert [axes.get_title() for axes in figure.axes[1::2]][-1] == "fc1 (top)"
    assert "3 of 9 layers" in words(figure) and "36" not in words(figures.mlp(rows())) and "228 steps" in words(figure)


def test_the_title_claims_what_every_seed_supports():
    assert title(figures.mlp(rows())).startswith("MLP: product feedback (pfa) ends")
    assert "8.0 behind" in title(figures.mlp(rows())) and "within 22° of W" in title(figures.mlp(rows()))
    behind = changed(rows(), lambda row: row.update(test_accuracy=row["test_accuracy"] - 0.0031)
                     if row["rule"] == "pfa" else None)
    assert "ends within 0.4 points of backprop" in title(figures.mlp(behind))       # rounded up, so that it is true
    plain = "MLP: accuracy, and how well the feedback stands in for W"
    far_behind = changed(rows(), lambda row: row.update(test_accuracy=row["test_accuracy"] - 0.05)
                         if row["rule"] == "pfa" else None)
    for no_praise in (record(rules=RULES), far_behind):                     # fa is not behind; pfa is, by five points
        assert title(figures.mlp(no_praise)).endswith("falls from 90° or more\nto 22° or less in every layer")
    far = changed(rows(), lambda row: row["weight_angle"].update(fc2=70.0)
                  if (row["rule"], row["seed"]) == ("pfa", 2) else None)
    assert title(figures.mlp(far)) == plain
    assert title(figures.mlp([row for row in rows() if row["rule"] != "bp"])) == plain
    assert title(figures.mlp(rows(epochs=0))) == plain


def test_nothing_to_show_is_said():
    with pytest.raises(NothingToShow, match="no accuracy"):
        figures.mlp(record(rules=("dfa",)))
