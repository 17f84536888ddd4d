"""A record as one number a line, for pandas, R and all that plots by columns."""

from feedbackalign.runs.groups import differing, in_words, settings_of_rows
from feedbackalign.runs.rows import check_rows, synapses

NOT_MEASURED = ("seed", "epoch", "settings", "options", "threads", "learning_rate_factor", "decay", "decay_at_start",
                "persistence")                              # whose numbers have names of their own


def tidy(rows):
    """Every number of the rows as a flat dict: rule, seed, epoch, the settings that differ, layer, measure, value.

    Parameters
    ----------
    rows : list of dict
        Of `training.train`, `compare` or `training.read_record`.

    Returns
    -------
    list of dict
        All with the same keys. `layer` is None where a measure is of the whole network; the weights of a layer go by
        the layer's name, other parameters by their own. A run that failed has the measure "failed", 1.

    >>> import feedbackalign as fa
    >>> rows = fa.compare(["fa"], seeds=1, epochs=1, lr=[0.01, 0.1])
    >>> [line for line in tidy(rows) if line["measure"] == "backprop_angle" and line["layer"] == "fc4"][1]
    {'rule': 'fa', 'seed': 0, 'epoch': 1, 'lr': 0.01, 'layer': 'fc4', 'measure': 'backprop_angle', 'value': 0.0}

    `pandas.DataFrame(fa.tidy(rows))` is a table of these.
    """
    rows = check_rows(rows)
    settings = settings_of_rows(rows)
    names, lines = differing(settings), []
    for row, found in zip(rows, settings):
        own = {name: _plain(found.get(name)) for name in names}
        lines += [{"rule": row["rule"], "seed": row.get("seed"), "epoch": row["epoch"], **own, "layer": layer,
                   "measure": measure, "value": value} for measure, layer, value in _numbers(row)]
    return lines


def _plain(value):
    """A setting as a number or a word."""
    return value if value is None or isinstance(value, (int, float, str)) else in_words(value)


def _numbers(row):
    """(measure, layer, number) of all that a row measured."""
    if row.get("failed"):
        yield "failed", None, 1
    for key, value in row.items():
        entries = value if isinstance(value, dict) else {None: value}
        weights = synapses(name for name in entries if name)
        for name, number in entries.items() if key not in NOT_MEASURED else ():
            if _is_number(number):
                yield key, name.removesuffix(".weight") if name in weights else name, number
    persistence = row.get("persistence") or {"layers": {}}
    for layer, measures in [*persistence["layers"].items(), (None, persistence)]:
        for name, number in measures.items():
            if _is_number(number):
                yield f"persistence.{name}", layer, number


def _is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)
