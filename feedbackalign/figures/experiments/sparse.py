"""Must connected units be connected both ways? Accuracy and reciprocity against the density of the feedback."""

import math

from feedbackalign.figures import looks, style
from feedbackalign.figures.experiments import trained
from feedbackalign.figures.small_print import fill, seeds_of
from feedbackalign.runs import sweep
from feedbackalign.runs.rows import NothingToShow, accuracy_percent, check_rows, mean_curves

RULES = ("fa", "dfa", "usf", "kp", "pfa", "pfa-o")
DENSITIES = (1.0, 0.5, 0.3, 0.17, 0.1, 0.05)                        # Li & Benna 2025

# `density=` masks a rule's feedback alone (B, and R of the product rules); bp, which has none, is there for comparison.
# All rules have the product rules' weight decay, so that what differs is the feedback. Batch normalisation, as in the
# paper's deep networks: a masked path is shorter than W (by the density, in the end), layer upon layer.
COMMON = {"densities": DENSITIES, "model": "mlp-bn", "decay": "equal"}
SCALES = {
    "quick": {**COMMON, "data": "digits", "hidden": (64, 64, 64), "batch_size": 32, "epochs": 40, "seeds": 1},
    "laptop": {**COMMON, "data": "fashion-mini", "hidden": (256, 256, 256), "batch_size": 64, "epochs": 20, "seeds": 2},
    "paper": {**COMMON, "data": "fashion", "hidden": (512, 512), "batch_size": 64, "epochs": 40, "seeds": 5,
              "lr_milestones": (20, 30)},
}


def planned_runs(scale="quick"):
    """The runs at a scale: every rule at every density, and bp -> list of `trained.Planned`."""
    settings = trained.settings_at(SCALES, scale)
    densities = settings.pop("densities")
    dense = [trained.Planned(run, {"density": 1.0}) for run in sweep.plan(["bp"], **settings)]
    return dense + [trained.Planned(run, {"density": density}) for density in densities
                    for run in sweep.plan(RULES, options={"density": density}, **settings)]


def sparse_rows(scale="quick", **how):
    """Train at a scale: -> the rows of all runs, each with its density; `how` as in `trained.do`."""
    return trained.do(planned_runs(scale), **how)


def sparse(rows):
    """Three panels over density: test accuracy, reciprocity, and the angle between W and what stands in its place.

    Reciprocity is the share of connected pairs of units that also have a direct feedback synapse, over all layers whose
    feedback carries an error (all but the lowest). After the last epoch; mean over seeds, band from lowest to highest.

    rows : list of dict
        Of `sparse_rows`: the rows of `training.train` with `density`.
    -> matplotlib.figure.Figure

    >>> from feedbackalign.runs import Run
    >>> rows = trained.do([trained.Planned(Run(rule, epochs=1, options=(("density", d),)), {"density": d})
    ...                    for rule in ("fa", "pfa") for d in (1.0, 0.1)])
    >>> [axes.get_title() for axes in sparse(rows).axes]
    ['test accuracy (%)', 'reciprocal pairs (%)', 'angle of W to its feedback']
    """
    rows = [row for row in check_rows(rows) if row.get("density") is not None]
    last = max((row["epoch"] for row in rows), default=0)
    ends = [row for row in rows if row["epoch"] == last]
    if not ends:
        raise NothingToShow("sparse: expected rows with a density, got none")
    accuracy = over_density(ends, accuracy_percent)
    shares = over_density(ends, reciprocal_share)
    angles = over_density(ends, lambda row: _mean_above_lowest(row.get("weight_angle")))
    dense = {rule: curve for rule, curve in accuracy.items() if len(curve.epochs) == 1}
    accuracy, shares, angles = ({rule: curve for rule, curve in curves.items() if rule not in dense}
                                for curves in (accuracy, shares, angles))
    with style.slide():
        figure = style.new_figure("Accuracy and reciprocity against the density of the feedback synapses")
        grid = figure.add_gridspec(1, 3, left=0.055, right=0.985, top=0.85, wspace=0.19,
                                   bottom=style.foot(figure, _small_print(ends), accuracy))
        panels = [figure.add_subplot(grid[0, place]) for place in range(3)]
        titles = ("test accuracy (%)", "reciprocal pairs (%)", "angle of W to its feedback")
        for axes, curves, title in zip(panels, (accuracy, shares, angles), titles):
            style.draw_curves(axes, curves, title)
            _density_axis(axes, accuracy or shares)
        _draw_dense(panels[0], dense)
        panels[1].set_ylim(-3, 103)
        _name_bundles(panels[1], shares)
        style.degree_axis(panels[2], 94.0, with_words=True)
        _draw_floor(panels[2], angles)
    return figure


def over_density(ends, value):
    """{rule: Curve} with densities in place of epochs, from the densest on."""
    by_place = sorted({row["density"] for row in ends}, reverse=True)
    curves = mean_curves([{**row, "epoch": by_place.index(row["density"])} for row in ends], value)
    return {rule: curve._replace(epochs=[by_place[place] for place in curve.epochs]) for rule, curve in curves.items()}


def reciprocal_share(row):
    """Share of reciprocal pairs in percent, mean over the layers whose feedback carries an error; None if not known."""
    share = _mean_above_lowest(row.get("reciprocity"))
    return None if share is None else 100 * share


def _mean_above_lowest(by_layer):
    """The lowest layer's feedback carries no error: there is no layer below."""
    known = [value for value in list((by_layer or {}).values())[1:] if value is not None]
    return math.fsum(known) / len(known) if known else None


def expected_angle(density, expansion=10):
    """Where pfa's path angle ends in a wide layer with B and R masked: arctan(1/√(r·d)), in degrees.

    >>> round(expected_angle(0.1))
    45
    """
    return math.degrees(math.atan(1 / math.sqrt(expansion * density)))


def _density_axis(axes, curves):
    densities = sorted({density for curve in curves.values() for density in curve.epochs})
    axes.set_xscale("log")
    axes.set_xticks(densities, [f"{100 * density:g}" for density in densities])
    axes.minorticks_off()
    axes.set_xlim(1.12 * densities[-1], densities[0] / 1.12)                    # sparser to the right
    axes.set_xlabel("feedback synapses that exist (%)")


def _draw_dense(axes, dense):
    """Rules that have no density, as a line across."""
    for rule, curve in dense.items():
        axes.axhline(curve.mean[0], color=looks.look(rule).colour, linewidth=1.6, zorder=1)
        axes.text(0.98, curve.mean[0], rule, transform=axes.get_yaxis_transform(), ha="right", va="bottom",
                  fontsize=13, color=looks.look(rule).colour)


def bundles(curves, within=2.0):
    """Rules whose curves lie on each other: [["fa", "kp"], ["pfa"]].

    >>> from feedbackalign.runs.rows import Curve
    >>> line = Curve([1.0, 0.5], [100.0, 50.0], [100.0, 50.0], [100.0, 50.0], 1)
    >>> bundles({"fa": line, "pfa": line._replace(mean=[0.0, 0.0]), "kp": line._replace(mean=[100.0, 51.0])})
    [['fa', 'kp'], ['pfa']]
    """
    found = []
    for rule, curve in curves.items():
        for bundle in found:
            first = curves[bundle[0]]
            if first.epochs == curve.epochs and max(abs(a - b) for a, b in zip(first.mean, curve.mean)) < within:
                bundle.append(rule)
                break
        else:
            found.append([rule])
    return found


def _name_bundles(axes, curves):
    """Names beside the lines that hide each other: above their second point, or the first of those that stay at 0."""
    for bundle in bundles(curves):
        curve = curves[bundle[0]]
        is_none = max(curve.high) == 0
        place = 0 if is_none else min(1, len(curve.epochs) - 1)
        axes.annotate(f"{', '.join(bundle)}{': none' * is_none}", (curve.epochs[place], curve.mean[place]), (8, 7),
                      textcoords="offset points", fontsize=14, color="#333333")


def _draw_floor(axes, angles):
    if "pfa" not in angles:
        return
    densities = angles["pfa"].epochs
    low, high = math.log(densities[-1]), math.log(densities[0])
    fine = [math.exp(low + (high - low) * place / 100) for place in range(101)]
    axes.plot(fine, [expected_angle(density) for density in fine], color=looks.look("pfa").colour, linewidth=1.6,
              linestyle=(0, (1, 2)), zorder=2)
    axes.text(0.97, 0.05, "dotted: pfa's expected end,\narctan(1/√(r·d))", transform=axes.transAxes, ha="right",
              va="bottom", fontsize=13, color=looks.look("pfa").colour)


def _small_print(ends):
    model, data, decay = (ends[0].get(key) for key in ("model", "data", "decay"))
    return fill([f"{model}, {data}, after {ends[0]['epoch']} epochs, decay {decay}", seeds_of(ends),
                 "reciprocal: pairs with W that also have a direct feedback synapse; mean of all layers but the lowest",
                 "masks are fixed; B and R of the product rules both masked"])
