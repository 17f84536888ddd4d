"""How wrong is equilibrium propagation at a finite nudge? Error against β: slope 1 one-sided, slope 2 symmetric."""

import numpy as np

from feedbackalign.figures import looks, style
from feedbackalign.figures.experiments import trained
from feedbackalign.rules.equilibrium.equilibrium_propagation import ESTIMATORS, EquilibriumPropagation
from feedbackalign.rules.equilibrium.truths import relative, settled_network
from feedbackalign.runs.rows import NothingToShow, require_measured
from feedbackalign.training.threads import on_our_terms
from feedbackalign.validation import describe, require_seed

BETAS = tuple(10.0**exponent for exponent in np.arange(-4.0, -0.4, 0.5).tolist())
LOOKS = {                           # colour, dash and marker of every curve, and what the legend says
    ("one-sided", "error"): ("#bf0b00", looks.SOLID, "o", "one-sided"),
    ("random-sign", "error"): ("#d4aa00", looks.DASHED, "^", "random sign, one draw (r.m.s.)"),
    ("random-sign", "bias"): ("#20bf75", looks.DOTTED, "D", "random sign, in expectation"),
    ("symmetric", "error"): ("#154aaa", looks.SOLID, "s", "symmetric"),
}
STEEPNESS = {1: ("one-sided", "error"), 2: ("symmetric", "error")}          # the guide lines, and the curves above them


@on_our_terms()
def nudge_bias_rows(betas=BETAS, *, seed=0):
    """The data of the figure: relative errors of the three estimators on one small settled network.

    A network 10-12-9-5 of steep sigmoids under squared error, six samples, all phases settled. Errors are of the whole
    gradient, ‖ĝ − g‖ / ‖g‖ against the implicit one: `error` of one estimate (of random-sign, the root mean square
    over its two signs) and `bias`, that of the expectation.

    Parameters
    ----------
    betas : sequence of float above 0
    seed : int
        Of the network and the batch.

    Returns
    -------
    list of dict
        {"estimator", "beta", "error", "bias", "residual", "reference"}, one for every β and estimator.

    >>> rows = nudge_bias_rows([1e-2, 1e-3])
    >>> [round(row["error"] / rows[3]["error"]) for row in rows if row["estimator"] == "symmetric"]
    [100, 1]
    """
    betas = trained.number_list(betas, "betas")
    seed = require_seed(seed)
    network, x, labels = settled_network(np.random.default_rng(seed))
    (reference, exact), = _rule(network, "symmetric", 0.1).references(x, labels).items()
    rows = []
    for beta in betas:
        for estimator in ESTIMATORS:
            signs = (beta, -beta) if estimator == "random-sign" else (beta,)
            rules = [_rule(network, "one-sided" if estimator == "random-sign" else estimator, b) for b in signs]
            found = [rule.gradients(x, labels).grads for rule in rules]
            mean = {name: sum(grads[name] for grads in found) / len(found) for name in exact}
            squares = [relative(grads, exact) ** 2 for grads in found]
            rows.append({"estimator": estimator, "beta": float(beta), "error": (sum(squares) / len(squares)) ** 0.5,
                         "bias": relative(mean, exact), "reference": reference,
                         "residual": max(max(found) for rule in rules for found in rule.residuals.running.values())})
    return rows


def _rule(network, estimator, beta):
    return EquilibriumPropagation(network, rng=np.random.default_rng(0), estimator=estimator, beta=beta,
                                  free_steps=500, nudged_steps=500)


def nudge_bias(rows):
    """Relative error of the gradient against the nudge β, both logarithmic, with guide lines of slope 1 and 2.

    Random sign appears twice: a single draw errs like the one-sided estimator, its expectation is the symmetric one.

    rows : list of dict
        Of `nudge_bias_rows`.
    -> matplotlib.figure.Figure

    Raises
    ------
    NothingToShow
        If no row has an error above zero.

    >>> figure = nudge_bias(nudge_bias_rows([1e-3, 1e-2]))
    >>> figure.axes[0].get_xlabel()
    'nudge β'
    """
    rows = require_measured(rows, (), "nudge_bias_rows")
    curves = {look: _curve(rows, *look) for look in LOOKS}
    curves = {look: curve for look, curve in curves.items() if len(curve)}
    if not curves:
        raise NothingToShow("nudge bias: no row has an estimator, a β and an error above zero")
    with style.slide():
        figure = style.new_figure("Equilibrium propagation: error of the gradient at a finite nudge β")
        axes = figure.add_axes((0.1, 0.15, 0.87, 0.72))
        for look, curve in curves.items():
            colour, dash, marker, words = LOOKS[look]
            hollow = look == ("random-sign", "bias")            # lies on the symmetric curve: let it show through
            axes.plot(*curve.T, color=colour, linestyle=dash, marker=marker, label=words, markeredgewidth=2,
                      markersize=13 if hollow else 8, markerfacecolor="none" if hollow else colour)
        for steepness, look in STEEPNESS.items():
            if look in curves:
                _draw_guide(axes, curves[look], steepness)
        axes.set_xscale("log"), axes.set_yscale("log")
        axes.set_xlabel("nudge β")
        axes.set_ylabel("relative error of the gradient")
        axes.legend(loc="upper left", frameon=False)
        references = ", ".join(sorted({str(row["reference"]) for row in rows}))
        residual = max(row["residual"] for row in rows)
        style.foot(figure, f"‖ĝ − g‖ / ‖g‖ of the whole gradient, reference: {references}   ·   10-12-9-5 steep "
                              f"sigmoids, squared error   ·   largest residual {residual:.0e}")
    return figure


def _curve(rows, estimator, quantity):
    """(β, error) of one estimator, by β: (points, 2); without errors of 0, which a logarithmic axis cannot show."""
    for row in rows:
        if not {"estimator", "beta", "error", "bias", "residual", "reference"} <= row.keys():
            raise ValueError(f"rows: expected those of nudge_bias_rows, got {describe(row)}")
    points = [(row["beta"], row[quantity]) for row in rows if row["estimator"] == estimator and row[quantity] > 0]
    return np.array(sorted(points)).reshape(-1, 2)


def _draw_guide(axes, curve, steepness):
    """A thin line of the exact slope through the smallest β, a little below the curve."""
    beta, error = curve[0]
    ends = np.array([beta, curve[-1, 0]])
    axes.plot(ends, 0.45 * error * (ends / beta) ** steepness, color="#8c8c8c", linewidth=1.4, zorder=1)
    middle = np.sqrt(ends.prod())
    axes.annotate(f"slope {steepness}", (middle, 0.45 * error * (middle / beta) ** steepness), xytext=(10, -16),
                  textcoords="offset points", fontsize=13, color="#555555")
