"""What is exactly true of equilibrium propagation with untied weights."""

import copy

import numpy as np
import pytest
from hypothesis import given, settings

from feedbackalign import alignment, check, data, layers, rules, training
from feedbackalign.networks import Network, mlp
from feedbackalign.optimizer import SGD
from feedbackalign.rules.equilibrium.dynamics import as_input, pooled, synapse_product
from feedbackalign.rules.equilibrium.equilibrium_propagation import ESTIMATORS, EquilibriumPropagation
from feedbackalign.rules.equilibrium.exact_gradients import implicit_gradients
from feedbackalign.rules.equilibrium.vector_field import UPDATES, VectorFieldEquilibriumPropagation
from tests.rules.equilibrium import cases
from tests.rules.tools import assert_close, distance, echo_of, frozen, train

every_update = pytest.mark.parametrize("update", UPDATES)
CASES = [lambda: cases.dense(loss="cross-entropy"), cases.dense, lambda: cases.image("max"),
         lambda: cases.image("softmax"), lambda: cases.image("average", loss="squared-error")]
every_case = pytest.mark.parametrize("case", CASES, ids=["readout", "squared", "max", "softmax", "average"])


def make(net, seed=0, kind=VectorFieldEquilibriumPropagation, **options):
    return rules.make(kind, net, rng=np.random.default_rng(seed), **options)


def tied(case, **options):
    """(rule with B = W, chain, free states, x, labels) on a network that settles to 1e-12."""
    net, x, labels = case
    found, states = cases.settled(net, x, steps=60)         # far from critical: the bias has a moderate coefficient
    rule = make(net, **{"free_steps": 1500, "nudged_steps": 1500, "beta": 1e-3, **options})
    rule.match_to_tied()
    return rule, found, states, x, labels


# -------------------------------------------------------------------------------------------------------- B = W

@settings(max_examples=10)
@given(case=cases.dense_cases())
def test_at_b_equal_to_w_the_updates_are_the_two_uses_of_a_weight(case):
    """Truth 7."""
    rule, found, states, x, labels = tied(case)
    exact, _ = implicit_gradients(found, x, states, labels, rule.feedback())
    assert cases.relative(rule.gradients(x, labels).grads, exact) <= 1e-4


@pytest.mark.parametrize("pool", ["max", "average", "softmax", "none"])
def test_the_same_with_convolutions(pool):
    rule, found, states, x, labels = tied(cases.image(pool))
    exact, _ = implicit_gradients(found, x, states, labels, rule.feedback())
    ours = rule.gradients(x, labels).grads
    assert ours.keys() == exact.keys()
    for name in exact:
        assert distance(ours[name], exact[name]) <= 1e-4, name


@every_case
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_with_b_equal_to_w_the_common_update_is_the_tied_rules_own(case, estimator):
    net, x, labels = case()
    rule, plain = make(net, update="kolen-pollack", estimator=estimator), make(net, kind=EquilibriumPropagation)
    plain.estimator, plain.damping = estimator, rule.damping
    rule.match_to_tied()
    rule.rng, plain.rng = np.random.default_rng(4), np.random.default_rng(4)
    ours, theirs = rule.gradients(x, labels), plain.gradients(x, labels)
    assert ours.loss == theirs.loss
    assert_close(ours.grads, theirs.grads, 1e-13)


def test_the_sum_of_the_two_parts_is_the_tied_gradient():
    rule, _, _, x, labels = tied(cases.dense(loss="cross-entropy"))
    exact = make(rule.network, kind=EquilibriumPropagation).references(x, labels)["implicit"]
    grads = rule.gradients(x, labels).grads
    total = grads["fc2.weight"] + grads["fc2.B"]
    assert distance(total, exact["fc2.weight"]) <= 1e-4 < 0.05 < distance(grads["fc2.weight"], exact["fc2.weight"])


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (0, 2))])
def test_the_further_b_from_w_the_further_the_update_from_the_gradient(seed):
    """Truth 7, second half: cosines at B = cos a · W + sin a · B₀ for a = 0, 15, 30, 45 degrees."""
    found = {"fc1.weight": [], "fc3.weight": []}
    for degrees in (0, 15, 30, 45):
        net, x, labels = cases.dense(unit="steep-sigmoid", seed=seed, N=20)
        cases.settled(net, x, steps=300)
        rule = make(net, seed, free_steps=3000, nudged_steps=3000, beta=1e-3)
        for name, B in rule.B.items():
            W = net.layer(name).weight
            B *= np.sin(np.radians(degrees)) * np.linalg.norm(W) / np.linalg.norm(B)
            B += np.cos(np.radians(degrees)) * W
        angles = alignment.update_angles(rule, x, labels, to="implicit")
        for name, cosines in found.items():
            cosines.append(np.cos(np.radians(angles[name])))
    first = found["fc1.weight"]
    assert first[0] > 0.999 and all(a > b for a, b in zip(first, first[1:])) and first[-1] < 0.9
    assert min(found["fc3.weight"]) > 0.95


def test_untied_layers_go_just_where_they_are_driven():
    """Beyond it they would swing; and damping that is given holds."""
    net, _, _ = cases.image()
    assert (make(net).free_steps, make(net).damping, make(net, damping=-0.2).damping) == (120, 0.0, -0.2)


@pytest.mark.parametrize("case", [cases.dense(loss="cross-entropy"), cases.image("max"), cases.image("average"),
                                  cases.image("softmax")], ids=["dense", "max", "average", "softmax"])
def test_the_different_updates_by_hand(case):
    """Eq. 1 and 2 as slopes of ⟨s⁻ − s⁺, P(W s*)⟩ and ⟨s*, P(B s⁻) − P(B s⁺)⟩, free activity on the other side."""
    net, x, labels = case
    rule = make(net, beta=0.5)
    free, _ = rule.free_phase(x)
    plus, minus, _ = rule.both_nudged_phases(x, labels, free, 0.5)
    stage, grads = rule.chain.stages[1], rule.gradients(x, labels).grads
    B = rule.B[stage.name]

    def answer(below, weights):
        return pooled(stage, stage.layer.respond(as_input(stage, below), weights))

    forward = check.numerical_gradient(
        lambda W: float(((minus[1] - plus[1]) * answer(free[0], W)).sum()) / len(x), stage.layer.weight)
    backward = check.numerical_gradient(
        lambda B: float((free[1] * (answer(minus[0], B) - answer(plus[0], B))).sum()) / len(x), B)
    np.testing.assert_allclose(grads[f"{stage.name}.weight"], forward, rtol=1e-5, atol=1e-8)
    np.testing.assert_allclose(grads[f"{stage.name}.B"], backward, rtol=1e-5, atol=1e-8)


# --------------------------------------------------------------------------------------------- Kolen and Pollack

def test_with_momentum_and_changing_rates_by_the_same_linear_recursion():
    net, x, labels = cases.dense(loss="cross-entropy")
    rule = make(net, update="kolen-pollack", free_steps=10, nudged_steps=5)
    start = net.layer("fc2").weight - rule.B["fc2"]
    schedule = train(rule, x, labels, 60)
    left = echo_of(schedule, momentum=0.9)
    assert distance(net.layer("fc2").weight - rule.B["fc2"], left * start) <= 1e-12


def test_the_two_updates_are_one_array_each():
    net, x, labels = cases.image("max")
    grads = make(net, update="kolen-pollack").gradients(x, labels).grads
    assert np.array_equal(grads["conv2.weight"], grads["conv2.B"])
    assert not np.shares_memory(grads["conv2.weight"], grads["conv2.B"])


@pytest.mark.parametrize("pool", ["max", "softmax"])
def test_where_slopes_move_the_common_update_averages_those_of_w_and_b(pool):
    net, x, labels = cases.image(pool)
    rule = make(net, update="kolen-pollack", beta=0.5)
    free, _ = rule.free_phase(x)
    plus, minus, _ = rule.both_nudged_phases(x, labels, free, 0.5)
    stage = rule.chain.stages[1]

    def change(weights):
        return (synapse_product(stage, minus[1], minus[0], weights) - synapse_product(stage, plus[1], plus[0], weights))

    by_w, by_b = change(stage.layer.weight), change(rule.B["conv2"])
    assert distance(by_w, by_b) > 0.01
    assert distance(rule.gradients(x, labels).grads["conv2.B"], (by_w + by_b) / 2) <= 1e-12


@pytest.mark.slow
def test_on_the_digits_the_common_update_aligns_faster():
    """E3. At decay 1e-2 the common update forgets the difference; the different ones, being correlated, only lean."""
    ends = {}
    for update in UPDATES:
        net = mlp([64, 32, 32, 10], activation="soft-clip", rng=np.random.default_rng(0))
        rule = make(net, 1, update=update, free_steps=15, nudged_steps=8)
        assert 80 < alignment.weight_angles(rule)["fc2"] < 100
        sgd, split = SGD(lr=0.1, momentum=0.9, weight_decay=1e-2), data.digits().train
        for step in range(300):
            rows = slice(32 * step % 1024, 32 * step % 1024 + 32)
            training.train_step(rule, sgd, split.x[rows].reshape(-1, 64), split.targets[rows])
        ends[update] = alignment.weight_angles(rule)["fc2"]
    assert ends["kolen-pollack"] < 8 and ends["different"] > 15


# -------------------------------------------------------------------------------------------------- the contract

@every_case
@every_update
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_one_finite_gradient_for_every_parameter_of_network_and_rule(case, update, estimator):
    net, x, labels = case()
    for dtype in (np.float64, np.float32):
        rule = make(net.astype(dtype), update=update, estimator=estimator)
        grads, parameters = rule.gradients(x, labels).grads, net.parameters() | rule.parameters()
        assert grads.keys() == parameters.keys()
        for name, gradient in grads.items():
            assert gradient.shape == parameters[name].shape and gradient.dtype == dtype, name
            assert np.isfinite(gradient).all()


@every_update
def test_b_stands_above_the_lowest_settling_layer_and_below_the_readout(update):
    net, _, _ = cases.image("max")
    rule = make(net, update=update)
    assert list(rule.parameters()) == ["conv2.B"] and rule.B["conv2"].shape == net.layer("conv2").weight.shape
    assert rule.feedback_weights("conv1") is rule.feedback_weights("fc1") is None
    assert rule.feedback_weights("conv2") is rule.parameters()["conv2.B"]
    assert alignment.weight_angles(rule).keys() == {"conv2"}
    assert list(make(cases.dense()[0]).parameters()) == ["fc2.B", "fc3.B"]
    with pytest.raises(ValueError, match="unknown layer"):
        rule.feedback_weights("fc7")
    with pytest.raises(ValueError, match="unknown update 'kp'"):
        make(net, update="kp")


@every_update
def test_masked_weights_have_masked_partners(update):
    rng = np.random.default_rng(0)
    net = Network([layers.Linear(5, 6, rng=rng), layers.Tanh(), layers.Linear(6, 6, density=0.5, rng=rng),
                   layers.Tanh(), layers.Linear(6, 3, rng=rng)])
    rule = make(net, update=update)
    x, labels = rng.random((4, 5)).astype(np.float32), np.array([0, 1, 2, 0])
    for _ in range(3):
        training.train_step(rule, SGD(lr=0.1, momentum=0.9), x, labels)
    missing = ~net.layer("fc2").mask
    assert missing.any() and not rule.B["fc2"][missing].any() and not net.layer("fc2").weight[missing].any()


@every_case
@every_update
def test_measuring_changes_nothing(case, update):
    net, x, labels = case()
    rule = make(net, update=update, sweep="synchronous")
    rule.gradients(x, labels)
    before = frozen(rule)
    for measure in (rule.references, rule.trace, lambda x, y: rule.predict(x),
                    lambda x, y: training.measure(rule, x, y)):
        measure(x[::-1] + 0.1, labels)
        assert frozen(rule) == before


def test_the_reference_is_each_ones_own_use_or_the_sum_of_both():
    net, x, labels = cases.dense(loss="cross-entropy")
    rule = make(net)
    found, states = cases.settled_exactly(net, x, feedback=rule.B)
    exact, _ = implicit_gradients(found, x, states, labels, rule.B)
    forward = rule.references(x, labels)["implicit"]
    assert forward.keys() == (net.parameters() | rule.parameters()).keys()
    assert_close(forward, {name: exact[name] for name in forward}, 1e-8)
    rule.has_common_update = True
    both = rule.references(x, labels)["implicit"]
    for name in ("fc2.weight", "fc2.B"):
        assert distance(both[name], exact["fc2.weight"] + exact["fc2.B"]) <= 1e-8
    assert_close(both, {name: exact[name] for name in forward if not name.startswith("fc2.") or "bias" in name}, 1e-8)


@every_update
def test_a_fresh_rule_goes_on_where_the_state_was_kept(update):
    net, x, labels = cases.dense(loss="cross-entropy")
    rule, sgd = make(net, update=update), SGD(lr=0.1)
    for _ in range(2):
        training.train_step(rule, sgd, x, labels)
    other = make(copy.deepcopy(net), seed=8, update=update)
    other.load_state(rule.state())
    for _ in range(2):
        training.train_step(rule, sgd, x, labels), training.train_step(other, sgd, x, labels)
    assert frozen(rule.state()) == frozen(other.state())
    assert frozen(rule.network.parameters()) == frozen(other.network.parameters())


def test_the_way_down_is_b_and_not_w():
    net, x, labels = cases.dense()
    rule = make(net)
    free, _ = rule.free_phase(x)
    rule.set_feedback("fc2", B=np.zeros((9, 12)))
    rule.set_feedback("fc3", B=np.zeros((5, 9)))
    alone, _ = rule.free_phase(x)
    np.testing.assert_allclose(alone[-1], net.forward(x), rtol=1e-13)              # nothing from above: feedforward
    assert distance(free[0], alone[0]) > 1e-3
