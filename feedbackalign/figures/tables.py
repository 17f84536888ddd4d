"""The table of a comparison as text: how every rule ended, layer by layer where there are few, ranges where many.

Pure functions from plain rows to strings; the commands print them.
"""

import itertools
import statistics

from feedbackalign.figures.small_print import short
from feedbackalign.runs.groups import grouped, rule_of, without_failures
from feedbackalign.runs.rows import rows_by_run, silent_layer, synapses

WIDTH = 120                         # columns of the widest line
GAP = "  "
SETTLED = 5                         # last epochs over which angles and norm ratios are averaged: one alone may jump
PARALLEL = 1e-6                     # degrees: an angle below, in every epoch and seed, is shown as 0*
MANY = 8                            # layers: of more, ranges are shown
OPTIMISTIC = "chosen by test accuracy, so optimistic"


def comparison_table(rows):
    """How every rule ended, mean over its seeds, as an aligned table with its legend.

    Accuracy or loss after the last epoch; angles and norm ratios also as means over the last five, for one seed's
    last epoch can lie 20 degrees beside the one before.

    Parameters
    ----------
    rows : list of dict
        As `compare` returns them; all epochs, which tell what is 0 throughout.

    Returns
    -------
    str
        Lines of at most 120 columns; further tables below where the layers do not fit into one. Of more than eight
        layers, their median and range.

    Examples
    --------
    >>> row = {"rule": "fa", "seed": 0, "epoch": 1, "test_accuracy": 0.9, "test_loss": 0.3, "reference": "backprop",
    ...        "update_angle": {"fc1.weight": 0.0}, "backprop_angle": {"fc1.weight": 0.0},
    ...        "weight_angle": {"fc1": 80.0}, "norm_ratio": {"fc1": 1.0}, "seconds_per_step": 0.0004}
    >>> print("\\n".join(comparison_table([row]).splitlines()[:3]))
                           angle to backprop  path/weight angle  norm ratio
    rule  test accuracy %                fc1               fc1'        fc1'  ms/step
    fa               90.0                 0*               80.0        1.00     0.40
    """
    columns, legend, failed = compared(rows)
    tables = [lay_out(part) for part in fitting(columns)] if columns[0].cells else [[]]
    tables[:1] = [tables[0] + [f"{rule}{GAP}{words}" for rule, words in failed.items()]]
    return "\n\n".join("\n".join(lines) for lines in [*tables, legend] if lines)


def compared(rows):
    """-> (columns, lines of the legend, {group of which no run went well: words})."""
    rows, lost = without_failures(grouped(rows))
    by_rule = {}
    for row in rows:
        by_rule.setdefault(row["rule"], []).append(row)
    failed = {rule: words for rule, words in lost.items() if rule not in by_rule}
    if not rows:
        return [Column("", "rule", []), Column("", "test accuracy %", [])], [], failed
    layers = list(dict.fromkeys(name for row in rows for name in by_layer(row.get("update_angle"))))
    columns = _columns(rows, by_rule, layers, bool(set(lost) & set(by_rule)))
    return columns, _legend(rows, by_rule, layers, columns), failed


def _columns(rows, by_rule, layers, some_failed):
    per_layer = _layer_columns if len(layers) <= MANY else _range_column
    lowest, below_top = silent_layer(rows), layers[:-1] if len(layers) > MANY else layers
    columns = [Column("", "rule", list(by_rule))]
    seeds = [len(last_rows(group)) for group in by_rule.values()]
    if len(set(seeds)) > 1 or some_failed:
        columns.append(Column("", "seeds", list(map(str, seeds))))
    columns += [_accuracy(by_rule, part) for part in ("validation", "test") if part == "test" or validated(rows)]
    if any(row.get("backprop_angle") for row in rows):
        columns += per_layer(by_rule, below_top, "angle to backprop", "backprop_angle", degrees)
    if any(reference_of(row) != "backprop" for row in rows):
        columns.append(Column("", "own reference", [", ".join(sorted(set(map(reference_of, last_rows(group)))))
                                                    for group in by_rule.values()]))
        columns += per_layer(by_rule, below_top, "angle to own reference", "update_angle", degrees)
    paths = [angle for row in rows for angle in by_layer(row.get("weight_angle")).values()]
    if any(angle is None or angle > PARALLEL for angle in paths):
        columns += per_layer(by_rule, layers, "path/weight angle", "weight_angle", degrees, lowest)
        columns += per_layer(by_rule, layers, "norm ratio", "norm_ratio", ratio, lowest)
    if any(row.get("seconds_per_step") for row in rows):
        columns.append(Column("", "ms/step", [_milliseconds(group) for group in by_rule.values()]))
    factors = [group[-1].get("learning_rate_factor", 1.0) for group in by_rule.values()]
    if any(factor != 1.0 for factor in factors):
        columns.append(Column("", "lr x", ["own step" if factor is None else f"{factor:g}" for factor in factors]))
    return columns


def validated(rows):
    """Whether the record holds how well the validation split is told apart."""
    return any("validation_loss" in row for row in rows)


class Column:
    """A group of columns it belongs to ("" for none), its own heading, and its cells."""

    def __init__(self, group, heading, cells):
        self.group, self.heading, self.cells = group, heading, cells
        self.width = max(map(len, [heading, *cells]))


def lay_out(columns):
    """Columns as aligned lines: groups, headings, cells. The first column is set left, the others right."""
    groups = []                                                         # [(group, its columns)]
    for column in columns:
        if groups and column.group and groups[-1][0] == column.group:
            groups[-1][1].append(column)
        else:
            groups.append((column.group, [column]))
    top, lines = [], [[] for _ in range(1 + len(columns[0].cells))]
    for index, (group, members) in enumerate(groups):
        while _width(members) < len(group):                             # room for a group's long name
            for column in members:
                column.width += 1
        top.append(group.center(_width(members)))
        for column in members:
            for line, cell in zip(lines, [column.heading, *column.cells], strict=True):
                line.append(cell.ljust(column.width) if index == 0 else cell.rjust(column.width))
    texts = [GAP.join(top), *(GAP.join(line) for line in lines)]
    return [text.rstrip() for text in texts if text.strip()]


def _width(columns):
    return sum(column.width for column in columns) + len(GAP) * (len(columns) - 1)


def fitting(columns):
    """Lists of columns, each no wider than WIDTH; every one starts with the first column, which names the rows.

    A group stays together where it fits into one table at all.
    """
    first, *rest = columns
    groups = [list(members) for _, members in itertools.groupby(rest, key=lambda c: c.group or c.heading)]
    tables = [[first]]
    for group in groups:
        if _width_with_names([*tables[-1], *group]) > WIDTH and len(tables[-1]) > 1:
            tables.append([first])
        for column in group:
            if _width_with_names([*tables[-1], column]) > WIDTH:
                tables.append([first])
            tables[-1].append(column)
    return tables


def _width_with_names(columns):
    """How wide these become, a long name over a narrow group included."""
    width = _width(columns)
    for name in {column.group for column in columns} - {""}:
        members = [column for column in columns if column.group == name]
        missing = max(0, len(name) - _width(members))
        width += -(-missing // len(members)) * len(members)             # each of them is widened alike
    return width


def by_layer(measure):
    """{"fc1.weight": a, "fc1.bias": b, "flow1.Q": c} -> {"fc1": a}; {"fc1": a} and None pass through."""
    measure = measure or {}
    return {name.removesuffix(".weight"): measure[name] for name in synapses(measure) or measure}


def reference_of(row):
    return row.get("reference", "backprop")


def last_rows(group):
    """The rows of the last epoch of every seed."""
    return list({row.get("seed"): row for row in sorted(group, key=lambda row: row["epoch"])}.values())


def settled(group):
    """The last trained epochs of every seed, SETTLED of them or all there are: one list of rows per seed."""
    by_seed = [rows for seeds in rows_by_run(group).values() for rows in seeds.values()]
    return [([row for row in rows if row["epoch"] > 0] or rows)[-SETTLED:] for rows in by_seed]


def _accuracy(by_rule, part):
    """The accuracy on this part of the data; in a regression the loss."""
    is_classification = any(row.get("test_accuracy") is not None for group in by_rule.values() for row in group)
    key, scale, digits = (f"{part}_accuracy", 100, 1) if is_classification else (f"{part}_loss", 1, 4)
    cells = []
    for group in by_rule.values():
        values = [scale * row[key] for row in last_rows(group) if row.get(key) is not None]
        if not values:
            cells.append("-")
        elif len(values) == 1:
            cells.append(f"{values[0]:.{digits}f}")
        else:
            cells.append(f"{statistics.fmean(values):.{digits}f} ± {statistics.stdev(values):.{digits}f}")
    return Column("", f"{part} accuracy %" if is_classification else f"{part} loss", cells)


def _layer_columns(by_rule, layers, group_name, key, show, lowest=None):
    """One column per layer; `lowest` names the layer that is marked, for its feedback carries no error."""
    columns = []
    for layer in layers:
        cells = []
        for group in by_rule.values():
            means = _means(group, key, layer)
            is_zero = show is degrees and _is_zero(group, key, layer)
            cells.append("-" if not means else "0*" if is_zero else show(statistics.fmean(means)))
        columns.append(Column(group_name, layer + "'" * (layer == lowest), cells))
    return columns


def _range_column(by_rule, layers, group_name, key, show, lowest=None):
    """One column for all layers."""
    cells = []
    for group in by_rule.values():
        is_zero = show is degrees and all(_is_zero(group, key, layer) for layer in layers)
        cells.append("0*" if is_zero else
                     in_a_range([mean for layer in layers for mean in _means(group, key, layer)], show))
    return [Column("", group_name, cells)]


def _means(group, key, layer):
    """A measure's means over the last epochs, one per seed that holds it."""
    known = [[by_layer(row.get(key)).get(layer) for row in rows] for rows in settled(group)]
    known = [[value for value in values if value is not None] for values in known]
    return [statistics.fmean(values) for values in known if values]


def _is_zero(group, key, layer):
    every = [by_layer(row.get(key)).get(layer) for row in group]
    return all(value is not None and abs(value) < PARALLEL for value in every)


def in_a_range(numbers, show):
    """Median, lowest and highest of some numbers; "-" of none.

    >>> in_a_range([20.0, 30.0, 90.0], degrees), in_a_range([1.0, 1.001], ratio), in_a_range([], ratio)
    ('30.0 (20.0-90.0)', '1.00', '-')
    """
    if not numbers:
        return "-"
    low, middle, high = show(min(numbers)), show(statistics.median(numbers)), show(max(numbers))
    return middle if low == high else f"{middle} ({low}-{high})"


def degrees(angle):
    return f"{angle:.1f}"


def ratio(number):
    return f"{number:.2f}" if number < 100 else f"{number:.0f}"


def _milliseconds(group):
    times = [row["seconds_per_step"] for row in group if row.get("seconds_per_step")]
    return f"{1000 * statistics.median(times):.2f}" if times else "-"


def _legend(rows, by_rule, layers, columns):
    words = [word for column in columns for word in (column.group, column.heading, *column.cells)]
    text, silent = "\n".join(words), silent_layer(rows)
    seeds = len({row.get("seed") for row in rows})
    epochs = max(row["epoch"] for row in rows)
    averaged = max(len(rows) for group in by_rule.values() for rows in settled(group))
    over = f"the {epochs} epochs" if averaged == epochs else f"the last {averaged} epochs"
    lines = [f"After {epochs} epoch{'s' * (epochs != 1)}, {'one seed' if seeds == 1 else f'mean over {seeds} seeds'}"
             + (" (± standard deviation)" if "±" in text else "")
             + (f"; angles and norm ratios also over {over}." if averaged > 1 else "."),
             "Angles in degrees" + ("; ms/step: median over epochs." if "ms/step" in text else ".")]
    if len(layers) > MANY:
        lines.append(f"Angles and norm ratios: median of {len(layers)} layers{' and seeds' * (seeds > 1)} "
                     "(lowest-highest); angles of updates without the top layer's.")
    references = sorted(set(map(reference_of, rows)))
    if "angle to backprop" in text:
        lines.append("angle to backprop: between the rule's gradient of W and backprop's, on one probe batch, "
                     "before momentum and decay.")
    if "own reference" in text:
        lines.append(f"own reference: what the rule claims to approach, {', '.join(references)}.")
    if "path/weight angle" in text:
        lines.append("path/weight angle: between W and what carries the error in its place; "
                     "norm ratio: that one's norm over W's.")
    if "0*" in text:
        lines.append(f"0*  below {short(PARALLEL)} degrees in every epoch and seed: the same direction, "
                     "for any lengths.")
    if "-" in words:
        lines.append("-   the rule has none, or nothing that an angle could be taken of.")
    if silent and f"{silent}'" in text:
        lines.append(f"{silent}'  the feedback of the lowest layer carries no error: no layer is below.")
    if "lr x" in text:
        lines.append("lr x  what the rule multiplies the common learning rate with; own step: it takes none.")
    if len({rule_of(rule) for rule in by_rule}) < len(by_rule) and not validated(rows):
        lines.append(f"The best row of a rule is {OPTIMISTIC}; see --validation.")
    return lines + [line for rule, group in by_rule.items() for line in _not_settled(rule, last_rows(group))]


def _not_settled(rule, ends):
    """Of a rule that waits for a network to settle: how often in the last epoch it did not, in a line or none.

    >>> _not_settled("dfc", [{"seed": 0, "converged": 0.25, "residual": 0.003, "diverged": 0.0}])
    ['dfc: in the last epoch 25 % of the samples settled with most of the error gone; on average within 0.003 of ...']
    >>> _not_settled("ep", [{"seed": 0, "free_not_settled": 0.0, "nudged_not_settled": 0.5}])
    ['ep: in the last epoch 0 % of the free and 50 % of the nudged phases did not settle.']
    >>> _not_settled("bp", [{"seed": 0}])
    []
    """
    def mean(key):
        return statistics.fmean(row[key] for row in ends)

    if all(key in row for row in ends for key in ("converged", "residual")):
        return [f"{rule}: in the last epoch {mean('converged'):.0%} of the samples settled with most of the error "
                f"gone; on average within {mean('residual'):.2g} of their steady state.".replace("%", " %")]
    if all(f"{phase}_not_settled" in row for row in ends for phase in ("free", "nudged")):
        return [f"{rule}: in the last epoch {mean('free_not_settled'):.0%} of the free and "
                f"{mean('nudged_not_settled'):.0%} of the nudged phases did not settle.".replace("%", " %")]
    return []
