"""Curves are the mean, the lowest and the highest of what the rows know."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedbackalign.runs.rows import (Curve, NothingToShow, check_rows, evenly_chosen, mean_at_end, mean_curves,
                                     names_in, rows_by_run)
from tests.figures.records import record, row

numbers = st.one_of(st.none(), st.floats(-1e6, 1e6), st.just(math.nan))


@given(st.lists(st.tuples(st.sampled_from(["fa", "bp"]), st.integers(0, 3), numbers), max_size=30))
def test_a_curve_is_what_the_rows_say(entries):
    rows = [{"rule": rule, "epoch": epoch, "test_loss": value} for rule, epoch, value in entries]
    curves = mean_curves(rows, lambda row: row["test_loss"])
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
        assert curve.seeds == max(map(len, known.values()))
        for epoch, mean, low, high in zip(*curve[:4]):
            if known[epoch]:
                assert mean == pytest.approx(np.mean(known[epoch])) and low == min(known[epoch])
                assert high == max(known[epoch])
            else:
                assert math.isnan(mean) and math.isnan(low) and math.isnan(high)


def test_the_end_is_where_a_mean_is_known():
    curve = Curve([0, 1, 2, 3], [math.nan, 2.0, 3.0, math.nan], [math.nan, 1.0, 2.0, math.nan],
                         [math.nan, 4.0, 5.0, math.nan], 2)
    assert mean_at_end(curve) == 3.0


@pytest.mark.parametrize("count, most", [(7, 6), (22, 6), (100, 2), (3, 6)])
def test_chosen_layers_hold_the_lowest_and_the_top_one_in_order(count, most):
    layers = [f"conv{number}" for number in range(count)]
    chosen = evenly_chosen(layers, most)
    assert chosen[0] == layers[0] and chosen[-1] == layers[-1] and len(chosen) == min(count, most)
    assert chosen == sorted(set(chosen), key=layers.index)


def test_names_come_bottom_to_top_over_all_rows():
    assert names_in([row("dfa"), row("fa")], "weight_angle") == ["fc1", "fc2", "fc3"]
    assert names_in([row("dfa"), {}], "weight_angle") == []


@pytest.mark.parametrize("rows", ["rows", 3, None, [1, 2], {"rule": "fa"}])
def test_what_is_no_list_of_rows_is_refused(rows):
    with pytest.raises(TypeError, match="rows: expected the rows of a record"):
        check_rows(rows)


@pytest.mark.parametrize("wrong", [{}, {"rule": "fa"}, {"rule": 3, "epoch": 0}, {"rule": "fa", "epoch": "one"}])
def test_rows_without_rule_or_epoch_are_refused(wrong):
    with pytest.raises(ValueError, match=r"rows\[1\]: expected a row with a rule and an epoch"):
        check_rows([row(), wrong])


def test_an_empty_record_shows_nothing():
    with pytest.raises(NothingToShow, match="at least one row"):
        check_rows([])


def test_runs_are_rows_in_the_order_of_epochs():
    rows = record(rules=("pfa", "bp"), seeds=2, epochs=2)
    runs = rows_by_run(rows[::-1])
    assert list(runs) == ["bp", "pfa"] and set(runs["pfa"]) == {0, 1}
    assert runs["pfa"][1] == [row for row in rows if row["rule"] == "pfa" and row["seed"] == 1]
