"""The edges of maximum spanning trees: two algorithms, brute force, and what no relabelling changes."""

import numpy as np
import pytest
from hypothesis import given

from feedbackalign.persistence import mst_weights, mst_weights_kruskal, spanning_tree
from tests.persistence.cases import all_spanning_trees, drawn, matrices, parts

BOTH = (mst_weights, mst_weights_kruskal)


@given(matrices(high=12))
def test_prim_and_kruskal_find_the_same_numbers(case):
    W, _ = case
    found = [tree(W) for tree in BOTH]
    assert found[0].tobytes() == found[1].tobytes() and found[0].shape == (sum(W.shape) - 1,)
    assert (np.diff(found[0]) <= 0).all()


@pytest.mark.parametrize(("shape", "trees"), [((2, 3), 12), ((3, 3), 81), ((3, 4), 432)])
def test_no_spanning_tree_is_stronger(shape, trees):
    every = list(all_spanning_trees(*shape))
    assert len(every) == trees
    for seed, ties in [(0, False), (1, True), (2, False)]:
        strengths = np.abs(drawn(np.random.default_rng(seed), shape, ties))
        sums = [-np.sort(-strengths.ravel()[tree]) for tree in every]
        for tree in BOTH:
            found = tree(strengths)
            assert max(map(tuple, sums)) == tuple(found)
            assert all((other <= found).all() for other in sums)


def joins_when_the_graph_does(tree, W):
    """#{t ≥ τ} = N − #parts of the graph of {|w| ≥ τ}, at every τ."""
    found, strengths = tree(W), np.abs(W)
    for threshold in np.unique(strengths):
        edges = np.argwhere(strengths >= threshold)
        assert (found >= threshold).sum() == sum(W.shape) - parts(*W.shape, edges)


@pytest.mark.parametrize("tree", BOTH)
@given(case=matrices())
def test_edges_of_the_tree_count_the_parts_at_every_threshold(tree, case):
    joins_when_the_graph_does(tree, case[0])


def does_not_see_order_sides_or_signs(tree, W, rng):
    found = tree(W).tobytes()
    for same in (W[rng.permutation(len(W))], W[:, rng.permutation(len(W.T))], W.T,
                 W * rng.choice([-1.0, 1.0], size=W.shape)):
        assert tree(same).tobytes() == found
    for factor in (4.0, 0.125):
        assert tree(factor * W).tobytes() == (factor * tree(W)).tobytes()


@pytest.mark.parametrize("tree", BOTH)
@given(case=matrices())
def test_permutations_transposition_and_signs_change_no_bit(tree, case):
    does_not_see_order_sides_or_signs(tree, *case)


def of_signed(W):
    """Wrong: the strongest edges by w, not by |w|."""
    return mst_weights(W - W.min())


def strongest_of_all(W):
    """Wrong: the N − 1 strongest edges, cycles or not."""
    return -np.sort(-np.abs(W), axis=None)[:sum(W.shape) - 1]


def last_edge_dropped(W):
    """Wrong: stops when one part is still missing."""
    return mst_weights(W)[:-1]


@pytest.mark.parametrize("wrong", [of_signed, strongest_of_all, last_edge_dropped])
def test_wrong_trees_are_rejected(wrong):
    with pytest.raises(AssertionError):
        for seed in range(5):
            rng = np.random.default_rng(seed)
            W = rng.normal(size=(3, 4))
            joins_when_the_graph_does(wrong, W)
            does_not_see_order_sides_or_signs(wrong, W, rng)


def test_golden_tree():
    A = np.array([[0.9, -0.1, 0.3], [-0.5, 0.7, 0.2]])
    for tree in BOTH:
        assert tree(A.T).tolist() == [0.9, 0.7, 0.5, 0.3]               # (in, out) in the paper, (out, in) here
    assert spanning_tree(A) == [(0.9, 0, 0), (0.7, 1, 1), (0.5, 1, 0), (0.3, 0, 2)]


def test_float32_is_measured_in_float64_and_the_argument_stays():
    W = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    before = W.copy()
    assert mst_weights(W).dtype == np.float64 and (mst_weights(W) == mst_weights(W.astype(np.float64))).all()
    assert (W == before).all() and mst_weights([[3, -1]]).tolist() == [3.0, 1.0]


@pytest.mark.parametrize("tree", BOTH)
@pytest.mark.parametrize(("W", "complaint"), [
    (np.ones(3), "W: expected the weights of one dense layer"), (np.ones((2, 3, 1, 1)), r"shape \(2, 3, 1, 1\)"),
    (np.ones((0, 3)), "at least one number"), (np.ones((2, 2), complex), "complex128"), ("words", "'words'"),
    (np.array([[1.0, np.nan]]), r"W: expected finite numbers, got nan at index \(0, 1\)"),
    (np.array([[1.0], [-np.inf]]), r"got -inf at index \(1, 0\)")])
def test_what_is_no_finite_matrix_is_refused(tree, W, complaint):
    with pytest.raises((TypeError, ValueError), match=complaint):
        tree(W)
