"""The figure of a sweep: one curve a rule over the one number that differs, and a refusal of all other records."""

import pytest

from feedbackalign import figures
from feedbackalign.figures import style
from feedbackalign.figures.swept import swept_number
from feedbackalign.runs.groups import grouped
from tests.figures.records import assert_fits_its_slide


def row(rule="fa", seed=0, epoch=1, accuracy=0.5, angle=60.0, more=None, **settings):
    angles = {"fc1.weight": angle, "fc2.weight": angle + 10.0, "fc3.weight": 0.0}
    return {"rule": rule, "seed": seed, "epoch": epoch, "test_accuracy": accuracy, "test_loss": 1.0, "model": "mlp",
            "data": "digits", "update_angle": angles, "backprop_angle": angles,
            "settings": {"rule": rule, "data": "digits", **settings}, **(more or {})}


def line(axes, rule):
    drawn, = [each for each in axes.lines if each.get_label() == rule]
    return list(drawn.get_xdata()), pytest.approx(list(drawn.get_ydata()))


def small_print(figure):
    return "\n".join(text.get_text() for text in figure.texts)


def sweep():
    level = row("gnt", lr=None, accuracy=0.9, angle=30)
    return [row(lr=lr, seed=seed, epoch=epoch, accuracy=lr * (2 + epoch + seed) / 4, angle=100 * lr + 10 * seed)
            for lr in (0.3, 0.1) for seed in (0, 1) for epoch in (0, 1, 2)] + [level]


def test_ends_stand_over_the_number_and_a_rule_without_it_is_level():
    accuracy, angle = (figure := figures.swept(sweep())).axes
    assert line(accuracy, "fa") == ([0.1, 0.3], [11.25, 33.75])             # means over two seeds of the last epoch
    assert line(accuracy, "gnt") == ([0.1, 0.3], [90, 90])
    assert line(angle, "fa") == ([0.1, 0.3], [20, 40])                      # below the top, over seeds and layers
    assert line(angle, "gnt") == ([0.1, 0.3], [35, 35])
    band = accuracy.collections[0].get_paths()[0].vertices                  # from one seed to the other
    assert {round(y, 6) for x, y in band if x == 0.1} == {10, 12.5}
    assert accuracy.get_xlabel() == "learning rate" and accuracy.get_xlim() == angle.get_xlim()
    assert "chosen by test accuracy, so optimistic" in small_print(figure)
    assert "level: gnt (no learning rate)" in small_print(figure)
    point = figures.swept([*sweep(), row("bp", lr=0.1, accuracy=0.75)]).axes[0]
    assert line(point, "bp") == ([0.1], [75])                               # it has one number, and stands there


def test_the_axis_is_logarithmic_only_where_numbers_lie_far_apart():
    assert figures.swept(sweep()).axes[0].get_xscale() == "linear"
    wide = figures.swept([row(expansion=number) for number in (1, 10, 100)]).axes[0]
    assert wide.get_xscale() == "log" and wide.get_xlabel() == "expansion"
    assert [label.get_text() for label in wide.get_xticklabels()] == ["1", "10", "100"]
    assert figures.swept([row(expansion=number) for number in (0, 100)]).axes[0].get_xscale() == "linear"
    many = figures.swept([row(lr=number / 1000) for number in range(1, 100)]).axes[0]
    assert 5 <= len(many.get_xticks()) <= 9


def test_validation_takes_the_place_of_the_test_set():
    rows = [row(lr=lr, more={"validation_accuracy": 0.25, "validation_loss": 2.0}) for lr in (0.1, 0.2)]
    figure = figures.swept(rows)
    assert figure.axes[0].get_title() == "validation accuracy (%)" and line(figure.axes[0], "fa")[1] == [25, 25]
    assert "optimistic" not in small_print(figure)
    regression = [{**each, "test_accuracy": None, "validation_accuracy": None} for each in rows]
    assert figures.swept(regression).axes[0].get_title() == "validation loss"


def test_a_setting_that_failed_is_missing_and_named():
    failed = {key: value for key, value in row(lr=1.0).items() if key in ("rule", "seed", "epoch", "settings")}
    figure = figures.swept([*sweep(), {**failed, "failed": "diverged, epoch 1, fc2"}])
    assert "lost: fa, lr 1, diverged, epoch 1, fc2 (1 of 1 seeds)" in small_print(figure)
    assert line(figure.axes[0], "fa")[0] == [0.1, 0.3] and figure.axes[0].get_xlim()[1] > 1


def test_a_sweep_is_drawn_with_the_other_figures_of_its_record(tmp_path, monkeypatch):
    monkeypatch.setattr(style, "DPI", 40)
    assert "swept.png" in [path.name for path in figures.draw_all(sweep(), tmp_path)]
    assert "swept.png" not in [path.name for path in figures.draw_all(sweep()[:6], tmp_path)]


@pytest.mark.parametrize("size", [(1280 / 150, 720 / 150), None, (8, 4.5)])
def test_the_figure_fits_its_slide_at_any_size(size):
    figure = figures.swept(sweep(), size=size, theme="dark")
    assert_fits_its_slide(figure)
    assert line(figure.axes[0], "fa")[0] == [0.1, 0.3] and figure.axes[0].lines[0].get_color() == "#ff5e19"


@pytest.mark.parametrize("rows, told", [
    ([row(), row("bp")], "got nothing"), ([row(lr=0.1, batch_size=1), row(lr=0.2, batch_size=2)], "got lr, batch size"),
    ([row(route="explicit"), row(route="closed-form")], "got route"), ([row(beta=None), row(beta=0.5)], "got beta"),
    ([row(own_rates=True), row(own_rates=False)], "got own rates")])
def test_other_records_are_refused(rows, told):
    with pytest.raises(figures.NothingToShow, match=told):
        figures.swept(rows)


def test_what_differs_between_rules_is_no_sweep():
    name, numbers = swept_number(grouped([row(lr=0.1), row(lr=0.2), row("pfa", lr=0.1, expansion=10),
                                          row("pfa", lr=0.2, expansion=10)]))
    assert name == "lr" and sorted(numbers.values()) == [0.1, 0.1, 0.2, 0.2]
