"""The numbers that the checker shows of target rules hold for the rules, and find wrong ones."""

import pytest

from feedbackalign.networks.jacobians import post_jacobians, times
from feedbackalign.rules import TABLE
from feedbackalign.rules.targets import truths
from feedbackalign.rules.targets.direct_target_propagation import DirectTargetPropagation
from feedbackalign.rules.targets.gauss_newton_targets import GaussNewtonTargets
from feedbackalign.rules.targets.target_propagation import DifferenceTargetPropagation, TargetPropagation
from feedbackalign.rules.targets.target_rule import TargetRule
from tests.rules.tools import wrong_truths

NAMES = [name for name, kind in TABLE.items() if issubclass(kind, TargetRule)]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_every_rules_own_truths_hold(name, seed):
    assert wrong_truths(TABLE[name], TABLE[name].own_truths, seed) == []


class OneSided(DirectTargetPropagation):
    """A feedback gradient that is half of the loss's."""

    def feedback_gradients(self, place, seen, noisy):
        loss, gradients = super().feedback_gradients(place, seen, noisy)
        return loss, {key: gradient / 2 for key, gradient in gradients.items()}


class Uncorrected(DifferenceTargetPropagation):
    """The correction is forgotten."""

    move = TargetPropagation.move


class Transposed(GaussNewtonTargets):
    """Jᵀ in the place of the pseudoinverse."""

    def moves(self, seen, top):
        return [times(J.swapaxes(1, 2), top) for J in post_jacobians(self.stages, seen)[:-1]]


class Undamped(GaussNewtonTargets):
    """γ is not heard of."""

    def __init__(self, network, *, rng, gamma=0.1):
        super().__init__(network, rng=rng, gamma=0.0)


@pytest.mark.parametrize(("kind", "says"), [
    (OneSided, "gradients of the feedback's loss"), (Uncorrected, "zero error"), (Transposed, "against −λ e"),
    (Undamped, "degrees to backprop")])
def test_wrong_rules_are_found(kind, says):
    found = wrong_truths(kind, kind.own_truths)
    assert found and says in found[0]


def test_the_pseudoinverse_is_found_by_the_loss_and_not_by_its_formula(monkeypatch):
    monkeypatch.setattr(truths, "damped_pinv", lambda J, gamma: J.T)
    assert wrong_truths(DirectTargetPropagation, [truths.pseudoinverse])
