"""The checks of lesson 17 accept what is right and name what is wrong."""

import numpy as np
import pytest

from tests.exercises.proof import prove
from tests.exercises.sums import of_a_sum
from tests.solutions import lesson_17 as solutions


def norm(tree, maximum, *, extra=0.0, count=None):
    return np.sqrt((((1 - tree / maximum)**2).sum() + extra) / (count or len(tree)))


def of_edges(kept):
    def wrong(tree, maximum):
        total = 0.0
        for strength in tree[kept]:
            total += (1.0 - strength / maximum)**2
        return (total / len(tree))**0.5
    return wrong


def test_17_1():
    def one_less(tree, maximum):
        return np.sqrt(((1 - tree / maximum)**2).sum() / (len(tree) - 1))

    terms = of_a_sum(of_edges)
    prove("17.1", right=[solutions.persistence_of_tree, solutions.persistence_of_tree_by_edges], kinds={
        "no mean": lambda tree, maximum: norm(tree, maximum, count=1),
        "mean twice": lambda tree, maximum: np.linalg.norm(1 - tree / maximum) / len(tree),
        "wrong N": [lambda tree, maximum: norm(tree, maximum, count=len(tree) + 1), one_less],
        "epsilon": [lambda tree, maximum: norm(tree, maximum + 1e-12),
                    lambda tree, maximum: norm(tree, maximum + 1e-8)],
        **terms,
        "first left out": [terms["first left out"], lambda tree, maximum: norm(tree[1:], maximum),
                           lambda tree, maximum: (sum((1 - t / maximum)**2 for t in tree[1:]) / (len(tree) - 1))**0.5],
        "last left out": [terms["last left out"], lambda tree, maximum: norm(tree[:-1], maximum)]},
        own={"maximum per layer": (lambda tree, maximum: norm(tree, tree.max()), "the network's largest"),
             "no root": (lambda tree, maximum: norm(tree, maximum)**2, "left out the root"),
             "mean": (lambda tree, maximum: (1 - tree / maximum).mean(), "this is the mean of 1"),
             "root of the mean": (lambda tree, maximum: (1 - tree / maximum).mean()**0.5, "the root of the mean of 1"),
             "deviation": (lambda tree, maximum: (1 - tree / maximum).std(), "subtracts the mean first"),
             "square inside": (lambda tree, maximum: (1 - (tree**2 / maximum**2).mean())**0.5, "alone"),
             "essential": (lambda tree, maximum: norm(tree, maximum, extra=1.0), "never ends"),
             "not divided": (lambda tree, maximum: norm(tree, 1.0), "did not divide"),
             "strengths": (lambda tree, maximum: norm(maximum - tree, maximum), "1 − t counts")})


def paths(W1, W2, *, centre=np.mean, spread=np.std, absolute_first=False, divide=max, join=np.minimum, choose=np.max,
          hidden=slice(None)):
    layers = [np.abs(W) if absolute_first else W for W in (W1, W2)]
    layers = [np.abs((W - centre(W)) / spread(W)) for W in layers]
    return choose(join(layers[0].T[:, hidden, None], layers[1].T[None, hidden]), axis=1) / divide(
        *(Z.max() for Z in layers))


def of_hidden_units(kept):
    def wrong(W1, W2):
        Z1, Z2 = (np.abs(W - W.mean()) / W.std() for W in (W1, W2))
        S = np.zeros((W1.shape[1], len(W2)))
        for i, j in np.ndindex(S.shape):
            for h in range(len(W1))[kept]:
                S[i, j] = max(S[i, j], min(Z1[h, i], Z2[j, h]))
        return S / max(Z1.max(), Z2.max())
    return wrong


@pytest.mark.slow
def test_17_2():
    def each_its_own(W1, W2):
        Z1, Z2 = (np.abs(W - W.mean()) / np.abs(W - W.mean()).max() for W in (W1, W2))
        return np.minimum(Z1.T[:, :, None], Z2.T).max(axis=1)

    def product(W1, W2):
        Z1, Z2 = (np.abs(W - W.mean()) / W.std() for W in (W1, W2))
        return Z1.T @ Z2.T / max(Z1.max(), Z2.max())**2

    def along(axis):
        return lambda W1, W2: paths(W1, W2, centre=lambda W: W.mean(axis=axis, keepdims=True),
                                    spread=lambda W: W.std(axis=axis, keepdims=True))

    def signed(W1, W2):
        Z1, Z2 = ((W - W.mean()) / W.std() for W in (W1, W2))
        return np.minimum(Z1.T[:, :, None], Z2.T).max(axis=1) / max(Z1.max(), Z2.max())

    def by_the_largest(W1, W2):
        S = paths(W1, W2)
        return S / S.max()

    def together(W1, W2):
        both = np.concatenate([W1.ravel(), W2.ravel()])
        return paths(W1, W2, centre=lambda W: both.mean(), spread=lambda W: both.std())

    terms = of_a_sum(of_hidden_units)
    last_path = terms.pop("overwritten in a loop")
    prove("17.2", right=[solutions.best_paths, solutions.best_paths_by_loops], kinds={
        "wrong N": lambda W1, W2: paths(W1, W2, spread=lambda W: W.std(ddof=1)),
        "wrong axis": [along(0), along(1)],
        "epsilon": [lambda W1, W2: paths(W1, W2, spread=lambda W: W.std() + 1e-12),
                    lambda W1, W2: paths(W1, W2, spread=lambda W: W.std() + 1e-8)],
        **terms,
        "first left out": [terms["first left out"], lambda W1, W2: paths(W1, W2, hidden=slice(1, None))],
        "last left out": [terms["last left out"], lambda W1, W2: paths(W1, W2, hidden=slice(None, -1))]},
        own={"absolute first": (lambda W1, W2: paths(W1, W2, absolute_first=True), "centred first"),
             "not centred": (lambda W1, W2: paths(W1, W2, centre=lambda W: 0.0), "did not subtract the mean"),
             "no deviation": (lambda W1, W2: paths(W1, W2, spread=lambda W: 1.0), "not divide by the deviation"),
             "variance": (lambda W1, W2: paths(W1, W2, spread=np.var), "by the variance"),
             "not standardised": (lambda W1, W2: paths(W1, W2, centre=lambda W: 0.0, spread=lambda W: 1.0),
                                  "did not standardise"),
             "signed": (signed, "absolute value is missing"),
             "each its own": (each_its_own, "its own largest"),
             "first layer's": (lambda W1, W2: paths(W1, W2, divide=lambda Z1, Z2: Z1), "of the first layer"),
             "last layer's": (lambda W1, W2: paths(W1, W2, divide=lambda Z1, Z2: Z2), "of the last layer"),
             "by the largest S": (by_the_largest, "by the largest S"),
             "not divided": (lambda W1, W2: paths(W1, W2, divide=lambda Z1, Z2: 1.0), "did not divide by the largest"),
             "product": (product, "ordinary matrix product"),
             "product of edges": (lambda W1, W2: paths(W1, W2, join=np.multiply, divide=lambda *Z: max(Z)**2),
                                  "multiplied the edges"),
             "strongest edge": (lambda W1, W2: paths(W1, W2, join=np.maximum), "strongest edge"),
             "weakest path": (lambda W1, W2: paths(W1, W2, choose=np.min), "weakest path"),
             "both layers": (together, "each layer has its own"),
             "mean path": (lambda W1, W2: paths(W1, W2, choose=np.mean), "mean of all paths"),
             "last path": (last_path, "what it should keep"),
             "exchanged": (lambda W1, W2: paths(W1, W2, join=np.maximum, choose=np.min), "exchanged")})
