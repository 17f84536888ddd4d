"""Jacobian homeostasis against none: accuracy, the angle between W and B, and the error at each layer."""

import numpy as np

from feedbackalign.figures import style
from feedbackalign.figures.experiments import trained
from feedbackalign.figures.small_print import seeds_of
from feedbackalign.ops.norms import unit
from feedbackalign.runs.rows import (accuracy_percent, entry, mean_at_end, mean_curves, names_in,
                                     require_measured)
from feedbackalign.training.threads import on_our_terms
from feedbackalign.validation import require_integer

HIDDEN = (64, 64, 10)                                       # settling units; ten of them are the output layer
GAIN = 0.7                                                  # W ~ 0.7 · N(0, 1 / fan-in), B likewise on its way down
COEFFICIENT = 5.0
BATCH, PROBE = 50, 100
WORDS = {"hep": "hep: no homeostasis", "hep-homeo": "hep-homeo: local probes"}


@on_our_terms()
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
    seeds = trained.seed_list(seeds)
    epochs = require_integer(epochs, "epochs", low=0)
    return trained.collect((_train(seed, coefficient, epochs)
                            for seed in seeds for coefficient in (0.0, COEFFICIENT)), progress)


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
    return float((unit(a, axis=1) * unit(b, axis=1)).sum(axis=1).mean())


def homeostasis(rows):
    """Three panels over epochs: test accuracy, angle between W and B, cosine of the lowest layer's δ to the true one.

    rows : list of dict
        Of `homeostasis_rows`.
    -> matplotlib.figure.Figure

    >>> cosine = {"fc1": 0.4, "fc2": 0.5, "fc3": 1.0}
    >>> rows = [{"rule": rule, "seed": 0, "epoch": epoch, "test_accuracy": 0.5, "feedback_angle": 80.0,
    ...          "cosine": cosine, "free_residual": 0.02} for rule in ("hep", "hep-homeo") for epoch in (0, 1)]
    >>> [axes.get_title() for axes in homeostasis(rows).axes]
    ['test accuracy (%)', 'angle of W to B (degrees)', "fc1's δ: cosine to the true δ"]
    """
    keys = ("rule", "epoch", "test_accuracy", "feedback_angle", "cosine", "free_residual")
    rows = require_measured(rows, keys, "homeostasis_rows")
    lowest = names_in(rows, "cosine")[0]
    accuracy = mean_curves(rows, accuracy_percent)
    angles = mean_curves(rows, lambda row: row["feedback_angle"])
    cosines = mean_curves(rows, entry("cosine", lowest))
    with style.slide():
        figure = style.new_figure("Holomorphic equilibrium propagation, with Jacobian homeostasis and without")
        sizes, residual = "-".join(map(str, (64, *HIDDEN))), max(row["free_residual"] for row in rows)
        ends = {rule: f"{WORDS.get(rule, rule)}  {mean_at_end(curve):.0f} %" for rule, curve in accuracy.items()}
        bottom = style.foot(figure, f"digits, {sizes} and a readout   ·   true δ: recurrent backprop   ·   "
                                    f"{seeds_of(rows)}   ·   largest free residual {residual:.0e}", accuracy, ends)
        grid = figure.add_gridspec(1, 3, left=0.06, right=0.985, top=0.85, bottom=bottom, wspace=0.24)
        panels = [figure.add_subplot(grid[0, place]) for place in range(3)]
        titles = ("test accuracy (%)", "angle of W to B (degrees)", f"{lowest}'s δ: cosine to the true δ")
        for axes, curves, title in zip(panels, (accuracy, angles, cosines), titles):
            style.draw_curves(axes, curves, title)
            style.epoch_axis(axes, curves)
        panels[0].set_ylim(0, 100)
        style.degree_axis(panels[1], 92.0, with_words=True)
        panels[2].set_ylim(min(0.0, *(min(curve.low) for curve in cosines.values())), 1.03)
    return figure
