"""Where the one-sided estimator fails: a convolutional network trained by the three estimators, at several nudges β."""

from feedbackalign.figures import style
from feedbackalign.figures.experiments import trained
from feedbackalign.figures.small_print import fill, seeds_of
from feedbackalign.rules.equilibrium.equilibrium_propagation import ESTIMATORS
from feedbackalign.runs.rows import accuracy_percent, entry, mean_curves, names_in, require_measured
from feedbackalign.runs.run import Run
from feedbackalign.training.threads import on_our_terms
from feedbackalign.validation import require_integer

MODEL, DATA = "settling-conv", "digits"
BETAS = (0.1, 0.3, 1.0)
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
        implicit gradient}; null where that did not settle), unsettled (share of the nudged phases of the epoch).
    """
    seeds, betas = trained.seed_list(seeds), trained.number_list(betas, "betas")
    epochs = require_integer(epochs, "epochs", low=0)
    return trained.collect((_run(estimator, beta, seed, epochs)
                            for beta in betas for estimator in ESTIMATORS for seed in seeds), progress)


def _run(estimator, beta, seed, epochs):
    options = {"estimator": estimator, "beta": beta, "settled": SETTLED}
    for row in Run("ep", seed=seed, model=MODEL, data=DATA, epochs=epochs, options=tuple(options.items())).train():
        yield {"estimator": estimator, "beta": beta, **_shown(row)}


def _shown(row):
    angles = {name.removesuffix(".weight"): angle for name, angle in row["update_angle"].items()
              if name.endswith(".weight")}
    return {**{key: row[key] for key in ("rule", "seed", "epoch", "test_accuracy")},
            "implicit": angles if row["reference"] == "implicit" else None,
            "unsettled": row.get("nudged_not_settled")}


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
        unsettled = max((row["unsettled"] or 0 for row in rows), default=0)
        small = fill([f"{MODEL} on {DATA}", seeds_of(rows), "reference: implicit",
                      f"nudged phases that did not settle: {100 * unsettled:.0f} % of an epoch's at most"])
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


def _at(rows, beta):
    return [row for row in rows if row["beta"] == beta]
