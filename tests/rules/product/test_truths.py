"""The numbers that the checker shows of the rules with a closed form hold, and find wrong rules and wrong formulas."""

import numpy as np
import pytest

from feedbackalign.rules import TABLE, KolenPollack, ProductFeedbackAlignment
from feedbackalign.rules.product import truths
from feedbackalign.rules.product.closed_form import ClosedForm
from tests.rules.tools import wrong_truths


@pytest.mark.parametrize("name", ["pfa", "pfa-o", "pfa-i", "kp"])
def test_every_rules_own_truths_hold(name):
    assert wrong_truths(TABLE[name], TABLE[name].own_truths) == []


def test_the_rules_with_a_closed_form_name_both_truths():
    assert ProductFeedbackAlignment.own_truths == (truths.formula_is_the_rule, truths.formula_reads_W)
    assert KolenPollack.own_truths == ProductFeedbackAlignment.own_truths


class Backwards(KolenPollack):
    def learn_feedback(self, layer, error, local):
        return {name: -gradient for name, gradient in super().learn_feedback(layer, error, local).items()}


class HalfR(ProductFeedbackAlignment):
    def learn_feedback(self, layer, error, local):
        return {name: gradient / 2 for name, gradient in super().learn_feedback(layer, error, local).items()}


class StartForgotten(ProductFeedbackAlignment):
    class formula(ClosedForm):
        def seen_in_W(self, layer):
            P, G = super().seen_in_W(layer)
            return 0 * P, G


class WNeverRead(ProductFeedbackAlignment):
    class formula(ClosedForm):
        def seen_in_W(self, layer):
            P, G = super().seen_in_W(layer)
            return P, np.zeros_like(G)


@pytest.mark.parametrize(("kind", "says"), [
    (Backwards, "against the explicit route"), (HalfR, "against the two-hop route"),
    (StartForgotten, "against the two-hop route"), (WNeverRead, "computes with W")])
def test_wrong_rules_and_wrong_formulas_are_found(kind, says):
    assert any(says in what for what in wrong_truths(kind, kind.own_truths))


def test_a_variant_with_the_same_mathematics_is_found_right():
    class Rewritten(ProductFeedbackAlignment):
        def send_back(self, layer, error):
            return layer.transport(error, self.feedback_weights(layer.name))

    assert wrong_truths(Rewritten, Rewritten.own_truths) == []
