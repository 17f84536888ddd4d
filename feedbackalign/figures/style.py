"""How a slide looks: its size and letters, the lines of its rules, its axes, its legend and small print."""

import contextlib
import os
import sys
import threading

from feedbackalign.figures.looks import THEMES, drawn_theme, look, theme
from feedbackalign.ops.quiet import quiet
from feedbackalign.validation import describe, require_known, require_number

SIZE = (12.8, 7.2)          # inches: a slide of 16:9
DPI = 150                   # -> 1920 x 1080 pixels
MARKS = 8                   # markers along one line, about
LEGEND_LINE = 0.046         # of the figure's height
SMALL_LINE = 0.028          # the same for a line of small print
TICK_SIZE = 13
SCALED = ("axes.linewidth", "axes.labelpad", "axes.titlepad")      # what else grows with a slide, of matplotlib's own
MOST_PANELS = 6             # layers that fit side by side; of a deeper network some are chosen

_one_at_a_time = threading.RLock()      # who holds it has set matplotlib.rcParams; a slide may be saved inside another


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
def slide(size=None, theme="light"):
    """matplotlib's settings for a slide inside of the block; the user's own come back afterwards.

    The settings, `matplotlib.rcParams`, belong to the process. So slides in several threads are drawn one after the
    other, and what another thread draws meanwhile by itself may come out in our letters and lines.

    Parameters
    ----------
    size : (float, float), optional
        Width and height in inches, of 150 pixels each in a PNG; 12.8 x 7.2 if None. Letters and lines grow with it.
    theme : {"light", "dark"}
    """
    size = check_slide(size, theme)
    before = drawn_theme.set(theme)
    try:
        with _one_at_a_time, quiet(), load_matplotlib().rc_context():
            matplotlib, colours = sys.modules["matplotlib"], THEMES[theme]
            matplotlib.rcdefaults()
            scale = min(one / usual for one, usual in zip(size, SIZE))
            matplotlib.rcParams.update({name: scale * matplotlib.rcParams[name] for name in SCALED})
            matplotlib.rcParams.update({
                "figure.figsize": size, "font.size": 14 * scale, "axes.labelsize": 15 * scale,
                "axes.titlesize": 15 * scale, "legend.fontsize": 15 * scale,
                "axes.spines.top": False, "axes.spines.right": False, "axes.axisbelow": True,
                "lines.linewidth": 2.4 * scale, "lines.markersize": 8 * scale,
                "figure.facecolor": colours.paper, "axes.facecolor": colours.paper, "text.color": colours.ink,
                "axes.edgecolor": colours.ink, "axes.labelcolor": colours.ink,
                "svg.hashsalt": "feedbackalign",                # the same names inside an SVG every time
                "svg.fonttype": "none",                         # and text that is text
            })
            yield
    finally:
        drawn_theme.reset(before)


def check_size(size):
    """Refuse what is not a width and a height in inches; return them as floats.

    >>> check_size((8, 4.5))
    (8.0, 4.5)
    """
    if not isinstance(size, (tuple, list)) or len(size) != 2:
        raise ValueError(f"size: expected (width, height) in inches, got {describe(size)}")
    return tuple(float(require_number(inches, "size", low=1, high=100)) for inches in size)


def check_slide(size, theme):
    """Refuse what is no size or no theme; -> the size, that of a slide if None."""
    require_known(theme, THEMES, "theme")
    return check_size(SIZE if size is None else size)


def points(number):
    """The size of letters that have so many points on a slide of the usual size."""
    from matplotlib import rcParams

    return number * rcParams["font.size"] / 14


def new_figure(title):
    """An empty slide with its title: -> matplotlib.figure.Figure, which needs neither pyplot nor a display."""
    from matplotlib.figure import Figure

    figure = Figure(dpi=DPI)
    figure.suptitle(title, x=0.5, y=0.985, va="top", fontsize=points(20))
    return figure


def grid(axes):
    """Ticks and grid, set here because a figure makes them only when it is written, perhaps outside of `slide`."""
    axes.tick_params(which="both", labelsize=points(TICK_SIZE), color=theme().ink, labelcolor=theme().ink,
                     pad=points(3.5))
    for which, length, width in (("major", 3.5, 0.8), ("minor", 2.0, 0.6)):
        axes.tick_params(which=which, length=points(length), width=points(width))
    axes.grid(color=theme().grid, linewidth=points(0.8))


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


def log_axis(axes):
    """A logarithmic y axis whose few numbers do not touch: powers of 10 over two decades or more, over less 1, 2, 5, 10
    …, and where no three of these would be seen, numbers at even steps.
    """
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

    axes.set_yscale("log")
    low, high = axes.get_ylim()
    axes.yaxis.set_major_locator(MaxNLocator(4) if high < 5 * low else
                                 LogLocator(subs=(1, 2, 5) if high < 100 * low else (1,)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, place: f"{value:g}"))
    axes.yaxis.set_minor_locator(NullLocator())


def highest(groups, least):
    """The highest value of all curves in several panels, which share an axis; no less than `least`."""
    return max([least, *(high for group in groups for curve in group.values() for high in curve.high if high == high)])


def degree_axis(axes, up_to, with_words=False):
    """Degrees on the y axis, with a tick every 30 and a line at the right angle; 0 stands clear of the frame."""
    top = min(184.0, up_to + 4.0)
    axes.set_ylim(-4.0, top)
    axes.set_yticks([tick for tick in range(0, 181, 30) if tick <= top])
    level_line(axes, 90.0)
    if with_words:
        axes.text(0.98, 91.5, "90°: unrelated", transform=axes.get_yaxis_transform(), ha="right", va="bottom",
                  fontsize=points(12), color=theme().small)


def level_line(axes, value):
    """A line for comparison, behind the curves."""
    axes.axhline(value, color=theme().level, linewidth=points(1.2), zorder=1)


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

    figure.text(0.5, 0.012, small_print, ha="center", va="bottom", fontsize=points(12), color=theme().small)
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
        figure.legend(handles=entries, bbox_to_anchor=(0.5, lowest + (LEGEND_LINE if more else 0.0)),
                      fontsize=points(size), ncol=-(-len(entries) // lines), **spacing)
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
