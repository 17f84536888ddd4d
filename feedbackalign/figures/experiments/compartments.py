"""Three compartments settle: the dendrite from below, the dendrite from above, and the soma between them."""

import numpy as np

from feedbackalign.figures import looks, style
from feedbackalign.figures.small_print import fill
from feedbackalign.runs.rows import require_measured
from feedbackalign.runs.run import Run
from feedbackalign.training.threads import on_our_terms
from feedbackalign.validation import require_integer, require_seed

COLOURS = ("#154aaa", "#bf0b00", "#20bf75")
LINES = {"soma": (looks.SOLID, 2.6, "soma u"), "basal": (looks.DASHED, 1.6, "basal: from below"),
         "apical": (looks.DOTTED, 2.2, "apical: from above; at an output the pull β (y − r)")}
SHOWN = 3                           # neurons of a layer
LOOKED_AT = 200                     # test digits, of which one near a decision is shown


@on_our_terms()
def compartments_rows(*, seed=0, epochs=5):
    """The data of the figure: the two phases of one digit whose class is not quite clear to a network.

    Parameters
    ----------
    seed : int
    epochs : int
        Of training, the model `corinfomax` on the digits, before we look.

    Returns
    -------
    list of dict
        sweep (counted through both phases, 0 is rest), phase, beta, epochs, digit, neurons ({layer: which are shown}),
        and soma, basal, apical ({layer: their values}): of the three hidden neurons whose rates the nudge moves most,
        and of the target's output and the two highest others. Voltages, in units of the largest rate.
    """
    seed = require_seed(seed)
    epochs = require_integer(epochs, "epochs", low=0)
    from feedbackalign.rules.information.dynamics import at_rest, restarted, settle
    from feedbackalign.training import train

    run = Run("corinfomax", seed=seed, model="corinfomax", epochs=epochs)
    rule, data, optimiser, stream = run.build()
    train(rule, data, optimiser, epochs=epochs, batch_size=run.batch_size, rng=stream)
    x, labels = data.test.x[:LOOKED_AT], data.test.targets[:LOOKED_AT]
    own = rule.predict(x)[np.arange(len(x)), labels]                            # rate of the target's output
    chosen = int(np.abs(own - 0.4).argmin())
    x, labels = rule.admit(x[chosen:chosen + 1]), labels[chosen:chosen + 1]
    wanted, populations = rule.wanted(labels, 1), rule.populations()
    moves, beta = [], abs(rule.beta)
    free, _ = settle(rule.neurons, populations, x, at_rest(populations, 1), sweeps=rule.free_steps,
                     watch=lambda sweep, k, now: moves.append(("free", 0.0, k, list(now))))
    nudged, _ = settle(rule.neurons, populations, x, restarted(free), sweeps=rule.nudged_steps, beta=beta,
                       targets=wanted, watch=lambda sweep, k, now: moves.append(("nudged", beta, k, list(now))))
    neurons = _chosen(free, nudged, int(labels[0]))
    whole = [(phase, nudge, now) for phase, nudge, k, now in moves if k == len(populations) - 1]       # whole sweeps
    return [{"sweep": sweep, "phase": phase, "beta": nudge, "epochs": epochs, "digit": int(labels[0]),
             "neurons": {f"fc{k + 1}": places for k, places in enumerate(neurons)},
             **_compartments(rule, populations, x, wanted, nudge, now, neurons)}
            for sweep, (phase, nudge, now) in enumerate([("free", 0.0, at_rest(populations, 1)), *whole])]


def _chosen(free, nudged, target):
    """Per layer the neurons to show; of the outputs the target comes first."""
    hidden = np.argsort(-np.abs(nudged[0].rates[0] - free[0].rates[0]))[:SHOWN].tolist()
    others = [unit for unit in np.argsort(-free[-1].rates[0]).tolist() if unit != target]
    return hidden, [target, *others[:SHOWN - 1]]


def _compartments(rule, populations, x, wanted, beta, now, neurons):
    low, top = now
    values = {"soma": (low.voltages, top.voltages),
              "basal": (populations[0].basal(x), populations[1].basal(low.rates)),
              "apical": (populations[0].apical(top.rates), beta * (wanted - top.rates))}
    return {name: {f"fc{k + 1}": [float(layer[0, unit]) for unit in neurons[k]] for k, layer in enumerate(layers)}
            for name, layers in values.items()}


def compartments(rows):
    """Two panels over sweeps, the hidden layer and the outputs; a line marks where the nudge begins.

    rows : list of dict
        Of `compartments_rows`.
    -> matplotlib.figure.Figure

    >>> rows = compartments_rows(epochs=0)
    >>> [axes.get_title() for axes in compartments(rows).axes]
    ['three hidden neurons', 'three outputs']
    """
    rows = require_measured(rows, ("sweep", "phase", *LINES), "compartments_rows")
    sweeps, first = [row["sweep"] for row in rows], rows[0]
    nudge = next((row["sweep"] for row in rows if row["phase"] == "nudged"), sweeps[-1])
    with style.slide():
        figure = style.new_figure(f"A digit {first['digit']}: all compartments settle, then the "
                                  "output is pulled to its target")
        small = fill(["digits, 64-100-10, rates are voltages clipped to [0, 1]", f"β = {rows[-1]['beta']:g}",
                      f"trained for {first['epochs']} epochs", "one colour a neuron",
                      "the nudged phase starts with u = r"])
        bottom = style.foot(figure, small, more=_legend())
        grid = figure.add_gridspec(1, 2, left=0.075, right=0.985, top=0.85, bottom=bottom, wspace=0.16)
        for place, (layer, title) in enumerate((("fc1", "three hidden neurons"), ("fc2", "three outputs"))):
            axes = figure.add_subplot(grid[0, place])
            style.grid(axes)
            axes.set_title(title)
            axes.set_xlabel("sweep")
            if not place:
                axes.set_ylabel("voltage (1: the largest rate)")
            axes.axhspan(0, 1, color="#f2f2f2", zorder=0)
            axes.axvline(nudge - 0.5, color="#8c8c8c", linewidth=1.2)
            for name, (dash, width, _) in LINES.items():
                for unit, colour in enumerate(COLOURS):
                    axes.plot(sweeps, [row[name][layer][unit] for row in rows], color=colour, linestyle=dash,
                              linewidth=width)
            _label_neurons(axes, rows, layer)
    return figure


def _label_neurons(axes, rows, layer):
    """The numbers of the neurons at the ends of their lines, and what the two phases are."""
    for unit, (number, colour) in enumerate(zip(rows[0]["neurons"][layer], COLOURS)):
        axes.annotate(f"{'target ' if layer == 'fc2' and not unit else ''}{number}",
                      (rows[-1]["sweep"], rows[-1]["soma"][layer][unit]), xytext=(4, 0), textcoords="offset points",
                      color=colour, fontsize=13, va="center", annotation_clip=False)
    axes.set_xlim(-0.5, rows[-1]["sweep"] * 1.22)


def _legend():
    from matplotlib.lines import Line2D

    return [Line2D([], [], color="#444444", linestyle=dash, linewidth=width, label=words)
            for dash, width, words in LINES.values()]
