"""Several runs at once: every rule from the same starts on the same batches, in any executor.

A task is one small `Run`; it is sent to a worker and its rows come back. `executor=` takes any
`concurrent.futures.Executor`: none at all (here, one after the other), `workers(jobs, threads)` (spawned processes, each
with its BLAS threads fixed before NumPy loads, so that results are the same bytes whatever their number or order), or a
cluster's.
"""

import concurrent.futures
import contextlib
import multiprocessing
import os
import platform
import sys

import numpy as np

from feedbackalign.checks import require_integer
from feedbackalign.rules import options_of
from feedbackalign.runs import THREAD_VARIABLES, Run, find_rule
from feedbackalign.version import __version__

_progress_queue = None              # in a worker of `workers`: where it tells how far it is


def compare(rules, *, seeds=3, executor=None, options=None, progress=None, **settings):
    """Train once per rule and seed, and gather all rows.

    Parameters
    ----------
    rules : sequence of str or class
        Names of the table, "my_rule.py:MyRule", or classes.
    seeds : int or sequence of int
        3 stands for 0, 1, 2.
    executor : concurrent.futures.Executor, optional
        Where the runs are done; here, one after the other, if None.
    options : dict, optional
        {option: value}; each goes to those of the rules that take it.
    progress : callable, optional
        Called with every row as it comes, or with a finished run's rows where an executor does the runs.
    **settings
        Any other field of `Run`: model, data, epochs, batch_size, lr, decay …

    Returns
    -------
    list of dict
        One row per rule, seed and epoch, in this order whatever the order of the runs.

    Examples
    --------
    >>> rows = compare(["bp", "fa"], seeds=1, epochs=1)
    >>> [(row["rule"], row["epoch"]) for row in rows]
    [('bp', 0), ('bp', 1), ('fa', 0), ('fa', 1)]
    """
    runs = plan(rules, seeds=seeds, options=options, **settings)
    if executor is None:
        return [row for run in runs for row in do_run(run, progress)]
    waiting = {executor.submit(do_run, run): run for run in runs}
    try:
        for finished in concurrent.futures.as_completed(waiting):
            rows = finished.result()
            if progress:
                progress(rows)
    except BaseException:
        for future in waiting:
            future.cancel()
        raise
    return [row for future in waiting for row in future.result()]


def plan(rules, *, seeds=3, options=None, **settings):
    """The runs of a comparison, as a list of `Run`; everything is checked here, before any work."""
    if isinstance(seeds, (int, np.integer)) and not isinstance(seeds, bool):
        seeds = range(require_integer(seeds, "seeds", low=1))
    rules, seeds, options = list(rules), list(seeds), dict(options or {})
    if not rules or not seeds:
        raise ValueError(f"compare: expected at least one rule and one seed, got rules {rules}, seeds {seeds}")
    taken = {option for rule in rules for option in options_of(find_rule(rule))}
    for option in options:
        if option not in taken:
            raise ValueError(f"option {option!r}: none of the rules {', '.join(map(str, rules))} takes it")
    runs = []
    for rule in rules:
        own = tuple((option, value) for option, value in options.items() if option in options_of(find_rule(rule)))
        runs += [Run(rule, seed=seed, options=own, **settings) for seed in seeds]
    names = [run.rule_name for run in runs]
    if len(set(names)) < len(set(map(str, rules))) or len(rules) > len(set(names)):
        raise ValueError(f"compare: expected rules of different names, got {', '.join(map(str, rules))}")
    return runs


def do_run(run, progress=None):
    """One run from start to end: -> its rows."""
    if progress is None and _progress_queue is not None:
        def progress(news):
            _progress_queue.put((run.rule_name, run.seed, news))
    return run.rows(progress=progress)


def versions():
    """What the numbers depend on besides the settings."""
    return {"feedbackalign": __version__, "numpy": np.__version__, "python": platform.python_version(),
            "system": platform.system(), "machine": platform.machine()}


# ---------------------------------------------------------------------------------------------- processes of our own

@contextlib.contextmanager
def workers(jobs, *, threads=1, tell=None):
    """Spawned processes as an executor, each with `threads` BLAS threads set before its NumPy loads.

    Parameters
    ----------
    jobs : int
        Processes at a time.
    threads : int
        BLAS threads of each.
    tell : multiprocessing queue, optional
        Gets (rule, seed, news) after every step and epoch of every run.
    """
    require_integer(jobs, "jobs", low=1)
    require_integer(threads, "threads", low=1)
    before = {variable: os.environ.get(variable) for variable in THREAD_VARIABLES}
    os.environ.update({variable: str(threads) for variable in THREAD_VARIABLES})
    try:
        context = multiprocessing.get_context("spawn")
        with concurrent.futures.ProcessPoolExecutor(jobs, mp_context=context, initializer=_start_worker,
                                                    initargs=(tell, sys.path)) as executor:
            yield executor
    finally:
        for variable, value in before.items():
            if value is None:
                os.environ.pop(variable, None)
            else:
                os.environ[variable] = value


def _start_worker(tell, path):
    global _progress_queue
    _progress_queue = tell
    sys.path[:] = path
