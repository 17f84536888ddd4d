"""How wide must the middle population be? Path angle and eigenvalues of B Bᵀ against the expansion ratio r."""

import math

import numpy as np

from feedbackalign.figures import style
from feedbackalign.figures.experiments import trained
from feedbackalign.runs.rows import require_measured
from feedbackalign.training.threads import on_our_terms
from feedbackalign.validation import require_integer, require_seed

EXPANSIONS = (1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100)
OUTPUTS, INPUTS, DRAWS = 100, 256, 100                              # Li & Benna, figure 3
USUAL = 10                                                          # pfa's own expansion
PATH, EIGENVALUES, THEORY = "#154aaa", "#bf0b00", "#555555"


@on_our_terms()
def expansion_rows(*, expansions=EXPANSIONS, draws=DRAWS, outputs=OUTPUTS, inputs=INPUTS, seed=0):
    """Draw W, and B for every expansion as the rule `pfa` draws it; R has forgotten its start, so R = BᵀW.

    Parameters
    ----------
    expansions : sequence of int
        r = mid / out.
    draws, outputs, inputs, seed : int
        W is (outputs, inputs), B (outputs, r · outputs), each drawn `draws` times.

    Returns
    -------
    list of dict
        expansion, draw, angle (degrees between W and B BᵀW), smallest, largest and spread (standard deviation) of the
        eigenvalues of B Bᵀ, outputs, inputs.

    >>> row, = expansion_rows(expansions=[10], draws=1)
    >>> 17 < row["angle"] < 18, 0.3 < row["spread"] < 0.33
    (True, True)
    """
    expansions = trained.count_list(expansions, "expansions")
    outputs = require_integer(outputs, "outputs", low=1)
    inputs = require_integer(inputs, "inputs", low=1)
    seed = require_seed(seed)
    from feedbackalign import alignment, networks
    from feedbackalign.rules import make

    draws = require_integer(draws, "draws", low=1)
    rows = []
    for draw, stream in enumerate(np.random.SeedSequence(seed).spawn(draws)):
        weights, feedback = map(np.random.default_rng, stream.spawn(2))
        network = networks.mlp([inputs, outputs], rng=weights, dtype=np.float64)
        layer, = network.weighted_layers()
        rule = make("pfa", network, rng=feedback, expansion=1)      # its `draw_B` draws a B of any width
        for r in expansions:
            B = rule.draw_B(outputs, require_integer(r, "expansion", low=1) * outputs, np.float64)     # (out, mid)
            eigenvalues = alignment.spectrum(B)                     # (out,)
            rows.append({"expansion": int(r), "draw": draw, "outputs": outputs, "inputs": inputs,
                         "angle": alignment.path_floor(B, layer.weight),
                         "smallest": float(max(eigenvalues[0], 0.0)), "largest": float(eigenvalues[-1]),
                         "spread": float(eigenvalues.std())})
    return rows


def predicted_angle(r):
    """arctan(1/√r) in degrees.

    >>> predicted_angle(1), round(predicted_angle(10), 1)
    (45.0, 17.5)
    """
    return math.degrees(math.atan(1 / math.sqrt(r)))


def marchenko_pastur(r):
    """Edges of the eigenvalues of B Bᵀ in a wide layer, (1 ∓ 1/√r)².

    >>> marchenko_pastur(4)
    (0.25, 2.25)
    """
    return (1 - 1 / math.sqrt(r))**2, (1 + 1 / math.sqrt(r))**2


def expansion(rows):
    """Left: path angle over r, measured and arctan(1/√r). Right: eigenvalues of B Bᵀ between Marchenko-Pastur's edges.

    rows : list of dict
        Of `expansion_rows`.
    -> matplotlib.figure.Figure

    >>> figure = expansion(expansion_rows(expansions=[1, 10], draws=2))
    >>> [axes.get_title() for axes in figure.axes]
    ['angle between W and the path B·R (degrees)', 'eigenvalues of B Bᵀ']
    """
    rows = require_measured(rows, ("expansion",), "expansion_rows")
    ratios = sorted({row["expansion"] for row in rows})
    by_ratio = {r: [row for row in rows if row["expansion"] == r] for r in ratios}
    with style.slide():
        figure = style.new_figure(f"Path angle and eigenvalues of B Bᵀ against the expansion r:\nthe mean angle lies "
                                  f"within {math.ceil(10 * departure(by_ratio)) / 10:g}° of arctan(1/√r) at every r")
        grid = figure.add_gridspec(1, 2, left=0.06, right=0.985, top=0.8, bottom=0.2, wspace=0.13)
        left, right = (figure.add_subplot(grid[0, place]) for place in range(2))
        fine = np.geomspace(ratios[0], max(ratios[-1], ratios[0] * 1.01), 200)
        _draw_angles(left, by_ratio, fine)
        _draw_eigenvalues(right, by_ratio, fine)
        for axes in (left, right):
            axes.set_xscale("log")
            axes.set_xticks([tick for tick in (1, 2, 5, 10, 20, 50, 100) if ratios[0] <= tick <= ratios[-1]])
            axes.minorticks_off()
            axes.xaxis.set_major_formatter("{x:g}")
            axes.set_xlabel("expansion r: middle units per output unit")
            style.grid(axes)
            axes.legend(frameon=False, loc="upper right")
        row, draws = rows[0], len({row["draw"] for row in rows})
        out = row["outputs"]
        style.foot(figure, f"W ({out}, {row['inputs']}) and B ({out}, r·{out}) drawn {draws} times; R = BᵀW, as "
                              f"after training, once R has forgotten its start\n"
                              f"Li & Benna, arXiv 2405.20594, figure 3   ·   lines: theory for wide layers")
    return figure


def departure(by_ratio):
    """The largest distance in degrees, over all r, between the mean angle over draws and arctan(1/√r).

    >>> round(departure({1: [{"angle": 44.0}, {"angle": 45.0}], 10: [{"angle": 17.6}]}), 6)
    0.5
    """
    return max(abs(math.fsum(row["angle"] for row in group) / len(group) - predicted_angle(r))
               for r, group in by_ratio.items())


def _draw_angles(axes, by_ratio, fine):
    axes.plot(fine, [predicted_angle(r) for r in fine], color=THEORY, linewidth=2.0, label="arctan(1/√r)", zorder=2)
    lists = [[row["angle"] for row in group] for group in by_ratio.values()]
    axes.errorbar(list(by_ratio), [sum(angles) / len(angles) for angles in lists], color=PATH, linestyle="none",
                  yerr=[[sum(angles) / len(angles) - min(angles) for angles in lists],
                        [max(angles) - sum(angles) / len(angles) for angles in lists]],
                  marker="X", capsize=4, label="measured: mean, lowest to highest draw", zorder=3)
    axes.set_title("angle between W and the path B·R (degrees)")
    axes.set_ylim(0.0, 1.08 * max(max(angles) for angles in lists))
    if USUAL in by_ratio and max(by_ratio) >= 3 * USUAL:                     # there is room for the words
        angles = [row["angle"] for row in by_ratio[USUAL]]
        mean = sum(angles) / len(angles)
        axes.annotate(f"pfa uses r = {USUAL}: {mean:.1f}°", (USUAL, mean), (USUAL * 1.25, mean + 6.5), fontsize=14,
                      color=PATH, arrowprops={"arrowstyle": "-", "color": PATH})


def _draw_eigenvalues(axes, by_ratio, fine):
    from matplotlib.ticker import FixedLocator

    low, high = zip(*map(marchenko_pastur, fine))
    axes.fill_between(fine, low, high, color=EIGENVALUES, alpha=0.12, linewidth=0, zorder=1)
    axes.plot(fine, high, color=THEORY, linewidth=2.0, zorder=2, label="Marchenko-Pastur edges, (1 ± 1/√r)²")
    axes.plot(fine, low, color=THEORY, linewidth=2.0, zorder=2)
    for key, marker, label in (("largest", "^", "measured: largest"), ("smallest", "v", "measured: smallest")):
        means = [sum(row[key] for row in group) / len(group) for group in by_ratio.values()]
        axes.plot(list(by_ratio), means, color=EIGENVALUES, marker=marker, linestyle="none", label=label, zorder=3)
    axes.axhline(1.0, color="#8c8c8c", linewidth=1.2, zorder=1)
    axes.text(0.06, 1.03, "1: B orthogonal", transform=axes.get_yaxis_transform(), va="bottom", fontsize=13,
              color="#555555")
    axes.set_title("eigenvalues of B Bᵀ")
    axes.yaxis.set_major_locator(FixedLocator(range(6)))
    axes.set_ylim(-0.1, 1.08 * max(row["largest"] for group in by_ratio.values() for row in group))
