"""How long may a step be in a deep network? The loss after one epoch over η, and over λ."""

import math
import statistics

from feedbackalign.figures import looks, style
from feedbackalign.figures.experiments import trained
from feedbackalign.figures.experiments.input_scale import draw_band, train
from feedbackalign.figures.small_print import fill
from feedbackalign.runs.rows import require_measured
from feedbackalign.training.threads import on_our_terms

ETAS = (0.03, 0.1, 0.3, 0.5, 1.0, 3.0)
PENALTIES = (0.01, 0.1, 1.0, 10.0, 100.0)
USUAL = {"eta": 0.5, "penalty": 1.0}
HIDDEN = (64,) * 6
HIGHEST = 1e3                           # losses above it, and those that are no number, are drawn here
LOOKS = {                               # not those of `looks.look`: two of them are too alike for one panel
    "bp": ("#000000", looks.DASH_DOT, "^", "bp, SGD with lr = η"),
    "proxprop": ("#bf0b00", looks.DASHED, "o", "proxprop, τ = 1/λ"),
    "semi-implicit": ("#154aaa", looks.SOLID, "s", "semi-implicit"),
}


@on_our_terms()
def step_tolerance_rows(*, seeds=range(1, 7), etas=ETAS, penalties=PENALTIES, hidden=HIDDEN, progress=None):
    """One epoch of the digits in batches of 100, by every rule at every η (λ = 1), then at every λ (η = 0.5).

    Parameters
    ----------
    seeds : int or sequence of int
    etas, penalties : sequence of float above 0
        η, which is the learning rate of bp, and λ.
    hidden : sequence of int
        Units of the hidden layers.
    progress : callable, optional
        Called with every row.

    Returns
    -------
    list of dict
        rule, seed, epoch, swept ("eta" or "penalty"), eta, penalty (None for bp), and loss: over the whole training set
        after the epoch; None where it is no number.

    >>> rows = step_tolerance_rows(seeds=1, etas=[0.5], penalties=[], hidden=(16,))
    >>> [(row["rule"], row["loss"] < 2.3) for row in rows]
    [('bp', True), ('proxprop', True), ('semi-implicit', True)]
    """
    seeds = trained.seed_list(seeds)
    etas = trained.number_list(etas, "etas")
    penalties = trained.number_list(penalties, "penalties")
    hidden = trained.count_list(hidden, "hidden", least=0)
    settings = [("eta", {**USUAL, "eta": eta}) for eta in etas]
    settings += [("penalty", {**USUAL, "penalty": penalty}) for penalty in penalties]

    def runs():
        for swept, setting in settings:
            for rule in LOOKS:
                if rule != "bp" or swept == "eta":
                    for seed in seeds:
                        yield [_row(rule, seed, swept, hidden, **setting)]
    return trained.collect(runs(), progress)


def _row(rule, seed, swept, hidden, eta, penalty):
    from feedbackalign.networks import mlp

    options = {"bp": {"lr": eta}, "proxprop": {"eta": eta, "tau": 1 / penalty},
               "semi-implicit": {"eta": eta, "weight_penalty": penalty, "bias_penalty": penalty}}[rule]
    (loss,), _ = train(rule, seed, build=lambda **make: mlp([64, *hidden, 10], **make), epochs=1, batch_size=100,
                       **options)
    return {"rule": rule, "seed": seed, "epoch": 1, "swept": swept, "eta": eta,
            "penalty": None if rule == "bp" else penalty, "loss": loss if math.isfinite(loss) else None}


def step_tolerance(rows):
    """The loss after one epoch: left over η at λ = 1, right over λ at η = 0.5; both axes logarithmic.

    rows : list of dict
        Of `step_tolerance_rows`.
    -> matplotlib.figure.Figure

    >>> rows = [{"rule": "semi-implicit", "seed": 1, "epoch": 1, "swept": swept, "eta": 0.5, "penalty": 1.0,
    ...          "loss": 0.2} for swept in ("eta", "penalty")]
    >>> [axes.get_xlabel() for axes in step_tolerance(rows).axes]
    ['η, at λ = 1', 'λ, at η = 0.5']
    """
    rows = require_measured(rows, ("rule", "seed", "swept", "eta", "penalty", "loss"), "step_tolerance_rows")
    seeds = len({row["seed"] for row in rows})
    with style.slide():
        figure = style.new_figure("Six hidden layers: the loss after one epoch over the length of a step")
        grid = figure.add_gridspec(1, 2, left=0.085, right=0.985, top=0.89, bottom=0.235, wspace=0.08)
        left, right = (figure.add_subplot(grid[0, place]) for place in range(2))
        for axes, swept in ((left, "eta"), (right, "penalty")):
            for rule, (colour, dash, marker, words) in LOOKS.items():
                chosen = [row for row in rows if (row["rule"], row["swept"]) == (rule, swept)]
                if chosen:
                    draw_band(axes, chosen, swept, _drawn, statistics.median, color=colour, linestyle=dash,
                              marker=marker, label=words)
            style.grid(axes)
            axes.axhline(math.log(10), color="#8c8c8c", linewidth=1.2, zorder=1)
            axes.set_xscale("log"), axes.set_yscale("log")
            axes.set_ylim(0.08, 1.3 * HIGHEST)
        left.text(0.02, 1.1 * math.log(10), "ten classes, guessed", transform=left.get_yaxis_transform(), fontsize=12,
                  color="#555555")
        left.set_xlabel("η, at λ = 1"), right.set_xlabel("λ, at η = 0.5")
        left.set_ylabel("cross-entropy after one epoch")
        right.tick_params(labelleft=False)
        small = fill([f"digits, {'-'.join(map(str, [64, *HIDDEN, 10]))} ReLU, He's weights, batches of 100",
                      "η: on the mean loss for bp, on each sample's own for the others",
                      "loss over the whole training set, at 10³: larger or no number",
                      f"median over {seeds} seeds, band: lowest to highest"])
        style.foot(figure, small, more=left.get_legend_handles_labels()[0])
    return figure


def _drawn(row):
    return HIGHEST if row["loss"] is None else min(row["loss"], HIGHEST)
