"""Only the first hidden layer learns: no layer above it can make up for a bad teaching signal."""

from feedbackalign.figures import style
from feedbackalign.figures.experiments import trained
from feedbackalign.figures.experiments.target_angles import RULES, train
from feedbackalign.figures.small_print import fill, seeds_of
from feedbackalign.runs.rows import accuracy_percent, mean_at_end, mean_curves, require_measured
from feedbackalign.training.threads import on_our_terms
from feedbackalign.validation import require_integer


@on_our_terms()
def first_layer_rows(*, seeds=3, epochs=20, rules=RULES, progress=None):
    """Train as in `target_angles_rows`, but the first hidden layer alone; all layers above stay as they were drawn.

    Parameters
    ----------
    seeds : int or sequence of int
    epochs : int
    rules : sequence of str
    progress : callable, optional
        Called with every row.

    Returns
    -------
    list of dict
        As in `target_angles_rows`, the angles those of the first weight matrix.
    """
    seeds = trained.seed_list(seeds)
    epochs = require_integer(epochs, "epochs", low=0)
    rules = trained.rule_list(rules)
    return trained.collect((train(rule, seed, epochs, only="fc1")
                            for rule in rules for seed in seeds), progress)


def first_layer(rows):
    """Two panels over epochs: test accuracy, and the first layer's angle to Gauss-Newton.

    rows : list of dict
        Of `first_layer_rows`.
    -> matplotlib.figure.Figure

    >>> rows = [{"rule": rule, "seed": 0, "epoch": epoch, "test_accuracy": 0.5, "backprop_angle": 30.0,
    ...          "gauss_newton_angle": 10.0, "gamma": 0.1} for rule in ("gnt", "dtp") for epoch in (0, 1)]
    >>> [axes.get_title() for axes in first_layer(rows).axes]
    ['test accuracy (%)', 'first layer: angle to Gauss-Newton (degrees)']
    """
    rows = require_measured(rows, ("rule", "epoch", "test_accuracy", "gauss_newton_angle"), "first_layer_rows")
    accuracy = mean_curves(rows, accuracy_percent)
    newton = mean_curves(rows, lambda row: row["gauss_newton_angle"])
    with style.slide():
        figure = style.new_figure("Only the first hidden layer learns: accuracy, and its angle to Gauss-Newton")
        ends = {rule: f"{rule}  {mean_at_end(curve):.0f} %" for rule, curve in accuracy.items()}
        small = fill(["digits, 64-64-64-64-10 tanh, Adam", seeds_of(rows), "legend: means at the end"])
        bottom = style.foot(figure, small, accuracy, ends)
        grid = figure.add_gridspec(1, 2, left=0.06, right=0.985, top=0.85, bottom=bottom, wspace=0.16)
        left, right = (figure.add_subplot(grid[0, place]) for place in range(2))
        style.draw_curves(left, accuracy, "test accuracy (%)")
        style.draw_curves(right, newton, "first layer: angle to Gauss-Newton (degrees)")
        style.epoch_axis(left, accuracy)
        style.epoch_axis(right, newton)
        left.set_ylim(0, 102)
        style.degree_axis(right, style.highest([newton], 92.0))
    return figure
