"""How far is each rule's update from the gradient? Degrees per weighted layer over epochs, one panel a layer."""

import textwrap

from feedbackalign.figures import style
from feedbackalign.runs import rows as series

BACKPROP = "backprop"


def gradient_angles(rows, to=None):
    """Angle between each rule's update and a reference's, per weighted layer, bottom to top.

    The update angle is that of one weight's gradient, before momentum and decay, on one probe batch; the curve is its
    mean over seeds in a band from the lowest to the highest. All rules in the figure share one reference, which the
    axis names; rules of which the record holds no angle to it are named below the panels.

    Parameters
    ----------
    rows : list of dict
        Of `training.train` or `compare`.
    to : str, optional
        The reference; "backprop" wherever the record holds angles to it, else the first one that it names.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    series.NothingToShow
        If the record holds no angle to this reference.

    Examples
    --------
    >>> import feedbackalign as fa
    >>> figure = gradient_angles(fa.compare(["bp", "fa"], seeds=2, epochs=2))
    >>> figure.axes[0].get_ylabel()
    "angle to backprop's gradient (degrees)"
    """
    rows = series.check_rows(rows)
    if to is None:
        to = (references_drawn(rows) or [BACKPROP])[0]
    layers = _curves(_angles(rows, to))
    if not layers:
        raise series.NothingToShow(f"gradient angles: the record holds no angle of a weight's update to {to!r}, or "
                                   f"none that is defined")
    top = next(reversed(layers))
    shown = series.choose(list(layers), style.MOST_PANELS)
    rules = list(dict.fromkeys(rule for curves in layers.values() for rule in curves))
    up_to = style.highest([layers[layer] for layer in shown], least=100.0)

    with style.slide():
        figure = style.new_figure(claim(layers, to))
        small_print = _small_print(rows, layers, shown, rules, to)
        small_lines = small_print.count("\n") + 1
        bottom = style.bottom_margin(style.legend(figure, rules, small_print=small_lines), small_lines)
        style.caption(figure, small_print)
        panels = _panels(figure, len(shown), bottom, label=f"angle to {_in_words(to)} (degrees)")
        for layer, axes in zip(shown, panels):
            _draw_layer(axes, layer, layers[layer], layer == top, layer == shown[0], to)
            style.degree_axis(axes, up_to, with_words=layer == shown[-1])
    return figure


def claim(layers, to=BACKPROP):
    """The title: what the bands support in every hidden layer, or a plain description."""
    plain = f"Angle between each rule's update and {_in_words(to) if to == BACKPROP else f'its reference, {to}'}"
    hidden = list(layers.values())[:-1]
    if to != BACKPROP or not hidden or not all(series.over_seeds_and_time(curves, "fa") for curves in hidden):
        return plain
    nearest = min(low for curves in hidden for low in curves["fa"].low if low == low)
    if nearest < 20:
        return plain
    title = f"Feedback alignment stays {int(nearest)}° or more from backprop's gradient in every hidden layer"
    if all(series.over_seeds_and_time(curves, "pfa-o") for curves in hidden):
        farthest = max(series.at_end(curves["pfa-o"])[1] for curves in hidden)
        if farthest < nearest:
            title += f";\northogonal product feedback (pfa-o) ends within {int(farthest) + 1}° of it"
    return title


def _in_words(reference):
    return "backprop's gradient" if reference == BACKPROP else reference


def references_drawn(rows):
    """The references to which the record holds an angle that is defined, a figure each; backprop first."""
    named = dict.fromkeys([BACKPROP, *(row["reference"] for row in rows if row.get("reference"))])
    return [name for name in named if _curves(_angles(rows, name))]


def _curves(angles):
    """{layer: {rule: Curve}} of all layers with synapses to which an angle is known, bottom to top."""
    of_layers = {weight.rpartition(".")[0]: series.curves(angles, series.entry("angle", weight))
                 for weight in series.synapses(series.names(angles, "angle"))}
    return {layer: curves for layer, curves in of_layers.items() if curves}


def _angles(rows, to):
    """The rows with their angles to this one reference under the key "angle"."""
    return [{"rule": row["rule"], "epoch": row["epoch"], "angle": _angle_to(row, to)} for row in rows]


def _angle_to(row, to):
    if to == BACKPROP and row.get("backprop_angle"):
        return row["backprop_angle"]
    return row.get("update_angle") if row.get("reference") == to else None


def _small_print(rows, layers, shown, rules, to):
    words = series.told_about(rows, layers.values(), with_decay=False)
    if len(shown) < len(layers):
        words.append(f"{len(shown)} of {len(layers)} layers")
    missing = [rule for rule in dict.fromkeys(row["rule"] for row in rows) if rule not in rules]
    if missing:
        words.append(f"no angle to {to} recorded: {', '.join(missing)}")
    decay = series.decay_in_words(rows)
    return series.fill(words + [f"weight decay: {decay}"] * bool(decay), style.SMALL_LETTERS)


def _panels(figure, number, bottom, label):
    """Empty panels, the lowest layer first; up to four side by side, more in two rows."""
    lines = 1 if number <= 4 else 2
    columns = -(-number // lines)
    grid = figure.add_gridspec(lines, columns, left=0.07 if lines == 1 else 0.1, right=0.985, top=0.83, bottom=bottom,
                               wspace=0.12, hspace=0.5)
    panels = []
    for place in range(number):
        axes = figure.add_subplot(grid[place // columns, place % columns])
        axes.tick_params(labelleft=place % columns == 0)
        if place % columns == 0:
            axes.set_ylabel(label if lines == 1 else label.replace(" gradient", "\ngradient"),
                            fontsize=15 if lines == 1 else 13)
        panels.append(axes)
    return panels


def _draw_layer(axes, layer, curves, is_top, is_lowest, to):
    where = " (top)" if is_top else " (lowest)" if is_lowest else ""
    axes.set_title(f"{layer}{where}")
    style.draw_curves(axes, curves)
    style.epoch_axis(axes, curves)
    zero = [rule for rule, curve in curves.items() if all(high <= series.ZERO for high in curve.high if high == high)]
    if is_top and to == BACKPROP and set(zero) - {"bp"}:
        others = [rule for rule in curves if rule not in zero]
        who = "every rule" if not others else ", ".join(zero)
        if 0 < len(others) < len(zero):
            who = f"all but {', '.join(others)}"
        text = f"0° by construction\n{textwrap.fill(f'for {who}:', 20)}\nthe top layer is\ntold the loss's\nown error"
        axes.text(0.5, 0.45, text, ha="center", va="center",
                  transform=axes.transAxes, fontsize=14, color="#333333",
                  bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8})
