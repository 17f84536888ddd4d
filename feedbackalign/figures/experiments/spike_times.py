"""One digit on its way through a trained spiking network: when every neuron fires, and how its potential got there."""

import numpy as np

from feedbackalign.figures import looks, style
from feedbackalign.figures.small_print import fill
from feedbackalign.runs.rows import require_measured
from feedbackalign.training.threads import on_our_terms
from feedbackalign.validation import require_integer, require_seed

HIDDEN, BATCH = 64, 32
SHOWN = 6                           # hidden neurons whose potentials are drawn: of those that fire, spread over time
COLOURS = {"code1": "#756040", "spike1": "#154aaa", "spike2": "#bf0b00"}
WORDS = {"code1": "pixels", "spike1": "hidden", "spike2": "output"}
KEYS = {"layer", "neuron", "time", "potential", "label", "answer", "t_max", "test_accuracy"}


@on_our_terms()
def spike_times_rows(*, seed=0, epochs=8, sample=1):
    """Train 65-64-10 by `relpsp` on the digits, and show it one digit of the test split.

    Parameters
    ----------
    seed : int
    epochs : int
        Of Adam at 1e-3 with batches of 32; t_max = 4.
    sample : int
        Place in the test split.

    Returns
    -------
    list of dict
        One per neuron: layer, neuron, time (of its spike, None if it is silent), potential (corners [time, V] up to
        t_max; None for the code), label, answer, t_max, test_accuracy.

    >>> rows = spike_times_rows(epochs=0)
    >>> [sum(row["layer"] == layer for row in rows) for layer in ("code1", "spike1", "spike2")]
    [65, 64, 10]
    """
    seed = require_seed(seed)
    epochs = require_integer(epochs, "epochs", low=0)
    sample = require_integer(sample, "sample", low=0)
    from feedbackalign.data import Batches, digits
    from feedbackalign.networks import spiking
    from feedbackalign.optimizer import Adam
    from feedbackalign.rules import make
    from feedbackalign.training.loop import train_step

    data = digits()
    order, weights, own = (np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(3))
    network = spiking([data.input_shape[0], HIDDEN, 10], rng=weights)
    rule, adam, batches = make("relpsp", network, rng=own), Adam(1e-3), Batches(data.train, BATCH, rng=order)
    for _ in range(epochs):
        for x, labels in batches:
            train_step(rule, adam, x, labels)
    accuracy = float((network.forward(data.test.x).argmax(axis=1) == data.test.targets).mean())
    network.astype(np.float64)
    answer = network.forward(data.test.x[sample:sample + 1].astype(np.float64)).argmax()
    about = {"label": int(data.test.targets[sample]), "answer": int(answer), "test_accuracy": accuracy}
    rows = _neurons("code1", network.layer("spike1").input[0], None, None, about)
    for layer in network.weighted_layers():
        rows += _neurons(layer.name, layer.spikes[0], layer.input[0], layer, about)
    return rows


def _neurons(name, spikes, inputs, layer, about):
    """One row per neuron of a layer; `layer` is None for the code, whose neurons have no potential."""
    t_max, curves = 4.0, [None] * len(spikes)
    if layer is not None:
        from feedbackalign.ops.spikes import potential
        t_max = layer.t_max
        at = np.unique(np.concatenate([inputs[inputs < t_max], [0.0, t_max]]))          # where the potential bends
        V = [potential(np.full((1, len(spikes)), t), inputs[None], layer.weight)[0] for t in at]
        curves = [list(map(list, zip(at.tolist(), curve))) for curve in np.transpose(V).tolist()]
    return [{"layer": name, "neuron": number, "time": float(time) if np.isfinite(time) else None, "potential": curve,
             "t_max": t_max, **about} for number, (time, curve) in enumerate(zip(spikes, curves))]


def spike_times(rows):
    """A raster of all spikes beside the potentials of some hidden neurons and of all outputs, with their crossings.

    rows : list of dict
        Of `spike_times_rows`.
    -> matplotlib.figure.Figure

    Raises
    ------
    NothingToShow
        If there are no rows.

    >>> [axes.get_title() for axes in spike_times(spike_times_rows(epochs=0)).axes]
    ['every spike', 'potentials of 6 hidden neurons', 'potentials of the outputs']
    """
    rows = require_measured(rows, KEYS, "spike_times_rows")
    first = rows[0]
    with style.slide():
        figure = style.new_figure(f"A digit {first['label']} as spike times: the output that fires first is the "
                                  f"answer, here {first['answer']}")
        grid = figure.add_gridspec(2, 2, left=0.085, right=0.975, top=0.86, bottom=0.16, wspace=0.17, hspace=0.36)
        panels = [figure.add_subplot(grid[:, 0]), figure.add_subplot(grid[0, 1]), figure.add_subplot(grid[1, 1])]
        for axes in panels:
            style.grid(axes)
            axes.set_xlim(-0.02 * first["t_max"], first["t_max"])
        _draw_raster(panels[0], rows)
        hidden = sorted((row for row in rows if row["layer"] == "spike1" and row["time"] is not None),
                        key=lambda row: row["time"])
        chosen = hidden[:: max(1, -(-len(hidden) // SHOWN))]
        _draw_potentials(panels[1], chosen, f"potentials of {len(chosen)} hidden neurons")
        _draw_potentials(panels[2], [row for row in rows if row["layer"] == "spike2"], "potentials of the outputs")
        for axes in (panels[0], panels[2]):
            axes.set_xlabel("time (units of the encoding window)")
        style.foot(figure, fill([
            f"digits, 65-{HIDDEN}-10, trained by relpsp, {100 * first['test_accuracy']:.0f} % of the test digits right",
            "topmost brown dot: the reference spike", "dashed: threshold ϑ",
            "thin: potentials after the spike, which no longer matter"]))
    return figure


def _draw_raster(axes, rows):
    """One line of the raster per neuron, from the pixels up to the outputs; the silent ones are counted in words.

    Topmost among the pixels stands the reference spike, which is no pixel and not counted.
    """
    axes.set_title("every spike")
    floor, ticks = 0, {}
    for layer, colour in COLOURS.items():
        some, apart = [row for row in rows if row["layer"] == layer], 2.2 if layer == "spike2" else 1.0
        fired = [(row["time"], floor + apart * row["neuron"]) for row in some if row["time"] is not None]
        axes.scatter(*np.array(fired).reshape(-1, 2).T, color=colour, s=26 if layer != "spike2" else 60, zorder=3)
        if layer == "spike2":
            for row in some:
                if row["time"] is not None:
                    axes.annotate(str(row["neuron"]), (row["time"], floor + apart * row["neuron"]), xytext=(9, 0),
                                  textcoords="offset points", va="center", fontsize=12, color=colour)
        counted = len(some) - (layer == "code1")
        ticks[floor + apart * len(some) / 2] = f"{WORDS[layer]}\n{len(some) - len(fired)} of {counted}\nsilent"
        floor += apart * len(some) + 6
    axes.set_ylim(-4, floor)
    axes.set_yticks(list(ticks), list(ticks.values()))
    axes.grid(axis="y", visible=False)


def _draw_potentials(axes, rows, title):
    """Straight pieces between the inputs; a dot where a potential first gets to the threshold, 1."""
    axes.set_title(title)
    axes.set_ylabel("V / ϑ")
    axes.axhline(1.0, color="#444444", linestyle=looks.DASHED, linewidth=1.4)
    lowest = 0.0
    for rank, row in enumerate(sorted(rows, key=lambda row: row["time"] or row["t_max"])):
        colour, (t, V) = COLOURS[row["layer"]], np.transpose(row["potential"])
        spike = row["t_max"] if row["time"] is None else row["time"]
        corners = np.append(t[t < spike], spike)
        axes.plot(corners, np.interp(corners, t, V), color=colour, linewidth=1.8)
        lowest = min(lowest, np.interp(corners, t, V).min())
        axes.plot(t, V, color=colour, linewidth=0.7, alpha=0.45)
        if row["time"] is not None:
            axes.plot(spike, 1.0, "o", color=colour, markersize=8)
            if row["layer"] == "spike2":
                axes.annotate(str(row["neuron"]), (spike, 1.0), xytext=(0, 8 + 12 * (rank % 2)), ha="center",
                              textcoords="offset points", fontsize=12, color=colour)
    axes.set_ylim(lowest - 0.15, 1.5)
