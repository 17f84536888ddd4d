"""The references agree with slower ways to the same numbers, and the nudged phase retraces them step by step."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings

from feedbackalign.check.gradients import numerical_gradient
from feedbackalign.networks.chains import settling_chain
from feedbackalign.rules.equilibrium import exact_gradients
from feedbackalign.rules.equilibrium.dynamics import (answer, from_below, preactivation, primitive_gradients,
                                                      settle, top_error)
from feedbackalign.rules.equilibrium.exact_gradients import (error_series, implicit_gradients, recurrent_matrix,
                                                             sent_back, settle_exactly, slopes, truncated_gradients)
from tests.rules.equilibrium import cases

IMAGES = [("max", "cross-entropy"), ("average", "cross-entropy"), ("softmax", "cross-entropy"),
          ("none", "squared-error")]


def settled_loss(net, x, labels, start=None, feedback=None, readout=True):
    found = settling_chain(net, readout=readout)
    states = found.rest(len(x)) if start is None else start
    states, residual = settle(found, x, states, steps=3000, until=1e-15, feedback=feedback)
    assert residual <= 1e-12
    return net.loss(answer(found, states[-1]), labels)


# ------------------------------------------------------------------------------------------ against other ways

@pytest.mark.parametrize("loss", ["squared-error", "cross-entropy"])
@pytest.mark.parametrize("unit", cases.SMOOTH_UNITS)
def test_the_implicit_gradient_is_that_of_the_settled_loss(unit, loss):
    net, x, labels = cases.dense((4, 5, 4, 3), unit=unit, loss=loss, N=3)
    assert_implicit_is_numerical(net, x, labels, 1e-7)


@pytest.mark.parametrize(("pool", "loss"), IMAGES)
def test_the_same_with_convolutions_and_pooling(pool, loss):
    net, x, labels = cases.image(pool, loss=loss, N=2)
    assert_implicit_is_numerical(net, x, labels, 1e-6, entries=4)


@pytest.mark.parametrize("sizes", [(4, 5, 4, 3), (4, 3)])
def test_the_same_with_linear_outputs_that_settle_under_cross_entropy(sizes):
    net, x, labels = cases.dense(sizes, unit="tanh", loss="cross-entropy", N=3)
    assert_implicit_is_numerical(net, x, labels, 1e-7, readout=False)


def assert_implicit_is_numerical(net, x, labels, tolerance, entries=10, readout=True):
    found, states = cases.settled(net, x, readout=readout)
    exact, remainder = implicit_gradients(found, x, states, labels)
    assert remainder <= 1e-12 and exact.keys() == net.parameters().keys()
    rng = np.random.default_rng(0)
    for name, parameter in net.parameters().items():
        some = rng.choice(parameter.size, size=min(entries, parameter.size), replace=False)
        numerical = numerical_gradient(lambda _: settled_loss(net, x, labels, states, readout=readout), parameter,
                                       some)
        np.testing.assert_allclose(exact[name].ravel()[some], numerical, rtol=tolerance * 10, atol=tolerance)


def test_untied_the_forward_and_the_feedback_use_come_apart():
    net, x, labels = cases.dense((4, 5, 4, 3), unit="tanh", loss="squared-error", N=3)
    rng = np.random.default_rng(5)
    B = {name: rng.uniform(-0.4, 0.4, size=net.layer(name).weight.shape) for name in ("fc2", "fc3")}
    found, states = cases.settled(net, x, feedback=B)
    exact, _ = implicit_gradients(found, x, states, labels, B)
    arrays = net.parameters() | {f"{name}.B": array for name, array in B.items()}
    assert exact.keys() == arrays.keys()
    for name, array in arrays.items():
        numerical = numerical_gradient(lambda _: settled_loss(net, x, labels, states, B), array)
        np.testing.assert_allclose(exact[name], numerical, rtol=1e-6, atol=1e-8, err_msg=name)


@settings(max_examples=15)
@given(case=cases.dense_cases())
def test_with_b_equal_to_w_the_two_uses_add_up_to_the_tied_gradient(case):
    net, x, labels = case
    found, states = cases.settled(net, x)
    B = {stage.name: stage.layer.weight.copy() for stage in found.stages[1:]}
    tied, _ = implicit_gradients(found, x, states, labels)
    untied, _ = implicit_gradients(found, x, states, labels, B)
    for name in tied:
        total = untied[name]
        if name.endswith("weight") and name.replace("weight", "B") in untied:
            total = total + untied[name.replace("weight", "B")]
        np.testing.assert_allclose(total, tied[name], rtol=1e-10, atol=1e-13)


@settings(max_examples=15)
@given(case=cases.dense_cases())
def test_the_series_ends_at_the_linear_solve(case):
    net, x, labels = case
    found, states = cases.settled(net, x)
    solved, _ = implicit_gradients(found, x, states, labels)
    summed = truncated_gradients(found, x, states, labels, 1500)
    for name in solved:
        np.testing.assert_allclose(summed[name], solved[name], rtol=1e-9, atol=1e-12)


@settings(max_examples=10)
@given(case=cases.dense_cases())
def test_the_same_with_untied_weights(case):
    net, x, labels = case
    rng = np.random.default_rng(3)
    B = {layer.name: rng.uniform(-0.5, 0.5, size=layer.weight.shape) for layer in net.weighted_layers()[1:]}
    found, states = cases.settled(net, x, feedback=B)
    solved, _ = implicit_gradients(found, x, states, labels, B)
    summed = truncated_gradients(found, x, states, labels, 1500, B)
    assert summed.keys() == solved.keys()
    for name in solved:
        np.testing.assert_allclose(summed[name], solved[name], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("pool", ["max", "average", "softmax"])
def test_untied_convolutions_against_central_differences(pool):
    net, x, labels = cases.image(pool, N=2)
    B = {"conv2": np.random.default_rng(7).uniform(-0.2, 0.2, size=net.layer("conv2").weight.shape)}
    found, states = cases.settled(net, x, feedback=B)
    exact, _ = implicit_gradients(found, x, states, labels, B)
    arrays = net.parameters() | {"conv2.B": B["conv2"]}
    assert exact.keys() == arrays.keys()
    for name, array in arrays.items():
        some = np.random.default_rng(0).choice(array.size, size=min(4, array.size), replace=False)
        numerical = numerical_gradient(lambda _: settled_loss(net, x, labels, states, B), array, some)
        np.testing.assert_allclose(exact[name].ravel()[some], numerical, rtol=1e-5, atol=1e-7, err_msg=name)


def test_many_samples_are_solved_in_parts(monkeypatch):
    net, x, labels = cases.dense(N=6)
    found, states = cases.settled(net, x)
    at_once, _ = implicit_gradients(found, x, states, labels)
    monkeypatch.setattr("feedbackalign.rules.equilibrium.exact_gradients.AT_ONCE", 4 * 26**2)
    in_parts, _ = implicit_gradients(found, x, states, labels)
    for name in at_once:
        np.testing.assert_allclose(in_parts[name], at_once[name], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("pool", ["max", "average", "softmax", "none"])
def test_what_comes_back_is_the_adjoint_of_one_step(pool):
    """⟨δᵏ⁺¹ / σ', u⟩ = ⟨δᵏ, R u⟩ with R u by central differences of the pre-activations."""
    net, x, labels = cases.image(pool)
    found, states = cases.settled(net, x)
    rng, h = np.random.default_rng(2), 1e-6
    deltas, u = ([rng.normal(size=state.shape) for state in states] for _ in range(2))
    drive = from_below(found.stages[0], x)

    def field(shift):
        moved = [state + shift * direction for state, direction in zip(states, u)]
        return [preactivation(found, moved, n, drive, 0.0, None, None) for n in range(len(moved))]

    Ru = [(a - b) / (2 * h) for a, b in zip(field(h), field(-h))]
    ours = sum(float((back * v).sum()) for back, v in zip(sent_back(found, states, deltas), u))
    np.testing.assert_allclose(ours, sum(float((d * r).sum()) for d, r in zip(deltas, Ru)), rtol=1e-6)


def test_the_recurrent_matrix_holds_both_directions():
    net, x, _ = cases.dense((3, 4, 2, 5), N=2)
    R, places = recurrent_matrix(settling_chain(net))
    assert R.shape == (11, 11) and np.array_equal(R, R.T)
    assert np.array_equal(R[places[1], places[0]], net.layer("fc2").weight)
    assert not R[places[2], places[0]].any() and not R[places[0], places[0]].any()
    B = {"fc2": np.ones((2, 4)), "fc3": np.zeros((5, 2))}
    assert np.array_equal(recurrent_matrix(settling_chain(net), B)[0][places[0], places[1]], np.ones((4, 2)))


# --------------------------------------------------------------- the nudged phase is backpropagation, step by step

STEPS = 12


def nudged_path(net, x, labels, beta):
    """(chain, free states, [s_0 = s*, s_1, …]) of a synchronous nudged phase from a stationary state."""
    found, free = cases.settled(net, x)
    path = [free]
    settle(found, x, free, steps=STEPS, beta=beta, targets=labels, sweep="synchronous", watch=path.append)
    assert len(path) == STEPS + 1
    return found, free, path


def backprop_steps(found, x, free, labels):
    """Contribution of the weights used 0, 1, … steps before the end, {name: array} each."""
    total = [truncated_gradients(found, x, free, labels, steps) for steps in range(1, STEPS + 1)]
    names = [name for name in total[0] if found.readout is None or not name.startswith(found.readout.name)]
    sums = [{name: np.zeros_like(total[0][name]) for name in names}, *total]
    return [{name: later[name] - before[name] for name in names} for before, later in zip(sums, sums[1:])]


def worst(ours, exact):
    """Largest ‖difference‖ over largest ‖exact‖, of the arrays of one kind over all steps."""
    sizes = {name: max(float(np.abs(step[name]).max()) for step in exact) for name in exact[0]}
    return max(float(np.abs(a[name] - b[name]).max()) / sizes[name] for a, b in zip(ours, exact) for name in b)


GRADUAL = [("steep-sigmoid", 2e-4), ("tanh", 2e-4), ("sigmoid", 2e-4), ("dsilu", 2e-4)]


@pytest.mark.parametrize("loss", ["squared-error", "cross-entropy"])
@pytest.mark.parametrize(("unit", "tolerance"), GRADUAL)
def test_every_nudged_step_is_one_step_of_backprop_through_time(unit, tolerance, loss):
    """Truth 3: −(G(s_{t+1}) − G(s_t)) / β is the t-th contribution, symmetric at β = 1e-3."""
    net, x, labels = cases.dense(unit=unit, loss=loss)
    ours = {}
    for beta in (1e-3, -1e-3):
        found, free, path = nudged_path(net, x, labels, beta)
        G = [primitive_gradients(found, x, states) for states in path]
        ours[beta] = [{name: -(b[name] - a[name]) / beta for name in a} for a, b in zip(G, G[1:])]
    exact = backprop_steps(found, x, free, labels)
    symmetric = [{name: (a[name] + b[name]) / 2 for name in a} for a, b in zip(*ours.values())]
    assert worst(symmetric, exact) <= tolerance
    assert worst(ours[1e-3], exact) > worst(symmetric, exact)                   # one-sided: linear in β


@pytest.mark.parametrize("unit", ["steep-sigmoid", "tanh"])
def test_every_neuron_moves_by_its_slope_times_the_error(unit):
    """Truth 4: (s_{t+1} − s_t)/β → −σ'(v*) ∂L/∂s_{T−t}; without the slope it is far off."""
    net, x, labels = cases.dense(unit=unit)
    moves = {}
    for beta in (1e-3, -1e-3):
        found, free, path = nudged_path(net, x, labels, beta)
        moves[beta] = [[(b - a) / beta for a, b in zip(*pair)] for pair in zip(path, path[1:])]
    slope = slopes(found, x, free)
    exact = list(itertools.islice(error_series(found, x, free, labels), STEPS))
    symmetric = [[(a + b) / 2 for a, b in zip(*pair)] for pair in zip(*moves.values())]
    for n in range(len(free)):
        size = max(np.abs(deltas[n]).max() for deltas in exact)
        with_slope = max(np.abs(-move[n] - deltas[n]).max() for move, deltas in zip(symmetric, exact))
        assert with_slope / size <= 1e-4
        without = [deltas[n] / slope[n] for deltas in exact]
        largest = max(np.abs(error).max() for error in without)
        off = max(np.abs(-move[n] - error).max() for move, error in zip(symmetric, without))
        assert n == len(free) - 1 or off / largest > 0.02                       # the linear top has slope 1
    before_it_arrives = np.abs(symmetric[0][0]).max()
    assert before_it_arrives <= 1e-9                                    # a step a layer: nothing yet at the bottom


@settings(max_examples=10)
@given(case=cases.dense_cases(losses=("squared-error",)))
def test_the_steps_add_up_to_the_update(case):
    """Truth 5, first half: an identity."""
    net, x, labels = case
    beta = 0.05
    found, free, path = nudged_path(net, x, labels, beta)
    G = [primitive_gradients(found, x, states) for states in path]
    for name in G[0]:
        total = sum(-(b[name] - a[name]) / beta for a, b in zip(G, G[1:]))
        np.testing.assert_allclose(total, -(G[-1][name] - G[0][name]) / beta, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("case", [cases.dense(unit="steep-sigmoid"), cases.dense(unit="tanh"),
                                  cases.dense(unit="soft-clip"), cases.dense(loss="cross-entropy"),
                                  cases.image("max"), cases.image("average"), cases.image("softmax")],
                         ids=["steep-sigmoid", "tanh", "soft-clip", "cross-entropy", "max", "average", "softmax"])
def test_the_nudged_steps_are_the_depth_of_truncation(case):
    """Truth 5, second half: symmetric at β = 1e-4 against backpropagation through the last 12 steps."""
    net, x, labels = case
    ends = []
    for beta in (1e-4, -1e-4):
        found, free, path = nudged_path(net, x, labels, beta)
        ends.append(primitive_gradients(found, x, path[-1]))
    ours = {name: -(ends[0][name] - ends[1][name]) / 2e-4 for name in ends[0]}
    exact = truncated_gradients(found, x, free, labels, STEPS)
    assert cases.relative(ours, {name: exact[name] for name in ours}) <= 1e-6
    shorter = truncated_gradients(found, x, free, labels, STEPS - 4)
    assert cases.relative(ours, {name: shorter[name] for name in ours}) > 2e-6


# ------------------------------------------------------------------------------------------------ settling exactly

def test_samples_settle_one_by_one_and_nothing_depends_on_the_company():
    net, x, _ = cases.dense(loss="cross-entropy", N=6)
    found = settling_chain(net)
    together, residual = settle_exactly(found, x)
    assert residual <= 1e-12
    for n in range(6):
        alone, _ = settle_exactly(found, x[n:n + 1])
        for state, own in zip(together, alone):
            np.testing.assert_allclose(state[n], own[0], atol=1e-10)


@pytest.mark.parametrize("pool", ["max", "softmax"])
def test_the_series_of_a_sample_has_its_own_length(monkeypatch, pool):
    """Samples whose terms have vanished rest: the gradient of the batch is the mean of theirs, from fewer products."""
    net, x, labels = cases.image(pool, N=9)
    for layer in net.weighted_layers():
        layer.weight *= 2.0
    found, states = cases.settled(net, x)
    moved, earlier = [], exact_gradients.earlier_errors
    monkeypatch.setattr(exact_gradients, "earlier_errors", lambda chain, states, *rest: (
        moved.append(len(states[0])) or earlier(chain, states, *rest)))
    together, remainder = implicit_gradients(found, x, states, labels)
    assert remainder <= 1e-10 and moved[0] == 9 and moved[-1] <= 4
    alone = [implicit_gradients(found, x[n:n + 1], [state[n:n + 1] for state in states], labels[n:n + 1])[0]
             for n in range(9)]
    for name, gradient in together.items():
        np.testing.assert_allclose(gradient, np.mean([one[name] for one in alone], axis=0), rtol=1e-8, atol=1e-11)


def test_what_cycles_when_synchronous_is_settled_by_damped_sweeps():
    net, x, _ = cases.dense(unit="tanh", top="tanh", N=4)
    for layer in net.weighted_layers():
        layer.weight *= -6
    found = settling_chain(net)
    _, cycling = settle(found, x, found.rest(len(x)), steps=2000, sweep="synchronous")
    assert cycling > 0.1
    _, residual = settle_exactly(found, x, sweep="synchronous", longest=2000)
    assert residual <= 1e-10


def test_what_never_settles_says_so():
    net, x, labels = cases.dense((2, 2, 2), unit="tanh", top="tanh", N=2)
    for name, entries in {"fc1.weight": 0.0, "fc2.weight": [[0, 30], [30, 0]]}.items():
        net.parameters()[name][...] = entries
    turning = {"fc2": np.array([[-30.0, 0], [0, 30]])}                         # untied and turning: no rest in reach
    _, residual = settle_exactly(settling_chain(net), x, feedback=turning, longest=300)
    assert residual > 1e-2


def test_a_series_that_does_not_converge_says_so():
    net, x, labels = cases.image("average")
    found, states = cases.settled(net, x)
    _, few = implicit_gradients(found, x, states, labels, most=2)
    assert few > 1e-10
    for layer in net.weighted_layers():
        layer.weight *= 40
    _, diverging = implicit_gradients(found, x, states, labels)
    assert diverging == float("inf") or diverging <= 1e-10                     # where all units saturate it converges


def test_errors_at_the_top_start_the_series():
    net, x, labels = cases.dense()
    found, free = cases.settled(net, x)
    first = next(error_series(found, x, free, labels))
    assert not first[0].any() and not first[1].any()
    np.testing.assert_allclose(first[2], top_error(found, free[-1], labels), rtol=1e-14)    # a linear top: slope 1
