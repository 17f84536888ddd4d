"""The difference D fades by one scalar that no data can change; where it does not, the closed form is not taken."""

import copy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedbackalign.optimizer import SGD, Adam
from feedbackalign.training.loop import train_step
from tests.rules.tools import assert_close, cases, conv_case, dense_case, distance, echo_of, frozen, make, train
from tests.strategies import networks_with_batch

EXPLICIT = {"kp": "explicit", "pfa": "two-hop", "pfa-o": "two-hop", "pfa-i": "contracted"}
RULES = list(EXPLICIT)
every_learning_rule = pytest.mark.parametrize("name", RULES)


def differences(rule):
    """D = R − Bᵀ W, or B − W, of every layer, from the arrays themselves."""
    D = {}
    for layer in rule.network.weighted_layers():
        held = rule.parameters() | rule.constants()
        B = held[f"{layer.name}.B"]
        R = held.get(f"{layer.name}.R")
        D[layer.name] = B - layer.weight if R is None else R - np.tensordot(B.T, layer.weight, axes=1)
    return D


# ------------------------------------------------------------------------------------------------------- the echo

@every_learning_rule
@settings(max_examples=15)
@given(case=networks_with_batch(losses=("cross-entropy",)), momentum=st.sampled_from([0.0, 0.5, 0.9]),
       decay=st.floats(0, 0.3), steps=st.integers(1, 20))
def test_the_difference_fades_by_sgds_own_recursion(name, case, momentum, decay, steps):
    """D_t = c_t D_0, whatever the network, the data, the loss and the schedules are."""
    net, x, labels, _ = case
    rule = make(name, net, route=EXPLICIT[name])
    start = differences(rule)
    schedule = train(rule, x, labels, steps, momentum=momentum, decay=decay)
    c = echo_of(schedule, momentum)
    assert_close(differences(rule), {key: c * D for key, D in start.items()})
    for key, D in differences(rule).items():
        np.testing.assert_allclose(rule.notes()["difference_norm"][key], np.linalg.norm(D), rtol=1e-12)
    assert rule.notes().items() >= {"route": "explicit", "why_explicit": "chosen by the user"}.items()


@every_learning_rule
@pytest.mark.parametrize("case", cases(), ids=["dense", "conv-1-0", "conv-1-1", "conv-2-1", "conv-3-2"])
def test_the_closed_forms_echo_is_that_scalar(name, case):
    net, x, labels = copy.deepcopy(case)
    rule = make(name, net)
    before = rule.notes()["difference_norm"]
    schedule = train(rule, x, labels, 60)
    (echo,) = rule.parameters().values()
    assert rule.notes()["difference_norm"] == pytest.approx({key: abs(echo) * norm for key, norm in before.items()})
    np.testing.assert_allclose(echo, echo_of(schedule, 0.9), rtol=1e-13)
    assert rule.notes().items() >= {"route": "closed-form", "echo": float(echo)}.items()
    assert echo.dtype == np.float64 and echo.shape == () and abs(float(echo)) < 0.99


@every_learning_rule
def test_without_momentum_the_echo_is_a_power(name):
    net, x, labels = dense_case()
    rule = make(name, net)
    train(rule, x, labels, 40, lr=0.1, momentum=0.0, decay=0.2, changing=False)
    np.testing.assert_allclose(rule.notes()["echo"], (1 - 0.1 * 0.2)**40, rtol=1e-13)


@every_learning_rule
def test_without_decay_the_start_is_never_forgotten(name):
    net, x, labels = dense_case()
    rule = make(name, net)
    train(rule, x, labels, 20, decay=0.0)
    assert rule.notes()["echo"] == 1


@every_learning_rule
def test_shuffled_labels_leave_the_difference_where_it_was(name):
    """Other labels, other gradients, other W, and the same D."""
    net, x, labels = dense_case()
    ends = []
    for targets in (labels, (labels + 1) % 3):
        rule = make(name, copy.deepcopy(net), route=EXPLICIT[name])
        train(rule, x, targets, 40)
        ends.append((differences(rule), {layer.name: layer.weight for layer in rule.network.weighted_layers()}))
    assert_close(ends[0][0], ends[1][0])
    assert all(distance(ends[0][1][key], ends[1][1][key]) > 0.05 for key in ends[0][1])


# -------------------------------------------------------------------------------------- taken by itself, or refused

def adam():
    return Adam(lr=0.01)


def several_rates():
    return SGD(lr={"fc1": 0.1, "fc2": 0.1, "fc3": 0.05})


def with_momentum_from_elsewhere():
    optimizer = SGD(lr=0.05, momentum=0.9)
    net, x, labels = dense_case()
    train_step(make("bp", net), optimizer, x, labels)
    return optimizer


class Foreign:
    """An optimiser of the user's own that knows nothing of closed forms."""

    def step(self, parameters, gradients):
        for name, parameter in parameters.items():
            parameter -= 0.05 * gradients[name]


BREAKERS = [(adam, "Adam rescales every weight by its own gradients"),
            (several_rates, "the optimiser has several learning rates"),
            (with_momentum_from_elsewhere, "the optimiser already carries momentum"),
            (Foreign, "the optimiser Foreign does not say that it treats all weights alike")]
every_breaker = pytest.mark.parametrize(("optimizer", "reason"), BREAKERS, ids=[b.__name__ for b, _ in BREAKERS])


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


# -------------------------------------------------------------------------------- what would break it on the way

@every_learning_rule
@pytest.mark.parametrize(("breaker", "reason"), [
    (adam, "Adam rescales"), (several_rates, "several learning rates"), (Foreign, "a foreign one"),
    (with_momentum_from_elsewhere, "another optimiser, which carries momentum from elsewhere")])
def test_another_optimiser_in_mid_run_is_refused(name, breaker, reason):
    net, x, labels = dense_case()
    rule = make(name, net)
    train(rule, x, labels, 3)
    before = frozen([net.parameters(), rule.parameters()])
    with pytest.raises(ValueError, match=f"the closed form holds no longer: .*{reason}.*explicit route"):
        train_step(rule, breaker(), x, labels)
    assert frozen([net.parameters(), rule.parameters()]) == before


@every_learning_rule
def test_a_fresh_sgd_in_mid_run_is_fine_for_it_forgets_every_momentum_alike(name):
    net, x, labels = dense_case()
    explicit = make(name, copy.deepcopy(net), route=EXPLICIT[name])
    rule = make(name, net)
    for _ in range(2):
        train(rule, x, labels, 15)
        train(explicit, x, labels, 15)
    assert_close(net.parameters(), explicit.network.parameters(), 1e-11)


@every_learning_rule
@pytest.mark.parametrize("assign", [
    lambda W: W.__setitem__(..., 0.5), lambda W: W.__imul__(1.01), lambda W: W.__setitem__((0, 0), W[0, 0] + 1e-6)])
def test_w_assigned_in_mid_run_is_refused(name, assign):
    net, x, labels = dense_case()
    rule, optimizer = make(name, net), SGD(lr=0.05, momentum=0.9)
    for _ in range(2):
        train_step(rule, optimizer, x, labels)
    assign(net.layer("fc2").weight)
    with pytest.raises(ValueError, match="holds no longer: W was assigned in mid-run"):
        train_step(rule, optimizer, x, labels)


@every_learning_rule
def test_feedback_is_a_formula_after_the_first_step_and_cannot_be_set(name):
    net, x, labels = dense_case()
    rule = make(name, net)
    shape = rule.parameters()["fc1.B" if name == "kp" else "fc1.R"].shape
    setting = {"B" if name == "kp" else "R": np.ones(shape)}
    rule.set_feedback("fc1", **setting)                             # before: an ordinary array
    train(rule, x, labels, 1)
    for refused in (lambda: rule.set_feedback("fc1", **setting), rule.match_to_backprop):
        with pytest.raises(ValueError, match=f"{name}: the closed form holds the feedback as a formula"):
            refused()


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


# --------------------------------------------------------------------------------------------------- what it reads

@every_learning_rule
def test_the_closed_form_reads_w_and_the_explicit_rule_does_not(name):
    """The biology computes what the formula only predicts, and to predict it the formula reads W."""
    for route, moves in ((EXPLICIT[name], False), ("closed-form", True)):
        net, x, labels = dense_case()
        rule = make(name, net, route=route)
        train(rule, x, labels, 2)
        error = net.loss_error(net.forward(x), labels)
        before = rule.backward(error).errors
        for layer in net.weighted_layers():
            layer.weight[...] = np.random.default_rng(1).normal(size=layer.weight.shape)
        after = rule.backward(error).errors
        assert (distance(after["fc1"], before["fc1"]) > 0.1) == moves
        assert (frozen(after) == frozen(before)) != moves


@pytest.mark.parametrize("name", ["pfa", "pfa-o", "kp"])
def test_both_orders_of_multiplying_give_the_same_error(name):
    """Few samples go hop by hop, (e G) W + c (e P); many through the path, e (G W + c P)."""
    net, x, labels = dense_case(sizes=(30, 20, 10, 3), N=200)
    rule = make(name, net)
    train(rule, x, labels, 3)
    rule.gradients(x, labels)
    for layer in net.weighted_layers():
        many = rule.send_back(layer, layer.error)
        few = np.concatenate([rule.send_back(layer, layer.error[n:n + 1]) for n in range(len(x))])
        assert distance(few, many) <= 1e-13
        assert distance(many, layer.error @ rule.feedback_weights(layer.name)) <= 1e-13
