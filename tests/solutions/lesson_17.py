"""Lesson 17, the topology of weights."""

import numpy as np


def persistence_of_tree(tree, maximum):
    return np.sqrt(np.mean((1 - tree / maximum)**2))


def persistence_of_tree_by_edges(tree, maximum):
    total = 0.0
    for strength in tree:
        total += (1.0 - strength / maximum) * (1.0 - strength / maximum)
    return (total / len(tree))**0.5


def best_paths(W1, W2):
    Z1, Z2 = (np.abs(W - W.mean()) / W.std() for W in (W1, W2))
    paths = np.minimum(Z1.T[:, :, None], Z2.T[None])            # (in, hidden, out)
    return paths.max(axis=1) / max(Z1.max(), Z2.max())


def best_paths_by_loops(W1, W2):
    layers = [np.abs(W - W.sum() / W.size) / np.sqrt(W.var()) for W in (W1, W2)]
    largest = max(Z.max() for Z in layers)
    S = np.zeros((W1.shape[1], W2.shape[0]))
    for i, j in np.ndindex(S.shape):
        for h in range(len(W1)):
            S[i, j] = max(S[i, j], min(layers[0][h, i], layers[1][j, h]) / largest)
    return S
