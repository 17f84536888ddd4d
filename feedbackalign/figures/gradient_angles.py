"""How far is each rule's update from the gradient? Degrees per weighted layer over epochs, one panel per layer."""

import textwrap

from feedbackalign.figures import looks, style
from feedbackalign.figures.small_print import failures, in_legend, layers_shown, small_print, with_names
from feedbackalign.runs.groups import grouped, rule_of, without_failures
from feedbackalign.runs.rows import NothingToShow, entry, evenly_chosen, mean_curves, names_in, synapses
from feedbackalign.validation import require_text

BACKPROP = "backprop"
ZERO = 1e-6                 # degrees: an angle below is one between two equal arrays


def gradient_angles(rows, to=None, *, size=None, theme="light"):
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
    size, theme
        Of the slide: (width, height) in inches, and "light" or "dark".

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    NothingToShow
        If the record holds no angle to this reference.

    >>> import feedbackalign as fa
    >>> figure = gradient_angles(fa.compare(["bp", "fa"], seeds=2, epochs=2))
    >>> figure.axes[0].get_ylabel()
    "angle to backprop's gradient (degrees)"
    """
    rows, lost = without_failures(grouped(rows, most=looks.MOST_GROUPS))
    if to is not None:
        require_text(to, "to")
    else:
        to = (references_drawn(rows) or [BACKPROP])[0]
    layers = curves_to(rows, to)
    if not layers:
        raise NothingToShow(f"gradient angles: the record holds no angle of a weight's update to {to!r}, or none that "
                            f"is defined")
    top = next(reversed(layers))
    drawn = list(layers)
    if to == BACKPROP and len(drawn) > 1 and all(is_zero(curve) for curve in layers[top].values()):
        drawn.remove(top)                                       # nothing to see: words in the small print do
    shown = evenly_chosen(drawn, style.MOST_PANELS)
    rules = list(dict.fromkeys(rule for curves in layers.values() for rule in curves))
    missing = [rule for rule in dict.fromkeys(row["rule"] for row in rows) if rule not in rules]
    up_to = style.highest([layers[layer] for layer in shown], least=100.0)

    with style.slide(size, theme):
        figure = style.new_figure(title(to))
        small = small_print(
            rows, layers.values(), layers_shown(shown, drawn),
            "" if top in drawn else f"{top}, on top: 0° by construction for all, for its error is that of the loss",
            f"no angle to {to} recorded: {', '.join(missing)}" if missing else "", *failures(lost, rules))
        bottom = style.foot(figure, with_names(small, rules), [*rules, *(rule for rule in lost if rule not in rules)],
                            in_legend(lost, rules))
        panels = _panels(figure, len(shown), bottom, label=f"angle to {in_words(to)} (degrees)")
        for layer, axes in zip(shown, panels):
            _draw_layer(axes, layer, layers[layer], layer == top, layer == shown[0], to,
                        everyone="all shown" if lost else "every rule")
            style.degree_axis(axes, up_to, with_words=layer == shown[-1])
    return figure


def title(to):
    """
    >>> title("implicit")
    "Angle between each rule's update and the reference implicit"
    """
    return f"Angle between each rule's update and {'' if to == BACKPROP else 'the reference '}{in_words(to)}"


def in_words(to):
    """
    >>> in_words("backprop"), in_words("implicit")
    ("backprop's gradient", 'implicit')
    """
    return "backprop's gradient" if to == BACKPROP else to


def references_drawn(rows):
    """The references to which the record holds an angle that is defined; backprop first. Each has a figure."""
    named = dict.fromkeys([BACKPROP, *(row["reference"] for row in rows if row.get("reference"))])
    return [name for name in named if curves_to(rows, name)]


def curves_to(rows, to):
    """{layer: {rule: Curve}} of all layers whose weight has an angle to this reference, bottom to top."""
    angles = [{"rule": row["rule"], "epoch": row["epoch"], "angle": _angle_to(row, to)} for row in rows]
    of_layers = {weight.rpartition(".")[0]: mean_curves(angles, entry("angle", weight))
                 for weight in synapses(names_in(angles, "angle"))}
    return {layer: curves for layer, curves in of_layers.items() if curves}


def _angle_to(row, to):
    if to == BACKPROP and row.get("backprop_angle"):
        return row["backprop_angle"]
    return row.get("update_angle") if row.get("reference") == to else None


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
                            fontsize=style.points(15 if lines == 1 else 13))
        panels.append(axes)
    return panels


def is_zero(curve):
    """Whether all angles of a curve are those of equal arrays."""
    return all(high <= ZERO for high in curve.high if high == high)


def _draw_layer(axes, layer, curves, is_top, is_lowest, to, everyone):
    where = " (top)" if is_top else " (lowest)" if is_lowest else ""
    style.draw_curves(axes, curves, f"{layer}{where}")
    style.epoch_axis(axes, curves)
    zero = [rule for rule, curve in curves.items() if is_zero(curve)]
    if is_top and to == BACKPROP and {rule_of(rule) for rule in zero} - {"bp"}:
        others = ", ".join(rule for rule in curves if rule not in zero)
        rules = f"all but {others}" if others else everyone
        text = f"0° by construction\n{textwrap.fill(f'for {rules}:', 20)}\nthe top layer's error\nis that of the loss"
        axes.text(0.5, 0.25, text, ha="center", va="center",
                  transform=axes.transAxes, fontsize=style.points(14), color=looks.theme().small,
                  bbox={"facecolor": looks.theme().paper, "edgecolor": "none", "alpha": 0.8})
