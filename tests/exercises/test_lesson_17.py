"""The checks of lesson 17 accept what is right and name what is wrong."""

import numpy as np

from tests.exercises.proof import prove
from tests.solutions import lesson_17 as solutions


def norm(tree, maximum, *, extra=0.0, count=None):
    return np.sqrt((((1 - tree / maximum)**2).sum() + extra) / (count or len(tree)))


def test_17_1():
    prove("17.1", right=[solutions.persistence_of_tree, solutions.persistence_of_tree_by_edges], kind="other",
          own={"maximum per layer": (lambda tree, maximum: norm(tree, tree.max()), "the network's largest"),
               "last edge dropped": (lambda tree, maximum: norm(tree[:-1], maximum), "the weakest edge"),
               "N": (lambda tree, maximum: norm(tree, maximum, count=len(tree) + 1), "you divided by N"),
               "sum": (lambda tree, maximum: norm(tree, maximum, count=1), "this is the sum"),
               "no root": (lambda tree, maximum: norm(tree, maximum)**2, "left out the root"),
               "mean": (lambda tree, maximum: (1 - tree / maximum).mean(), "root of the mean of its squares"),
               "essential": (lambda tree, maximum: norm(tree, maximum, extra=1.0), "never ends"),
               "not divided": (lambda tree, maximum: norm(tree, 1.0), "did not divide"),
               "strengths": (lambda tree, maximum: norm(maximum - tree, maximum), "1 − t counts")})


def paths(W1, W2, *, centre=np.mean, ddof=0, absolute_first=False, each=False, divide=True, join=np.minimum,
          choose=np.max):
    layers = [np.abs(W) if absolute_first else W for W in (W1, W2)]
    layers = [np.abs((W - centre(W)) / W.std(ddof=ddof)) for W in layers]
    layers = [Z / Z.max() for Z in layers] if each else layers
    largest = max(Z.max() for Z in layers) if divide else 1.0
    return choose(join(layers[0].T[:, :, None], layers[1].T[None]), axis=1) / largest


def test_17_2():
    def plain(W1, W2):
        Z1, Z2 = np.abs(W1), np.abs(W2)
        return np.minimum(Z1.T[:, :, None], Z2.T).max(axis=1) / max(Z1.max(), Z2.max())

    def product(W1, W2):
        Z1, Z2 = (np.abs(W - W.mean()) / W.std() for W in (W1, W2))
        return Z1.T @ Z2.T / max(Z1.max(), Z2.max())**2

    prove("17.2", right=[solutions.best_paths, solutions.best_paths_by_loops], kind="other",
          own={"transposed": (lambda W1, W2: paths(W1, W2).T, "shape"),
               "absolute first": (lambda W1, W2: paths(W1, W2, absolute_first=True), "centred first"),
               "not centred": (lambda W1, W2: paths(W1, W2, centre=lambda W: 0.0), "did not subtract the mean"),
               "not standardised": (plain, "did not standardise"),
               "ddof 1": (lambda W1, W2: paths(W1, W2, ddof=1), "ddof = 1"),
               "each its own": (lambda W1, W2: paths(W1, W2, each=True), "its own largest"),
               "not divided": (lambda W1, W2: paths(W1, W2, divide=False), "did not divide by the largest"),
               "product": (product, "ordinary matrix product"),
               "exchanged": (lambda W1, W2: paths(W1, W2, join=np.maximum, choose=np.min), "exchanged")})
