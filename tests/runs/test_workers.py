"""Several runs at once: the same rows in the same order, whatever does them and in whatever order they finish."""

import concurrent.futures
import importlib
import json
import multiprocessing
import os
import pickle
import pkgutil
import threading

import numpy as np
import pytest

import feedbackalign
from feedbackalign import rules
from feedbackalign.rules.user_file import UserFileError
from feedbackalign.runs import worker
from feedbackalign.runs.finished import versions
from feedbackalign.runs.run import Run
from feedbackalign.runs.sweep import compare, plan
from feedbackalign.runs.workers import workers
from feedbackalign.training.record import DivergedError
from tests.small_runs import without_times

SMALL = {"hidden": (6,), "epochs": 1, "batch_size": 300}


class Upward(rules.ErrorSendingRule):
    """Backprop under another name, to be found by a worker in this module."""

    def send_back(self, layer, error):
        return layer.transport(error, layer.weight)


class Breaking(Upward):
    """Fails in its first learning phase."""

    def gradients(self, x, targets):
        raise ZeroDivisionError("as it was made to")


class InOrder(concurrent.futures.Executor):
    """Does what it was given in a set order once `count` tasks are there, in a thread of its own."""

    def __init__(self, order, count=None):
        self.order, self.given, self.finished = list(order), [], []
        self.count = count or len(self.order)

    def submit(self, function, *arguments):
        future = concurrent.futures.Future()
        self.given.append((future, function, arguments))
        if len(self.given) == self.count:
            self.thread = threading.Thread(target=self.work)
            self.thread.start()
        return future

    def work(self):
        for index in self.order:
            future, function, arguments = self.given[index]
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(function(*arguments))
            except Exception as error:
                future.set_exception(error)
            self.finished.append(index)


# --------------------------------------------------------------------------------------------------------- the rows

def test_rows_come_by_rule_then_seed_then_epoch():
    rows = compare(["pfa", "bp"], seeds=[2, 0], **SMALL)
    assert [(row["rule"], row["seed"], row["epoch"]) for row in rows] == [
        (rule, seed, epoch) for rule in ("pfa", "bp") for seed in (2, 0) for epoch in (0, 1)]


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (2, 0, 3, 1)])
def test_rows_do_not_depend_on_the_order_of_finishing(order):
    told, executor = [], InOrder(order)
    rows = compare(["fa", "wm"], seeds=2, executor=executor, progress=told.append, **SMALL)
    executor.thread.join()
    assert executor.finished == list(order)
    assert without_times(rows) == without_times(compare(["fa", "wm"], seeds=2, **SMALL))
    assert sorted((run[0]["rule"], run[0]["seed"], len(run)) for run in told) == [
        ("fa", 0, 2), ("fa", 1, 2), ("wm", 0, 2), ("wm", 1, 2)]


def test_without_an_executor_progress_hears_every_step_and_row():
    news = []
    rows = compare(["bp"], seeds=1, progress=news.append, **SMALL)
    assert [item for item in news if "steps" not in item] == rows
    assert len(news) == len(rows) + news[1]["steps"]


def test_rules_differ_in_nothing_but_the_rule():
    """Before the first step every rule's network answers alike; two names of backprop stay alike to the end."""
    rows = compare(["bp", "fa", "wp", Upward], seeds=1, **SMALL)
    assert len({row["test_loss"] for row in rows if row["epoch"] == 0}) == 1
    ends = {row["rule"]: row["test_loss"] for row in rows if row["epoch"] == 1}
    assert ends["Upward"] == ends["bp"] != ends["fa"]


def test_options_reach_the_rules():
    rule, _, _, _ = plan(["bp", "pfa"], seeds=1, options={"expansion": 2, "density": 0.5})[1].build()
    assert rule.expansion == 2 and rule.density == 0.5


def test_seeds_are_a_number_or_a_list():
    assert [run.seed for run in plan(["bp"], seeds=3)] == [0, 1, 2]
    assert [run.seed for run in plan(["bp"], seeds=np.int64(2))] == [0, 1]
    assert [run.seed for run in plan(["bp"], seeds=(7, 3))] == [7, 3]
    assert [run.seed for run in plan(["bp"], seeds=np.array([7, 3]))] == [7, 3]


def test_settings_may_be_lists():
    rows = compare(["bp"], seeds=1, executor=InOrder([0]), **{**SMALL, "hidden": [6]})
    assert without_times(rows) == without_times(compare(["bp"], seeds=1, **SMALL))


def test_versions_are_plain():
    assert versions()["numpy"] == np.__version__
    assert json.loads(json.dumps(versions())) == versions()


@pytest.mark.parametrize("arguments, error, message", [
    ({"seeds": 0}, ValueError, "seeds: expected an integer of at least 1"),
    ({"seeds": [-1]}, ValueError, "seed: expected an integer of at least 0"),
    ({"rules": [Upward, Upward]}, ValueError, "Upward twice"),
    ({"rules": ["bp", "pfaa"]}, ValueError, "unknown rule 'pfaa': did you mean 'pfa'"),
    ({"rules": ["a/none.py:Mine"]}, UserFileError, "no such file"),
    ({"model": "mlpp"}, ValueError, "did you mean 'mlp'"),
    ({"lr": -1}, ValueError, "lr"),
    ({"no_setting": 1}, ValueError, "no_setting"),
])
def test_bad_arguments_are_refused_before_any_run(arguments, error, message):
    executor = InOrder([], count=10**6)
    with pytest.raises(error, match=message):
        compare(**{"rules": ["bp", "fa"], "executor": executor, **arguments})
    assert executor.given == []


# ----------------------------------------------------------------------------------------------------------- failures

def test_a_failing_run_raises_its_own_error_and_cancels_the_others():
    executor = InOrder([1], count=4)                    # the other three wait for ever
    with pytest.raises(ZeroDivisionError, match="as it was made to"):
        compare(["bp", Breaking, "fa", "kp"], seeds=1, executor=executor, **SMALL)
    executor.thread.join()
    assert [future.cancelled() for future, _, _ in executor.given] == [True, False, True, True]


def test_where_failures_are_heard_the_other_runs_go_on_in_order():
    failures, executor = [], InOrder([2, 1, 0])
    rows = compare(["bp", Breaking, "fa"], seeds=1, executor=executor,
                   on_failure=lambda run, error: failures.append((run.rule_name, str(error))), **SMALL)
    assert failures == [("Breaking", "as it was made to")]
    assert [row["rule"] for row in rows] == ["bp", "bp", "fa", "fa"]


def exceptions_of_the_package():
    found = set()
    for module in pkgutil.walk_packages(feedbackalign.__path__, "feedbackalign."):
        if not module.name.endswith("__main__"):
            found |= {kind for kind in vars(importlib.import_module(module.name)).values()
                      if isinstance(kind, type) and issubclass(kind, Exception)
                      and kind.__module__.startswith("feedbackalign")}
    return sorted(found, key=lambda kind: kind.__name__)


def test_every_exception_of_the_package_survives_the_way_from_a_worker():
    kinds = exceptions_of_the_package()
    assert {"DivergedError", "CheckpointError", "FolderInUseError", "UserFileError", "DataError"} <= {
        kind.__name__ for kind in kinds}
    for kind in kinds:
        error = kind("what happened")
        copy = pickle.loads(pickle.dumps(error))
        assert type(copy) is kind and str(copy) == "what happened" and vars(copy) == vars(error)


# ------------------------------------------------------------------------------------------------------------ workers

RULE = """
from feedbackalign.rules import ErrorSendingRule

class Mine(ErrorSendingRule):
    def send_back(self, layer, error):
        return layer.transport(error, layer.weight)

class MyError(Exception):
    pass

class Broken(Mine):
    def gradients(self, x, targets):
        raise MyError("in a file")
"""


@pytest.fixture
def rule_file(tmp_path):
    path = tmp_path / "spawned_rule.py"
    path.write_text(RULE)
    return path


@pytest.mark.slow
def test_spawned_workers_give_the_same_numbers_as_this_process(rule_file):
    chosen = ["bp", "pfa", "wm", Upward, f"{rule_file}:Mine"]
    here = without_times(compare(chosen, seeds=2, **SMALL))
    for jobs in (2, 1):
        with workers(jobs, threads=int(os.environ["OPENBLAS_NUM_THREADS"])) as executor:        # as conftest set it
            assert without_times(compare(chosen, seeds=2, executor=executor, **SMALL)) == here


@pytest.mark.slow
def test_what_fails_in_a_worker_is_raised_here(rule_file):
    for rule, settings, name, message in [
            (Breaking, {}, "ZeroDivisionError", "as it was made to"),
            (f"{rule_file}:Broken", {}, "MyError", "in a file"),
            ("fa", {"lr": 1e20, "epochs": 5}, DivergedError.__name__, "fa: the loss became")]:
        with workers(1) as executor, pytest.raises(Exception, match=message) as caught:
            compare([rule], seeds=1, executor=executor, **{**SMALL, **settings})
        assert type(caught.value).__name__ == name


@pytest.mark.slow
def test_workers_tell_how_far_they_are():
    news = []
    with workers(1, tell=lambda *told: news.append(told)) as executor:
        rows = compare(["bp"], seeds=[5], executor=executor, **SMALL)
    assert {run for run, _ in news} == {Run("bp", seed=5, **SMALL)}
    assert [item for _, item in news if "steps" not in item] == rows


def test_workers_find_files_and_modules_where_their_parent_does(tmp_path, monkeypatch):
    (tmp_path / "here.py").write_text("def there():\n    return 5")
    monkeypatch.chdir(tmp_path)                         # later than Python started, as in a notebook
    monkeypatch.syspath_prepend("")
    with workers(1) as executor:
        assert os.path.samefile(executor.submit(os.getcwd).result(), tmp_path)
        assert executor.submit(importlib.import_module("here").there).result() == 5


@pytest.mark.slow
def test_workers_end_with_the_block_that_failed():
    children = set(multiprocessing.active_children())
    with pytest.raises(KeyError), workers(1) as executor:
        executor.submit(os.getpid).result()
        mine = set(multiprocessing.active_children()) - children
        assert mine
        raise KeyError
    assert not any(child.is_alive() for child in mine)


def test_few_steps_and_every_row_are_told(monkeypatch):
    told = []
    clock = iter(np.arange(1000) * worker.NEWS_EVERY / 4)
    monkeypatch.setattr(worker, "_tell", lambda *news: told.append(news))
    monkeypatch.setattr(worker.time, "monotonic", lambda: next(clock))
    rows = worker.do_run(Run("bp", seed=3, **{**SMALL, "batch_size": 20}))
    steps = [news for _, news in told if "steps" in news]
    assert [news for _, news in told if "steps" not in news] == rows
    assert 0 < len(steps) <= steps[0]["steps"] / 2
