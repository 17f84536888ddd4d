"""The gradient angles show the rows' numbers, one reference per figure."""

import pytest

from feedbackalign.figures import NothingToShow, gradient_angles
from tests.figures.records import (CONVOLUTIONAL, DEFAULT_RULES, assert_fits_its_slide, assert_means_and_extremes,
                                   changed, line, lines, record, title, with_holes, words)


@pytest.fixture(scope="module")
def figure():
    """For tests that only look at it."""
    return gradient_angles(record())


@pytest.mark.parametrize("rows", [record(), with_holes(record())], ids=["whole", "holes"])
def test_lines_are_means_and_bands_are_extremes(rows):
    figure = gradient_angles(rows)
    assert [axes.get_title() for axes in figure.axes] == ["fc1 (lowest)", "fc2"]
    for layer, axes in zip(("fc1", "fc2"), figure.axes):
        assert_means_and_extremes(axes, rows, DEFAULT_RULES, lambda row, layer=layer: (
            row.get("backprop_angle") or row["update_angle"] or {}).get(f"{layer}.weight"))


def test_backprop_lies_at_zero_in_every_layer(figure):
    assert all(set(line(axes, "bp")[1]) == {0.0} for axes in figure.axes)


def test_panels_share_their_axis_and_show_every_value():
    rows = changed(record(rules=("bp", "fa")), lambda row: row["backprop_angle"].update({"fc2.weight": 120.0}))
    figure = gradient_angles(rows)
    assert len({axes.get_ylim() for axes in figure.axes}) == 1
    assert figure.axes[0].get_ylim()[1] > 120


def test_a_top_layer_that_is_exact_for_all_has_words_in_place_of_a_panel(figure):
    assert [axes.get_title() for axes in figure.axes] == ["fc1 (lowest)", "fc2"]
    assert "fc3, on top: 0° by construction for all" in words(figure)


def test_the_top_layer_names_the_rules_that_are_not_exact_there():
    top = gradient_angles(record(rules=("bp", "fa", "wp", "np"), epochs=1)).axes[-1]
    assert any("0° by construction\nfor all but wp, np:" in text.get_text() for text in top.texts)


def test_backprop_alone_is_no_construction():
    top = gradient_angles(record(rules=("bp",))).axes[-1]
    assert not any("construction" in text.get_text() for text in top.texts)


def test_title_and_axis_name_the_reference(figure):
    assert title(figure) == "Angle between each rule's update and backprop's gradient"
    settling = changed(record(rules=("ep",)), lambda row: row.update(reference="implicit", backprop_angle=None))
    mixed = gradient_angles(record(rules=("bp", "fa")) + settling)
    assert mixed.axes[0].get_ylabel() == "angle to backprop's gradient (degrees)"
    assert lines(mixed.axes[0]) == ["bp", "fa"] and "no angle to backprop recorded: ep" in words(mixed)
    alone = gradient_angles(settling)
    assert title(alone) == "Angle between each rule's update and the reference implicit"
    assert alone.axes[0].get_ylabel() == "angle to implicit (degrees)" and lines(alone.axes[0]) == ["ep"]
    assert lines(gradient_angles(record(rules=("bp",)) + settling, to="implicit").axes[0]) == ["ep"]


@pytest.mark.parametrize("reference", ["joint-gauss-newton(0.0001)", "recurrent-backprop"])
def test_the_name_of_a_reference_has_room(reference):
    rows = changed(record(rules=("dfc",)), lambda row: row.update(reference=reference, backprop_angle=None))
    figure = gradient_angles(rows)
    assert_fits_its_slide(figure)
    label = figure.axes[0].yaxis.label.get_window_extent()
    assert label.y1 < 0.9 * figure.bbox.height                                  # stays below the title


def test_a_rule_with_another_reference_is_drawn_by_its_angle_to_backprop():
    def settle(row):
        row.update(reference="implicit", update_angle=dict.fromkeys(row["update_angle"], 77.0))

    axes = gradient_angles(changed(record(rules=("ep",)), settle)).axes[0]
    assert 77.0 not in line(axes, "ep")[1]


def test_an_unknown_reference_shows_nothing():
    with pytest.raises(NothingToShow, match="no angle of a weight's update to 'gauss-newton'"):
        gradient_angles(record(), to="gauss-newton")


def test_angles_that_are_all_undefined_show_nothing():
    rows = changed(record(), lambda row: row.update(backprop_angle=dict.fromkeys(row["backprop_angle"]),
                                                    update_angle={}))
    with pytest.raises(NothingToShow, match="none that is defined"):
        gradient_angles(rows)


def test_of_a_deep_network_six_layers_are_shown_and_counted():
    def normalise(row):
        row["backprop_angle"] = {"bn1.weight": 3.0, "block1.bn1.weight": 3.0, **row["backprop_angle"]}

    figure = gradient_angles(changed(record(rules=("bp", "fa"), layers=CONVOLUTIONAL), normalise))
    titles = [axes.get_title() for axes in figure.axes]
    assert len(titles) == 6 and titles[0] == "conv1 (lowest)" and titles[-1] == "block4.conv1"
    assert "6 of 8 layers" in words(figure) and not any("bn" in name for name in titles)
