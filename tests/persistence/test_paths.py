"""Best paths through a network, and deep graph persistence."""

import itertools

import numpy as np
import pytest
from hypothesis import given

from feedbackalign.persistence import (deep_graph_persistence, maxmin, mst_weights, network_persistence,
                                       neural_persistence, summary_matrix)
from feedbackalign.persistence.paths import standardised
from tests.persistence.cases import chains, matrices

pytestmark = pytest.mark.filterwarnings("ignore:.*(weights are|one unit on a side)")
W1, W2 = np.array([[1, -2, 0.5], [0.3, 0.8, -1.2]]).T, np.array([[0.4, -1.5], [2, 0.1], [-0.6, 0.9]]).T


def path_by_path(layers):
    """Every path from input to output, each as strong as its weakest edge: [(in, out), …] -> (inputs, outputs)."""
    best = np.zeros((layers[0].shape[0], layers[-1].shape[1]))
    for path in itertools.product(*(range(Z.shape[0]) for Z in layers), range(layers[-1].shape[1])):
        strength = min(Z[i, j] for Z, i, j in zip(layers, path, path[1:]))
        best[path[0], path[-1]] = max(best[path[0], path[-1]], strength)
    return best


def strengths(weights):
    """Equations 1 and 2 in the paper's orientation."""
    layers = [np.abs(W - W.mean()).T / W.std() for W in weights]
    return [Z / max(Z.max() for Z in layers) for Z in layers]


# ------------------------------------------------------------------------------------------------ the max-min product

@given(matrices(), matrices(), matrices())
def test_the_product_is_associative_and_is_the_best_path(one, two, three):
    rng = one[1]
    P, h, m = np.abs(one[0]), two[0].shape[0], three[0].shape[0]
    Q, R = rng.random((P.shape[1], h)), np.round(rng.random((h, m)), 1)
    whole = maxmin(maxmin(P, Q), R)
    assert (whole == maxmin(P, maxmin(Q, R))).all() and (whole == path_by_path([P, Q, R])).all()


@given(matrices(), matrices())
def test_thresholds_and_increasing_functions_commute_with_it(one, two):
    P = one[0]
    Q = one[1].normal(size=(P.shape[1], two[0].shape[1]))
    product = maxmin(P, Q)
    for threshold in np.unique(product):
        above = maxmin(P >= threshold, Q >= threshold)
        assert above.dtype == bool and (above == (product >= threshold)).all()
        assert (above == ((P >= threshold).astype(int) @ (Q >= threshold) > 0)).all()
    for increasing in (np.arctan, lambda v: 3 * v + 1, np.exp):
        assert (maxmin(increasing(P), increasing(Q)) == increasing(product)).all()


# ------------------------------------------------------------------------------------------------ the summary matrix

@given(chains())
def test_the_summary_is_path_by_path(case):
    weights, _ = case
    S = summary_matrix(weights)
    assert S.shape == (weights[0].shape[1], weights[-1].shape[0]) and S.max() <= 1
    np.testing.assert_allclose(S, path_by_path(strengths(weights)), rtol=0, atol=1e-14)


@given(chains())
def test_no_path_is_stronger_than_its_first_and_last_edge(case):
    weights, _ = case
    layers = [np.abs(standardised(W)).T for W in weights]
    largest = max(Z.max() for Z in layers)
    S = summary_matrix(weights)
    assert (S <= layers[0].max(axis=1, keepdims=True) / largest).all()
    assert (S <= layers[-1].max(axis=0) / largest).all()


def whole_graph_merges(layers):
    """Strengths at which inputs and outputs merge in the layered graph, where one may also walk back: descending."""
    sizes = [layers[0].shape[0], *(Z.shape[1] for Z in layers)]
    starts = np.cumsum([0, *sizes])
    edges = sorted(((Z[i, j], starts[k] + i, starts[k + 1] + j) for k, Z in enumerate(layers)
                    for i, j in np.ndindex(Z.shape)), reverse=True)
    ends = {*range(sizes[0]), *range(starts[-2], starts[-1])}
    part = {vertex: {vertex} for vertex in range(starts[-1])}
    merges = []
    for strength, u, v in edges:
        if part[u] is not part[v]:
            if part[u] & ends and part[v] & ends:
                merges.append(strength)
            joined = part[u] | part[v]
            for vertex in joined:
                part[vertex] = joined
    return np.array(merges)


@given(chains())
def test_in_the_whole_graph_parts_join_no_later(case):
    weights, _ = case
    tree, merges = mst_weights(summary_matrix(weights)), whole_graph_merges(strengths(weights))
    assert len(tree) == len(merges) and (tree <= merges + 1e-14).all()


# ------------------------------------------------------------------------------------------ deep graph persistence

def agrees_with_the_goldens(summary):
    S = summary([W1, W2])
    np.testing.assert_allclose(S, [[0.94190838, 0.57894737], [0.47368421, 0.36091816]], rtol=0, atol=5e-9)
    np.testing.assert_allclose(mst_weights(S), [0.94190838, 0.57894737, 0.47368421], rtol=0, atol=5e-9)
    unequal = [np.random.default_rng(0).normal(size=shape) for shape in ((4, 2), (3, 4), (2, 3))]
    np.testing.assert_allclose(summary(unequal), path_by_path(strengths(unequal)), rtol=0, atol=1e-14)


def test_goldens():
    agrees_with_the_goldens(summary_matrix)
    plain = maxmin(np.abs(W1).T, np.abs(W2).T)
    assert plain.tolist() == [[2.0, 1.0], [0.8, 0.9]]
    assert abs(max(np.abs(standardised(W)).max() for W in (W1, W2)) - 1.715498406472211) < 1e-14
    assert abs(deep_graph_persistence([W1, W2]) - 0.36313535608337943) < 1e-15
    assert abs(deep_graph_persistence([W1, W2], rescale=False) - 0.39058429109482656) < 1e-15


@given(matrices(low=2, ties=False))
def test_one_layer_has_the_persistence_of_its_standardised_matrix(case):
    W, _ = case
    Z = np.abs(W - W.mean()) / W.std()
    assert abs(deep_graph_persistence([W]) - neural_persistence(Z)) < 1e-15
    assert abs(deep_graph_persistence([W], p=1, normalised=False, essential=True)
               - neural_persistence(Z, p=1, normalised=False, essential=True)) < 1e-13


def does_not_see_factors_shifts_or_names(dgp, weights, rng):
    """W_k ← s_k W_k + b_k with |s| in [0.1, 10] and |b| ≤ 10 deviations, and hidden units in another order."""
    found = dgp(weights)
    factors = rng.choice([-1, 1], size=len(weights)) * 10**rng.uniform(-1, 1, size=len(weights))
    shifted = [s * W + rng.uniform(-10, 10) * W.std() for s, W in zip(factors, weights)]
    assert abs(dgp(shifted) - found) < 1e-12
    orders = [rng.permutation(len(W)) for W in weights[:-1]]
    renamed = [W.copy() for W in weights]
    for place, order in enumerate(orders):
        renamed[place] = renamed[place][order]
        renamed[place + 1] = renamed[place + 1][:, order]
    assert abs(dgp(renamed) - found) < 1e-12


@pytest.mark.parametrize("rescale", [True, False])
@given(case=chains())
def test_it_does_not_see_factors_shifts_or_names_of_units(rescale, case):
    does_not_see_factors_shifts_or_names(lambda weights: deep_graph_persistence(weights, rescale), *case)


def test_rescaled_layers_of_relu_units_have_other_persistence_same_paths():
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=shape) for shape in ((30, 20), (30, 30), (10, 30))]
    scaled = [5 * weights[0], weights[1] / 5, weights[2]]
    x = rng.normal(size=(20, 4))
    answers = [W[2] @ np.maximum(W[1] @ np.maximum(W[0] @ x, 0), 0) for W in (weights, scaled)]
    np.testing.assert_allclose(answers[0], answers[1], rtol=1e-12)
    before, after = network_persistence(weights)[0], network_persistence(scaled)[0]
    assert abs(after - before) > 0.2 * before
    assert abs(deep_graph_persistence(scaled) - deep_graph_persistence(weights)) < 1e-12


# -------------------------------------------------------------------------------------------------- wrong versions

def summary_of(layers):
    """The rest of equations 2 and 3, for layers standardised in another way."""
    largest, S = max(Z.max() for Z in layers), layers[-1].T
    for Z in layers[-2::-1]:
        S = maxmin(Z.T, S)
    return S / largest


WRONG = {
    "absolute before it is centred": lambda weights: summary_of(
        [np.abs((np.abs(W) - np.abs(W).mean()) / W.std()) for W in weights]),
    "not centred": lambda weights: summary_of([np.abs(W / W.std()) for W in weights]),
    "not standardised": lambda weights: summary_of([np.abs(W) for W in weights]),
    "ddof 1": lambda weights: summary_of([np.abs((W - W.mean()) / W.std(ddof=1)) for W in weights]),
    "one deviation for all layers": lambda weights: summary_of(
        [np.abs((W - W.mean()) / np.std(np.concatenate([V.ravel() for V in weights]))) for W in weights]),
    "largest of each layer": lambda weights: summary_of(
        [Z / Z.max() for Z in (np.abs((W - W.mean()) / W.std()) for W in weights)]),
    "weights transposed": lambda weights: summary_matrix(weights).T,
    "sum of products": lambda weights: np.linalg.multi_dot([*strengths(weights), np.eye(len(weights[-1]))]),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_summaries_are_rejected(name):
    agrees_with_the_goldens(lambda weights: summary_of([np.abs((W - W.mean()) / W.std()) for W in weights]))
    with pytest.raises(AssertionError):
        agrees_with_the_goldens(WRONG[name])


# ---------------------------------------------------------------------------------------------- degenerate and wrong

@pytest.mark.parametrize("value", [0.0, 0.1])
def test_a_layer_that_does_not_vary_closes_every_path(value):
    weights = [np.random.default_rng(0).normal(size=(3, 4)), np.full((2, 3), value)]
    with pytest.warns(UserWarning, match=r"weights\[1\]: the weights do not vary") as told:
        S = summary_matrix(weights)
    assert S.shape == (4, 2) and not S.any() and len(told) == 1
    with pytest.warns(UserWarning, match="do not vary"):
        assert deep_graph_persistence(weights) is None
        assert deep_graph_persistence(weights, rescale=False) == 1
        assert deep_graph_persistence(weights[1:]) is None


def test_a_layer_of_one_unit_warns_and_has_a_value():
    weights = [np.random.default_rng(0).normal(size=shape) for shape in ((1, 4), (3, 1))]
    with pytest.warns(UserWarning, match=r"weights\[0\]: one unit on a side") as told:
        S = summary_matrix(weights)
    assert len(told) == 2 and (S == np.minimum(*np.broadcast_arrays(*strengths(weights)))).all()


def test_another_maximum_divides_the_paths():
    S = summary_matrix([W1, W2])
    assert abs(deep_graph_persistence([W1, W2], maximum=2) - neural_persistence(S, maximum=2)) < 1e-15
    assert deep_graph_persistence([W1, W2], maximum=1) == deep_graph_persistence([W1, W2], rescale=False)
    with pytest.raises(ValueError, match="maximum: expected"):
        deep_graph_persistence([W1, W2], maximum=0.5)


def test_large_and_small_numbers_do_not_overflow():
    for factor in (1e200, 1e-200):
        assert abs(deep_graph_persistence([factor * W1, W2 / factor]) - 0.36313535608337943) < 1e-12


def test_bad_arguments_are_refused():
    for weights, complaint in [([W1, W1], r"weights\[1\]: expected 3 columns, one for each output of the layer below"),
                               ([], "weights: expected a list"), ([W1 * np.nan], r"weights\[0\]: expected finite"),
                               ([np.ones((2, 3, 1, 1))], r"weights\[0\]: expected the weights of one dense layer")]:
        with pytest.raises(ValueError, match=complaint):
            deep_graph_persistence(weights)
    with pytest.raises(TypeError, match="rescale"):
        deep_graph_persistence([W1], rescale=1)
    with pytest.raises(ValueError, match="P, Q: expected matrices"):
        maxmin(W1, W1)
