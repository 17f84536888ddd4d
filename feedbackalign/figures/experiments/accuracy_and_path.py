"""Does it learn, and does the feedback come to stand in for W? Accuracy beside path angle and norm ratio by layer.

What the figures `mlp` and `resnet` share.
"""

import math

from feedbackalign.figures import style
from feedbackalign.figures.path_alignment import expected_end
from feedbackalign.runs import rows as series

MOST_LAYERS = 3
CLOSE = 3.0                 # points of accuracy behind backprop, up to which a title speaks of accuracy


def draw(rows, title, *, note=""):
    """Test accuracy over epochs on the left; on the right path angle (above) and norm ratio (below), layer by layer.

    Parameters
    ----------
    rows : list of dict
        Of `training.train` or `compare`.
    title : callable
        (accuracy, {layer: path angles}) -> str, both dicts of curves: what the rows support.
    note : str
        What the caption should say besides.

    Returns
    -------
    matplotlib.figure.Figure
    """
    rows = series.check_rows(rows)
    accuracy = series.curves(rows, lambda row: None if row.get("test_accuracy") is None else 100 * row["test_accuracy"])
    angles = {layer: series.curves(rows, series.entry("weight_angle", layer))
              for layer in series.names(rows, "weight_angle")}
    ratios = {layer: series.curves(rows, series.entry("norm_ratio", layer)) for layer in angles}
    shown = choose(list(angles))
    if not accuracy or not shown:
        raise series.NothingToShow("accuracy and path: the record holds no accuracy, or no angle of a weight to its "
                                   "feedback")
    with style.slide():
        figure = style.new_figure(title(accuracy, angles))
        small_print = _small_print(rows, accuracy, shown, angles, note)
        small_lines = small_print.count("\n") + 1
        ends = {rule: f"{rule}  {series.mean_at_end(curve):.1f} %" for rule, curve in accuracy.items()}
        bottom = style.bottom_margin(style.legend(figure, accuracy, ends, small_print=small_lines), small_lines)
        style.caption(figure, small_print)
        edges = {"top": 0.8, "bottom": bottom}
        left = figure.add_subplot(figure.add_gridspec(1, 1, left=0.055, right=0.335, **edges)[0, 0])
        _draw_accuracy(left, accuracy)
        grid = figure.add_gridspec(2, len(shown), left=0.445, right=0.985, wspace=0.12, hspace=0.14,
                                   height_ratios=(1.55, 1), **edges)
        highest = style.highest([ratios[layer] for layer in shown], least=1.1)
        end = expected_end(rows) if "pfa" in accuracy else None
        for place, layer in enumerate(shown):
            above, below = (figure.add_subplot(grid[line, place]) for line in range(2))
            above.set_title(_title(layer, list(angles)))
            _draw_layer(above, below, angles[layer], ratios[layer], highest, end, is_first=place == 0)
    return figure


def choose(layers):
    """The lowest of the layers whose feedback carries an error, one between and the top; all of them in small networks.

    >>> choose(["fc1", "fc2", "fc3"]), choose([f"conv{place}" for place in range(1, 20)] + ["fc1"])
    (['fc1', 'fc2', 'fc3'], ['conv2', 'conv11', 'fc1'])
    """
    return layers if len(layers) <= MOST_LAYERS else series.choose(layers[1:], MOST_LAYERS)


def _title(layer, layers):
    name = layer.replace(".", "\n")
    if layer == layers[0]:
        return f"{name} (lowest:\nroutes no error)"                 # its feedback exists and learns, but feeds nobody
    return f"{name} (top)" if layer == layers[-1] else name


def _draw_accuracy(axes, accuracy):
    axes.set_title("test accuracy (%)")
    style.draw_curves(axes, accuracy)
    style.epoch_axis(axes, accuracy)
    known = [value for curve in accuracy.values() for value in (*curve.low, *curve.high) if value == value]
    later = [low for curve in accuracy.values() for low in curve.low[1:] if low == low]
    is_long = max(len(curve.epochs) for curve in accuracy.values()) > 4
    bottom = max(0.0, min((later if is_long else None) or known) - 2.0)             # the climb is cut off, in words
    axes.set_ylim(bottom, min(100.0, max(known) + 1.0))
    if min(known) < bottom:
        axes.text(0.97, 0.02, f"axis cut: starts at {min(known):.0f} %", transform=axes.transAxes, ha="right",
                  fontsize=12, color="#444444")


def _draw_layer(above, below, angles, ratios, highest, end, is_first):
    style.draw_curves(above, angles)
    style.epoch_axis(above, angles, label="")
    style.degree_axis(above, 100.0)
    if end is not None:
        above.axhline(end, color=style.look("pfa").colour, linewidth=1.6, linestyle=(0, (1, 2)), zorder=4)
    style.draw_curves(below, ratios)
    style.epoch_axis(below, ratios)
    below.set_ylim(0.0, 1.05 * highest)
    below.axhline(1.0, color="#8c8c8c", linewidth=1.2, zorder=1)
    above.tick_params(labelbottom=False, labelleft=is_first)
    below.tick_params(labelleft=is_first)
    if is_first:
        above.set_ylabel("angle of W to\nits feedback")
        below.set_ylabel("‖feedback‖\n/ ‖W‖", fontsize=14)


def _small_print(rows, accuracy, shown, angles, note):
    words = series.told_about(rows, [accuracy], with_decay=False) + [note] * bool(note)
    if len(shown) < len(angles):
        words.append(f"{len(shown)} of {len(angles)} layers")
    if "pfa" in accuracy:
        words.append(f"dotted: pfa's expected end in a wide layer, {expected_end(rows):.1f}°")
    missing = [rule for rule in accuracy if not any(rule in curves for curves in angles.values())]
    if missing:
        words.append(f"nothing stands in W's place: {', '.join(missing)}")
    decay = series.decay_in_words(rows)
    return series.fill(words + [f"weight decay: {decay}"] * bool(decay), style.SMALL_LETTERS)


def claim(accuracy, angles, network):
    """The title: what every run behind these curves supports; `network` is what it says was trained."""
    plain = f"{network}: accuracy, and how well the feedback stands in for W"
    if not {"bp", "fa", "pfa"} <= set(accuracy) or len(accuracy["pfa"].epochs) < 2:
        return plain
    (_, worst_fa), (lowest_pfa, _) = series.at_end(accuracy["fa"]), series.at_end(accuracy["pfa"])
    behind = series.mean_at_end(accuracy["bp"]) - series.mean_at_end(accuracy["pfa"])
    paths = [series.at_end(curves["pfa"])[1] for curves in angles.values() if "pfa" in curves]
    starts = [series.at_start(curves["pfa"])[0] for curves in angles.values() if "pfa" in curves]
    if not paths or max(paths) > 0.5 * min(starts):
        return plain
    behind = math.ceil(10 * behind - 1e-9) / 10
    if lowest_pfa <= worst_fa or behind > CLOSE:
        return (f"{network}: the path of product feedback (pfa) falls from {math.floor(min(starts))}° or more\n"
                f"to {math.ceil(max(paths))}° or less in every layer")
    near = f"within {behind:g} points of backprop" if behind > 0 else "no worse than backprop"
    return (f"{network}: product feedback (pfa) ends {near}, fa {_behind(accuracy)} behind;\n"
            f"its path comes within {math.ceil(max(paths))}° of W in every layer")


def _behind(accuracy):
    return f"{series.mean_at_end(accuracy['bp']) - series.mean_at_end(accuracy['fa']):.1f}"
