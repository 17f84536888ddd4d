"""Which rows may share a line: those of runs that differ in nothing but the seed.

    group       rows of equal `settings`, without seed, epochs and data_dir: one line in a figure, one row in a table
    label       what a group is called: its rule, and what differs among the groups of that rule ("pfa, expansion 2")

Rows of version 0.2 and older hold no settings; what they do say takes their place, with the learning rate of epoch 0,
for milestones change it later. A row without a seed belongs to one call of `train`, and every call is a group of its
own.
"""

import json

from feedbackalign.rules import TABLE
from feedbackalign.runs.rows import NothingToShow, check_rows

NOT_COMPARED = ("seed", "epochs", "data_dir")
TIMES = ("seconds", "seconds_per_step", "threads")          # what may differ between two equal runs
OLD = ("model", "data", "shuffled_labels", "activation", "init", "augment", "decay", "options")
ONE_FOR_ALL = ("data", "data_sha256", "shuffled_labels", "model", "hidden", "network")


class TooManyGroups(NothingToShow):
    """More groups of one rule than a figure can tell apart by their dashes."""


class Label(str):
    """What a group is called; `rule` is the rule's own name, `place` counts the groups of that rule from 0.

    `beside` are the rules of the record that are not in the table: no two of them shall have one colour.

    >>> label = Label("pfa, expansion 2", "pfa", 1)
    >>> label, label.rule, label.place
    ('pfa, expansion 2', 'pfa', 1)
    """

    def __new__(cls, text, rule, place, beside=()):
        label = super().__new__(cls, text)
        label.rule, label.place, label.beside = rule, place, beside
        return label

    def __reduce__(self):
        return Label, (str(self), self.rule, self.place, self.beside)


def rule_of(label):
    """The rule behind a label; a rule's own name passes through."""
    return getattr(label, "rule", label)


def grouped(rows, most=None):
    """The rows, each with its group's `Label` in the place of the rule; equal rows of one group count once.

    Parameters
    ----------
    rows : list of dict
        Of `training.train`, `compare` or `training.read_record`.
    most : int, optional
        Groups of one rule that a figure can tell apart.

    Raises
    ------
    ValueError
        For rows of several data sets or networks, naming what differs, and for two rows of one group, seed and epoch
        that are not equal.
    TooManyGroups
        For more than `most` groups of one rule.

    >>> import feedbackalign as fa
    >>> rows = fa.compare(["bp"], seeds=1, epochs=1, lr=0.01) + fa.compare(["bp"], seeds=1, epochs=1, lr=0.1)
    >>> list(dict.fromkeys(row["rule"] for row in grouped(rows)))
    ['bp, lr 0.01', 'bp, lr 0.1']
    """
    rows = check_rows(rows)
    settings = settings_of_rows(rows)
    _refuse_mixtures(settings)
    keys = [json.dumps(found, sort_keys=True) for found in settings]
    labels = _labels(dict(zip(keys, settings)), most)
    seen, kept = {}, []
    for row, key in zip(rows, keys):
        run = key, row.get("seed"), row["epoch"]
        if run in seen:
            _refuse_other_numbers(labels[key], seen[run], row)
            continue
        seen[run] = row
        kept.append({**row, "rule": labels[key]})
    return kept


def without_failures(rows):
    """Rows of runs that went well, and what failed: -> rows, {label: "diverged, epoch 1, fc2 (2 of 3 seeds)"}.

    >>> without_failures([{"rule": "fa", "seed": 0, "epoch": 1, "failed": "diverged, epoch 1, fc2"}])
    ([], {'fa': 'diverged, epoch 1, fc2 (1 of 1 seeds)'})
    """
    seeds, lost = {}, {}
    for row in rows:
        seeds.setdefault(row["rule"], set()).add(row.get("seed"))
        if row.get("failed"):
            lost.setdefault(row["rule"], []).append(row["failed"])
    words = {rule: f"{found[0]} ({len(found)} of {len(seeds[rule])} seeds)" for rule, found in lost.items()}
    return [row for row in rows if not row.get("failed")], words


def settings_of_rows(rows):
    """Of every row the settings that decide its group, flat: {"rule": "pfa", "lr": 0.01, "expansion": 2, …}."""
    found, rates, calls = [], {}, {}
    for row in rows:
        if row.get("settings"):
            settings = {key: value for key, value in row["settings"].items() if key not in NOT_COMPARED}
            settings |= settings.pop("options", None) or {}
            _name_contents(settings)
        else:
            settings = {key: row[key] for key in OLD if row.get(key) is not None}
            run = json.dumps([row["rule"], settings, row.get("seed")])
            if row["epoch"] == 0:
                rates[run] = row.get("lr")
            settings["lr"] = rates.get(run)
        settings["rule"] = row["rule"]
        if row.get("seed") is None:                         # a call of `train` begins where the epochs do
            call = json.dumps(settings, sort_keys=True)
            number, last = calls.get(call, (1, -1))
            calls[call] = (number + (row["epoch"] <= last), row["epoch"])
            settings["call"] = calls[call][0]
        found.append(settings)
    return found


def differing(settings):
    """Names of the settings that differ between runs of one rule; `settings` as `settings_of_rows` gives them.

    >>> differing([{"rule": "fa", "lr": 0.1}, {"rule": "fa", "lr": 1.0}, {"rule": "pfa", "lr": 1.0, "expansion": 2}])
    ['lr']
    """
    of_rule = {}
    for found in settings:
        of_rule.setdefault(rule_of(found["rule"]), []).append(found)
    names = {name: None for groups in of_rule.values() for found in groups for name in found
             if name not in ("rule", "call")}
    return [name for name in names if any(len({json.dumps(found.get(name), sort_keys=True) for found in groups}) > 1
                                          for groups in of_rule.values())]


def _name_contents(settings):
    """`sha256` of what is the user's own, by name, as that of the data and, in short, that of the code."""
    sums, data = settings.pop("sha256", None) or {}, settings.get("data")
    of_data = [name for name in (data, f"data {data}") if name in sums]
    if of_data:
        settings["data_sha256"] = sums[of_data[0]]
    if code := {name: total and total[:6] for name, total in sums.items() if name not in of_data}:
        settings["code"] = code


def _refuse_mixtures(settings):
    for key in ONE_FOR_ALL:
        values = {json.dumps(found[key]): found[key] for found in settings if key in found}
        if len(values) > 1:
            raise ValueError(f"rows: of several data sets or networks ({key.replace('_', ' ')} "
                             f"{' and '.join(in_words(value) for value in values.values())}), which no figure or table "
                             f"compares; choose the rows of one")


def _refuse_other_numbers(label, first, second):
    differ = [key for key in first.keys() | second.keys()
              if key not in (*TIMES, "settings") and first.get(key) != second.get(key)]
    if differ:
        key = sorted(differ)[0]
        raise ValueError(f"rows: {label}, seed {first.get('seed')}, epoch {first['epoch']} stands there twice, with "
                         f"other numbers ({key}: {first.get(key)} and {second.get(key)})")


def _labels(groups, most):
    """{key: Label} of these groups, {key: settings}, in the order in which they appear."""
    of_rule = {}
    for key, settings in groups.items():
        of_rule.setdefault(settings["rule"], []).append(key)
    labels, beside = {}, tuple(rule for rule in of_rule if rule not in TABLE)
    for rule, keys in of_rule.items():
        if most is not None and len(keys) > most:
            raise TooManyGroups(f"{rule}: {len(keys)} groups of other settings, and a figure tells at most {most} of "
                                f"one rule apart; choose some of the rows")
        names = list(dict.fromkeys(name for key in keys for name in groups[key]))
        differing = [name for name in names
                     if len({json.dumps(groups[key].get(name), sort_keys=True) for key in keys}) > 1]
        for place, key in enumerate(keys):
            given = [name for name in differing if groups[key].get(name) is not None] or differing
            words = [f"{name.replace('_', ' ')} {in_words(groups[key].get(name))}" for name in given]
            labels[key] = Label(", ".join([rule, *words]), rule, place, beside)
    return labels


def in_words(value):
    """
    >>> in_words(0.01), in_words([64, 32]), in_words({"fc1": 0.0}), in_words(None)
    ('0.01', '64-32', 'fc1 0', 'by itself')
    """
    if value is None:
        return "by itself"
    if isinstance(value, dict):
        return " ".join(f"{key} {in_words(entry)}" for key, entry in value.items())
    if isinstance(value, (list, tuple)):
        return "-".join(map(in_words, value)) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)
