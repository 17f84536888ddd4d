"""The controller in time against a loop over samples and units, its steady states, its costs, and what is refused."""

import itertools
import tracemalloc

import numpy as np
import pytest
from hypothesis import given

from feedbackalign.layers import Linear
from feedbackalign.networks.jacobians import dense_chain, forward
from feedbackalign.ops import activations
from feedbackalign.rules.control.diagnostics import growth_rates
from feedbackalign.rules.control.dynamics import (Controller, Noise, UnstableControllerError, fixed_point,
                                                  linear_control, run, settle, steady_state)
from feedbackalign.rules.control.feedback import drawn_feedback
from feedbackalign.rules.control.truths import spanning_feedback
from tests.rules.control.cases import joined, network
from tests.strategies import SMOOTH, dense_networks_with_batch

FLAGS = list(itertools.product([True, False], [True, False], [0.0, 1.5], ["integral", "total"]))


def by_hand(net, x, target, Q, controller, steps, unit):
    """One sample, one unit after the other, in plain loops: -> (u, v, v_ff) of every step."""
    layers = net.weighted_layers()
    W, b = [layer.weight for layer in layers], [layer.bias for layer in layers]
    phi = [getattr(activations, unit)] * (len(W) - 1) + [activations.identity]
    r, v = [x], []
    for i in range(len(W)):
        v.append(W[i] @ r[-1] + b[i])
        r.append(phi[i](v[-1]))
    u, u_int, seen = np.zeros(len(target)), np.zeros(len(target)), []
    for _ in range(steps):
        error, before = target - r[-1], u.copy()
        u_int = u_int + controller.dt * (error - controller.alpha * (u_int if controller.leak == "integral" else u))
        u = u_int + controller.k_p * error
        acting = u if controller.proactive else before
        v_ff = [None] * len(W)
        for i in range(len(W)) if controller.instantaneous else reversed(range(len(W))):
            v_ff[i] = W[i] @ r[i] + b[i]
            v[i] = v[i] + controller.dt / controller.tau * (-v[i] + v_ff[i] + Q[i] @ acting)
            r[i + 1] = phi[i](v[i])
        seen.append((u.copy(), [a.copy() for a in v], v_ff))
    return seen


@pytest.mark.parametrize(("proactive", "instantaneous", "k_p", "leak"), FLAGS)
def test_it_is_the_scheme_written_in_loops(proactive, instantaneous, k_p, leak):
    rng = np.random.default_rng(3)
    net, stages, seen = network(rng, (4, 6, 5, 3), samples=2)
    Q, target = drawn_feedback(stages, rng), seen.output + rng.normal(size=seen.output.shape)
    controller = Controller(alpha=0.1, k_p=k_p, dt=0.03, tau=0.2, leak=leak, proactive=proactive,
                            instantaneous=instantaneous)
    theirs = [by_hand(net, seen.post[0][n], target[n], Q, controller, 60, "tanh") for n in range(2)]
    for state in run(stages, seen, target, Q, controller, steps=60):
        for n in range(2):
            u, v, v_ff = theirs[n][state.step - 1]
            np.testing.assert_allclose(state.u[n], u, rtol=1e-12, atol=1e-13)
            for ours, exact in zip([*state.v, *state.v_ff], [*v, *v_ff]):
                np.testing.assert_allclose(ours[n], exact, rtol=1e-12, atol=1e-13)


@given(case=dense_networks_with_batch(activations=SMOOTH))
def test_every_sample_runs_as_if_it_were_alone(case):
    net, x, _, rng = case
    stages = dense_chain(net)
    seen = forward(stages, x)
    target, Q = seen.output + 0.1, drawn_feedback(stages, rng)
    together = settle(stages, seen, target, Q, Controller(), steps=20)
    for n in range(len(x)):
        alone = settle(stages, forward(stages, x[n:n + 1]), target[n:n + 1], Q, Controller(), steps=20)
        for ours, theirs in zip(together.v, alone.v):
            np.testing.assert_allclose(ours[n:n + 1], theirs, rtol=1e-10, atol=1e-12)


# ------------------------------------------------------------------------------------------------- where it settles

@pytest.mark.parametrize("leak", ["integral", "total"])
@pytest.mark.parametrize("k_p", [0.0, 1.5])
def test_a_linear_network_settles_where_the_solve_says(k_p, leak):
    rng = np.random.default_rng(0)
    _, stages, seen = network(rng, (6, 8, 7, 3), "identity", samples=3)
    Q, _ = spanning_feedback(stages, seen, rng)
    Q = [q + 0.05 * rng.normal(size=q.shape) for q in Q]
    delta = rng.normal(size=seen.output.shape)
    controller = Controller(alpha=0.1, k_p=k_p, dt=0.05, tau=0.2, leak=leak)
    slowest = -growth_rates(stages, seen, Q, controller).max()
    assert slowest > 0.1
    state = settle(stages, seen, seen.output + delta, Q, controller, steps=round(30 / slowest / controller.dt))
    JQ = joined(stages, seen) @ np.concatenate(Q)
    damping = 0.1 / (1 + 0.1 * k_p) if leak == "integral" else 0.1
    exact = np.stack([np.linalg.inv(JQ[n] + damping * np.eye(3)) @ delta[n] for n in range(3)])
    np.testing.assert_allclose(state.u, exact, rtol=1e-8)
    moved = np.concatenate([v - v_ff for v, v_ff in zip(state.v, state.v_ff)], axis=1)
    np.testing.assert_allclose(moved, state.u @ np.concatenate(Q).T, rtol=1e-8, atol=1e-10)
    if k_p:                                                     # the other damping is another place
        other = np.stack([np.linalg.inv(JQ[n] + (0.1 + 0.1 / 1.15 - damping) * np.eye(3)) @ delta[n] for n in range(3)])
        assert np.abs(other / state.u - 1).max() > 1e-3
    analytic = steady_state(stages, seen, delta, Q, controller.damping)
    for ours, theirs in zip([*analytic.v, *analytic.v_ff, *analytic.r], [*state.v, *state.v_ff, *state.r]):
        np.testing.assert_allclose(ours, theirs, rtol=1e-8, atol=1e-10)


def test_a_bent_network_settles_at_the_fixed_point():
    rng = np.random.default_rng(1)
    _, stages, seen = network(rng, (5, 8, 6, 3), samples=4)
    Q, delta = drawn_feedback(stages, rng), 0.3 * rng.normal(size=(4, 3))
    controller = Controller(alpha=0.1, k_p=0.5, dt=0.05, tau=0.2)
    state = settle(stages, seen, seen.output + delta, Q, controller, steps=4000)
    below = seen.post[0]
    for v, q, (layer, unit) in zip(state.v, Q, stages):
        np.testing.assert_allclose(v, below @ layer.weight.T + layer.bias + state.u @ q.T, atol=1e-12)
        below = unit.function(v)
    np.testing.assert_allclose(seen.output + delta - state.r[-1], controller.damping * state.u, atol=1e-12)
    exact = fixed_point(stages, seen, seen.output + delta, Q, controller.damping)
    np.testing.assert_allclose(state.u, exact.u, atol=1e-11)


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "softplus"])
@pytest.mark.parametrize("seed", range(5))
def test_to_first_order_is_off_by_the_square_of_the_target_step(activation, seed):
    rng = np.random.default_rng(seed)
    _, stages, seen = network(rng, (5, 8, 6, 3), activation, samples=1)
    Q, delta = drawn_feedback(stages, rng), rng.normal(size=(1, 3))
    gaps = []
    for step in (4e-3, 2e-3, 1e-3):
        exact = fixed_point(stages, seen, seen.output + step * delta, Q, 0.05, tolerance=1e-15)
        gaps.append(np.linalg.norm(steady_state(stages, seen, step * delta, Q, 0.05).u - exact.u))
    ratios = [a / b for a, b in zip(gaps, gaps[1:])]
    assert all(3.8 <= ratio <= 4.2 for ratio in ratios), ratios


def test_what_the_pushes_sum_to():
    """Σ (v − v_ff) = Σ Q u − (τ/dt − 1) (v(T) − v(0)): only transients tell the mean push from the feedback."""
    rng = np.random.default_rng(2)
    _, stages, seen = network(rng, (5, 8, 6, 3), samples=4)
    Q, target = drawn_feedback(stages, rng), seen.output + rng.normal(size=(4, 3))
    controller, pushed, fed, ends = Controller(dt=0.03, tau=0.2), 0.0, 0.0, None
    for state in run(stages, seen, target, Q, controller, steps=150):
        pushed = pushed + np.concatenate([v - v_ff for v, v_ff in zip(state.v, state.v_ff)], axis=1)
        fed = fed + state.u @ np.concatenate(Q).T
        ends = np.concatenate(state.v, axis=1)
    moved = ends - np.concatenate(seen.pre, axis=1)
    np.testing.assert_allclose(pushed, fed - (0.2 / 0.03 - 1) * moved, rtol=1e-12, atol=1e-12)


def test_without_an_error_nothing_ever_moves():
    rng = np.random.default_rng(2)
    _, stages, seen = network(rng, (5, 8, 6, 3), samples=4)
    for state in run(stages, seen, seen.output, drawn_feedback(stages, rng), Controller(), steps=50):
        assert np.abs(state.u).max() <= 1e-14
        assert max(np.abs(v - v_ff).max() for v, v_ff in zip(state.v, state.v_ff)) <= 1e-14


# ------------------------------------------------------------------------------------------------------------ costs

@pytest.mark.parametrize("samples", [1, 40])
def test_one_product_per_layer_and_step_serves_the_whole_batch(samples, monkeypatch):
    rng, calls = np.random.default_rng(0), []
    _, stages, seen = network(rng, (5, 8, 6, 3), samples=samples)
    respond = Linear.respond
    monkeypatch.setattr(Linear, "respond", lambda self, x, weights=None: calls.append(x.shape) or respond(self, x))
    settle(stages, seen, seen.output, drawn_feedback(stages, rng), Controller(), steps=7)
    assert calls == 7 * [(samples, 8), (samples, 6)]            # the lowest layer's input stands still


def test_all_samples_are_solved_in_one_call(monkeypatch):
    rng, calls = np.random.default_rng(0), []
    _, stages, seen = network(rng, (5, 8, 6, 3), samples=40)
    solve = np.linalg.solve
    monkeypatch.setattr(np.linalg, "solve", lambda a, b: calls.append((a.shape, b.shape)) or solve(a, b))
    steady_state(stages, seen, np.ones((40, 3)), drawn_feedback(stages, rng), 0.1)
    assert calls == [((40, 3, 3), (40, 3, 1))]


def test_memory_does_not_grow_with_the_steps():
    rng = np.random.default_rng(0)
    _, stages, seen = network(rng, (20, 30, 30, 5), samples=50)
    Q, peaks = drawn_feedback(stages, rng), []
    for steps in (10, 10, 400):
        tracemalloc.start()
        settle(stages, seen, seen.output + 0.1, Q, Controller(), steps=steps)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[2] < 1.1 * peaks[1]


# -------------------------------------------------------------------------------------------------------- bad input

@pytest.mark.parametrize(("constants", "says"), [
    ({"dt": 0.3, "tau": 0.2}, "dt: expected a step no longer than the time constant tau = 0.2, got 0.3"),
    ({"alpha": -0.1}, "alpha: expected a finite number in"),
    ({"k_p": -1.0}, "k_p: expected"),
    ({"dt": 0.0}, "dt: expected"),
    ({"tau": 0.0}, "tau: expected"),
    ({"alpha": np.nan}, "alpha: expected"),
    ({"leak": "integrals"}, "unknown leak 'integrals': did you mean 'integral'"),
])
def test_bad_constants_are_refused(constants, says):
    with pytest.raises(ValueError, match=says):
        Controller(**constants)


def test_a_singular_loop_is_refused_naming_the_sample():
    rng = np.random.default_rng(0)
    _, stages, seen = network(rng, (5, 8, 3), samples=4)
    Q = drawn_feedback(stages, rng)
    dead = [q * np.array([1.0, 1.0, 0.0]) for q in Q]           # no control reaches anything by its third unit
    with pytest.raises(ValueError, match=r"J Q \+ 0 I is singular at sample \d .*Make alpha larger"):
        linear_control(stages, seen, np.ones((4, 3)), dead, 0.0)
    for _ in range(20):                                         # of rank two, but for rounding
        mixed = rng.normal(size=(3, 2)) @ rng.normal(size=(2, 3))
        with pytest.raises(ValueError, match="is singular at sample"):
            linear_control(stages, seen, rng.normal(size=(4, 3)), [q @ mixed for q in Q], 0.0)
    assert np.isfinite(linear_control(stages, seen, np.ones((4, 3)), dead, 0.1)).all()


def test_numbers_that_are_not_finite_stay_to_be_seen():
    rng = np.random.default_rng(0)
    _, stages, seen = network(rng, (5, 8, 3), samples=2)
    assert np.isnan(linear_control(stages, seen, np.full((2, 3), np.nan), drawn_feedback(stages, rng), 0.1)).all()


def test_a_steady_state_that_is_not_found_is_reported():
    rng = np.random.default_rng(0)
    _, stages, seen = network(rng, (5, 8, 3), samples=1)
    with pytest.raises(UnstableControllerError, match="not found in 2 rounds: .*Make the target step smaller"):
        fixed_point(stages, seen, seen.output + 1.0, drawn_feedback(stages, rng), 0.01, longest=2)


@pytest.mark.parametrize("steps", [0, -1, 1.5, True])
def test_a_number_of_steps_that_is_none_is_refused(steps):
    rng = np.random.default_rng(0)
    _, stages, seen = network(rng, (5, 8, 3))
    with pytest.raises((ValueError, TypeError), match="steps: expected an integer of at least 1"):
        next(run(stages, seen, seen.output, drawn_feedback(stages, rng), Controller(), steps=steps))


def test_noise_comes_from_its_own_stream_in_the_networks_precision():
    rng = np.random.default_rng(0)
    compartments = np.zeros((1000, 200), dtype=np.float32)
    Noise(rng, sigma=0.3, tau=0.2).move(compartments, np.ones_like(compartments), 0.05)
    assert compartments.dtype == np.float32
    assert compartments.mean() == pytest.approx(0.05 / 0.2, abs=0.005)
    assert compartments.std() == pytest.approx(0.3 * 0.05**0.5 / 0.2, rel=0.01)

