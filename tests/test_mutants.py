"""The checkers are checked: every wrong backward of the table is rejected, and the right one beside it passes."""

import numpy as np
import pytest

from tests.mutants import MUTANTS

MONTE_CARLO = ("the mirror's", "weight perturbation", "node perturbation")  # true in the mean alone


@pytest.mark.parametrize("mutant", [
    pytest.param(mutant, id=f"{mutant.part}: {mutant.name}",
                 marks=pytest.mark.slow if mutant.name.startswith(MONTE_CARLO) else ())
    for mutant in MUTANTS])
def test_the_right_one_passes_and_the_wrong_one_is_rejected(mutant):
    mutant.check(mutant.right(np.random.default_rng(0)), np.random.default_rng(1))
    with pytest.raises(AssertionError):
        mutant.check(mutant.wrong(np.random.default_rng(0)), np.random.default_rng(1))


def test_the_table_is_long_and_every_name_stands_once():
    assert len(MUTANTS) >= 40
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)
    assert {mutant.part for mutant in MUTANTS} == {"linear", "convolution", "units", "pooling", "loss", "rule"}
