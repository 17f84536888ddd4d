"""Jacobian homeostasis against none: accuracy, the angle between W and B, and the error that each layer is told."""

import numpy as np

from feedbackalign.figures import style
from feedbackalign.runs import rows as series

HIDDEN = (64, 64, 10)                                       # settling units; ten of them are the output layer
GAIN = 0.7                                                  # W ~ 0.7 · N(0, 1 / fan-in), B likewise on its way down
COEFFICIENT = 5.0
BATCH, PROBE = 50, 100
WORDS = {"hep": "hep: no homeostasis", "hep-homeo": "hep-homeo: local probes"}


def homeostasis_rows(*, seeds=3, epochs=8, progress=None):
    """Train 64-64-64-10 and a readout on the digits with B drawn apart from W, with homeostasis and without.

    Steep sigmoids, the exact tangent as nudge (so that asymmetry is the only bias), Adam at 1e-3, batches of 50; on all
    samples but the test split.

    Parameters
    ----------
    seeds : int or sequence of int
    epochs : int
    progress : callable, optional
        Called with every row.

    Returns
    -------
    list of dict
        rule ("hep" or "hep-homeo"), seed, epoch, test_accuracy, feedback_angle (degrees between all W and B together),
        cosine ({layer: mean over samples of the cosine between δ and recurrent backprop's}), free_residual.
    """
    rows = []
    for seed in range(seeds) if isinstance(seeds, int) else seeds:
        for coefficient in (0.0, COEFFICIENT):
            for row in _train(seed, coefficient, epochs):
                rows.append(row)
                if progress:
                    progress(row)
    return rows


def _train(seed, coefficient, epochs):
    from feedbackalign.data import digits
    from feedbackalign.networks import mlp
    from feedbackalign.optimizer import Adam
    from feedbackalign.rules import make
    from feedbackalign.rules.holomorphic.jacobian_homeostasis import JacobianHomeostasis
    from feedbackalign.training.loop import train_step

    data = digits()
    x, labels = (np.concatenate([getattr(data.train, part), getattr(data.validation, part)])
                 for part in ("x", "targets"))
    order, weights, feedback = (np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(3))
    network = mlp([x.shape[1], *HIDDEN, 10], activation="steep-sigmoid", rng=weights, dtype=np.float64)
    rule = make(JacobianHomeostasis, network, rng=feedback, mode="tangent", coefficient=coefficient, estimate="local")
    for layer in network.weighted_layers():
        layer.weight[...] = GAIN * weights.normal(size=layer.weight.shape) / np.sqrt(layer.weight.shape[1])
    for B in rule.B.values():
        B[...] = GAIN * feedback.normal(size=B.shape) / np.sqrt(B.shape[0])
    name = "hep-homeo" if coefficient else "hep"            # a coefficient of 0 is `hep`
    yield {"rule": name, "seed": seed, "epoch": 0, **_look(rule, data.test, x, labels)}
    optimizer = Adam(1e-3)
    for epoch in range(1, epochs + 1):
        shuffled = order.permutation(len(x))
        for start in range(0, len(x), BATCH):
            batch = shuffled[start:start + BATCH]
            train_step(rule, optimizer, x[batch], labels[batch])
        yield {"rule": name, "seed": seed, "epoch": epoch, **_look(rule, data.test, x, labels)}


def _look(rule, test, x, labels):
    """Accuracy, angle and cosines of a rule as it stands."""
    from feedbackalign.alignment import angle
    from feedbackalign.rules.holomorphic.recurrent_backprop import solved_errors

    x, labels = rule.admit(x[:PROBE]), labels[:PROBE]
    free, residual = rule.free_phase(x)
    targets = rule.targets(free, labels)
    found = rule.nudged_phases(x, free, targets).deltas
    truth = solved_errors(rule.chain, x, free, targets, rule.B)
    forward = np.concatenate([rule.network.layer(name).weight.ravel() for name in rule.B])
    return {"test_accuracy": float((rule.predict(test.x).argmax(axis=1) == test.targets).mean()),
            "feedback_angle": angle(forward, np.concatenate([B.ravel() for B in rule.B.values()])),
            "cosine": {stage.name: _cosine(a, b) for stage, a, b in zip(rule.chain.stages, found, truth)},
            "free_residual": residual}


def _cosine(a, b):
    """Mean over samples: (N, units) twice -> float."""
    return float(((a * b).sum(axis=1) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1))).mean())


def homeostasis(rows):
    """Three panels over epochs: test accuracy, angle between W and B, cosine of the lowest layer's δ to the true one.

    Parameters
    ----------
    rows : list of dict
        Of `homeostasis_rows`.

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> cosine = {"fc1": 0.4, "fc2": 0.5, "fc3": 1.0}
    >>> rows = [{"rule": rule, "seed": 0, "epoch": epoch, "test_accuracy": 0.5, "feedback_angle": 80.0,
    ...          "cosine": cosine, "free_residual": 0.02} for rule in ("hep", "hep-homeo") for epoch in (0, 1)]
    >>> [axes.get_title() for axes in homeostasis(rows).axes]
    ['test accuracy (%)', 'angle of W to B (degrees)', "fc1's δ: cosine to the true δ"]
    """
    rows = series.check_rows(rows)
    lowest = series.names(rows, "cosine")[0]
    accuracy = series.curves(rows, lambda row: 100 * row["test_accuracy"])
    angles = series.curves(rows, lambda row: row["feedback_angle"])
    cosines = series.curves(rows, series.entry("cosine", lowest))
    with style.slide():
        figure = style.new_figure(claim(accuracy, angles, cosines))
        grid = figure.add_gridspec(1, 3, left=0.06, right=0.985, top=0.81, bottom=style.bottom_margin(1), wspace=0.24)
        panels = [figure.add_subplot(grid[0, place]) for place in range(3)]
        titles = ("test accuracy (%)", "angle of W to B (degrees)", f"{lowest}'s δ: cosine to the true δ")
        for axes, curves, title in zip(panels, (accuracy, angles, cosines), titles):
            axes.set_title(title)
            _draw(axes, curves)
            style.epoch_axis(axes, curves)
        panels[0].set_ylim(0, 100)
        ends = [f"{WORDS.get(rule, rule)}  {series.mean_at_end(curve):.0f} %" for rule, curve in accuracy.items()]
        lines = [line for line in panels[0].lines if line.get_label() in accuracy]
        figure.legend(lines, ends, loc="lower center", bbox_to_anchor=(0.5, 0.04), ncol=2, frameon=False,
                      handlelength=3.2)
        style.degree_axis(panels[1], 92.0, with_words=True)
        panels[2].set_ylim(min(0.0, *(min(curve.low) for curve in cosines.values())), 1.03)
        seeds, residual = len({row["seed"] for row in rows}), max(row["free_residual"] for row in rows)
        sizes = "-".join(map(str, (64, *HIDDEN)))
        runs = "one seed, so no bands" if seeds == 1 else f"mean of {seeds} seeds, band from lowest to highest"
        style.caption(figure, f"digits, {sizes} and a readout   ·   true δ: recurrent backprop   ·   "
                              f"{runs}   ·   largest free residual {residual:.0e}")
    return figure


def _draw(axes, curves):
    """One line a rule, the mean over seeds, with a band from the lowest to the highest."""
    axes.tick_params(which="both", labelsize=style.TICK_SIZE)
    axes.grid(color=style.GRID, linewidth=0.8)
    for rule, curve in curves.items():
        colour, dash, marker = style.look(rule)
        axes.plot(curve.epochs, curve.mean, color=colour, linestyle=dash, marker=marker, label=rule, zorder=3)
        axes.fill_between(curve.epochs, curve.low, curve.high, color=colour, alpha=0.16, linewidth=0, zorder=2)


def claim(accuracy, angles, cosines):
    """The title: what the bands at the end support."""
    plain = "Holomorphic equilibrium propagation, with Jacobian homeostasis and without"
    if set(accuracy) != {"hep", "hep-homeo"} or min(curve.runs for curve in accuracy.values()) < 2:
        return plain
    ends = {rule: [series.at_end(curves[rule]) for curves in (angles, cosines)] for rule in accuracy}
    straighter = ends["hep-homeo"][0][1] < ends["hep"][0][0] and ends["hep-homeo"][1][0] > ends["hep"][1][1]
    better = series.mean_at_end(accuracy["hep-homeo"]) > series.mean_at_end(accuracy["hep"])
    if not (straighter and better):
        return plain
    return ("Homeostasis turns feedback and forward weights together (every seed),\n"
            "and the errors come to point along the true ones; accuracy is higher in the mean")
