"""Who speaks to whom: a rule's arrows up and down, drawn from what the rule says of itself in `sketch`."""

from feedbackalign.figures import style
from feedbackalign.figures.small_print import NAMES
from feedbackalign.rules.base import Rule
from feedbackalign.rules.table import TABLE, find

LAYERS = ("input", "hidden 1", "hidden 2", "output")
TOP = len(LAYERS) - 1
HIDDEN = (2, 1)             # places of the layers that are told something, from the top
HALF = 0.75                 # of a layer's width
COLOURS = {"W": "#bf0b00", "fixed": "#8a6d00", "learned": "#1f6fd0", "noise": "#8a4dff", "none": "#8c8c8c"}
DASHES = {"W": "solid", "fixed": (0, (5, 2)), "learned": "solid", "noise": (0, (1.2, 1.2)), "none": (0, (1.2, 4))}
WORDS = {"W": "the forward weights, read backwards", "fixed": "fixed", "learned": "learned", "noise": "noise",
         "none": "nothing is sent"}


def schematic(rule):
    """Draw a rule's arrows: what goes up in black, what comes down in the colour of what carries it.

    Parameters
    ----------
    rule : str, class or Rule
        A name of `rules.TABLE`, "my_rule.py:MyRule", a subclass of `Rule`, or a rule.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If the rule has no `sketch`.

    >>> import feedbackalign as fa
    >>> fa.figures.schematic("pfa").axes[0].get_title()
    'B: fixed   ·   R: learned'
    """
    kind = type(rule) if isinstance(rule, Rule) else find(rule)
    name = rule if isinstance(rule, str) else next((key for key, known in TABLE.items() if known is kind),
                                                   getattr(rule, "name", kind.__name__))
    if not kind.sketch:
        raise ValueError(f"rule: expected one with a sketch, got {kind.__name__}: nothing to draw. See Rule.sketch")
    with style.slide(theme=style.drawn_theme.get()):
        figure = style.new_figure(": ".join(dict.fromkeys((name, NAMES.get(name, kind.__name__)))))
        axes = figure.add_axes((0.04, 0.1, 0.92, 0.76), aspect="equal")
        axes.set(xlim=(-4.0, 4.0), ylim=(-0.35, 3.4))
        axes.set_axis_off()
        for place, layer in enumerate(LAYERS):
            box(axes, 0.0, place, layer)
            if place:
                up = (-0.5, place - 0.78), (-0.5, place - 0.22)
                arrow(axes, *up, style.theme().ink, "solid", f"W{place}", side=-1)
        for place in HIDDEN:
            for number in range(len(kind.sketch)):
                draw(axes, kind.sketch, number, place)
        words = WORDS | ({"W": "its signs alone"} if kind.reads_forward_weights == "signs" else {})
        named = [f"{what}: {words[how]}" if what else words[how] for _, _, what, how in kind.sketch]
        axes.set_title("   ·   ".join(dict.fromkeys(named)))
        figure.text(0.5, 0.03, "black: forward, through W   ·   colour: what tells a hidden layer how to change",
                    ha="center", fontsize=style.points(12), color=style.theme().small)
    return figure


def box(axes, x, y, text, half=HALF):
    """A population of units with its name."""
    from matplotlib.patches import FancyBboxPatch

    axes.add_patch(FancyBboxPatch((x - half, y - 0.14), 2 * half, 0.28, boxstyle="round,pad=0.06", zorder=3,
                                  facecolor=style.theme().grid, edgecolor=style.theme().ink, lw=style.points(1.4)))
    axes.text(x, y, text, ha="center", va="center", fontsize=style.points(15), zorder=4)


def draw(axes, sketch, number, place):
    """One arrow of the sketch, to the hidden layer at this place; the first hidden layer draws what both share."""
    start, end, what, how = sketch[number]
    look, right, first = (COLOURS[how], DASHES[how]), HALF + 0.06, place == HIDDEN[0]
    of_layer = f"{what}{place + 1}" if what else ""
    each_its_own = any((start, end) == ("above", "middle") for start, end, *_ in sketch)
    middle = place + 0.5 if each_its_own else TOP - 0.5         # where the middle population stands
    if start == end:                                            # among the units of one layer
        arrow(axes, (right, place + 0.1), (right, place - 0.1), *look, what, bend=-3.0)
    elif start == "noise":
        axes.text(-2.2, place, "noise", color=look[0], ha="center", va="center", fontsize=style.points(15))
        arrow(axes, (-1.8, place), (-right, place), *look, what)
    elif (start, end) == ("above", "below"):
        beside = 0.45 * number
        arrow(axes, (beside, place + 0.78), (beside, place + 0.22), *look, of_layer, crossed=how == "none")
    elif end == "middle" and (each_its_own or first):
        box(axes, 2.2, middle, "middle", half=0.45)
        arrow(axes, (right, middle + 0.5), (1.7, middle + 0.1), *look, of_layer if each_its_own else what)
    elif start == "middle":
        arrow(axes, (1.9, middle - 0.2), (right, place), *look, of_layer if each_its_own else what, down=True)
    elif start == "target":
        if first:
            box(axes, 2.6, TOP, "target", half=0.45)
        arrow(axes, (2.6, TOP - 0.2), (right, place), *look, what, bend=-0.35)
    elif start == "output" and (end == "below" or end == "above" and first):    # straight from the output's error
        arrow(axes, (right, TOP), (right, place), *look, what, bend=-0.6 - 0.6 * number, side=-1 if first else 1)


def arrow(axes, begin, end, colour, dash, label, *, side=1, bend=0.0, down=False, crossed=False):
    """An arrow with its name beside its middle; `bend` is how far it curves, in parts of its length."""
    axes.annotate("", xy=end, xytext=begin, zorder=2, arrowprops={
        "arrowstyle": "-|>", "color": colour, "linestyle": dash, "lw": style.points(2.2), "shrinkA": 0, "shrinkB": 0,
        "mutation_scale": style.points(20), "connectionstyle": f"arc3,rad={bend}"})
    (x0, y0), (x1, y1) = begin, end
    x, y = (x0 + x1 + bend * (y1 - y0)) / 2, (y0 + y1 - bend * (x1 - x0)) / 2           # the middle of such an arc
    axes.text(x + 0.1 * side, y - (0.15 if down else 0.0), label, color=colour, va="center",
              ha="left" if side > 0 else "right", fontsize=style.points(17))
    if crossed:
        axes.text(x, y, "×", color=colour, ha="center", va="center", fontsize=style.points(30))
