"""Early stopping: a pure function of the rows."""

import copy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedbackalign.persistence import EarlyStopping


def rows(*values):
    return [{"persistence": {"np": value, "why": None}} for value in values]


def stops_after(stop, values):
    """The first epoch after which it says stop, or None."""
    return next((epoch for epoch in range(1, len(values)) if stop(rows(*values[:epoch + 1]))), None)


@pytest.mark.parametrize(("values", "settings", "epoch"), [
    ([5, 4, 3, 2, 1], {"patience": 2}, 2),
    ([1, 2, 3, 4, 5], {"patience": 2}, None),
    ([1, 2, 2, 2, 9], {"patience": 2}, 3),                              # no gain is no gain
    ([1, 2, 1, 3, 2, 2.9, 9], {"patience": 2}, 5),                      # a gain starts the count anew
    ([1, 1.4, 1.8, 2.2], {"patience": 2, "least_gain": 0.5}, None),     # 1.8 is more than 0.5 above 1
    ([1, 1.4, 1.5, 2.2], {"patience": 2, "least_gain": 0.5}, 2),
    ([9, 1, 2, 1, 1, 1], {"patience": 2, "burn_in": 1}, 4),             # what was before does not count
    ([9, 8, 7, 6, 5, 4], {"patience": 2, "burn_in": 3}, 5),
])
def test_by_hand(values, settings, epoch):
    assert stops_after(EarlyStopping(**settings), values) == epoch


@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(0, 3))
def test_it_keeps_nothing_between_calls(seed, patience, burn_in):
    given_rows = rows(*np.random.default_rng(seed).integers(0, 5, size=12).tolist())
    used, before = EarlyStopping(patience, burn_in), copy.deepcopy(given_rows)
    for _ in range(2):                                                  # in any order, and again
        for length in range(12, 0, -1):
            assert used(given_rows[:length]) is EarlyStopping(patience, burn_in)(given_rows[:length])
    assert given_rows == before


def test_rows_without_persistence_are_refused():
    for row in ({"test_accuracy": 0.9}, {"persistence": None}):
        with pytest.raises(ValueError, match="train with persistence=True"):
            EarlyStopping()([row])
    with pytest.raises(ValueError, match="no neural persistence .conv1: a convolution"):
        EarlyStopping()([{"persistence": {"np": None, "why": "conv1: a convolution"}}])


def test_bad_settings_are_refused():
    for bad, error in [({"patience": 0}, ValueError), ({"patience": 1.5}, TypeError), ({"burn_in": -1}, ValueError),
                       ({"least_gain": -0.1}, ValueError), ({"least_gain": "0"}, TypeError)]:
        with pytest.raises(error, match=next(iter(bad))):
            EarlyStopping(**bad)
