"""How well does the feedback stand in for W? Angle and norm ratio between the two, per layer over epochs."""

import math

from feedbackalign.figures import style
from feedbackalign.runs import rows as series
from feedbackalign.validation import require_number

MOST_SMALL_LINES = 3        # of small print


def path_alignment(rows, expansion=None, density=None):
    """Angle between W and its feedback (above) and ‖feedback‖ / ‖W‖ (below), per layer, bottom to top.

    For product feedback alignment the feedback is the path B·R, else the feedback weights themselves; rules in which
    nothing stands in W's place (direct feedback, perturbation) are named below the panels. Curves are means over seeds
    in a band from the lowest to the highest. Where the record holds `pfa`, a line shows where its angle is expected to
    end in a wide layer once R has forgotten its start: arctan(1/√(r·d)) at expansion r and density d (the spread of the
    eigenvalues of B Bᵀ, Marchenko-Pastur). It is no bound: a layer with few units, or a W far from isotropic, may end
    above or below.

    Parameters
    ----------
    rows : list of dict
        Of `training.train` or `compare`.
    expansion, density : float, optional
        Of `pfa`, where the rows themselves do not say; the rule's defaults, 10 and 1, if None.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    series.NothingToShow
        If the record holds no weight angle.

    Examples
    --------
    >>> import feedbackalign as fa
    >>> figure = path_alignment(fa.compare(["bp", "pfa"], seeds=2, epochs=2))
    >>> figure.axes[0].get_ylabel()
    'angle to W\\n(90°: unrelated)'
    """
    rows = series.check_rows(rows)
    layers = {layer: (series.curves(rows, series.entry("weight_angle", layer)),
                      series.curves(rows, series.entry("norm_ratio", layer)))
              for layer in series.names(rows, "weight_angle")}
    layers = {layer: (angle, ratio) for layer, (angle, ratio) in layers.items() if angle}
    if not layers:
        raise series.NothingToShow("path alignment: the record holds no angle between weights and feedback")
    shown = series.choose(list(layers), style.MOST_PANELS)
    rules = list(dict.fromkeys(rule for angle, _ in layers.values() for rule in angle))
    end = expected_end(rows, expansion, density) if "pfa" in rules else None

    with style.slide():
        from matplotlib.lines import Line2D

        figure = style.new_figure(claim(layers))
        more = []
        if end is not None:
            more = [Line2D([], [], label=_end_in_words(rows, expansion, density), **_end_look())]
        small_print = _small_print(rows, layers, shown, rules)
        small_lines = small_print.count("\n") + 1
        lines = style.legend(figure, rules, more=more, small_print=small_lines)
        style.caption(figure, small_print)
        grid = figure.add_gridspec(2, len(shown), left=0.085, right=0.985, top=0.8,
                                   bottom=style.bottom_margin(lines, small_lines), wspace=0.12, hspace=0.14,
                                   height_ratios=(1.55, 1))
        up_to = style.highest([layers[layer][0] for layer in shown], least=100.0)
        highest_ratio = style.highest([layers[layer][1] for layer in shown], least=1.1)
        for place, layer in enumerate(shown):
            above, below = figure.add_subplot(grid[0, place]), figure.add_subplot(grid[1, place])
            above.set_title(_title(layer, list(layers)))
            _draw_angle(above, layers[layer][0], end)
            style.degree_axis(above, up_to)
            _draw_ratio(below, layers[layer][1], highest_ratio)
            above.tick_params(labelbottom=False, labelleft=place == 0)
            below.tick_params(labelleft=place == 0)
            if place == 0:
                above.set_ylabel("angle to W\n(90°: unrelated)")
                below.set_ylabel("‖feedback‖\n/ ‖W‖", fontsize=14)
    return figure


def expected_end(rows, expansion=None, density=None):
    """Degrees at which pfa's path angle is expected to end in a wide layer: arctan(1/√(r·d)).

    >>> round(expected_end([{"rule": "pfa", "epoch": 0}]), 1)
    17.5
    """
    expansion, density = _settings(rows, expansion, density)
    return math.degrees(math.atan(1.0 / math.sqrt(expansion * density)))


def _end_in_words(rows, expansion=None, density=None):
    """The same with its formula, for the legend."""
    r, d = _settings(rows, expansion, density)
    product = f"{r:g}" if d == 1 else f"({r:g}·{d:g})"
    degrees = expected_end(rows, expansion, density)
    sparse = "" if d == 1 else f", density {d:g}"
    where = f"in a wide layer, expansion {r:g}{sparse}"
    return f"expected end (no bound) of pfa {where}: arctan(1/√{product}) = {degrees:.1f}°"


def _end_look():
    return {"color": style.look("pfa").colour, "linewidth": 1.6, "linestyle": (0, (1, 2))}


def _settings(rows, expansion, density):
    """Expansion and density of pfa: what the rows say, else what the caller says, else the rule's defaults."""
    for row in rows:
        if row["rule"] == "pfa":
            expansion = row.get("expansion", expansion)
            density = row.get("density", density)
            break
    expansion = require_number(10 if expansion is None else expansion, "expansion", low=0, low_open=True)
    density = require_number(1 if density is None else density, "density", low=0, high=1, low_open=True)
    return expansion, density


def claim(layers):
    """The title: what the bands support in every layer, or a plain description."""
    plain = "How well the feedback stands in for the forward weights"
    angles = [angle for angle, _ in layers.values()]
    if not all(series.over_seeds_and_time(angle, "pfa") for angle in angles):
        return plain
    starts = [series.at_start(angle["pfa"]) for angle in angles]
    ends = [series.at_end(angle["pfa"]) for angle in angles]
    if max(high for _, high in ends) > 0.5 * min(low for low, _ in starts):
        return plain
    title = f"The path of product feedback alignment (pfa) falls from {_range(starts)} to {_range(ends)}"
    if all(series.over_seeds_and_time(angle, "pfa-o") for angle in angles):
        below = [series.at_end(angle["pfa-o"])[1] < end[0] for angle, end in zip(angles, ends)]
        if all(below):
            title += ";\nwith orthogonal B (pfa-o) it ends lower still, in every layer and with every seed"
    return title


def _range(bands):
    low, high = min(low for low, _ in bands), max(high for _, high in bands)
    return f"{low:.0f}–{high:.0f}°"


def _title(layer, layers):
    if layer == layers[0]:
        return f"{layer} (lowest:\nroutes no error)"           # its feedback exists and learns, but feeds nobody
    return f"{layer} (top)" if layer == layers[-1] else layer


def _small_print(rows, layers, shown, rules):
    """In lines; the rules' names are spelled out where they fit into the lines there may be."""
    words = series.told_about(rows, [angle for angle, _ in layers.values()], with_decay=False)
    if len(shown) < len(layers):
        words.append(f"{len(shown)} of {len(layers)} layers")
    missing = [rule for rule in dict.fromkeys(row["rule"] for row in rows) if rule not in rules]
    if missing:
        words.append(f"nothing stands in W's place: {', '.join(missing)}")
    decay = series.decay_in_words(rows)
    if decay:
        words.append(f"weight decay: {decay}")
    text = series.fill(words, style.SMALL_LETTERS)
    names = series.fill(series.spelled_out(rules), style.SMALL_LETTERS, gap="; ")
    room = MOST_SMALL_LINES - text.count("\n") - 1
    return f"{text}\n{names}" if names and names.count("\n") < room else text


def _draw_angle(axes, curves, end):
    style.draw_curves(axes, curves)
    style.epoch_axis(axes, curves, label="")
    if end is not None and "pfa" in curves:
        axes.axhline(end, zorder=4, **_end_look())


def _draw_ratio(axes, curves, highest):
    style.draw_curves(axes, curves)
    style.epoch_axis(axes, curves)
    axes.set_ylim(0.0, 1.05 * highest)
    axes.axhline(1.0, color="#8c8c8c", linewidth=1.2, zorder=1)
