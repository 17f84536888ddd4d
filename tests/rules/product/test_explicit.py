"""Explicit until the first training step; then the closed form where it is exact, and an object that answers for it."""

import copy
import gc
import pickle
import weakref

import numpy as np
import pytest

from feedbackalign import rules
from feedbackalign.optimizer import SGD
from feedbackalign.rules.product.explicit import TAKEN_FOR_GRANTED
from feedbackalign.training.loop import train_step
from tests.rules.product.breakers import (EXPLICIT, adam, differences, every_breaker, every_learning_rule,
                                          several_rates, with_momentum_from_elsewhere)
from tests.rules.tools import assert_close, conv_case, dense_case, distance, echo_of, frozen, make, train


# -------------------------------------------------------------------------------------- taken by itself, or refused

@every_learning_rule
@every_breaker
def test_where_it_would_not_be_exact_the_explicit_route_is_taken_and_said(name, optimizer, reason):
    net, x, labels = dense_case()
    rule, explicit = make(name, net), make(name, copy.deepcopy(net), route=EXPLICIT[name])
    ours, theirs = optimizer(), optimizer()
    for _ in range(5):
        train_step(rule, ours, x, labels)
        train_step(explicit, theirs, x, labels)
    assert rule.notes().items() >= {"route": "explicit", "why_explicit": reason}.items()
    assert rule.parameters().keys() == explicit.parameters().keys()
    assert_close(net.parameters() | rule.parameters(), explicit.network.parameters() | explicit.parameters(), 1e-9)


@every_learning_rule
@every_breaker
def test_where_it_would_not_be_exact_the_wish_for_it_is_refused(name, optimizer, reason):
    net, x, labels = dense_case()
    rule = make(name, net, route="closed-form")
    before = frozen([net.parameters(), rule.parameters()])
    with pytest.raises(ValueError, match=f"the closed form is not exact here: {reason}"):
        train_step(rule, optimizer(), x, labels)
    assert frozen([net.parameters(), rule.parameters()]) == before


@every_learning_rule
@pytest.mark.parametrize("of", ["W", "feedback"])
def test_a_mask_breaks_it(name, of):
    net, x, labels = conv_case(density=0.5 if of == "W" else 1.0)
    options = {"density": 0.5} if of == "feedback" else {}
    rule, wish = make(name, net, **options), make(name, net, route="closed-form", **options)
    with pytest.raises(ValueError, match="not exact here: a mask on W or on the learned feedback"):
        train_step(wish, SGD(lr=0.05), x, labels)
    start = differences(rule)
    schedule = train(rule, x, labels, 30)
    reason = "a mask on W or on the learned feedback"
    assert rule.notes().items() >= {"route": "explicit", "why_explicit": reason}.items()
    c = echo_of(schedule, 0.9)
    if name in ("kp", "pfa"):                                       # and rightly: D no longer fades by one scalar
        assert max(distance(D, c * start[key]) for key, D in differences(rule).items()) > 0.01


@pytest.mark.parametrize("name", ["kp", "pfa"])
def test_the_reasons_given_are_true(name):
    """Under Adam, several rates and momentum from elsewhere the difference does not fade by one scalar."""
    for optimizer in (adam(), several_rates(), with_momentum_from_elsewhere()):
        net, x, labels = dense_case()
        rule = make(name, net, route=EXPLICIT[name])
        optimizer.weight_decay = 0.3
        start = differences(rule)
        for _ in range(30):
            train_step(rule, optimizer, x, labels)
        fits = []
        for key, D in differences(rule).items():
            best = (D * start[key]).sum() / (start[key]**2).sum()       # the scalar that fits this layer best
            fits.append((best, distance(D, best * start[key])))
        spread = max(best for best, _ in fits) - min(best for best, _ in fits)
        assert max(miss for _, miss in fits) > 1e-3 or spread > 1e-3


@every_learning_rule
def test_d_0_is_taken_at_the_first_training_step_not_when_the_rule_is_made(name):
    """W and the feedback may be set at will before, also after gradients were taken."""
    net, x, labels = dense_case()
    rule = make(name, net)
    rng = np.random.default_rng(7)
    rule.gradients(x, labels)
    net.layer("fc2").weight[...] = rng.normal(size=(4, 5))
    key = "B" if name == "kp" else "R"
    rule.set_feedback("fc2", **{key: rng.normal(size=rule.parameters()[f"fc2.{key}"].shape)})
    explicit = make(name, copy.deepcopy(net), route=EXPLICIT[name])
    for layer in net.weighted_layers():
        held = rule.constants() | rule.parameters()
        explicit.set_feedback(layer.name, **{k.split(".")[1]: a for k, a in held.items() if k.startswith(layer.name)})
    train(rule, x, labels, 20)
    train(explicit, x, labels, 20)
    assert rule.notes()["route"] == "closed-form"
    assert_close(net.parameters(), explicit.network.parameters())


@every_learning_rule
def test_until_the_first_step_nothing_is_decided(name):
    net, x, labels = dense_case()
    rule = make(name, net)
    rule.gradients(x, labels)
    assert rule.notes().items() >= {"route": "explicit", "why_explicit": "no training step yet"}.items()
    assert all(not key.endswith(".echo") for key in rule.parameters())
    with pytest.raises(ValueError, match="unknown route 'two-hops'|unknown route 'explicitly'"):
        make(name, net, route="explicitly" if name == "kp" else "two-hops")


# ------------------------------------------------------------------------------------------------- who answers now

LINES = {"two-hop": "product_feedback_alignment.py", "contracted": "contracted.py", None: "contracted.py",
         "closed-form": "closed_form.py"}


@pytest.mark.parametrize("route", list(LINES))
def test_a_call_of_the_rule_is_a_call_of_the_lines_that_compute(route):
    """No frame in between: what a debugger steps into."""
    net, x, labels = dense_case()
    rule = make("pfa", net, route=route)
    if route == "closed-form":
        train(rule, x, labels, 1)
    for name in ("send_back", "learn_feedback"):
        assert getattr(rule, name).__func__.__code__.co_filename.endswith(f"product/{LINES[route]}"), name


def test_two_hop_is_the_rules_own_class_with_few_ancestors():
    assert rules.find("pfa") is rules.ProductFeedbackAlignment
    net, _, _ = dense_case()
    assert not {"send_back", "learn_feedback"} & vars(make("pfa", net, route="two-hop")).keys()
    for name in ("pfa", "pfa-o", "pfa-i", "kp"):
        assert len(rules.find(name).__mro__) <= 5, rules.find(name).__mro__


@every_learning_rule
@pytest.mark.parametrize("how", [copy.deepcopy, lambda rule: pickle.loads(pickle.dumps(rule))], ids=["copy", "pickle"])
def test_a_copy_in_the_closed_form_answers_for_itself(name, how):
    net, x, labels = dense_case()
    rule = make(name, net)
    train(rule, x, labels, 3)
    twin, before = how(rule), frozen(rule)
    assert frozen(twin) == before
    twin.network.layer("fc2").weight[...] = 0.0
    for array in (*twin.parameters().values(), *twin.way.P.values()):
        array[...] = 0.0
    assert np.abs(twin.feedback_weights("fc2")).max() == 0
    assert frozen(rule) == before


@every_learning_rule
def test_the_closed_form_is_measured_in_float64(name):
    net, x, labels = dense_case(dtype=np.float32)
    rule = make(name, net)
    train(rule, x, labels, 3)
    twin = copy.deepcopy(rule).astype(np.float64)
    assert {P.dtype for P in [*twin.way.P.values(), *twin.way.D.values()]} == {np.dtype(np.float64)}
    assert twin.feedback_weights("fc1").dtype == twin.difference(twin.network.layer("fc1")).dtype == np.float64
    assert rule.feedback_weights("fc1").dtype == np.float32


@every_learning_rule
def test_no_reference_cycle_keeps_a_copy_alive(name):
    """A copy made to measure on is large; it must go when it is no longer needed, not when Python next looks."""
    net, x, labels = dense_case()
    rule = make(name, net)
    train(rule, x, labels, 1)
    gc.disable()
    try:
        kept = [weakref.ref(make(name, copy.deepcopy(net)))(), weakref.ref(copy.deepcopy(rule))()]
    finally:
        gc.enable()
    assert kept == [None, None]


@pytest.mark.parametrize("first, then", [("explicit", "closed-form"), ("closed-form", "explicit")])
def test_a_rule_takes_the_route_of_the_state_that_it_loads(first, then):
    net, x, labels = dense_case()
    states, ends = {}, {}
    for route, optimizer in (("closed-form", SGD(lr=0.05)), ("explicit", adam())):
        rule = make("pfa", copy.deepcopy(net))
        train_step(rule, optimizer, x, labels)
        assert rule.notes()["route"] == route
        states[route], ends[route] = rule.state(), rule
    rule, other = ends[first], ends[then]
    rule.load_state(states[then])
    for key, array in other.network.parameters().items():
        rule.network.parameters()[key][...] = array
    assert frozen(rule.state()) == frozen(other.state()) and rule.notes() == other.notes()
    assert rule.R.keys() == other.R.keys() and vars(rule).keys() == vars(other).keys()
    assert frozen(rule.gradients(x, labels).grads) == frozen(other.gradients(x, labels).grads)


@every_learning_rule
def test_what_is_left_over_is_shown_on_every_route(name):
    net, x, labels = dense_case()
    explicit, closed = make(name, copy.deepcopy(net), route=EXPLICIT[name]), make(name, net)
    for rule in (explicit, closed):
        train(rule, x, labels, 5)
    for layer in net.weighted_layers():
        assert distance(closed.difference(layer), differences(explicit)[layer.name]) <= 1e-12
    assert closed.difference_norms() == pytest.approx(explicit.difference_norms(), rel=1e-12)


# -------------------------------------------------------------------------------------------- a variant of the user's

def variant(name, method):
    """A subclass with a method of its own that does what its parent's does."""
    kind = rules.find(name)

    def own(self, *arguments):
        return getattr(super(made, self), method)(*arguments)

    made = type("Variant", (kind,), {method: own})
    return made


@every_learning_rule
@pytest.mark.parametrize("method", TAKEN_FOR_GRANTED)
def test_a_variant_is_never_replaced_by_the_formula(name, method):
    net, x, labels = dense_case()
    rule, explicit = make(variant(name, method), net), make(name, copy.deepcopy(net), route=EXPLICIT[name])
    for each in (rule, explicit):
        train(each, x, labels, 5)
    reason = f"Variant has its own {method}"
    assert rule.notes().items() >= {"route": "explicit", "why_explicit": reason}.items()
    assert_close(net.parameters() | rule.parameters(), explicit.network.parameters() | explicit.parameters())
    wish = make(variant(name, method), copy.deepcopy(net), route="closed-form")
    with pytest.raises(ValueError, match=f"the closed form is not exact here: {reason}"):
        train(wish, x, labels, 1)


@pytest.mark.parametrize("route", ["contracted", None])
@pytest.mark.parametrize("method", ["send_back", "learn_feedback"])
def test_a_variants_own_lines_are_used_on_every_explicit_route(method, route):
    calls, parent = [], getattr(rules.ProductFeedbackAlignment, method)

    def own(self, layer, *arguments):
        calls.append(layer.name)
        return parent(self, layer, *arguments)

    net, x, labels = dense_case()
    rule = make(type("Variant", (rules.ProductFeedbackAlignment,), {method: own}), net, route=route)
    rule.gradients(x, labels)
    assert set(calls) >= {"fc3", "fc2"}
    assert rule.trace(x, labels)[0]["route"] == "(7,3) @ B (3,30) @ R (30,4)"


@every_learning_rule
def test_a_variant_that_leaves_the_mathematics_alone_takes_the_closed_form(name):
    def notes(self):
        return super(made, self).notes() | {"mine": 1}

    made = type("Variant", (rules.find(name),), {"notes": notes})
    net, x, labels = dense_case()
    rule = make(made, net)
    train(rule, x, labels, 1)
    assert rule.notes().items() >= {"route": "closed-form", "mine": 1}.items()
