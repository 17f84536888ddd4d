"""Wrong backwards: the mistakes that people make, each as small as it is made, and the right thing beside it.

    for mutant in MUTANTS:
        mutant.check(mutant.right(rng), rng)            must pass
        mutant.check(mutant.wrong(rng), rng)            must raise AssertionError

`part` says what a mutant is wrong about, so that whoever checks one thing can ask for its mistakes:
`[m for m in MUTANTS if m.part == "convolution"]`.
"""

from tests.mutants import losses, rules, units, weighted
from tests.mutants.table import MUTANTS, Mutant

__all__ = ["MUTANTS", "Mutant", "losses", "rules", "units", "weighted"]
