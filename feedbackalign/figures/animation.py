"""The angles of all rules in every layer, moving: a GIF with one frame an epoch."""

import math

from feedbackalign.data.writing import written_whole
from feedbackalign.figures import looks, style
from feedbackalign.figures.gradient_angles import BACKPROP, curves_to, references_drawn, title
from feedbackalign.figures.small_print import failures, in_legend, layers_shown, small_print
from feedbackalign.runs.groups import grouped, without_failures
from feedbackalign.runs.rows import Curve, NothingToShow, evenly_chosen
from feedbackalign.validation import require_file

MOST_FRAMES, MOST_LAYERS = 60, 12
DPI = 75                                        # -> 960 x 540 pixels


def animate(rows, path, *, theme="light"):
    """Angle between each rule's update and backprop's gradient, layer by layer, as it changes from epoch to epoch.

    Layers stand side by side, the lowest on the left; a marker is a rule's mean over seeds, its bar goes from the
    lowest to the highest. Of more than 60 epochs, or 12 layers, some are chosen evenly.

    path : path, ending in .gif, of 960 x 540 pixels
    -> pathlib.Path. Raises NothingToShow if the record holds no angle.
    """
    path = require_file(path, "path")
    if path.suffix.lower() != ".gif":
        raise ValueError(f"path: expected a file that ends in .gif, got {str(path)!r}")
    rows, lost = without_failures(grouped(rows, most=looks.MOST_GROUPS))
    to = (references_drawn(rows) or [BACKPROP])[0]
    if not (layers := curves_to(rows, to)):
        raise NothingToShow(f"animation: the record holds no angle of a weight's update to {to!r}")
    shown = {layer: layers[layer] for layer in evenly_chosen(list(layers), MOST_LAYERS)}
    rules = list(dict.fromkeys(rule for curves in shown.values() for rule in curves))
    epochs = evenly_chosen(sorted({row["epoch"] for row in rows}), MOST_FRAMES)
    with style.slide(theme=theme):
        figure = style.new_figure(title(to))
        figure.set_dpi(DPI)
        words = small_print(rows, shown.values(), layers_shown(shown, layers), *failures(lost, rules))
        bottom = style.foot(figure, words.replace("band: lowest", "bar: lowest"), dict.fromkeys([*rules, *lost]),
                            in_legend(lost, rules))
        bottom += 0.03 * max(layer.count(".") for layer in shown)       # for names in several lines
        axes = figure.add_axes((0.075, bottom, 0.91, 0.855 - bottom))
        style.grid(axes)
        style.degree_axis(axes, style.highest(shown.values(), least=100.0), with_words=True)
        axes.set(xlim=(-0.5, len(shown) - 0.5), xlabel="layer, from the lowest to the top", ylabel="angle (degrees)")
        axes.set_xticks(range(len(shown)), [layer.replace(".", "\n") for layer in shown])
        frames = [_frame(axes, shown.values(), rules, epoch, f"epoch {epoch} of {epochs[-1]}") for epoch in epochs]
    palette = frames[len(frames) // 2].quantize(128, method=0, dither=0)            # by median cut, and without dots
    moving = [frame.quantize(palette=palette, dither=0) for frame in frames]
    colours, paper = palette.getpalette(), 3 * moving[0].getpixel((0, 0))
    colours[paper:paper + 3] = frames[0].getpixel((0, 0))       # as it is, not nearly
    for picture in moving:
        picture.putpalette(colours)
    duration = [sorted((100, 8000 // len(frames), 500))[1]] * (len(frames) - 1) + [2000]           # milliseconds
    with written_whole(path) as part:
        moving[0].save(part, format="GIF", save_all=True, append_images=moving[1:], loop=0, optimize=False,
                       duration=duration)
    return path


def _frame(axes, layers, rules, epoch, words):
    """The picture of one epoch; what is drawn for it is taken away again."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image                                       # Pillow comes with matplotlib

    drawn = [axes.text(0.0, 1.03, words, transform=axes.transAxes, fontsize=16)]
    for place, rule in enumerate(rules):
        colour, dash, marker = looks.look(rule)
        beside = 0.6 * ((place + 0.5) / len(rules) - 0.5)       # rules that coincide stand side by side
        curves = [curves.get(rule, Curve([], [], [], [], 0)) for curves in layers]
        by_epoch = [dict(zip(curve.epochs, zip(curve.mean, curve.low, curve.high))) for curve in curves]
        means, lows, highs = zip(*(values.get(epoch, (math.nan,) * 3) for values in by_epoch))
        where = [layer + beside for layer in range(len(curves))]
        drawn += axes.plot(where, means, color=colour, linestyle=dash, linewidth=1.0, marker=marker, markersize=10,
                           markeredgecolor=colour, zorder=3)
        drawn += [axes.vlines(x, low, high, color=colour, linewidth=3.0, alpha=0.4, zorder=2)
                  for x, low, high in zip(where, lows, highs) if low == low]
    canvas = FigureCanvasAgg(axes.figure)
    canvas.draw()
    for artist in drawn:
        artist.remove()
    return Image.frombytes("RGBA", canvas.get_width_height(), bytes(canvas.buffer_rgba())).convert("RGB")
