"""Path angles and norm ratios are the rows' own; the expected end is pfa's; the title is supported by every layer."""

import math

import pytest

from feedbackalign.figures import NothingToShow, path_alignment
from feedbackalign.figures.path_alignment import expected_end
from tests.figures.records import (CONVOLUTIONAL, FIFTEEN, RECORDS, bands, changed, line, lines, record, title,
                                   with_holes, words)

PLAIN = "How well the feedback stands in for the forward weights"


@pytest.mark.parametrize("rows", [record(), with_holes(record())], ids=["whole", "holes"])
@pytest.mark.parametrize("key, first", [("weight_angle", 0), ("norm_ratio", 1)])
def test_lines_are_means_and_bands_are_extremes(rows, key, first):
    for layer, axes in zip(("fc1", "fc2", "fc3"), path_alignment(rows).axes[first::2]):
        assert lines(axes) == ["bp", "fa", "usf", "kp", "wm", "pfa", "pfa-o"]
        for rule, band in zip(lines(axes), bands(axes)):
            for epoch, mean in zip(*line(axes, rule)):
                known = [(row.get(key) or {}).get(layer) for row in rows
                         if row["rule"] == rule and row["epoch"] == epoch]
                known = [value for value in known if value is not None]
                if not known:
                    assert mean != mean
                    continue
                assert mean == pytest.approx(sum(known) / len(known))
                assert band[epoch] == pytest.approx((min(known), max(known)))


def test_rules_without_a_stand_in_are_named_below():
    figure = path_alignment(record())
    assert "nothing stands in W's place: dfa" in words(figure)
    with pytest.raises(NothingToShow, match="no angle between weights and feedback"):
        path_alignment(record(rules=("dfa", "np")))


def dotted(figure):
    """Heights of the dotted lines in the angle panels."""
    return [line.get_ydata()[0] for axes in figure.axes[::2] for line in axes.get_lines()
            if line.get_label().startswith("_") and line.get_ydata()[0] != 90.0]


def told(figure):
    return " ".join(text.get_text() for legend in figure.legends for text in legend.get_texts())


def test_the_expected_end_of_pfa_is_drawn_and_labelled():
    figure = path_alignment(record())
    assert dotted(figure) == pytest.approx([math.degrees(math.atan(1 / math.sqrt(10)))] * 3)
    assert "expected end (no bound) of pfa in a wide layer" in told(figure) and "arctan(1/√10) = 17.5°" in told(figure)


def test_the_expected_end_is_that_of_the_expansion_and_density_in_use():
    assert dotted(path_alignment(record(), expansion=1)) == pytest.approx([45.0] * 3)
    sparse = changed(record(), lambda row: row.update(expansion=10, density=0.1))
    assert dotted(path_alignment(sparse, expansion=100)) == pytest.approx([45.0] * 3)
    assert "arctan(1/√(10·0.1)) = 45.0°" in told(path_alignment(sparse))
    assert expected_end(record(), expansion=100) == pytest.approx(5.71, abs=0.01)
    with pytest.raises(ValueError, match="expansion: expected a finite number"):
        path_alignment(record(), expansion=0)


def test_without_pfa_no_end_is_expected():
    figure = path_alignment(record(rules=("bp", "fa", "pfa-o", "pfa-i")))
    assert dotted(figure) == [] and "expected" not in told(figure)


@pytest.mark.parametrize("name", ["default", "five layers", "deep", "one layer"])
def test_nothing_is_written_over_a_curve(name):
    figure = path_alignment(RECORDS[name])
    assert not any(text.get_text() for axes in figure.axes for text in axes.texts)
    assert "90°: unrelated" in figure.axes[0].get_ylabel()


def test_the_small_print_tells_decay_and_names():
    rows = record()
    assert "decay" not in words(path_alignment(changed(rows, lambda row: row.pop("weight_decay"))))
    text = words(path_alignment(rows))
    assert "weight decay: 1e-4" in text and "kp: Kolen-Pollack" in text and "\nbp: backprop; fa" in text
    assert "\npfa: product feedback alignment" in words(path_alignment(record(rules=("pfa", "mine"))))
    assert "fa: feedback alignment; pfa: product fa" in words(path_alignment(record(rules=("fa", "pfa", "mine"))))


def test_names_give_way_where_there_is_no_room():
    text = words(path_alignment(record(rules=FIFTEEN)))
    assert "Kolen-Pollack" not in text and "weight decay" in text


def test_the_lowest_layer_is_marked_as_routing_no_error():
    titles = [axes.get_title() for axes in path_alignment(record()).axes[::2]]
    assert titles == ["fc1 (lowest:\nroutes no error)", "fc2", "fc3 (top)"]


def test_of_a_deep_network_six_layers_are_shown_and_counted():
    figure = path_alignment(record(layers=CONVOLUTIONAL))
    assert len(figure.axes) == 12 and "6 of 9 layers" in words(figure)


def test_panels_of_a_row_share_their_axis():
    figure = path_alignment(record())
    assert len({axes.get_ylim() for axes in figure.axes[::2]}) == 1
    assert len({axes.get_ylim() for axes in figure.axes[1::2]}) == 1


def test_the_title_tells_where_the_path_starts_and_ends():
    rows = record(rules=("pfa",))
    starts = [angle for row in rows if row["epoch"] == 0 for angle in row["weight_angle"].values()]
    ends = [angle for row in rows if row["epoch"] == 6 for angle in row["weight_angle"].values()]
    claim = title(path_alignment(record()))
    assert f"falls from {min(starts):.0f}–{max(starts):.0f}° to {min(ends):.0f}–{max(ends):.0f}°" in claim
    assert "(pfa-o) it ends lower still" in claim


def test_orthogonal_feedback_is_not_called_lower_where_one_seed_is_not():
    def raise_one(row):
        if row["rule"] == "pfa-o" and row["seed"] == 2 and row["epoch"] == 6:
            row["weight_angle"]["fc2"] = 30.0

    assert "pfa-o" not in title(path_alignment(changed(record(), raise_one)))


@pytest.mark.parametrize("rows", [
    record(seeds=1), record(epochs=0), record(epochs=1), record(rules=("bp", "fa")),
], ids=["one seed", "one epoch", "still high", "no pfa"])
def test_what_the_bands_do_not_support_is_not_claimed(rows):
    assert title(path_alignment(rows)) == PLAIN
