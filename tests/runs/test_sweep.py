"""Several runs at once: planned before any work, the same rows in any executor, ended when their parent is."""

import concurrent.futures
import os
import subprocess
import sys
import time

import numpy as np
import pytest

from feedbackalign.figures.experiments.topology import topology_rows
from feedbackalign.rules import TABLE, FeedbackAlignment
from feedbackalign.runs import sweep, workers
from feedbackalign.training.threads import THREAD_VARIABLES
from tests.rules.tools import family_of

TIMES = ("seconds", "seconds_per_step", "threads")                      # threads: what the environment says
TINY = {"seeds": 2, "epochs": 1, "hidden": (8,)}


def timeless(rows):
    return [{key: value for key, value in row.items() if key not in TIMES} for row in rows]


class Failing(FeedbackAlignment):
    """Cannot send anything."""

    def send_back(self, layer, error):
        raise ArithmeticError("no way down")


def test_rows_and_their_order_are_the_same_in_any_executor():
    here, told = sweep.compare(["fa", "wm"], **TINY), []
    with concurrent.futures.ThreadPoolExecutor(2) as foreign:
        there = sweep.compare(["fa", "wm"], executor=foreign, progress=told.append, **TINY)
    with workers.workers(2) as ours:
        spawned = sweep.compare(["fa", "wm"], executor=ours, **TINY)
    assert timeless(here) == timeless(there) == timeless(spawned)
    assert {row["threads"] for row in spawned} == {1}
    assert sorted((rows[0]["rule"], rows[0]["seed"]) for rows in told) == [("fa", 0), ("fa", 1), ("wm", 0), ("wm", 1)]


def test_a_failure_is_raised_or_handed_over():
    with concurrent.futures.ThreadPoolExecutor(1) as executor:
        with pytest.raises(ArithmeticError, match="no way down"):
            sweep.compare([Failing, "bp"], executor=executor, **TINY)
        failed = []
        rows = sweep.compare([Failing, "bp"], executor=executor, **TINY,
                                  on_failure=lambda run, error: failed.append((run.seed, str(error))))
    assert sorted(failed) == [(0, "no way down"), (1, "no way down")]
    assert {row["rule"] for row in rows} == {"bp"}


def test_options_go_to_the_rules_that_take_them():
    runs = sweep.plan(["bp", "fa", "pfa"], seeds=1, options={"density": 0.5, "expansion": 3})
    assert [dict(run.options) for run in runs] == [{}, {"density": 0.5}, {"density": 0.5, "expansion": 3}]


def test_an_option_of_an_item_wins_over_the_one_for_all():
    runs = sweep.plan(["pfa", "pfa:expansion=2", "fa:density=0.25"], seeds=1, options={"density": 0.5, "expansion": 3})
    assert [dict(run.options) for run in runs] == [{"density": 0.5, "expansion": 3}, {"density": 0.5, "expansion": 2},
                                                   {"density": 0.25}]


def test_lists_are_crossed_but_a_rule_with_its_own_step_has_one_rate():
    runs = sweep.plan("bp,gnt", seeds=2, lr=[0.1, 0.01], batch_size=np.array([16, 32]))
    assert [(run.rule_name, run.lr, run.batch_size, run.seed) for run in runs[:4]] == \
        [("bp", 0.1, 16, 0), ("bp", 0.1, 16, 1), ("bp", 0.1, 32, 0), ("bp", 0.1, 32, 1)]
    assert sweep.in_numbers(runs) == "16 runs: 8 settings (2 rules) × 2 seeds"

    class OwnStep(FeedbackAlignment):
        own_step = True
    runs = sweep.plan(["bp", OwnStep], seeds=1, lr=[0.1, 0.01], batch_size=[16, 32])
    assert [(run.rule_name, run.lr, run.batch_size) for run in runs[4:]] == [("OwnStep", 0.1, 16), ("OwnStep", 0.1, 32)]


def test_rows_come_rule_by_rule_setting_by_setting_seed_by_seed():
    rows = sweep.compare(["fa", "pfa:expansion=2"], **TINY, lr=[0.1, 0.01])
    assert [(row["rule"], row["lr"], row["seed"]) for row in rows if row["epoch"]] == \
        [(rule, lr, seed) for rule in ("fa", "pfa") for lr in (0.1, 0.01) for seed in (0, 1)]


@pytest.mark.parametrize("rules, more, told", [
    (["pfa", "pfa:expansion=10"], {}, "same settings, got pfa twice"), (["bp"], {"lr": [0.1, 0.1]}, "got bp twice"),
    ("bp,bp:density=1", {}, "'density'"), (["pfa:expansion=2:expansion=3"], {}, "expansion twice"),
    (["bp"], {"lr": []}, "lr: expected at least one"), (["bp"], {"batch_size": [16, 0]}, "batch size"),
    ([FeedbackAlignment, type("FeedbackAlignment", (Failing,), {})], {}, "two of the name FeedbackAlignment"),
    ([], {}, "rules: expected at least 1"),
    (["bp"], {"seeds": []}, "seeds: expected at least 1"), (["bp"], {"seeds": [1, 1]}, "every seed once"),
    (["bp", "bp"], {}, "bp twice"), (["bp"], {"options": {"sigma": 1}}, "none of the rules"),
    (["bp"], {"seeds": 10**9}, "at most 10000"), (["pfo"], {}, "did you mean")])
def test_a_plan_is_checked_before_any_work(rules, more, told):
    with pytest.raises(ValueError, match=told):
        sweep.plan(rules, **more)


def test_a_setting_of_no_run_is_named_with_the_one_that_was_meant():
    for wrong, meant in (("epoch", "epochs"), ("seed", "seeds"), ("batchsize", "batch_size")):
        for call in (sweep.compare, sweep.plan):
            with pytest.raises(ValueError, match=f"^unknown setting '{wrong}': did you mean '{meant}'"):
                call(["bp"], **{wrong: 1})
    with pytest.raises(ValueError, match="unknown setting 'epoch'"):
        topology_rows(seeds=1, epoch=1)


def test_a_rehearsal_builds_every_rule_and_refuses_what_cannot_work():
    sweep.rehearse(sweep.plan([name for name in TABLE if family_of(name) == "any"], seeds=1))
    sweep.rehearse(sweep.plan([name for name in TABLE if family_of(name) in ("any", "dense", "settling")], seeds=1,
                              model="settling"))
    with pytest.raises(ValueError, match="density"):
        sweep.rehearse(sweep.plan(["bp", "fa"], options={"density": 7}))
    with pytest.raises(ValueError, match="batch size"):
        sweep.rehearse(sweep.plan(["bp"], batch_size=[32, 10**6]))
    with pytest.raises(ValueError, match="expansion"):
        sweep.rehearse(sweep.plan(["pfa:expansion=2", "pfa:expansion=0"]))


@pytest.mark.parametrize("names", [["bp", "ep"], ["ep", "bp"], ["hep-homeo"]])
@pytest.mark.parametrize("model", ["mlp", "digits-conv"])
def test_a_network_that_cannot_settle_is_refused_with_the_model_that_can(names, model):
    with pytest.raises(ValueError, match=f"rule (ep|hep-homeo) on model {model}: \\w+ cannot settle.*--model settling"):
        sweep.rehearse(sweep.plan(names, model=model))
    with pytest.raises(ValueError, match="cannot settle") as refused:
        sweep.rehearse(sweep.plan(names, model="settling", activation="relu"))
    assert "--model" not in str(refused.value)


def test_workers_have_their_threads_and_leave_the_environment_as_it_was():
    before = dict(os.environ)
    with workers.workers(1, threads=3) as executor:
        assert [executor.submit(os.getenv, name).result() for name in THREAD_VARIABLES] == ["3"] * len(THREAD_VARIABLES)
    assert dict(os.environ) == before


@pytest.mark.parametrize("wrong", [{"jobs": 0}, {"jobs": 1, "threads": 0}, {"jobs": 1.5}])
def test_wrong_numbers_of_workers_are_refused(wrong):
    with pytest.raises((ValueError, TypeError), match="jobs|threads"):
        with workers.workers(**wrong):
            pass


def test_leaving_the_block_by_an_exception_ends_what_goes_on():
    with pytest.raises(KeyboardInterrupt):
        with workers.workers(1) as executor:
            executor.submit(time.sleep, 10_000)                         # the test would not end
            raise KeyboardInterrupt


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is POSIX")
def test_workers_end_when_their_parent_is_killed(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(f"import sys, time\nsys.path[:] = {sys.path!r}\n"
                      "from feedbackalign.runs.workers import workers\n"
                      "if __name__ == '__main__':\n"
                      "    with workers(1) as executor:\n"
                      "        executor.submit(print, 'alive', flush=True).result()\n"
                      "        executor.submit(time.sleep, 10_000).result()\n")
    parent = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert parent.stdout.readline() == b"alive\n"                       # the worker holds the other end of this pipe
    parent.kill()
    assert parent.stdout.read() == b""                                  # so this returns only when it has ended too
    parent.wait()
    parent.stdout.close()
