"""One look a rule: told apart by everyone, in colour and without."""

import itertools

import numpy as np
import pytest
from matplotlib import rcParams

from feedbackalign.figures import looks, style
from feedbackalign.rules import TABLE
from tests.figures.records import DEFAULT_RULES

# What a dichromat sees, on linear RGB: Machado, Oliveira & Fernandes 2009, severity 1.
SIGHT = {
    "normal": np.eye(3),
    "protanopia": np.array([[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
                            [-0.003882, -0.048116, 1.051998]]),
    "deuteranopia": np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                              [-0.011820, 0.042940, 0.968881]]),
}


def light(colour):
    """"#rrggbb" -> the light of red, green and blue."""
    srgb = np.array([int(colour[place:place + 2], 16) for place in (1, 3, 5)]) / 255.0
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def cielab(colour, sight="normal"):
    """"#rrggbb" -> L, a, b under D65."""
    linear = np.clip(SIGHT[sight] @ light(colour), 0.0, 1.0)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = to_xyz @ linear / np.array([0.9505, 1.0, 1.089])
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def nearest(colours, sight):
    """The smallest distance between any two of them."""
    return min(np.linalg.norm(cielab(one, sight) - cielab(other, sight))
               for one, other in itertools.combinations(colours, 2))


def test_the_measure_knows_white_and_what_confuses_a_dichromat():
    assert cielab("#ffffff") == pytest.approx([100, 0, 0], abs=0.1)
    red, green = "#c04020", "#607020"
    assert nearest([red, green], "deuteranopia") < nearest([red, green], "normal") / 3


@pytest.mark.parametrize("sight", SIGHT)
def test_default_rules_lie_far_apart(sight):
    assert nearest([looks.look(rule).colour for rule in DEFAULT_RULES], sight) >= 30


@pytest.mark.parametrize("sight", SIGHT)
def test_all_known_rules_lie_apart(sight):
    """The first seventeen further than those that came when there was no more room."""
    colours = [look.colour for look in looks.LOOKS.values()]
    assert nearest(colours[:17], sight) >= 20
    assert nearest(colours, sight) >= 12


@pytest.mark.parametrize("sight", SIGHT)
def test_the_colours_of_other_rules_lie_apart_from_the_first_seventeen(sight):
    colours = [look.colour for look in looks.LOOKS.values()]
    assert nearest([*colours[:17], *looks.OTHER_COLOURS], sight) >= 15


def test_every_line_stands_out_from_white_paper():
    colours = [*(look.colour for look in looks.LOOKS.values()), *looks.OTHER_COLOURS]
    assert max(cielab(colour)[0] for colour in colours) <= 75


def contrast(one, other):
    """Of two colours, from 1 to 21: WCAG 2."""
    dark, bright = sorted(light(colour) @ [0.2126, 0.7152, 0.0722] for colour in (one, other))
    return (bright + 0.05) / (dark + 0.05)


def test_contrast_knows_black_on_white_and_a_published_pair():
    assert contrast("#000000", "#ffffff") == pytest.approx(21) and contrast("#767676", "#ffffff") >= 4.5 > contrast(
        "#777777", "#ffffff")


@pytest.mark.parametrize("sight", SIGHT)
def test_in_the_dark_default_rules_lie_far_apart(sight):
    with style.slide(theme="dark"):
        assert nearest([looks.look(rule).colour for rule in DEFAULT_RULES], sight) >= 30


def test_every_line_and_every_letter_stands_out_from_dark_paper():
    with style.slide(theme="dark"):
        paper, *letters = looks.theme()[:4]
        colours = [looks.look(rule).colour for rule in (*looks.LOOKS, *(f"rule-{number}" for number in range(50)))]
    assert min(contrast(colour, paper) for colour in (*colours, *letters)) >= 3
    assert len(set(colours)) == len(looks.LOOKS) + len(looks.OTHER_COLOURS)


def test_only_colours_change_in_the_dark_and_only_inside_of_the_slide():
    before = looks.look("ep-vf")
    with pytest.raises(KeyError), style.slide(theme="dark"):
        assert looks.look("ep-vf") == before._replace(colour=looks.look("ep-vf").colour) != before
        raise KeyError
    assert looks.look("ep-vf") == before and looks.theme() == looks.THEMES["light"]


def test_without_colour_every_rule_has_a_marker_of_its_own():
    markers = [look.marker for look in looks.LOOKS.values()]
    assert len(set(markers)) == len(markers)
    assert not set(markers) & set(looks.OTHER_MARKERS)


@pytest.mark.parametrize("dash", looks.DASHES[1:], ids=str)
def test_a_legend_shows_a_gap_of_every_dash_on_each_side_of_the_marker(dash):
    """In widths of a line: the sample of `style.foot` is 3.2 letters long, its marker stands in the middle."""
    with style.slide():
        letter, line, marker = (rcParams[name] for name in ("legend.fontsize", "lines.linewidth", "lines.markersize"))
    sample, half = 3.2 * letter / line, marker / 2 / line
    start, pattern = dash
    ends = np.cumsum(np.tile(pattern, 20)) - start
    gaps = [(low, high) for low, high in zip(ends[::2], ends[1::2]) if low > 0 and high < sample]
    assert any(high < sample / 2 - half for _, high in gaps) and any(low > sample / 2 + half for low, _ in gaps)


def test_every_rule_of_the_family_has_a_look():
    assert set(DEFAULT_RULES) <= set(looks.LOOKS)
    assert set(TABLE) <= set(looks.LOOKS)


def test_a_rule_unknown_to_the_table_has_one_look_for_ever():
    assert looks.look("my-rule") == looks.Look("#004040", looks.DASH_DOT, "1")   # in every process
    assert looks.look("my-rule").colour in looks.OTHER_COLOURS


def test_other_rules_do_not_all_look_alike():
    assert len({looks.look(f"rule-{number}") for number in range(100)}) > 50
