"""The autoencoder: deep feedback control learns it where its feedback learns, not where feedback stands still."""

import numpy as np

from feedbackalign.figures import looks, style
from feedbackalign.figures.experiments import trained
from feedbackalign.figures.small_print import fill, seeds_of
from feedbackalign.runs.rows import mean_at_end, mean_curves, require_measured
from feedbackalign.training.threads import on_our_terms
from feedbackalign.validation import require_integer

KINDS = {                           # what is trained: rule, options; and what the legend says
    "bp": ("bp", {}, "bp: backprop"),
    "dfc-ssa": ("dfc-ssa", {}, "dfc-ssa: feedback learns"),
    "fixed": ("dfc-ssa", {"feedback": "fixed"}, "dfc-ssa: feedback fixed"),
    "dfa": ("dfa", {}, "dfa: random feedback"),
}
LOOKS = {"fixed": looks.Look("#ca6a00", looks.DASHED, "H")}
SHOWN = 5                           # digits that are drawn again
BATCH, RATE = 64, 2e-3
TOP = 0.75                          # of the axis of errors


@on_our_terms()
def autoencoder_feedback_rows(*, seeds=2, epochs=30, pretraining=400, progress=None):
    """Train 64-32-8-32-64 on the digits by four ways of sending the error: -> rows.

    Adam at 2e-3 for all, batches of 64, the rules as they come; "fixed" is dfc-ssa with feedback="fixed".

    Parameters
    ----------
    seeds : int or sequence of int
    epochs : int
    pretraining : int
        Sleep phases before training.
    progress : callable, optional
        Called with every row.

    Returns
    -------
    list of dict
        rule (a key of `KINDS`), seed, epoch, test_mse (mean over pixels, of standardised digits), condition2 (None
        where there is no controller), and in the last row of a run drawn: the first test digits as they come out,
        and original.
    """
    seeds = trained.seed_list(seeds)
    epochs = require_integer(epochs, "epochs", low=0)
    pretraining = require_integer(pretraining, "pretraining", low=0)
    return trained.collect((_train(kind, seed, epochs, pretraining)
                            for seed in seeds for kind in KINDS), progress)


def _train(kind, seed, epochs, pretraining):
    from feedbackalign import data
    from feedbackalign.runs import models
    from feedbackalign.optimizer import Adam
    from feedbackalign.rules import make
    from feedbackalign.training.record import evaluate
    from feedbackalign.training.loop import train_step

    order, weights, feedback = (np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(3))
    digits = data.digits().standardised()
    network, task = models.fit("autoencoder", digits, init="xavier-normal", rng=weights)
    name, options, _ = KINDS[kind]
    asleep = {"pretraining": pretraining} if name == "dfc-ssa" else {}
    rule = make(name, network, rng=feedback, **options, **asleep)
    batches, adam = data.Batches(task.train, BATCH, rng=order), Adam(RATE)
    rule.before_training(batches)
    for epoch in range(epochs + 1):
        for x, targets in batches if epoch else ():
            train_step(rule, adam, x, targets)
        row = {"rule": kind, "seed": seed, "epoch": epoch, "condition2": _condition2(rule, task.test.x[:BATCH]),
               "test_mse": 2 * evaluate(rule, task.test)[0] / task.outputs}
        if epoch == epochs:
            row |= {"drawn": rule.predict(task.test.x[:SHOWN]).tolist(), "original": task.test.x[:SHOWN].tolist()}
        yield row


def _condition2(rule, x):
    """The share of Q that lies in what moves the output, a mean over samples; None for other rules."""
    from feedbackalign.rules.control.diagnostics import condition2
    from feedbackalign.networks.jacobians import forward

    if not hasattr(rule, "stages"):
        return None
    return float(condition2(rule.stages, forward(rule.stages, x), rule.arrays()).mean())


def autoencoder_feedback(rows):
    """The test error over epochs, and digits as they come out at the end.

    rows : list of dict
        Of `autoencoder_feedback_rows`.
    -> matplotlib.figure.Figure

    >>> rows = [{"rule": rule, "seed": 0, "epoch": epoch, "test_mse": 1.0 - epoch / 2, "condition2": None,
    ...          "drawn": [[0.0] * 64], "original": [[0.0] * 64]} for rule in ("bp", "dfa") for epoch in (0, 1)]
    >>> autoencoder_feedback(rows).axes[0].get_ylabel()
    'test error, mean square'
    """
    rows = require_measured(rows, ("rule", "epoch", "test_mse", "condition2"), "autoencoder_feedback_rows")
    errors = mean_curves(rows, lambda row: row["test_mse"])
    ends = {}
    for row in rows:
        if "drawn" in row:
            ends.setdefault(row["rule"], row)               # of the first seed
    with style.slide():
        figure = style.new_figure("An autoencoder of the digits, by four ways of sending the error")
        axes = figure.add_axes((0.07, 0.27, 0.5, 0.61))
        style.grid(axes)
        for rule, curve in errors.items():
            colour, dash, marker = LOOKS.get(rule) or looks.look(rule)
            axes.plot(curve.epochs, curve.mean, color=colour, linestyle=dash, marker=marker, markevery=3, zorder=3,
                      label=f"{KINDS[rule][2]}  {mean_at_end(curve):.2f}")
            axes.fill_between(curve.epochs, curve.low, curve.high, color=colour, alpha=0.16, linewidth=0, zorder=2)
        style.epoch_axis(axes, errors)
        axes.set_ylabel("test error, mean square")
        axes.set_ylim(0, min(TOP, axes.get_ylim()[1]))              # the start lies above, the same for all
        figure.legend(*axes.get_legend_handles_labels(), loc="lower center", bbox_to_anchor=(0.3, 0.078), ncol=2,
                      frameon=False, handlelength=2.4, columnspacing=1.2, handletextpad=0.5, fontsize=14)
        _draw_digits(figure, ends)
        style.foot(figure, caption(rows))
    return figure


def _draw_digits(figure, ends):
    """One row of digits per rule, below the row of what went in."""
    if not ends:
        return
    first = next(iter(ends.values()))
    strips = {"input": first["original"]} | {rule: row["drawn"] for rule, row in ends.items()}
    side = int(len(first["original"][0]) ** 0.5)
    low, high = np.min(first["original"]), np.max(first["original"])
    grid = figure.add_gridspec(len(strips), len(first["original"]), left=0.69, right=0.985, top=0.88, bottom=0.1,
                               hspace=0.08, wspace=0.06)
    for place, (name, images) in enumerate(strips.items()):
        for column, image in enumerate(images):
            panel = figure.add_subplot(grid[place, column])
            panel.imshow(np.reshape(image, (side, side)), cmap="gray_r", vmin=low, vmax=high)
            panel.set_xticks([]), panel.set_yticks([])
            for edge in panel.spines.values():
                edge.set_visible(False)
            if column == 0:
                colour = "#000000" if name == "input" else (LOOKS.get(name) or looks.look(name)).colour
                panel.set_ylabel(name, rotation=0, ha="right", va="center", color=colour, fontsize=15)


def caption(rows):
    """What is shown, and condition 2 at the start and at the end, wherever it was measured."""
    condition = ", ".join(f"{rule} {curve.mean[0]:.2f} → {mean_at_end(curve):.2f}"
                          for rule, curve in mean_curves(rows, lambda row: row["condition2"]).items())
    condition = condition and f"condition 2 (1 where it holds): {condition}"
    return fill(filter(None, ["digits, 64-32-8-32-64, Adam", seeds_of(rows), condition]))
