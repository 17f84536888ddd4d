"""From the rows of a record to curves: per rule and epoch the mean over seeds, the lowest and the highest.

What a row does not know (a key that is missing, or None) is left out of the mean; where no seed knows it, the curve has
a gap.
"""

import math
import typing

from feedbackalign.validation import describe

ZERO = 1e-6                 # degrees: an angle below is one between two equal arrays

# What the short names of the rules stand for.
NAMES = {
    "bp": "backprop", "fa": "feedback alignment", "dfa": "direct feedback alignment",
    "drtp": "direct random target projection", "usf": "signs of W",
    "brsf": "signs, batchwise random", "frsf": "signs, fixed random", "kp": "Kolen-Pollack",
    "wm": "weight mirror", "pfa": "product feedback alignment", "pfa-o": "B orthogonal",
    "pfa-i": "B the identity", "wp": "weight perturbation", "np": "node perturbation",
    "ep": "equilibrium propagation", "ep-vf": "ep, vector field", "hep": "holomorphic ep",
    "hep-homeo": "hep, Jacobian homeostasis",
    "dfc": "deep feedback control", "dfc-ss": "dfc, last state", "dfc-ssa": "dfc, steady state solved",
    "tp": "target propagation", "dtp": "difference tp", "dtp-drl": "difference tp, difference reconstruction",
    "ddtp-linear": "direct difference tp", "ddtp-rhl": "direct difference tp, hidden layer",
    "ddtp-control": "direct difference tp, control", "gnt": "Gauss-Newton targets",
}


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


def synapses(parameters):
    """The names of the weights of dense and convolutional layers, out of parameters' names, in their order.

    Batch normalisation has a `weight` too, one factor a channel: no synapse.

    >>> synapses(["conv1.weight", "bn1.weight", "bn1.bias", "fc1.weight", "fc1.bias"])
    ['conv1.weight', 'fc1.weight']
    """
    return [name for name in parameters if name.endswith(".weight") and not name.split(".")[-2].startswith("bn")]


def choose(layers, most):
    """At most `most` of the layers, evenly spread, the lowest and the top one always among them.

    >>> choose(["conv1", "conv2", "conv3", "conv4", "fc1"], 3)
    ['conv1', 'conv3', 'fc1']
    """
    if len(layers) <= most:
        return list(layers)
    return [layers[round(place * (len(layers) - 1) / (most - 1))] for place in range(most)]


def runs(rows):
    """The rows of each run, from the first epoch to the last: {rule: {seed: rows}}.

    >>> runs([{"rule": "fa", "seed": 1, "epoch": 1}, {"rule": "fa", "seed": 1, "epoch": 0}])
    {'fa': {1: [{'rule': 'fa', 'seed': 1, 'epoch': 0}, {'rule': 'fa', 'seed': 1, 'epoch': 1}]}}
    """
    found = {}
    for row in sorted(rows, key=lambda row: row["epoch"]):
        found.setdefault(row["rule"], {}).setdefault(row.get("seed"), []).append(row)
    order = dict.fromkeys(row["rule"] for row in rows)
    return {rule: found[rule] for rule in order}


def decay_in_words(rows, drop_step=None):
    """Each rule's weight decay in training, rules that share one named together; "" where the rows do not know it.

    Parameters
    ----------
    rows : list of dict
        With `weight_decay` as it was in the last step of their epoch. A strong phase that ended within the first epoch
        shows in none of these: `decay_at_start`, where the rows have it, tells.
    drop_step : int, optional
        The step in which a decay that changed did so.

    Examples
    --------
    >>> rows = [{"rule": "fa", "epoch": 1, "weight_decay": 1e-4}, {"rule": "pfa", "epoch": 1, "weight_decay": 0.03},
    ...         {"rule": "pfa", "epoch": 2, "weight_decay": 9e-5}]
    >>> decay_in_words(rows)
    '0.03 at first, then 9e-5 for pfa; 1e-4 for fa'
    >>> decay_in_words(rows[1:], drop_step=934)
    '0.03 until step 934, then 9e-5'
    """
    rules_by_decay = {}                                         # {((first, last), …): rules}
    for rule, seeds in runs(rows).items():
        decays = {_first_and_last_decay(group) for group in seeds.values()} - {None}
        if decays:
            rules_by_decay.setdefault(tuple(sorted(decays)), []).append(rule)
    by_number = sorted(rules_by_decay.items(), key=lambda pair: (len(pair[1]), [-first for first, _ in pair[0]]))
    words = [" or ".join(_change_in_words(*decay, drop_step) for decay in decays) for decays, _ in by_number]
    if len(words) < 2:
        return "".join(words)
    who = [", ".join(rules) for _, rules in by_number]
    if len(by_number[-1][1]) > 2:
        who[-1] = "all others"
    return "; ".join(f"{decay} for {rules}" for decay, rules in zip(words, who))


def _first_and_last_decay(group):
    """Of one run's rows in the order of epochs, or None; row 0 is measured before the optimiser has a decay."""
    known = [row["weight_decay"] for row in group
             if row["epoch"] > 0 and isinstance(row.get("weight_decay"), (int, float))]
    if not known:
        return None
    return group[0].get("decay_at_start", known[0]), known[-1]


def _change_in_words(first, last, step):
    if first == last:
        return short(last)
    return f"{short(first)} {'at first' if step is None else f'until step {step}'}, then {short(last)}"


def short(number):
    """
    >>> short(0.03), short(1e-4), short(9.000000001e-05), short(0)
    ('0.03', '1e-4', '9e-5', '0')
    """
    if number == 0 or abs(number) >= 1e-3:
        return f"{number:g}"
    digits, exponent = f"{number:.2e}".split("e")
    return f"{float(digits):g}e{int(exponent)}"


def spelled_out(rules):
    """The rules whose names are known, with these; what fa is, is said once.

    >>> spelled_out(["fa", "pfa", "mine"])
    ['fa: feedback alignment', 'pfa: product fa']
    """
    words = [f"{rule}: {NAMES[rule]}" for rule in rules if rule in NAMES]
    if "fa" not in rules:
        return words
    return [word if word.startswith("fa:") else word.replace(NAMES["fa"], "fa") for word in words]


def fill(words, width, gap="   ·   "):
    """Small print in lines: as many of the words side by side as fit into so many letters.

    >>> fill(["one", "two", "three"], 12, gap=", ")
    'one, two\\nthree'
    """
    lines = []
    for word in words:
        if lines and len(lines[-1]) + len(gap) + len(word) <= width:
            lines[-1] += gap + word
        else:
            lines.append(word)
    return "\n".join(lines)


def told_about(rows, groups, with_decay=True):
    """The small print that every figure carries: the task, and what lines and bands are.

    `groups` are the dicts of curves that were drawn; `with_decay` names the setting, which `decay_in_words` explains.
    """
    runs = {curve.runs for group in groups for curve in group.values()}
    if runs == {1}:
        words = ["one seed, so no bands"]
    else:
        seeds = f"{min(runs)}" if len(runs) == 1 else f"{min(runs)} to {max(runs)}"
        words = [f"lines: mean over {seeds} seeds; bands: lowest to highest seed"]
    task = [str(rows[0][key]) for key in ("model", "data") if rows[0].get(key)]
    if with_decay and rows[0].get("decay") is not None:
        task.append(f"decay {rows[0]['decay']}")
    return [", ".join(task), *words] if task else words
