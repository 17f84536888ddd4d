"""The rule is backprop; with learn_start the flow's first matrix moves on the orthogonal matrices, and is resumed."""

import copy

import numpy as np
import pytest

import feedbackalign as fa
from feedbackalign import alignment, networks, optimizer, rules, training
from feedbackalign.layers.flows import departure
from feedbackalign.networks.chains import UnfitNetworkError
from feedbackalign.rules.flows.ode_to_ode import moved_start
from tests.assertions import assert_rule
from tests.rules.tools import ERROR_SENDERS, assert_close, backprop, family_of, frozen, make
from tests.small_runs import classification, without_times


def case(flow="iso", seed=0, dtype=np.float64, **options):
    """(net, x, labels) of a small network with a flow."""
    rng = np.random.default_rng(seed)
    net = networks.ode_to_ode([4, 5, 3], steps=4, flow=flow, rng=rng, dtype=dtype, **options)
    return net, rng.normal(size=(6, 4)).astype(dtype), np.array([0, 1, 2, 0, 1, 2])


# ------------------------------------------------------------------------------------------- what rules do to a flow

@pytest.mark.parametrize("flow", ["iso", "gated", "free-time"])
def test_it_is_backprop_to_the_last_bit(flow):
    net, x, labels = case(flow)
    ours, theirs = make("ode-to-ode", net), make("bp", net)
    assert frozen(ours.gradients(x, labels).grads) == frozen(theirs.gradients(x, labels).grads)
    assert_close(ours.gradients(x, labels).grads, backprop(net, x, labels), 1e-15)
    assert max(alignment.update_angles(ours, x, labels, to="backprop").values()) < 1e-9


def test_all_that_is_checked_of_it_holds():
    """On flows too: what it reads of W, that measuring changes nothing, and its own truths."""
    assert_rule("ode-to-ode")


@pytest.mark.parametrize("name", [name for name in ERROR_SENDERS if family_of(name) == "any"])
def test_every_rule_that_sends_an_error_sends_it_exactly_through_a_flow(name):
    """What `fa` sends from the readout goes through the flow as backprop's would, and the flow learns from it."""
    net, x, labels = case()
    rule = make(name, net)
    step = rule.gradients(x, labels)
    assert {"flow1.Q", "flow1.N"} <= set(step.grads)
    sent = rule.send_back(net.layer("fc2"), step.errors["fc2"])
    flow = copy.deepcopy(net.layer("flow1"))
    assert np.array_equal(flow.backward(sent), step.errors["fc1"])
    assert np.array_equal(flow.gradients["Q"], step.grads["flow1.Q"])
    before = net.layer("flow1").Q.copy()
    training.train_step(rule, optimizer.SGD(0.1), x, labels)
    assert np.array_equal(net.layer("flow1").Q, before) == ("flow1.Q" not in rule.learns())


@pytest.mark.slow
def test_weight_perturbation_finds_the_gradient_in_the_mean():
    """The evolution strategy beside it: single draws lie near 90°, their mean comes near."""
    net, x, labels = case(seed=3)
    rule, exact = make("wp", net), backprop(net, x, labels)
    flat = np.concatenate([gradient.ravel() for gradient in exact.values()])
    steps = [rule.gradients(x, labels).grads for _ in range(1500)]
    draws = [np.concatenate([step[name].ravel() for name in exact]) for step in steps]
    assert np.median([alignment.angle(draw, flat) for draw in draws[:50]]) > 70
    assert alignment.angle(np.mean(draws, axis=0), flat) < 25
    with pytest.raises(ValueError, match="np: .* cannot train flow1"):
        make("np", net)


# ---------------------------------------------------------------------------------------------------- the start learns

def test_the_start_moves_down_and_stays_orthogonal():
    net, x, labels = case(activation="tanh")
    rule, start = make("ode-to-ode", net, learn_start=True, start_rate=0.05), net.layer("flow1").W0.copy()
    losses = [training.train_step(rule, optimizer.SGD(1e-12), x, labels).loss for _ in range(30)]
    flow = net.layer("flow1")
    assert losses[-1] < losses[0] and all(after <= before for before, after in zip(losses, losses[1:]))
    assert departure(flow.W0) < 1e-13 and np.linalg.det(flow.W0) * np.linalg.det(start) == pytest.approx(1.0)
    assert np.abs(flow.W0 - start).max() > 0.01


def test_a_small_step_goes_against_the_gradient_on_the_orthogonal_matrices():
    """Along W_0 exp(tA), A the step's own direction, the loss falls at the rate ‖A‖²/η₀."""
    net, x, labels = case(activation="tanh")
    rule = make("ode-to-ode", net)
    rule.gradients(x, labels)
    flow, rate = net.layer("flow1"), 1e-5
    start, G = flow.W0.copy(), flow.start_gradient.copy()
    slope = 0.5 * (start.T @ G - G.T @ start)
    losses = []
    for sign in (1, -1):
        flow.W0[...] = moved_start(start, G, sign * rate)
        losses.append(net.loss(net.forward(x), labels))
    assert (losses[0] - losses[1]) / (2 * rate) == pytest.approx(-(slope**2).sum(), rel=1e-6)


def test_without_it_the_start_stays_and_nothing_is_plastic():
    net, x, labels = case()
    rule, start = make("ode-to-ode", net), net.layer("flow1").W0.copy()
    training.train_step(rule, optimizer.SGD(0.1), x, labels)
    assert np.array_equal(net.layer("flow1").W0, start) and rule.plastic() == {}


def test_what_is_shown_is_the_live_array_after_a_load_too():
    net, x, labels = case()
    rule = make("ode-to-ode", net, learn_start=True)
    held = rule.plastic()["flow1.W0"]
    kept, state = rule.state(), {name: array.copy() for name, array in net.state().items()}
    training.train_step(rule, optimizer.SGD(0.1), x, labels)
    assert held is net.layer("flow1").W0 and not np.array_equal(held, state["flow1.W0"])
    rule.load_state(kept)
    net.load_state(state)
    assert rule.plastic()["flow1.W0"] is net.layer("flow1").W0
    assert np.array_equal(net.layer("flow1").W0, kept["plastic/flow1.W0"])
    start = net.layer("flow1").W0.copy()
    training.train_step(rule, optimizer.SGD(0.1), x, labels)
    assert not np.array_equal(net.layer("flow1").W0, start)
    rule.astype(np.float32)
    assert rule.plastic()["flow1.W0"].dtype == np.float32


@pytest.mark.parametrize("flow", ["iso", "gated", "free-time"])
def test_a_run_that_was_stopped_goes_on_to_the_same_bytes(flow, tmp_path):
    """W_0, the parameters of the field and Adam's moments."""
    def run(epochs, **where):
        net, _, _ = case(flow, dtype=np.float32)
        rule, adam = make("ode-to-ode", net, learn_start=True), optimizer.Adam(5e-3)
        rows = training.train(rule, classification(), adam, epochs=epochs, batch_size=4, rng=np.random.default_rng(3),
                              **where)
        held = net.parameters() | net.state() | rule.state() | adam.state()
        return without_times(rows), {name: array.tobytes() for name, array in held.items()}

    rows, held = run(3)
    run(1, folder=tmp_path)
    again, resumed = run(3, folder=tmp_path, resume=True)
    assert again == rows and resumed == held and "plastic/flow1.W0" in held and "first/flow1." in " ".join(held)


def test_a_network_without_a_flow_has_no_start_to_learn():
    net = networks.mlp([4, 3, 2], rng=np.random.default_rng(0))
    assert make("ode-to-ode", net).flows() == []
    with pytest.raises(UnfitNetworkError, match="learn_start: the network has no flow whose start could move"):
        make("ode-to-ode", net, learn_start=True)
    with pytest.raises(TypeError, match="learn_start: expected True or False"):
        make("ode-to-ode", net, learn_start="yes")
    with pytest.raises(ValueError, match="start_rate"):
        make("ode-to-ode", net, start_rate=0.0)


# -------------------------------------------------------------------------------------------------------- it is shown

def test_the_trace_has_a_row_per_step_inside_its_band():
    net, x, labels = case()
    rule = make("ode-to-ode", net)
    rule.gradients(x[::-1], labels)
    before = frozen(rule)
    rows = rule.trace(x, labels)
    assert frozen(rule) == before
    assert [row["layer"] for row in rows] == ["fc2", "fc1"] + 5 * ["flow1"]
    steps = rows[2:]
    assert [row["step"] for row in steps] == [4, 3, 2, 1, 0]
    top = np.linalg.norm(net_errors(net, x, labels)[-1])
    for row in steps:
        low, high = (top * (1 + sign * 0.25) ** (4 - row["step"]) for sign in (-1, 1))
        assert row["lowest"] == pytest.approx(low) and row["highest"] == pytest.approx(high)
        assert low * (1 - 1e-12) <= row["error_norm"] <= high * (1 + 1e-12)
    assert steps[-1]["error_norm"] == pytest.approx(np.linalg.norm(net_errors(net, x, labels)[0]))


def net_errors(net, x, labels):
    twin = copy.deepcopy(net)
    twin.backward(twin.loss_error(twin.forward(x), labels))
    return twin.layer("flow1").errors


def test_compare_takes_it_on_its_model():
    rows = fa.compare(["bp", "ode-to-ode", "fa"], model="ode-to-ode", seeds=[0], epochs=1)
    last = {row["rule"]: row for row in rows if row["epoch"] == 1}
    assert last["bp"]["train_loss"] == last["ode-to-ode"]["train_loss"]
    assert set(last["ode-to-ode"]["update_angle"].values()) == {0.0} and last["fa"]["activation"] == "abs"
    assert rules.options_of("ode-to-ode") == {"learn_start": False, "start_rate": 0.1}
