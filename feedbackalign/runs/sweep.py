"""Several runs: every rule from the same starts on the same batches, in any executor.

A task is one small `Run`; it is sent to a worker and its rows come back. `executor=` takes any
`concurrent.futures.Executor`: that of `workers.workers(jobs, threads=…)`, or a cluster's. Without one the runs are done
here, one after the other. Results are the same bytes in every case.
"""

import concurrent.futures
import dataclasses
import itertools
import json

import numpy as np

from feedbackalign.rules import find, options_of
from feedbackalign.runs import own
from feedbackalign.runs.finished import FinishedRuns
from feedbackalign.runs.groups import grouped
from feedbackalign.runs.items import split_item, split_list
from feedbackalign.runs.run import Run
from feedbackalign.runs.worker import do_run
from feedbackalign.runs.workers import Workers
from feedbackalign.training.checkpoints import CheckpointError
from feedbackalign.training.loop import check_last_batch
from feedbackalign.training.record import DivergedError
from feedbackalign.training.rows import Rows
from feedbackalign.training.threads import one_thread_unless_told
from feedbackalign.validation import (describe, require_dict, require_function, require_instance, require_integer,
                                      require_known, require_list, require_seed)

MOST_SEEDS = 10_000                 # a larger number was meant as one seed, not as a count
SWEPT = ("lr", "batch_size")        # settings of which there may be several


def compare(rules, *, seeds=3, executor=None, options=None, progress=None, on_failure=None, finished=None, **settings):
    """Train once per rule, setting and seed, and gather all rows.

    Parameters
    ----------
    rules : sequence of str or class
        Names of the table, "my_rule.py:MyRule", or classes; with options of its own "pfa:expansion=2", see `items`.
    seeds : int or sequence of int
        3 stands for 0, 1, 2.
    executor : concurrent.futures.Executor, optional
        Where the runs are done; here, one after the other, if None.
    options : dict, optional
        {option: value}; each goes to those of the rules that take it, and have no other value of their own.
    progress, on_failure, finished
        As for `do_runs`.
    **settings
        Any other field of `Run`: model, data, epochs, decay …; of `lr` and `batch_size` there may be a list, and every
        rule is trained with each, but for lr those that take a step of their own.

    Returns
    -------
    list of dict
        One row per rule, setting, seed and epoch, in this order. Printed, the list is a short table.

    >>> rows = compare(["bp", "fa"], seeds=1, epochs=1)
    >>> [(row["rule"], row["epoch"]) for row in rows]
    [('bp', 0), ('bp', 1), ('fa', 0), ('fa', 1)]
    >>> rows = compare(["pfa", "pfa:expansion=2"], seeds=1, epochs=0, lr=[0.01, 0.1])
    >>> [(row["expansion"], row["lr"]) for row in rows]
    [(10, 0.01), (10, 0.1), (2, 0.01), (2, 0.1)]
    """
    runs = plan(rules, seeds=seeds, options=options, **settings)
    groups = do_runs(runs, executor=executor, progress=progress, on_failure=on_failure, finished=finished)
    return Rows(row for group in groups for row in group)


def do_runs(runs, *, executor=None, progress=None, on_failure=None, finished=None):
    """Do a list of runs, each by itself: -> a list of rows for every run, in the order of the runs.

    Parameters
    ----------
    runs : sequence of Run
    executor : concurrent.futures.Executor, optional
        As for `compare`.
    progress : callable, optional
        Called with every row as it comes, or with a finished run's rows where an executor does the runs.
    on_failure : callable, optional
        Called with (run, error) where a run in an executor fails; it has no rows, and the others go on. Without it
        the first failure ends the sweep and is raised.
    finished : finished.FinishedRuns, optional
        Runs that it holds are taken from there; the others are kept there as they finish. So a sweep that was stopped
        does only what is left when it is called again.

    >>> [len(rows) for rows in do_runs([Run("bp", epochs=1), Run("fa", epochs=2)])]
    [2, 3]
    """
    runs = require_list(runs, "runs", lambda run, what: require_instance(run, Run, what), least=0)
    for function, what in ((progress, "progress"), (on_failure, "on_failure")):
        if function is not None:
            require_function(function, what)
    if executor is not None and (isinstance(executor, type) or not callable(getattr(executor, "submit", None))):
        raise TypeError(f"executor: expected a concurrent.futures.Executor, made, got {describe(executor)}")
    if not (finished is None or hasattr(finished, "rows") and hasattr(finished, "keep")):
        require_instance(finished, FinishedRuns, "finished")
    if isinstance(executor, Workers):
        for run in runs:
            own.require_importable(run)
    rows_of = {} if finished is None else {place: finished.rows(run) for place, run in enumerate(runs)}
    rows_of = {place: rows for place, rows in rows_of.items() if rows is not None}
    left = [place for place in range(len(runs)) if place not in rows_of]

    def folder_of(run):
        return None if finished is None else finished.under_way(run)

    def done(place, rows):
        rows_of[place] = rows
        if finished is not None:
            finished.keep(runs[place], rows)

    if executor is None:
        with one_thread_unless_told():
            for place in left:
                done(place, go_on(runs[place], folder_of(runs[place]), progress))
    else:
        waiting = {executor.submit(go_on, runs[place], folder_of(runs[place])): place for place in left}
        _gather(waiting, runs, done, progress, on_failure)
    return [rows_of.get(place, []) for place in range(len(runs))]


def _gather(waiting, runs, done, progress, on_failure):
    """Take the rows of runs in an executor as they finish; {future: place of its run}."""
    broken = None
    try:
        for future in as_they_finish(waiting):
            error = future.exception()
            if isinstance(error, concurrent.futures.BrokenExecutor):
                broken = error                          # all that have not finished have it, but some may have finished
            elif error is None:
                done(waiting[future], future.result())
                if progress:
                    progress(future.result())
            elif on_failure is None:
                raise error
            else:
                on_failure(runs[waiting[future]], error)
        if broken is not None:
            raise broken
    except BaseException:
        for future in waiting:
            future.cancel()
        raise


def failed_row(run, error):
    """What stands in a record in the place of a run that failed: its settings, and how it ended in a few words.

    >>> row = failed_row(Run("fa", seed=1), ValueError("no such file"))
    >>> row["rule"], row["seed"], row["failed"]
    ('fa', 1, 'ValueError')
    """
    epoch, layer = getattr(error, "epoch", None), getattr(error, "layer", None)
    words = "diverged" if isinstance(error, DivergedError) else type(error).__name__
    words += "" if epoch is None else f", epoch {epoch}"
    return {"rule": run.rule_name, "seed": run.seed, "epoch": epoch or 0,
            "model": run.model_name, "data": run.data_name,
            "failed": words + (f", {layer}" if layer else ""), "settings": run.settings()}


def as_they_finish(futures):
    """Futures in the order they finish. It looks twice a second, for Windows cannot interrupt an endless wait."""
    pending = set(futures)
    while pending:
        done, pending = concurrent.futures.wait(pending, timeout=0.5, return_when=concurrent.futures.FIRST_COMPLETED)
        yield from done


def plan(rules, *, seeds=3, options=None, **settings):
    """The runs of a comparison, as a list of `Run`; everything is checked here, before any work."""
    if isinstance(seeds, (int, np.integer)) and not isinstance(seeds, bool):
        seeds = range(require_integer(seeds, "seeds", low=1, high=MOST_SEEDS))
    require_settings(settings)
    items = require_list(_items_of(rules) if isinstance(rules, str) else rules, "rules")
    seeds = require_list(seeds, "seeds", lambda seed, what: require_seed(seed))
    options = {} if options is None else require_dict(options, "options")
    if len(set(seeds)) < len(seeds):
        raise ValueError(f"seeds: expected every seed once, got {', '.join(map(str, seeds))}")
    items = [split_item(item) for item in items]
    for option in options:
        if not any(option in options_of(rule) for rule, _ in items):
            raise ValueError(f"option {option!r}: none of the rules {', '.join(str(rule) for rule, _ in items)} takes "
                             "it")
    lists = {field: _as_list(settings.pop(field), field) for field in SWEPT if field in settings}
    runs, kinds, planned = [], {}, set()
    for rule, chosen in items:
        chosen = {option: value for option, value in options.items() if option in options_of(rule)} | chosen
        mine = lists | {"lr": lists["lr"][:1]} if "lr" in lists and find(rule).own_step else lists
        for values in itertools.product(*mine.values()):
            first = Run(rule, seed=seeds[0], options=tuple(chosen.items()), **settings, **dict(zip(mine, values)))
            if kinds.setdefault(first.rule_name, find(rule)) is not find(rule):
                raise ValueError(f"compare: expected rules of different names, got two of the name {first.rule_name}")
            run = json.dumps(first.settings(), sort_keys=True, default=str)
            if run in planned:
                raise ValueError("compare: expected every rule once with the same settings, got "
                                 f"{first.rule_name} twice")
            planned.add(run)
            runs += [first, *(first.with_seed(seed) for seed in seeds[1:])]
    return runs


def require_settings(settings):
    """Refuse a setting of no run, and say which one was probably meant.

    >>> require_settings({"epoch": 1})
    Traceback (most recent call last):
    ...
    ValueError: unknown setting 'epoch': did you mean 'epochs'? Known: seeds, ...
    """
    known = [field.name for field in dataclasses.fields(Run) if field.name not in ("rule", "seed", "options")]
    for name in settings:
        require_known(name, ["seeds", *known], "setting")


def _items_of(text):
    try:
        return split_list(text)
    except ValueError as error:
        raise ValueError(f"rules: {error}") from error


def _as_list(values, field):
    """One value or several -> a list of them."""
    values = values.tolist() if isinstance(values, np.ndarray) and values.ndim else values
    if not isinstance(values, (list, tuple)):
        return [values]
    if not values:
        raise ValueError(f"{field}: expected at least one, got none")
    return list(values)


def in_numbers(runs):
    """How many runs these are, and of what.

    >>> in_numbers(plan(["bp", "fa"], seeds=2, lr=[0.01, 0.1]))
    '8 runs: 4 settings (2 rules) × 2 seeds'
    >>> in_numbers(plan(["bp"], seeds=1))
    '1 run: 1 rule × 1 seed'
    """
    def counted(number, what):
        return f"{number} {what}{'s' * (number != 1)}"

    seeds, rules = len({run.seed for run in runs}), len({run.rule_name for run in runs})
    settings, rules = len(runs) // seeds, counted(rules, "rule")
    what = rules if rules == counted(settings, "rule") else f"{settings} settings ({rules})"
    return f"{counted(len(runs), 'run')}: {what} × {counted(seeds, 'seed')}"


def settings_of(runs):
    """The settings of a comparison, for its record: those of its first run, all rules and seeds, and lists of SWEPT.

    >>> settings = settings_of(plan(["bp", "fa"], seeds=2, lr=[0.01, 0.1]))
    >>> settings["rules"], settings["seeds"], settings["lr"], settings["batch_size"]
    (['bp', 'fa'], [0, 1], [0.01, 0.1], 32)
    """
    settings = runs[0].settings() | {"rules": list(dict.fromkeys(run.rule_name for run in runs)),
                                     "seeds": sorted({run.seed for run in runs})}
    for field in SWEPT:
        values = []
        for run in runs:
            if getattr(run, field) not in values:
                values.append(getattr(run, field))
        settings[field] = values if len(values) > 1 else settings[field]
    del settings["rule"], settings["seed"]
    return settings


def labels(runs):
    """What tables and figures call the runs: the rule, and what differs among its settings.

    >>> labels(plan(["bp", "pfa", "pfa:expansion=2"], seeds=1))
    ['bp', 'pfa, expansion 10', 'pfa, expansion 2']
    """
    return [row["rule"] for row in grouped([{"rule": run.rule_name, "seed": run.seed, "epoch": 0,
                                             "settings": run.settings()} for run in runs])]


def rehearse(runs):
    """Build the data, the network and every rule once: what cannot work is refused before any run starts."""
    rule, data, _, _ = runs[0].build()
    for size in {run.batch_size: None for run in runs}:
        size = require_integer(size, "batch size", low=1, high=len(data.train))
        check_last_batch(rule.network, len(data.train), size)
    made = {}                                           # {(rule, its options): the rule on the network}
    for run in runs:
        which = run.rule_name, repr(run.options)
        if which not in made:
            made[which] = run.make_rule(rule.network, np.random.default_rng(0))
        run.decay_at(made[which])


def go_on(run, folder=None, progress=None):
    """`do_run` from the checkpoint in a folder; from the beginning where there is none, or only a damaged one."""
    if folder is None:
        return do_run(run, progress)
    try:
        return do_run(run, progress, folder=folder, resume=True)
    except CheckpointError:
        return do_run(run, progress, folder=folder)
