"""Plans at every scale, rows that know their run, and experiments that are done like any comparison."""

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
    """The experiment's quick plan, with every run cut to one epoch of eight hidden units."""
    import dataclasses
    import importlib

    module = importlib.import_module(f"feedbackalign.figures.experiments.{name}")
    plan = module.plan

    def small(scale="quick"):
        planned = [each for each in plan(scale) if each.run.data == "digits"] or [
            each._replace(run=dataclasses.replace(each.run, data="digits", model="mlp")) for each in plan(scale)]
        return [each._replace(run=dataclasses.replace(
            each.run, epochs=1, batch_size=300, lr=0.01,
            hidden=(8,) * len(each.run.hidden or (8,)) if each.run.model.startswith("mlp") else None))
            for each in planned if each.about.get("hidden_layers", 2) <= 4 and each.about.get("density", 1) in (1, 0.3)]
    monkeypatch.setattr(module, "plan", small)
    return small


@pytest.mark.parametrize("scale", trained.SCALES)
@pytest.mark.parametrize("name", figures.TRAINED)
def test_every_scale_has_its_runs(name, scale):
    plan, _ = figures.TRAINED[name]
    planned = plan(scale)
    assert len({each.run for each in planned}) == len(planned) == len({(each.name, each.run.seed) for each in planned})
    assert {each.run.rule for each in planned} <= set(TABLE)
    if scale == "quick":
        assert {each.run.data for each in planned} <= set(SHIPPED)
    else:
        assert len(planned) >= len(plan("quick"))


def test_the_papers_deep_network_sees_its_images_cropped_and_mirrored():
    plan, _ = figures.TRAINED["resnet"]
    assert {(each.run.data, each.run.augment) for each in plan("paper")} == {("cifar10", "crop-flip")}
    assert {each.run.augment for each in plan("laptop")} == {"none"}


def test_an_unknown_scale_is_refused():
    for plan, _ in figures.TRAINED.values():
        with pytest.raises(ValueError, match="unknown scale 'fast'"):
            plan("fast")


@pytest.mark.parametrize("name", ["mlp", *(pytest.param(name, marks=pytest.mark.slow)
                                           for name in figures.TRAINED if name != "mlp")])
def test_every_experiment_is_trained_kept_and_drawn(name, tmp_path, monkeypatch):
    planned = tiny(name, monkeypatch)()
    rows = ROWS[name](finished=FinishedRuns(tmp_path))
    assert len(rows) == 2 * len(planned) == 2 * len(list(tmp_path.glob("*.json")))
    assert ROWS[name](finished=FinishedRuns(tmp_path)) == rows
    _, draw = figures.TRAINED[name]
    assert figures.save(draw(rows), tmp_path / f"{name}.png").stat().st_size > 10_000


def test_rows_say_what_their_run_was_planned_for():
    planned = [trained.Planned(Run("fa"), {"density": 0.3}), trained.Planned(Run("bp"), {})]
    assert trained.told_apart(planned, [[{"rule": "fa", "density": 7}], [{"rule": "bp"}]]) == [
        {"density": 7, "rule": "fa"}, {"rule": "bp"}]                       # the row's own word counts
    assert [each.name for each in planned] == ["fa, density 0.3", "bp"]


def test_settings_are_one_value_or_the_list_of_them():
    settings = trained.settings_of([trained.Planned(Run(rule, seed=seed, hidden=(8,)), {})
                                    for rule in ("bp", "fa") for seed in (0, 1)])
    assert settings["rule"] == ["bp", "fa"] and settings["seed"] == [0, 1] and settings["hidden"] == [8]
    assert settings["epochs"] == 40 and settings["lr"] == 0.01
