"""How well does the feedback stand in for W? Angle and norm ratio between the two, per layer over epochs."""

import math

from feedbackalign.figures import looks, style
from feedbackalign.figures.small_print import failures, in_legend, layers_shown, small_print, with_names
from feedbackalign.runs.groups import grouped, rule_of, without_failures
from feedbackalign.runs.rows import NothingToShow, entry, evenly_chosen, mean_curves, names_in, silent_layer
from feedbackalign.validation import require_integer, require_number

def path_alignment(rows, expansion=None, density=None, *, size=None, theme="light"):
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
    size, theme
        Of the slide: (width, height) in inches, and "light" or "dark".

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    NothingToShow
        If the record holds no weight angle.

    >>> import feedbackalign as fa
    >>> figure = path_alignment(fa.compare(["bp", "pfa"], seeds=2, epochs=2))
    >>> figure.axes[0].get_ylabel()
    'angle to W\\n(90°: unrelated)'
    """
    expansion = None if expansion is None else require_integer(expansion, "expansion", low=1)
    density = None if density is None else require_number(density, "density", low=0, high=1, low_open=True)
    rows, lost = without_failures(grouped(rows, most=looks.MOST_GROUPS))
    layers = {layer: (mean_curves(rows, entry("weight_angle", layer)), mean_curves(rows, entry("norm_ratio", layer)))
              for layer in names_in(rows, "weight_angle")}
    layers = {layer: (angle, ratio) for layer, (angle, ratio) in layers.items() if angle}
    if not layers:
        raise NothingToShow("path alignment: the record holds no angle between weights and feedback")
    shown = evenly_chosen(list(layers), style.MOST_PANELS)
    rules = list(dict.fromkeys(rule for angle, _ in layers.values() for rule in angle))
    ours = [rule for rule in rules if rule_of(rule) == "pfa"]
    end = expected_end(rows, expansion, density) if len(ours) == 1 else None       # several have ends of their own

    with style.slide(size, theme):
        from matplotlib.lines import Line2D

        figure = style.new_figure("How well the feedback stands in for the forward weights W")
        more = []
        if end is not None:
            more = [Line2D([], [], **_end_look(), label=_end_in_words(rows, expansion, density))]
        bottom = style.foot(figure, _small_print(rows, layers, shown, rules, lost),
                            [*rules, *(rule for rule in lost if rule not in rules)], in_legend(lost, rules), more=more)
        grid = figure.add_gridspec(2, len(shown), left=0.085, right=0.985, top=0.83, bottom=bottom,
                                   wspace=0.12, hspace=0.14, height_ratios=(1.55, 1))
        up_to = style.highest([layers[layer][0] for layer in shown], least=100.0)
        highest_ratio = style.highest([layers[layer][1] for layer in shown], least=1.1)
        for place, layer in enumerate(shown):
            above, below = figure.add_subplot(grid[0, place]), figure.add_subplot(grid[1, place])
            above.set_title(layer_title(layer, list(layers), silent_layer(rows)))
            draw_layer(above, below, *layers[layer], up_to, highest_ratio, end, is_first=place == 0)
    return figure


def draw_layer(above, below, angles, ratios, up_to, highest_ratio, end, is_first):
    """One layer in two panels: the angle of W to its feedback above, the ratio of their norms below."""
    style.draw_curves(above, angles)
    style.epoch_axis(above, angles, label="")
    style.degree_axis(above, up_to)
    if end is not None and any(rule_of(rule) == "pfa" for rule in angles):
        above.axhline(end, zorder=4, **_end_look())
    style.draw_curves(below, ratios)
    style.epoch_axis(below, ratios)
    below.set_ylim(0.0, 1.05 * highest_ratio)
    style.level_line(below, 1.0)
    above.tick_params(labelbottom=False, labelleft=is_first)
    below.tick_params(labelleft=is_first)
    if is_first:
        above.set_ylabel("angle to W\n(90°: unrelated)")
        below.set_ylabel("‖feedback‖\n/ ‖W‖", fontsize=style.points(14))


def layer_title(layer, layers, silent):
    """A panel's title; `silent` is the layer whose feedback carries no error, since no layer is below."""
    name = layer.replace(".", "\n")
    if layer == silent:
        return f"{name} (lowest:\nroutes no error)"
    return f"{name} (top)" if layer == layers[-1] else name


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
    return {"color": looks.look("pfa").colour, "linewidth": style.points(1.6), "linestyle": (0, (1, 2))}


def _settings(rows, expansion, density):
    """Expansion and density of pfa: what the rows say, else what the caller says, else the rule's defaults."""
    for row in rows:
        if rule_of(row["rule"]) == "pfa":
            expansion = row.get("expansion", expansion)
            density = row.get("density", density)
            break
    expansion = require_number(10 if expansion is None else expansion, "expansion", low=0, low_open=True)
    density = require_number(1 if density is None else density, "density", low=0, high=1, low_open=True)
    return expansion, density


def _small_print(rows, layers, shown, rules, lost):
    """In lines; the rules' names are spelled out below where there is room."""
    missing = [rule for rule in dict.fromkeys(row["rule"] for row in rows) if rule not in rules]
    text = small_print(rows, [angle for angle, _ in layers.values()],
                       layers_shown(shown, layers),
                       f"nothing stands in W's place: {', '.join(missing)}" if missing else "",
                       *failures(lost, rules))
    return with_names(text, rules)
