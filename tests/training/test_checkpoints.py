"""A run that was killed goes on to the same bytes; a file that is no checkpoint of this run is refused by name."""

import json
import math
import os
import subprocess
import sys

import numpy as np
import pytest

from feedbackalign import layers, networks, optimizer, rules, training
from feedbackalign.data import Batches, CropAndFlip, Dataset, Split
from feedbackalign.rules import TABLE
from feedbackalign.training import blas_threads, checkpoints, state_file
from feedbackalign.training.checkpoints import (HIDDEN, CheckpointError, FolderInUseError, lock_folder,
                                                read_checkpoint)
from feedbackalign.training.record import read_record
from tests.rules.tools import family_of, thinned, units_for
from tests.small_runs import TIMES, Killed, SmallRun, classification, kill_at, without_times

OPTIMIZERS = {"sgd": lambda: optimizer.SGD(0.05, momentum=0.9, weight_decay=0.01),
              "plain": lambda: optimizer.SGD(0.05),
              "adam": lambda: optimizer.Adam(0.01, weight_decay=0.01)}
SCHEDULES = {"lr_at": optimizer.MultiStep(0.05, (4, 8), 0.5), "decay_at": optimizer.MultiStep(0.03, (5,), 0.1)}


def killed(run, step, folder, **arguments):
    """Train until this step, and no further."""
    with pytest.raises(Killed):
        run.train(folder=folder, progress=kill_at(step), **arguments)


def assert_same(resumed, rows, whole, whole_rows, folder):
    assert resumed.bytes() == whole.bytes()
    assert without_times(rows) == without_times(whole_rows)
    assert read_record(folder / "record.jsonl") == rows


# ----------------------------------------------------------------------------------------------------------- resume

@pytest.mark.parametrize("opt", ["sgd", *(pytest.param(opt, marks=pytest.mark.slow) for opt in OPTIMIZERS
                                          if opt != "sgd")])
@pytest.mark.parametrize("name", TABLE)
@pytest.mark.filterwarnings("ignore:corinfomax. outputs .* were 0:UserWarning")     # Adam's first steps are long
def test_every_rule_resumes_in_mid_epoch_to_the_same_bytes(name, opt, tmp_path):
    """Even a run made from other seeds goes on as the one that was killed: all that matters is in the checkpoint."""
    whole = SmallRun(name, opt=OPTIMIZERS[opt]())
    whole_rows = whole.train(**SCHEDULES)
    killed(SmallRun(name, opt=OPTIMIZERS[opt]()), 6, tmp_path, checkpoint_every=1, **SCHEDULES)
    resumed = SmallRun(name, draw=1, opt=OPTIMIZERS[opt]())
    assert resumed.bytes() != SmallRun(name, opt=OPTIMIZERS[opt]()).bytes()
    rows = resumed.train(folder=tmp_path, resume=True, **SCHEDULES)
    assert_same(resumed, rows, whole, whole_rows, tmp_path)


class Rehearsing(TABLE["fa"]):
    """Learns from batches before the first epoch and after every one, as rules with phases of their own do."""

    def before_training(self, batches):
        for x, _ in batches:
            self.B["fc2"][...] = 0.5 * self.B["fc2"] + x.mean()         # the order of the batches matters

    after_epoch = before_training


def test_the_stream_of_a_rules_own_phases_is_kept(tmp_path):
    whole = SmallRun(Rehearsing)
    whole_rows = whole.train()
    for step, arguments in ((2, {}), (4, {"resume": True}), (2, {"resume": True})):
        killed(SmallRun(Rehearsing), step, tmp_path, checkpoint_every=1, **arguments)
    resumed = SmallRun(Rehearsing, draw=1)
    assert_same(resumed, resumed.train(folder=tmp_path, resume=True), whole, whole_rows, tmp_path)


def test_the_stream_of_a_rules_own_phases_is_drawn_from_the_runs():
    run, other = SmallRun(Rehearsing), SmallRun(Rehearsing)
    run.train(epochs=0)
    stream = np.random.default_rng(other.rng.integers(2**63))
    other.rule.before_training(Batches(other.data.train, 4, rng=stream))
    assert run.bytes() == other.bytes()


def _sparse(rule, draw):
    """A convolutional network with masks on W (dense, for rules without pooling), and a rule with masks on its own."""
    rng = np.random.default_rng([1, draw])
    if family_of(rule) == "spiking":
        spikes = layers.SpikeTimes(37, 12, t_max=4.0, rng=rng), layers.SpikeTimes(12, 3, t_max=4.0, rng=rng)
        net = networks.Network([layers.Flatten(), layers.LatencyCode(), *spikes, layers.TimesToLogits(4.0)],
                               input_shape=(1, 6, 6))
        return rules.make(rule, thinned(net, 0.7, rng), rng=np.random.default_rng([2, draw]))
    unit, pool = units_for(rule)
    below = [layers.Flatten(), layers.Linear(36, 12, rng=rng, density=0.7), unit()] if pool is None else \
        [layers.Conv2d(1, 3, 3, rng=rng, density=0.7), pool(2), unit(), layers.Flatten()]
    loss = "squared-error" if family_of(rule) == "squared error" else "cross-entropy"
    net = networks.Network([*below, layers.Linear(12, 3, rng=rng, density=0.5)], input_shape=(1, 6, 6), loss=loss)
    wanted = {"density": 0.6, "pretraining": 20}
    options = {key: value for key, value in wanted.items() if key in rules.options_of(rule)}
    return rules.make(rule, net, rng=np.random.default_rng([2, draw]), **options)


@pytest.mark.parametrize("name", [
    name if "density" in rules.options_of(name) else pytest.param(name, marks=pytest.mark.slow) for name in TABLE])
def test_sparse_networks_of_images_resume_too(name, tmp_path):
    rng = np.random.default_rng(4)
    split = Split(rng.random(size=(9, 1, 6, 6)).astype(np.float32), np.arange(9) % 3)
    data = Dataset("noise", train=split, validation=None, test=split, classes=3)

    def run(draw=0):
        rule = _sparse(name, draw)
        return rule, lambda **more: training.train(rule, data, optimizer.SGD(0.05, momentum=0.9), epochs=2,
                                                   batch_size=4, rng=np.random.default_rng(3), **more)
    whole, train = run()
    whole_rows = train()
    _, train = run()
    with pytest.raises(Killed):
        train(folder=tmp_path, progress=kill_at(5), checkpoint_every=1)
    resumed, train = run(draw=1)
    rows = train(folder=tmp_path, resume=True)
    assert without_times(rows) == without_times(whole_rows)
    for ours, theirs in ((resumed.network.parameters(), whole.network.parameters()),
                         (resumed.network.state(), whole.network.state()), (resumed.state(), whole.state())):
        assert {key: a.tobytes() for key, a in ours.items()} == {key: a.tobytes() for key, a in theirs.items()}


class RehearsingImages(TABLE["fa"]):
    """Learns from batches before the first epoch and after every one: those are augmented too, by their stream."""

    def before_training(self, batches):
        for x, _ in batches:
            self.B["fc1"][...] = 0.5 * self.B["fc1"] + x[0, 0, 0, 0] + 2 * x[-1, 0, 5, 5]

    after_epoch = before_training


@pytest.mark.parametrize("rule", ["pfa", "wm", RehearsingImages])
@pytest.mark.parametrize("step", [1, 2, 4, 5, 6])
def test_augmented_images_are_the_same_after_a_resume(rule, step, tmp_path):
    """Three batches make an epoch; wherever the run dies, the rest of the epoch is shifted and mirrored as it was."""
    rng = np.random.default_rng(4)
    split = Split(rng.normal(size=(11, 1, 6, 6)).astype(np.float32), np.arange(11) % 3)
    data = Dataset("noise", train=split, validation=None, test=split, classes=3)

    crop = CropAndFlip(padding=2)

    def run(augment=crop, draw=0, epochs=2, **more):
        net = networks.Network([layers.Conv2d(1, 3, 3, rng=np.random.default_rng([1, draw])), layers.ReLU(),
                                layers.Flatten(), layers.Linear(48, 3, rng=np.random.default_rng([4, draw]))],
                               input_shape=(1, 6, 6))
        made = rules.make(rule, net, rng=np.random.default_rng([2, draw]))
        rows = training.train(made, data, optimizer.SGD(0.05, momentum=0.9), epochs=epochs, batch_size=4,
                              augment=augment, rng=np.random.default_rng([3, draw]), **more)
        return without_times(rows), {name: array.tobytes() for name, array in (net.parameters() | made.state()).items()}

    whole = run()
    assert whole[0][0]["test_loss"] == run(None)[0][0]["test_loss"] and whole[1] != run(None)[1]
    assert (run(epochs=0)[1] != run(None, epochs=0)[1]) == (rule is RehearsingImages)   # before the first step
    with pytest.raises(Killed):
        run(folder=tmp_path, progress=kill_at(step), checkpoint_every=1)
    with pytest.raises(CheckpointError, match=r"made by another augmentation: 'CropAndFlip\(padding=2, flip=True\)'"):
        run(None, folder=tmp_path, resume=True)
    assert run(draw=1, folder=tmp_path, resume=True) == whole


class Hungry(TABLE["fa"]):
    """Wants more memory than there is, in the middle of a backward pass of one of its training steps."""

    steps_left = -1

    def send_back(self, layer, error):
        if layer.name == "fc2" and error.dtype == np.float32:           # it is measured in float64
            type(self).steps_left -= 1
            if type(self).steps_left == 0:
                np.empty(2**50)
        return super().send_back(layer, error)


@pytest.mark.parametrize("step", [2, 5])
def test_a_step_that_finds_no_memory_leaves_the_checkpoint_as_it_was(step, tmp_path, monkeypatch):
    whole = SmallRun(Hungry)
    whole_rows = whole.train()
    monkeypatch.setattr(Hungry, "steps_left", step)
    with pytest.raises(MemoryError, match="Unable to allocate"):        # NumPy's own
        SmallRun(Hungry).train(folder=tmp_path, checkpoint_every=1)
    assert read_checkpoint(tmp_path / "checkpoint.npz")[0]["progress"]["step"] == step - 1
    resumed = SmallRun(Hungry, draw=1)
    assert_same(resumed, resumed.train(folder=tmp_path, resume=True), whole, whole_rows, tmp_path)


def test_a_checkpoint_that_finds_no_memory_leaves_the_one_before(tmp_path, monkeypatch):
    whole = SmallRun("pfa")
    whole_rows = whole.train()
    savez, left = np.savez, [4]

    def hungry(file, **arrays):
        left[0] -= 1
        if left[0] == 0:
            file.write(b"half of it")
            raise MemoryError
        savez(file, **arrays)
    monkeypatch.setattr(np, "savez", hungry)
    with pytest.raises(MemoryError):
        SmallRun("pfa").train(folder=tmp_path, checkpoint_every=1)
    assert read_checkpoint(tmp_path / "checkpoint.npz")[0]["progress"]["step"] == 2     # after the first row, and two
    resumed = SmallRun("pfa", draw=1)
    assert_same(resumed, resumed.train(folder=tmp_path, resume=True), whole, whole_rows, tmp_path)


@pytest.mark.parametrize("seconds, kept", [(0.0, 4), (1e9, 3)], ids=["it is time", "it is not"])
def test_a_long_epoch_is_kept_by_the_clock(seconds, kept, tmp_path, monkeypatch):
    """Three steps make an epoch; in the fifth the run dies before it could be kept."""
    monkeypatch.setattr(checkpoints, "SAVE_EVERY", seconds)
    monkeypatch.setattr(checkpoints, "SAVING_SHARE", math.inf)
    killed(SmallRun("pfa"), 5, tmp_path)
    assert read_checkpoint(tmp_path / "checkpoint.npz")[0]["progress"]["step"] == kept
    whole, resumed = SmallRun("pfa"), SmallRun("pfa")
    whole_rows = whole.train()
    assert_same(resumed, resumed.train(folder=tmp_path, resume=True), whole, whole_rows, tmp_path)


def test_where_saving_takes_long_it_is_done_less_often(tmp_path, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(checkpoints.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(checkpoints.os, "replace", lambda part, path: now.__setitem__(0, now[0] + 3.0))    # slow disk
    run = SmallRun("bp")
    batches = Batches(run.data.train, 4, rng=run.rng)
    checkpoint = checkpoints.Checkpoint(tmp_path, run.rule, run.optimizer, batches, batches, 1, {})
    assert not checkpoint.is_due(1, None)
    now[0] += checkpoints.SAVE_EVERY
    assert checkpoint.is_due(1, None)
    checkpoint.save(checkpoints.Progress(), [])
    now[0] += 3.0 / checkpoints.SAVING_SHARE - 1
    assert not checkpoint.is_due(2, None)
    now[0] += 1
    assert checkpoint.is_due(2, None)


@pytest.mark.parametrize("checkpoint_every", [None, 1, 2, 3])
@pytest.mark.parametrize("step", range(1, 10))
def test_resume_from_every_step(step, checkpoint_every, tmp_path):
    whole = SmallRun("wm")
    whole_rows = whole.train()
    killed(SmallRun("wm"), step, tmp_path, checkpoint_every=checkpoint_every)
    steps = []
    resumed = SmallRun("wm")
    rows = resumed.train(folder=tmp_path, resume=True, progress=lambda news: "steps" in news and steps.append(news))
    assert_same(resumed, rows, whole, whole_rows, tmp_path)
    every = checkpoint_every or 3                       # what was killed at step s is kept up to the checkpoint before
    kept = max(at for at in range(step) if at % every == 0 or at % 3 == 0)
    assert len(steps) == 9 - kept


def test_a_run_may_be_killed_again_and_again(tmp_path):
    whole = SmallRun("pfa")
    whole_rows = whole.train()
    killed(SmallRun("pfa"), 2, tmp_path, checkpoint_every=1)
    for _ in range(7):
        killed(SmallRun("pfa"), 2, tmp_path, checkpoint_every=1, resume=True)
    resumed = SmallRun("pfa")
    rows = resumed.train(folder=tmp_path, resume=True)
    assert_same(resumed, rows, whole, whole_rows, tmp_path)


@pytest.mark.parametrize("name, route", [("pfa", "closed-form"), ("pfa", "two-hop"), ("pfa", "contracted"),
                                         ("pfa-o", "closed-form"), ("pfa-i", None), ("kp", "closed-form"),
                                         ("kp", "explicit")])
def test_every_route_resumes(name, route, tmp_path):
    whole = SmallRun(name, route=route)
    whole_rows = whole.train(**SCHEDULES)
    killed(SmallRun(name, route=route), 5, tmp_path, checkpoint_every=1, **SCHEDULES)
    resumed = SmallRun(name, route=route)
    rows = resumed.train(folder=tmp_path, resume=True, **SCHEDULES)
    assert_same(resumed, rows, whole, whole_rows, tmp_path)
    explicit = route in ("two-hop", "contracted", "explicit")
    assert {row["route"] for row in rows[1:]} == {"explicit" if explicit else "closed-form"}


def test_a_closed_form_still_guards_its_weights_after_a_resume(tmp_path):
    SmallRun("pfa").train(epochs=1, folder=tmp_path)
    run = SmallRun("pfa")
    run.train(epochs=1, folder=tmp_path, resume=True)
    training.train_step(run.rule, run.optimizer, *run.data.batch(4))
    run.network.layer("fc1").weight[...] *= 2
    with pytest.raises(ValueError, match="W was assigned in mid-run"):
        training.train_step(run.rule, run.optimizer, *run.data.batch(4))


def test_a_finished_run_goes_on_to_more_epochs(tmp_path):
    whole = SmallRun("kp")
    whole_rows = whole.train(epochs=4)
    SmallRun("kp").train(epochs=2, folder=tmp_path)
    resumed = SmallRun("kp")
    rows = resumed.train(epochs=4, folder=tmp_path, resume=True)
    assert_same(resumed, rows, whole, whole_rows, tmp_path)


def test_a_finished_run_resumed_does_nothing_more(tmp_path):
    first = SmallRun("wm")
    first_rows = first.train(folder=tmp_path)
    held = (tmp_path / "checkpoint.npz").read_bytes()
    again, record, news = SmallRun("wm"), [], []
    assert again.train(folder=tmp_path, resume=True, record=record, progress=news.append) == first_rows
    assert record == news == first_rows
    assert again.bytes() == first.bytes() and (tmp_path / "checkpoint.npz").read_bytes() == held


@pytest.mark.parametrize("folder", ["missing", "empty"])
def test_resume_without_a_checkpoint_begins_at_the_beginning(folder, tmp_path):
    (tmp_path / "empty").mkdir()
    whole, run = SmallRun("fa"), SmallRun("fa")
    rows = run.train(folder=tmp_path / folder, resume=True)
    assert_same(run, rows, whole, whole.train(), tmp_path / folder)


def test_resume_after_a_death_in_before_training(tmp_path):
    class Dying(TABLE["fa"]):
        def before_training(self, batches):
            list(batches)
            if self.dies:
                raise Killed

    Dying.dies = False
    whole = SmallRun(Dying)
    whole_rows = whole.train()
    Dying.dies = True
    with pytest.raises(Killed):
        SmallRun(Dying).train(folder=tmp_path)
    Dying.dies = False
    run = SmallRun(Dying)
    assert_same(run, run.train(folder=tmp_path, resume=True), whole, whole_rows, tmp_path)


def test_a_record_is_read_from_a_path_and_closes_no_open_file(tmp_path):
    with open(tmp_path / "open", "w") as file:
        with pytest.raises(TypeError, match="path: expected a path"):
            read_record(file.fileno())
        file.write("still open")


def test_the_record_grows_while_the_run_goes_on(tmp_path):
    seen = []

    def progress(news):
        if "steps" not in news:
            seen.append(read_record(tmp_path / "record.jsonl")[-1] == news)
    SmallRun("bp").train(folder=tmp_path, progress=progress)
    assert seen == [True] * 4


def test_a_new_run_replaces_what_the_folder_held(tmp_path):
    SmallRun("fa").train(epochs=3, folder=tmp_path)
    rows = SmallRun("kp").train(epochs=1, folder=tmp_path)
    assert read_record(tmp_path / "record.jsonl") == rows
    assert read_checkpoint(tmp_path / "checkpoint.npz")[0]["rule"] == "kp"


@pytest.mark.parametrize("bits", ["PCG64", "MT19937", "Philox", "SFC64"])
def test_any_stream_of_numpy_is_kept(bits, tmp_path):
    def run():
        made = SmallRun("wm")
        made.rng = np.random.Generator(getattr(np.random, bits)(3))
        made.rule.rng = np.random.Generator(getattr(np.random, bits)(4))
        return made
    whole = run()
    whole_rows = whole.train()
    killed(run(), 5, tmp_path, checkpoint_every=1)
    resumed = run()
    rows = resumed.train(folder=tmp_path, resume=True)
    assert without_times(rows) == without_times(whole_rows)
    assert resumed.network.layer("fc1").weight.tobytes() == whole.network.layer("fc1").weight.tobytes()
    assert resumed.rule.B["fc1"].tobytes() == whole.rule.B["fc1"].tobytes()


def test_one_stream_for_everything_is_kept_as_well(tmp_path):
    """A rule that draws from the loop's own stream moves it on within the epoch."""
    def run():
        made = SmallRun("wm")
        made.rule.rng = made.rng
        return made
    whole = run()
    whole_rows = whole.train()
    killed(run(), 5, tmp_path, checkpoint_every=1)
    resumed = run()
    assert_same(resumed, resumed.train(folder=tmp_path, resume=True), whole, whole_rows, tmp_path)


# --------------------------------------------------------------------------------------------------------- the file

@pytest.mark.parametrize("name", ["pfa", "kp", "wm", "fa", "bp", "brsf"])
@pytest.mark.parametrize("opt", OPTIMIZERS)
def test_every_array_stands_in_the_file_under_its_own_name(name, opt, tmp_path):
    run = SmallRun(name, opt=OPTIMIZERS[opt]())
    run.train(epochs=1, folder=tmp_path)
    with np.load(tmp_path / "checkpoint.npz", allow_pickle=False) as file:      # no pickle: everything loads
        held = {key: file[key] for key in file.files}
    assert not any(array.dtype.hasobject for array in held.values())
    for own, array in (run.network.parameters() | run.rule.parameters() | run.rule.constants()).items():
        keys = [key for key in held if key.endswith(own) and key.startswith(("network", "rule"))]
        assert len(keys) == 1 and held[keys[0]].tobytes() == array.tobytes(), own


def test_a_death_in_the_middle_of_writing_leaves_the_old_checkpoint(tmp_path, monkeypatch):
    whole = SmallRun("pfa")
    whole_rows = whole.train()
    real_open, written = open, []

    def dying_open(path, mode):
        file = real_open(path, mode)
        written.append(path.name)
        if len(written) == 4:
            with file:
                file.write(b"PK half a checkpoint")
                raise Killed
        return file

    monkeypatch.setattr(state_file, "open", dying_open, raising=False)
    with pytest.raises(Killed):
        SmallRun("pfa").train(folder=tmp_path, checkpoint_every=1)
    monkeypatch.undo()
    assert len(written) == 4 and not any(name.endswith("checkpoint.npz") for name in written)
    assert read_checkpoint(tmp_path / "checkpoint.npz")[0]["progress"]["step"] == 2
    resumed = SmallRun("pfa")
    rows = resumed.train(folder=tmp_path, resume=True)
    assert_same(resumed, rows, whole, whole_rows, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [HIDDEN, "checkpoint.npz", "record.jsonl"]


@pytest.mark.parametrize("write", range(1, 9))
@pytest.mark.parametrize("before", [None, "fa", "kp"])
def test_a_death_at_any_write_is_resumed_whatever_the_folder_held(before, write, tmp_path, monkeypatch):
    """Record and checkpoint are written in turn; the first of them meets what another run has left."""
    whole = SmallRun("fa")
    whole_rows = whole.train()
    if before:
        SmallRun(before).train(folder=tmp_path)
    real_fsync, left = os.fsync, [write]

    def dying_fsync(number):
        left[0] -= 1
        if left[0] == 0:
            raise Killed
        real_fsync(number)
    monkeypatch.setattr(os, "fsync", dying_fsync)
    with pytest.raises(Killed):
        SmallRun("fa").train(folder=tmp_path)
    monkeypatch.undo()
    resumed = SmallRun("fa")
    assert_same(resumed, resumed.train(folder=tmp_path, resume=True), whole, whole_rows, tmp_path)


def test_a_death_between_record_and_checkpoint_is_cut_back(tmp_path, monkeypatch):
    whole = SmallRun("pfa")
    whole_rows = whole.train()
    real_replace, calls = os.replace, []

    def dying_replace(source, target):
        calls.append(target)
        if len(calls) == 3:
            raise Killed
        real_replace(source, target)

    monkeypatch.setattr(os, "replace", dying_replace)
    with pytest.raises(Killed):
        SmallRun("pfa").train(folder=tmp_path)
    monkeypatch.undo()
    assert len(read_record(tmp_path / "record.jsonl")) == 3                     # a row ahead of the checkpoint
    resumed = SmallRun("pfa")
    assert_same(resumed, resumed.train(folder=tmp_path, resume=True), whole, whole_rows, tmp_path)


# ------------------------------------------------------------------------------------------------------ foreign ones

def rewritten(folder, change):
    """The folder's checkpoint as one with other meta data or arrays, changed in place, would have been written."""
    meta, arrays = read_checkpoint(folder / "checkpoint.npz")
    change(meta, arrays)
    state_file.write(folder / "checkpoint.npz", checkpoints.STAMP, meta, arrays)


@pytest.mark.parametrize("here, message", [
    ({"rule": "fa"}, "made by another rule: 'pfa', this run has 'fa'"),
    ({"opt": optimizer.Adam(0.1)}, "another optimizer: 'SGD with momentum 0.9', this run has 'Adam"),
    ({"opt": optimizer.SGD(0.1)}, "another optimizer: 'SGD with momentum 0.9', this run has 'SGD with momentum 0'"),
    ({"data": classification(samples=12)}, "data noisy classes changed since epoch 1: put it back, or start anew"),
    ({"expansion": 3}, "set of options: {'expansion': 2}, this run has {'expansion': 3}; go on with that one, or"),
])
def test_a_checkpoint_of_another_run_is_refused_by_name(here, message, tmp_path):
    SmallRun("pfa", expansion=2).train(epochs=1, folder=tmp_path)
    before = (tmp_path / "checkpoint.npz").read_bytes(), (tmp_path / "record.jsonl").read_bytes()
    options = {} if "rule" in here else {"expansion": 2}
    with pytest.raises(CheckpointError, match=message):
        SmallRun(**{"rule": "pfa", **options, **here}).train(epochs=2, folder=tmp_path, resume=True)
    assert before == ((tmp_path / "checkpoint.npz").read_bytes(), (tmp_path / "record.jsonl").read_bytes())


def test_another_seed_or_batch_size_is_refused_other_threads_are_not(tmp_path):
    SmallRun("bp").train(epochs=1, folder=tmp_path, about={"seed": 3})
    with pytest.raises(CheckpointError, match="made by another seed: 3, this run has 4"):
        SmallRun("bp").train(epochs=2, folder=tmp_path, resume=True, about={"seed": 4})
    with pytest.raises(CheckpointError, match="made by another batch_size: 4, this run has 5"):
        SmallRun("bp").train(epochs=2, folder=tmp_path, resume=True, about={"seed": 3}, batch_size=5)
    with blas_threads(2):
        rows = SmallRun("bp").train(epochs=2, folder=tmp_path, resume=True, about={"seed": 3})
    assert [row["epoch"] for row in rows] == [0, 1, 2]


def test_another_network_is_refused_by_its_layers(tmp_path):
    SmallRun("bp").train(epochs=1, folder=tmp_path)
    for change in ({"activation": "tanh"}, {"loss": "squared-error"}, {"dtype": np.float64}):
        run = SmallRun("bp")
        run.rule = rules.make("bp", networks.mlp([4, 5, 3], rng=np.random.default_rng(0), **change))
        with pytest.raises(CheckpointError, match=r"another network: 'Network\(Linear\(4, 5\), ReLU"):
            run.train(epochs=2, folder=tmp_path, resume=True)


@pytest.mark.parametrize("key, value", [("version", "0.0.0"), ("format", 1)])
def test_another_version_is_refused_by_name(key, value, tmp_path):
    SmallRun("bp").train(epochs=1, folder=tmp_path)
    rewritten(tmp_path, lambda meta, arrays: meta.update({key: value}))
    with pytest.raises(CheckpointError, match=f"another {key}: {value!r}, this run has {checkpoints.STAMP[key]!r}"):
        SmallRun("bp").train(epochs=2, folder=tmp_path, resume=True)


def test_a_checkpoint_of_an_older_version_is_refused_by_that_and_not_by_its_form(tmp_path):
    """Those had no sums, and carried the rows."""
    SmallRun("bp").train(epochs=1, folder=tmp_path)
    meta = {"version": "0.2.0", "epochs": 1, "rows": [], "progress": {"epoch": 1}}
    np.savez(tmp_path / "checkpoint.npz", meta=np.array(json.dumps(meta)), fine=np.ones(3))
    with pytest.raises(CheckpointError, match="made by another version: '0.2.0', this run has"):
        SmallRun("bp").train(epochs=2, folder=tmp_path, resume=True)


@pytest.mark.parametrize("part, value, says", [
    ("network/fc1.weight", None, "network/fc1.weight is missing"),
    ("network/fc1.weight", np.ones((2, 2)), "network/fc1.weight is float64 array of shape"),
    ("network/fc1.bias", np.ones(1, np.float32), "network/fc1.bias is float32 array of shape"),
    ("network/fc1.weight", np.array("text"), "network/fc1.weight is <U4 array of shape"),
    ("network/fc9.weight", np.ones(3), "network/fc9.weight is not known here"),
    ("rule/plastic/fc2.B", None, "rule/plastic/fc2.B is missing"),
    ("rule/plastic/fc2.B", np.ones((3, 5)), "rule/plastic/fc2.B is float64 array of shape"),
    ("rule/plastic/fc2.B", np.ones(1, np.float32), "rule/plastic/fc2.B is float32 array of shape"),
    ("rule/plastic/fc9.B", np.ones(3), "rule/plastic/fc9.B is not known here"),
    ("rule/streams/rng", np.array("no stream"), "Expecting value"),
    ("optimizer/more", np.ones(3), "optimizer/velocity/more is missing"),
    ("optimizer/velocity/fc1.bias", np.ones(3), "velocity/fc1.bias: no parameter fc1.bias has shape"),
    ("optimizer/velocity/fc9.bias", np.ones(3), "velocity/fc9.bias: no parameter fc9.bias has shape"),
    ("data_stream", None, "data_stream"), ("data_stream", 3, "state must be a dict"),
    ("progress", {"epoch": 1, "steps": 3}, "'steps'"),
])
def test_a_checkpoint_that_does_not_fit_is_refused_before_any_change(part, value, says, tmp_path):
    """Its sums are right: it was written whole, by a run of another make."""
    def change(meta, arrays):
        holder = arrays if "/" in part else meta
        holder[part] = value
        if value is None:
            del holder[part]
    SmallRun("wm").train(epochs=1, folder=tmp_path)
    rewritten(tmp_path, change)
    run = SmallRun("wm", draw=1)
    before = run.bytes()
    with pytest.raises(CheckpointError, match=f"checkpoint.npz: does not hold what this run needs: .*{says}"):
        run.train(epochs=2, folder=tmp_path, resume=True)
    assert run.bytes() == before


class Forgetful(TABLE["fa"]):
    """Keeps a number for a resumed run, and does not take it back."""

    def __init__(self, network, *, rng=None):
        super().__init__(network, rng=rng)
        self.batches_seen = 0

    def after_batch(self, x, targets):
        self.batches_seen += 1

    def state(self):
        return super().state() | {"batches_seen": self.batches_seen}


def test_a_rule_that_does_not_come_back_as_it_was_is_refused(tmp_path):
    SmallRun(Forgetful).train(epochs=1, folder=tmp_path)
    with pytest.raises(CheckpointError, match="rule/batches_seen does not come back as it was kept"):
        SmallRun(Forgetful).train(epochs=2, folder=tmp_path, resume=True)


def test_a_foreign_optimiser_is_known_by_its_class():
    class Mine:
        pass

    assert checkpoints.in_words(Mine()) == "Mine"


# --------------------------------------------------------------------------------------------------------- the lock

HOLDER = """
import pathlib, sys
from feedbackalign.training.checkpoints import lock_folder
lock = lock_folder(pathlib.Path(sys.argv[1]))
print("locked", flush=True)
sys.stdin.read()
"""


def test_a_second_run_is_refused_only_while_the_first_lives(tmp_path):
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as other:
        assert other.stdout.readline() == "locked\n"
        with pytest.raises(FolderInUseError, match="another live run writes into this folder"):
            SmallRun("bp").train(epochs=1, folder=tmp_path)
        assert not (tmp_path / "record.jsonl").exists()
        other.kill()
        other.wait()
    assert len(SmallRun("bp").train(epochs=1, folder=tmp_path)) == 2


def test_two_runs_of_one_process_refuse_each_other(tmp_path):
    def progress(news):
        with pytest.raises(FolderInUseError):
            SmallRun("bp").train(epochs=1, folder=tmp_path)
    SmallRun("fa").train(epochs=1, folder=tmp_path, progress=progress)


def test_the_lock_is_let_go_of_when_a_run_fails(tmp_path):
    killed(SmallRun("bp"), 2, tmp_path)
    with lock_folder(tmp_path) as lock:
        assert not lock.closed


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ValueError, match="^folder: expected a folder, got .*file, which is none"):
        SmallRun("bp").train(folder=tmp_path / "file")


def test_the_times_are_all_that_differs(tmp_path):
    """The list of what a comparison of records leaves out has no more in it than it must."""
    row = SmallRun("bp").train(epochs=1)[-1]
    assert set(TIMES) < set(row) and all("second" in name for name in TIMES)
