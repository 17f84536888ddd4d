"""Only the first hidden layer learns: no layer above it can make up for a bad teaching signal."""

from feedbackalign.figures import style
from feedbackalign.figures.experiments.target_angles import RULES, trained
from feedbackalign.runs import rows as series

EARLY = 5                                                   # the epoch that the title speaks of


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
    rows = []
    for rule in rules:
        for seed in range(seeds) if isinstance(seeds, int) else seeds:
            for row in trained(rule, seed, epochs, only="fc1"):
                rows.append(row)
                if progress:
                    progress(row)
    return rows


def first_layer(rows):
    """Two panels over epochs: test accuracy, and the first layer's angle to Gauss-Newton.

    Parameters
    ----------
    rows : list of dict
        Of `first_layer_rows`.

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> rows = [{"rule": rule, "seed": 0, "epoch": epoch, "test_accuracy": 0.5, "backprop_angle": 30.0,
    ...          "gauss_newton_angle": 10.0, "gamma": 0.1} for rule in ("gnt", "dtp") for epoch in (0, 1)]
    >>> [axes.get_title() for axes in first_layer(rows).axes]
    ['test accuracy (%)', 'first layer: angle to Gauss-Newton (degrees)']
    """
    rows = series.check_rows(rows)
    accuracy = series.curves(rows, lambda row: 100 * row["test_accuracy"])
    newton = series.curves(rows, lambda row: row["gauss_newton_angle"])
    with style.slide():
        figure = style.new_figure(claim(accuracy))
        ends = {rule: f"{rule}  {series.mean_at_end(curve):.0f} %" for rule, curve in accuracy.items()}
        lines = style.legend(figure, accuracy, ends)
        grid = figure.add_gridspec(1, 2, left=0.06, right=0.985, top=0.81, bottom=style.bottom_margin(lines),
                                   wspace=0.16)
        left, right = (figure.add_subplot(grid[0, place]) for place in range(2))
        for axes, curves in ((left, accuracy), (right, newton)):
            style.draw_curves(axes, curves)
            style.epoch_axis(axes, curves)
        left.set_title("test accuracy (%)")
        left.set_ylim(0, 102)
        right.set_title("first layer: angle to Gauss-Newton (degrees)")
        style.degree_axis(right, style.highest([newton], 92.0))
        seeds = len({row["seed"] for row in rows})
        bands = f"mean of {seeds} seeds, band from lowest to highest; legend: means at end" if seeds > 1 else "one seed"
        style.caption(figure, f"digits, 64-64-64-64-10 tanh, Adam; all layers above the first stay as drawn   ·   "
                              f"{bands}")
    return figure


def claim(accuracy):
    """The title: what the bands after some epochs support."""
    plain = "Only the first hidden layer learns"
    near = [rule for rule in ("ddtp-linear", "dtp-drl", "ddtp-rhl") if rule in accuracy]
    far = [rule for rule in ("dtp", "ddtp-control") if rule in accuracy]
    if not near or not far or min(accuracy[rule].runs for rule in near + far) < 2:
        return plain
    known = set.intersection(*(set(accuracy[rule].epochs) for rule in near + far))
    epoch = EARLY if EARLY in known else max(known)
    lowest = min(_at(accuracy[rule], epoch, "low") for rule in near)
    highest = max(_at(accuracy[rule], epoch, "high") for rule in far)
    if lowest <= highest:
        return plain
    return (f"{plain}: after {epoch} epochs with the difference reconstruction\n"
            f"loss at least {lowest:.0f} % of the digits are told apart, with other losses at most {highest:.0f} %")


def _at(curve, epoch, end):
    """The lowest or highest seed at this epoch."""
    return getattr(curve, end)[curve.epochs.index(epoch)]
