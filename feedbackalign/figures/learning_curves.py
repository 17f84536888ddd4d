"""Does it learn, and how fast? Test accuracy, and the loss on training and test samples, over epochs."""

from feedbackalign.figures import looks, style
from feedbackalign.figures.small_print import failures, in_legend, small_print, with_names
from feedbackalign.runs.groups import grouped, without_failures
from feedbackalign.runs.rows import NothingToShow, accuracy_percent, mean_at_end, mean_curves

LONG_CLIMB = 20.0           # percent of accuracy, from which on the first epochs are cut off


def learning_curves(rows, *, size=None, theme="light"):
    """Test accuracy and both losses over epochs, one line per rule: the mean over seeds in a band, lowest to highest.

    Without accuracies (regression) the losses have the figure to themselves. Losses are on a logarithmic axis wherever
    all of them are positive.

    rows : list of dict
        Of `training.train` or `compare`: rule, seed, epoch, train_loss, test_loss, test_accuracy (a share of 1).
    size, theme
        Of the slide: (width, height) in inches, and "light" or "dark".
    -> matplotlib.figure.Figure

    Raises
    ------
    NothingToShow
        If no row holds a loss or an accuracy.

    >>> import feedbackalign as fa
    >>> figure = learning_curves(fa.compare(["bp", "fa"], seeds=2, epochs=2))
    >>> [axes.get_title() for axes in figure.axes]
    ['test accuracy (%)', 'training loss', 'test loss']
    """
    rows, lost = without_failures(grouped(rows, most=looks.MOST_GROUPS))
    accuracy = mean_curves(rows, accuracy_percent)
    losses = {"training loss": mean_curves(rows, lambda row: row.get("train_loss")),
              "test loss": mean_curves(rows, lambda row: row.get("test_loss"))}
    losses = {name: curves for name, curves in losses.items() if curves}
    groups = [group for group in (accuracy, *losses.values()) if group]
    if not groups:
        raise NothingToShow("learning curves: no row of the record holds a loss or an accuracy")
    rules = list(dict.fromkeys([*(rule for group in groups for rule in group), *lost]))

    with style.slide(size, theme):
        figure = style.new_figure("Learning curves")
        ends = in_legend(lost) | {rule: f"{rule}  {mean_at_end(curve):.1f} %" for rule, curve in accuracy.items()}
        small = small_print(rows, groups, "numbers: accuracy at the end" if accuracy else "", *failures(lost, rules))
        boxes = _boxes(figure, bool(accuracy), len(losses), style.foot(figure, with_names(small, rules), rules, ends))
        if accuracy:
            draw_accuracy(boxes.pop(0), accuracy)
        for axes, (name, curves) in zip(boxes, losses.items()):
            _draw_loss(axes, name, curves)
            if accuracy and axes is not boxes[-1]:
                axes.set_xlabel("")                             # the panel right below has the same axis
    return figure


def _boxes(figure, with_accuracy, losses, bottom):
    """The empty panels: accuracy wide on the left and the losses stacked on the right, or the losses side by side."""
    edges = {"left": 0.065, "right": 0.985, "top": 0.855, "bottom": bottom}
    if not with_accuracy:
        grid = figure.add_gridspec(1, losses, wspace=0.18, **edges | {"left": 0.08})    # room for 6 x 10^-1
        return [figure.add_subplot(grid[0, place]) for place in range(losses)]
    if not losses:
        return [figure.add_subplot(figure.add_gridspec(1, 1, **edges)[0, 0])]
    grid = figure.add_gridspec(losses, 2, width_ratios=(1.35, 1), wspace=0.22, hspace=0.42, **edges)
    return [figure.add_subplot(grid[:, 0])] + [figure.add_subplot(grid[place, 1]) for place in range(losses)]


def draw_accuracy(axes, curves):
    """Test accuracy over epochs, without most of the first climb."""
    style.draw_curves(axes, curves, "test accuracy (%)")
    style.epoch_axis(axes, curves)
    known = [value for curve in curves.values() for value in (*curve.low, *curve.high) if value == value]
    later = [low for curve in curves.values() for low in curve.low[len(curve.low) // 4:] if low == low]
    # The climb of the first epochs would press all the rest into the top of the panel: it is cut off, and words say so.
    bottom = min(later, default=0.0)
    is_cut = bottom - min(known) > LONG_CLIMB
    axes.set_ylim(max(0.0, (bottom if is_cut else min(known)) - 2.0), min(100.0, max(known) + 1.0))
    if is_cut:
        axes.text(0.98, 0.03, f"the first epochs lie lower, from {min(known):.0f} % on", transform=axes.transAxes,
                  ha="right", fontsize=style.points(13), color=looks.theme().small)


def _draw_loss(axes, name, curves):
    style.draw_curves(axes, curves, name)
    style.epoch_axis(axes, curves)
    if all(low > 0 for curve in curves.values() for low in curve.low if low == low):
        style.log_axis(axes)
