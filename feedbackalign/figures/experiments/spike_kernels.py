"""The same spiking network with a ramp and with a decaying kernel: what falls silent, and how large gradients get."""

import numpy as np

from feedbackalign.figures import looks, style
from feedbackalign.figures.experiments import trained
from feedbackalign.figures.small_print import seeds_of
from feedbackalign.runs.rows import require_measured
from feedbackalign.training.threads import on_our_terms
from feedbackalign.validation import require_integer

HIDDEN, BATCH, LR = 32, 32, 1e-3
LOOKS = {"ramp": ("#154aaa", looks.SOLID, "o"), "alpha": ("#bf0b00", looks.DASHED, "^")}
KEYS = {"kernel", "seed", "epoch", "test_accuracy", "silent_share", "largest_gradients"}


@on_our_terms()
def spike_kernels_rows(*, seeds=3, epochs=8, progress=None):
    """Train 65-32-10 on the digits with both kernels: the same weights, batches and optimiser, the exact gradient.

    Plain `bp`: no push for silent neurons and no floor on the slope. Adam at 1e-3, batches of 32, t_max = 4, τ = 1.

    Parameters
    ----------
    seeds : int or sequence of int
    epochs : int
    progress : callable, optional
        Called with every row.

    Returns
    -------
    list of dict
        kernel, seed, epoch, test_accuracy, silent_share ({layer: of the test split}), largest_gradients (the largest
        |∂W| of every step of the epoch; empty at epoch 0).
    """
    seeds = trained.seed_list(seeds)
    epochs = require_integer(epochs, "epochs", low=0)
    return trained.collect((_train(seed, kernel, epochs) for seed in seeds for kernel in LOOKS),
                           progress)


def _train(seed, kernel, epochs):
    from feedbackalign.data import Batches, digits
    from feedbackalign.networks import spiking
    from feedbackalign.optimizer import Adam
    from feedbackalign.rules import make
    from feedbackalign.training.loop import train_step

    data = digits()
    order, weights = (np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(2))
    network = spiking([data.input_shape[0], HIDDEN, 10], kernel=kernel, rng=weights)
    rule, adam, batches = make("bp", network), Adam(LR), Batches(data.train, BATCH, rng=order)

    def row(epoch, largest):
        right = network.forward(data.test.x).argmax(axis=1) == data.test.targets
        silent = {layer.name: float(np.isinf(layer.spikes).mean()) for layer in network.weighted_layers()}
        return {"kernel": kernel, "seed": seed, "epoch": epoch, "test_accuracy": float(right.mean()),
                "silent_share": silent, "largest_gradients": largest}
    yield row(0, [])
    for epoch in range(1, epochs + 1):
        steps = [train_step(rule, adam, x, labels) for x, labels in batches]
        yield row(epoch, [max(float(np.abs(g).max()) for g in step.grads.values()) for step in steps])


def peaks(rows):
    """{(kernel, seed): largest |∂W| of the run over the median of its steps' largest}."""
    runs = {}
    for row in rows:
        runs.setdefault((row["kernel"], row["seed"]), []).extend(row["largest_gradients"])
    return {run: max(steps) / float(np.median(steps)) for run, steps in runs.items() if steps and np.median(steps) > 0}


def spike_kernels(rows):
    """Three panels over epochs, one line per kernel: accuracy, silent hidden neurons, and every step's largest |∂W|.

    rows : list of dict
        Of `spike_kernels_rows`.
    -> matplotlib.figure.Figure

    Raises
    ------
    NothingToShow
        If there are no rows.

    >>> rows = [{"kernel": kernel, "seed": 0, "epoch": epoch, "test_accuracy": 0.5, "silent_share": {"spike1": 0.3},
    ...          "largest_gradients": [0.1, 0.2] * epoch} for kernel in ("ramp", "alpha") for epoch in (0, 1)]
    >>> [axes.get_title() for axes in spike_kernels(rows).axes]
    ['test accuracy (%)', 'silent hidden neurons (%)', 'largest |∂W| of a step']
    """
    rows = require_measured(rows, KEYS, "spike_kernels_rows")
    first, last = next(iter(rows[0]["silent_share"])), max(row["epoch"] for row in rows)
    with style.slide():
        figure = style.new_figure("The same network with two kernels: the decaying one is harder to train")
        small = (f"digits, 65-{HIDDEN}-10, the exact gradient (bp), Adam, the alpha kernel's τ = 1\n"
                 f"{seeds_of(rows)}; in the last panel all steps of all seeds")
        bottom = style.foot(figure, small, more=_legend())
        grid = figure.add_gridspec(1, 3, left=0.055, right=0.985, top=0.85, bottom=bottom, wspace=0.29)
        panels = [figure.add_subplot(grid[0, place]) for place in range(3)]
        _draw(panels[0], rows, lambda row: 100 * row["test_accuracy"], "test accuracy (%)")
        _draw(panels[1], rows, lambda row: 100 * row["silent_share"][first], "silent hidden neurons (%)")
        _draw_steps(panels[2], rows)
        for axes in panels:
            style.grid(axes)
            axes.set_xlim(-0.02 * last, 1.02 * last)
            axes.set_xlabel("epoch")
        for axes in panels[:2]:
            axes.set_ylim(0, 100)
    return figure


def _legend():
    from matplotlib.lines import Line2D
    words = {"ramp": "ramp: max(s, 0)", "alpha": "alpha: (s/τ) exp(1 − s/τ)"}
    return [Line2D([], [], color=colour, linestyle=dash, marker=marker, label=words[kernel])
            for kernel, (colour, dash, marker) in LOOKS.items()]


def _draw(axes, rows, value, title):
    """The mean over seeds and the band from the lowest to the highest."""
    axes.set_title(title)
    for kernel, (colour, dash, marker) in LOOKS.items():
        by_epoch = {}
        for row in rows:
            if row["kernel"] == kernel:
                by_epoch.setdefault(row["epoch"], []).append(value(row))
        epochs = sorted(by_epoch)
        numbers = [by_epoch[epoch] for epoch in epochs]
        axes.plot(epochs, list(map(np.mean, numbers)), color=colour, linestyle=dash, marker=marker)
        axes.fill_between(epochs, list(map(min, numbers)), list(map(max, numbers)), color=colour, alpha=0.16,
                          linewidth=0)


def _draw_steps(axes, rows):
    """A dot for every step, at its place in the epoch; steps without any gradient cannot be shown."""
    axes.set_title("largest |∂W| of a step")
    for kernel, (colour, _, marker) in LOOKS.items():
        dots = [(row["epoch"] - 1 + (place + 1) / len(row["largest_gradients"]), largest)
                for row in rows if row["kernel"] == kernel for place, largest in enumerate(row["largest_gradients"])]
        dots = np.array([dot for dot in dots if dot[1] > 0]).reshape(-1, 2)
        axes.scatter(*dots.T, color=colour, marker=marker, s=9, alpha=0.35, linewidths=0, rasterized=True)
    axes.set_yscale("log")
