"""Lesson 17, the topology of weights: persistence from the edges of a tree, and the best paths through two layers."""

import numpy as np

from feedbackalign.exercises import hints
from feedbackalign.exercises.base import Exercise
from feedbackalign.exercises.limits import epsilons
from feedbackalign.exercises.sums import of_a_sum
from feedbackalign.persistence.neural import of_deaths


def persistence_of_tree(tree, maximum):
    """Exercise 17.1. The neural persistence of a layer within its network (equation 1).

    tree (N − 1,) are the edges of the layer's tree, descending and not yet divided by anything; maximum is the largest
    |w| of the whole network. Return NP, a number.
    """
    raise NotImplementedError


def _tree(rng, edges, maximum):
    return -np.sort(-rng.uniform(0.1, 2.0, size=edges)), maximum


def _trees(rng):
    return [_tree(rng, 6, 2.5), _tree(rng, 9, 3.7)]


def _trees_at_the_limits(rng):
    tree, maximum = _tree(rng, 7, 2.2)
    return {"a tree of one edge": _tree(rng, 1, 2.1), "the network's largest weight in this layer": (tree, tree[0]),
            "edges of weight zero": (np.where(tree > 1, tree, 0.0), maximum),
            "one weight that is all there is": (np.array([2.0, 0, 0, 0]), 2.0),
            "all weights equally strong": (np.full(5, 2.0), 2.0), "a weak layer in a strong network": (tree, 400.0),
            "tiny weights": (1e-120 * tree, 1e-120 * maximum), "huge weights": (1e120 * tree, 1e120 * maximum)}


def _persistence(tree, maximum, count=None, edges=slice(None)):
    """Equation 1, for another number of edges; nan where it is 0."""
    return np.sqrt(((1 - tree[edges] / maximum)**2).sum() / np.float64(len(tree) if count is None else count))


def _of_edges(kept):
    return lambda tree, maximum: _persistence(tree[kept], maximum)


def _with_all_edges_counted(kept):
    return lambda tree, maximum: _persistence(tree, maximum, edges=kept)


def best_paths(W1, W2):
    """Exercise 17.2. The strength of the best path from every input to every output of two layers (equations 3, 4).

    W1 (hidden, in), W2 (out, hidden). The deviation is over all weights of a layer, as NumPy's `std` has it. Return
    S, (in, out).
    """
    raise NotImplementedError


def _weights(rng, inputs, hidden, out):
    return rng.normal(size=(hidden, inputs)) + 0.4, 2 * rng.normal(size=(out, hidden)) - 0.5


def _two_layers(rng):
    return [_weights(rng, 4, 5, 3), _weights(rng, 6, 3, 2)]


def _two_layers_at_the_limits(rng):
    W1, W2 = _weights(rng, 5, 4, 3)
    outlier = np.array([0.0, 0.0, 9.0, 0.0])
    return {"one input": _weights(rng, 1, 5, 3), "one hidden unit": _weights(rng, 4, 1, 3),
            "one output": _weights(rng, 3, 5, 1), "one input and one output": _weights(rng, 1, 4, 1),
            "synapses of weight zero": (W1 * (W1 > 0), W2 * (W2 > 0)),
            "the largest Z below": (W1 + np.outer(outlier, np.eye(5)[0]), W2),
            "the largest Z above": (W1, W2 + np.outer(np.eye(3)[1], outlier)),
            "all weights negative": (-W1**2, -W2**2), "tiny weights below": (1e-120 * W1, W2),
            "tiny weights": (1e-120 * W1, 3e-120 * W2), "huge weights above": (W1, 1e120 * W2)}


def _standardised(W, mean=np.mean, std=np.std):
    return np.abs((W - mean(W)) / std(W))


def _paths(W1, W2, standardised=_standardised, largest=None, edge=np.minimum, best=np.max, kept=slice(None), floor=0.0):
    """Equations 3 and 4; one may standardise in another way, divide by another number, or join edges in another way."""
    Z1, Z2 = standardised(W1), standardised(W2)
    S = best(edge(Z1.T[:, :, None], Z2.T)[:, kept], axis=1, initial=floor)      # (in, hidden, out) -> (in, out)
    return S / (max(Z1.max(), Z2.max()) if largest is None else largest(Z1, Z2))


def _by_axis(axis):
    def standardised(W):
        return np.abs((W - W.mean(axis=axis, keepdims=True)) / W.std(axis=axis, keepdims=True))
    return lambda W1, W2: _paths(W1, W2, standardised)


def _worst(paths, axis, initial):
    return paths.min(axis=axis)


def _together(W1, W2):
    both = np.concatenate([W1.ravel(), W2.ravel()])
    return _paths(W1, W2, lambda W: np.abs((W - both.mean()) / both.std()))


def _own_largest(W1, W2):
    return _paths(W1, W2, lambda W: _standardised(W) / _standardised(W).max(), lambda Z1, Z2: 1.0)


def _with_epsilon(W1, W2, epsilon):
    return _paths(W1, W2, lambda W: np.abs(W - W.mean()) / (W.std() + epsilon))


def _of_hidden_units(kept):
    return lambda W1, W2: _paths(W1, W2, kept=kept)


EXERCISES = {
    "17.1": Exercise(task=persistence_of_tree, cases=_trees, limits=_trees_at_the_limits, right=of_deaths, mistakes=[
        ("you divided by the layer's own largest weight; the network's largest belongs there",
         lambda tree, maximum: _persistence(tree, tree[0])),
        (hints.wrong_N("edges; a tree of N units has N − 1 of them, not N"),
         lambda tree, maximum: _persistence(tree, maximum, len(tree) + 1)),
        (hints.wrong_N("edges; `tree` holds N − 1 of them already, for N units"),
         lambda tree, maximum: _persistence(tree, maximum, len(tree) - 1)),
        (f"{hints.no_mean('edges')}: this is the sum", lambda tree, maximum: _persistence(tree, maximum, 1)),
        (f"{hints.mean_twice('edges')}: it stands under the root",
         lambda tree, maximum: _persistence(tree, maximum, len(tree)**2)),
        ("you left out the root", lambda tree, maximum: _persistence(tree, maximum)**2),
        ("you left out the square: this is the mean of 1 − t / maximum",
         lambda tree, maximum: np.mean(1 - tree / maximum)),
        ("you left out the square: this is the root of the mean of 1 − t / maximum",
         lambda tree, maximum: np.sqrt(np.mean(1 - tree / maximum))),
        ("np.std subtracts the mean first; Eq. 1 does not", lambda tree, maximum: np.std(tree / maximum)),
        ("you squared t / maximum alone; the square is that of 1 − t / maximum",
         lambda tree, maximum: np.sqrt(np.mean(1 - (tree / maximum)**2))),
        ("you counted the one part that never ends; Eq. 1 does not",
         lambda tree, maximum: of_deaths(tree, maximum, essential=True)),
        ("you did not divide by the largest weight", lambda tree, maximum: _persistence(tree, 1.0)),
        ("these are the strengths themselves; a part lives from 1 down to t, so 1 − t counts",
         lambda tree, maximum: _persistence(maximum - tree, maximum)),
        *epsilons(lambda tree, maximum, epsilon: _persistence(tree, maximum + epsilon)),
        *of_a_sum("edges", _with_all_edges_counted), *of_a_sum("edges", _of_edges)[1:],
    ]),
    "17.2": Exercise(task=best_paths, cases=_two_layers, limits=_two_layers_at_the_limits, right=_paths, mistakes=[
        ("you took |W| before its mean was subtracted; signed weights are centred first",
         lambda W1, W2: _paths(np.abs(W1), np.abs(W2))),
        ("you did not subtract the mean",
         lambda W1, W2: _paths(W1, W2, lambda W: _standardised(W, mean=lambda W: 0.0))),
        ("you did not divide by the deviation", lambda W1, W2: _paths(W1, W2, lambda W: np.abs(W - W.mean()))),
        ("you divided by the variance; divide by the deviation, its root",
         lambda W1, W2: _paths(W1, W2, lambda W: _standardised(W, std=np.var))),
        ("you did not standardise the layers", lambda W1, W2: _paths(W1, W2, np.abs)),
        ("you took mean and deviation over both layers; each layer has its own", _together),
        ("the absolute value is missing in Z", lambda W1, W2: _paths(
            W1, W2, lambda W: (W - W.mean()) / W.std(), floor=-np.inf)),
        (hints.wrong_N("weights; `std` has ddof = 0, and yours has ddof = 1"),
         lambda W1, W2: _paths(W1, W2, lambda W: _standardised(W, std=lambda W: W.std(ddof=1)))),
        (f"{hints.WRONG_AXIS}: mean and deviation are over all weights of a layer, not for each input", _by_axis(0)),
        (f"{hints.WRONG_AXIS}: mean and deviation are over all weights of a layer, not for each unit", _by_axis(1)),
        ("you divided each layer by its own largest Z; one number belongs to all layers", _own_largest),
        ("you divided by the largest Z of the first layer; it is the largest of all layers",
         lambda W1, W2: _paths(W1, W2, largest=lambda Z1, Z2: Z1.max())),
        ("you divided by the largest Z of the last layer; it is the largest of all layers",
         lambda W1, W2: _paths(W1, W2, largest=lambda Z1, Z2: Z2.max())),
        ("you divided by the largest S; Eq. 3 divides by the largest Z of all layers",
         lambda W1, W2: _paths(W1, W2, largest=lambda Z1, Z2: _paths(W1, W2, largest=lambda Z1, Z2: 1.0).max())),
        ("you did not divide by the largest Z", lambda W1, W2: _paths(W1, W2, largest=lambda Z1, Z2: 1.0)),
        ("this is the ordinary matrix product; Eq. 4 has max for + and min for ·",
         lambda W1, W2: _paths(W1, W2, largest=lambda Z1, Z2: 1.0, edge=np.multiply,
                               best=lambda paths, axis, initial: paths.sum(axis=axis))
         / max(_standardised(W1).max(), _standardised(W2).max())**2),
        ("you multiplied the edges of a path; a path is as strong as its weakest edge",
         lambda W1, W2: _paths(W1, W2, edge=np.multiply) / max(_standardised(W1).max(), _standardised(W2).max())),
        ("you took the strongest edge of the best path; a path is as strong as its weakest edge",
         lambda W1, W2: _paths(W1, W2, edge=np.maximum)),
        ("you took the weakest path, and its weakest edge; the best path counts",
         lambda W1, W2: _paths(W1, W2, best=_worst)),
        ("this is the mean of all paths; the best path counts", lambda W1, W2: _paths(
            W1, W2, best=lambda paths, axis, initial: paths.mean(axis=axis))),
        ("max and min are exchanged: a path is as weak as its weakest edge, and the best path counts",
         lambda W1, W2: _paths(W1, W2, edge=np.maximum, best=_worst)),
        *epsilons(_with_epsilon),
        ("a loop overwrites what it should keep: S is the larger one of itself and the next path",
         _of_hidden_units(slice(-1, None))),
        *of_a_sum("hidden units", _of_hidden_units)[1:],
    ]),
}
