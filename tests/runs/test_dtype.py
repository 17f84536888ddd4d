"""The dtype of a run: of every network, part of what the run is, and kept by its record and its checkpoint."""

import json
import pathlib

import numpy as np
import pytest

import feedbackalign as fa
from feedbackalign import cli, data
from feedbackalign.networks import mlp
from feedbackalign.runs import models
from feedbackalign.runs.finished import name_of
from feedbackalign.runs.run import Run
from feedbackalign.training.checkpoints import CheckpointError

SMALL = {"hidden": (5,), "epochs": 1, "batch_size": 300}
FLOATS = ("float32", "float64")


def own(data, rng):
    return mlp([64, 5, 10], rng=rng, dtype=np.float64)


def floating(network):
    """Every floating array of a network, constants and running statistics too."""
    return [array for layer in network.all_layers() for array in vars(layer).values()
            if isinstance(array, np.ndarray) and array.dtype.kind == "f"]


@pytest.mark.parametrize("name", [model for model in models.MODELS if not model.startswith("resnet")] +
                         ["resnet20"])
def test_every_model_is_made_in_either(name):
    for dtype in FLOATS:
        network, _ = models.fit(name, data.digits(images=True), rng=np.random.default_rng(0), dtype=dtype)
        assert {array.dtype.name for array in floating(network)} == {dtype}
    usual, _ = models.fit(name, data.digits(images=True), rng=np.random.default_rng(0))
    for key, array in network.parameters().items():                                         # drawn alike
        np.testing.assert_allclose(usual.parameters()[key], array, rtol=1e-6, atol=1e-6)


def test_float64_is_what_is_computed_and_what_the_rows_say():
    single, double = (Run("pfa", dtype=dtype, **SMALL).train() for dtype in FLOATS)
    assert [row["dtype"] for row in (*single, *double)] == ["float32"] * 2 + ["float64"] * 2
    assert Run("pfa", **SMALL) == Run("pfa", dtype="float32", **SMALL) == Run("pfa", dtype=np.float32, **SMALL)
    gap = abs(single[1]["test_loss"] - double[1]["test_loss"])
    assert 0 < gap < 1e-4                                                       # they differ by rounding


def test_the_dtype_is_part_of_what_a_run_is(tmp_path):
    single, double = (Run("fa", dtype=dtype, **SMALL) for dtype in FLOATS)
    assert name_of(single) != name_of(double) and double.settings()["dtype"] == "float64"
    single.train(folder=tmp_path)
    with pytest.raises(CheckpointError, match="made by another network: .* float32 .* this run has .* float64 "):
        double.train(folder=tmp_path, resume=True)
    rows = fa.compare(["fa"], seeds=1, **SMALL) + fa.compare(["fa"], seeds=1, dtype="float64", **SMALL)
    assert list(dict.fromkeys(row["rule"] for row in fa.runs.groups.grouped(rows))) == [
        "fa, dtype float32", "fa, dtype float64"]


@pytest.mark.parametrize(("asked", "made"), [(None, "float64"), ("float32", "float32"), ("float64", "float64")])
def test_a_model_of_ones_own_is_left_as_it_is_unless_a_dtype_is_asked_for(asked, made):
    run = Run("fa", model=own, dtype=asked, epochs=0)
    assert run.build()[0].network.dtype == made and run.train()[0]["dtype"] == made and run.dtype == asked


@pytest.mark.parametrize("bad", ["float16", "", "double", "f8", float, int, np.int8, np.float16, complex,
                                 np.dtype(">f8"), 64, True])
def test_no_other_dtype_is_taken(bad):
    with pytest.raises(TypeError, match="dtype: expected numpy.float32 or numpy.float64, or the name of one, got"):
        Run("fa", dtype=bad)


@pytest.mark.parametrize("command", ["train --rule fa", "compare --rules fa --seeds 1", "trace --rule fa"])
def test_every_command_that_makes_a_network_of_ones_choice_takes_it(command, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli.commands, "draw", lambda rows, folder, arguments: [])        # drawing has its own tests
    line = [*command.split(), "--dtype", "float64", "--hidden", "4"]
    if "trace" not in command:
        assert cli.main([*line, "--epochs", "1", "--batch-size", "300", "--out", "out", "--quiet"]) == 0
    else:
        assert cli.main(line) == 0
    if "train" in command:
        assert fa.load("out")[1].dtype == np.float64
        assert cli.main([*line, "--epochs", "2", "--batch-size", "300", "--out", "out", "--quiet", "--resume"]) == 0
        lines = pathlib.Path("out/record.jsonl").read_text(encoding="utf-8").splitlines()
        assert {json.loads(line)["dtype"] for line in lines} == {"float64"}
    capsys.readouterr()
    assert cli.main([*command.split(), "--dtype", "float16"]) != 0
    assert "dtype: expected numpy.float32 or numpy.float64, or the name of one, got 'float16'" in \
        capsys.readouterr().err
