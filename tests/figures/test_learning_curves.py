"""The learning curves show the rows' numbers, and their title no more than the bands support."""

import pytest

from feedbackalign.figures import NothingToShow, learning_curves
from tests.figures.records import bands, changed, line, lines, record, regression, title, with_holes


def panel(figure, name):
    return next(axes for axes in figure.axes if axes.get_title() == name)


def values(rows, rule, epoch, key):
    return [row[key] for row in rows if row["rule"] == rule and row["epoch"] == epoch and row[key] is not None]


@pytest.mark.parametrize("rows", [record(), with_holes(record())], ids=["whole", "holes"])
@pytest.mark.parametrize("name, key, unit", [("test accuracy (%)", "test_accuracy", 100),
                                             ("training loss", "train_loss", 1), ("test loss", "test_loss", 1)])
def test_lines_are_means_and_bands_are_extremes(rows, name, key, unit):
    axes = panel(learning_curves(rows), name)
    assert lines(axes) == ["bp", "fa", "dfa", "usf", "kp", "wm", "pfa", "pfa-o"]
    for rule, band in zip(lines(axes), bands(axes)):
        epochs, means = line(axes, rule)
        assert epochs == list(range(7))
        for epoch, mean in zip(epochs, means):
            known = [unit * value for value in values(rows, rule, epoch, key)]
            if not known:
                assert mean != mean
                continue
            assert mean == pytest.approx(sum(known) / len(known))
            assert band[epoch] == pytest.approx((min(known), max(known)))


def test_regression_shows_losses_alone():
    figure = learning_curves(regression(record()))
    assert [axes.get_title() for axes in figure.axes] == ["training loss", "test loss"]
    assert title(figure) == "Every rule lowers the test loss, with every seed"
    assert "%" not in figure.legends[0].get_texts()[0].get_text()


def test_accuracy_alone_is_enough():
    figure = learning_curves(changed(record(), lambda row: row.update(train_loss=None, test_loss=None)))
    assert [axes.get_title() for axes in figure.axes] == ["test accuracy (%)"]


def test_a_single_seed_has_no_band_and_claims_nothing():
    figure = learning_curves(record(seeds=1))
    assert not any(axes.collections for axes in figure.axes)
    assert title(figure) == "Learning curves, rule by rule"


def test_the_title_says_in_which_range_all_seeds_end():
    rows = record()
    ends = [100 * row["test_accuracy"] for row in rows if row["epoch"] == 6]
    told = title(learning_curves(rows))
    assert told.startswith("Every rule learns")
    low, high = (float(word) for word in told.split() if word[0].isdigit())
    assert min(ends) - 0.1 <= low <= min(ends) and max(ends) <= high <= max(ends) + 0.1


def test_one_rule_that_does_not_learn_silences_the_title():
    rows = changed(record(), lambda row: row.update(test_accuracy=0.1) if row["rule"] == "dfa" else None)
    assert title(learning_curves(rows)) == "Learning curves, rule by rule"


def test_a_rising_loss_silences_the_title_of_a_regression():
    rows = changed(regression(record()), lambda row: row.update(test_loss=5.0) if row["rule"] == "fa" else None)
    assert title(learning_curves(rows)) == "Learning curves, rule by rule"


def test_a_cut_axis_says_so_and_a_collapsed_rule_is_not_cut_off():
    axes = learning_curves(record(epochs=40)).axes[0]
    assert axes.get_ylim()[0] > 20 and "axis cut" in axes.texts[0].get_text()
    rows = changed(record(epochs=40), lambda row: row.update(test_accuracy=0.1) if row["rule"] == "dfa" else None)
    axes = learning_curves(rows).axes[0]
    assert axes.get_ylim()[0] < 10 and not axes.texts


def test_the_legend_tells_the_last_accuracies():
    rows = record(rules=("bp", "fa"), seeds=2)
    told = [text.get_text() for text in learning_curves(rows).legends[0].get_texts()]
    for words, rule in zip(told, ("bp", "fa")):
        known = values(rows, rule, 6, "test_accuracy")
        assert words == f"{rule}  {100 * sum(known) / len(known):.1f} %"


def test_the_legend_tells_the_last_accuracy_that_is_known():
    def forget(row):
        if row["epoch"] == 6:
            row["test_accuracy"] = None

    told = [text.get_text() for text in learning_curves(changed(record(), forget)).legends[0].get_texts()]
    assert not any("nan" in words for words in told)


def test_a_loss_of_zero_makes_the_axis_linear():
    rows = changed(record(), lambda row: row.update(train_loss=0.0) if row["epoch"] == 6 else None)
    figure = learning_curves(rows)
    assert panel(figure, "training loss").get_yscale() == "linear" and panel(figure, "test loss").get_yscale() == "log"


def test_a_record_without_loss_or_accuracy_shows_nothing():
    with pytest.raises(NothingToShow, match="no row of the record knows"):
        learning_curves([{"rule": "fa", "epoch": 0}])
