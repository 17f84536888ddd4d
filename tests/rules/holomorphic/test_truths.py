"""The numbers that the checker shows of nudging around a circle hold for the rules, and find wrong ones."""

import pytest

from feedbackalign.rules.holomorphic import truths
from feedbackalign.rules.holomorphic.holomorphic_equilibrium_propagation import HolomorphicEP
from feedbackalign.rules.holomorphic.jacobian_homeostasis import JacobianHomeostasis
from tests.rules.tools import wrong_truths


@pytest.mark.parametrize(("kind", "seed"), [(HolomorphicEP, 1), (JacobianHomeostasis, 0)])
def test_every_rules_own_truths_hold(kind, seed):
    assert wrong_truths(kind, kind.own_truths, seed) == []


def test_each_rule_shows_what_is_true_of_it():
    assert HolomorphicEP.own_truths == (truths.circle,)
    assert JacobianHomeostasis.own_truths == (truths.circle, truths.homeostasis)


class OneSided(JacobianHomeostasis):
    """Only W is pulled."""

    def homeostatic_gradients(self, free):
        pulls = super().homeostatic_gradients(free)
        return {name: pull * (0 if name.endswith("B") else 1) for name, pull in pulls.items()}


class TooFar(HolomorphicEP):
    """Every nudge is a little larger than it says."""

    def settle(self, x, states, *, beta=0.0, **phase):
        return super().settle(x, states, beta=1.01 * beta, **phase)


@pytest.mark.parametrize(("kind", "truth", "says"), [
    (TooFar, truths.circle, "8 points at radius 0.05: δ against the tangent"),
    (OneSided, truths.homeostasis, "closed form of homeostasis against central differences"),
    (OneSided, truths.homeostasis, "W − B after 20 homeostatic steps"),
])
def test_a_wrong_rule_is_found(kind, truth, says):
    assert any(says in what for what in wrong_truths(kind, (truth,)))
