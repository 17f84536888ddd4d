"""Persistence in every row, and runs that stop by it: measured beside the training, never in its way."""

import numpy as np
import pytest

from feedbackalign import networks, persistence, runs, training
from feedbackalign.runs.finished import FinishedRuns
from feedbackalign.training.checkpoints import CheckpointError, read_checkpoint
from tests.small_runs import Killed, SmallRun, kill_at, without_times

SMALL = {"hidden": (6,), "epochs": 1, "batch_size": 300}


def stop_after(epoch):
    return lambda rows: rows[-1]["epoch"] >= epoch


# ---------------------------------------------------------------------------------------------------------- the row

@pytest.mark.parametrize("name", ["bp", "wm", "wp", "ep"])              # three of them draw in every step
def test_training_is_the_same_to_the_byte_with_and_without(name):
    plain, watched = SmallRun(name), SmallRun(name)
    plain_rows, rows = plain.train(), watched.train(persistence=True)
    assert watched.bytes() == plain.bytes()
    measured = [row.pop("persistence") for row in rows]
    assert without_times(rows) == without_times(plain_rows) and "persistence" not in plain_rows[0]
    assert measured[-1] == training.plain(persistence.persistence_row(watched.network, epoch=3))
    assert measured[0] == training.plain(persistence.persistence_row(SmallRun(name).network, epoch=0))


def test_shuffles_are_of_the_epoch_and_the_layer():
    net = networks.mlp([4, 6, 6], rng=np.random.default_rng(0))
    row, again, later = (persistence.persistence_row(net, epoch) for epoch in (1, 1, 2))
    assert row == again and row["layers"]["fc1"]["shuffle_gap"] != later["layers"]["fc1"]["shuffle_gap"]
    assert row["np"] == later["np"] and row["dgp"] == later["dgp"]


def test_a_resumed_run_has_the_same_rows(tmp_path):
    whole = SmallRun("pfa").train(persistence=True)
    with pytest.raises(Killed):
        SmallRun("pfa").train(folder=tmp_path, persistence=True, progress=kill_at(5), checkpoint_every=1)
    with pytest.raises(CheckpointError, match="made by another persistence: True, this run has False"):
        SmallRun("pfa").train(folder=tmp_path, resume=True)
    rows = SmallRun("pfa", draw=1).train(folder=tmp_path, resume=True, persistence=True)
    assert without_times(rows) == without_times(whole)


def test_it_is_part_of_what_a_run_is(tmp_path):
    plain, watched = (runs.Run("fa", persistence=wanted, **SMALL) for wanted in (False, True))
    assert watched.settings()["persistence"] is True and plain != watched
    finished = FinishedRuns(tmp_path)
    rows = runs.compare(["fa"], seeds=1, persistence=True, finished=finished, **SMALL)
    assert finished.rows(plain) is None and finished.rows(watched) == rows
    assert list(rows[1]["persistence"]["layers"]) == ["fc1", "fc2"] and rows[1]["persistence"]["why"] is None
    with pytest.raises(TypeError, match="persistence: expected True or False"):
        runs.Run("fa", persistence="yes")


def test_a_network_of_convolutions_says_why_it_has_none():
    row = runs.Run("bp", model="digits-conv", epochs=0, persistence=True).train()[0]["persistence"]
    assert row["np"] is None is row["dgp"] and row["layers"]["conv1"]["np"] is None and "conv1" in row["why"]


# --------------------------------------------------------------------------------------------------------- stopping

@pytest.mark.parametrize("name", ["fa", "wm"])
def test_a_stopped_run_is_the_shorter_run(name):
    stopped, short = SmallRun(name), SmallRun(name)
    rows = stopped.train(epochs=5, stop=stop_after(2))
    assert without_times(rows) == without_times(short.train(epochs=2)) and stopped.bytes() == short.bytes()


def test_it_is_asked_after_every_epoch_with_all_rows():
    asked = []
    rows = SmallRun("fa").train(epochs=3, stop=lambda rows: bool(asked.append([row["epoch"] for row in rows])))
    assert asked == [[0, 1], [0, 1, 2], [0, 1, 2, 3]] and len(rows) == 4


@pytest.mark.parametrize("step", [2, 4, 5, 7])
def test_a_resumed_run_stops_at_the_same_epoch(step, tmp_path):
    settings = {"epochs": 6, "persistence": True, "stop": persistence.EarlyStopping(patience=3, least_gain=1.0)}
    whole, resumed = SmallRun("kp"), SmallRun("kp", draw=1)
    rows = whole.train(**settings)
    assert [row["epoch"] for row in rows] == [0, 1, 2, 3]               # no value exceeds the first one by 1
    with pytest.raises(Killed):
        SmallRun("kp").train(folder=tmp_path, progress=kill_at(step), checkpoint_every=1, **settings)
    found = resumed.train(folder=tmp_path, resume=True, **settings)
    assert without_times(found) == without_times(rows) and resumed.bytes() == whole.bytes()


@pytest.mark.parametrize("again", [{}, {"stop": stop_after(9)}, {"epochs": 9}])
def test_a_stopped_run_resumed_does_nothing(again, tmp_path):
    first = SmallRun("wm")
    rows = first.train(epochs=5, folder=tmp_path, stop=stop_after(2))
    held = (tmp_path / "checkpoint.npz").read_bytes()
    assert read_checkpoint(tmp_path / "checkpoint.npz")[0]["progress"]["stopped"] is True
    resumed = SmallRun("wm", draw=1)
    assert resumed.train(**{"epochs": 5, "folder": tmp_path, "resume": True} | again) == rows
    assert resumed.bytes() == first.bytes() and (tmp_path / "checkpoint.npz").read_bytes() == held


def test_what_cannot_stop_a_run_is_refused():
    for stop in (3, persistence.EarlyStopping):
        with pytest.raises(TypeError, match="stop: expected a function, got"):
            SmallRun("fa").train(stop=stop)
    with pytest.raises(TypeError, match="stop: expected True or False, got None"):
        SmallRun("fa").train(stop=lambda rows: None)
    with pytest.raises(ValueError, match="train with persistence=True"):
        SmallRun("fa").train(stop=persistence.EarlyStopping())
