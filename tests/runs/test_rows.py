"""Curves are the mean, the lowest and the highest of what the rows know."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedbackalign import optimizer, rules
from feedbackalign.runs import rows as series
from tests.figures.records import record, row

numbers = st.one_of(st.none(), st.floats(-1e6, 1e6), st.just(math.nan))


@given(st.lists(st.tuples(st.sampled_from(["fa", "bp"]), st.integers(0, 3), numbers), max_size=30))
def test_a_curve_is_what_the_rows_say(entries):
    rows = [{"rule": rule, "epoch": epoch, "test_loss": value} for rule, epoch, value in entries]
    curves = series.curves(rows, lambda row: row["test_loss"])
    for rule in ("fa", "bp"):
        known = {}
        for one, epoch, value in entries:
            if one == rule:
                known.setdefault(epoch, []).extend([] if value is None or math.isnan(value) else [value])
        if not any(known.values()):
            assert rule not in curves
            continue
        curve = curves[rule]
        assert curve.epochs == sorted(known)
        assert curve.runs == max(map(len, known.values()))
        for epoch, mean, low, high in zip(*curve[:4]):
            if known[epoch]:
                assert mean == pytest.approx(np.mean(known[epoch])) and low == min(known[epoch])
                assert high == max(known[epoch])
            else:
                assert math.isnan(mean) and math.isnan(low) and math.isnan(high)


def test_start_and_end_are_where_something_is_known():
    curve = series.Curve([0, 1, 2, 3], [math.nan, 2.0, 3.0, math.nan], [math.nan, 1.0, 2.0, math.nan],
                         [math.nan, 4.0, 5.0, math.nan], 2)
    assert series.at_start(curve) == (1.0, 4.0) and series.at_end(curve) == (2.0, 5.0)
    assert series.mean_at_end(curve) == 3.0


@pytest.mark.parametrize("count, most", [(7, 6), (22, 6), (100, 2), (3, 6)])
def test_chosen_layers_hold_the_lowest_and_the_top_one_and_keep_their_order(count, most):
    layers = [f"conv{number}" for number in range(count)]
    chosen = series.choose(layers, most)
    assert chosen[0] == layers[0] and chosen[-1] == layers[-1] and len(chosen) == min(count, most)
    assert chosen == sorted(set(chosen), key=layers.index)


def test_names_come_bottom_to_top_over_all_rows():
    assert series.names([row("dfa"), row("fa")], "weight_angle") == ["fc1", "fc2", "fc3"]
    assert series.names([row("dfa"), {}], "weight_angle") == []


@pytest.mark.parametrize("rows", ["rows", 3, None, [1, 2], {"rule": "fa"}])
def test_what_is_no_list_of_rows_is_refused(rows):
    with pytest.raises(TypeError, match="rows: expected the rows of a record"):
        series.check_rows(rows)


@pytest.mark.parametrize("wrong", [{}, {"rule": "fa"}, {"rule": 3, "epoch": 0}, {"rule": "fa", "epoch": "one"}])
def test_rows_without_rule_or_epoch_are_refused(wrong):
    with pytest.raises(ValueError, match=r"rows\[1\]: expected a row with a rule and an epoch"):
        series.check_rows([row(), wrong])


def test_an_empty_record_shows_nothing():
    with pytest.raises(series.NothingToShow, match="at least one row"):
        series.check_rows([])


def test_small_print_says_seeds_and_decay():
    rows = record(rules=("fa",), seeds=2)
    curves = series.curves(rows, lambda each: each["test_loss"])
    words = "lines: mean over 2 seeds; bands: lowest to highest seed"
    assert series.told_about(rows, [curves]) == ["mlp, digits", words]
    one = {"bp": curves["fa"]._replace(runs=1)}
    assert series.told_about([{**rows[0], "decay": "equal"}], [one]) == ["mlp, digits, decay equal",
                                                                         "one seed, so no bands"]
    assert "1 to 2 seeds" in series.told_about(rows, [one, curves])[1]
    assert series.told_about([{**rows[0], "decay": "equal"}], [one], with_decay=False)[0] == "mlp, digits"


def decays(values, at_start=None, seeds=2):
    """Rows of rules with these weight decays, epoch by epoch after the first row; at_start: {rule: decay in step 0}."""
    starts = {rule: {"decay_at_start": decay} for rule, decay in (at_start or {}).items()}
    return [{"rule": rule, "seed": seed, "epoch": epoch, "weight_decay": decay, **starts.get(rule, {})}
            for rule, after in values.items() for seed in range(seeds) for epoch, decay in enumerate([0.0, *after])]


WEAK, STRONG, DROPPED = [1e-4] * 3, [0.03] * 3, [0.03, 0.03 * 0.003, 0.03 * 0.003]


@pytest.mark.parametrize("values, words", [
    ({"bp": WEAK, "fa": WEAK}, "1e-4"),
    ({"pfa": DROPPED}, "0.03 at first, then 9e-5"),
    ({"bp": WEAK, "fa": WEAK, "kp": WEAK, "pfa": DROPPED, "pfa-o": DROPPED},
     "0.03 at first, then 9e-5 for pfa, pfa-o; 1e-4 for all others"),
    ({"pfa": STRONG, "bp": WEAK, "fa": WEAK}, "0.03 for pfa; 1e-4 for bp, fa"),
    ({"fa": [None]}, ""), ({"fa": []}, ""), ({"fa": [{"fc1.weight": 1e-4}]}, ""),
])
def test_decay_in_words(values, words):
    assert series.decay_in_words(decays(values)) == words
    told = series.decay_in_words(decays(values), drop_step=934)
    assert told == words.replace("at first", "until step 934")


def test_a_strong_phase_that_ended_within_the_first_epoch_is_told_by_the_start():
    fell = {"pfa": WEAK, "bp": WEAK}
    assert series.decay_in_words(decays(fell, {"pfa": 0.005, "bp": 1e-4})) == (
        "0.005 at first, then 1e-4 for pfa; 1e-4 for bp")
    assert series.decay_in_words(decays(fell)) == "1e-4"                # an older record says no more


@pytest.mark.parametrize("preset", ["authors", "equal"])
@pytest.mark.parametrize("lr", [0.5, 0.01, 1e-4], ids=["drops in epoch 1", "drops later", "never drops"])
def test_the_words_are_those_of_the_optimisers_presets(preset, lr):
    decay_at = {rule: optimizer.decay_schedule(preset, strong_first=rule == "pfa", lr=lr, momentum=0.9)
                for rule in ("bp", "pfa")}
    rows = decays({rule: [at(38 * epoch - 1) for epoch in range(1, 41)] for rule, at in decay_at.items()},
                  {rule: at(0) for rule, at in decay_at.items()})
    strong = "0.03" if lr == 1e-4 else "0.03 at first, then 9e-5"
    assert series.decay_in_words(rows) == (strong if preset == "equal" else f"{strong} for pfa; 1e-4 for bp")


def test_the_names_in_words_are_those_of_rules():
    assert set(series.NAMES) <= set(rules.TABLE)
    assert series.spelled_out(["dfa", "mine", "pfa"]) == ["dfa: direct feedback alignment",
                                                          "pfa: product feedback alignment"]


def test_small_print_is_filled_word_by_word():
    words = ["a" * 5, "b" * 5, "c" * 20, "d"]
    assert series.fill(words, 12, gap="--") == f"aaaaa--bbbbb\n{'c' * 20}\nd"
    assert series.fill([], 12) == ""


def test_runs_are_rows_in_the_order_of_epochs():
    rows = record(rules=("pfa", "bp"), seeds=2, epochs=2)
    runs = series.runs(rows[::-1])
    assert list(runs) == ["bp", "pfa"] and set(runs["pfa"]) == {0, 1}
    assert runs["pfa"][1] == [row for row in rows if row["rule"] == "pfa" and row["seed"] == 1]
