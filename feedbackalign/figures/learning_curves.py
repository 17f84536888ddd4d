"""Does it learn, and how fast? Test accuracy, and the loss on training and test samples, over epochs."""

import math

from feedbackalign.figures import series, style


def learning_curves(rows):
    """Test accuracy and both losses over epochs, one line a rule: its mean over seeds in a band from lowest to highest.

    Without accuracies (regression) the losses have the figure to themselves. Losses are on a logarithmic axis wherever
    all of them are positive.

    Parameters
    ----------
    rows : list of dict
        Of `training.train` or `compare`: rule, seed, epoch, train_loss, test_loss, test_accuracy (a share of 1).

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    series.NothingToShow
        If no row knows a loss or an accuracy.

    Examples
    --------
    >>> import feedbackalign as fa
    >>> figure = learning_curves(fa.compare(["bp", "fa"], seeds=2, epochs=2))
    >>> [axes.get_title() for axes in figure.axes]
    ['test accuracy (%)', 'training loss', 'test loss']
    """
    rows = series.check_rows(rows)
    accuracy = series.curves(rows, lambda row: None if row.get("test_accuracy") is None else 100 * row["test_accuracy"])
    losses = {"training loss": series.curves(rows, lambda row: row.get("train_loss")),
              "test loss": series.curves(rows, lambda row: row.get("test_loss"))}
    losses = {name: curves for name, curves in losses.items() if curves}
    groups = [group for group in (accuracy, *losses.values()) if group]
    if not groups:
        raise series.NothingToShow("learning curves: no row of the record knows a loss or an accuracy")
    rules = list(dict.fromkeys(rule for group in groups for rule in group))

    with style.slide():
        figure = style.new_figure(claim(accuracy, losses.get("test loss", {})))
        ends = {rule: f"{rule}  {series.mean_at_end(curve):.1f} %" for rule, curve in accuracy.items()}
        lines = style.legend(figure, rules, ends)
        small_print = series.told_about(rows, groups)
        if accuracy:
            small_print.append("numbers: accuracy at the end")
        style.caption(figure, "   ·   ".join(small_print))
        boxes = _boxes(figure, bool(accuracy), len(losses), style.bottom_margin(lines))
        if accuracy:
            _draw_accuracy(boxes.pop(0), accuracy)
        for axes, (name, curves) in zip(boxes, losses.items()):
            _draw_loss(axes, name, curves)
            if accuracy and axes is not boxes[-1]:
                axes.set_xlabel("")                             # the panel right below has the same axis
    return figure


def claim(accuracy, test_loss):
    """The title: what the bands support, or a plain description."""
    measured = accuracy or test_loss
    several = bool(measured) and min(curve.runs for curve in measured.values()) > 1
    ends = [series.at_end(curve) for curve in measured.values()]
    starts = [series.at_start(curve) for curve in measured.values()]
    low, high = min((end[0] for end in ends), default=0), max((end[1] for end in ends), default=0)
    if several and accuracy and all(end[0] > start[1] for start, end in zip(starts, ends)):
        return f"Every rule learns: each seed ends between {_down(low)} and {_up(high)} % on the test samples"
    if several and not accuracy and all(end[1] < start[0] for start, end in zip(starts, ends)):
        return "Every rule lowers the test loss, with every seed"
    return "Learning curves, rule by rule"


# Rounded outwards, so that the claim stays true; the inner round takes off what is only binary noise.

def _down(percent):
    return f"{math.floor(round(10 * percent, 6)) / 10:g}"


def _up(percent):
    return f"{math.ceil(round(10 * percent, 6)) / 10:g}"


def _boxes(figure, with_accuracy, losses, bottom):
    """The empty panels: accuracy wide on the left and the losses stacked on the right, or the losses side by side."""
    edges = {"left": 0.065, "right": 0.985, "top": 0.855, "bottom": bottom}
    if not with_accuracy:
        grid = figure.add_gridspec(1, losses, wspace=0.18, **edges | {"left": 0.08})    # room for 6 x 10^-1
        return [figure.add_subplot(grid[0, place]) for place in range(losses)]
    if not losses:
        return [figure.add_subplot(figure.add_gridspec(1, 1, **edges)[0, 0])]
    grid = figure.add_gridspec(losses, 2, width_ratios=(1.35, 1), wspace=0.18, hspace=0.42, **edges)
    return [figure.add_subplot(grid[:, 0])] + [figure.add_subplot(grid[place, 1]) for place in range(losses)]


def _draw_accuracy(axes, curves):
    axes.set_title("test accuracy (%)")
    style.draw_curves(axes, curves)
    style.epoch_axis(axes, curves)
    known = [value for curve in curves.values() for value in (*curve.low, *curve.high) if value == value]
    later = [low for curve in curves.values() for low in curve.low[len(curve.low) // 4:] if low == low]
    # The first epochs' climb would press all the rest into the top of the panel: it is cut off, in words.
    bottom = max(0.0, min(later) - 2.0) if later else 0.0
    axes.set_ylim(bottom, min(100.0, max(known) + 1.0))
    if min(known) < bottom:
        axes.text(0.98, 0.03, f"axis cut: the climb starts at {min(known):.0f} %", transform=axes.transAxes, ha="right",
                  fontsize=13, color="#444444")


def _draw_loss(axes, name, curves):
    axes.set_title(name)
    style.draw_curves(axes, curves)
    style.epoch_axis(axes, curves)
    if all(low > 0 for curve in curves.values() for low in curve.low if low == low):
        axes.set_yscale("log")
