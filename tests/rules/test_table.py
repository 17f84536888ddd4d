"""The table of rules, `find`, `options_of` and `make`: names, classes, options, and what is refused."""

import numpy as np
import pytest

from feedbackalign import rules
from tests.rules.tools import dense_batch, dense_case, make


class Halfway(rules.ErrorSendingRule):
    """A rule of the user's own: half of W on the way down."""

    def __init__(self, network, *, rng=None, share=0.5):
        super().__init__(network, rng=rng)
        self.share = share

    def send_back(self, layer, error):
        return layer.transport(error, self.share * layer.weight)


class Named(Halfway):
    name = "half"


def test_every_row_of_the_table_is_a_rule_made_by_its_name():
    assert list(rules.TABLE)[0] == "bp"
    for name, kind in rules.TABLE.items():
        net, _, _ = dense_batch(name)
        rule = make(name, net)
        assert type(rule) is kind is rules.find(name) and rule.name == name and rule.network is net


def test_the_rules_that_were_promised_are_there():
    assert set("bp fa dfa usf brsf frsf kp wm pfa pfa-o pfa-i wp np ep ep-vf hep hep-homeo".split()) <= set(rules.TABLE)


def test_a_class_does_as_well_as_a_name():
    net, x, labels = dense_case()
    rule = rules.make(Halfway, net, share=0.25)
    assert rule.name == "Halfway" and rules.make(Named, net).name == "half"
    errors, exact = rule.gradients(x, labels).errors, make("bp", net).gradients(x, labels).errors
    np.testing.assert_allclose(errors["fc2"], 0.25 * exact["fc2"], rtol=1e-14)
    assert rules.options_of(Halfway) == {"share": 0.5}


def test_options_are_those_of_the_signature_without_network_and_stream():
    assert rules.options_of("bp") == {}
    assert rules.options_of("fa") == {"density": 1.0}
    assert rules.options_of("pfa") == {"expansion": 10, "density": 1.0, "route": None}
    assert rules.options_of("wm") == {"density": 1.0, "mirror_rate": 0.02, "sigma": 1.0}
    assert rules.options_of("wp") == {"sigma": 1e-3}


@pytest.mark.parametrize(("name", "nearest"), [
    ("pfaa", "pfa"), ("bpp", "bp"), ("pfa_o", "pfa-o"), ("FA", None), ("", None)])
def test_an_unknown_name_is_refused_with_the_nearest(name, nearest):
    says = f"unknown rule '{name}'" + (f": did you mean '{nearest}'" if nearest else "")
    with pytest.raises(ValueError, match=says):
        make(name, dense_case()[0])


@pytest.mark.parametrize(("name", "option", "nearest"), [
    ("pfa", "expansions", "expansion"), ("fa", "densty", "density"), ("wm", "mirrorrate", "mirror_rate"),
    ("kp", "rute", "route")])
def test_an_unknown_option_is_refused_with_the_nearest(name, option, nearest):
    with pytest.raises(ValueError, match=f"unknown option of rule {name} '{option}': did you mean '{nearest}'"):
        make(name, dense_case()[0], **{option: 1})


def test_an_option_of_another_rule_is_refused():
    for name, option in [("bp", "density"), ("fa", "expansion"), ("pfa-o", "expansion"), ("np", "density")]:
        with pytest.raises(ValueError, match=f"unknown option of rule {name} '{option}'"):
            make(name, dense_case()[0], **{option: 1})


def test_what_is_no_rule_and_no_network_is_refused():
    net, _, _ = dense_case()
    for thing in (None, 3, int, dict, rules.make):
        with pytest.raises(TypeError, match="rule: expected a name or a subclass of feedbackalign.rules.Rule"):
            rules.make(thing, net)
    for thing in (None, [4, 3, 2], net.layers):
        with pytest.raises(TypeError, match="network: expected a feedbackalign.networks.Network"):
            rules.make("bp", thing)


@pytest.mark.parametrize("attribute", ["reads_forward_weights", "matches_backprop"])
def test_what_a_rule_declares_is_a_known_word(attribute):
    kind = type("Mine", (rules.FeedbackAlignment,), {attribute: "maybe"})
    net, _, _ = dense_case()
    with pytest.raises(ValueError, match=f"unknown Mine.{attribute} 'maybe'"):
        rules.make(kind, net, rng=np.random.default_rng(0))
