"""The dynamics: a step is σ of the gradient of Φ, all sweeps rest at the same states."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedbackalign import layers
from feedbackalign.check.gradients import numerical_gradient
from feedbackalign.networks import Network, mlp
from feedbackalign.networks.chains import settling_chain
from feedbackalign.rules.equilibrium.dynamics import (answer, from_below, preactivation, primitive,
                                                      primitive_gradients, readout_gradients, settle, settle_each,
                                                      top_error)
from tests.rules.equilibrium import cases
from tests.rules.tools import frozen


def rng_of(seed=0):
    return np.random.default_rng(seed)


# ------------------------------------------------------------------------------------------------ the field is ∂Φ/∂s

def random_states(found, N, rng):
    return [rng.random(state.shape) for state in found.rest(N)]


@settings(max_examples=15)
@given(case=cases.dense_cases(max_batch=3))
def test_a_dense_preactivation_is_the_gradient_of_the_primitive(case):
    assert_field_is_gradient(*case)


@settings(max_examples=6)
@given(case=cases.image_cases())
def test_a_convolutional_preactivation_is_the_gradient_of_the_primitive(case):
    assert_field_is_gradient(*case)


def test_max_pooling_may_have_a_frame():
    make, rng = {"rng": rng_of(), "dtype": np.float64}, rng_of(1)
    net = Network([layers.Conv2d(1, 3, 3, padding=1, **make), layers.MaxPool2d(3, 2, padding=1), layers.Tanh(),
                   layers.Conv2d(3, 4, 3, padding=1, **make), layers.MaxPool2d(3, 2, padding=1), layers.Tanh(),
                   layers.Flatten(), layers.Linear(16, 3, **make)], input_shape=(1, 7, 7))
    assert_field_is_gradient(net, rng.normal(size=(2, 1, 7, 7)), np.array([0, 2]))


@settings(max_examples=10)
@given(case=cases.dense_cases(losses=("cross-entropy",), max_batch=3))
def test_so_it_is_without_a_readout(case):
    assert_field_is_gradient(*case, readout=False)


def assert_field_is_gradient(net, x, labels, beta=0.3, readout=True):
    found, rng = settling_chain(net, readout=readout), rng_of()
    states = random_states(found, len(x), rng)
    drive = from_below(found.stages[0], x)

    def nudged_primitive(_):
        losses = net.sample_losses(answer(found, states[-1]), labels)
        return float((primitive(found, x, states) - beta * losses).sum())

    for n, state in enumerate(states):
        field = preactivation(found, states, n, drive, beta, labels, None)
        entries = rng.choice(state.size, size=min(12, state.size), replace=False)
        slope = numerical_gradient(nudged_primitive, state, entries)
        np.testing.assert_allclose(field.ravel()[entries], slope, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("case", [cases.dense(), cases.dense(loss="cross-entropy"), cases.image("max"),
                                  cases.image("average"), cases.image("softmax"),
                                  cases.image("none", loss="squared-error")])
def test_the_synapses_products_are_the_gradient_of_the_primitive_function(case):
    net, x, labels = case
    found = settling_chain(net)
    states = random_states(found, len(x), rng_of())
    for name, gradient in primitive_gradients(found, x, states).items():
        parameter = net.parameters()[name]
        entries = rng_of(1).choice(parameter.size, size=min(8, parameter.size), replace=False)
        slope = numerical_gradient(lambda _: primitive(found, x, states).mean(), parameter, entries)
        np.testing.assert_allclose(gradient.ravel()[entries], slope, rtol=1e-6, atol=1e-8, err_msg=name)


def test_the_readouts_gradient_is_the_cross_entropys_at_the_top_state():
    net, x, labels = cases.dense(loss="cross-entropy")
    found = settling_chain(net)
    top = random_states(found, len(x), rng_of())[-1]
    gradients = readout_gradients(found, top, labels)
    assert sorted(gradients) == ["fc3.bias", "fc3.weight"]
    for name, gradient in gradients.items():
        numerical = numerical_gradient(lambda _: net.loss(answer(found, top), labels), net.parameters()[name])
        np.testing.assert_allclose(gradient, numerical, rtol=1e-6, atol=1e-8)
    assert readout_gradients(settling_chain(cases.dense()[0]), top, labels) == {}


@pytest.mark.parametrize("pool", ["max", "softmax"])
def test_slopes_of_the_pooling_are_those_of_the_present_state(pool):
    """The adjoint of the pooling belongs to a state: another state below, and the signal lands elsewhere."""
    net, x, labels = cases.image(pool)
    found = settling_chain(net)
    states = random_states(found, len(x), rng_of())
    drive = from_below(found.stages[0], x)
    from_here = preactivation(found, states, 0, drive, 0.0, None, None)
    states[0] = states[0][..., ::-1].copy()
    assert np.abs(preactivation(found, states, 0, drive, 0.0, None, None) - from_here).max() > 1e-3


@pytest.mark.parametrize("sweep", ["alternating", "synchronous"])
@pytest.mark.parametrize("pool", ["max", "softmax"])
def test_a_state_that_stays_is_convolved_once(monkeypatch, pool, sweep):
    """And what is kept of it is that of the present state: the same bits as in phases of one step."""
    net, x, labels = cases.image(pool)
    found, respond, seen = settling_chain(net), layers.Conv2d.respond, []
    states = random_states(found, len(x), rng_of())
    one_by_one = states
    for _ in range(6):
        one_by_one, _ = settle(found, x, one_by_one, steps=1, beta=0.3, targets=labels, sweep=sweep)
    monkeypatch.setattr(layers.Conv2d, "respond", lambda *given: seen.append(given[0].name) or respond(*given))
    at_once, _ = settle(found, x, states, steps=6, beta=0.3, targets=labels, sweep=sweep)
    assert all(np.array_equal(a, b) for a, b in zip(at_once, one_by_one))
    assert seen.count("conv1") == 1 and seen.count("conv2") == (7 if sweep == "alternating" else 6)


# ---------------------------------------------------------------------------------------------------- the dynamics

@settings(max_examples=15)
@given(case=cases.dense_cases())
def test_every_sweep_rests_where_the_synchronous_one_does(case):
    net, x, labels = case
    found, states = cases.settled(net, x)
    for options in ({"sweep": "alternating"}, {"damping": 0.5}, {"sweep": "synchronous", "damping": 0.3}):
        still, residual = settle(found, x, states, steps=3, **options)
        assert residual <= 1e-12
        for state, rest in zip(still, states):
            np.testing.assert_allclose(state, rest, atol=1e-11)


@settings(max_examples=12)
@given(case=st.one_of(cases.dense_cases(max_batch=3), cases.image_cases()), damping=st.floats(-0.5, 0.9))
def test_sweeps_that_go_beyond_or_fall_short_rest_where_others_do(case, damping):
    """At the states where a plain one rests, and only where a plain one would; several such states there may be."""
    net, x, _ = case
    found, states = cases.settled(net, x)
    still, residual = settle(found, x, states, steps=3, damping=damping)
    assert residual <= 1e-11
    for state, rest in zip(still, states):
        np.testing.assert_allclose(state, rest, atol=1e-11)
    others, residual = settle(found, x, found.rest(len(x)), steps=500, damping=damping)
    _, plain = settle(found, x, others, steps=1, sweep="synchronous")
    assert plain <= 10 * residual + 1e-14


def test_one_step_beyond_by_hand():
    """s ← h s + (1 − h) σ(v) with h = −0.5: once and a half of the way."""
    net, x, _ = cases.dense(sizes=(3, 4, 2))
    found, states = cases.settled(net, x)
    start = [state + 0.1 for state in states]
    (once, _), (beyond, _) = (settle(found, x, start, steps=1, sweep="synchronous", damping=h) for h in (0.0, -0.5))
    for before, one, other in zip(start, once, beyond):
        np.testing.assert_allclose(other, before + 1.5 * (one - before), atol=1e-15)


@pytest.mark.parametrize("until", [0.0, 1e-3])
@pytest.mark.parametrize("case", [cases.dense(N=7), cases.image("max", N=7), cases.dense(loss="cross-entropy", N=7)],
                         ids=["dense", "max pooling", "readout"])
def test_every_sample_may_have_a_nudge_of_its_own(case, until):
    """Settled together, some of them resting sooner, each goes where it goes alone."""
    net, x, labels = case
    found, states = cases.settled(net, x)
    targets = labels if net.loss_name == "cross-entropy" else np.eye(net.outputs)[labels]
    betas = np.array([0.5, -0.5, 0.1, 0.0, -0.2, 0.4, -0.1])
    together, residuals = settle_each(found, x, states, steps=300, beta=betas, targets=targets, until=until)
    assert residuals.shape == (7,) and (residuals <= max(until, 1e-9)).all()
    for n, beta in enumerate(betas):
        one = slice(n, n + 1)
        alone, _ = settle(found, x[one], [s[one] for s in states], steps=300, beta=beta, targets=targets[one])
        for all_of_them, mine in zip(together, alone):
            np.testing.assert_allclose(all_of_them[one], mine, atol=1e-12 if until == 0 else 1e-2)


def test_one_synchronous_step_by_hand():
    net, x, labels = cases.dense(unit="tanh", N=2)
    found, rng = settling_chain(net), rng_of(3)
    s1, s2, s3 = random_states(found, 2, rng)
    (W1, b1), (W2, b2), (W3, b3) = [(layer.weight, layer.bias) for layer in net.weighted_layers()]
    y = np.eye(5)[labels]
    expected = [np.tanh(x @ W1.T + b1 + s2 @ W2), np.tanh(s1 @ W2.T + b2 + s3 @ W3),
                s2 @ W3.T + b3 - 0.4 * (s3 - y)]
    states, residual = settle(found, x, [s1, s2, s3], steps=1, beta=0.4, targets=labels, sweep="synchronous")
    for state, by_hand in zip(states, expected):
        np.testing.assert_allclose(state, by_hand, rtol=1e-13, atol=1e-14)
    assert residual == max(np.abs(a - b).max() for a, b in zip(expected, (s1, s2, s3)))


def test_one_step_of_linear_outputs_under_cross_entropy_by_hand():
    """The paper's dynamics without a readout: s ← W s + b − β (softmax(s) − y) at the top."""
    net, x, labels = cases.dense(unit="tanh", loss="cross-entropy", N=2)
    found, rng = settling_chain(net, readout=False), rng_of(3)
    s1, s2, s3 = random_states(found, 2, rng)
    (W1, b1), (W2, b2), (W3, b3) = [(layer.weight, layer.bias) for layer in net.weighted_layers()]
    p = np.exp(s3) / np.exp(s3).sum(axis=1, keepdims=True)
    expected = [np.tanh(x @ W1.T + b1 + s2 @ W2), np.tanh(s1 @ W2.T + b2 + s3 @ W3),
                s2 @ W3.T + b3 - 0.4 * (p - np.eye(5)[labels])]
    states, _ = settle(found, x, [s1, s2, s3], steps=1, beta=0.4, targets=labels, sweep="synchronous")
    for state, by_hand in zip(states, expected):
        np.testing.assert_allclose(state, by_hand, rtol=1e-13, atol=1e-14)
    assert answer(found, states[-1]) is states[-1] and readout_gradients(found, states[-1], labels) == {}


def test_one_alternating_step_by_hand_and_damped():
    net, x, labels = cases.dense(unit="tanh", N=2)
    found, rng = settling_chain(net), rng_of(3)
    s1, s2, s3 = random_states(found, 2, rng)
    (W1, b1), (W2, b2), (W3, b3) = [(layer.weight, layer.bias) for layer in net.weighted_layers()]
    h = 0.25
    t1, t3 = h * s1 + (1 - h) * np.tanh(x @ W1.T + b1 + s2 @ W2), h * s3 + (1 - h) * (s2 @ W3.T + b3)
    t2 = h * s2 + (1 - h) * np.tanh(t1 @ W2.T + b2 + t3 @ W3)
    states, residual = settle(found, x, [s1, s2, s3], steps=1, damping=h)
    for state, by_hand in zip(states, (t1, t2, t3)):
        np.testing.assert_allclose(state, by_hand, rtol=1e-13, atol=1e-14)
    moves = [np.abs(new - old).max() for new, old in zip((t1, t2, t3), (s1, s2, s3))]
    np.testing.assert_allclose(residual, max(moves) / (1 - h), rtol=1e-12)      # damping does not flatter it


def test_the_energy_of_a_tied_network_never_rises_in_an_alternating_sweep():
    """Each block moves to its exact minimum of Σ ∫σ⁻¹ − Φ, here for sigmoid units."""
    net, x, _ = cases.dense((4, 6, 5, 3), unit="sigmoid", top="sigmoid")
    for layer in net.weighted_layers():
        layer.weight *= 4
    found, energies = settling_chain(net), []

    def energy(states):
        integral = sum((s * np.log(s) + (1 - s) * np.log(1 - s)).sum(axis=1) for s in states)
        energies.append(integral - primitive(found, x, states))

    start = [np.full_like(state, 0.5) for state in found.rest(len(x))]
    settle(found, x, start, steps=40, watch=energy)
    assert (np.diff(energies, axis=0) <= 1e-12).all() and (energies[-1] < energies[0]).all()


def test_synchronous_layers_can_cycle_and_alternating_ones_do_not():
    net = mlp([1, 1, 1], activation="tanh", loss="squared-error", rng=rng_of(), dtype=np.float64)
    net = Network([*net.layers, layers.Tanh()], loss="squared-error")
    net.parameters()["fc1.weight"][...], net.parameters()["fc2.weight"][...] = 0.0, 3.0
    found, x = settling_chain(net), np.ones((1, 1))
    start = [np.array([[0.9]]), np.array([[-0.9]])]
    _, cycling = settle(found, x, start, steps=301, sweep="synchronous")
    _, resting = settle(found, x, start, steps=301)
    assert cycling > 1 and resting <= 1e-12


@pytest.mark.parametrize("targets", ["labels", "numbers"])
@pytest.mark.parametrize("case", [cases.dense(loss="cross-entropy", N=9), cases.image("max", N=9)])
def test_samples_that_have_settled_rest_while_the_others_move(monkeypatch, case, targets):
    """Every sample ends where it ends alone, from its own start and for its own target; fewer and fewer are moved."""
    net, x, labels = case
    cases.settled(net, x)
    found, kind = settling_chain(net), type(net.weighted_layers()[1])
    if targets == "numbers":
        labels = np.eye(net.outputs)[labels]
    start, answer_of, moved, seen = random_states(found, 9, rng_of()), kind.respond, [], []
    for n in range(0, 9, 2):                                # every other sample starts where it ends
        alone = [state[n:n + 1] for state in start]
        alone, _ = settle(found, x[n:n + 1], alone, steps=2000, beta=0.3, targets=labels[n:n + 1], until=1e-15)
        for state, there in zip(start, alone):
            state[n:n + 1] = there
    monkeypatch.setattr(kind, "respond", lambda *given: moved.append(len(given[1])) or answer_of(*given))
    states, residual = settle(found, x, start, steps=500, beta=0.3, targets=labels, until=1e-10, watch=seen.append)
    assert residual <= 1e-10 and moved[0] == 9 and min(moved) <= 4 and moved[-1] == min(moved)
    assert [[len(state) for state in at_one_step] for at_one_step in seen] == [[9] * len(states)] * len(seen)
    for n in range(9):
        alone, _ = settle(found, x[n:n + 1], [state[n:n + 1] for state in start], steps=500, beta=0.3,
                          targets=labels[n:n + 1], until=1e-13)
        for state, end, there in zip(states, seen[-1], alone):
            np.testing.assert_allclose(state[n:n + 1], there, atol=1e-8)
            assert np.array_equal(state, end)


@pytest.mark.parametrize("case", [cases.dense(), cases.dense(loss="cross-entropy"), cases.image()])
def test_settling_changes_no_argument_and_no_memory(case):
    net, x, labels = case
    found = settling_chain(net)
    states = random_states(found, len(x), rng_of())
    before = frozen([net, x, labels, states])
    out, _ = settle(found, x, states, steps=2, beta=0.1, targets=labels)
    assert frozen([net, x, labels, states]) == before
    assert not any(np.shares_memory(a, b) for a in out for b in [*states, x])


def test_it_stops_once_it_rests_and_tells_who_watches():
    net, x, _ = cases.dense()
    seen = []
    found, states = cases.settled(net, x)
    _, residual = settle(found, x, found.rest(len(x)), steps=5000, until=1e-6, watch=seen.append)
    assert 1 < len(seen) < 5000 and residual <= 1e-6
    before_last, last = [max(np.abs(a - b).max() for a, b in zip(*pair)) for pair in zip(seen[-2:], seen[-3:-1])]
    assert last == residual and before_last > 1e-6


def test_a_nudge_lowers_the_loss_and_a_negative_one_raises_it():
    net, x, labels = cases.dense(loss="cross-entropy")
    found, free = cases.settled(net, x)

    def loss(beta):
        return net.loss(answer(found, settle(found, x, free, steps=50, beta=beta, targets=labels)[0][-1]), labels)

    assert loss(0.1) < loss(0.0) < loss(-0.1)


def test_at_a_loss_of_zero_gradient_a_nudge_moves_nothing():
    net, x, _ = cases.dense()
    found, free = cases.settled(net, x)
    targets = free[-1].copy()
    assert not np.any(top_error(found, free[-1], targets))
    exact, _ = settle(found, x, free, steps=1, sweep="synchronous")
    nudged, _ = settle(found, x, free, steps=1, beta=0.7, targets=targets, sweep="synchronous")
    assert frozen(nudged) == frozen(exact)


# ------------------------------------------------------------------------------------------------------- refusals

@pytest.mark.parametrize(("phase", "beta", "layer"), [("free", 0.0, "fc1"), ("nudged", 0.2, "fc1")])
def test_a_phase_that_is_no_longer_finite_names_step_and_layer(phase, beta, layer):
    net, x, labels = cases.dense()
    net.parameters()[f"{layer}.weight"][0, 0] = np.nan
    found = settling_chain(net)
    with pytest.raises(FloatingPointError, match=f"the {phase} phase is no longer finite at step 1, layer {layer}"):
        settle(found, x, found.rest(len(x)), steps=3, beta=beta, targets=labels)


def test_nan_in_a_higher_layer_is_seen_when_it_arises():
    """max(0.1, nan) is 0.1: the largest of the layers' moves must not be taken so."""
    net, x, labels = cases.dense(loss="cross-entropy")
    net.parameters()["fc3.weight"][...] = np.nan
    found = settling_chain(net)
    states, _ = settle(found, x, found.rest(len(x)), steps=3)
    with pytest.raises(FloatingPointError, match="nudged phase is no longer finite at step 1, layer fc2"):
        settle(found, x, states, steps=3, beta=0.5, targets=labels)


def test_a_linear_top_that_runs_away_is_named_without_a_warning():
    net, x, labels = cases.dense()
    found = settling_chain(net)
    with pytest.raises(FloatingPointError, match="nudged phase is no longer finite at step [0-9]+, layer fc3"):
        settle(found, x, found.rest(len(x)), steps=2000, beta=-4.0, targets=labels)


def test_float32_settles_in_float32():
    for net, x, labels in (cases.dense(loss="cross-entropy"), cases.dense(), cases.image("average")):
        net.astype(np.float32)
        found = settling_chain(net)
        states, _ = settle(found, x.astype(np.float32), found.rest(len(x)), steps=2, beta=0.5, targets=labels,
                           damping=0.5)
        assert all(state.dtype == np.float32 for state in states)
        assert all(g.dtype == np.float32 for g in primitive_gradients(found, x.astype(np.float32), states).values())
