"""A run is a few settings: its streams never meet, its record says them, and bad ones are refused at the door."""

import dataclasses
import json
import os
import pathlib
import pickle
import sys

import numpy as np
import pytest

from feedbackalign import optimizer, rules, training
from feedbackalign.data import DataError, Dataset, Split
from feedbackalign.rules.user_file import UserFileError
from feedbackalign.runs import models
from feedbackalign.runs.run import Run
from tests.small_runs import without_times

SMALL = {"hidden": (6,), "epochs": 1, "batch_size": 300}


# ---------------------------------------------------------------------------------------------------------- streams

@pytest.mark.parametrize("seed", [0, 1, 2**40])
def test_the_streams_of_a_run_never_meet(seed):
    drawn = [set(stream.integers(2**63, size=500).tolist()) for stream in Run("fa", seed=seed).streams()]
    drawn += [set(stream.integers(2**63, size=500).tolist()) for stream in Run("fa", seed=seed + 1).streams()]
    assert len(drawn) == 8 and len(set().union(*drawn)) == 8 * 500


def test_two_rules_at_one_seed_have_the_same_start_and_the_same_batches():
    seen = {}
    for name in ("bp", "fa", "pfa", "wm", "wp"):
        rule, data, _, stream = Run(name, seed=4, data="teacher-student", **SMALL).build()
        rule.gradients(*data.batch(10))                                         # however much the rule draws
        start = [array.tobytes() for array in rule.network.parameters().values()]
        seen[name] = start, stream.permutation(50).tolist(), data.train.x.tobytes()
    assert all(one == seen["bp"] for one in seen.values())
    other = Run("bp", seed=5, data="teacher-student", **SMALL).build()
    assert other[0].network.layer("fc1").weight.tobytes() != seen["bp"][0][0]
    assert other[3].permutation(50).tolist() != seen["bp"][1]
    assert other[1].train.x.tobytes() != seen["bp"][2]


def test_a_run_twice_gives_the_same_rows():
    run = Run("wm", seed=3, **SMALL)
    assert without_times(run.train()) == without_times(run.train())


def test_a_run_survives_the_way_to_another_process():
    run = Run("pfa", seed=3, options=(("expansion", 2),), **SMALL)
    assert pickle.loads(pickle.dumps(run)) == run and len(pickle.dumps(run)) < 1000


def test_a_run_resumes_by_its_settings(tmp_path):
    Run("pfa", **SMALL).train(folder=tmp_path)
    longer = Run("pfa", **SMALL | {"epochs": 2})
    assert without_times(longer.train(folder=tmp_path, resume=True)) == without_times(longer.train())
    with pytest.raises(ValueError, match="made by another seed: 0, this run has 1"):
        dataclasses.replace(longer, seed=1).train(folder=tmp_path, resume=True)


# ------------------------------------------------------------------------------------------ what a run is made of

def test_rows_say_what_the_run_was():
    row = Run("wp", seed=2, **SMALL).train()[-1]
    assert (row["rule"], row["seed"], row["model"], row["data"], row["init"]) == (
        "wp", 2, "mlp", "digits", "xavier-uniform")
    assert row["activation"] == "relu" and row["learning_rate_factor"] == 0.01
    assert row["lr"] == pytest.approx(0.01 * 0.01) and row["weight_decay"] == 1e-4


class Halved(rules.Backprop):
    """Backprop with factors of its own."""

    learning_rate_factor, adam_learning_rate_factor = 0.25, 0.5


@pytest.mark.parametrize(("rule", "optimizer", "factor", "rate"), [
    ("wp", "sgd", 0.01, 1e-4), ("wp", "adam", 1.0, 1e-3), ("ddtp-rhl", "adam", 1.0, 1e-3),
    (Halved, "sgd", 0.25, 2.5e-3), (Halved, "adam", 0.5, 5e-4)])
def test_every_optimiser_has_its_own_factor_and_rows_say_which(rule, optimizer, factor, rate):
    options = (("pretraining", 0), ("extra_epochs", 0)) if rule == "ddtp-rhl" else ()
    row = Run(rule, optimizer=optimizer, options=options, **SMALL).train()[-1]
    assert row["learning_rate_factor"] == factor and row["lr"] == pytest.approx(rate)
    by_layer = Run(rule, optimizer=optimizer, lr={"fc1": 0.1, "fc2": 0.0}, options=options, **SMALL)
    assert by_layer.lr_at(by_layer.build()[0], 100)(0) == {"fc1": pytest.approx(0.1 * factor), "fc2": 0.0}


def test_learning_rate_milestones_are_epochs():
    run = Run("bp", lr=0.1, lr_milestones=[2, 3], lr_factor=0.5, **SMALL)
    rule, data, _, _ = run.build()
    assert len(data.train) % 300                                                # a last, smaller batch is a step too
    steps = -(-len(data.train) // 300)
    rate = run.lr_at(rule, len(data.train))
    assert [rate(step) for step in (0, 2 * steps - 1, 2 * steps, 3 * steps - 1, 3 * steps)] == [
        0.1, 0.1, 0.05, 0.05, 0.025]


@pytest.mark.parametrize("rule, settings, first", [
    ("bp", {}, 1e-4), ("pfa", {}, 0.03), ("bp", {"decay": "equal"}, 0.03), ("pfa", {"decay": 0.5}, 0.5),
    ("pfa", {"optimizer": "adam"}, 1e-4), ("pfa", {"optimizer": "adam", "decay": 0.5}, 0.5),
    ("pfa", {"decay": {"fc1": 0, "fc2": 0.5}}, {"fc1": 0.0, "fc2": 0.5})])
def test_decay_presets_reach_the_record(rule, settings, first):
    run = Run(rule, **SMALL, **settings)
    assert run.decay_at(run.build()[0])(0) == first
    row = run.train()[1]
    assert (row["weight_decay"], row["decay_at_start"]) == (first, first)


def test_optimisers_by_name():
    assert isinstance(Run("bp", optimizer="adam", **SMALL).build()[2], optimizer.Adam)
    sgd = Run("bp", momentum=0.5, lr=0.2, **SMALL).build()[2]
    assert isinstance(sgd, optimizer.SGD) and (sgd.momentum, sgd.lr) == (0.5, 0.2)


def test_settings_are_plain():
    run = Run(rules.TABLE["fa"], seed=np.int64(3), lr=np.float32(0.5), lr_milestones=[1, np.int64(2)],
              options=(("density", np.float64(0.5)),), **SMALL)
    settings = run.settings()
    assert json.loads(json.dumps(settings, allow_nan=False)) == settings
    assert settings["seed"] == 3 and settings["rule"] == "FeedbackAlignment" and settings["hidden"] == [6]
    assert set(settings) == {field.name for field in dataclasses.fields(Run)}


def test_a_run_can_be_a_key_however_its_lists_were_given():
    assert hash(Run("bp", hidden=[3, 4], lr_milestones=[1])) == hash(Run("bp", hidden=(3, 4), lr_milestones=(1,)))
    assert hash(Run("bp", lr={"fc1": 0.1}, decay={"fc1": 0.1})) == hash(Run("bp", lr=0.1))


@pytest.mark.parametrize("settings, usual", [
    ({}, (40, 32, 0.01, "authors")), ({"model": "settling"}, (12, 50, 0.1, 3e-4)),
    ({"model": "settling", "optimizer": "adam"}, (12, 50, 0.001, 3e-4)),
    ({"model": "corinfomax"}, (20, 20, 0.1, 0.0)), ({"model": "corinfomax", "optimizer": "adam"}, (20, 20, 0.001, 0.0)),
    ({"model": "spiking"}, (15, 32, 0.001, 0.0)), ({"model": "spiking", "optimizer": "sgd"}, (15, 32, 0.01, 0.0)),
    ({"model": "autoencoder"}, (40, 32, 0.001, "authors")), ({"data": "linear-teacher"}, (40, 32, 0.001, "authors")),
    ({"model": "settling", "epochs": 0, "lr": 0.3, "decay": 0.0}, (0, 50, 0.3, 0.0)),
    ({"model": "resnet20"}, (10, 128, 0.1, "authors")), ({"model": "resnet110"}, (10, 128, 0.1, "authors")),
    ({"model": "resnet18"}, (10, 256, 0.1, "authors")), ({"model": "lenet-cifar"}, (40, 32, 0.01, "authors")),
    ({"model": "resnet20", "optimizer": "adam"}, (10, 128, 0.001, "authors"))])
def test_what_nobody_says_is_usual_for_the_model(settings, usual):
    run = Run("bp", **settings)
    assert (run.epochs, run.batch_size, run.lr, run.decay) == usual


@pytest.mark.parametrize("settings, momentum, milestones, factor", [
    ({}, 0.9, (), 0.5), ({"model": "corinfomax", "epochs": 3}, 0.0, (1, 2), 0.97),
    ({"model": "corinfomax", "epochs": 3, "lr_factor": 0.9}, 0.0, (), 0.9),
    ({"model": "corinfomax", "lr_milestones": ()}, 0.0, (), 0.5),
    ({"model": "corinfomax", "epochs": 2, "momentum": 0.5}, 0.5, (1,), 0.97)])
def test_momentum_and_schedule_are_the_models_unless_given(settings, momentum, milestones, factor):
    run = Run("bp", **settings)
    assert (run.momentum, run.lr_milestones, run.lr_factor) == (momentum, milestones, factor)


@pytest.mark.parametrize("inputs, low, mean", [("standardised", -0.8, 0), ("unit", 0, 0.305), ("centred", -0.305, 0)])
def test_inputs_have_the_form_of_the_models_record(inputs, low, mean, monkeypatch):
    monkeypatch.setitem(models.MODELS, "mlp", dataclasses.replace(models.MODELS["mlp"], inputs=inputs))
    x = Run("bp").load_data(np.random.default_rng(0)).train.x
    assert x.mean() == pytest.approx(mean, abs=1e-3) and x.min() == pytest.approx(low, abs=0.02)


@pytest.mark.parametrize("model, first, until, after", [
    ("mlp", 0.03, 94, 9e-5), ("lenet-mnist", 0.03, 94, 9e-5), ("resnet20", 0.005, 392, 1e-4),
    ("resnet110", 0.005, 392, 1e-4), ("resnet18", 5e-4, 5000, 1e-4)])
def test_the_product_rules_strong_decay_is_the_models(model, first, until, after):
    run = Run("pfa", model=model, lr=0.1)
    decay = run.decay_at(rules.find("pfa"))
    assert run.strong_phase.steps(run.lr, run.momentum) == until
    assert [decay(0), decay(until - 1), decay(until)] == pytest.approx([first, first, after])
    assert Run("fa", model=model).decay_at(rules.find("fa"))(0) == 1e-4


@pytest.mark.parametrize("settings", [{"model": "digits-conv"}, {"model": "autoencoder"}, {"model": "settling"},
                                      {"model": "spiking"}, {"data": "spirals"}, {"data": "linear-teacher"},
                                      {"data": "mnist1d"}, {"data": "fashion-mini"}])
def test_models_and_data_by_name(settings):
    row = Run("fa", epochs=0, **settings).train()[0]
    assert (row["model"], row["data"]) == (settings.get("model", "mlp"), settings.get("data", "digits"))
    regression = settings.get("model") == "autoencoder" or settings.get("data") == "linear-teacher"
    assert (row["test_accuracy"] is None) == regression


@pytest.mark.parametrize("data", ["digits", "fashion-mini"])
def test_only_the_settling_model_sees_pixels_from_zero_to_one(data):
    assert Run("bp", model="settling", data=data).build()[1].train.x.min() == 0
    assert Run("bp", data=data).build()[1].train.x.mean(dtype=np.float64) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("model, data, usual", [
    ("resnet20", "cifar10", "crop-flip"), ("resnet18", "cifar10", "crop-flip"), ("resnet20", "fashion", "none"),
    ("lenet-cifar", "cifar10", "none"), ("mlp", "digits", "none")])
def test_images_are_augmented_in_the_papers_setting_alone_by_default(model, data, usual):
    assert Run("bp", model=model, data=data).augment == usual
    assert (Run("bp", model=model, data=data).augmentation is None) == (usual == "none")
    for chosen in ("none", "crop-flip"):
        assert Run("bp", model=model, data=data, augment=chosen).augment == chosen


def test_an_augmented_run_is_another_run_and_its_record_says_so(tmp_path):
    def run(augment):
        return Run("pfa", model="digits-conv", augment=augment, epochs=2, batch_size=400)
    plain, augmented = run("none").train(), run("crop-flip").train(folder=tmp_path)
    assert {row["augment"] for row in augmented} == {"crop-flip"} and {row["augment"] for row in plain} == {"none"}
    assert plain[0]["test_loss"] == augmented[0]["test_loss"] and plain[1]["train_loss"] != augmented[1]["train_loss"]
    assert without_times(run("crop-flip").train()) == without_times(augmented)
    with pytest.raises(ValueError, match="made by another augment"):
        run("none").train(folder=tmp_path, resume=True)


# ---------------------------------------------------------------------------------------------------------- bad input

@pytest.mark.parametrize("change, error, message", [
    ({"rule": "pffa"}, ValueError, "unknown rule 'pffa': did you mean 'pfa'"),
    ({"rule": 3}, TypeError, "rule: expected a name or a subclass"),
    ({"rule": int}, TypeError, "rule: expected a name or a subclass"),
    ({"model": "mpl"}, ValueError, "unknown model 'mpl': did you mean 'mlp'"),
    ({"data": "digit"}, ValueError, "unknown data set 'digit': did you mean 'digits'"),
    ({"optimizer": "adma"}, ValueError, "unknown optimizer 'adma': did you mean 'adam'"),
    ({"decay": "author"}, ValueError, "unknown decay preset 'author': did you mean 'authors'"),
    ({"decay": -0.1}, ValueError, "decay"),
    ({"decay": []}, TypeError, "decay"), ({"decay": {"fc1": -1}}, ValueError, "decay: expected a finite number"),
    ({"seed": -1}, ValueError, "seed"),
    ({"seed": 0.5}, TypeError, "seed"),
    ({"epochs": -1}, ValueError, "epochs"),
    ({"batch_size": 0}, ValueError, "batch size"),
    ({"lr": 0}, ValueError, r"lr: expected a finite number in \[1.17549e-38, inf\), got 0.0"),
    ({"lr": -1}, ValueError, "lr"),
    ({"lr": float("nan")}, ValueError, "lr"),
    ({"lr": "0.1"}, TypeError, "lr"),
    ({"momentum": 1}, ValueError, r"momentum: expected a finite number in \[0, 1\), got 1.0"),
    ({"momentum": -0.1}, ValueError, "momentum"),
    ({"lr_factor": 0}, ValueError, "lr factor"),
    ({"lr_milestones": (0,)}, ValueError, "lr milestone"),
    ({"hidden": (4, 0)}, ValueError, "hidden units"),
    ({"hidden": (4, 1.5)}, TypeError, "hidden units"),
    ({"augment": "crop"}, ValueError, "unknown augmentation 'crop': did you mean 'crop-flip'"),
    ({"options": (("expansoin", 3),)}, ValueError, "unknown option of rule pfa 'expansoin': did you mean 'expansion'"),
])
def test_bad_settings_are_refused_when_the_run_is_made(change, error, message):
    with pytest.raises(error, match=message):
        Run(**{"rule": "pfa", **change})


@pytest.mark.parametrize("settings, error, message", [
    ({"options": (("density", 0),)}, ValueError, r"density: expected a finite number in \(0, 1\]"),
    ({"options": (("density", 1.5),)}, ValueError, "density"),
    ({"options": (("expansion", 0),)}, ValueError, "expansion: expected an integer of at least 1, got 0"),
    ({"options": (("expansion", 2.5),)}, TypeError, "expansion"),
    ({"options": (("route", "tow-hop"),)}, ValueError, "did you mean 'two-hop'"),
    ({"batch_size": 10**6}, ValueError, "batch_size: expected an integer of at least 1 and at most .* got 1000000"),
    ({"activation": "rleu"}, ValueError, "unknown activation 'rleu': did you mean 'relu'"),
    ({"init": "xavier"}, ValueError, "unknown initialiser 'xavier': did you mean 'xavier-"),
    ({"model": "digits-conv", "hidden": (3,)}, ValueError, "hidden units and activation are the dense models' options"),
    ({"model": "digits-conv", "data": "spirals"}, ValueError, "takes images"),
    ({"augment": "crop-flip"}, ValueError, r"augment crop-flip, model mlp: .* got samples of shape \(64,\)"),
    ({"data_dir": "somewhere"}, ValueError, "data_dir: digits is not read from a folder"),
    ({"data": "mnist", "data_dir": "no such folder"}, DataError, "no such folder"),
])
def test_what_only_the_building_finds_is_refused_before_training(settings, error, message):
    told = []
    with pytest.raises(error, match=message):
        Run("pfa", **settings).train(progress=told.append)
    assert told == []


# ---------------------------------------------------------------------------------------------------- models to data

def images(channels=1, height=8, width=8, classes=3):
    rng = np.random.default_rng(0)
    split = Split(rng.random((6, channels, height, width)).astype(np.float32), np.arange(6) % classes)
    return Dataset("pictures", train=split, validation=None, test=split, classes=classes)


def test_dense_models_have_their_own_sizes_unless_told_otherwise():
    def sizes(model, data, **more):
        network, _ = models.fit(model, data, rng=np.random.default_rng(0), **more)
        return [layer.weight.shape[0] for layer in network.weighted_layers()]
    assert sizes("mlp", images()) == [64, 64, 64, 3]
    assert sizes("mlp", images(height=20, width=20)) == [512, 512, 3]
    assert sizes("settling", images()) == [64, 64, 3]
    assert sizes("autoencoder", images()) == [32, 8, 32, 64]
    assert sizes("autoencoder", images(), hidden=(5,)) == [5, 64]
    assert sizes("mlp", images(), hidden=(7, 5)) == [7, 5, 3]


def test_an_autoencoder_is_asked_for_its_own_input():
    _, data = models.fit("autoencoder", images(), rng=np.random.default_rng(0))
    assert data.classes is None and data.name == "pictures, reconstructed"
    assert np.array_equal(data.train.x, data.train.targets)


@pytest.mark.parametrize("model", ["digits-conv", "lenet-mnist", "lenet-cifar", "resnet20", "resnet18"])
def test_image_models_refuse_what_is_no_square_picture(model):
    with pytest.raises(ValueError, match=f"model {model}: takes square images"):
        models.fit(model, images(height=40, width=36), rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match=f"model {model}: takes images"):
        models.fit(model, images().flat(), rng=np.random.default_rng(0))
    regression = models.reconstructing(images().flat())
    with pytest.raises(ValueError, match="takes images"):
        models.fit(model, regression, rng=np.random.default_rng(0))


# ------------------------------------------------------------------------------------------------- rules in a file

RULE = """
from feedbackalign.rules import ErrorSendingRule

class MyRule(ErrorSendingRule):
    def send_back(self, layer, error):
        return layer.transport(error, layer.weight)

not_a_rule = 3
class NoRuleEither: pass
"""


@pytest.fixture
def rule_file(tmp_path):
    before = set(sys.modules)
    path = tmp_path / "my_rule.py"
    path.write_text(RULE)
    yield path
    for name in set(sys.modules) - before:
        if name.startswith("feedbackalign_user_"):
            del sys.modules[name]


def test_a_rule_in_a_file_trains(rule_file):
    run = Run(f"{rule_file}:MyRule", **SMALL)
    ours, backprop = run.train(), Run("bp", **SMALL).train()
    assert run.rule_name == ours[0]["rule"] == "MyRule"
    assert ours[-1]["test_loss"] == backprop[-1]["test_loss"]
    assert run.settings()["rule"] == "MyRule"


def test_a_file_is_imported_once_and_by_its_whole_path(rule_file, monkeypatch):
    other = rule_file.parent / "folder" / "my_rule.py"
    other.parent.mkdir()
    other.write_text(RULE.replace("layer.weight", "-layer.weight"))
    first = rules.find(f"{rule_file}:MyRule")
    assert rules.find(f"{rule_file}:MyRule") is first
    second = rules.find(f"{other}:MyRule")
    assert second is not first and rules.find(f"{other}:MyRule") is second
    monkeypatch.chdir(rule_file.parent)
    assert rules.find("folder/my_rule.py:MyRule") is second


@pytest.mark.parametrize("folder", ["with.dots.py", "v1.2", "C:", "a b"])
@pytest.mark.skipif(os.name == "nt", reason="a colon has a meaning of its own there")
def test_folders_with_strange_names(rule_file, folder):
    path = rule_file.parent / folder / "my_rule.py"
    path.parent.mkdir()
    path.write_text(RULE)
    assert rules.find(f"{path}:MyRule").__name__ == "MyRule"


def test_a_drive_letter_is_no_class(rule_file, monkeypatch):
    seen = []
    monkeypatch.setattr(pathlib.Path, "is_file", lambda self: seen.append(str(self)))
    with pytest.raises(UserFileError, match=r"rule file C:\\x\\my.py: there is no such file"):
        rules.find("C:\\x\\my.py:MyRule")
    assert seen[0].endswith("my.py")
    with pytest.raises(UserFileError, match="expected FILE.py:CLASS"):
        rules.find("C:\\x\\my.py")


@pytest.mark.parametrize("text, message", [
    ("class MyRule(:", "SyntaxError while it was imported"),
    ("import no_such_module_anywhere", "ModuleNotFoundError while it was imported: No module named"),
    ("1 / 0", "ZeroDivisionError while it was imported: division by zero"),
    ("raise SystemExit(0)", "SystemExit while it was imported"),
    ("\0", "while it was imported"),
    ("", "called 'MyRule', got nothing of that name"),
    ("MyRule = 3", "called 'MyRule', got 3"),
    ("class MyRule: pass", "expected a subclass of feedbackalign.rules.Rule called 'MyRule'"),
])
def test_a_file_that_holds_no_such_rule_is_refused(rule_file, text, message):
    rule_file.write_text(text)
    with pytest.raises(UserFileError, match=message) as caught:
        Run(f"{rule_file}:MyRule")
    assert str(rule_file) in str(caught.value)


def test_a_file_that_raised_is_read_again_when_it_is_mended(rule_file):
    rule_file.write_text("1 / 0")
    with pytest.raises(UserFileError):
        rules.find(f"{rule_file}:MyRule")
    rule_file.write_text(RULE)
    assert rules.find(f"{rule_file}:MyRule").__name__ == "MyRule"


@pytest.mark.parametrize("rule", ["my_rule.py", "my_rule.py:", "my_rule.pyc:MyRule", "./my_rule.py"])
def test_the_form_of_a_rule_in_a_file(rule):
    with pytest.raises(UserFileError, match="expected FILE.py:CLASS, for example my_rule.py:MyRule"):
        rules.find(rule)


def test_a_missing_file_and_a_folder(tmp_path):
    (tmp_path / "folder.py").mkdir()
    for name, why in (("none.py", "there is no such file"), ("folder.py", "expected a file, got a folder")):
        with pytest.raises(UserFileError, match=f"{name}: {why}"):
            rules.find(f"{tmp_path / name}:MyRule")


def test_a_variant_of_ones_own_inherits_the_decay_that_its_family_asks_for():
    """By its class, whatever it is called."""
    class Ternary(rules.TABLE["pfa"]):
        """Product feedback alignment with another B."""
    built = Run(Ternary, hidden=(8,)).build()[0]
    assert Run(Ternary).decay_at(built)(0) == 0.03
    assert Run("fa").decay_at(Run("fa", hidden=(8,)).build()[0])(0) == 1e-4


def test_held_out_samples_are_the_same_at_every_seed_and_in_every_row():
    runs = [Run("fa", seed=seed, epochs=1, hidden=(4,), validation=0.25, shuffled_labels=True) for seed in (0, 1)]
    parts = [run.load_data(np.random.default_rng(run.seed)).validation for run in runs]
    assert np.array_equal(parts[0].x, parts[1].x) and len(parts[0]) == round(0.25 * 1197)
    true = Run("fa", validation=0.25).load_data(np.random.default_rng(0)).validation
    assert np.array_equal(parts[0].targets, true.targets)                   # only those that are learnt are shuffled
    rule, data, _, _ = runs[0].build()
    rows = runs[0].train()
    assert (rows[0]["validation_loss"], rows[0]["validation_accuracy"]) == training.record.evaluate(
        rule, data.validation)
    assert rows[1]["validation_accuracy"] is not None and rows[1]["step"] == -(-(1197 - 299) // 32)
    assert "validation_accuracy" not in Run("fa", epochs=0).train()[0]


def test_shuffled_labels_are_of_the_seed_and_said_in_every_row():
    run = Run("bp", shuffled_labels=True, epochs=1)
    _, data, _, _ = run.build()
    _, again, _, _ = Run("fa", shuffled_labels=True).build()
    _, plain, _, _ = Run("bp").build()
    np.testing.assert_array_equal(data.train.targets, again.train.targets)
    assert (data.train.targets != plain.train.targets).mean() > 0.8
    assert [row["shuffled_labels"] for row in run.train()] == [True, True]
    assert "shuffled_labels" not in Run("bp", epochs=0).train()[0]


@pytest.mark.parametrize("model", ["mlp", "mlp-bn", "settling", "corinfomax", "spiking"])
def test_no_hidden_layers_are_not_the_usual_ones(model):
    none, usual = (Run("bp", model=model, hidden=hidden).build()[0].network for hidden in ((), None))
    assert len(none.weighted_layers()) == 1 < len(usual.weighted_layers())


def test_a_name_that_is_empty_is_no_name_left_out():
    for field in ("activation", "init", "augment", "optimizer", "decay", "data", "model"):
        with pytest.raises(ValueError, match="unknown .*''"):
            Run("bp", **{field: ""}).build()
