"""Target rules on the digits: how far each lies from Gauss-Newton and from backprop, and how well it learns."""

import numpy as np

from feedbackalign.figures import style
from feedbackalign.figures.experiments import trained
from feedbackalign.figures.small_print import fill, seeds_of
from feedbackalign.runs.rows import accuracy_percent, mean_curves, require_measured
from feedbackalign.training.threads import on_our_terms
from feedbackalign.validation import require_integer

RULES = ("bp", "gnt", "ddtp-linear", "dtp-drl", "ddtp-rhl", "dtp", "ddtp-control", "dfa")
SIZES = (64, 64, 64, 64, 10)
HIDDEN = ("fc1", "fc2", "fc3")
TRAIN, PROBE, BATCH = 1437, 256, 64
GAMMAS = (1e-3, 1e-2, 0.1, 1.0, 10.0)                       # the nearest of these Gauss-Newton updates is reported
PRETRAINING = 60                                            # epochs in which the feedback learns alone
LOOKED = (0, 1, 2, 3, 5, 10, 15, 20)                        # epochs after which angles are measured


class WholeBatches:
    """Epochs of whole batches in a fresh order each, the rest of every epoch left out; for any number of walks."""

    def __init__(self, x, labels, rng):
        self.x, self.labels, self.rng = x, labels, rng

    def __iter__(self):
        order = self.rng.permutation(len(self.x))
        for start in range(0, len(order) - BATCH + 1, BATCH):
            batch = order[start:start + BATCH]
            yield self.x[batch], self.labels[batch]

    def __len__(self):
        return len(self.x) // BATCH


@on_our_terms()
def target_angles_rows(*, seeds=3, epochs=20, rules=RULES, progress=None):
    """Train 64-64-64-64-10 tanh on the digits, forward weights and feedback by Adam at 1e-3; look now and then.

    1,437 samples to learn from and 360 to test, drawn apart by the seed; batches of 64, cross-entropy.

    Parameters
    ----------
    seeds : int or sequence of int
    epochs : int
    rules : sequence of str
    progress : callable, optional
        Called with every row.

    Returns
    -------
    list of dict
        rule, seed, epoch, test_accuracy, backprop_angle and gauss_newton_angle (degrees, means over the hidden weight
        matrices on 256 training samples), gamma (the damping of the Gauss-Newton update that lies nearest).
    """
    seeds = trained.seed_list(seeds)
    epochs = require_integer(epochs, "epochs", low=0)
    rules = trained.rule_list(rules)
    return trained.collect((train(rule, seed, epochs) for rule in rules for seed in seeds), progress)


def train(name, seed, epochs, *, only=None):
    """One run: yields its rows. With `only`, the name of a layer, that layer alone learns."""
    from feedbackalign import rules
    from feedbackalign.networks import mlp
    from feedbackalign.optimizer import Adam

    order, weights, feedback = (np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(3))
    x, labels, test_x, test_labels = drawn_digits(order)
    network = mlp(SIZES, activation="tanh", init="xavier-normal", rng=weights, dtype=np.float64)
    batches = WholeBatches(x, labels, order)
    options = {"pretraining": PRETRAINING * len(batches)} if "pretraining" in rules.options_of(name) else {}
    rule, optimizer = rules.make(name, network, rng=feedback, **options), Adam(1e-3)
    learning = {key: array for key, array in network.parameters().items() if only in (None, key.split(".")[0])}
    rule.before_training(batches)
    for epoch in range(epochs + 1):
        for batch in batches if epoch else ():
            optimizer.step(learning, rule.gradients(*batch).grads)
            rule.after_batch(*batch)
        if epoch:
            rule.after_epoch(batches)
        if epoch in LOOKED or epoch == epochs:
            accuracy = float((rule.predict(test_x).argmax(axis=1) == test_labels).mean())
            yield {"rule": name, "seed": seed, "epoch": epoch, "test_accuracy": accuracy,
                   **angles(rule, x[:PROBE], labels[:PROBE], HIDDEN if only is None else (only,))}


def drawn_digits(rng):
    """All 1,797 digits in a drawn order, cut and standardised: -> x, labels, test x, test labels; float64."""
    from feedbackalign.data import digits

    parts = [getattr(digits(), split) for split in ("train", "validation", "test")]
    x, labels = (np.concatenate([getattr(part, key) for part in parts]) for key in ("x", "targets"))
    order = rng.permutation(len(x))
    x, labels = x[order].astype(np.float64), labels[order]
    x = (x - x[:TRAIN].mean()) / x[:TRAIN].std()
    return x[:TRAIN], labels[:TRAIN], x[TRAIN:], labels[TRAIN:]


def angles(rule, x, labels, layers):
    """Mean degrees of these layers' weight gradients to backprop and to the nearest damped Gauss-Newton update."""
    from feedbackalign.alignment import angle, in_float64
    from feedbackalign.networks.jacobians import dense_chain, last_pass, layerwise_gauss_newton

    found = in_float64(rule).gradients(x, labels).grads
    network = in_float64(rule).network
    stages, output = dense_chain(network), network.forward(x)
    seen, error = last_pass(stages, output), network.sample_errors(output, labels)

    def mean_angle(reference):
        return float(np.mean([angle(found[f"{layer}.weight"], reference[f"{layer}.weight"]) for layer in layers]))

    nearest, gamma = min((mean_angle(layerwise_gauss_newton(stages, seen, error, gamma)), gamma) for gamma in GAMMAS)
    return {"backprop_angle": mean_angle(network.backward(network.loss_error(output, labels))),
            "gauss_newton_angle": nearest, "gamma": gamma}


def target_angles(rows):
    """Three panels over epochs: angle to Gauss-Newton, angle to backprop, test accuracy.

    rows : list of dict
        Of `target_angles_rows`.
    -> matplotlib.figure.Figure

    >>> rows = [{"rule": rule, "seed": 0, "epoch": epoch, "test_accuracy": 0.5, "backprop_angle": 30.0,
    ...          "gauss_newton_angle": 10.0, "gamma": 0.1} for rule in ("gnt", "dtp") for epoch in (0, 1)]
    >>> [axes.get_title() for axes in target_angles(rows).axes]
    ['angle to Gauss-Newton (degrees)', 'angle to backprop (degrees)', 'test accuracy (%)']
    """
    keys = ("rule", "epoch", "gauss_newton_angle", "backprop_angle", "test_accuracy")
    rows = require_measured(rows, keys, "target_angles_rows")
    newton = mean_curves(rows, lambda row: row["gauss_newton_angle"])
    backprop = mean_curves(rows, lambda row: row["backprop_angle"])
    accuracy = mean_curves(rows, accuracy_percent)
    with style.slide():
        figure = style.new_figure("Target rules: how far from Gauss-Newton, how far from backprop")
        gammas = ", ".join(f"{gamma:g}" for gamma in GAMMAS)
        small = fill(["digits, 64-64-64-64-10 tanh, Adam",
                      "angles: means over the three hidden weight matrices, 256 training samples", seeds_of(rows),
                      f"Gauss-Newton: the nearest of γ = {gammas}, layer by layer in post-activations"])
        bottom = style.foot(figure, small, newton)
        grid = figure.add_gridspec(1, 3, left=0.055, right=0.985, top=0.85, bottom=bottom, wspace=0.2)
        panels = [figure.add_subplot(grid[0, place]) for place in range(3)]
        titles = ("angle to Gauss-Newton (degrees)", "angle to backprop (degrees)", "test accuracy (%)")
        for axes, curves, title in zip(panels, (newton, backprop, accuracy), titles):
            style.draw_curves(axes, curves, title)
            style.epoch_axis(axes, curves)
        for place, axes in enumerate(panels[:2]):
            style.degree_axis(axes, style.highest([newton, backprop], 92.0), with_words=place == 0)
        panels[2].set_ylim(0, 102)
    return figure
