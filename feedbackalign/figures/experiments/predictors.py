"""Forward and backward predictors over training: the angle between them, and of their updates to two gradients."""

from feedbackalign.figures import looks, style
from feedbackalign.figures.experiments import trained
from feedbackalign.figures.small_print import fill, seeds_of
from feedbackalign.runs.rows import accuracy_percent, entry, mean_at_end, mean_curves, require_measured
from feedbackalign.runs.run import Run
from feedbackalign.training.threads import on_our_terms
from feedbackalign.validation import require_integer

COLOURS = {"fc1": "#154aaa", "fc2": "#8a00ff"}
FEEDBACK = {"learned": {}, "fixed": {"options": (("feedback_rate", 0.0),)}}     # settings of the runs
LOOKS = {"learned": ("#007212", looks.SOLID), "fixed": ("#756040", looks.DASHED)}
DASHES = {"implicit": looks.SOLID, "backprop": looks.DOTTED}
WORDS = {"implicit": "settled gradient", "backprop": "backprop"}


@on_our_terms()
def predictors_rows(*, seeds=3, epochs=20, progress=None):
    """Train the model `corinfomax`, 64-100-10, by the rule of its name on the digits; and once more with Wb fixed.

    Parameters
    ----------
    seeds : int or sequence of int
    epochs : int
    progress : callable, optional
        Called with every row.

    Returns
    -------
    list of dict
        feedback ("learned" or "fixed"), rule, seed, epoch, test_accuracy, between (degrees between W and Wb of fc2),
        implicit and backprop ({layer: degrees of its weights' update to that gradient}; null where the implicit one did
        not settle).
    """
    seeds = trained.seed_list(seeds)
    epochs = require_integer(epochs, "epochs", low=0)
    return trained.collect((_run(feedback, seed, epochs) for feedback in FEEDBACK for seed in seeds),
                           progress)


def _run(feedback, seed, epochs):
    run = Run("corinfomax", seed=seed, model="corinfomax", epochs=epochs, **FEEDBACK[feedback])
    for row in run.train():
        yield {"feedback": feedback, **_shown(row)}


def _shown(row):
    def of_layers(key):
        return {layer: row[key][f"{layer}.weight"] for layer in COLOURS}

    settled = row["reference"] == "implicit"
    return {**{key: row[key] for key in ("rule", "seed", "epoch", "test_accuracy")},
            "between": row["weight_angle"]["fc2"], "implicit": of_layers("update_angle") if settled else None,
            "backprop": of_layers("backprop_angle")}


def predictors(rows):
    """Two panels over epochs: the angle between W and Wb; the updates' angles to the two gradients, where Wb learns.

    rows : list of dict
        Of `predictors_rows`.
    -> matplotlib.figure.Figure

    >>> rows = [{"feedback": "learned", "rule": "corinfomax", "seed": 0, "epoch": epoch, "test_accuracy": 0.5,
    ...          "between": 80.0, "implicit": {"fc1": 60.0, "fc2": 30.0}, "backprop": {"fc1": 80.0, "fc2": 120.0}}
    ...         for epoch in (0, 1)]
    >>> [axes.get_title() for axes in predictors(rows).axes]
    ['fc2: angle between W and Wb (degrees)', 'updates of W: angle to two gradients (degrees)']
    """
    keys = ("rule", "epoch", "feedback", "test_accuracy", "between", "implicit", "backprop")
    rows = require_measured(rows, keys, "predictors_rows")
    rule, by_feedback = rows[0]["rule"], {}
    for row in rows:
        by_feedback.setdefault(row["feedback"], []).append(row)
    ends = {name: mean_at_end(mean_curves(some, accuracy_percent)[rule]) for name, some in by_feedback.items()}
    between = {name: mean_curves(some, lambda row: row["between"])[rule] for name, some in by_feedback.items()}
    to = {(name, layer): mean_curves([row for row in by_feedback.get("learned", ()) if row[name]],
                                     entry(name, layer)).get(rule) for name in DASHES for layer in COLOURS}
    with style.slide():
        figure = style.new_figure("W and its backward predictor Wb turn towards each other, and stop far from a mirror")
        accuracies = ", ".join(f"{accuracy:.0f} % with Wb {name}" for name, accuracy in ends.items())
        small = fill(["digits, 64-100-10, rates in [0, 1], β = ±1", seeds_of(rows),
                      f"test accuracy at the end: {accuracies}", "right: Wb learned",
                      "angles tell no lengths: were Wb = W, fc1's update would be ε times the settled gradient"])
        bottom = style.foot(figure, small, more=_legend())
        grid = figure.add_gridspec(1, 2, left=0.06, right=0.985, top=0.85, bottom=bottom, wspace=0.16)
        left, right = (figure.add_subplot(grid[0, place]) for place in range(2))
        for axes in (left, right):
            style.grid(axes)
            style.epoch_axis(axes, between)
        left.set_title("fc2: angle between W and Wb (degrees)")
        for name, curve in between.items():
            _line(left, curve, *LOOKS[name], label=f"Wb {name}")
        left.legend(loc="lower left", frameon=False)
        right.set_title("updates of W: angle to two gradients (degrees)")
        for (name, layer), curve in to.items():
            if curve:
                _line(right, curve, COLOURS[layer], DASHES[name])
        style.degree_axis(left, style.highest([between], 92.0), with_words=True)
        style.degree_axis(right, style.highest([{"all": curve} for curve in to.values() if curve], 92.0))
    return figure


def _line(axes, curve, colour, dash, label=None):
    axes.plot(curve.epochs, curve.mean, color=colour, linestyle=dash, label=label)
    axes.fill_between(curve.epochs, curve.low, curve.high, color=colour, alpha=0.12, linewidth=0)


def _legend():
    from matplotlib.lines import Line2D

    return [Line2D([], [], color=colour, linestyle=dash, label=f"{layer}: {WORDS[name]}")
            for layer, colour in COLOURS.items() for name, dash in DASHES.items()]
