"""What a finite circle of nudges costs: the error of the Cauchy sum over the number of points, for several radii."""

import math

import numpy as np

from feedbackalign.figures import style
from feedbackalign.figures.experiments import trained
from feedbackalign.ops.norms import relative
from feedbackalign.runs.rows import require_measured
from feedbackalign.training.threads import on_our_terms
from feedbackalign.validation import require_integer

RADII = (0.05, 0.2, 0.5, 1.0)
POINTS = (1, 2, 3, 4, 6, 8, 10, 12, 16)
SIZES = (64, 16, 14, 8, 10)
LOOKS = (("#00bfea", "o"), ("#154aaa", "s"), ("#8a00ff", "^"), ("#9f0b60", "D"))      # one per radius, small to large
ROUNDING = 1e-12                                            # phases settle to 1e-14; below this the error is theirs


@on_our_terms()
def cauchy_error_rows(*, seeds=3, radii=RADII, points=POINTS, samples=10):
    """Settle small dsilu networks on digits, nudge them around every circle, and compare.

    Parameters
    ----------
    seeds : int
    radii : sequence of float
    points : sequence of int
    samples : int
        Digits in the batch.

    Returns
    -------
    list of dict
        seed, angle (of B to W at the start: 0 or 90), radius, points, to_tangent and to_truth (relative errors of δ
        over all layers and samples, against the exact derivative and against recurrent backprop), defect (of the mean
        value), residual (the largest of all phases).

    >>> row = cauchy_error_rows(seeds=1, radii=(0.1,), points=(4,))[-1]
    >>> row["angle"], row["to_tangent"] < 1e-3 < row["to_truth"]
    (90.0, True)
    """
    seeds = trained.seed_list(seeds)
    radii = trained.number_list(radii, "radii")
    points = trained.count_list(points, "points")
    samples = require_integer(samples, "samples", low=1)
    return [row for seed in seeds for angle in (0.0, 90.0)
            for row in _measure_network(seed, angle, radii, points, samples)]


def _measure_network(seed, angle, radii, points, samples):
    from feedbackalign.rules.holomorphic import nudging
    from feedbackalign.data import digits
    from feedbackalign.networks import mlp
    from feedbackalign.rules.holomorphic.recurrent_backprop import recurrent_backprop
    from feedbackalign.rules import make
    from feedbackalign.rules.holomorphic.holomorphic_equilibrium_propagation import HolomorphicEP

    weights, feedback = (np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(2))
    network = mlp(SIZES, activation="dsilu", rng=weights, dtype=np.float64)
    rule = make(HolomorphicEP, network, rng=feedback, angle=angle)
    x, labels = digits().batch(samples)
    rule, x, free, _ = rule.settled_exactly(x)
    free, residual = rule.settle(x, free, steps=5000, until=1e-15)
    targets = rule.targets(free, labels)
    tangent = nudging.tangent(rule.chain, x, free, targets, steps=5000, feedback=rule.B, until=1e-16).deltas
    truth = recurrent_backprop(rule.chain, x, free, targets, feedback=rule.B)

    def phase(beta):
        return rule.settle(x, free, steps=5000, beta=beta, targets=targets, until=1e-14)

    for radius in radii:
        for N in points:
            found = nudging.cauchy_sum(phase, free, nudging.half_circle(radius, N))
            yield {"seed": seed, "angle": angle, "radius": radius, "points": N,
                   "to_tangent": relative(found.deltas, tangent), "to_truth": relative(found.deltas, truth),
                   "defect": nudging.mean_value_defect(found, free, radius),
                   "residual": max(residual, found.residual)}


def cauchy_error(rows):
    """Left: error of δ as a derivative, which N cures. Right: as a gradient, where asymmetric weights leave a floor.

    rows : list of dict
        Of `cauchy_error_rows`.
    -> matplotlib.figure.Figure

    >>> figure = cauchy_error(cauchy_error_rows(seeds=1, radii=(0.1, 0.5), points=(1, 2, 4)))
    >>> [axes.get_title() for axes in figure.axes]
    ['error as a derivative\\n(B unrelated to W)', 'error as a gradient\\n(B = W, and B unrelated to W)']
    """
    rows = require_measured(rows, ("radius", "points", "angle"), "cauchy_error_rows")
    radii = sorted({row["radius"] for row in rows})
    with style.slide():
        from matplotlib.lines import Line2D

        figure = style.new_figure("Error of the Cauchy sum over the number of points on the circle")
        grid = figure.add_gridspec(1, 2, left=0.085, right=0.985, top=0.83, bottom=0.235, wspace=0.1)
        left, right = figure.add_subplot(grid[0, 0]), figure.add_subplot(grid[0, 1])
        for place, radius in enumerate(radii):
            _draw(left, rows, place, radius, 90.0, "to_tangent")
            _draw(left, rows, place, radius, 90.0, "defect", dashed=True)
            _draw(right, rows, place, radius, 0.0, "to_truth")
            _draw(right, rows, place, radius, 90.0, "to_truth", filled=False)
        left.set_title("error as a derivative\n(B unrelated to W)")
        right.set_title("error as a gradient\n(B = W, and B unrelated to W)")
        left.set_ylabel("relative error of δ")
        for axes in (left, right):
            axes.set_yscale("log")
            axes.set_ylim(ROUNDING / 3, 30.0)
            style.grid(axes)
            axes.set_xlabel("points on the circle, N")
            axes.set_xticks([N for N in sorted({row["points"] for row in rows}) if N != 3])
        right.tick_params(labelleft=False)
        _say_floor(right, rows)
        entries = [Line2D([], [], color=LOOKS[place % len(LOOKS)][0], marker=LOOKS[place % len(LOOKS)][1],
                          label=f"radius {radius:g}") for place, radius in enumerate(radii)]
        kinds = [Line2D([], [], color="#555555", linestyle=(0, (2, 2)), linewidth=1.4,
                        label="left, dashed: mean-value defect, known without the truth"),
                 Line2D([], [], color="#555555", marker="o", markerfacecolor="white",
                        label="right, hollow: B unrelated to W")]
        spacing = {"loc": "lower center", "frameon": False, "handlelength": 2.6, "columnspacing": 1.6}
        figure.legend(handles=entries, bbox_to_anchor=(0.5, 0.085), ncol=len(entries), **spacing)
        figure.legend(handles=kinds, bbox_to_anchor=(0.5, 0.04), ncol=2, fontsize=13, **spacing)
        sizes, seeds = "-".join(map(str, SIZES)), len({row["seed"] for row in rows})
        style.foot(figure, f"digits, {sizes}, dsilu, at initialisation   ·   geometric mean of {seeds} networks, "
                              f"all phases settled to {max(row['residual'] for row in rows):.0e}")
    return figure


def _mean(rows, radius, angle, key):
    """Geometric means over networks: -> points, errors (no less than rounding)."""
    points = sorted({row["points"] for row in rows})
    means = []
    for N in points:
        values = [row[key] for row in rows
                  if (row["radius"], row["angle"], row["points"]) == (radius, angle, N)]
        means.append(math.exp(math.fsum(math.log(max(value, ROUNDING)) for value in values) / len(values)))
    return points, means


def _draw(axes, rows, place, radius, angle, key, dashed=False, filled=True):
    colour, marker = LOOKS[place % len(LOOKS)]
    points, means = _mean(rows, radius, angle, key)
    if dashed:
        axes.plot(points, means, color=colour, linestyle=(0, (2, 2)), linewidth=1.4, zorder=2)
    else:
        axes.plot(points, means, color=colour, marker=marker, markeredgecolor=colour, zorder=3,
                  markerfacecolor=colour if filled else "white")


def _say_floor(axes, rows):
    """What is left at the largest N with B unrelated to W, in words beside the lines."""
    most = max(row["points"] for row in rows)
    floor = [row["to_truth"] for row in rows if row["points"] == most and row["angle"] == 90.0]
    mean = sum(floor) / len(floor)
    axes.text(most, 1.6 * mean, f"what asymmetry leaves, at any N: {100 * mean:.0f} %", ha="right", va="bottom",
              fontsize=14, color="#333333")
