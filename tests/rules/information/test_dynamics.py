"""Neurons that settle: fixed points by other means, and what a phase must not do."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedbackalign.rules.information.corinfomax import CorInfoMax
from feedbackalign.rules.information.dynamics import Neurons, at_rest, settle
from feedbackalign.rules.information.truths import settling_rule
from tests.rules.information.cases import X, golden
from tests.strategies import generators


def settled(rule, x, sweeps=400, **neurons):
    """Rates of every layer at the end of a long free phase."""
    populations = rule.populations()
    activities, residual = settle(dataclasses.replace(rule.neurons, **neurons), populations, x,
                                  at_rest(populations, len(x)), sweeps=sweeps, until=1e-15)
    return [layer.rates for layer in activities], [layer.voltages for layer in activities], residual


def test_the_fixed_point_of_the_case_by_hand():
    rates, _, residual = settled(golden(), X, sweeps=5000)
    assert residual < 1e-15
    np.testing.assert_allclose(rates[0].T, [[0.306477709271, 0.069921448501], [0, 0.216730669354]], atol=1e-11)
    np.testing.assert_allclose(rates[1].T, [[0.160133491056, 0.017644384704], [0, 0.119902616543]], atol=1e-11)


@given(generators())
def test_scaled_networks_settle_within_a_hundred_sweeps(rng):
    rule, x, _ = settling_rule(CorInfoMax, rng)
    assert settled(rule, x, sweeps=100)[2] < 1e-13


@given(generators(), st.sampled_from(["antisparse", "signed-antisparse"]), st.sampled_from([0.0, 0.1, 2.0]),
       st.sampled_from([1.0, 0.5]))
def test_the_fixed_point_knows_neither_step_nor_leak(rng, sets, leak, share):
    rule, x, _ = settling_rule(CorInfoMax, rng, sets=sets)
    ours = settled(rule, x, leak=leak, step_size=share / (leak + 2 / 0.15))[0]
    assert max(np.abs(a - b).max() for a, b in zip(ours, settled(rule, x)[0])) < 1e-10


@given(generators())
def test_at_the_fixed_point_the_field_points_out_of_the_box(rng):
    """Inside no force is left, at 0 it points down, at 1 up: the field with u = r."""
    rule, x, _ = settling_rule(CorInfoMax, rng)
    rule.network.layer("fc2").bias[...] += rng.normal(size=6)                   # some units at 0, some at 1
    rates, _, _ = settled(rule, x)
    for k, (population, r) in enumerate(zip(rule.populations(), rates)):
        below = x if k == 0 else rates[k - 1]
        field = (below @ population.forward.T + population.bias - r) / 0.15 + population.beside(r, rule.neurons)
        field -= rule.neurons.leak * r
        field += -r if population.is_top else (rates[k + 1] @ population.backward - r) / 0.15
        inside = (r > 0) & (r < 1)
        assert np.abs(field[inside]).max(initial=0) < 1e-10
        assert field[r == 0].max(initial=-1) <= 1e-10 and field[r == 1].min(initial=1) >= -1e-10


@given(generators())
def test_inside_the_box_the_fixed_point_solves_a_linear_system(rng):
    """One hidden layer, signed rates that nothing clips."""
    rule, x, _ = settling_rule(CorInfoMax, rng, sizes=(4, 5, 3), bias=False, sets="signed-antisparse")
    x, (low, top), epsilon, gamma = 0.1 * x, rule.populations(), 0.15, rule.neurons.gamma
    above_left = (2 / epsilon) * np.eye(5) - 2 * gamma * low.lateral
    below_right = (1 / epsilon + 1) * np.eye(3) - gamma * top.lateral
    system = np.block([[above_left, -low.backward.T / epsilon], [-top.forward / epsilon, below_right]])
    drive = np.concatenate([x @ low.forward.T / epsilon, np.zeros((len(x), 3))], axis=1)
    exact = np.linalg.solve(system, drive.T).T
    assert np.abs(exact).max() < 1
    np.testing.assert_allclose(np.concatenate(settled(rule, x)[0], axis=1), exact, atol=1e-10)


@given(generators())
def test_without_lateral_weights_rates_are_means_of_their_predictions(rng):
    rule, x, _ = settling_rule(CorInfoMax, rng, bias=False, lateral="none", sets="signed-antisparse")
    x = 0.1 * x
    rates, _, _ = settled(rule, x)
    populations = rule.populations()
    for k, (population, r) in enumerate(zip(populations, rates)):
        v = population.basal(x if k == 0 else rates[k - 1])
        expected = v / 1.15 if population.is_top else (v + population.apical(rates[k + 1])) / 2
        np.testing.assert_allclose(r, expected, atol=1e-12)


@given(generators(), st.sampled_from(["antisparse", "sparse"]))
def test_samples_do_not_meet(rng, sets):
    rule, x, _ = settling_rule(CorInfoMax, rng, sets=sets, dual_rates=0.05)
    together = settled(rule, x, sweeps=30)[0]
    for n in range(len(x)):
        alone = settled(rule, x[n:n + 1], sweeps=30)[0]
        assert max(np.abs(a[n] - b[0]).max() for a, b in zip(together, alone)) < 1e-12


@given(generators(), st.floats(0.01, 0.2))
def test_rates_stay_in_the_box_whatever_the_step(rng, eta):
    rule, x, labels = settling_rule(CorInfoMax, rng, step_size=eta, free_steps=20, nudged_steps=20)
    rule.gradients(x, labels)
    for rates, dual in [*rule.free.values(), *rule.nudged.values()]:
        assert rates.min() >= 0 and rates.max() <= 1 and dual is None


def test_steps_by_their_rules():
    made = {"step_size": 0.1, "slow_by": 0.5, "smallest_step": 0.04}
    for rule, steps in (("constant", [0.1, 0.1, 0.1]), ("slow", [0.1, 0.1 / 1.5, 0.05]), ("loop", [0.1, 0.05, 0.04])):
        assert [Neurons(step_rule=rule, **made).step(t) for t in range(3)] == pytest.approx(steps)


def test_a_phase_stops_at_the_residual_that_is_asked_for():
    rule, seen = golden(), []
    populations = rule.populations()
    _, residual = settle(rule.neurons, populations, X, at_rest(populations, 2), sweeps=5000, until=1e-6,
                         watch=lambda sweep, k, now: seen.append((sweep, k)))
    assert 0 < residual <= 1e-6 and seen[:3] == [(0, 0), (0, 1), (1, 0)] and seen[-1][0] < 100


def test_a_phase_that_runs_away_is_named():
    rule = golden(sets="sparse", step_size=5.0, free_steps=2000)
    with pytest.raises(FloatingPointError, match=r"the free phase is no longer finite at sweep \d+, layer fc\d"):
        rule.predict(X)


@pytest.mark.parametrize("constants, says", [
    ({"leak": -1}, "leak: expected a finite number in"), ({"epsilon": 0}, "epsilon: expected a finite number in"),
    ({"forgetting": 1}, "forgetting: expected"), ({"forgetting": 0}, "forgetting: expected"),
    ({"output_leak": -0.1}, "output_leak: expected"), ({"step_size": 0}, "step_size: expected"),
    ({"step_rule": "fast"}, "unknown step_rule 'fast'"), ({"slow_by": -1}, "slow_by"), ({"smallest_step": 0}, "small")])
def test_constants_out_of_their_range_are_refused(constants, says):
    with pytest.raises(ValueError, match=says):
        Neurons(**constants)
