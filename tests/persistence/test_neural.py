"""Neural persistence of layers and networks: exact values, and what changes them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedbackalign.persistence import mst_weights, network_persistence, neural_persistence
from tests.persistence.cases import chains, matrices, persistence_by_hand

A = np.array([[0.9, -0.1, 0.3], [-0.5, 0.7, 0.2]]).T                    # goldens are (in, out)
degenerate = pytest.mark.filterwarnings("ignore:.*(weights are|one unit on a side)")


def agrees_with_the_golden(persistence):
    for options, value in [({"normalised": False}, 0.8314794192830982), ({}, 0.4157397096415491),
                           ({"essential": True}, 0.6502611061510903)]:
        assert abs(persistence(A, **options) - value) < 1e-15


def test_golden_persistence():
    agrees_with_the_golden(neural_persistence)


@degenerate
@given(st.integers(1, 6), st.integers(1, 6), st.sampled_from([0.1, -3.0, 1e-200]))
def test_a_constant_layer(out, inputs, value):
    W = np.full((out, inputs), value)
    assert neural_persistence(W) == 0
    assert abs(neural_persistence(W, essential=True) - 1 / np.sqrt(out + inputs - 1)) < 1e-15


@degenerate
@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 5), st.integers(0, 5))
def test_a_single_weight(out, inputs, row, column):
    W = np.zeros((out, inputs))
    W[row % out, column % inputs] = -0.7
    N = out + inputs
    assert abs(neural_persistence(W) - np.sqrt((N - 2) / (N - 1))) < 1e-15


@degenerate
@given(matrices())
def test_no_bit_depends_on_order_sides_signs_or_powers_of_two(case):
    W, rng = case
    found = neural_persistence(W)
    for same in (W[rng.permutation(len(W))], W[:, rng.permutation(len(W.T))], W.T,
                 W * rng.choice([-1.0, 1.0], size=W.shape), 8.0 * W, W / 1024.0):
        assert neural_persistence(same) == found
    assert abs(neural_persistence(0.3 * W) - found) < 1e-13


@degenerate
@given(matrices(), st.sampled_from([1, 2, 3.5]))
def test_it_is_the_norm_of_what_is_left_of_the_tree(case, p):
    W, _ = case
    largest = np.abs(W).max()
    deaths = mst_weights(W) / largest if largest else np.zeros(sum(W.shape) - 1)
    found = neural_persistence(W, p)
    assert abs(found - persistence_by_hand(deaths, p)) < 1e-14 and 0 <= found <= 1
    if p == 1:
        assert abs(found - (1 - deaths.mean())) < 1e-14
    halved = neural_persistence(W, p, maximum=2 * largest)
    assert abs(halved - persistence_by_hand(deaths / 2, p)) < 1e-14


@degenerate
@given(matrices())
def test_a_stronger_weight_never_raises_it(case):
    W, rng = case
    found, strengths = neural_persistence(W), np.abs(W)
    row, column = rng.integers(len(W)), rng.integers(len(W.T))
    if strengths[row, column] < strengths.max():
        W[row, column] += np.copysign(rng.random() * (strengths.max() - strengths[row, column]), W[row, column])
        assert neural_persistence(W) <= found


# --------------------------------------------------------------------------------------------------------- networks

def divides_by_the_largest_of_the_network(persistence, weights):
    largest = max(np.abs(W).max() for W in weights)
    mean, layers = persistence(weights)
    expected = [persistence_by_hand(mst_weights(W) / largest) for W in weights]
    np.testing.assert_allclose(layers, expected, rtol=0, atol=1e-14)
    assert abs(mean - np.mean(expected)) < 1e-14 and isinstance(layers, np.ndarray)


@given(chains())
def test_a_network_is_the_mean_over_layers_and_has_one_maximum(case):
    divides_by_the_largest_of_the_network(network_persistence, case[0])


def test_golden_network():
    mean, _ = network_persistence([W1, W2])
    assert abs(mean - 0.4505396347961397) < 1e-15
    divides_by_the_largest_of_the_network(network_persistence, [W1, W2])


W1, W2 = np.array([[1, -2, 0.5], [0.3, 0.8, -1.2]]).T, np.array([[0.4, -1.5], [2, 0.1], [-0.6, 0.9]]).T


def maximum_per_layer(weights):
    layers = np.array([neural_persistence(W) for W in weights])
    return layers.mean(), layers


def sum_of_layers(weights):
    mean, layers = network_persistence(weights)
    return mean * len(layers), layers


@pytest.mark.parametrize("wrong", [maximum_per_layer, sum_of_layers])
def test_wrong_networks_are_rejected(wrong):
    with pytest.raises(AssertionError):
        divides_by_the_largest_of_the_network(wrong, [W1, 0.3 * W2])


def wrong_persistence(deaths_of, divisor=len):
    def persistence(W, normalised=True, essential=False):
        lives = 1 - deaths_of(W)
        return ((lives**2).sum() + essential)**0.5 / (divisor(lives)**0.5 if normalised else 1)
    return persistence


@pytest.mark.parametrize("wrong", [
    wrong_persistence(lambda W: mst_weights(W)),                                        # not divided by the maximum
    wrong_persistence(lambda W: (mst_weights(W) / np.abs(W).max())[:-1]),               # the last edge dropped
    wrong_persistence(lambda W: mst_weights(W) / np.abs(W).max(), lambda lives: len(lives) + 1),    # N for N − 1
    lambda W, **options: neural_persistence(W, essential=True, normalised=options.get("normalised", True)),
], ids=["not divided", "last edge dropped", "divided by N", "essential point counted"])
def test_wrong_persistence_is_rejected(wrong):
    right = wrong_persistence(lambda W: mst_weights(W) / np.abs(W).max())
    agrees_with_the_golden(right)
    with pytest.raises(AssertionError):
        agrees_with_the_golden(wrong)


# ---------------------------------------------------------------------------------------------- degenerate and wrong

@pytest.mark.parametrize(("W", "value", "words"), [
    (np.zeros((3, 4)), 1.0, "W: all weights are 0"), (np.full((3, 4), -0.2), 0.0, "W: all weights are equally strong"),
    (np.array([[1.0, 0.5]]), 0.5**1.5, "W: one unit on a side"), (np.array([[1.0], [0.5]]), 0.5**1.5, "one unit")])
@pytest.mark.filterwarnings("ignore:weights.0.")
def test_degenerate_layers_warn_and_have_values(W, value, words):
    with pytest.warns(UserWarning, match=words) as told:
        found = neural_persistence(W)
    assert abs(found - value) < 1e-15 and len(told) == 1
    assert told[0].filename == __file__
    with pytest.warns(UserWarning, match=words.replace("W:", r"weights\[1\]:")):
        mean, layers = network_persistence([np.abs(W).max() * np.eye(2), W])
    assert layers[1] == found and np.isfinite(mean)


def test_bad_arguments_are_refused():
    W = np.eye(2)
    for bad, complaint in [({"p": 0.5}, "p: expected a finite number"), ({"p": np.inf}, "p: expected"),
                           ({"maximum": 0.9}, r"maximum: expected a finite number in \[1, inf\)"),
                           ({"maximum": np.nan}, "maximum: expected")]:
        with pytest.raises(ValueError, match=complaint):
            neural_persistence(W, **bad)
        with pytest.raises(ValueError, match=complaint):
            network_persistence([W], **bad)
    for option in ("normalised", "essential"):
        with pytest.raises(TypeError, match=f"{option}: expected True or False"):
            neural_persistence(W, **{option: 1})
    for weights in ([], {"fc1": W}, W, iter([W])):
        with pytest.raises(ValueError, match="weights: expected a list of matrices"):
            network_persistence(weights)
    with pytest.raises(ValueError, match=r"weights\[1\]: expected finite numbers, got nan"):
        network_persistence([W, np.full((2, 2), np.nan)])
