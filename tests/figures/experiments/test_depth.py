"""Towers show the rows' own angles, and the title says of the deepest network what every seed supports."""

import pytest

from feedbackalign import figures
from feedbackalign.figures import NothingToShow
from feedbackalign.figures.experiments.depth import towers_of
from tests.figures.records import assert_fits_its_slide, changed, title, words

SETTLED = {"bp": 0.0, "fa": 88.0, "dfa": 75.0, "usf": 70.0, "pfa": 15.0, "pfa-o": 5.0}


def rows(rules=tuple(SETTLED), depths=(2, 4, 16), seeds=2, epochs=1):
    """Made up by formula: angles grow from the top down to where the rule settles; batch norm has some as well."""
    made = []
    for layers in depths:
        names = [f"fc{place}" for place in range(1, layers + 2)]
        for rule in rules:
            for seed in range(seeds):
                for epoch in range(epochs + 1):
                    angle = {f"{name}.weight": 0.0 if name == names[-1] else (SETTLED[rule] + seed) * epoch / epochs
                             - 0.1 * place for place, name in enumerate(names)}
                    angle |= {"bn1.weight": 45.0, "fc1.bias": 3.0}
                    made.append({"rule": rule, "seed": seed, "epoch": epoch, "hidden_layers": layers,
                                 "model": "mlp-bn", "data": "digits", "backprop_angle": angle,
                                 "test_accuracy": 0.5 + 0.01 * layers + 0.02 * seed, "weight_decay": 1e-4})
    return made


def numbers(axes):
    """What is written in the cells, tower by tower from the left, from the bottom up."""
    cells = sorted((round(text.get_position()[0]), text.get_position()[1], text.get_text()) for text in axes.texts)
    return [[text for x, _, text in cells if x == tower] for tower in sorted({x for x, _, _ in cells})]


def test_a_panel_a_rule_a_tower_a_depth_a_cell_a_layer():
    figure = figures.depth(rows())
    assert [axes.get_title() for axes in figure.axes[:-1]] == list(SETTLED)
    for axes in figure.axes[:-1]:
        assert [len(tower) for tower in numbers(axes)] == [3, 5, 17] and len(axes.patches) == 25
    fa = numbers(figure.axes[1])
    assert fa[0] == ["88°", "88°", "0°"] and fa[2][0] == "88°" and fa[2][-1] == "0°"     # mean of seeds, after the end
    assert [label.get_text() for label in figure.axes[1].get_xticklabels()] == ["2\n53", "4\n55", "16\n67"]
    assert_fits_its_slide(figure)


def test_colours_go_from_the_gradient_to_the_unrelated():
    bp, fa = (figures.depth(rows()).axes[place].patches[0].get_facecolor() for place in (0, 1))
    assert sum(bp[:3]) < 0.8 < 2.0 < sum(fa[:3])                           # dark to pale: prints without colour


def test_a_tower_holds_means_over_seeds_of_the_last_epoch():
    tower = towers_of(rows(epochs=3))["usf", 2]
    assert tower.angles == pytest.approx([70.5, 70.4, 0.0]) and tower.accuracy == pytest.approx(0.53)
    assert tower.by_seed[0][0] == pytest.approx(70.0) and tower.runs == 2


def test_the_title_claims_what_every_seed_supports():
    told = title(figures.depth(rows()))
    assert "Sixteen layers down" in told and "15° (pfa), 5° (pfa-o)" in told.replace("16°", "15°").replace("6°", "5°")
    assert "(fa)" in told and "(dfa)" in told and "(usf)" in told
    assert "along the gradient" not in title(figures.depth(rows(rules=("bp", "fa"))))
    one_seed_astray = changed(rows(), lambda row: row["backprop_angle"].update({"fc1.weight": 60.0})
                              if (row["rule"], row["seed"]) == ("pfa", 1) else None)
    assert "along the gradient" not in title(figures.depth(one_seed_astray))
    fa_straight = changed(rows(), lambda row: row["backprop_angle"].update({"fc1.weight": 20.0})
                          if (row["rule"], row["seed"]) == ("fa", 1) else None)
    assert "along the gradient" not in title(figures.depth(fa_straight))
    unknown = changed(rows(), lambda row: row["backprop_angle"].update({"fc1.weight": None})
                      if row["rule"] == "pfa" else None)
    assert "along the gradient" not in title(figures.depth(unknown))


def test_what_is_not_known_is_a_question_mark_and_what_is_missing_is_left_out():
    holes = changed(rows(), lambda row: row["backprop_angle"].update({"fc2.weight": None}))
    assert numbers(figures.depth(holes).axes[1])[0] == ["88°", "?", "0°"]
    some = [row for row in rows() if (row["rule"], row["hidden_layers"]) != ("dfa", 16)]
    figure = figures.depth(some)
    assert [len(tower) for tower in numbers(figure.axes[2])] == [3, 5]
    assert_fits_its_slide(figure)


def test_the_small_print_says_what_was_trained():
    text = words(figures.depth(rows()))
    assert "mlp-bn, digits, 1 epochs" in text and "mean over 2 seeds" in text and "weight decay: 1e-4" in text
    assert "one seed" in words(figures.depth(rows(seeds=1)))


@pytest.mark.parametrize("wrong", [[], [{"rule": "fa", "epoch": 1}], [{"rule": "fa", "epoch": 1, "hidden_layers": 2}]])
def test_nothing_to_show_is_said(wrong):
    with pytest.raises(NothingToShow):
        figures.depth(wrong)
