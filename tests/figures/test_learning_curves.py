"""The learning curves show the rows' numbers, and their title no more than every seed supports."""

import pytest

from feedbackalign.figures import NothingToShow, learning_curves
from tests.figures.records import bands, changed, line, lines, record, regression, title, with_holes
from tests.figures.records import words as all_words

PLAIN = "Learning curves, rule by rule"


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
    assert title(figure) == PLAIN


def test_the_title_says_in_which_range_all_seeds_end():
    rows = record()
    ends = [100 * row["test_accuracy"] for row in rows if row["epoch"] == 6]
    told = title(learning_curves(rows))
    assert told.startswith("Every rule learns")
    low, high = (float(word) for word in told.split() if word[0].isdigit())
    assert min(ends) - 0.1 <= low <= min(ends) and max(ends) <= high <= max(ends) + 0.1


def test_one_rule_that_does_not_learn_silences_the_title():
    rows = changed(record(), lambda row: row.update(test_accuracy=0.1) if row["rule"] == "dfa" else None)
    assert title(learning_curves(rows)) == PLAIN


def test_a_little_above_the_start_is_not_learnt():
    rows = changed(record(), lambda row: row.update(test_accuracy=0.1 + 0.02 * row["epoch"]))
    assert title(learning_curves(rows)) == PLAIN


def with_loss(rule, loss, seeds=(0, 1, 2), **more):
    """The record with this training loss, a function of the epoch, of some of a rule's seeds."""
    def change(row):
        if row["rule"] == rule and row["seed"] in seeds and row["epoch"] > 0:
            row.update(train_loss=loss(row["epoch"]), **more)
    return changed(record(), change)


def test_a_rule_whose_loss_grows_while_its_accuracy_rises_is_named():
    rows = with_loss("dfa", lambda epoch: 3.0 * epoch)
    assert title(learning_curves(rows)) == "Every rule ends above 95 %, but dfa's training loss grows"
    rows = with_loss("dfa", lambda epoch: 3.0 * epoch, seeds=(2,))
    assert title(learning_curves(rows)) == "Every rule ends above 95 %, but dfa's training loss grows with 1 of 3 seeds"


def test_several_rules_whose_loss_grows_are_named_and_a_long_title_takes_two_lines():
    rows = with_loss("dfa", lambda epoch: 3.0 * epoch)
    rows = [{**row, "train_loss": 9.0} if row["rule"] in ("kp", "wm") and row["epoch"] == 6 else row for row in rows]
    told = title(learning_curves(rows))
    assert told.replace("\n", " ") == "Every rule ends above 95 %, but the training loss of dfa, kp and wm grows"
    rows = [{**row, "train_loss": 9.0} if row["rule"] != "bp" and row["epoch"] == 6 and row["seed"] else row
            for row in rows]
    figure = learning_curves(rows)
    assert title(figure).count("\n") == 1 and title(figure).endswith("grows with some seeds")


def test_a_rule_that_diverges_slowly_is_not_said_to_learn():
    rows = with_loss("fa", lambda epoch: 10.0**epoch)
    for row in rows:
        if row["rule"] == "fa":
            row["test_accuracy"] = 0.09 + 0.018 * row["epoch"]              # ends at 19.8 %
    assert title(learning_curves(rows)) == "fa's training loss grows, with every seed"
    rows = [{**row, "train_loss": 1.0} if row["rule"] == "fa" and row["seed"] == 1 else row for row in rows]
    assert title(learning_curves(rows)) == PLAIN


@pytest.mark.parametrize("loss", [lambda epoch: 2.25 + 0.01 * epoch, lambda epoch: 1.0 + 0.1 * epoch,
                                  lambda epoch: 90.0 / epoch, lambda epoch: None if epoch == 6 else 0.1],
                         ids=["about as untrained", "above its first epoch", "above the untrained", "unknown"])
def test_a_loss_that_neither_fell_nor_grew_for_certain_claims_nothing(loss):
    assert title(learning_curves(with_loss("kp", loss, seeds=(1,)))) == PLAIN


def test_a_missing_seed_silences_the_title():
    rows = [row for row in record() if (row["rule"], row["seed"]) != ("wm", 1)]         # its run failed
    assert title(learning_curves(rows)) == PLAIN


def test_one_epoch_is_compared_with_the_untrained_network():
    rows = changed(record(epochs=1), lambda row: row.update(test_accuracy=0.1 + 0.7 * row["epoch"]))
    assert title(learning_curves(rows)).startswith("Every rule learns: each seed ends between 80 and 80 %")
    assert title(learning_curves(record(epochs=0))) == PLAIN


def test_the_small_print_tells_each_rules_decay():
    rows = changed(record(), lambda row: row.update(weight_decay=0.03) if row["rule"].startswith("pfa") else None)
    assert "weight decay: 0.03 for pfa, pfa-o; 1e-4 for all others" in all_words(learning_curves(rows))


def test_a_rising_loss_silences_the_title_of_a_regression():
    rows = changed(regression(record()), lambda row: row.update(test_loss=5.0) if row["rule"] == "fa" else None)
    assert title(learning_curves(rows)) == PLAIN
    rows = regression(with_loss("fa", lambda epoch: 3.0 * epoch))
    assert title(learning_curves(rows)) == "fa's training loss grows, with every seed"


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
