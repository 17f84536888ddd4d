"""Inputs ten times smaller, or sixteen times larger: which learning rates still learn?"""

import statistics

import numpy as np

from feedbackalign.figures import style
from feedbackalign.figures.experiments import trained
from feedbackalign.figures.small_print import fill, seeds_of
from feedbackalign.ops.quiet import quiet
from feedbackalign.runs.rows import require_measured
from feedbackalign.training.threads import on_our_terms
from feedbackalign.validation import require_integer, require_number

RATES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
SCALES = (0.1, 1.0, 16.0)
RULES = {"bp": "gradient steps (bp)", "consequentialism": "consequentialism, ε = 1"}
LOOKS = {0: ("#00bfea", "o"), 1: ("#154aaa", "s"), 2: ("#9f0b60", "D")}       # one per scale, small to large


@on_our_terms()
def input_scale_rows(*, seeds=3, rates=RATES, scales=SCALES, epochs=10, progress=None):
    """Train 64-64-10 on the digits, pixels times a scale, by SGD without momentum in batches of 32.

    Parameters
    ----------
    seeds : int or sequence of int
    rates : sequence of float above 0
        SGD's lr; that of consequentialism is μ.
    scales : sequence of float above 0
    epochs : int
    progress : callable, optional
        Called with every row.

    Returns
    -------
    list of dict
        rule, seed, epoch (the last), scale, lr, and test_accuracy.

    >>> row, = input_scale_rows(seeds=1, rates=[0.3], scales=[1.0], epochs=1)[1:]
    >>> row["rule"], row["scale"], row["test_accuracy"] > 0.5
    ('consequentialism', 1.0, True)
    """
    seeds = trained.seed_list(seeds)
    rates = trained.number_list(rates, "rates")
    scales = trained.number_list(scales, "scales")
    epochs = require_integer(epochs, "epochs", low=1)

    def runs():
        for rule in RULES:
            for scale in scales:
                for lr in rates:
                    for seed in seeds:
                        _, accuracy = train(rule, seed, lr=lr, scale=scale, epochs=epochs)
                        yield [{"rule": rule, "seed": seed, "epoch": epochs, "scale": float(scale), "lr": float(lr),
                                "test_accuracy": accuracy}]
    return trained.collect(runs(), progress)


def train(rule, seed, *, build=None, lr=1.0, momentum=0.0, scale=1.0, epochs=10, batch_size=32, **options):
    """One run on the digits from He's weights: -> (losses over the whole training set after every epoch, accuracy).

    `build` makes the network, of `rng` and `init`; 64-64-10 unless given. `scale` multiplies the pixels; `options` are
    the rule's. A run that diverges goes on, and its losses are nan.
    """
    from feedbackalign import networks, rules
    from feedbackalign.data import Batches, Split, digits
    from feedbackalign.optimizer import SGD
    from feedbackalign.rules.base import take_step
    from feedbackalign.training.record import evaluate

    weights, feedback, order = (np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(3))
    build = build or (lambda **make: networks.mlp([64, 64, 10], **make))
    made = rules.make(rule, build(rng=weights, init="kaiming-normal"), rng=feedback, **options)
    data = digits(images=len(made.network.input_shape) == 3)
    scale = require_number(scale, "scale", low=0, low_open=True)
    learnt, tested = (Split(split.x * np.float32(scale), split.targets) for split in (data.train, data.test))
    optimizer, batches, losses = SGD(lr, momentum=momentum), Batches(learnt, batch_size, rng=order), []
    with quiet():                             # a rate that is too long is part of the measurement
        for _ in range(epochs):
            for x, targets in batches:
                take_step(made, optimizer, x, targets)
            losses.append(evaluate(made, learnt)[0])
        return losses, evaluate(made, tested)[1]


def input_scale(rows):
    """Test accuracy over the learning rate: left for gradient steps, right for consequentialism, a line per scale.

    rows : list of dict
        Of `input_scale_rows`.
    -> matplotlib.figure.Figure

    >>> rows = [{"rule": rule, "seed": 0, "epoch": 1, "scale": 1.0, "lr": lr, "test_accuracy": 0.9}
    ...         for rule in ("bp", "consequentialism") for lr in (0.1, 1.0)]
    >>> [axes.get_title() for axes in input_scale(rows).axes]
    ['gradient steps (bp)', 'consequentialism, ε = 1']
    """
    rows = require_measured(rows, ("rule", "seed", "scale", "lr", "test_accuracy"), "input_scale_rows")
    scales = sorted({row["scale"] for row in rows})
    with style.slide():
        figure = style.new_figure("Which learning rates learn, when inputs are smaller or larger?")
        small = fill(["digits, 64-64-10 ReLU, He's weights", f"SGD without momentum, batches of 32, "
                      f"{rows[0]['epoch']} epochs", seeds_of(rows)])
        grid = figure.add_gridspec(1, 2, left=0.07, right=0.985, top=0.85, bottom=0.21, wspace=0.08)
        panels = [figure.add_subplot(grid[0, place]) for place in range(2)]
        for axes, (rule, title) in zip(panels, RULES.items()):
            for place, scale in enumerate(scales):
                colour, marker = LOOKS[place % len(LOOKS)]
                draw_band(axes, [row for row in rows if (row["rule"], row["scale"]) == (rule, scale)], "lr",
                          lambda row: 100 * row["test_accuracy"], color=colour, marker=marker,
                          label=f"pixels × {scale:g}")
            style.grid(axes)
            axes.set_title(title)
            axes.set_xscale("log")
            axes.set_ylim(0, 102)
        panels[0].set_xlabel("learning rate (of the mean gradient)")
        panels[1].set_xlabel("learning rate μ")
        panels[0].set_ylabel("test accuracy (%)")
        panels[1].tick_params(labelleft=False)
        style.foot(figure, small, more=panels[0].get_legend_handles_labels()[0])
    return figure


def draw_band(axes, rows, key, value, middle=statistics.fmean, **look):
    """One line over `key`, the middle of the rows' values at each, with a band from the lowest to the highest."""
    places = sorted({row[key] for row in rows})
    groups = [[value(row) for row in rows if row[key] == place] for place in places]
    axes.plot(places, [middle(group) for group in groups], markeredgecolor=look["color"], zorder=3, **look)
    axes.fill_between(places, [min(group) for group in groups], [max(group) for group in groups], color=look["color"],
                      alpha=0.14, linewidth=0, zorder=2)
