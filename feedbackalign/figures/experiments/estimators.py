"""Where the one-sided estimator fails: a convolutional network trained by the three estimators, at several nudges β."""

from feedbackalign.alignment import angles_between, in_float64
from feedbackalign.data import Batches
from feedbackalign.figures import style
from feedbackalign.figures.experiments import trained
from feedbackalign.figures.small_print import fill, seeds_of
from feedbackalign.rules.equilibrium.equilibrium_propagation import ESTIMATORS
from feedbackalign.runs.rows import accuracy_percent, entry, mean_curves, names_in, require_measured, synapses
from feedbackalign.runs.run import Run
from feedbackalign.training.loop import train_step
from feedbackalign.training.threads import on_our_terms
from feedbackalign.validation import require_integer

BETAS = (0.3, 1.0)
PROBE = 50
SETTLED = 1e-3              # ten times closer than usual: what has not settled is divided by β


@on_our_terms()
def estimators_rows(*, seeds=3, epochs=8, betas=BETAS, progress=None):
    """Train the model `settling-conv` on the digits by `ep`, with each estimator and each nudge.

    Parameters
    ----------
    seeds : int or sequence of int
    epochs : int
    betas : sequence of float above 0
    progress : callable, optional
        Called with every row.

    Returns
    -------
    list of dict
        estimator, beta, rule, seed, epoch, test_accuracy, implicit ({layer: degrees of its weights' update to the
        implicit gradient}; None where that did not settle, nan for an update of 0), unsettled (share of the epoch's
        nudged phases with a residual above 0.01; samples rest at 0.001).
    """
    seeds, betas = trained.seed_list(seeds), trained.number_list(betas, "betas", least=1)
    epochs = require_integer(epochs, "epochs", low=0)
    return trained.collect((_run(estimator, beta, seed, epochs)
                            for beta in betas for estimator in ESTIMATORS for seed in seeds), progress)


def _run(estimator, beta, seed, epochs):
    options = {"estimator": estimator, "beta": beta, "settled": SETTLED}
    run = Run("ep", seed=seed, model="settling-conv", epochs=epochs, options=tuple(options.items()))
    rule, data, optimizer, stream = run.build()
    optimizer.weight_decay = run.decay
    batches, probe = Batches(data.train, run.batch_size, rng=stream), data.batch(PROBE)
    for epoch in range(epochs + 1):
        if epoch:
            for x, labels in batches:
                train_step(rule, optimizer, x, labels)
            rule.after_epoch(batches)
        yield {"estimator": estimator, "beta": beta, "rule": "ep", "seed": seed, "epoch": epoch,
               **_look(rule, data.test, *probe)}


def _look(rule, test, x, labels):
    """Accuracy and angles of a rule as it stands, and how the phases of its last epoch settled."""
    exact = rule.references(x, labels).get("implicit")
    angles = angles_between(in_float64(rule).gradients(x, labels).grads, exact) if exact else {}
    return {"test_accuracy": float((rule.predict(test.x).argmax(axis=1) == test.targets).mean()),
            "implicit": {name.removesuffix(".weight"): angles[name] for name in synapses(angles)} or None,
            "unsettled": rule.notes().get("nudged_not_settled")}


def estimators(rows):
    """Two panels per β over epochs: test accuracy, and below it the lowest layer's angle to the implicit gradient.

    rows : list of dict
        Of `estimators_rows`.
    -> matplotlib.figure.Figure

    >>> rows = [{"estimator": "symmetric", "beta": 1.0, "rule": "ep", "seed": 0, "epoch": epoch, "test_accuracy": 0.5,
    ...          "implicit": {"conv1": 20.0}, "unsettled": 0.0} for epoch in (0, 1)]
    >>> [axes.get_title() for axes in estimators(rows).axes]
    ['β = 1: test accuracy (%)', "conv1's update: angle to implicit"]
    """
    rows = require_measured(rows, ("estimator", "beta", "epoch", "test_accuracy", "implicit", "unsettled"),
                            "estimators_rows")
    rows = [{**row, "rule": row["estimator"]} for row in rows]
    betas, lowest = sorted({row["beta"] for row in rows}), names_in(rows, "implicit")[:1]
    accuracies = [mean_curves(_at(rows, beta), accuracy_percent) for beta in betas]
    angles = [mean_curves(_at(rows, beta), entry("implicit", *lowest or [""])) for beta in betas]
    with style.slide():
        figure = style.new_figure("Equilibrium propagation in a convolutional network: three estimators")
        small = fill(["settling-conv on digits", seeds_of(rows), "angles in degrees", *_unsettled(rows),
                      "implicit: the exact gradient of the settled loss"])
        bottom = style.foot(figure, small, list(dict.fromkeys(row["rule"] for row in rows)))
        grid = figure.add_gridspec(2, len(betas), left=0.06, right=0.985, top=0.86, bottom=bottom, wspace=0.16,
                                   hspace=0.36)
        for place, (beta, accuracy, angle) in enumerate(zip(betas, accuracies, angles)):
            above, below = (figure.add_subplot(grid[line, place]) for line in (0, 1))
            style.draw_curves(above, accuracy, f"β = {beta:g}: test accuracy (%)")
            style.draw_curves(below, angle, f"{lowest[0] if lowest else 'lowest layer'}'s update: angle to implicit")
            above.set_ylim(0, 100)
            style.degree_axis(below, style.highest(angles, 92.0))
            style.epoch_axis(above, accuracy, label="")
            style.epoch_axis(below, accuracy)
    return figure


def _unsettled(rows):
    """In words, how many nudged phases did not settle in the last epoch: of every estimator with more than one in ten.

    >>> _unsettled([{"estimator": "one-sided", "beta": 1.0, "epoch": 2, "unsettled": 0.5},
    ...             {"estimator": "symmetric", "beta": 1.0, "epoch": 2, "unsettled": 0.04}])
    ['not settled in the last epoch: 50 % of the nudged phases of one-sided at β = 1, 4 % at most elsewhere']
    """
    shares = {}
    for row in rows:
        if row["epoch"] == max(row["epoch"] for row in rows):
            shares.setdefault((row["estimator"], row["beta"]), []).append(row["unsettled"] or 0.0)
    means = {key: sum(found) / len(found) for key, found in shares.items()}
    many = [f"{100 * share:.0f} % of the nudged phases of {estimator} at β = {beta:g}"
            for (estimator, beta), share in means.items() if share > 0.1]
    rest = max((share for share in means.values() if share <= 0.1), default=0.0)
    return [f"not settled in the last epoch: {', '.join([*many, f'{100 * rest:.0f} % at most elsewhere'])}"]


def _at(rows, beta):
    return [row for row in rows if row["beta"] == beta]
