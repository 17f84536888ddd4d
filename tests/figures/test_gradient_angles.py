"""The gradient angles show the rows' numbers, one reference a figure, and claim what the bands support."""

import pytest

from feedbackalign.figures import NothingToShow, gradient_angles
from tests.figures.records import (CONVOLUTIONAL, DEFAULT_RULES, bands, changed, line, lines, record, title,
                                   with_holes, words)


@pytest.mark.parametrize("rows", [record(), with_holes(record())], ids=["whole", "holes"])
def test_lines_are_means_and_bands_are_extremes(rows):
    figure = gradient_angles(rows)
    assert [axes.get_title() for axes in figure.axes] == ["fc1 (lowest)", "fc2", "fc3 (top)"]
    for layer, axes in zip(("fc1", "fc2", "fc3"), figure.axes):
        assert lines(axes) == list(DEFAULT_RULES)
        for rule, band in zip(lines(axes), bands(axes)):
            for epoch, mean in zip(*line(axes, rule)):
                known = [(row.get("backprop_angle") or row["update_angle"] or {}).get(f"{layer}.weight") for row in rows
                         if row["rule"] == rule and row["epoch"] == epoch]
                known = [value for value in known if value is not None]
                if not known:
                    assert mean != mean
                    continue
                assert mean == pytest.approx(sum(known) / len(known))
                assert band[epoch] == pytest.approx((min(known), max(known)))


def test_backprop_lies_at_zero_in_every_layer():
    assert all(set(line(axes, "bp")[1]) == {0.0} for axes in gradient_angles(record()).axes)


def test_panels_share_their_axis_and_show_every_value():
    figure = gradient_angles(changed(record(), lambda row: row["backprop_angle"].update({"fc2.weight": 120.0})))
    assert len({axes.get_ylim() for axes in figure.axes}) == 1
    assert figure.axes[0].get_ylim()[1] > 120


def test_the_top_layer_says_that_it_is_exact_by_construction():
    lower, top = gradient_angles(record()).axes[0], gradient_angles(record()).axes[-1]
    assert any("0° by construction\nfor every rule" in text.get_text() for text in top.texts)
    assert not any("construction" in text.get_text() for text in lower.texts)


def test_the_top_layer_names_the_rules_that_are_exact_where_not_all_are():
    top = gradient_angles(record(rules=("bp", "fa", "np"))).axes[-1]
    assert any("0° by construction\nfor all but np:" in text.get_text() for text in top.texts)
    top = gradient_angles(record(rules=("bp", "fa", "wp", "np"))).axes[-1]
    assert any("0° by construction\nfor bp, fa:" in text.get_text() for text in top.texts)


def test_backprop_alone_is_no_construction():
    assert not any("construction" in text.get_text() for text in gradient_angles(record(rules=("bp",))).axes[-1].texts)


def test_the_axis_names_the_reference_and_other_rules_are_named_below():
    settling = changed(record(rules=("ep",)), lambda row: row.update(reference="implicit", backprop_angle=None))
    figure = gradient_angles(record(rules=("bp", "fa")) + settling)
    assert figure.axes[0].get_ylabel() == "angle to backprop's gradient (degrees)"
    assert lines(figure.axes[0]) == ["bp", "fa"] and "no angle to backprop recorded: ep" in words(figure)
    alone = gradient_angles(settling)
    assert alone.axes[0].get_ylabel() == "angle to implicit (degrees)" and lines(alone.axes[0]) == ["ep"]
    assert lines(gradient_angles(record() + settling, to="implicit").axes[0]) == ["ep"]


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

    figure = gradient_angles(changed(record(layers=CONVOLUTIONAL), normalise))
    titles = [axes.get_title() for axes in figure.axes]
    assert len(titles) == 6 and titles[0] == "conv1 (lowest)" and titles[-1] == "fc1 (top)"
    assert "6 of 9 layers" in words(figure) and not any("bn" in name for name in titles)


def test_the_title_claims_the_nearest_that_any_seed_comes_in_any_hidden_layer():
    told = title(gradient_angles(record()))
    nearest = min(row["backprop_angle"][f"{layer}.weight"] for row in record(("fa",)) for layer in ("fc1", "fc2"))
    assert f"stays {int(nearest)}° or more" in told and "(pfa-o) ends within" in told
    farthest = max(row["backprop_angle"]["fc1.weight"] for row in record(("pfa-o",)) if row["epoch"] == 6)
    assert f"ends within {int(farthest) + 1}°" in told


@pytest.mark.parametrize("rows", [
    record(seeds=1), record(epochs=0), record(rules=("bp", "pfa")), record(layers=("fc1",)),
    changed(record(), lambda row: row["backprop_angle"].update({"fc2.weight": 5.0}) if row["seed"] == 1 else None),
], ids=["one seed", "one epoch", "no fa", "no hidden layer", "one seed comes near"])
def test_what_the_bands_do_not_support_is_not_claimed(rows):
    assert title(gradient_angles(rows)) == "Angle between each rule's update and backprop's gradient"
