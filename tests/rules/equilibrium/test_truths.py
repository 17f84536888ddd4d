"""The numbers that the checker shows of equilibrium propagation hold for the rules, and find wrong ones."""

import pytest

from feedbackalign.rules.equilibrium import truths
from feedbackalign.rules.equilibrium.equilibrium_propagation import EquilibriumPropagation
from feedbackalign.rules.equilibrium.vector_field import VectorFieldEquilibriumPropagation
from tests.rules.tools import wrong_truths


@pytest.mark.parametrize("kind", [EquilibriumPropagation, VectorFieldEquilibriumPropagation])
@pytest.mark.parametrize("seed", [0, 1])
def test_every_rules_own_truths_hold(kind, seed):
    assert wrong_truths(kind, kind.own_truths, seed) == []


def test_each_rule_shows_what_is_true_of_it():
    assert EquilibriumPropagation.own_truths == (truths.nudge,)
    assert VectorFieldEquilibriumPropagation.own_truths == (truths.nudge, truths.common_update)


class Doubled(EquilibriumPropagation):
    """The two phases count as one nudge apart."""

    def contrast(self, x, free, plus, minus, distance):
        return super().contrast(x, free, plus, minus, self.beta)


class Forgetful(VectorFieldEquilibriumPropagation):
    """Both learn by one update, but B does not get it."""

    def common(self, stage, below, states, distance):
        return {name: gradient * (0 if name.endswith("B") else 1)
                for name, gradient in super().common(stage, below, states, distance).items()}


class Undecayed(VectorFieldEquilibriumPropagation):
    """W alone decays."""

    def gradients(self, x, targets):
        step = super().gradients(x, targets)
        for name, B in self.B.items():
            step.grads[f"{name}.B"] = step.grads[f"{name}.B"] - 0.02 * B
        return step


@pytest.mark.parametrize(("kind", "says"), [
    (Doubled, "symmetric estimate against the implicit gradient"),
    (Forgetful, "W − B after 20 common updates"),
    (Undecayed, "W − B after 20 common updates"),
])
def test_a_wrong_rule_is_found(kind, says):
    assert any(says in what for what in wrong_truths(kind, kind.own_truths))
