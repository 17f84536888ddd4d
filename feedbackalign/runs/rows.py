"""From the rows of a record to curves: for each rule and epoch the mean over seeds, the lowest and the highest.

Where a row does not hold a value (the key is missing, or it is None), that seed is left out of the mean. Where no seed
holds it, the curve has a gap. The rest of this file picks names, layers and runs out of rows.
"""

import math
import typing

from feedbackalign.validation import describe, require_dict, require_list


class NothingToShow(ValueError):
    """The record holds nothing that this figure could draw."""


class Curve(typing.NamedTuple):
    """One rule over time: lists of one length, nan where no seed holds a value."""

    epochs: list
    mean: list
    low: list
    high: list
    seeds: int              # how many hold a value, at the epoch that most of them hold


def check_rows(rows):
    """Refuse what is not a list of rows with a rule and an epoch; return it as a list."""
    rows = list(rows) if isinstance(rows, (list, tuple)) else rows
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise TypeError(f"rows: expected the rows of a record, a list of dicts, got {describe(rows)}")
    if not rows:
        raise NothingToShow("rows: expected at least one row of a record, got none")
    for place, row in enumerate(rows):
        if not isinstance(row.get("rule"), str) or not isinstance(row.get("epoch"), int):
            raise ValueError(f"rows[{place}]: expected a row with a rule and an epoch, got keys {', '.join(row)}")
    return rows


def require_measured(rows, keys, source):
    """Refuse anything but rows that an experiment has measured, a list of dicts with these keys; return it as a list.

    >>> require_measured([{"rule": "fa"}], ["rule", "beta"], "nudge_bias_rows")
    Traceback (most recent call last):
    ...
    ValueError: rows: expected those of nudge_bias_rows, got {'rule': 'fa'}
    """
    rows = require_list(rows, "rows", require_dict, least=0)
    if not rows:
        raise NothingToShow(f"rows: expected at least one row of {source}, got none")
    for row in rows:
        if not set(keys) <= row.keys():
            raise ValueError(f"rows: expected those of {source}, got {describe(row)}")
    return rows


def mean_curves(rows, value):
    """One curve per rule, in the order in which the rules appear.

    Parameters
    ----------
    rows : list of dict
    value : callable
        row -> number, or None where the row does not hold it.

    Returns
    -------
    dict
        {rule: Curve}; a rule is left out if none of its rows holds the value.

    >>> rows = [{"rule": "fa", "seed": seed, "epoch": 0, "test_loss": 2.0 + seed} for seed in (0, 1)]
    >>> mean_curves(rows, lambda row: row["test_loss"])
    {'fa': Curve(epochs=[0], mean=[2.5], low=[2.0], high=[3.0], seeds=2)}
    """
    found = {}                                                      # {rule: {epoch: numbers}}
    for row in rows:
        numbers = found.setdefault(row["rule"], {}).setdefault(row["epoch"], [])
        number = value(row)
        if number is not None and math.isfinite(number):
            numbers.append(float(number))
    return {rule: _curve(by_epoch) for rule, by_epoch in found.items() if any(by_epoch.values())}


def _curve(by_epoch):
    epochs = sorted(by_epoch)
    known = [by_epoch[epoch] for epoch in epochs]
    return Curve(epochs,
                 [math.fsum(numbers) / len(numbers) if numbers else math.nan for numbers in known],
                 [min(numbers, default=math.nan) for numbers in known],
                 [max(numbers, default=math.nan) for numbers in known],
                 max(len(numbers) for numbers in known))


def mean_at_end(curve):
    """The mean at the last epoch that has one."""
    return next(mean for mean in curve.mean[::-1] if mean == mean)


def entry(key, name):
    """A function that reads one entry of a dict in a row, or None: entry("weight_angle", "fc1").

    >>> entry("weight_angle", "fc1")({"weight_angle": {"fc1": 80.0}})
    80.0
    """
    return lambda row: (row.get(key) or {}).get(name)


def accuracy_percent(row):
    """The row's test accuracy in percent, or None."""
    return None if row.get("test_accuracy") is None else 100 * row["test_accuracy"]


def names_in(rows, key):
    """The names in the dict `key` of the rows, in the order in which they first appear: bottom to top."""
    return list(dict.fromkeys(name for row in rows for name in (row.get(key) or {})))


def synapses(parameters):
    """Of the names of parameters those of the weights of dense and convolutional layers, in their order.

    The `weight` of a batch normalisation is one factor per channel, so it is left out.

    >>> synapses(["conv1.weight", "bn1.weight", "bn1.bias", "fc1.weight", "fc1.bias"])
    ['conv1.weight', 'fc1.weight']
    """
    return [name for name in parameters if name.endswith(".weight") and not name.split(".")[-2].startswith("bn")]


def silent_layer(rows):
    """The layer whose feedback carries no error: the lowest, unless a layer below it has parameters; else None.

    >>> silent_layer([{"update_angle": {"fc1.weight": 60.0, "fc1.bias": 60.0}}])
    'fc1'
    >>> silent_layer([{"update_angle": {"bn1.weight": 60.0, "fc1.weight": 60.0}}])
    """
    lowest = names_in(rows, "update_angle")[:1]
    return synapses(lowest)[0].rpartition(".")[0] if synapses(lowest) else None


def evenly_chosen(items, most):
    """At most `most` of the items (layers, epochs), evenly spread, the first and the last always among them.

    >>> evenly_chosen(["conv1", "conv2", "conv3", "conv4", "fc1"], 3)
    ['conv1', 'conv3', 'fc1']
    """
    if len(items) <= most:
        return list(items)
    return [items[round(place * (len(items) - 1) / (most - 1))] for place in range(most)]


def rows_by_run(rows):
    """The rows of each run, from the first epoch to the last: {rule: {seed: rows}}.

    >>> rows_by_run([{"rule": "fa", "seed": 1, "epoch": 1}, {"rule": "fa", "seed": 1, "epoch": 0}])
    {'fa': {1: [{'rule': 'fa', 'seed': 1, 'epoch': 0}, {'rule': 'fa', 'seed': 1, 'epoch': 1}]}}
    """
    found = {row["rule"]: {} for row in rows}
    for row in sorted(rows, key=lambda row: row["epoch"]):
        found[row["rule"]].setdefault(row.get("seed"), []).append(row)
    return found
