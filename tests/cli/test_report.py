"""Tables, traces and lists as text: aligned, narrow enough, and honest about what is 0 or undefined."""

import math

import pytest

from feedbackalign import rules
from feedbackalign.cli import report


def row(rule, seed=0, epoch=1, angle=60.0, layers=("fc1", "fc2"), **more):
    angles = {f"{name}.{part}": angle if name != layers[-1] else 0.0 for name in layers for part in ("weight", "bias")}
    return {"rule": rule, "seed": seed, "epoch": epoch, "test_accuracy": 0.9, "test_loss": 0.3, "reference": "backprop",
            "update_angle": angles, "backprop_angle": angles, "weight_angle": dict.fromkeys(layers, angle),
            "norm_ratio": dict.fromkeys(layers, 0.9), "seconds_per_step": 0.001, **more}


def cells(table, rule):
    """A rule's row; of several tables one below the other, all its rows in one."""
    return [cell for line in table.splitlines() if line.startswith(f"{rule} ") for cell in line.split()]


def test_numbers_are_means_over_seeds():
    rows = [row("fa", seed, epoch, angle=angle, test_accuracy=accuracy)
            for seed, epoch, angle, accuracy in [(0, 0, 90.0, 0.1), (0, 1, 50.0, 0.8),
                                                 (1, 0, 90.0, 0.1), (1, 1, 60.0, 0.9)]]
    table = report.comparison_table(rows)
    assert cells(table, "fa") == ["fa", "85.0", "±", "7.1", "55.0", "0*", "55.0", "55.0", "0.90", "0.90", "1.00"]
    assert "0*  below 1e-6 degrees in every epoch and seed" in table and "mean over 2 seeds" in table
    assert "last" not in table                                              # there is but one trained epoch


@pytest.mark.parametrize("epochs, averaged", [(2, [1, 2]), (5, [1, 2, 3, 4, 5]), (9, [5, 6, 7, 8, 9])])
def test_angles_and_norm_ratios_are_means_over_the_last_five_epochs_too(epochs, averaged):
    rows = [row("fa", seed, epoch, angle=float(epoch**2 + seed), norm_ratio={"fc1": 1.0, "fc2": epoch + seed / 2},
                test_accuracy=0.5 + epoch / 100)
            for epoch in range(epochs, -1, -1) for seed in (0, 1)]          # in any order
    table = report.comparison_table(rows)
    angle = sum(epoch**2 for epoch in averaged) / len(averaged) + 0.5
    ratio = sum(averaged) / len(averaged) + 0.25
    assert cells(table, "fa") == ["fa", f"{50 + epochs:.1f}", "±", "0.0", f"{angle:.1f}", "0*", f"{angle:.1f}",
                                  f"{angle:.1f}", "1.00", f"{ratio:.2f}", "1.00"]
    assert f"angles and norm ratios: mean over the last {len(averaged)} epochs too." in table


def test_a_seed_weighs_as_much_as_another_whatever_it_does_not_know():
    rows = [row("fa", seed, epoch, angle=10.0 + 20.0 * seed) for seed in (0, 1) for epoch in (1, 2, 3)]
    for each in rows[:2]:
        each.update(backprop_angle=None)
    assert cells(report.comparison_table(rows), "fa")[4] == "20.0"


def test_a_record_without_a_trained_epoch_shows_the_start():
    table = report.comparison_table([row("fa", epoch=0, angle=90.0)])
    assert cells(table, "fa")[2] == "90.0" and "After 0 epochs" in table


def test_a_norm_ratio_of_nothing_is_no_angle():
    assert cells(report.comparison_table([row("fa", norm_ratio={"fc1": 0.0, "fc2": 1.0})]), "fa")[6] == "0.00"


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


def test_an_angle_that_only_ends_at_zero_has_no_star():
    rows = [row("fa", epoch=0, angle=90.0), row("fa", epoch=1, angle=0.0)]
    assert cells(report.comparison_table(rows), "fa")[2] == "0.0"


def test_what_is_undefined_is_a_dash():
    rows = [row("dfa", weight_angle={}, norm_ratio={}), row("fa"), row("ep", backprop_angle=None, reference="implicit"),
            row("zero", update_angle={"fc1.weight": None, "fc2.weight": None}, seconds_per_step=None)]
    table = report.comparison_table(rows)
    assert cells(table, "dfa").count("-") == 4
    assert "implicit" in cells(table, "ep") and cells(table, "ep").count("-") == 2
    assert cells(table, "zero")[-1] == "-"
    assert "own reference" in table and "backprop, implicit" in table


def test_rules_without_an_angle_to_backprop_leave_its_columns_out():
    table = report.comparison_table([row("ep", seed, backprop_angle=None, reference=reference)
                                     for seed, reference in enumerate(["implicit", "implicit (not settled)"])])
    assert "angle to backprop" not in table and "angle to own reference" in table
    assert "implicit, implicit (not settled)" in table


def test_no_feedback_weights_at_all_leave_their_columns_out():
    table = report.comparison_table([row("dfa", weight_angle={}, norm_ratio={})])
    assert "norm ratio" not in table and "fc1'" not in table


def test_regression_shows_the_loss_and_factors_are_shown():
    table = report.comparison_table([row("wp", test_accuracy=None, learning_rate_factor=0.01)])
    assert "test loss" in table and "0.3000" in table
    assert "lr x" in table and cells(table, "wp")[-1] == "0.01"


@pytest.mark.parametrize("count", [1, 4, 5, 9, 21])
def test_lines_are_at_most_120_columns_and_aligned(count):
    layers = [f"layer{k}" for k in range(count)]
    table = report.comparison_table([row("a-long-rule-name", layers=layers), row("bp", angle=0.0, layers=layers)])
    assert max(map(len, table.splitlines())) <= report.WIDTH
    blocks = [block.splitlines() for block in table.split("\n\n")[:-1]]
    for block in blocks:
        ends = {len(line) for line in block[-3:]}
        assert len(ends) == 1, block
    named = " ".join(line for block in blocks for line in block if line.startswith("rule")).split()
    assert all(named.count(layer) + named.count(layer + "'") == 3 for layer in layers)


def test_a_group_of_columns_is_not_torn_where_it_fits_into_a_table():
    layers = [f"conv{k}" for k in range(6)]
    table = report.comparison_table([row("a-long-rule-name", layers=layers)])
    headings = [line for line in table.splitlines() if line.startswith("rule")]
    assert len(headings) == 2 and all(heading.count("conv5") >= 1 for heading in headings)
    assert all(heading.count("conv0") == heading.count("conv5") for heading in headings)


def test_seeds_are_counted_where_some_runs_failed():
    table = report.comparison_table([row("bp", 0), row("bp", 1), row("fa", 1)])
    assert cells(table, "bp")[1] == "2" and cells(table, "fa")[1] == "1"


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


def test_a_rule_without_words_is_listed_too():
    class Bare(rules.Rule):
        pass
    Bare.__doc__ = None
    assert report.rule_text("bare", Bare, {}) == "bare    (no description)"
