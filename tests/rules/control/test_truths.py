"""What `feedbackalign check` shows of the controller holds at any seed."""

import numpy as np
import pytest

from feedbackalign import rules
from feedbackalign.rules.control import truths


@pytest.mark.parametrize("seed", range(20))
def test_every_truth_holds(seed):
    rng = np.random.default_rng(seed)
    found = [*truths.inversion(rng), *truths.gauss_newton(rng), *truths.zero_error(rules.find("dfc-ssa"), rng)]
    assert len(found) == 3 and all(value <= tolerance for _, value, tolerance in found), found


@pytest.mark.parametrize("seed", range(2))
def test_the_simulation_settles_as_it_should(seed):
    found = list(truths.settling(np.random.default_rng(seed)))
    assert len(found) == 3 and all(value <= tolerance for _, value, tolerance in found), found
