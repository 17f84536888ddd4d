"""Does it learn, and does the feedback come to stand in for W? Accuracy beside path angle and norm ratio by layer.

What the figures `mlp` and `resnet` share.
"""

from feedbackalign.figures import style
from feedbackalign.figures.learning_curves import draw_accuracy
from feedbackalign.figures.path_alignment import draw_layer, expected_end, layer_title
from feedbackalign.figures.small_print import layers_shown, small_print
from feedbackalign.runs.rows import (NothingToShow, accuracy_percent, check_rows, entry, evenly_chosen, mean_at_end,
                                     mean_curves, names_in, silent_layer)

MOST_LAYERS = 3


def draw(rows, network, *, note=""):
    """Test accuracy over epochs on the left; on the right path angle (above) and norm ratio (below), layer by layer.

    Parameters
    ----------
    rows : list of dict
        Of `training.train` or `compare`.
    network : str
        Its name in the title.
    note : str
        What the small print should say besides.

    Returns
    -------
    matplotlib.figure.Figure
    """
    rows = check_rows(rows)
    accuracy = mean_curves(rows, accuracy_percent)
    angles = {layer: mean_curves(rows, entry("weight_angle", layer)) for layer in names_in(rows, "weight_angle")}
    ratios = {layer: mean_curves(rows, entry("norm_ratio", layer)) for layer in angles}
    shown = choose(list(angles))
    if not accuracy or not shown:
        raise NothingToShow("accuracy and path: the record holds no accuracy, or no angle of a weight to its feedback")
    end = expected_end(rows) if "pfa" in accuracy else None
    with style.slide():
        figure = style.new_figure(f"{network}: accuracy, and how well the feedback stands in for the forward weights W")
        ends = {rule: f"{rule}  {mean_at_end(curve):.1f} %" for rule, curve in accuracy.items()}
        bottom = style.foot(figure, _small_print(rows, accuracy, shown, angles, note, end), accuracy, ends)
        edges = {"top": 0.83, "bottom": bottom}
        left = figure.add_subplot(figure.add_gridspec(1, 1, left=0.055, right=0.335, **edges)[0, 0])
        draw_accuracy(left, accuracy)
        grid = figure.add_gridspec(2, len(shown), left=0.445, right=0.985, wspace=0.12, hspace=0.14,
                                   height_ratios=(1.55, 1), **edges)
        highest = style.highest([ratios[layer] for layer in shown], least=1.1)
        for place, layer in enumerate(shown):
            above, below = (figure.add_subplot(grid[line, place]) for line in range(2))
            above.set_title(layer_title(layer, list(angles), silent_layer(rows)))
            draw_layer(above, below, angles[layer], ratios[layer], 100.0, highest, end, is_first=place == 0)
    return figure


def choose(layers):
    """The lowest of the layers whose feedback carries an error, one between and the top; all of them in small networks.

    >>> choose(["fc1", "fc2", "fc3"]), choose([f"conv{place}" for place in range(1, 20)] + ["fc1"])
    (['fc1', 'fc2', 'fc3'], ['conv2', 'conv11', 'fc1'])
    """
    return layers if len(layers) <= MOST_LAYERS else evenly_chosen(layers[1:], MOST_LAYERS)


def _small_print(rows, accuracy, shown, angles, note, end):
    missing = [rule for rule in accuracy if not any(rule in curves for curves in angles.values())]
    return small_print(rows, [accuracy], note, layers_shown(shown, angles),
                       "" if end is None else f"dotted: pfa's expected end in a wide layer, {end:.1f}°",
                       f"nothing stands in W's place: {', '.join(missing)}" if missing else "")
