"""The two exact gradients: central differences, and each other."""

import dataclasses

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from feedbackalign.alignment import relative_distance
from feedbackalign.networks import mlp
from feedbackalign.rules.information.corinfomax import CorInfoMax
from feedbackalign.rules.information.dynamics import at_rest, settle
from feedbackalign.rules.information.exact_gradients import implicit_gradients, settle_exactly, unrolled_gradients
from feedbackalign.rules.information.feasible_sets import SETS, WITH_DUAL
from feedbackalign.rules.information.truths import settling_rule
from tests.rules.information.cases import clear
from tests.strategies import generators


def loss_after(rule, x, labels, sweeps):
    """Mean ½ ‖r_K − y‖² at the end of a free phase of so many sweeps."""
    populations = rule.populations()
    activities, _ = settle(rule.neurons, populations, x, at_rest(populations, len(x)), sweeps=sweeps)
    return 0.5 * ((activities[-1].rates - rule.wanted(labels, len(x))) ** 2).sum() / len(x)


def differences(rule, x, labels, sweeps, h):
    """Central differences of that loss: {"fc1.weight": array, …}."""
    found = {}
    for name, array in rule.network.parameters().items():
        found[name] = np.zeros_like(array)
        for place in np.ndindex(array.shape):
            held = array[place]
            ends = []
            for move in (h, -h):
                array[place] = held + move
                ends.append(loss_after(rule, x, labels, sweeps))
            array[place] = held
            found[name][place] = (ends[0] - ends[1]) / (2 * h)
    return found


def named(rule, gradients):
    return {f"{layer.name}.{key}": array for layer, of_layer in zip(rule.layers, gradients)
            for key, array in of_layer.items()}


@pytest.mark.parametrize("sets", ["antisparse", "signed-antisparse"])
@pytest.mark.parametrize("sizes", [(2, 3, 2), (2, 3, 3, 2)])
def test_the_implicit_gradient_equals_central_differences(sets, sizes):
    rule, x, labels = clear(np.random.default_rng(1), sizes=sizes, sets=sets, output_leak=0.6)
    name, exact = next(iter(rule.references(x[:3], labels[:3]).items()))
    assert name == "implicit" and exact.keys() == rule.network.parameters().keys()
    assert relative_distance(exact, differences(rule, x[:3], labels[:3], 120, 1e-5)) < 1e-6


@pytest.mark.parametrize("sets", SETS)
@pytest.mark.parametrize("step_rule", ["constant", "slow"])
def test_the_unrolled_gradient_equals_central_differences(sets, step_rule):
    """Short phases and a quick dual, which comes to lie above zero."""
    rule, x, labels = settling_rule(CorInfoMax, np.random.default_rng(3), sizes=(3, 5, 4, 3), samples=4, sets=sets,
                                    dual_rates=0.2, step_rule=step_rule, slow_by=0.3, step_size=0.06)
    if sets in WITH_DUAL:                                                       # Σ|r| above 1, both signs
        rule.network.layer("fc1").weight[...] += [[1], [1], [1], [1], [-2]]
    exact = named(rule, unrolled_gradients(rule.neurons, rule.populations(), x, rule.wanted(labels, len(x)), 12))
    assert relative_distance(exact, differences(rule, x, labels, 12, 1e-6)) < 1e-6
    assert max(np.abs(array).max() for array in exact.values()) > 1e-3
    if sets in WITH_DUAL:
        activities, _ = settle(rule.neurons, rule.populations(), x, at_rest(rule.populations(), len(x)), sweeps=12)
        assert any((layer.dual > 0).any() for layer in activities)


@given(generators(), st.sampled_from(["antisparse", "signed-antisparse"]))
def test_back_through_more_and_more_sweeps_is_the_implicit_gradient(rng, sets):
    rule, x, labels = clear(rng, sizes=(4, 5, 3), sets=sets)
    wanted, populations = rule.wanted(labels, len(x)), rule.populations()
    activities, residual = settle_exactly(rule.neurons, populations, x)
    exact, remainder = implicit_gradients(rule.neurons, populations, x, activities, activities[-1].rates - wanted)
    assert max(residual, remainder) < 1e-12
    slower = dataclasses.replace(rule.neurons, step_size=rule.neurons.step_size / 2)
    distances = [relative_distance(named(rule, unrolled_gradients(slower, populations, x, wanted, sweeps)),
                                   named(rule, exact)) for sweeps in (10, 40, 200)]
    assume(max(distances) > 0)                          # all units may rest at a bound, where nothing is to be unrolled
    assert distances[0] > 10 * distances[1] > 100 * distances[2] and distances[2] < 1e-10


def test_a_network_that_does_not_settle_has_no_implicit_reference():
    network = mlp([1, 1, 1], activation="hard-sigmoid", loss="squared-error", rng=np.random.default_rng(0))
    rule = CorInfoMax(network, rng=np.random.default_rng(1))
    arrays = {"fc1.weight": 6, "fc2.weight": 20, "fc2.bias": -9, "fc2.Wb": -10}         # up, up, down, down, …
    for name, array in (network.parameters() | rule.parameters()).items():
        array[...] = arrays.get(name, 0)
    x, labels = np.ones((1, 1)), np.array([0])
    assert list(rule.references(x, labels)) == ["implicit (not settled)", "backprop"]
    assert [row["residual"] > 1e-3 for row in rule.trace(x, labels)][-2:] == [True, True]
