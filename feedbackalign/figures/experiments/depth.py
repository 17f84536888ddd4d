"""How far down does the error stay true? Every layer's angle to backprop, in networks of growing depth."""

import math

from feedbackalign.figures import looks, style
from feedbackalign.figures.experiments import trained
from feedbackalign.figures.small_print import decay_in_words, fill, spelled_out
from feedbackalign.runs import sweep
from feedbackalign.runs.rows import NothingToShow, check_rows, names_in, synapses

RULES = ("bp", "fa", "dfa", "usf", "pfa", "pfa-o")

# How each scale is trained: equally wide hidden layers, each with batch normalisation, without which sixteen of them
# learn little by any rule. No paper has this figure: `paper` takes the paper's length of training.
SCALES = {
    "quick": {"depths": (2, 4, 8, 16), "width": 64, "data": "digits", "batch_size": 32, "epochs": 48, "seeds": 2},
    "laptop": {"depths": (2, 4, 8, 16), "width": 128, "data": "fashion-mini", "batch_size": 64, "epochs": 30,
               "seeds": 3},
    "paper": {"depths": (2, 4, 8, 16, 24), "width": 512, "data": "fashion", "batch_size": 64, "epochs": 40, "seeds": 5,
              "lr_milestones": (20, 30)},
}
UNRELATED = 90.0
PALE = 55.0                                         # degrees from which on a cell is pale: its number is dark


def planned_runs(scale="quick"):
    """The runs at a scale: every rule at every depth -> list of `trained.Planned`."""
    settings = trained.settings_at(SCALES, scale)
    depths, width = settings.pop("depths"), settings.pop("width")
    return [trained.Planned(run, {"hidden_layers": depth}) for depth in depths
            for run in sweep.plan(RULES, model="mlp-bn", hidden=(width,) * depth, **settings)]


def depth_rows(scale="quick", **how):
    """Train at a scale: -> the rows of all runs, each with its number of hidden_layers; `how` as in `trained.do`."""
    return trained.do(planned_runs(scale), **how)


def depth(rows):
    """Networks as towers of layers, input below, each layer coloured by its update's angle to backprop's gradient.

    One panel per rule, one tower per depth. The number in a layer is the angle in degrees after the last epoch, the
    number below a tower the test accuracy; both are means over seeds.

    rows : list of dict
        Of `depth_rows`: the rows of `training.train` with `hidden_layers`.
    -> matplotlib.figure.Figure

    >>> from feedbackalign.runs import Run
    >>> rows = trained.do([trained.Planned(Run(rule, epochs=1, hidden=(8,) * layers), {"hidden_layers": layers})
    ...                    for rule in ("bp", "fa") for layers in (1, 2)])
    >>> [axes.get_title() for axes in depth(rows).axes]
    ['bp', 'fa', '']
    """
    towers = towers_of(check_rows(rows))
    rules, depths = list(dict.fromkeys(rule for rule, _ in towers)), sorted({layers for _, layers in towers})
    with style.slide():
        import matplotlib
        from matplotlib.colors import Normalize

        figure = style.new_figure("Angle of each layer's update to backprop's gradient, in networks of growing depth")
        colours = matplotlib.colormaps["YlGnBu_r"], Normalize(0.0, UNRELATED * 1.12)
        grid = figure.add_gridspec(1, len(rules), left=0.092, right=0.93, top=0.795, bottom=0.185, wspace=0.07)
        tallest = max(len(tower.angles) for tower in towers.values())
        for place, rule in enumerate(rules):
            axes = figure.add_subplot(grid[0, place])
            axes.set_title(rule, fontsize=19, color=looks.look(rule).colour, fontweight="bold", pad=10)
            for x, layers in enumerate(depths):
                if (rule, layers) in towers:
                    _draw_tower(axes, x, towers[rule, layers], colours, tallest)
            axes.set_xlim(-0.55, len(depths) - 0.45)
            axes.set_ylim(0.0, tallest + 0.05)
            axes.set_xticks(range(len(depths)), [_below(towers.get((rule, layers)), layers) for layers in depths])
            axes.tick_params(length=0, labelsize=13, pad=5)
            axes.set_yticks([])
            for side in ("left", "bottom"):
                axes.spines[side].set_visible(False)
        figure.text(0.0905, 0.171, "hidden layers\naccuracy, %", ha="right", va="top", fontsize=11.5, color="#444444",
                    linespacing=1.35)
        _say_direction(figure)
        _colour_bar(figure, colours)
        style.foot(figure, _small_print(rows))
    return figure


class Tower:
    """One rule at one depth after the last epoch: angles from the lowest layer up, and accuracy; means over seeds."""

    def __init__(self, rows):
        last = max(row["epoch"] for row in rows)
        ends = [row for row in rows if row["epoch"] == last]
        names = synapses(names_in(ends, "backprop_angle"))
        by_seed = [[_or_nan(row["backprop_angle"].get(name)) for name in names] for row in ends]
        self.angles = [_mean(angles) for angles in zip(*by_seed)]
        self.accuracy = _mean([_or_nan(row.get("test_accuracy")) for row in ends])


def towers_of(rows):
    """{(rule, hidden layers): Tower}, in the order of the rows."""
    groups = {}
    for row in rows:
        if row.get("backprop_angle") and "hidden_layers" in row:
            groups.setdefault((row["rule"], row["hidden_layers"]), []).append(row)
    if not groups:
        raise NothingToShow("depth: expected rows with hidden_layers and backprop_angle, got none")
    return {key: Tower(group) for key, group in groups.items()}


def _or_nan(number):
    return math.nan if number is None else float(number)


def _mean(numbers):
    known = [number for number in numbers if number == number]
    return math.fsum(known) / len(known) if known else math.nan


def _below(tower, layers):
    if tower is None:
        return f"{layers}"
    return f"{layers}\n{100 * tower.accuracy:.0f}"


def _draw_tower(axes, x, tower, colours, tallest):
    """One cell per layer, the lowest at the bottom."""
    from matplotlib.patches import Rectangle

    colour_of, norm = colours
    size = 13 if tallest <= 9 else 11 if tallest <= 17 else 8
    for height, angle in enumerate(tower.angles):
        known = angle == angle
        face = colour_of(norm(min(angle, norm.vmax))) if known else "#dddddd"
        axes.add_patch(Rectangle((x - 0.43, height + 0.04), 0.86, 0.92, facecolor=face, edgecolor="none"))
        axes.text(x, height + 0.48, f"{angle:.0f}°" if known else "?", ha="center", va="center_baseline", fontsize=size,
                  color="white" if known and angle < PALE else "#1c2733")


def _say_direction(figure):
    """Which way the error goes, once, at the left edge."""
    figure.text(0.048, 0.785, "output", ha="center", va="top", fontsize=13, color="#333333")
    figure.text(0.048, 0.205, "input", ha="center", va="top", fontsize=13, color="#333333")
    figure.add_artist(_arrow((0.048, 0.745), (0.048, 0.215)))
    figure.text(0.034, 0.48, "the error's way down", ha="center", va="center", rotation=90, fontsize=13,
                color="#333333")


def _arrow(start, end):
    from matplotlib.patches import FancyArrowPatch

    return FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=16, color="#333333", linewidth=1.4)


def _colour_bar(figure, colours):
    from matplotlib.cm import ScalarMappable

    colour_of, norm = colours
    axes = figure.add_axes([0.945, 0.235, 0.012, 0.48])
    bar = figure.colorbar(ScalarMappable(norm, colour_of), cax=axes)
    bar.set_ticks([0, 30, 60, 90], labels=["0°", "30°", "60°", "90°"])
    bar.outline.set_visible(False)
    axes.tick_params(labelsize=style.TICK_SIZE)
    figure.text(0.962, 0.735, "angle to\nbackprop", ha="center", va="bottom", fontsize=12, color="#333333")
    figure.text(0.962, 0.215, "90°:\nunrelated", ha="center", va="top", fontsize=12, color="#333333")


def _small_print(rows):
    rules = list(dict.fromkeys(row["rule"] for row in rows))
    decay, seeds = decay_in_words(rows), len({row.get("seed") for row in rows})
    words = [f"{rows[0].get('model')}, {rows[0].get('data')}, {max(row['epoch'] for row in rows)} epochs",
             f"mean over {seeds} seeds" if seeds > 1 else "one seed", "the top layer is 0° by construction",
             decay and f"weight decay: {decay}"]
    return fill(filter(None, words)) + "\n" + spelled_out(rules)
