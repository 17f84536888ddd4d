"""A weight matrix grows into a forest: edges arrive from the strongest to the weakest, and parts join."""

import numpy as np

from feedbackalign.figures import looks, style
from feedbackalign.persistence.neural import neural_persistence
from feedbackalign.persistence.trees import spanning_tree
from feedbackalign.runs.rows import require_measured
from feedbackalign.training.threads import on_our_terms
from feedbackalign.validation import require_integer

SHAPE = (5, 4)                                              # outputs above, inputs below
THRESHOLDS = (0.8, 0.6, 0.4, 0.0)
COLOURS = ("#154aaa", "#bf0b00", "#20bf75", "#d4aa00", "#8a00ff", "#008a95", "#756040", "#9f0b60", "#444444")
KEYS = ("strength", "output", "input", "joins", "parts", "shape", "persistence")


@on_our_terms()
def filtration_rows(*, seed=118):
    """The edges of one small matrix, from the strongest on.

    Parameters
    ----------
    seed : int
        Of the matrix, 5 × 4, normal, divided by its largest |w|.

    Returns
    -------
    list of dict
        strength, output and input (the ends of the edge), joins (whether it joins two parts: then it is an edge of the
        tree), parts (how many are left), shape, persistence (of the whole matrix).

    >>> rows = filtration_rows()
    >>> len(rows), sum(row["joins"] for row in rows), rows[0]["strength"], rows[-1]["parts"]
    (20, 8, 1.0, 1)
    """
    W = np.random.default_rng(require_integer(seed, "seed", low=0)).normal(size=SHAPE)
    W /= np.abs(W).max()
    tree = {(row, column) for _, row, column in spanning_tree(W)}
    parts, rows, found = sum(SHAPE), [], neural_persistence(W)
    for row, column in sorted(np.ndindex(SHAPE), key=lambda edge: -abs(W[edge])):
        parts -= (row, column) in tree
        rows.append({"strength": float(abs(W[row, column])), "output": row, "input": column,
                     "joins": (row, column) in tree, "parts": parts, "shape": list(SHAPE), "persistence": found})
    return rows


def filtration(rows):
    """Four stages of the forest, and below them the strength at which each part joins another.

    rows : list of dict
        Of `filtration_rows`.
    -> matplotlib.figure.Figure

    >>> [axes.get_title() for axes in filtration(filtration_rows()).axes][::4]
    ['|w| ≥ 0.8: 7 parts', 'a part ends at the strength of the edge that joins it to another']
    """
    rows = require_measured(rows, KEYS, "filtration_rows")
    with style.slide():
        figure = style.new_figure("A layer's graph, its strongest edges first: N units, N − 1 edges that join parts")
        grid = figure.add_gridspec(2, len(THRESHOLDS), left=0.06, right=0.985, top=0.85, bottom=0.2, wspace=0.12,
                                   hspace=0.32, height_ratios=(1.25, 1))
        for place, threshold in enumerate(THRESHOLDS):
            _draw_forest(figure.add_subplot(grid[0, place]), rows, threshold)
        _draw_bars(figure.add_subplot(grid[1, :]), [row["strength"] for row in rows if row["joins"]])
        out, inputs = rows[0]["shape"]
        style.foot(figure, f"weights of {inputs} inputs (below) and {out} outputs, over the largest |w|   ·   "
                           f"neural persistence √mean (1 − end)² = {rows[0]['persistence']:.2f}", more=_legend())
    return figure


def _draw_forest(axes, rows, threshold):
    """All edges that have arrived, one colour per part."""
    out, inputs = rows[0]["shape"]
    there = [row for row in rows if row["strength"] >= threshold]
    part = list(range(out + inputs))                        # outputs first, then inputs
    for row in there:
        old, new = part[out + row["input"]], part[row["output"]]
        part = [min(old, new) if each in (old, new) else each for each in part]
    places = [(x, 1.0) for x in np.linspace(0, 1, out)] + [(x, 0.0) for x in np.linspace(0.1, 0.9, inputs)]
    for row in sorted(there, key=lambda row: row["joins"]):
        ends = row["output"], out + row["input"]
        axes.plot(*zip(*(places[end] for end in ends)), color=COLOURS[part[ends[0]]] if row["joins"] else "#b4b4b4",
                  linewidth=3.0 if row["joins"] else 1.1, zorder=2 + row["joins"])
    for place, colour in zip(places, part):
        axes.plot(*place, marker="o", markersize=13, color=COLOURS[colour], zorder=4)
    axes.set(xlim=(-0.08, 1.08), ylim=(-0.18, 1.18), xticks=[], yticks=[])
    for side in axes.spines.values():
        side.set_visible(False)
    count = len(set(part))
    axes.set_title(f"{f'|w| ≥ {threshold:g}' if threshold else 'all edges'}: {count} part{'s' * (count > 1)}")


def _draw_bars(axes, deaths):
    """Every part but one lives from 1 down to the strength of the edge that ends it."""
    style.grid(axes)
    for place, death in enumerate(deaths):
        axes.plot([1.0, death], [place, place], color="#154aaa", linewidth=6, solid_capstyle="butt")
        axes.plot(death, place, marker="o", color="#154aaa", markersize=7)
    for threshold in THRESHOLDS[:-1]:
        axes.axvline(threshold, color="#8c8c8c", linestyle=looks.DASHED, linewidth=1.2, zorder=1)
    axes.set(xlim=(1.02, -0.02), ylim=(len(deaths) - 0.4, -0.6), yticks=[])
    axes.set_xlabel("strength |w|: the filtration runs from 1 down to 0")
    axes.set_title("a part ends at the strength of the edge that joins it to another")


def _legend():
    from matplotlib.lines import Line2D

    return [Line2D([], [], color="#444444", linewidth=3, label="edge of the tree, in the colour of its part"),
            Line2D([], [], color="#b4b4b4", linewidth=1.1, label="edge inside a part: it changes nothing")]
