"""Towers show the rows' own angles."""

import pytest

from feedbackalign import figures
from feedbackalign.figures import NothingToShow
from feedbackalign.figures.experiments.depth import towers_of
from tests.figures.records import changed, words

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


@pytest.fixture(scope="module")
def figure():
    """For tests that only look at it."""
    return figures.depth(rows())


def numbers(axes):
    """What is written in the cells, tower by tower from the left, from the bottom up."""
    cells = sorted((round(text.get_position()[0]), text.get_position()[1], text.get_text()) for text in axes.texts)
    return [[text for x, _, text in cells if x == tower] for tower in sorted({x for x, _, _ in cells})]


def test_one_panel_per_rule_one_tower_per_depth_one_cell_per_layer(figure):
    assert [axes.get_title() for axes in figure.axes[:-1]] == list(SETTLED)
    for axes in figure.axes[:-1]:
        assert [len(tower) for tower in numbers(axes)] == [3, 5, 17] and len(axes.patches) == 25
    fa = numbers(figure.axes[1])
    assert fa[0] == ["88°", "88°", "0°"] and fa[2][0] == "88°" and fa[2][-1] == "0°"     # mean of seeds, after the end
    assert [label.get_text() for label in figure.axes[1].get_xticklabels()] == ["2\n53", "4\n55", "16\n67"]


def test_colours_go_from_the_gradient_to_the_unrelated(figure):
    bp, fa = (figure.axes[place].patches[0].get_facecolor() for place in (0, 1))
    assert sum(bp[:3]) < 0.8 < 2.0 < sum(fa[:3])                           # dark to pale: prints without colour


def test_a_tower_holds_means_over_seeds_of_the_last_epoch():
    tower = towers_of(rows(epochs=3))["usf", 2]
    assert tower.angles == pytest.approx([70.5, 70.4, 0.0]) and tower.accuracy == pytest.approx(0.53)


def test_an_unknown_angle_is_a_question_mark_and_a_missing_tower_left_out():
    some = [row for row in rows(("fa", "dfa"), (2, 4)) if (row["rule"], row["hidden_layers"]) != ("dfa", 4)]
    figure = figures.depth(changed(some, lambda row: row["backprop_angle"].update({"fc2.weight": None})))
    assert numbers(figure.axes[0])[0] == ["88°", "?", "0°"]
    assert [len(tower) for tower in numbers(figure.axes[1])] == [3]


def test_the_small_print_says_what_was_trained(figure):
    text = words(figure)
    assert "mlp-bn, digits, 1 epochs" in text and "mean over 2 seeds" in text and "weight decay: 1e-4" in text
    assert "one seed" in words(figures.depth(rows(("fa",), (2,), seeds=1)))


@pytest.mark.parametrize("wrong", [[], [{"rule": "fa", "epoch": 1}], [{"rule": "fa", "epoch": 1, "hidden_layers": 2}]])
def test_nothing_to_show_is_said(wrong):
    with pytest.raises(NothingToShow):
        figures.depth(wrong)
