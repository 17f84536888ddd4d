"""How a rule looks in every figure: one colour, one dash and one marker per rule; and how big a slide's letters are.

The colours were searched for: under normal sight and under simulated protanopia and deuteranopia (Machado et al. 2009,
severity 1) any two of the eight default rules lie at least 30 apart in CIELAB, any two of the first eighteen at least
20, of all that are known at least 12: there is no more room. The dash and the marker say the same in print without
colour. tests/figures/test_style.py measures both.
"""

import contextlib
import os
import sys
import typing
import zlib

SIZE = (12.8, 7.2)          # inches: a slide of 16:9
DPI = 150                   # -> 1920 x 1080 pixels
MARKS = 8                   # markers along one line, about
LEGEND_LINE = 0.046         # of the figure's height
SMALL_LINE = 0.028          # the same for a line of small print
TICK_SIZE = 13
GRID = "#e4e4e4"
MOST_PANELS = 6             # layers that fit side by side; of a deeper network some are chosen

MOST_GROUPS = 4             # of one rule: they share its colour and marker, and have a dash each

SOLID, DASHED, DOTTED, DASH_DOT, LONG = "solid", (0, (5, 2)), (0, (1.2, 1.2)), (0, (6, 1.5, 1.2, 1.5)), (0, (9, 2))


class Look(typing.NamedTuple):
    """What tells one rule's line from another's."""

    colour: str
    dash: object            # a matplotlib line style
    marker: object          # a matplotlib marker


LOOKS = {
    "bp": Look("#000000", SOLID, "s"),
    "fa": Look("#bf0b00", DASHED, "o"),
    "dfa": Look("#d4aa00", DASH_DOT, "^"),
    "usf": Look("#20bf75", SOLID, "v"),
    "kp": Look("#8a00ff", LONG, "D"),
    "wm": Look("#9f0b60", DOTTED, "P"),
    "pfa": Look("#154aaa", SOLID, "X"),
    "pfa-o": Look("#00bfea", DASHED, "*"),
    "pfa-i": Look("#00009f", DASH_DOT, "h"),
    "drtp": Look("#756040", LONG, "<"),
    "brsf": Look("#609f8a", DASHED, "p"),
    "frsf": Look("#600b00", DOTTED, ">"),
    "wp": Look("#bf6aff", DASH_DOT, "d"),
    "np": Look("#000b2a", DOTTED, "8"),
    "ep": Look("#008a95", SOLID, (4, 1, 0)),                    # the rules that settle: stars of so many rays
    "ep-vf": Look("#000b55", LONG, (4, 1, 45)),
    "hep": Look("#1575b5", DASHED, (6, 1, 0)),
    "hep-homeo": Look("#20caca", DASH_DOT, (3, 1, 0)),
    "dfc": Look("#116688", SOLID, (5, 1, 0)),                   # deep feedback control: stars again
    "dfc-ss": Look("#444433", DOTTED, (8, 1, 0)),
    "dfc-ssa": Look("#0099bb", DASH_DOT, (3, 1, 180)),
    "tp": Look("#003333", DASH_DOT, (3, 0, 0)),                 # the rules that hand out targets: polygons
    "dtp": Look("#9944ee", DASHED, (5, 0, 36)),
    "dtp-drl": Look("#77cc66", SOLID, (7, 0, 0)),
    "ddtp-linear": Look("#cc8833", SOLID, (4, 0, 0)),
    "ddtp-rhl": Look("#aa7744", DASHED, (4, 0, 45)),
    "ddtp-control": Look("#110077", DOTTED, (3, 0, 60)),
    "gnt": Look("#333377", LONG, (6, 0, 30)),
    "corinfomax": Look("#007212", DASH_DOT, (3, 2, 0)),         # and six more answers: rays
    "relpsp": Look("#303cc0", DASHED, (4, 2, 0)),
    "ode-to-ode": Look("#4e0c4e", LONG, (5, 2, 0)),
    "consequentialism": Look("#1e5a66", SOLID, (6, 2, 0)),
    "semi-implicit": Look("#0000c6", DASHED, (7, 2, 0)),
    "proxprop": Look("#84c6a2", DOTTED, (8, 2, 0)),
}

# For rules of one's own: the name alone decides, so that a rule looks the same in every figure.
OTHER_COLOURS = ("#9faa4a", "#004040", "#ca6a00", "#9a4dfd", "#796e2c")
OTHER_DASHES = (SOLID, DASHED, DASH_DOT, LONG)
OTHER_MARKERS = ("H", "x", "+", "1", "2", "3", "4")


def look(rule):
    """The look of a rule, by its name. A name that is not in the table decides its look alone.

    Parameters
    ----------
    rule : str
        Or the `runs.groups.Label` of a group of runs, which has the rule's colour and marker and a dash of its own.

    Returns
    -------
    Look
        colour as "#rrggbb", dash and marker as matplotlib takes them.

    >>> look("bp").colour
    '#000000'
    >>> look("my-own-rule") == look("my-own-rule")
    True
    """
    place = getattr(rule, "place", 0)                           # of a group among those of its rule
    if place:
        own = look(rule.rule)
        others = [dash for dash in (SOLID, DASHED, DOTTED, DASH_DOT, LONG) if dash != own.dash]
        return own._replace(dash=others[place - 1])
    rule = getattr(rule, "rule", rule)
    if rule in LOOKS:
        return LOOKS[rule]
    number = zlib.crc32(str(rule).encode("utf-8"))              # not hash(): that one differs from run to run
    number, colour = divmod(number, len(OTHER_COLOURS))
    number, dash = divmod(number, len(OTHER_DASHES))
    marker = number % len(OTHER_MARKERS)
    return Look(OTHER_COLOURS[colour], OTHER_DASHES[dash], OTHER_MARKERS[marker])


def load_matplotlib():
    """matplotlib, even if MPLBACKEND names a backend that is not there, as in a notebook's shell: files need none."""
    if "matplotlib" not in sys.modules:                         # it looks at MPLBACKEND only while it loads
        backend = os.environ.pop("MPLBACKEND", None)
        import matplotlib
        if backend:
            os.environ["MPLBACKEND"] = backend
            with contextlib.suppress(ValueError):
                matplotlib.rcParams["backend"] = backend
    return sys.modules["matplotlib"]


@contextlib.contextmanager
def slide():
    """matplotlib's settings for a slide inside of the block; the user's own come back afterwards."""
    matplotlib = load_matplotlib()
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update({
            "font.size": 14, "axes.labelsize": 15, "axes.titlesize": 15, "legend.fontsize": 15,
            "axes.spines.top": False, "axes.spines.right": False, "axes.axisbelow": True,
            "lines.linewidth": 2.4, "lines.markersize": 8,
            "svg.hashsalt": "feedbackalign",                    # the same names inside an SVG every time
        })
        yield


def new_figure(title):
    """An empty slide with its title: -> matplotlib.figure.Figure, which needs neither pyplot nor a display."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE, dpi=DPI)
    figure.suptitle(title, x=0.5, y=0.985, va="top", fontsize=20)
    return figure


def grid(axes):
    """Ticks and grid, set here because a figure makes them only when it is written, perhaps outside of `slide`."""
    axes.tick_params(which="both", labelsize=TICK_SIZE)
    axes.grid(color=GRID, linewidth=0.8)


def draw_curves(axes, curves, title=None):
    """One line per rule, the mean over seeds, with a band from the lowest seed to the highest.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    curves : dict
        {rule: Curve}, see `runs.rows.mean_curves`.
    title : str, optional
        Of the panel.
    """
    grid(axes)
    if title:
        axes.set_title(title)
    for place, (rule, curve) in enumerate(curves.items()):
        colour, dash, marker = look(rule)
        every = max(1, round(len(curve.epochs) / MARKS))
        # The markers of different rules stand at different epochs, so that lines which coincide stay countable.
        marks = (place % every, every)
        axes.plot(curve.epochs, curve.mean, color=colour, linestyle=dash, marker=marker, markevery=marks,
                  markeredgecolor=colour, label=rule, zorder=3)
        if curve.seeds > 1:
            axes.fill_between(curve.epochs, curve.low, curve.high, color=colour, alpha=0.16, linewidth=0, zorder=2)


def epoch_axis(axes, curves, label="epoch"):
    """Whole epochs from the first to the last, on the x axis."""
    from matplotlib.ticker import MaxNLocator

    last = max((curve.epochs[-1] for curve in curves.values()), default=1)
    axes.set_xlim(-0.02 * max(1, last), 1.02 * max(1, last))   # the first and the last marker stand clear of the frame
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10], integer=True))
    axes.set_xlabel(label)


def highest(groups, least):
    """The highest value of all curves in several panels, which share an axis; no less than `least`."""
    return max([least, *(high for group in groups for curve in group.values() for high in curve.high if high == high)])


def degree_axis(axes, up_to, with_words=False):
    """Degrees on the y axis, with a tick every 30 and a line at the right angle; 0 stands clear of the frame."""
    top = min(184.0, up_to + 4.0)
    axes.set_ylim(-4.0, top)
    axes.set_yticks([tick for tick in range(0, 181, 30) if tick <= top])
    axes.axhline(90.0, color="#8c8c8c", linewidth=1.2, zorder=1)
    if with_words:
        axes.text(0.98, 91.5, "90°: unrelated", transform=axes.get_yaxis_transform(), ha="right", va="bottom",
                  fontsize=12, color="#555555")


def foot(figure, small_print, rules=(), words=None, more=()):
    """The legend of the whole figure, below its panels, and the small print below that.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    small_print : str
        One line or several.
    rules : iterable of str
        In the legend.
    words : dict, optional
        {rule: what the legend says instead of its name}.
    more : list of matplotlib artists
        Further labelled entries, on a line of their own below the rules.

    Returns
    -------
    float
        Where the panels may begin: the part of the figure's height that all this and an epoch axis take.
    """
    from matplotlib.lines import Line2D

    figure.text(0.5, 0.012, small_print, ha="center", va="bottom", fontsize=12, color="#444444")
    entries = []
    for rule in rules:
        colour, dash, marker = look(rule)
        entries.append(Line2D([], [], color=colour, linestyle=dash, marker=marker, markeredgecolor=colour,
                              label=(words or {}).get(rule, rule)))
    small_lines = small_print.count("\n")                       # beyond the first
    lowest, lines = 0.045 + SMALL_LINE * small_lines, 0
    spacing = {"loc": "lower center", "frameon": False, "handlelength": 3.2, "columnspacing": 1.5,
               "handletextpad": 0.6, "borderpad": 0.1}
    if entries:
        size = 15 if len(entries) <= 8 else 13
        lines = _lines_needed([entry.get_label() for entry in entries], room=106 * 15 / size)
        figure.legend(handles=entries, bbox_to_anchor=(0.5, lowest + (LEGEND_LINE if more else 0.0)), fontsize=size,
                      ncol=-(-len(entries) // lines), **spacing)
    if more:
        figure.legend(handles=more, bbox_to_anchor=(0.5, lowest), ncol=len(more), **spacing)
    return 0.15 + LEGEND_LINE * (lines + bool(more)) + SMALL_LINE * small_lines


def _lines_needed(labels, room):
    """How many lines a legend takes that is at most `room` letters wide; its columns are filled top to bottom."""
    for lines in range(1, len(labels)):
        columns = [labels[start:start + lines] for start in range(0, len(labels), lines)]
        if sum(max(map(len, column)) + 8 for column in columns) <= room:        # 8: the line sample and the gap
            return lines
    return len(labels)
