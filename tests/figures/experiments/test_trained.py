"""Planned runs at every scale, rows with the labels of their run, and experiments done like any comparison."""

import dataclasses
import importlib

import pytest

from feedbackalign import figures
from feedbackalign.figures.experiments import trained
from feedbackalign.rules import TABLE
from feedbackalign.runs.finished import FinishedRuns
from feedbackalign.runs.run import Run

ROWS = {"mlp": figures.mlp_rows, "resnet": figures.resnet_rows, "sparse": figures.sparse_rows,
        "depth": figures.depth_rows, "decay": figures.decay_rows}
SHIPPED = ("digits", "fashion-mini", "spirals", "mnist1d")


def tiny(name, monkeypatch):
    """The experiment's quick runs, each cut to one epoch of eight hidden units."""
    module = importlib.import_module(f"feedbackalign.figures.experiments.{name}")
    every = module.planned_runs("quick")
    on_digits = [each for each in every if each.run.data == "digits"]
    planned = []
    for each in on_digits or every:
        if each.labels.get("hidden_layers", 2) <= 4 and each.labels.get("density", 1) in (1, 0.3):
            model = each.run.model if on_digits else "mlp"
            hidden = (8,) * len(each.run.hidden or (8,)) if model.startswith("mlp") else None
            planned.append(each._replace(run=dataclasses.replace(each.run, epochs=1, batch_size=300, lr=0.01,
                                                                 data="digits", model=model, hidden=hidden)))
    monkeypatch.setattr(module, "planned_runs", lambda scale: planned)
    return planned


@pytest.mark.parametrize("scale", trained.SCALES)
@pytest.mark.parametrize("name", figures.TRAINED)
def test_every_scale_has_its_runs(name, scale):
    planned_runs, _ = figures.TRAINED[name]
    planned = planned_runs(scale)
    assert len({each.run for each in planned}) == len(planned) == len({(each.name, each.run.seed) for each in planned})
    assert {each.run.rule for each in planned} <= set(TABLE)
    if scale == "quick":
        assert {each.run.data for each in planned} <= set(SHIPPED)
    else:
        assert len(planned) >= len(planned_runs("quick"))


def test_the_papers_deep_network_crops_and_mirrors_its_images():
    planned_runs, _ = figures.TRAINED["resnet"]
    assert {(each.run.data, each.run.augment) for each in planned_runs("paper")} == {("cifar10", "crop-flip")}
    assert {each.run.augment for each in planned_runs("laptop")} == {"none"}


def test_an_unknown_scale_is_refused():
    for planned_runs, _ in figures.TRAINED.values():
        with pytest.raises(ValueError, match="unknown scale 'fast'"):
            planned_runs("fast")


@pytest.mark.parametrize("name", ["mlp", *(pytest.param(name, marks=pytest.mark.slow)
                                           for name in figures.TRAINED if name != "mlp")])
def test_every_experiment_is_trained_kept_and_drawn(name, tmp_path, monkeypatch):
    planned = tiny(name, monkeypatch)
    rows = ROWS[name](finished=FinishedRuns(tmp_path))
    assert len(rows) == 2 * len(planned) == 2 * len(list(tmp_path.glob("*.json")))
    assert ROWS[name](finished=FinishedRuns(tmp_path)) == rows
    _, draw = figures.TRAINED[name]
    assert figures.save(draw(rows), tmp_path / f"{name}.png").stat().st_size > 10_000


def test_rows_carry_the_labels_of_their_run():
    planned = [trained.Planned(Run("fa"), {"density": 0.3}), trained.Planned(Run("bp"), {})]
    assert trained.labelled_rows(planned, [[{"rule": "fa", "density": 7}], [{"rule": "bp"}]]) == [
        {"density": 7, "rule": "fa"}, {"rule": "bp"}]                       # the row's own value counts
    assert [each.name for each in planned] == ["fa, density 0.3", "bp"]


def test_settings_are_one_value_or_the_list_of_them():
    settings = trained.settings_of([trained.Planned(Run(rule, seed=seed, hidden=(8,)), {})
                                    for rule in ("bp", "fa") for seed in (0, 1)])
    assert settings["rule"] == ["bp", "fa"] and settings["seed"] == [0, 1] and settings["hidden"] == [8]
    assert settings["epochs"] == 40 and settings["lr"] == 0.01
