"""What a rule notes about an epoch: gathered, kept for one epoch, and taken up again exactly."""

import math

from feedbackalign.rules.epochs import EpochSums


def test_numbers_stay_until_the_next_epoch_has_ended():
    sums = EpochSums()
    sums.add("residual", 1)
    assert (sums.running, sums.last) == ({"residual": [1.0]}, {})
    sums.end_epoch()
    sums.add("residual", 2)
    sums.add("defect", 3)
    assert (sums.running, sums.last) == ({"residual": [2.0], "defect": [3.0]}, {"residual": [1.0]})
    sums.end_epoch()
    sums.end_epoch()
    assert sums.running == sums.last == {}


def test_state_brings_every_number_back_exactly():
    sums, other = EpochSums(), EpochSums()
    for number in (0.1 + 0.2, 1e-300, math.inf, math.nan):
        sums.add("residual", number)
    sums.end_epoch()
    sums.add("residual", 1 / 3)
    other.load_state(sums.state())
    assert other.running == {"residual": [1 / 3]}
    assert other.last["residual"][:3] == [0.1 + 0.2, 1e-300, math.inf] and math.isnan(other.last["residual"][3])
