"""How a rule looks in every figure: one colour, one dash and one marker per rule, on light paper and on dark.

The colours were searched for: under normal sight and under simulated protanopia and deuteranopia (Machado et al. 2009,
severity 1) any two of the eight default rules lie at least 30 apart in CIELAB, any two of the first seventeen at least
20, of all that are known at least 12: there is no more room. The dash and the marker say the same in print without
colour. On a dark slide the eight have colours of their own, at least 30 apart; all others are mixed with white until
they stand out. tests/figures/test_looks.py measures it.
"""

import contextvars
import typing
import zlib

from feedbackalign.validation import require_text

MOST_GROUPS = 4             # of one rule: they share its colour and marker, and have a dash each

SOLID, DASHED, DOTTED, DASH_DOT = "solid", (0, (5, 2)), (0, (1.2, 1.2)), (0, (6, 1.5, 1.2, 1.5))
LONG = (5.5, (9, 2))        # begins inside of a dash, for in a legend the only gap would lie behind the marker
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
    "top-only": Look("#a578e1", SOLID, "|"),                    # nothing sent: the baseline of all
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
LEAST_LIGHT = 0.137         # luminance of a line on dark paper: a contrast of 3.2, where WCAG 2 asks for 3

drawn_theme = contextvars.ContextVar("theme", default="light")       # of the `slide` that is being drawn


def theme():
    """The colours of the slide that is being drawn: -> Theme."""
    return THEMES[drawn_theme.get()]


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
    require_text(rule, "rule")
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
    srgb = [int(colour[place:place + 2], 16) / 255 for place in (1, 3, 5)]
    light = [((value + 0.055) / 1.055)**2.4 if value > 0.04045 else value / 12.92 for value in srgb]
    luminance = sum(weight * value for weight, value in zip((0.2126, 0.7152, 0.0722), light))
    white = max(0.0, (LEAST_LIGHT - luminance) / (1.0 - luminance))
    mixed = [value + white * (1.0 - value) for value in light]
    srgb = [1.055 * value**(1 / 2.4) - 0.055 if value > 0.0031308 else 12.92 * value for value in mixed]
    return "#" + "".join(f"{round(255 * value):02x}" for value in srgb)


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
