"""Decay, traces, checks and rules as text."""

import math

import pytest

import feedbackalign as fa
from feedbackalign import rules
from feedbackalign.cli import commands, report
from tests.figures.test_tables import row


def test_what_a_preset_made_of_each_rules_decay_fits_the_width():
    rows = [row(rule, epoch=epoch, weight_decay=decay) for number in range(20)
            for rule in [f"pfa-{number}"] for epoch, decay in [(1, 0.03), (2, 9e-5)]]
    rows += [row(rule, epoch=epoch, weight_decay=1e-4) for rule in ("bp", "fa") for epoch in (1, 2)]
    text = report.decay_text("authors", rows, 934)
    assert text.startswith("decay preset authors: 1e-4 for bp, fa; 0.03 until step 934, then 9e-5 for all others")
    assert report.decay_text("equal", [row("bp")], 934) == "decay preset equal"
    for each in rows:
        each["weight_decay"] = each["weight_decay"] if each["rule"] in ("pfa-1", "bp") else 1e-4 + len(each["rule"])
    assert max(map(len, report.decay_text("authors", rows, 934).splitlines())) <= report.WIDTH


def test_the_step_of_the_drop_is_named_where_all_rates_have_the_same():
    rows = [row("pfa", epoch=epoch, weight_decay=decay) for epoch, decay in [(1, 0.03), (2, 9e-5)]]
    same = commands.in_words([fa.Run("pfa", lr=0.1, seed=seed) for seed in (0, 1)], rows)
    assert same.endswith("lr 0.1, momentum 0.9\ndecay preset authors: 0.03 until step 94, then 9e-5")
    other = commands.in_words([fa.Run("pfa", lr=lr) for lr in (0.1, 0.2)], rows)
    assert other.endswith("lr 0.1, 0.2, momentum 0.9\ndecay preset authors: 0.03 at first, then 9e-5")


def test_runs_that_end_within_the_strong_decay_are_told_so():
    run = fa.Run("pfa", lr=0.1)
    ends = {step: commands.in_words([run], [row("pfa", epoch=1, step=step, weight_decay=0.03)]) for step in (93, 94)}
    assert "The strong decay lasts until step 94, and these runs end at step 93: train longer" in ends[93]
    assert "lasts until" not in ends[94] and max(map(len, ends[93].splitlines())) <= report.WIDTH
    assert "lasts until" not in commands.in_words([run], [row("fa", epoch=1, step=93, weight_decay=1e-4)])


def test_a_trace_by_layers_and_by_phases():
    text = report.trace_text([
        {"layer": "fc1", "input": (64, 4), "output": (64, 3), "weight": (3, 4), "route": "(64,3) @ B (3,4)",
         "error_norm": 0.25, "update_norm": 2.0, "delta_angle": 12.345, "update_angle": math.nan},
        {"phase": "nudged", "steps": 20, "shape": (64, 10)}])
    assert "(64,3) @ B (3,4)" in text and "12.3°" in text and "undefined" in text
    assert text.endswith("phase nudged   steps 20   shape (64,10)")


def test_angles_as_text():
    assert report.angle_text(None).startswith("undefined")
    assert report.angles_text({"fc1.weight": 10.0, "fc1.bias": 0.0}, "backprop").splitlines()[1] == \
        "fc1.bias      update at 0° to backprop's"


def test_a_failed_check_says_so():
    assert report.check_line({"what": "x", "value": 1.0, "tolerance": 1e-6, "passed": False}).startswith("FAILED ")
    assert "odd" in report.check_line({"what": "x", "value": "odd", "tolerance": "even", "passed": False})


@pytest.mark.parametrize("name", rules.TABLE)
def test_every_rule_has_an_idea_and_a_paper(name):
    text = report.rule_text(name, rules.find(name), rules.options_of(name))
    assert text.startswith(name) and rules.find(name).paper in text and "no description" not in text
    assert max(map(len, text.splitlines())) <= report.WIDTH


@pytest.mark.parametrize("name", rules.TABLE)
def test_every_option_has_its_meaning_and_all_words_that_it_takes(name):
    kind = rules.find(name)
    text = report.rule_text(name, kind, rules.options_of(name))
    for option, default in rules.options_of(name).items():
        meaning = report.option_text(kind, option)
        assert f"{report.flag(option)} {'(chosen by itself)' if default is None else default}   {meaning[:10]}" in text
        assert ": " in meaning and len(meaning) > 15                        # a kind of value and what it means
        assert all(f'"{word}"' in meaning for word in getattr(kind, option + "s", ()))


def test_an_option_without_a_docstring_still_lists_its_words():
    class Silent(rules.Rule):
        shapes = ("round", "square")

        def __init__(self, network, *, rng, shape="round"):
            super().__init__(network, rng=rng)
    assert report.rule_text("silent", Silent, rules.options_of(Silent)).endswith("--shape round   round or square")


def test_a_rule_without_words_is_listed_too():
    class Bare(rules.Rule):
        pass
    Bare.__doc__ = None
    assert report.rule_text("bare", Bare, {}) == "bare    (no description)"
