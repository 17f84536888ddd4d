"""What does one number change? End accuracy and end angle against the number that differs between runs."""

import math
import statistics

from feedbackalign.figures import style
from feedbackalign.figures.small_print import fill, seeds_in_words
from feedbackalign.figures.tables import OPTIMISTIC, by_layer, last_rows, settled, validated
from feedbackalign.runs.groups import differing, grouped, rule_of, settings_of_rows, without_failures
from feedbackalign.runs.rows import Curve, NothingToShow

NAMES = {"lr": "learning rate"}
MOST_TICKS = 8              # numbers below the axis, about
MOST_LOST = 4               # failed settings that the small print names
WIDE = 8.0                  # a largest number over the smallest from which the axis is logarithmic


def swept(rows, *, size=None, theme="light"):
    """Accuracy at the end, and the angle of the updates to backprop's, against the one number that differs.

    One curve a rule: the mean over seeds in a band, lowest to highest. A rule that has no such number is a level line.
    The accuracy is that on the validation split where there is one. The angle is the mean over layers below the top,
    and over the last epochs as in the table.

    Parameters
    ----------
    rows : list of dict
        Of `compare`, with a list of learning rates, or rules of different options.
    size, theme
        Of the slide: (width, height) in inches, and "light" or "dark".

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    NothingToShow
        Unless exactly one number differs between runs of one rule.

    >>> import feedbackalign as fa
    >>> figure = swept(fa.compare(["bp", "fa"], seeds=1, epochs=1, lr=[0.001, 0.01, 0.1]))
    >>> [axes.get_title() for axes in figure.axes], figure.axes[0].get_xlabel()
    (['test accuracy (%)', "angle to backprop's gradient (degrees)"], 'learning rate')
    """
    style.check_slide(size, theme)
    rows = grouped(rows)
    name, numbers = swept_number(rows)
    kept, lost = without_failures(rows)
    groups = {}
    for row in kept:
        groups.setdefault(row["rule"], []).append(row)
    part = "validation" if validated(kept) else "test"
    is_accuracy = any(row.get("test_accuracy") is not None for row in kept)
    key, scale = (f"{part}_accuracy", 100) if is_accuracy else (f"{part}_loss", 1)

    ends = {label: [scale * row[key] for row in last_rows(group) if row.get(key) is not None]
            for label, group in groups.items()}
    angles = {label: _angles(group) for label, group in groups.items()}
    panels = {f"{part} {'accuracy (%)' if is_accuracy else 'loss'}": _curves(ends, numbers),
              "angle to backprop's gradient (degrees)": _curves(angles, numbers)}
    panels = {title: curves for title, curves in panels.items() if curves}
    if not panels:
        raise NothingToShow("swept: no row of the record holds an accuracy, a loss or an angle to backprop")
    rules = list(dict.fromkeys(rule for curves in panels.values() for rule in curves))

    with style.slide(size, theme):
        figure = style.new_figure(f"What the {NAMES.get(name, name)} changes")
        level = sorted({rule_of(label) for label in groups.keys() - numbers.keys()})
        words = f"level: {', '.join(level)} (no {NAMES.get(name, name)})" if level else ""
        bottom = style.foot(figure, _small_print(kept, lost, panels, words, part == "test" and is_accuracy), rules)
        grid = figure.add_gridspec(1, len(panels), left=0.075, right=0.985, top=0.855, bottom=bottom, wspace=0.18)
        for place, (title, curves) in enumerate(panels.items()):
            axes = figure.add_subplot(grid[0, place])
            style.draw_curves(axes, curves, title)
            _number_axis(axes, name, sorted(set(numbers.values())))
            if title.startswith("angle"):
                style.degree_axis(axes, style.highest([curves], least=60.0))
    return figure


def swept_number(rows):
    """The one number that differs between the groups of a rule: -> (its name in words, {label of a group: number}).

    >>> rows = [{"rule": "fa", "seed": 0, "epoch": 0, "settings": {"lr": lr, "data": "digits"}} for lr in (0.1, 0.2)]
    >>> swept_number(grouped(rows))
    ('lr', {'fa, lr 0.1': 0.1, 'fa, lr 0.2': 0.2})
    """
    settings = dict(zip((row["rule"] for row in rows), settings_of_rows(rows)))
    names = differing(settings.values())
    numbers = {label: found[name] for label, found in settings.items() for name in names
               if isinstance(found.get(name), (int, float)) and not isinstance(found[name], bool)}
    rules = [rule_of(label) for label in settings]
    if len(names) != 1 or any(rules.count(rule_of(label)) > 1 for label in settings.keys() - numbers.keys()):
        words = ", ".join(names).replace("_", " ") or "nothing"
        raise NothingToShow(f"swept: expected exactly one number that differs between runs of a rule, got {words}")
    return names[0].replace("_", " "), numbers


def _angles(group):
    """Of every seed the mean angle to backprop, over the layers below the top and the last epochs."""
    found = []
    for rows in settled(group):
        layers = [list(by_layer(row.get("backprop_angle")).values()) for row in rows]
        known = [angle for angles in layers for angle in angles[:-1] or angles if angle is not None]
        found += [statistics.fmean(known)] if known else []
    return found


def _curves(values, numbers):
    """{label: numbers of its seeds} -> {rule: Curve over the number}; level where a rule has no such number."""
    ends, of_rule, curves = (min(numbers.values()), max(numbers.values())), {}, {}
    for label, found in values.items():
        for number in ([numbers[label]] if label in numbers else ends) if found else ():
            of_rule.setdefault(rule_of(label), []).append((number, found))
    for rule, points in of_rule.items():
        points.sort(key=lambda point: point[0])
        curves[rule] = Curve([number for number, _ in points], [math.fsum(found) / len(found) for _, found in points],
                             [min(found) for _, found in points], [max(found) for _, found in points],
                             max(len(found) for _, found in points))
    return curves


def _number_axis(axes, name, numbers):
    """A tick at every number, as far as there is room; logarithmic where they are far apart."""
    from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

    if numbers[0] > 0 and numbers[-1] / numbers[0] >= WIDE:
        axes.set_xscale("log")
    place = math.log if axes.get_xscale() == "log" else float
    least = (place(numbers[-1]) - place(numbers[0])) / MOST_TICKS
    margin, unplace = least / 4, math.exp if place is math.log else float
    axes.set_xlim(unplace(place(numbers[0]) - margin), unplace(place(numbers[-1]) + margin))
    shown = []
    for number in numbers:
        if not shown or place(number) - place(shown[-1]) >= least:
            shown.append(number)
    axes.xaxis.set_major_locator(FixedLocator(shown))
    axes.xaxis.set_major_formatter(FixedFormatter([f"{number:g}" for number in shown]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel(NAMES.get(name, name))


def _small_print(rows, lost, panels, level, is_optimistic):
    setting = ", ".join(str(rows[0][key]) for key in ("model", "data") if rows[0].get(key))
    last = max(row["epoch"] for row in rows)
    over = max(len(epochs) for epochs in settled(rows))
    recorded = "the last epoch" if over == 1 else f"the last {over} epochs"
    missing = set(map(rule_of, (row["rule"] for row in rows))) - set(list(panels.values())[-1])
    words = [setting, seeds_in_words({curve.seeds for curves in panels.values() for curve in curves.values()}),
             f"after epoch {last}; angle: mean over layers below the top and {recorded}",
             f"no angle to backprop recorded: {', '.join(sorted(missing))}" if missing else "",
             level, f"the best is {OPTIMISTIC}" if is_optimistic else "",
             *[f"lost: {label}, {why}" for label, why in list(lost.items())[:MOST_LOST]],
             f"and {len(lost) - MOST_LOST} more" if len(lost) > MOST_LOST else ""]
    return fill(filter(None, words))
