"""How long is the error at every depth of a flow, in all of training? Inside its band; without skewness, outside."""

import numpy as np

from feedbackalign.figures import looks, style
from feedbackalign.figures.experiments import trained
from feedbackalign.ops.norms import norm
from feedbackalign.ops.quiet import quiet
from feedbackalign.runs.rows import require_measured
from feedbackalign.training.threads import on_our_terms
from feedbackalign.validation import require_integer

SIZES, STEPS, EPOCHS, BATCH, RATE = (64, 16, 10), 10, 15, 64, 5e-3
WEIGHTS = {                     # what stands between encoder and readout: title and colour of its panel
    "iso": ("iso flow, orthogonal", "#154aaa"),
    "gated": ("gated flow, orthogonal", "#008a95"),
    "constant": ("one matrix, unconstrained", "#ca6a00"),
    "not skew": ("the iso flow, not made skew", "#bf0b00"),
}
KEYS = {"weights", "seed", "test_accuracy", "lowest", "highest", "low", "high", "drift"}
SHOWN = (0.2, 12.0)             # of the vertical axis


@on_our_terms()
def gradient_band_rows(*, seeds=3, epochs=EPOCHS, progress=None):
    """Train 64-16-10 around two flows and around two controls on the digits, and keep how long errors ever were.

    Ten steps of |v| over a time of 1, in float64; inputs centred by the training mean, Adam at 0.005, batches of 64.

    Parameters
    ----------
    seeds : int or sequence of int
    epochs : int
    progress : callable, optional
        Called with every row.

    Returns
    -------
    list of dict
        weights (a key of `WEIGHTS`), seed, test_accuracy (None where training ended in numbers that are not finite),
        lowest and highest (‖λ_k‖ / ‖λ_N‖ of all batches, lists over k = N … 0), low and high (the band, likewise),
        drift (the largest entry of W_kᵀW_k − I; None where it is not finite).

    >>> row, *_ = gradient_band_rows(seeds=1, epochs=1)
    >>> row["weights"], row["low"][-1] < row["lowest"][-1] < row["highest"][-1] < row["high"][-1]
    ('iso', True)
    """
    seeds = trained.seed_list(seeds)
    epochs = require_integer(epochs, "epochs", low=0)
    return trained.collect((_train(weights, seed, epochs) for seed in seeds for weights in WEIGHTS),
                           progress)


def _train(weights, seed, epochs):
    from feedbackalign.data import Batches, digits
    from feedbackalign.layers.flows import departure
    from feedbackalign.optimizer import Adam
    from feedbackalign.rules import make
    from feedbackalign.training.loop import train_step
    from feedbackalign.training.record import evaluate

    data = digits().standardised(std=1)                                         # centred, no more
    network = network_with(weights, np.random.default_rng(seed))
    rule, adam, flow = make("ode-to-ode", network), Adam(RATE), network.layer("flow1")
    batches = Batches(data.train, BATCH, rng=np.random.default_rng([1, seed]))
    lowest, highest, drift = np.full(STEPS + 1, np.inf), np.zeros(STEPS + 1), 0.0
    with quiet():
        try:
            for _ in range(epochs):
                for x, labels in batches:
                    train_step(rule, adam, x, labels)
                    lengths = norm(flow.errors, axis=(1, 2))
                    lowest, highest = (keep(ends, lengths / lengths[-1])
                                       for keep, ends in ((np.fmin, lowest), (np.fmax, highest)))
                    drift = max(drift, *(departure(W) for W in flow.matrices))
            accuracy = evaluate(rule, data.test)[1]
        except FloatingPointError:                                              # the flow says at which step
            accuracy = None
    low, high = flow.band()
    down = {"lowest": lowest, "highest": highest, "low": low, "high": high}
    yield {"weights": weights, "seed": seed, "test_accuracy": accuracy, "drift": drift if np.isfinite(drift) else None,
           **{name: values[::-1].tolist() for name, values in down.items()}}


def network_with(weights, rng):
    """Encoder, what `weights` names, readout; in float64."""
    from feedbackalign.layers import Linear, MatrixFlow
    from feedbackalign.networks import Network
    from feedbackalign.rules.flows.controls import Constant, NotSkew

    inputs, d, outputs = SIZES
    make = {"rng": rng, "dtype": np.float64}
    kind = {"constant": Constant, "not skew": NotSkew}.get(weights, MatrixFlow)
    return Network([Linear(inputs, d, **make), kind(d, STEPS, flow="gated" if weights == "gated" else "iso", **make),
                    Linear(d, outputs, **make)])


def gradient_band(rows):
    """One panel for each kind of weights: how long errors ever were, from the top of the flow down, and their band.

    rows : list of dict
        Of `gradient_band_rows`.
    -> matplotlib.figure.Figure

    Raises
    ------
    NothingToShow
        If there are no rows.

    >>> figure = gradient_band(gradient_band_rows(seeds=1, epochs=1))
    >>> len(figure.axes)
    4
    """
    rows = require_measured(rows, KEYS, "gradient_band_rows")
    shown = [weights for weights in WEIGHTS if any(row["weights"] == weights for row in rows)]
    with style.slide():
        figure = style.new_figure("Along orthogonal weights no training can make the error vanish or explode")
        panels = figure.subplots(2, 2, sharex=True, sharey=True, squeeze=False).ravel()
        figure.subplots_adjust(left=0.085, right=0.985, top=0.85, bottom=0.185, wspace=0.07, hspace=0.3)
        for axes, weights in zip(panels, shown):
            _draw(axes, weights, [row for row in rows if row["weights"] == weights])
        for axes in panels[2:]:
            axes.set_xlabel("steps down from the top of the flow")
        for axes in panels[::2]:
            axes.set_ylabel("‖λ‖ over ‖λ at the top‖", fontsize=14)
        style.foot(figure, f"in colour: from the shortest to the longest error λ of all batches and seeds   ·   grey: "
                           f"from (1 − h)ⁿ to (1 + h)ⁿ, n steps down\ndigits, {'-'.join(map(str, SIZES))}, {STEPS} "
                           f"steps of h = {1 / STEPS:g}, |v|   ·   Adam, lr {RATE:g}   ·   %: test accuracies")
    return figure


def _draw(axes, weights, rows):
    """The band in grey, and in colour where errors were."""
    words, colour = WEIGHTS[weights]
    down = np.arange(len(rows[0]["low"]))
    lowest = np.min([row["lowest"] for row in rows], axis=0)
    highest = np.minimum(np.max([row["highest"] for row in rows], axis=0), 1e30)    # infinity cannot be drawn
    axes.fill_between(down, rows[0]["low"], rows[0]["high"], color="#dddddd", linewidth=0)
    for end in (rows[0]["low"], rows[0]["high"]):
        axes.plot(down, end, color="#8c8c8c", linestyle=looks.DASHED, linewidth=1.2)
    axes.fill_between(down, lowest, highest, color=colour, alpha=0.35, linewidth=0)
    for end in (lowest, highest):
        axes.plot(down, end, color=colour)
    axes.set_yscale("log")
    axes.set_ylim(*SHOWN)
    axes.set_xlim(0, down[-1])
    axes.set_yticks([0.25, 0.5, 1, 2, 4, 8], ["1/4", "1/2", "1", "2", "4", "8"])
    axes.minorticks_off()
    style.grid(axes)
    ended = ["–" if row["test_accuracy"] is None else f"{100 * row['test_accuracy']:.0f}" for row in rows]
    axes.set_title(f"{words}: {', '.join(ended)} %")
    if highest[-1] > SHOWN[1]:
        axes.text(0.97, 0.93, f"up to {highest[-1]:,.0f}", transform=axes.transAxes, ha="right", va="top", fontsize=14)
