"""Does it learn, and how fast? Test accuracy, and the loss on training and test samples, over epochs."""

import math
import textwrap

from feedbackalign.figures import style
from feedbackalign.runs import rows as series

PLAIN = "Learning curves, rule by rule"
WELL_ABOVE = 0.25           # of the way from the first accuracy to 100 %: a rule that ends there or higher has learnt
TITLE_LETTERS = 78          # in one line


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
        title = textwrap.fill(claim(rows), TITLE_LETTERS)
        figure = style.new_figure(title)
        small_print = _small_print(rows, groups, with_numbers=bool(accuracy))
        ends = {rule: f"{rule}  {series.mean_at_end(curve):.1f} %" for rule, curve in accuracy.items()}
        small_lines = small_print.count("\n") + 1
        lines = style.legend(figure, rules, ends, small_print=small_lines)
        style.caption(figure, small_print)
        top = 0.855 if "\n" not in title else 0.81
        boxes = _boxes(figure, bool(accuracy), len(losses), top, style.bottom_margin(lines, small_lines))
        if accuracy:
            _draw_accuracy(boxes.pop(0), accuracy)
        for axes, (name, curves) in zip(boxes, losses.items()):
            _draw_loss(axes, name, curves)
            if accuracy and axes is not boxes[-1]:
                axes.set_xlabel("")                             # the panel right below has the same axis
    return figure


def claim(rows):
    """The title: what every seed supports, or a plain description.

    A rule has learnt where its accuracy rose by a quarter at least of the way to 100 % and its training loss fell; one
    whose loss grew is named. What is claimed holds for each seed by itself, so nothing is where a seed is missing.
    """
    runs = series.runs(rows)
    seeds = set().union(*runs.values())
    if len(seeds) < 2 or any(set(by_seed) != seeds for by_seed in runs.values()):
        return PLAIN
    every = [run for by_seed in runs.values() for run in by_seed.values()]
    falls = {rule: [_loss_fell(run) for run in by_seed.values()] for rule, by_seed in runs.items()}
    grown = {rule: answers.count(False) for rule, answers in falls.items() if False in answers}
    accuracies = [_first_and_last(run, "test_accuracy") for run in every]
    learnt = all(ends and ends[1] >= ends[0] + WELL_ABOVE * (1 - ends[0]) and ends[1] > ends[0] for ends in accuracies)
    all_fell = all(answer is True for answers in falls.values() for answer in answers)
    if learnt:
        lowest, highest = (100 * choose(last for _, last in accuracies) for choose in (min, max))
        if all_fell:
            return f"Every rule learns: each seed ends between {_down(lowest)} and {_up(highest)} % on the test samples"
        if grown:
            above = math.ceil(round(lowest, 6)) - 1
            return f"Every rule ends above {above} %, but {_training_loss_of(grown)} grows{_with(grown, len(seeds))}"
        return PLAIN
    if grown and all(count == len(seeds) for count in grown.values()):
        return f"{_training_loss_of(grown)} grows, with every seed"
    losses = [_first_and_last(run, "test_loss") for run in every]
    if not any(accuracies) and not grown and all(ends and ends[1] < ends[0] for ends in losses):
        return "Every rule lowers the test loss, with every seed"
    return PLAIN


def _first_and_last(run, key):
    """(first, last) known number of one run, None where it does not know two."""
    known = [row[key] for row in run if _is_known(row.get(key))]
    return (known[0], known[-1]) if len(known) > 1 else None


def _loss_fell(run):
    """True where the training loss ended below where it began, False where above, None where neither can be said.

    It began at the loss of the untrained network, on test samples, and in the first epoch: both are asked.
    """
    known = [(row["epoch"], row["train_loss"]) for row in run if _is_known(row.get("train_loss"))]
    if not known or known[-1][0] < run[-1]["epoch"]:
        return None
    starts = [row["test_loss"] for row in run if row["epoch"] == 0 and _is_known(row.get("test_loss"))]
    starts += [known[0][1]] * (len(known) > 1)
    last = known[-1][1]
    if not starts or min(starts) <= last <= max(starts):
        return None
    return last < min(starts)


def _is_known(number):
    return number is not None and math.isfinite(number)


def _training_loss_of(rules):
    first, *others = rules
    if not others:
        return f"{first}'s training loss"
    return f"the training loss of {', '.join([first, *others][:-1])} and {others[-1]}"


def _with(grown, seeds):
    """Which seeds, where not all of them."""
    if all(count == seeds for count in grown.values()):
        return ""
    return f" with {max(grown.values())} of {seeds} seeds" if len(grown) == 1 else " with some seeds"


# Rounded outwards, so that the claim stays true; the inner round takes off what is only binary noise.

def _down(percent):
    return f"{math.floor(round(10 * percent, 6)) / 10:g}"


def _up(percent):
    return f"{math.ceil(round(10 * percent, 6)) / 10:g}"


def _small_print(rows, groups, with_numbers):
    words = series.told_about(rows, groups, with_decay=False)
    if with_numbers:
        words.append("numbers: accuracy at the end")
    decay = series.decay_in_words(rows)
    return series.fill(words + [f"weight decay: {decay}"] * bool(decay), style.SMALL_LETTERS)


def _boxes(figure, with_accuracy, losses, top, bottom):
    """The empty panels: accuracy wide on the left and the losses stacked on the right, or the losses side by side."""
    edges = {"left": 0.065, "right": 0.985, "top": top, "bottom": bottom}
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
