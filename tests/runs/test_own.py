"""What is the user's own takes part in a run like what ships, and decides its identity by its content."""

import concurrent.futures
import dataclasses
import pathlib
import pickle
import sys
import types

import numpy as np
import pytest

import feedbackalign as fa
from feedbackalign.data import DataError, Dataset, own
from feedbackalign.layers import Conv2d, Flatten, Linear, ReLU
from feedbackalign.networks import Network, mlp
from feedbackalign.rules import FeedbackAlignment, user_file
from feedbackalign.rules.user_file import UserFileError
from feedbackalign.runs import sweep
from feedbackalign.runs.finished import FinishedRuns, name_of
from feedbackalign.runs.own import require_importable
from feedbackalign.runs.run import Run
from feedbackalign.runs.workers import workers
from feedbackalign.training.checkpoints import CheckpointError
from tests.small_runs import classification, regression, without_times

FILE = '''
import numpy as np
from feedbackalign.data import own
from feedbackalign.networks import mlp
from feedbackalign.rules import FeedbackAlignment

class Mine(FeedbackAlignment):
    """Feedback alignment."""

def net(data, rng):
    return mlp([data.input_shape[0], 5, data.outputs], rng=rng)

def noise(rng):
    return own.dataset("noise", rng.normal(size=(20, 4)), np.arange(20) % 2)
'''


def images(rng):
    return own.dataset("images", rng.normal(size=(20, 4, 4)), np.arange(20) % 2)


def convnet(data, rng):
    channels, height, width = data.input_shape
    return Network([Conv2d(channels, 2, (3, 3), padding=1, rng=rng), ReLU(), Flatten(),
                    Linear(2 * height * width, data.outputs, rng=rng)], input_shape=data.input_shape)


def rows_network(data, rng):
    return mlp([int(np.prod(data.input_shape)), 5, data.outputs], rng=rng)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(FILE)
    rng = np.random.default_rng(0)
    np.savez("mine.npz", x=rng.normal(size=(20, 4)), y=np.arange(20) % 2)
    (tmp_path / "mine.csv").write_text("y,a,b\n" + "".join(f"{k % 2},{k},{-k * k}\n" for k in range(20)))
    return tmp_path


SMALL = {"epochs": 1, "batch_size": 4}
EVERY = [{"data": "mine.npz"}, {"data": pathlib.Path("mine.csv")}, {"data": "mine.py:noise"},
         {"data": images, "model": convnet}, {"data": classification()},
         {"data": "mine.npz", "model": "mine.py:net", "rule": "mine.py:Mine"},
         {"model": convnet, "batch_size": 300}, {"data": "fashion-mini", "model": rows_network, "batch_size": 5000}]


@pytest.mark.parametrize("settings", EVERY)
def test_a_run_goes_through_and_says_what_it_was_made_of(folder, settings):
    run = Run(**{"rule": "fa", **SMALL, **settings})
    rows = run.train()
    assert (rows[-1]["model"], rows[-1]["data"]) == (run.model_name, run.data_name)
    assert rows[-1]["sha256"] == run.settings()["sha256"] and None not in run.settings()["sha256"].values()
    assert name_of(run) == name_of(pickle.loads(pickle.dumps(run)))


def test_what_ships_has_no_sum_in_its_rows():
    run = Run("fa", epochs=0)
    assert "sha256" not in run.settings() and "sha256" not in run.train()[0]


@pytest.mark.slow
def test_workers_give_the_same_rows_from_names_and_from_a_dataset_sent_whole(folder):
    runs = [Run(**{"rule": "fa", **SMALL, **settings}) for settings in EVERY[:6]]
    with workers(2) as executor:
        there = sweep.do_runs(runs, executor=executor)
    for mine, theirs in zip(sweep.do_runs(runs), there):
        assert without_times(mine) == [{**row, "threads": mine[0]["threads"]} for row in without_times(theirs)]


def test_arrays_come_in_the_form_of_the_model_s_record_and_a_dataset_as_it_is(folder):
    for model, low, mean in [("mlp", None, 0), ("settling", 0, None), ("ode-to-ode", None, 0)]:
        x = Run("fa", data="mine.csv", model=model).load_data(None).train.x
        assert (low is None or x.min() == low and x.max() == 1) and (mean is None or abs(x.mean()) < 1e-4)
    data = classification()
    assert Run("fa", data=data).load_data(None) is data
    drawn = Run("fa", data="mine.py:noise", seed=3)
    assert drawn.load_data(drawn.streams()[3]).sha256 == drawn.load_data(drawn.streams()[3]).sha256


def test_a_regression_of_ones_own_has_the_gentle_rate_and_labels_can_be_shuffled():
    assert Run("fa", data=regression()).lr == 0.001 != Run("fa", data=classification()).lr
    data = classification()
    shuffled = Run("fa", data=data, shuffled_labels=True).load_data(np.random.default_rng(0))
    assert sorted(shuffled.train.targets) == sorted(data.train.targets)
    assert (shuffled.train.targets != data.train.targets).any()


@pytest.mark.parametrize("settings, kind, message", [
    ({"data": "digit"}, ValueError, "did you mean 'digits'"), ({"model": "mpl"}, ValueError, "did you mean 'mlp'"),
    ({"data": 3}, TypeError, "data: expected a name, a path, a Dataset or a function, got 3"),
    ({"model": Network}, TypeError, "model: expected a name or a function"),
    ({"data": "none.npz"}, DataError, "none.npz: cannot be read"),
    ({"data": "mine.py:no"}, UserFileError, "mine.py: expected a function called 'no', got nothing of that name"),
    ({"model": "mine.py:noise"}, UserFileError, r"mine.py: noise is called with \(data, rng\): too many positional"),
    ({"data": lambda: 3}, UserFileError, r"data <lambda>: <lambda> is called with \(rng\): too many positional"),
    ({"model": "mine.py"}, UserFileError, "expected FILE.py:FUNCTION, for example my_net.py:convnet"),
    ({"data": "mine.csv", "label_column": "z"}, DataError, "unknown label column 'z'"),
    ({"test_share": 0.5}, ValueError, "test_share: data digits does not take it"),
    ({"data": "mine.npz", "data_dir": "."}, ValueError, "data_dir: data mine.npz does not take it"),
    ({"data": images, "label_column": 1}, ValueError, "label_column: data images does not take it"),
    ({"data": lambda rng: 3}, TypeError, "expected a feedbackalign.data.Dataset, got 3")])
def test_what_cannot_be_a_run_is_refused_when_it_is_made(folder, settings, kind, message):
    with pytest.raises(kind, match=message):
        Run("fa", **settings)


@pytest.mark.parametrize("model, settings, kind, message", [
    (lambda data, rng: 3, {}, TypeError, "expected a feedbackalign.networks.Network, got 3"),
    (lambda data, rng: mlp([4, 7], rng=rng), {}, ValueError, "noisy classes wants 3 output units, the network has 7"),
    (lambda data, rng: mlp([5, 3], rng=rng), {}, ValueError, r"takes samples of shape \(5,\), noisy"),
    (convnet, {"data": "mine.npz"}, ValueError, "not enough values"),
    (lambda data, rng: mlp([4, 3], rng=rng), {"hidden": (3,)}, ValueError, "are its own affair")])
def test_a_network_that_does_not_fit_is_refused_before_any_step(folder, model, settings, kind, message):
    with pytest.raises(kind, match=message):
        Run(**{"rule": "fa", "data": classification(), "model": model, **settings}).build()


# ----------------------------------------------------------------------------------------------------------- identity

def changed(folder, name):
    """The file with other bytes, which the same code or numbers may have."""
    file = folder / name
    file.write_bytes(file.read_bytes() + (b"\n#" if name.endswith(".py") else b"" if name.endswith(".npz") else b"\n"))
    if name.endswith(".npz"):
        np.savez(file, x=np.ones((20, 4)) + np.eye(20, 4), y=np.arange(20) % 2)


IN_FILES = [({"rule": "mine.py:Mine"}, "mine.py"), ({"model": "mine.py:net", "data": "mine.npz"}, "mine.py"),
            ({"data": "mine.py:noise"}, "mine.py"), ({"data": "mine.npz"}, "mine.npz"),
            ({"data": "mine.csv"}, "mine.csv")]


@pytest.mark.parametrize("settings, name", IN_FILES)
def test_a_changed_file_is_another_run_and_going_on_with_it_is_refused(folder, settings, name):
    run = Run(**{"rule": "fa", **SMALL, **settings})
    before, kept = name_of(run), FinishedRuns(folder / "kept")
    sweep.do_runs([run], finished=kept)
    run.train(folder=folder / "run")
    assert kept.rows(run) and run.train(folder=folder / "run", resume=True)
    changed(folder, name)
    assert name_of(run) != before
    message = f"^{name} changed since epoch 1: put it back, or start anew in another folder$"
    for go_on in (lambda: kept.rows(run), lambda: sweep.do_runs([run], finished=kept),
                  lambda: dataclasses.replace(run, epochs=2).train(folder=folder / "run", resume=True)):
        with pytest.raises(CheckpointError, match=message):
            go_on()
    assert FinishedRuns(folder / "kept", fresh=True).rows(run) is None


@pytest.mark.parametrize("change", [{"train"}, {"test"}])
def test_a_dataset_with_other_numbers_is_another_run(tmp_path, change):
    data = classification()
    parts = {name: dataclasses.replace(getattr(data, name), targets=(getattr(data, name).targets + 1) % 3)
             for name in change}
    other = dataclasses.replace(data, **parts)
    run, its_twin = (Run("fa", data=each, **SMALL) for each in (data, other))
    assert name_of(run) == name_of(Run("fa", data=classification(), **SMALL)) != name_of(its_twin)
    run.train(folder=tmp_path)
    with pytest.raises(CheckpointError, match="data noisy classes changed since epoch 1"):
        its_twin.train(folder=tmp_path, resume=True)


def test_two_files_of_one_name_both_count(folder):
    (folder / "other").mkdir()
    (folder / "other" / "mine.py").write_text(FILE)
    run = Run("mine.py:Mine", model="other/mine.py:net", data="mine.npz")
    names = {name_of(run)}
    for path in (folder / "mine.py", folder / "other" / "mine.py"):
        path.write_text(path.read_text() + "\n")
        names.add(name_of(run))
    assert len(names) == 3


def test_a_run_whose_file_was_edited_meanwhile_is_not_kept(folder):
    run, kept = Run("mine.py:Mine", data="mine.npz", **SMALL), FinishedRuns(folder / "kept")
    rows = run.train()
    changed(folder, "mine.py")
    kept.keep(run, rows)
    assert kept.rows(run) is None
    kept.keep(run, run.train())
    assert kept.rows(run)


def test_functions_made_by_a_function_are_never_taken_for_each_other(folder):
    one, other = (Run("fa", data=lambda rng, n=n: own.dataset("n", np.full((20, 1), n), np.arange(20) % 2), **SMALL)
                  for n in (1, 2))
    assert name_of(one) is name_of(other) is None and one.settings()["sha256"] == {"<lambda>": None}


def test_a_checkpoint_of_data_of_another_name_is_refused_by_both_names(tmp_path):
    data = classification()
    Run("fa", data=data, **SMALL).train(folder=tmp_path)
    with pytest.raises(CheckpointError, match=r"another data: 'noisy classes', this run has 'b'"):
        Run("fa", data=dataclasses.replace(data, name="b"), **SMALL).train(folder=tmp_path, resume=True)


def test_code_is_read_anew_when_its_bytes_change_within_one_second(folder):
    for number in range(3):
        (folder / "mine.py").write_text(FILE + f"\nNUMBER = {number}\n")
        assert user_file.find_in_file("mine.py:NUMBER", "data", "my_data.py:make") == number


# ----------------------------------------------------------------------------------------------------------- importing

def typed_in():
    """A class as a notebook has it: its module is there and is no file."""
    namespace = {"FeedbackAlignment": FeedbackAlignment, "__name__": "__main__"}
    exec("class Typed(FeedbackAlignment):\n    pass", namespace)
    return namespace


@pytest.mark.parametrize("make", [
    lambda: {"rule": typed_in()["Typed"]}, lambda: {"rule": fa.rules.find("mine.py:Mine")},
    lambda: {"rule": "fa", "data": lambda rng: classification(), "batch_size": 4},
    lambda: {"rule": "fa", "model": lambda data, rng: mlp([64, 10], rng=rng)}])
def test_what_workers_could_not_import_is_refused_before_anything_starts(folder, monkeypatch, make):
    settings = make()
    if not isinstance(settings["rule"], str) and settings["rule"].__module__ == "__main__":
        notebook = types.ModuleType("__main__")
        notebook.Typed = settings["rule"]
        monkeypatch.setitem(sys.modules, "__main__", notebook)
    run = Run(**settings, epochs=0)
    with pytest.raises(TypeError, match="other processes cannot import it; save it in a file"):
        require_importable(run)
    monkeypatch.setattr(sweep, "Workers", concurrent.futures.ThreadPoolExecutor)
    with concurrent.futures.ThreadPoolExecutor(1) as executor, pytest.raises(TypeError, match="cannot import"):
        sweep.do_runs([Run("bp", epochs=0), run], executor=executor)
    assert len(sweep.do_runs([run])[0]) == 1                                # here it can be done


def test_names_and_functions_of_a_module_are_let_through(folder):
    for settings in EVERY:
        require_importable(Run(**{"rule": "fa", **settings}))
    assert isinstance(Run("fa", data=classification()).data, Dataset)
