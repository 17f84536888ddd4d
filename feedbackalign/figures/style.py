"""How a rule looks in every figure: one colour, one dash and one marker per rule; and how big a slide's letters are.

The colours were searched for: under normal sight and under simulated protanopia and deuteranopia (Machado et al. 2009,
severity 1) any two of the eight default rules lie at least 30 apart in CIELAB, any two of the first seventeen at least
20, of all that are known at least 12: there is no more room. The dash and the marker say the same in print without
colour. On a dark slide the eight have colours of their own, at least 30 apart; all others are mixed with white until
they stand out. tests/figures/test_style.py measures it.
"""

import contextlib
import contextvars
import os
import sys
import typing
import zlib

from feedbackalign.validation import require_known, require_number

SIZE = (12.8, 7.2)          # inches: a slide of 16:9
DPI = 150                   # -> 1920 x 1080 pixels
MARKS = 8                   # markers along one line, about
LEGEND_LINE = 0.046         # of the figure's height
SMALL_LINE = 0.028          # the same for a line of small print
TICK_SIZE = 13
SCALED = ("axes.linewidth", "axes.labelpad", "axes.titlepad")      # what else grows with a slide, of matplotlib's own
MOST_PANELS = 6             # layers that fit side by side; of a deeper network some are chosen

MOST_GROUPS = 4             # of one rule: they share its colour and marker, and have a dash each

SOLID, DASHED, DOTTED, DASH_DOT, LONG = "solid", (0, (5, 2)), (0, (1.2, 1.2)), (0, (6, 1.5, 1.2, 1.5)), (0, (9, 2))
DASHES = (SOLID, DASHED, DOTTED, DASH_DOT, LONG)


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
    "ep": Look("#008a95", SOLID, (4, 1, 0)),                    # the rules that settle: stars of so many rays
    "ep-vf": Look("#000b55", LONG, (4, 1, 45)),
    "hep": Look("#1575b5", DASHED, (6, 1, 0)),
    "hep-homeo": Look("#20caca", DASH_DOT, (3, 1, 0)),
    "np": Look("#965f64", DOTTED, "8"),                         # far from bp's black, and near to nothing else
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


class Theme(typing.NamedTuple):
    """The colours of a slide that belong to no rule."""

    paper: str
    ink: str                # title, axes and their numbers
    small: str              # what is said beside
    level: str              # a line for comparison
    grid: str


THEMES = {"light": Theme("#ffffff", "#000000", "#444444", "#8c8c8c", "#e4e4e4"),
          "dark": Theme("#14171c", "#f2f2f2", "#c4c4c4", "#8c8c8c", "#30353d")}
IN_THE_DARK = {"bp": "#ffffff", "fa": "#ff5e19", "dfa": "#f4ff00", "usf": "#66ff93", "kp": "#824cff", "wm": "#e5004d",
               "pfa": "#3d81cc", "pfa-o": "#36abb2"}
LEAST_CONTRAST = 3.2        # of every line to the dark paper, (L + 0.05) / (L' + 0.05); WCAG asks for 3

_theme = contextvars.ContextVar("theme", default="light")       # of the `slide` that is being drawn


def theme():
    """The colours of the slide that is being drawn: -> Theme."""
    return THEMES[_theme.get()]


def look(rule):
    """The look of a rule, by its name. A name that is not in the table decides its look alone.

    Inside of `slide(theme="dark")` its colour is the one on dark paper.

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
    label, rule = rule, getattr(rule, "rule", rule)
    found = LOOKS.get(rule) or _other_look(rule, getattr(label, "beside", ()))
    place = getattr(label, "place", 0)                          # of a group among those of its rule
    if place:
        found = found._replace(dash=[dash for dash in DASHES if dash != found.dash][place - 1])
    return found if theme() is THEMES["light"] else found._replace(colour=in_the_dark(rule, found.colour))


def in_the_dark(rule, colour):
    """A rule's colour on dark paper, "#rrggbb": its own, or its colour on white with as much white as it needs."""
    if rule in IN_THE_DARK:
        return IN_THE_DARK[rule]
    rgb = _light(colour)
    wanted = LEAST_CONTRAST * (_luminance(_light(THEMES["dark"].paper)) + 0.05) - 0.05
    share = max(0.0, (wanted - _luminance(rgb)) / (1.0 - _luminance(rgb)))
    mixed = [value + share * (1.0 - value) for value in rgb]
    srgb = [1.055 * value**(1 / 2.4) - 0.055 if value > 0.0031308 else 12.92 * value for value in mixed]
    return "#" + "".join(f"{round(255 * value):02x}" for value in srgb)


def _light(colour):
    """"#rrggbb" -> the light of red, green and blue, from 0 to 1."""
    srgb = [int(colour[place:place + 2], 16) / 255 for place in (1, 3, 5)]
    return [((value + 0.055) / 1.055)**2.4 if value > 0.04045 else value / 12.92 for value in srgb]


def _luminance(rgb):
    return sum(weight * value for weight, value in zip((0.2126, 0.7152, 0.0722), rgb))


def _other_look(rule, beside=()):
    """The look of a rule of one's own; of several beside each other each has a colour that is left."""
    left = []
    for name in (*beside, rule):
        number = zlib.crc32(str(name).encode("utf-8"))          # not hash(): that one differs from run to run
        number, colour = divmod(number, len(OTHER_COLOURS))
        number, dash = divmod(number, len(OTHER_DASHES))
        left = left or list(OTHER_COLOURS)
        colour = OTHER_COLOURS[colour] if OTHER_COLOURS[colour] in left else left[0]
        if name == rule:
            return Look(colour, OTHER_DASHES[dash], OTHER_MARKERS[number % len(OTHER_MARKERS)])
        left.remove(colour)


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

    Parameters
    ----------
    size : (float, float), optional
        Width and height in inches, of 150 pixels each in a PNG; 12.8 x 7.2 if None. Letters and lines grow with it.
    theme : {"light", "dark"}
    """
    size = check_size(SIZE if size is None else size)
    theme = require_known(theme, THEMES, "theme")
    matplotlib, colours = load_matplotlib(), THEMES[theme]
    before = _theme.set(theme)
    try:
        with matplotlib.rc_context():
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
        _theme.reset(before)


def check_size(size):
    """Refuse what is not a width and a height in inches; return them as floats.

    >>> check_size((8, 4.5))
    (8.0, 4.5)
    """
    if not isinstance(size, (tuple, list)) or len(size) != 2:
        raise ValueError(f"size: expected (width, height) in inches, got {size!r}")
    return tuple(float(require_number(inches, "size", low=1, high=100)) for inches in size)


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
    """A logarithmic y axis whose few numbers do not touch: 1, 2, 5, 10 … over less than two decades, else powers."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    axes.set_yscale("log")
    low, high = axes.get_ylim()
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 100 * low else (1,)))
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
