"""The learning curves show the rows' numbers."""

import pytest

from feedbackalign.figures import NothingToShow, learning_curves
from tests.figures.records import DEFAULT_RULES, assert_means_and_extremes, changed, legend, record, regression
from tests.figures.records import with_holes, words


def panel(figure, name):
    return next(axes for axes in figure.axes if axes.get_title() == name)


@pytest.mark.parametrize("rows", [record(), with_holes(record())], ids=["whole", "holes"])
def test_lines_are_means_and_bands_are_extremes(rows):
    figure = learning_curves(rows)
    for name, key, unit in (("test accuracy (%)", "test_accuracy", 100), ("training loss", "train_loss", 1),
                            ("test loss", "test_loss", 1)):
        assert_means_and_extremes(panel(figure, name), rows, DEFAULT_RULES,
                                  lambda row, key=key, unit=unit: None if row[key] is None else unit * row[key])


def test_regression_shows_losses_alone():
    figure = learning_curves(regression(record(rules=("bp", "fa"))))
    assert [axes.get_title() for axes in figure.axes] == ["training loss", "test loss"]
    assert legend(figure) == ["bp", "fa"]


def test_accuracy_alone_is_enough():
    figure = learning_curves(changed(record(rules=("bp",)), lambda row: row.update(train_loss=None, test_loss=None)))
    assert [axes.get_title() for axes in figure.axes] == ["test accuracy (%)"]


def test_a_single_seed_has_no_band():
    figure = learning_curves(record(rules=("bp", "fa"), seeds=1))
    assert not any(axes.collections for axes in figure.axes) and "one seed, so no bands" in words(figure)


def test_the_small_print_says_each_rules_decay():
    rows = changed(record(epochs=1), lambda row: row.update(weight_decay=0.03) if row["rule"][:3] == "pfa" else None)
    assert "weight decay: 0.03 for pfa, pfa-o; 1e-4 for all others" in words(learning_curves(rows))


def test_a_cut_axis_says_so_and_a_collapsed_rule_is_not_cut_off():
    axes = learning_curves(record(rules=("bp", "dfa"), epochs=40)).axes[0]
    assert axes.get_ylim()[0] > 20 and axes.texts[0].get_text() == "the first epochs lie lower, from 11 % on"
    rows = changed(record(rules=("bp", "dfa"), epochs=40),
                   lambda row: row.update(test_accuracy=0.1) if row["rule"] == "dfa" else None)
    axes = learning_curves(rows).axes[0]
    assert axes.get_ylim()[0] < 10 and not axes.texts


def test_a_climb_that_takes_little_room_is_not_cut_off():
    """A hard task starts near chance and stays noisy: the lowest value may lie anywhere, and it is seen."""
    rows = changed(record(rules=("bp", "dfa"), epochs=40), lambda row: row.update(
        test_accuracy=0.27 if row["epoch"] == 2 else 0.34 + 0.003 * row["epoch"]))
    axes = learning_curves(rows).axes[0]
    assert axes.get_ylim()[0] == pytest.approx(25) and not axes.texts


def test_the_legend_says_the_last_accuracies_that_are_known():
    def forget(row):
        if row["rule"] == "fa" and row["epoch"] == 6:
            row["test_accuracy"] = None

    rows = changed(record(rules=("bp", "fa"), seeds=2), forget)
    known = {"bp": 6, "fa": 5}
    ends = {rule: [100 * row["test_accuracy"] for row in rows if (row["rule"], row["epoch"]) == (rule, epoch)]
            for rule, epoch in known.items()}
    assert legend(learning_curves(rows)) == [f"{rule}  {sum(end) / 2:.1f} %" for rule, end in ends.items()]


def test_a_loss_of_zero_makes_the_axis_linear():
    rows = changed(record(rules=("bp",)), lambda row: row.update(train_loss=0.0) if row["epoch"] == 6 else None)
    figure = learning_curves(rows)
    assert panel(figure, "training loss").get_yscale() == "linear" and panel(figure, "test loss").get_yscale() == "log"


def test_a_record_without_loss_or_accuracy_shows_nothing():
    with pytest.raises(NothingToShow, match="no row of the record holds"):
        learning_curves([{"rule": "fa", "epoch": 0}])
