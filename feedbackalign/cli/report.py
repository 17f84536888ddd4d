"""What a run has shown, as text: the table of a comparison, the trace of one learning phase, the list of rules.

Pure functions from plain rows to strings; the commands print them.
"""

import itertools
import math
import statistics
import textwrap

from feedbackalign.figures import series

WIDTH = 120                         # columns of the widest line
GAP = "  "
SETTLED = 5                         # last epochs over which angles and norm ratios are averaged: one alone may jump
PARALLEL = 1e-6                     # degrees: an angle below, in every epoch and seed, is shown as 0*


# ------------------------------------------------------------------------------------------------------- comparison

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
        Lines of at most 120 columns; further tables below where the layers do not fit into one.

    Examples
    --------
    >>> row = {"rule": "bp", "seed": 0, "epoch": 1, "test_accuracy": 0.9, "test_loss": 0.3, "reference": "backprop",
    ...        "update_angle": {"fc1.weight": 0.0}, "backprop_angle": {"fc1.weight": 0.0},
    ...        "weight_angle": {"fc1": 0.0}, "norm_ratio": {"fc1": 1.0}, "seconds_per_step": 0.0004}
    >>> print("\\n".join(comparison_table([row]).splitlines()[:3]))
                           angle to backprop  path/weight angle  norm ratio
    rule  test accuracy %                fc1               fc1'        fc1'  ms/step
    bp               90.0                 0*                 0*        1.00     0.40
    """
    by_rule = {}
    for row in rows:
        by_rule.setdefault(row["rule"], []).append(row)
    layers = list(dict.fromkeys(name for row in rows for name in _per_layer(row["update_angle"])))
    lowest = layers[0] if layers else None

    columns = [Column("", "rule", list(by_rule))]
    seeds = [len(_last(group)) for group in by_rule.values()]
    if len(set(seeds)) > 1:                                                 # some runs failed
        columns.append(Column("", "seeds", list(map(str, seeds))))
    columns.append(_accuracy(by_rule))
    if any(row["backprop_angle"] for row in rows):
        columns += _layer_columns(by_rule, layers, "angle to backprop", "backprop_angle", _degrees)
    if any(row["reference"] != "backprop" for row in rows):
        columns.append(Column("", "own reference", [", ".join(sorted({row["reference"] for row in _last(group)}))
                                                    for group in by_rule.values()]))
        columns += _layer_columns(by_rule, layers, "angle to own reference", "update_angle", _degrees)
    if any(_per_layer(row["weight_angle"]) for row in rows):
        columns += _layer_columns(by_rule, layers, "path/weight angle", "weight_angle", _degrees, lowest)
        columns += _layer_columns(by_rule, layers, "norm ratio", "norm_ratio", _ratio, lowest)
    if any(row.get("seconds_per_step") for row in rows):
        columns.append(Column("", "ms/step", [_milliseconds(group) for group in by_rule.values()]))
    if any(row.get("learning_rate_factor", 1.0) != 1.0 for row in rows):
        columns.append(Column("", "lr x", [f"{group[-1].get('learning_rate_factor', 1.0):g}"
                                           for group in by_rule.values()]))
    tables = [lay_out(part) for part in _fitting(columns)]
    return "\n\n".join(["\n".join(table) for table in tables] + ["\n".join(_legend(rows, by_rule, lowest, tables))])


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


def _fitting(columns):
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


def _per_layer(measure):
    """{"fc1.weight": a, "fc1.bias": b} -> {"fc1": a}; {"fc1": a} and None pass through."""
    measure = measure or {}
    return {name.removesuffix(".weight"): value for name, value in measure.items() if not name.endswith(".bias")}


def _last(group):
    """The rows of the last epoch of every seed."""
    return list({row["seed"]: row for row in sorted(group, key=lambda row: row["epoch"])}.values())


def _settled(group):
    """The last trained epochs of every seed, SETTLED of them or all there are: a list of rows a seed."""
    by_seed = [rows for seeds in series.runs(group).values() for rows in seeds.values()]
    return [([row for row in rows if row["epoch"] > 0] or rows)[-SETTLED:] for rows in by_seed]


def _accuracy(by_rule):
    is_classification = any(row["test_accuracy"] is not None for group in by_rule.values() for row in group)
    key, scale, digits = ("test_accuracy", 100, 1) if is_classification else ("test_loss", 1, 4)
    cells = []
    for group in by_rule.values():
        values = [scale * row[key] for row in _last(group) if row[key] is not None]
        if not values:
            cells.append("-")
        elif len(values) == 1:
            cells.append(f"{values[0]:.{digits}f}")
        else:
            cells.append(f"{statistics.fmean(values):.{digits}f} ± {statistics.stdev(values):.{digits}f}")
    return Column("", "test accuracy %" if is_classification else "test loss", cells)


def _layer_columns(by_rule, layers, group_name, key, show, lowest=None):
    """One column a layer; `lowest` is marked, where its feedback feeds nobody."""
    columns = []
    for layer in layers:
        cells = []
        for group in by_rule.values():
            every = [_per_layer(row[key]).get(layer) for row in group]
            known = [[_per_layer(row[key]).get(layer) for row in rows] for rows in _settled(group)]
            known = [[value for value in values if value is not None] for values in known]
            means = [statistics.fmean(values) for values in known if values]        # over epochs, then over seeds
            is_zero = show is _degrees and all(value is not None and abs(value) < PARALLEL for value in every)
            cells.append("-" if not means else "0*" if is_zero else show(statistics.fmean(means)))
        columns.append(Column(group_name, layer + "'" * (layer == lowest), cells))
    return columns


def _degrees(angle):
    return f"{angle:.1f}"


def _ratio(ratio):
    return f"{ratio:.2f}" if ratio < 100 else f"{ratio:.0f}"


def _milliseconds(group):
    times = [row["seconds_per_step"] for row in group if row.get("seconds_per_step")]
    return f"{1000 * statistics.median(times):.2f}" if times else "-"


def _legend(rows, by_rule, lowest, tables):
    text = "\n".join(line for table in tables for line in table)
    seeds = len({row["seed"] for row in rows})
    epochs = max(row["epoch"] for row in rows)
    averaged = max(len(rows) for group in by_rule.values() for rows in _settled(group))
    lines = [f"After {epochs} epoch{'s' * (epochs != 1)}, {'one seed' if seeds == 1 else f'mean over {seeds} seeds'}"
             + (" (± standard deviation)" if "±" in text else "")
             + (f"; angles and norm ratios: mean over the last {averaged} epochs too." if averaged > 1 else "."),
             "Angles in degrees" + ("; ms/step: median over epochs." if "ms/step" in text else ".")]
    references = sorted({row["reference"] for row in rows})
    if "angle to backprop" in text:
        lines.append("angle to backprop: between the rule's gradient of W and backprop's, on one probe batch, "
                     "before momentum and decay.")
    if "own reference" in text:
        lines.append(f"own reference: what the rule claims to approach, {', '.join(references)}.")
    if "path/weight angle" in text:
        lines.append("path/weight angle: between W and what carries the error in its place; "
                     "norm ratio: that one's norm over W's.")
    if "0*" in text:
        lines.append(f"0*  below {series.short(PARALLEL)} degrees in every epoch and seed: the same direction, "
                     "whatever the lengths.")
    if f"{lowest}'" in text:
        lines.append(f"{lowest}'  the lowest layer's feedback learns like the others', but carries no error: "
                     f"nobody is below.")
    if "lr x" in text:
        lines.append("lr x  what the rule multiplies the common learning rate with.")
    return lines


def decay_text(preset, rows, drop_step):
    """What a preset made of each rule's weight decay: lines of at most 120 columns.

    Parameters
    ----------
    preset : str
        "authors" or "equal".
    rows : list of dict
        With `weight_decay`.
    drop_step : int
        The step in which the strong decay ended, where it did.

    Examples
    --------
    >>> rows = [{"rule": rule, "epoch": 1, "weight_decay": decay} for rule, decay in [("fa", 1e-4), ("pfa", 0.03)]]
    >>> print(decay_text("authors", rows, 934))
    decay preset authors: 0.03 for pfa; 1e-4 for fa
    """
    words = series.decay_in_words(rows, drop_step)
    return textwrap.fill(f"decay preset {preset}" + (f": {words}" if words else ""), WIDTH, subsequent_indent="    ",
                         break_on_hyphens=False)


# ------------------------------------------------------------------------------------------------------------ trace

def trace_text(rows):
    """One learning phase, as the rule tells it: layer by layer from the top, or phase by phase.

    Parameters
    ----------
    rows : list of dict
        What `rule.trace` returns.

    Examples
    --------
    >>> print(trace_text([{"phase": "free", "steps": 20, "residual": 1e-9}]))
    phase free   steps 20   residual 1e-09
    """
    return "\n\n".join(_trace_layer(row) if "route" in row and "weight" in row else _trace_phase(row) for row in rows)


def _trace_layer(row):
    numbers = [f"{row['layer']:<6}  input {shape(row['input'])}   W {shape(row['weight'])}   "
               f"output {shape(row['output'])}"]
    numbers.append(f"        error at the output   norm {row['error_norm']:<10.4g} "
                   f"angle to backprop's {angle_text(row['delta_angle'])}")
    numbers.append(f"        update of W           norm {row['update_norm']:<10.4g} "
                   f"angle to backprop's {angle_text(row['update_angle'])}")
    for name, (sizes, norm) in row.get("feedback_updates", {}).items():
        numbers.append(f"        update of {name.split('.')[-1]:<12}norm {norm:<10.4g} {shape(sizes)}")
    numbers.append(f"        sends down            {row['route']}")
    return "\n".join(numbers)


def _trace_phase(row):
    def word(value):
        if isinstance(value, float):
            return f"{value:.4g}"
        return shape(value) if isinstance(value, (tuple, list)) else str(value)
    return "   ".join(f"{key.replace('_', ' ')} {word(value)}" for key, value in row.items())


def angles_text(angles, reference):
    """Per-parameter update angles, a line each, for rules whose trace says nothing.

    >>> print(angles_text({"fc1.weight": 89.5}, "backprop"))
    fc1.weight    update at 89.5° to backprop's
    """
    width = max(map(len, angles), default=0)
    return "\n".join(f"{name:<{width}}    update at {angle_text(angle)} to {reference}'s"
                     for name, angle in angles.items())


def angle_text(angle):
    """
    >>> angle_text(0.0), angle_text(3e-7), angle_text(12.34), angle_text(float("nan"))
    ('0°', '3e-07°', '12.3°', 'undefined (a zero)')
    """
    if angle is None or math.isnan(angle):
        return "undefined (a zero)"
    if angle == 0:
        return "0°"
    return f"{angle:.1f}°" if angle >= 0.05 else f"{angle:.0e}°"


def shape(numbers):
    """
    >>> shape((64, 10))
    '(64,10)'
    """
    return f"({','.join(map(str, numbers))})"


# -------------------------------------------------------------------------------------------------- checks and rules

def check_line(row):
    """One line of the checker: verdict, number, tolerance, what.

    >>> check_line({"what": "gradient of Linear(4, 3)", "value": 2e-9, "tolerance": "1e-06", "passed": True})
    'ok           2e-09   tolerance 1e-06     gradient of Linear(4, 3)'
    """
    number, tolerance = (f"{value:.2g}" if isinstance(value, (int, float)) else str(value)
                         for value in (row["value"], row["tolerance"]))
    return f"{'ok' if row['passed'] else 'FAILED':<7} {number:>10}   tolerance {tolerance:<8}  {row['what']}"


def rule_text(name, kind, options):
    """A few lines on one rule: its name and idea, its paper, its own options with their defaults.

    >>> from feedbackalign import rules
    >>> print(rule_text("fa", rules.find("fa"), rules.options_of("fa")))
    fa      Backward weights B, one array per weighted layer, in the shape of the layer's W.
            Lillicrap et al. 2016, arXiv 1411.0247
            --density 1.0
    """
    idea = (kind.__doc__ or "(no description)").strip().splitlines()[0]
    details = [kind.paper] if kind.paper else []
    if kind.takes != "any network":
        details.append(f"takes {kind.takes}")
    line = ""
    for option, default in options.items():
        own = f"{flag(option)} {'(chosen by itself)' if default is None else default}"
        if line and len(line) + len(GAP) + len(own) > WIDTH - 8:            # 8: the indent below
            details.append(line)
            line = ""
        line += (GAP if line else "") + own
    if line:
        details.append(line)
    if kind.learning_rate_factor != 1:
        details.append(f"learning rate x {kind.learning_rate_factor:g}")
    return "\n".join([f"{name:<7} {idea}", *(f"        {detail}" for detail in details)])


def flag(option):
    """
    >>> flag("mirror_rate")
    '--mirror-rate'
    """
    return "--" + option.replace("_", "-")
