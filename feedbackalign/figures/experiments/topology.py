"""Does the rule show in the topology of the weights? Persistence between its bounds over epochs, one colour a rule."""

import numpy as np

from feedbackalign.figures import looks, style
from feedbackalign.figures.experiments import trained
from feedbackalign.runs.rows import NothingToShow, mean_curves, names_in, require_measured
from feedbackalign.runs.sweep import require_settings
from feedbackalign.training.threads import on_our_terms

MODEL = "corinfomax"                                        # one network that all these rules take
RULES = ("bp", "fa", "pfa", "corinfomax")                   # the first is what the others are compared with


@on_our_terms()
def topology_rows(*, seeds=5, rules=RULES, progress=None, **settings):
    """Train one network by each rule on the digits, from the same starts on the same batches.

    After every epoch each layer's weights are also replaced, rank for rank, by those of the first rule at the same seed
    and epoch: then both have the same weights, and the same variance, and differ only in where they stand.

    Parameters
    ----------
    seeds : int or sequence of int
    rules : sequence of str
    progress : callable, optional
        Called with every row.
    **settings
        Any other field of `Run`. By default the model is `corinfomax`: 64-100-10, hard-sigmoid units, squared error,
        no biases, no decay.

    Returns
    -------
    list of dict
        rule, seed, model, data, decay, epoch, test_accuracy; np and dgp of the network; variance of its |w| / max|w|;
        layers ({layer: {np, low, high, position}}, np divided by the layer's own largest); and of the network with
        replaced weights matched ({np, dgp, position: {layer: …}}).
    """
    require_settings(settings)
    seeds = trained.seed_list(seeds)
    rules = trained.rule_list(rules)
    def all_runs():
        for seed in seeds:
            first = None
            for rule in rules:
                rows, weights = _train(rule, seed, {"model": MODEL} | settings)
                first = weights if first is None else first
                yield map(_look, rows, weights, first)
    return trained.collect(all_runs(), progress)


def _train(rule, seed, settings):
    """-> the rows of training, with persistence, and after every epoch {layer: weights}."""
    from feedbackalign.runs.run import Run
    from feedbackalign.training.loop import train

    run = Run(rule, seed=seed, persistence=True, **settings)
    made, data, optimizer, stream = run.build()
    weights = []

    def keep(news):
        if "steps" not in news:                             # a row
            weights.append({layer.name: layer.weight.astype(np.float64) for layer in made.network.weighted_layers()})
    about = {"seed": seed, "model": run.model, "data": run.data, "decay": run.decay}
    rows = train(made, data, optimizer, epochs=run.epochs, batch_size=run.batch_size, rng=stream, persistence=True,
                 lr_at=run.lr_at(made, len(data.train)), decay_at=run.decay_at(made), about=about, progress=keep)
    return rows, weights


def _look(row, weights, others):
    """What is kept of one epoch's row."""
    from feedbackalign.persistence import (deep_graph_persistence, network_persistence, neural_persistence,
                                           shuffle_gap)

    measured, strengths = row["persistence"], np.concatenate([np.abs(W).ravel() for W in weights.values()])
    layers = {name: {"np": neural_persistence(W), **{key: measured["layers"][name][key]
                                                     for key in ("low", "high", "position")}}
              for name, W in weights.items()}
    matched = {name: in_order_of(W, others[name]) for name, W in weights.items()}
    return {**{key: row[key] for key in ("rule", "seed", "model", "data", "decay", "epoch", "test_accuracy")},
            "np": measured["np"], "dgp": measured["dgp"], "variance": float(np.var(strengths / strengths.max())),
            "layers": layers,
            "matched": {"np": network_persistence(list(matched.values()))[0],
                        "dgp": deep_graph_persistence(list(matched.values())),
                        "position": {name: shuffle_gap(W, 20, np.random.default_rng([row["epoch"], index]))[3]
                                     for index, (name, W) in enumerate(matched.items())}}}


def in_order_of(W, values):
    """The entries of `values`, put in the order of those of W: the largest where W has its largest, and so on.

    >>> in_order_of(np.array([[0.1, -5.0], [3.0, 0.2]]), np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([[2., 1.],
           [4., 3.]])
    """
    placed = np.empty(W.size)
    placed[np.argsort(W, axis=None, kind="stable")] = np.sort(values, axis=None)
    return placed.reshape(W.shape)


def topology(rows):
    """One panel per layer and rule: persistence over epochs in its band from the lowest to the highest arrangement.

    rows : list of dict
        Of `topology_rows`.
    -> matplotlib.figure.Figure

    >>> layer = {"np": 0.5, "low": 0.4, "high": 0.8, "position": 0.1}
    >>> rows = [{"rule": rule, "seed": 0, "epoch": epoch, "model": "mlp", "data": "digits", "decay": 1e-4,
    ...          "layers": {"fc1": layer, "fc2": layer}} for rule in ("bp", "fa") for epoch in (0, 1)]
    >>> [axes.get_title() for axes in topology(rows).axes]
    ['bp, fc2', 'fa, fc2', 'bp, fc1', 'fa, fc1']
    """
    rows = require_measured(rows, ("rule", "epoch"), "topology_rows")
    layers = names_in(rows, "layers")
    if not layers:
        raise NothingToShow("topology: no row says the persistence of a layer")
    curves = {(layer, key): mean_curves(rows, lambda row, layer=layer, key=key: row["layers"][layer][key])
              for layer in layers for key in ("np", "low", "high")}
    rules = list(curves[layers[0], "np"])
    with style.slide():
        figure = style.new_figure("Neural persistence of a layer, between its lowest and highest arrangement")
        grid = figure.add_gridspec(len(layers), len(rules), left=0.075, right=0.985, top=0.85, bottom=0.2, wspace=0.1,
                                   hspace=0.3)
        panels = [figure.add_subplot(grid[line, place]) for line in range(len(layers)) for place in range(len(rules))]
        for axes, (layer, rule) in zip(panels, ((layer, rule) for layer in reversed(layers) for rule in rules)):
            _draw(axes, *(curves[layer, key][rule] for key in ("low", "np", "high")), looks.look(rule))
            axes.set_title(f"{rule}, {layer}")
            style.epoch_axis(axes, curves[layer, "np"], "")
            axes.label_outer()
        for axes in panels[-len(rules):]:
            axes.set_xlabel("epoch")
        for axes in panels[::len(rules)]:
            axes.set_ylabel("persistence")
        first = rows[0]
        seeds = len({row["seed"] for row in rows})
        style.foot(figure, f"model {first['model']} on {first['data']}, weight decay {first['decay'] or 0}   ·   "
                           f"weights over the layer's largest |w|   ·   mean over {seeds} seed{'s' * (seeds > 1)}",
                   more=_legend())
    return figure


def _draw(axes, low, found, high, look):
    style.grid(axes)
    axes.set_ylim(0.0, 1.0)
    axes.fill_between(low.epochs, low.mean, high.mean, color=look.colour, alpha=0.2, linewidth=0)
    axes.plot(found.epochs, found.mean, color=look.colour)


def _legend():
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    return [Line2D([], [], color="#444444", label="the layer as it is"),
            Patch(color="#444444", alpha=0.2, linewidth=0, label="all arrangements of the same weights")]
