"""Lesson 17, the topology of weights: persistence from the edges of a tree, and the best paths through two layers."""

import numpy as np

from feedbackalign.exercises.base import Exercise
from feedbackalign.persistence import maxmin, summary_matrix
from feedbackalign.persistence.neural import of_deaths


def persistence_of_tree(tree, maximum):
    """Exercise 17.1. The neural persistence of a layer within its network (equation 1).

    tree (N − 1,) are the edges of the layer's tree, descending and not yet divided by anything; maximum is the largest
    |w| of the whole network. Return NP, a number.
    """
    raise NotImplementedError


def _trees(rng):
    return [(-np.sort(-rng.uniform(0.1, 2.0, size=size)), 2.5) for size in (6, 9)]


def best_paths(W1, W2):
    """Exercise 17.2. The strength of the best path from every input to every output of two layers (equations 3, 4).

    W1 (hidden, in), W2 (out, hidden). The deviation is over all weights of a layer, as NumPy's `std` has it. Return
    S, (in, out).
    """
    raise NotImplementedError


def _two_layers(rng):
    return [(rng.normal(size=(hidden, inputs)) + 0.4, 2 * rng.normal(size=(out, hidden)) - 0.5)
            for inputs, hidden, out in [(4, 5, 3), (6, 3, 2)]]


def _right(W1, W2):
    return summary_matrix([W1, W2])


def _paths(standardised, W1, W2, product=maxmin, largest=None):
    """Equation 4, for layers that are standardised in another way or joined by another product."""
    Z1, Z2 = standardised(W1), standardised(W2)
    largest = max(Z1.max(), Z2.max()) if largest is None else largest
    return product(Z1.T / largest, Z2.T / largest)                              # (in, hidden), (hidden, out)


def _standardised(W):
    return np.abs((W - W.mean()) / W.std())


def _minmax(P, Q):
    """The weakest path, where a path is as strong as its strongest edge."""
    return -maxmin(-P, -Q)


EXERCISES = {
    "17.1": Exercise(task=persistence_of_tree, cases=_trees, right=of_deaths, mistakes=[
        ("you divided by the layer's own largest weight; the network's largest belongs there",
         lambda tree, maximum: of_deaths(tree, tree[0])),
        ("the weakest edge of the tree is missing: the last part joins there",
         lambda tree, maximum: of_deaths(tree[:-1], maximum)),
        ("you divided by N; a tree of N units has N − 1 edges",
         lambda tree, maximum: of_deaths(tree, maximum) * np.sqrt(len(tree) / (len(tree) + 1))),
        ("this is the sum; Eq. 1 has the mean over the edges",
         lambda tree, maximum: of_deaths(tree, maximum, normalised=False)),
        ("you left out the root", lambda tree, maximum: of_deaths(tree, maximum)**2),
        ("this is the mean of 1 − t, not the root of the mean of its squares",
         lambda tree, maximum: of_deaths(tree, maximum, p=1)),
        ("you counted the one part that never ends; Eq. 1 does not",
         lambda tree, maximum: of_deaths(tree, maximum, essential=True)),
        ("you did not divide by the largest weight", lambda tree, maximum: np.sqrt(np.mean((1 - tree)**2))),
        ("these are the strengths themselves; a part lives from 1 down to t, so 1 − t counts",
         lambda tree, maximum: np.sqrt(np.mean((tree / maximum)**2))),
    ]),
    "17.2": Exercise(task=best_paths, cases=_two_layers, right=_right, mistakes=[
        ("you took |W| before its mean was subtracted; signed weights are centred first",
         lambda W1, W2: _paths(lambda W: np.abs((np.abs(W) - np.abs(W).mean()) / np.abs(W).std()), W1, W2)),
        ("you did not subtract the mean", lambda W1, W2: _paths(lambda W: np.abs(W / W.std()), W1, W2)),
        ("you did not standardise the layers", lambda W1, W2: _paths(np.abs, W1, W2)),
        ("your deviation has ddof = 1; NumPy's `std` divides by the number of weights",
         lambda W1, W2: _paths(lambda W: np.abs((W - W.mean()) / W.std(ddof=1)), W1, W2)),
        ("you divided each layer by its own largest Z; one number belongs to all layers",
         lambda W1, W2: _paths(lambda W: _standardised(W) / _standardised(W).max(), W1, W2, largest=1.0)),
        ("you did not divide by the largest Z", lambda W1, W2: _paths(_standardised, W1, W2, largest=1.0)),
        ("this is the ordinary matrix product; Eq. 4 has max for + and min for ·",
         lambda W1, W2: _paths(_standardised, W1, W2, product=np.matmul)),
        ("max and min are exchanged: a path is as weak as its weakest edge, and the best path counts",
         lambda W1, W2: _paths(_standardised, W1, W2, product=_minmax)),
    ]),
}
