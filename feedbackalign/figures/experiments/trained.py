"""Experiments that train: from the runs that are planned at a scale to rows that carry the labels of their run.

Such an experiment is a file with a table SCALES, a `planned_runs(scale)` that makes runs of one of its columns, a
function that does them, and a figure that draws their rows. The runs go through `sweep.do_runs`: in any executor,
and continued where they were stopped. Smaller experiments, which train by loops of their own, `collect` their rows.
"""

import itertools
import typing

from feedbackalign.rules import TABLE
from feedbackalign.runs import sweep
from feedbackalign.runs.run import Run
from feedbackalign.training.rows import Rows
from feedbackalign.validation import (require_function, require_integer, require_known, require_list, require_number,
                                      require_seed)

SCALES = ("quick", "laptop", "paper")       # seconds to a few minutes; an hour or so; as published


class Planned(typing.NamedTuple):
    """One run of an experiment, and labels that go into each of its rows: {"density": 0.3}."""

    run: Run
    labels: dict

    @property
    def name(self):
        """What a display calls the run.

        >>> Planned(Run("fa"), {"density": 0.3}).name
        'fa, density 0.3'
        """
        words = [f"{key.replace('_', ' ')} {value}" for key, value in self.labels.items()]
        return ", ".join([self.run.rule_name, *words])


def settings_at(scales, scale):
    """One column of an experiment's table, a copy; ValueError for a scale that it does not have."""
    return dict(scales[require_known(scale, scales, "scale")])


def do(planned, **how):
    """Do the runs: -> their rows in one list; `how` are `sweep.do_runs`'s executor, progress, finished, …

    >>> rows = do([Planned(Run("bp", epochs=1, hidden=(8,) * layers), {"hidden_layers": layers}) for layers in (1, 2)])
    >>> [(row["hidden_layers"], row["epoch"]) for row in rows]
    [(1, 0), (1, 1), (2, 0), (2, 1)]
    """
    planned = list(planned)
    return labelled_rows(planned, sweep.do_runs([each.run for each in planned], **how))


def labelled_rows(planned, groups):
    """The rows of all runs in one list, each with the labels of its run."""
    return Rows({**each.labels, **row} for each, rows in zip(planned, groups, strict=True) for row in rows)


def settings_of(planned):
    """The settings of all runs as one dict: a value where they agree, the list of values where they differ."""
    runs = [each.run.settings() for each in planned]
    common = {}
    for key in runs[0]:
        distinct = []
        for run in runs:
            if run[key] not in distinct:
                distinct.append(run[key])
        common[key] = distinct[0] if len(distinct) == 1 else distinct
    return common


def collect(runs, progress=None):
    """The rows of all runs in one list; `progress`, if given, is called with every row as it comes."""
    if progress is not None:
        require_function(progress, "progress")
    rows = []
    for row in itertools.chain.from_iterable(runs):
        rows.append(row)
        if progress:
            progress(row)
    return rows


def seed_list(seeds):
    """
    >>> list(seed_list(2)), list(seed_list([4, 7]))
    ([0, 1], [4, 7])
    """
    if isinstance(seeds, (list, tuple, range)):
        return require_list(seeds, "seeds", require_seed)
    return list(range(require_integer(seeds, "seeds", low=1)))


def rule_list(rules):
    """Refuse anything but a list of names of rules."""
    return require_list(rules, "rules", lambda rule, what: require_known(rule, TABLE, "rule"))


def count_list(counts, what, least=1):
    """Refuse anything but a list of integers of at least 1."""
    return require_list(counts, what, lambda count, what: require_integer(count, what, low=1), least=least)


def number_list(numbers, what, low_open=True, least=0):
    """Refuse anything but a list of numbers above 0, or at least 0; `least` of them."""
    return require_list(numbers, what, lambda number, what: require_number(number, what, low=0, low_open=low_open),
                        least=least)
