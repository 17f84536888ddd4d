"""From the rows of a record to curves: per rule and epoch the mean over seeds, the lowest and the highest.

What a row does not know (a key that is missing, or None) is left out of the mean; where no seed knows it, the curve has
a gap.
"""

import math
import typing

from feedbackalign.checks import describe

ZERO = 1e-6                 # degrees: an angle below is one between two equal arrays


class NothingToShow(ValueError):
    """The record holds nothing that this figure could draw."""


class Curve(typing.NamedTuple):
    """One rule over time; lists of one length, nan where nothing is known."""

    epochs: list
    mean: list
    low: list
    high: list
    runs: int               # seeds at the epoch that most of them know


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


def curves(rows, value):
    """One curve a rule, in the order in which the rules appear.

    Parameters
    ----------
    rows : list of dict
    value : callable
        row -> number, or None where the row does not know it.

    Returns
    -------
    dict
        {rule: Curve}; rules of which no row knows the value are left out.

    Examples
    --------
    >>> rows = [{"rule": "fa", "seed": seed, "epoch": 0, "test_loss": 2.0 + seed} for seed in (0, 1)]
    >>> curves(rows, lambda row: row["test_loss"])
    {'fa': Curve(epochs=[0], mean=[2.5], low=[2.0], high=[3.0], runs=2)}
    """
    found = {}
    for row in rows:
        at = found.setdefault(row["rule"], {}).setdefault(row["epoch"], [])
        number = value(row)
        if number is not None and math.isfinite(number):
            at.append(float(number))
    return {rule: _curve(epochs) for rule, epochs in found.items() if any(epochs.values())}


def _curve(by_epoch):
    epochs = sorted(by_epoch)
    known = [by_epoch[epoch] for epoch in epochs]
    nan = math.nan
    return Curve(epochs,
                 [math.fsum(numbers) / len(numbers) if numbers else nan for numbers in known],
                 [min(numbers, default=nan) for numbers in known],
                 [max(numbers, default=nan) for numbers in known],
                 max(len(numbers) for numbers in known))


def at_end(curve):
    """(low, high) at the last epoch that is known."""
    return next((low, high) for low, high in zip(curve.low[::-1], curve.high[::-1]) if low == low)


def mean_at_end(curve):
    """The mean at the last epoch that is known."""
    return next(mean for mean in curve.mean[::-1] if mean == mean)


def at_start(curve):
    """(low, high) at the first epoch that is known."""
    return next((low, high) for low, high in zip(curve.low, curve.high) if low == low)


def over_seeds_and_time(curves, rule):
    """Does the record hold a band for this rule, over several epochs? Nothing less supports a claim in a title."""
    return rule in curves and curves[rule].runs > 1 and len(curves[rule].epochs) > 1


def entry(key, name):
    """Reads one entry of a row's dict: entry("weight_angle", "fc1") is row -> row["weight_angle"]["fc1"] or None."""
    return lambda row: (row.get(key) or {}).get(name)


def names(rows, key):
    """The names in a row's dict `key`, over all rows, in the order in which they first appear: bottom to top."""
    return list(dict.fromkeys(name for row in rows for name in (row.get(key) or {})))


def choose(layers, most):
    """At most `most` of the layers, evenly spread, the lowest and the top one always among them.

    >>> choose(["conv1", "conv2", "conv3", "conv4", "fc1"], 3)
    ['conv1', 'conv3', 'fc1']
    """
    if len(layers) <= most:
        return list(layers)
    return [layers[round(place * (len(layers) - 1) / (most - 1))] for place in range(most)]


def told_about(rows, groups):
    """The small print that every figure carries: the task, and what lines and bands are.

    `groups` are the dicts of curves that were drawn.
    """
    runs = {curve.runs for group in groups for curve in group.values()}
    if runs == {1}:
        words = ["one seed, so no bands"]
    else:
        seeds = f"{min(runs)}" if len(runs) == 1 else f"{min(runs)} to {max(runs)}"
        words = [f"lines: mean over {seeds} seeds; bands: lowest to highest seed"]
    task = [str(rows[0][key]) for key in ("model", "data") if rows[0].get(key)]
    if rows[0].get("decay") is not None:
        task.append(f"decay {rows[0]['decay']}")
    return [", ".join(task), *words] if task else words
