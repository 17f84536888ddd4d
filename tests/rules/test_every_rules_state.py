"""What every rule of the table holds between steps: its state, its feedback arrays, its masks."""

import copy
import re

import numpy as np
import pytest

from feedbackalign import alignment, networks, rules
from feedbackalign.optimizer import SGD
from feedbackalign.training.loop import train_step
from tests.rules.tools import conv_batch, conv_case, dense_batch, distance, every_case, frozen, make, train

NAMES = list(rules.TABLE)
SPARSE = [name for name in NAMES if "density" in rules.options_of(name)]
WITH_ROUTES = [(name, route) for name in NAMES if "route" in rules.options_of(name)
               for route in rules.find(name).routes]
every_rule = pytest.mark.parametrize("name", NAMES)
every_rule_and_kind = every_case(NAMES)
every_sparse_rule_and_kind = every_case(SPARSE)


# ---------------------------------------------------------------------------------------------- state and resuming

def resume(name, case, options, seed_of_the_other=99):
    """Train 3 steps and keep the state; -> (rule after 3 more, a fresh rule that took the state over and did too)."""
    net, x, labels = case()
    rule, optimizer = make(name, net, **options), SGD(lr=0.05, momentum=0.9, weight_decay=0.05)
    for _ in range(3):
        train_step(rule, optimizer, x, labels)
    other_net = copy.deepcopy(net)
    state, momentum, notes = rule.state(), optimizer.state(), rule.notes()
    for _ in range(3):
        train_step(rule, optimizer, x, labels)
    other = make(name, other_net, seed=seed_of_the_other, **options)
    other.load_state(state)
    assert other.notes() == notes and frozen(other.state()) == frozen(state)
    other_optimizer = SGD(lr=0.05, momentum=0.9, weight_decay=0.05)
    other_optimizer.load_state(momentum)
    for _ in range(3):
        train_step(other, other_optimizer, x, labels)
    return rule, other


def assert_same_run(rule, other):
    assert frozen(rule.network.parameters()) == frozen(other.network.parameters())
    assert frozen(rule.state()) == frozen(other.state())
    assert rule.notes() == other.notes()
    assert repr(alignment.weight_angles(rule)) == repr(alignment.weight_angles(other))                  # nan is nan


@every_rule_and_kind
def test_a_fresh_rule_goes_on_where_the_state_was_kept(name, case):
    assert_same_run(*resume(name, case, {}))


@every_sparse_rule_and_kind
def test_a_fresh_sparse_rule_goes_on_with_the_masks_of_the_old_one(name, case):
    rule, other = resume(name, case, {"density": 0.5})
    assert_same_run(rule, other)
    assert frozen(rule.masks()) == frozen(other.masks())


@pytest.mark.parametrize(("name", "route"), WITH_ROUTES)
def test_every_route_can_be_resumed(name, route):
    assert_same_run(*resume(name, conv_case, {"route": route}))


@every_rule
def test_a_trained_rule_can_be_put_back_to_its_start(name):
    net, x, labels = dense_batch(name)
    rule = make(name, net)
    start, weights = rule.state(), copy.deepcopy(net.parameters())
    gradients = copy.deepcopy(rule).gradients(x, labels).grads
    train(rule, x, labels, 3)
    rule.load_state(start)
    for key, array in weights.items():
        net.parameters()[key][...] = array
    assert frozen(rule.state()) == frozen(start)
    assert frozen(rule.gradients(x, labels).grads) == frozen(gradients)


@every_rule
def test_the_state_is_plain_arrays(name):
    net, x, labels = dense_batch(name)
    rule = make(name, net)
    train(rule, x, labels, 1)
    assert all(isinstance(array, np.ndarray) and array.dtype != object for array in rule.state().values())


# ------------------------------------------------------------------------------------------------ setting feedback

@every_rule
def test_set_feedback_takes_copies(name):
    net, _, _ = conv_batch(name)
    rule, rng = make(name, net), np.random.default_rng(3)
    for key in [*rule.constants(), *rule.parameters(), *rule.plastic()]:
        layer, array = key.rsplit(".", 1)
        given_array = rng.normal(size=(rule.constants() | rule.parameters() | rule.plastic())[key].shape)
        rule.set_feedback(layer, **{array: given_array})
        held = (rule.constants() | rule.parameters() | rule.plastic())[key]
        assert np.array_equal(held, given_array) and not np.shares_memory(held, given_array)


@every_rule
def test_set_feedback_refuses_what_does_not_fit_and_keeps_what_was(name):
    net, _, _ = dense_batch(name)
    rule = make(name, net)
    before, kind = frozen(rule), net.weighted_layers()[0].kind
    with pytest.raises(ValueError, match=f"unknown layer '{kind}9': did you mean '{kind}"):
        rule.set_feedback(f"{kind}9", B=np.zeros((2, 2)))
    with pytest.raises(ValueError, match=f"unknown feedback array of {kind}1 'Z'"):
        rule.set_feedback(f"{kind}1", Z=np.zeros((2, 2)))
    for key, held in (rule.constants() | rule.parameters() | rule.plastic()).items():
        layer, array = key.rsplit(".", 1)
        with pytest.raises(ValueError, match=re.escape(f"{key}: expected shape {held.shape}, real numbers")):
            rule.set_feedback(layer, **{array: np.zeros((held.shape[0] + 1, *held.shape[1:]))})
        with pytest.raises(ValueError, match="real numbers, got complex128"):
            rule.set_feedback(layer, **{array: np.ones(held.shape) * 1j})
        for bad in (np.nan, np.inf):
            with pytest.raises(ValueError, match=f"{key}: expected finite numbers, got {bad}"):
                rule.set_feedback(layer, **{array: np.full(held.shape, bad)})
    assert frozen(rule) == before


def test_feedback_that_is_infinite_in_the_networks_precision_is_refused():
    rule = make("fa", networks.mlp([2, 3, 2], rng=np.random.default_rng(0)))
    with pytest.raises(ValueError, match="fc2.B: expected finite numbers, got inf"):
        rule.set_feedback("fc2", B=np.full((2, 3), 1e308))


@every_rule
def test_of_several_arrays_none_is_set_if_one_is_bad(name):
    net, _, _ = dense_batch(name)
    rule = make(name, net)
    held, lowest = rule.constants() | rule.parameters() | rule.plastic(), net.weighted_layers()[0].name
    good = {key.rsplit(".", 1)[1]: np.ones(array.shape) for key, array in held.items() if key.startswith(f"{lowest}.")}
    before = frozen(rule)
    with pytest.raises(ValueError, match="unknown feedback array"):
        rule.set_feedback(lowest, **good, nothing_of_this_name=np.ones(3))
    assert frozen(rule) == before


# --------------------------------------------------------------------------------------------------------- sparse

def feedback_arrays(rule):
    return rule.parameters() | rule.constants() | rule.plastic()


def assert_masks_hold(rule):
    net = rule.network
    arrays = net.parameters() | feedback_arrays(rule)
    for key, mask in (net.masks() | rule.masks()).items():
        assert mask.dtype == bool and mask.shape == arrays[key].shape, key
        assert not arrays[key][~mask].any(), key
        assert arrays[key][mask].any() or not mask.any(), key


@every_sparse_rule_and_kind
def test_synapses_that_do_not_exist_never_come_to_be(name, case):
    net, x, labels = case()
    rule, optimizer = make(name, net, density=0.5), SGD(lr=0.05, momentum=0.9, weight_decay=0.05)
    missing = {key: array == 0 for key, array in feedback_arrays(rule).items()}
    assert all(absent.any() for absent in missing.values())
    assert not all(absent.all() for absent in missing.values())     # of pfa-i's small B a layer's may be gone
    for _ in range(4):
        train_step(rule, optimizer, x, labels)
        assert_masks_hold(rule)
        for key, array in feedback_arrays(rule).items():
            assert np.array_equal(array == 0, missing[key]), key


@every_rule
def test_a_layers_own_mask_holds_under_every_rule(name):
    net, x, labels = conv_batch(name, density=0.5)
    assert len(net.masks()) == 3
    rule, optimizer = make(name, net), SGD(lr=0.01, momentum=0.9, weight_decay=0.05)
    before = copy.deepcopy(net.parameters())
    for _ in range(4):
        train_step(rule, optimizer, x, labels)
        assert_masks_hold(rule)
    assert any(distance(net.parameters()[key], before[key]) > 0 for key in net.masks())
