"""A sweep that was stopped does only what is left, and no finished run is mistaken for another."""

import concurrent.futures
import dataclasses
import json
import textwrap

import pytest

from feedbackalign.rules import FeedbackAlignment as TableRule
from feedbackalign.runs import finished, sweep
from feedbackalign.runs.finished import FinishedRuns, name_of
from feedbackalign.runs.run import Run
from tests.small_runs import Killed, without_times

SMALL = {"hidden": (6,), "epochs": 2, "batch_size": 300}
RULES = ["bp", "pfa", "wm"]


class OwnRule(TableRule):
    """Feedback alignment under another name."""


@pytest.fixture
def done(monkeypatch):
    """The (rule, seed) of every run that is really done, in order; `done.stop_at` ends the sweep before one of them."""
    class Done(list):
        stop_at = None

    started, train = Done(), Run.train

    def counted(run, **where):
        if len(started) == started.stop_at:
            raise Killed
        started.append((run.rule_name, run.seed))
        return train(run, **where)
    monkeypatch.setattr(Run, "train", counted)
    return started


def test_the_second_call_does_only_the_rest_and_gives_the_same_rows(tmp_path, done):
    whole = sweep.compare(RULES, seeds=2, **SMALL)
    done.clear()
    done.stop_at = 1
    with pytest.raises(Killed):
        sweep.compare(RULES, seeds=2, finished=FinishedRuns(tmp_path), **SMALL)
    assert done == [("bp", 0)]
    done.stop_at = None
    again = sweep.compare(RULES, seeds=2, finished=FinishedRuns(tmp_path), **SMALL)
    assert done == [("bp", 0), ("bp", 1), ("pfa", 0), ("pfa", 1), ("wm", 0), ("wm", 1)]
    assert without_times(again) == without_times(whole)
    assert sweep.compare(RULES, seeds=2, finished=FinishedRuns(tmp_path), **SMALL) == again
    assert len(done) == 6


def test_the_same_through_an_executor(tmp_path, done):
    told = []
    with concurrent.futures.ThreadPoolExecutor(1) as executor:
        one = sweep.compare(["fa"], seeds=1, executor=executor, finished=FinishedRuns(tmp_path), **SMALL)
        both = sweep.compare(["bp", "fa"], seeds=1, executor=executor, finished=FinishedRuns(tmp_path),
                                  progress=told.append, **SMALL)
    assert done == [("fa", 0), ("bp", 0)]
    assert both[len(one):] == one and told == [both[:len(one)]]             # only what is done now is news


def test_a_failed_run_is_not_kept_and_the_others_are(tmp_path, done):
    def refuse(run, **where):
        raise ArithmeticError("as it was made to")
    run = Run("fa", **SMALL)
    with concurrent.futures.ThreadPoolExecutor(1) as executor, pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "train", refuse)
        groups = sweep.do_runs([run], executor=executor, finished=FinishedRuns(tmp_path),
                                  on_failure=lambda run, error: None)
    assert groups == [[]] and FinishedRuns(tmp_path).rows(run) is None


@pytest.mark.parametrize("change", [
    {"seed": 1}, {"rule": "pfa-o"}, {"lr": 0.02}, {"epochs": 3}, {"data": "mnist1d"}, {"hidden": (7,)},
    {"options": (("expansion", 3),)}, {"decay": "equal"}, {"data_dir": "elsewhere"}, {"lr_milestones": (1,)},
    {"persistence": True}])
def test_other_settings_are_another_run(change):
    run = Run("pfa", **SMALL)
    assert name_of(dataclasses.replace(run, **change)) != name_of(run) == name_of(Run("pfa", **SMALL))


@pytest.mark.parametrize("what", ["ROWS_FORMAT", "__version__"])
def test_another_version_is_another_run(tmp_path, monkeypatch, what):
    run = Run("bp", **SMALL)
    FinishedRuns(tmp_path).keep(run, run.train())
    monkeypatch.setattr(finished, what, 99)
    assert FinishedRuns(tmp_path).rows(run) is None


def test_a_changed_rule_file_is_another_rule(tmp_path):
    file = tmp_path / "mine_to_change.py"

    def write(docstring):
        file.write_text(textwrap.dedent(f'''
            from feedbackalign.rules import FeedbackAlignment

            class Mine(FeedbackAlignment):
                """{docstring}"""
        '''))
    write("One thing.")
    run = Run(f"{file}:Mine", **SMALL)
    before = name_of(run)
    assert before == name_of(run) != name_of(Run("fa", **SMALL))
    write("Another thing.")
    assert name_of(run) != before


def test_a_class_is_known_by_its_file_and_done_again_without_one(tmp_path, done):
    assert name_of(Run(OwnRule, **SMALL)) is not None
    assert name_of(Run(TableRule, **SMALL)) is not None
    namespace = {"TableRule": TableRule, "__name__": "__nowhere__"}
    exec("class Typed(TableRule):\n    pass", namespace)
    run = Run(namespace["Typed"], **SMALL)
    kept = FinishedRuns(tmp_path, checkpoints=True)
    assert name_of(run) is None and kept.under_way(run) is None
    first, second = sweep.do_runs([run], finished=kept), sweep.do_runs([run], finished=kept)
    assert without_times(first[0]) == without_times(second[0]) and len(done) == 2
    assert list(tmp_path.iterdir()) == []


def cut(text):
    return text[:len(text) // 2]


def one_number(text):
    kept = json.loads(text)
    kept["rows"][-1]["test_accuracy"] += 0.01
    return json.dumps(kept)


def fewer_rows(text):
    kept = json.loads(text)
    kept["rows"].pop()
    kept["rows_sha256"] = finished.sum_of(kept["rows"])
    return json.dumps(kept)


def other_settings(text):
    kept = json.loads(text)
    kept["decided_by"]["settings"]["lr"] = 7.0
    return json.dumps(kept)


@pytest.mark.parametrize("damage", [cut, one_number, fewer_rows, other_settings, lambda text: "", lambda text: "[]",
                                    lambda text: '{"rows": []}'])
def test_a_damaged_file_is_done_again_and_said_in_a_line(tmp_path, done, damage):
    run, said = Run("bp", seed=4, **SMALL), []
    rows, = sweep.do_runs([run], finished=FinishedRuns(tmp_path))
    file, = tmp_path.glob("*.json")
    file.write_text(damage(file.read_text()))
    again, = sweep.do_runs([run], finished=FinishedRuns(tmp_path, say=said.append))
    assert without_times(again) == without_times(rows) and len(done) == 2
    assert len(said) == 1 and "\n" not in said[0] and file.name in said[0] and "bp seed 4 is done again" in said[0]
    assert FinishedRuns(tmp_path).rows(run) == again


def test_fresh_takes_nothing_over_and_keeps_what_it_does(tmp_path, done):
    run = Run("bp", **SMALL)
    sweep.do_runs([run], finished=FinishedRuns(tmp_path))
    sweep.do_runs([run], finished=FinishedRuns(tmp_path, fresh=True))
    assert len(done) == 2
    sweep.do_runs([run], finished=FinishedRuns(tmp_path))
    assert len(done) == 2


def stopped_after_epoch(run, epoch, kept):
    def progress(news):
        if "steps" not in news and news["epoch"] == epoch:
            raise Killed
    with pytest.raises(Killed):
        sweep.do_runs([run], progress=progress, finished=kept)


def test_a_run_goes_on_from_its_checkpoint_where_those_are_wanted(tmp_path):
    run, kept, steps = Run("pfa", **{**SMALL, "epochs": 3}), FinishedRuns(tmp_path, checkpoints=True), []
    whole = run.train()
    stopped_after_epoch(run, 2, kept)
    rows, = sweep.do_runs([run], progress=steps.append, finished=kept)
    assert without_times(rows) == without_times(whole)
    assert {news["epoch"] for news in steps if "steps" in news} == {3}
    assert [path.suffix for path in tmp_path.iterdir()] == [".json"]        # the checkpoint is needed no longer


@pytest.mark.parametrize("fresh, damaged", [(True, False), (False, True)])
def test_a_fresh_or_damaged_checkpoint_starts_from_the_beginning(tmp_path, fresh, damaged):
    run, steps = Run("pfa", **SMALL), []
    stopped_after_epoch(run, 1, FinishedRuns(tmp_path, checkpoints=True))
    if damaged:
        file, = tmp_path.glob("*/checkpoint.npz")
        file.write_bytes(file.read_bytes()[:100])
    rows, = sweep.do_runs([run], progress=steps.append, finished=FinishedRuns(tmp_path, checkpoints=True,
                                                                                 fresh=fresh))
    assert without_times(rows) == without_times(run.train())
    assert {news["epoch"] for news in steps if "steps" in news} == {1, 2}
