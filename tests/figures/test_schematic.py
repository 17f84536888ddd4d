"""A picture of who speaks to whom: what a rule says in `sketch` is what it holds, and all of it is drawn."""

import numpy as np
import pytest

import feedbackalign as fa
from feedbackalign import rules
from feedbackalign.figures import schematic, slide
from feedbackalign.figures.schematic import COLOURS, DASHES, WORDS
from feedbackalign.rules.base import ARROWS
from tests.figures.records import title

PLACES = {"above", "below", "middle", "output", "target", "noise"}


def held(name):
    """{kind: names of the matrices that the rule holds}, on the first of its own small networks."""
    rng = np.random.default_rng(0)
    _, net, _, _ = next(iter(rules.find(name).small_networks(rng)))
    rule = rules.make(name, net, rng=rng)

    def matrices(arrays):
        return {key.split(".")[-1] for key, array in arrays.items() if np.ndim(array) > 1}
    return {"fixed": matrices(rule.constants()), "learned": matrices({**rule.parameters(), **rule.plastic()})}


@pytest.mark.parametrize("name", rules.TABLE)
def test_a_sketch_names_every_matrix_of_the_rule_and_no_other(name):
    """An array that every batch draws anew is noise; one that learns somewhere is drawn as one that learns."""
    kind, holds = rules.find(name), held(name)
    drawn = {how: {what for _, _, what, arrow in kind.sketch if arrow == how} - {""} for how in ARROWS}
    assert drawn["learned"] | drawn["noise"] == holds["learned"]
    assert drawn["fixed"] == holds["fixed"] - holds["learned"]
    assert drawn["W"] == ({"W"} if kind.reads_forward_weights != "no" else set()) and not drawn["none"]
    assert {place for start, end, *_ in kind.sketch for place in (start, end)} <= PLACES


def texts(figure):
    return [text.get_text() for text in figure.axes[0].texts]


@pytest.mark.parametrize("name", rules.TABLE)
def test_every_arrow_of_the_sketch_is_drawn_in_its_kinds_colour(name):
    figure, kind = schematic(name), rules.find(name)
    arrows = [text.arrow_patch for text in figure.axes[0].texts if getattr(text, "arrow_patch", None)]
    colours = {tuple(np.round(arrow.get_edgecolor()[:3], 3)) for arrow in arrows}
    wanted = {tuple(round(int(COLOURS[how][place:place + 2], 16) / 255, 3) for place in (1, 3, 5))
              for *_, how in kind.sketch}
    assert wanted == colours - {(0.0, 0.0, 0.0)} and len(arrows) >= 3 + len(kind.sketch)
    assert {"W1", "W2", "W3", "output", "hidden 1", "hidden 2"} <= set(texts(figure))
    for _, _, what, _ in kind.sketch:
        assert any(text.startswith(what) for text in texts(figure)) and what in figure.axes[0].get_title()
    assert len(set(texts(figure))) >= 7


def test_kinds_have_a_colour_a_dash_and_a_word_each():
    assert set(ARROWS) == set(COLOURS) == set(DASHES) == set(WORDS)
    assert len(set(COLOURS.values())) == len(ARROWS)


def test_what_all_layers_share_is_drawn_once_and_what_each_has_twice():
    assert texts(schematic("ddtp-rhl")).count("middle") == 1 == texts(schematic("drtp")).count("target")
    assert texts(schematic("pfa")).count("middle") == 2
    assert {"B3", "B2", "R3", "R2"} <= set(texts(schematic("pfa")))


def test_a_class_and_a_rule_are_drawn_like_their_name():
    net = fa.networks.mlp([4, 3, 2], rng=np.random.default_rng(0))
    rule = rules.make("kp", net, rng=np.random.default_rng(1))
    for given in (rules.KolenPollack, rule):
        assert title(schematic(given)) == title(schematic("kp")) == "kp: Kolen-Pollack"


def test_a_rule_of_ones_own_is_drawn_by_its_sketch_and_refused_without():
    class Mine(rules.FeedbackAlignment):
        sketch = (("output", "below", "C", "learned"),)
    assert "C" in texts(schematic(Mine)) and title(schematic(Mine)) == "Mine"
    Mine.sketch = ()
    with pytest.raises(ValueError, match="rule: expected one with a sketch, got .*Mine"):
        schematic(Mine)
    with pytest.raises(ValueError, match="unknown rule 'fb'"):
        schematic("fb")


def test_on_a_dark_slide_the_ink_is_light():
    with slide(theme="dark"):
        assert schematic("bp").get_facecolor()[:3] < (0.2, 0.2, 0.2)
