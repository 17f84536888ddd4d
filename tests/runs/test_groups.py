"""Rows of different settings never share a line, and what failed is not gone."""

import numpy as np
import pytest

import feedbackalign as fa
from feedbackalign import optimizer
from feedbackalign.figures import looks, tables
from feedbackalign.runs import groups
from feedbackalign.runs.groups import Label, TooManyGroups, grouped, without_failures
from feedbackalign.runs.rows import mean_curves
from feedbackalign.runs.sweep import failed_row
from feedbackalign.training.record import DivergedError
from tests.figures.records import title
from tests.small_runs import SmallRun

SHORT = {"seeds": 1, "epochs": 1, "hidden": (4,)}


def labels(rows):
    return list(dict.fromkeys(row["rule"] for row in grouped(rows)))


def test_two_learning_rates_are_two_lines():
    rows = fa.compare(["fa"], lr=0.01, **SHORT) + fa.compare(["fa"], lr=0.1, **SHORT)
    assert labels(rows) == ["fa, lr 0.01", "fa, lr 0.1"]
    figure = fa.figures.gradient_angles(rows)
    assert len([line for line in figure.axes[0].lines if len(line.get_xdata()) == 2 and line.get_zorder() == 3]) == 2
    assert "the dash tells its settings" in "".join(text.get_text() for text in figure.texts)
    curves = mean_curves(grouped(rows), lambda row: row["test_loss"])
    assert [curve.seeds for curve in curves.values()] == [1, 1]


def test_an_option_of_the_rule_is_in_its_label_beside_its_default():
    rows = [row for expansion in (1, 10)
            for row in fa.compare(["bp", "pfa"], options={"expansion": expansion}, **SHORT)]
    assert labels(rows) == ["bp", "pfa, expansion 1", "pfa, expansion 10"]
    assert labels(fa.compare(["pfa"], options={"expansion": 10}, **SHORT) + fa.compare(["pfa"], **SHORT)) == ["pfa"]


def test_milestones_change_no_label_and_epochs_and_seeds_neither():
    settings = {**SHORT, "epochs": 3, "lr_milestones": (1, 2)}
    rows = fa.compare(["bp"], **settings)
    assert len({row["lr"] for row in rows}) == 3 and labels(rows) == ["bp"]
    longer = fa.compare(["bp"], **{**SHORT, "seeds": [1], "epochs": 2}) + fa.compare(["bp"], **SHORT)
    assert labels(longer) == ["bp"]
    model = {"model": "corinfomax", "hidden": (4,)}
    assert fa.Run("bp", epochs=2, **model).settings()["lr_milestones"] == "every epoch"
    assert fa.Run("bp", epochs=3, lr_milestones=(1,), **model).settings()["lr_milestones"] == [1]


def test_equal_rows_count_once_and_unequal_ones_are_refused_by_name():
    rows = fa.compare(["fa"], **SHORT)
    again = [{**row, "seconds": 9.0, "seconds_per_step": 9.0} for row in rows]
    assert len(grouped(rows + again)) == len(rows)
    other = [{**row, "test_loss": 7.0} for row in rows]
    with pytest.raises(ValueError, match=r"fa, seed 0, epoch 0 stands there twice, with other numbers \(test_loss: "):
        grouped(rows + other)


@pytest.mark.parametrize("one, other, says", [
    ({"data": "digits"}, {"data": "mnist1d"}, "data digits and mnist1d"),
    ({"hidden": [4]}, {"hidden": [5]}, "hidden 4 and 5"),
    ({"data": "x", "sha256": {"x": "aa"}}, {"data": "x", "sha256": {"x": "bb"}}, "data sha256 aa and bb"),
    ({"model": "mlp"}, {"model": "settling"}, "model mlp and settling"),
    ({"shuffled_labels": False}, {"shuffled_labels": True}, "shuffled labels False and True")])
def test_several_data_sets_or_networks_are_refused_with_what_differs(one, other, says):
    rows = [{"rule": rule, "seed": 0, "epoch": 0, "settings": settings}
            for rule, settings in (("bp", one), ("fa", other))]
    with pytest.raises(ValueError, match=f"several data sets or networks .{says}"):
        grouped(rows)
    for draw in fa.figures.FIGURES.values():
        with pytest.raises(ValueError, match="several data sets or networks"):
            draw(rows)


def test_another_text_of_a_rule_is_another_group():
    rows = [{"rule": "Mine", "seed": 0, "epoch": 0, "settings": {"sha256": {"my_rule.py": total * 64}}}
            for total in "ab"]
    assert labels(rows) == ["Mine, code my_rule.py aaaaaa", "Mine, code my_rule.py bbbbbb"]


def test_rows_of_old_records_group_by_what_they_say():
    def row(epoch, lr, **more):
        return {"rule": "fa", "seed": 0, "epoch": epoch, "model": "mlp", "data": "digits", "lr": lr, **more}
    one = [row(0, 0.1), row(1, 0.1), row(2, 0.05)]                              # a milestone after epoch 1
    assert labels(one) == ["fa"]
    assert labels(one + [row(0, 0.5), row(1, 0.5)]) == ["fa, lr 0.1", "fa, lr 0.5"]
    assert labels(one + [row(0, 0.1, activation="tanh")]) == ["fa, activation by itself", "fa, activation tanh"]


def test_of_several_settings_a_label_says_those_that_were_given():
    rows = [{"rule": "ep", "seed": 0, "epoch": 0, "settings": {"options": {"damping": damping, "beta": beta}}}
            for damping, beta in ((None, None), (0.5, None), (0.5, 0.1))]
    assert labels(rows) == ["ep, damping by itself, beta by itself", "ep, damping 0.5", "ep, damping 0.5, beta 0.1"]


def test_calls_of_train_without_a_seed_are_groups_of_their_own():
    rows = SmallRun("fa").train(epochs=1) + SmallRun("fa", draw=1).train(epochs=1)
    assert labels(rows) == ["fa, call 1", "fa, call 2"]
    seeded = [row for seed in (0, 1) for row in SmallRun("fa", draw=seed).train(epochs=1, about={"seed": seed})]
    assert labels(seeded) == ["fa"]


def test_train_writes_what_it_knows():
    schedule = optimizer.MultiStep(0.05, (3,), 0.5)
    settings = SmallRun("pfa", expansion=2).train(epochs=0, lr_at=schedule, decay_at=lambda step: 0.0)[0]["settings"]
    assert settings["options"] == {"expansion": 2, "density": 1.0, "route": None}
    assert settings["lr_at"] == repr(schedule) and "decay_at" not in settings
    assert [settings[key] for key in ("optimizer", "lr", "momentum", "batch_size")] == ["SGD", 0.05, 0.9, 4]
    assert settings["network"] == "Network(Linear(4, 5), ReLU(), Linear(5, 3))" and settings["data"] == "noisy classes"
    own = SmallRun("semi-implicit").train(epochs=0)[0]["settings"]
    assert own["lr"] is own["momentum"] is own["weight_decay"] is own["optimizer"] is None


def test_a_figure_tells_four_groups_of_one_rule_apart_and_refuses_five(tmp_path):
    rows = [row for lr in (0.01, 0.02, 0.03, 0.04, 0.05) for row in fa.compare(["fa"], lr=lr, **SHORT)]
    four = grouped([row for row in rows if row["settings"]["lr"] < 0.05], most=4)
    drawn = [looks.look(label) for label in dict.fromkeys(row["rule"] for row in four)]
    assert {look.colour for look in drawn} == {looks.look("fa").colour} and len({str(look.dash) for look in drawn}) == 4
    with pytest.raises(TooManyGroups, match="fa: 5 groups of other settings, and a figure tells at most 4"):
        fa.figures.learning_curves(rows)
    said = []
    assert [path.name for path in fa.figures.draw_all(rows, tmp_path, say=said.append)] == ["swept.png"]
    assert len(said) == len(fa.figures.FIGURES) and "left out" in said[0]


def test_a_label_is_a_word_that_knows_its_rule():
    label = Label("my-rule, lr 1", "my-rule", 1)
    assert label == "my-rule, lr 1" and groups.rule_of(label) == groups.rule_of("my-rule") == "my-rule"
    assert looks.look(label).colour == looks.look("my-rule").colour
    assert looks.look(label).dash != looks.look("my-rule").dash


def test_rules_of_ones_own_beside_each_other_differ_in_colour():
    rows = [{"rule": f"rule-{number}", "seed": 0, "epoch": 0} for number in range(5)]
    drawn = [looks.look(row["rule"]) for row in grouped(rows)]
    assert len({look.colour for look in drawn}) == 5
    assert drawn[0] == looks.look("rule-0")                                     # alone it looks as ever


# ------------------------------------------------------------------------------------------------------------- failures

def lost(rule, seed):
    error = DivergedError("fa: the loss became nan")
    error.epoch, error.layer = 1, "fc2"
    return failed_row(fa.Run(rule, seed=seed, epochs=1, hidden=(4,)), error)


def test_a_rule_whose_seeds_all_diverged_has_its_row_and_its_place_in_the_legend():
    rows = fa.compare(["bp"], **{**SHORT, "seeds": 2}) + [lost("fa", 0), lost("fa", 1)]
    assert without_failures(rows)[1] == {"fa": "diverged, epoch 1, fc2 (2 of 2 seeds)"}
    assert "fa  diverged, epoch 1, fc2 (2 of 2 seeds)" in tables.comparison_table(rows).splitlines()
    for draw in fa.figures.FIGURES.values():
        figure = draw(rows)
        assert "fa: diverged, epoch 1, fc2 (2 of 2 seeds)" in [text.get_text() for legend in figure.legends
                                                              for text in legend.get_texts()]
        assert "every rule" not in title(figure)


def test_a_failed_run_is_called_as_the_others_are(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("mine.npz", x=np.eye(10), y=np.arange(10) % 2)
    run = fa.Run("fa", data=str(tmp_path / "mine.npz"), epochs=0, batch_size=4)
    row = failed_row(run, ValueError("no"))
    assert (row["data"], row["model"]) == ("mine.npz", "mlp") == tuple(run.train()[0][key] for key in ("data", "model"))


def test_some_lost_seeds_stand_beside_the_mean():
    rows = fa.compare(["bp", "fa"], **SHORT) + [lost("fa", 1)]
    table = tables.comparison_table(rows).splitlines()
    assert "seeds" in table[1].split() and next(line for line in table if line.startswith("fa")).split()[1] == "1"
    small = [text.get_text() for text in fa.figures.learning_curves(rows).texts]
    assert any("lost: fa, diverged, epoch 1, fc2 (1 of 2 seeds)" in text for text in small)


def test_of_failures_alone_there_is_a_table_and_no_figure(tmp_path):
    assert tables.comparison_table([lost("fa", 0)]) == "fa  diverged, epoch 1, fc2 (1 of 1 seeds)"
    assert fa.figures.draw_all([lost("fa", 0)], tmp_path) == []


def test_a_diverged_run_tells_its_epoch_and_layer():
    with pytest.raises(DivergedError) as error:
        fa.compare(["bp"], lr=1e20, **{**SHORT, "epochs": 3})
    assert error.value.epoch in (1, 2) and error.value.layer in ("fc1", "fc2", "relu1")
