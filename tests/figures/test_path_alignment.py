"""Path angles and norm ratios are the rows' own; the expected end is that of pfa."""

import math

import pytest

from feedbackalign.figures import NothingToShow, path_alignment
from feedbackalign.figures.path_alignment import expected_end
from tests.figures.records import (CONVOLUTIONAL, FIFTEEN, assert_means_and_extremes, changed, legend, record,
                                   with_holes, words)


@pytest.fixture(scope="module")
def figure():
    """For tests that only look at it."""
    return path_alignment(record())


@pytest.fixture(scope="module")
def deep():
    """Nine layers."""
    return path_alignment(record(rules=("bp", "pfa"), seeds=2, epochs=2, layers=CONVOLUTIONAL))


@pytest.mark.parametrize("rows", [record(), with_holes(record())], ids=["whole", "holes"])
def test_lines_are_means_and_bands_are_extremes(rows):
    figure = path_alignment(rows)
    for first, key in enumerate(("weight_angle", "norm_ratio")):
        for layer, axes in zip(("fc1", "fc2", "fc3"), figure.axes[first::2]):
            assert_means_and_extremes(axes, rows, ["bp", "fa", "usf", "kp", "wm", "pfa", "pfa-o"],
                                      lambda row, key=key, layer=layer: (row.get(key) or {}).get(layer))


def test_rules_without_a_stand_in_are_named_below(figure):
    assert "nothing stands in W's place: dfa" in words(figure)
    with pytest.raises(NothingToShow, match="no angle between weights and feedback"):
        path_alignment(record(rules=("dfa", "np")))


def dotted(figure):
    """Heights of the dotted lines in the angle panels."""
    return [line.get_ydata()[0] for axes in figure.axes[::2] for line in axes.get_lines()
            if line.get_label().startswith("_") and line.get_ydata()[0] != 90.0]


def test_the_expected_end_of_pfa_is_drawn_and_labelled(figure):
    assert dotted(figure) == pytest.approx([math.degrees(math.atan(1 / math.sqrt(10)))] * 3)
    label = legend(figure)[-1]
    assert "expected end (no bound) of pfa in a wide layer" in label and "arctan(1/√10) = 17.5°" in label


def test_the_expected_end_is_that_of_the_expansion_and_density_in_use():
    rows = record(rules=("pfa",), epochs=1)
    assert dotted(path_alignment(rows, expansion=1)) == pytest.approx([45.0] * 3)
    sparse = path_alignment(changed(rows, lambda row: row.update(expansion=10, density=0.1)), expansion=100)
    assert dotted(sparse) == pytest.approx([45.0] * 3)
    assert "arctan(1/√(10·0.1)) = 45.0°" in legend(sparse)[-1]
    assert expected_end(rows, expansion=100) == pytest.approx(5.71, abs=0.01)
    with pytest.raises(ValueError, match="expansion: expected an integer of at least 1"):
        path_alignment(rows, expansion=0)


def test_without_pfa_no_end_is_expected():
    figure = path_alignment(record(rules=("bp", "pfa-o", "pfa-i"), epochs=1))
    assert dotted(figure) == [] and legend(figure) == ["bp", "pfa-o", "pfa-i"]


def test_nothing_is_written_over_a_curve(figure, deep):
    for each in (figure, deep):
        assert not any(text.get_text() for axes in each.axes for text in axes.texts)
        assert "90°: unrelated" in each.axes[0].get_ylabel()


def test_the_small_print_says_decay_and_names(figure):
    text = words(figure)
    assert "weight decay: 1e-4" in text and "kp: Kolen-Pollack" in text and "\nbp: backprop; fa" in text
    rows = changed(record(rules=("pfa", "mine"), epochs=1), lambda row: row.pop("weight_decay"))
    assert words(path_alignment(rows)).endswith("highest\npfa: product feedback alignment") and "decay" not in words(
        path_alignment(rows))


def test_names_give_way_where_there_is_no_room():
    text = words(path_alignment(record(rules=FIFTEEN, seeds=2, epochs=1, layers=CONVOLUTIONAL)))
    assert "Kolen-Pollack" not in text and "weight decay" in text


def test_the_lowest_layer_is_marked_as_routing_no_error(figure):
    titles = [axes.get_title() for axes in figure.axes[::2]]
    assert titles == ["fc1 (lowest:\nroutes no error)", "fc2", "fc3 (top)"]


def test_of_a_deep_network_six_layers_are_shown_and_counted(deep):
    assert len(deep.axes) == 12 and "6 of 9 layers" in words(deep)


def test_panels_of_a_row_share_their_axis_and_show_every_value():
    rows = record(rules=("bp",), epochs=1)
    for row in rows:
        row["weight_angle"]["fc2"], row["norm_ratio"]["fc2"] = 120.0, 3.0
    figure = path_alignment(rows)
    for axes, highest in ((figure.axes[::2], 120), (figure.axes[1::2], 3)):
        low, high = {each.get_ylim() for each in axes}.pop()
        assert {each.get_ylim() for each in axes} == {(low, high)} and low <= 0 and high > highest
