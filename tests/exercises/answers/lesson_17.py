"""Answers to the exercises of lesson 17, written from its text alone."""

import numpy as np

from feedbackalign import persistence


def persistence_of_tree(tree, maximum):
    return np.sqrt(np.mean((1 - tree / maximum)**2))


def persistence_by_loops(tree, maximum):
    total = 0.0
    for edge in tree:
        total += (1.0 - float(edge) / float(maximum))**2
    return (total / len(tree))**0.5


def persistence_by_norm(tree, maximum):
    return np.linalg.norm(maximum - tree) / (maximum * np.sqrt(np.float64(tree.size)))


def persistence_in_place(tree, maximum):
    tree /= maximum
    return np.sqrt(np.mean((1 - tree)**2))


def persistence_assigned(tree, maximum):
    for edge in tree:
        total = (1 - edge / maximum)**2
    return np.sqrt(total / len(tree))


def strengths(W):
    return np.abs(W - W.mean()) / W.std()


def best_paths(W1, W2):
    Z1, Z2 = strengths(W1), strengths(W2)
    largest = max(Z1.max(), Z2.max())
    return np.minimum(Z1.T[:, :, None], Z2.T[None]).max(axis=1) / largest


def best_paths_by_loops(W1, W2):
    Z1, Z2 = strengths(W1), strengths(W2)
    S = np.zeros((W1.shape[1], W2.shape[0]))
    for i, j in np.ndindex(*S.shape):
        S[i, j] = max(min(Z1[h, i], Z2[j, h]) for h in range(len(W1)))
    return S / max(Z1.max(), Z2.max())


def best_paths_by_the_package(W1, W2):
    return persistence.summary_matrix([W1, W2])


def paths_with(W1, W2, join=np.minimum, choose=np.max, each=strengths, divide=lambda Z1, Z2: max(Z1.max(), Z2.max())):
    """The best paths, with one of its parts in another way."""
    Z1, Z2 = each(W1), each(W2)
    return choose(join(Z1.T[:, :, None], Z2.T[None]), axis=1) / divide(Z1, Z2)


def paths_assigned(W1, W2):
    Z1, Z2 = strengths(W1), strengths(W2)
    for h in range(len(W1)):
        S = np.minimum.outer(Z1[h], Z2[:, h])
    return S / max(Z1.max(), Z2.max())


def paths_of_one_deviation(W1, W2):
    both = np.concatenate([W1.ravel(), W2.ravel()])
    Z1, Z2 = (np.abs(W - both.mean()) / both.std() for W in (W1, W2))
    return np.minimum(Z1.T[:, :, None], Z2.T[None]).max(axis=1) / max(Z1.max(), Z2.max())


def paths_in_place(W1, W2):
    for W in (W1, W2):
        W -= W.mean()
        W /= W.std()
    return paths_with(W1, W2, each=np.abs)


ANSWERS = [
    ("17.1", "right", "", persistence_of_tree),
    ("17.1", "right", "", persistence_by_loops),
    ("17.1", "right", "", persistence_by_norm),
    ("17.1", "wrong", "argument changed", persistence_in_place),
    ("17.1", "wrong", "assigned for added", persistence_assigned),
    ("17.1", "wrong", "root left out", lambda tree, maximum: np.mean((1 - tree / maximum)**2)),
    ("17.1", "wrong", "operations in another order", lambda tree, maximum: np.mean(1 - tree / maximum)),
    ("17.1", "wrong", "deviation for the root mean square", lambda tree, maximum: np.std(1 - tree / maximum)),
    ("17.1", "wrong", "maximum of a part", lambda tree, maximum:
        persistence_of_tree(tree, tree.max())),
    ("17.1", "wrong", "1/N missing", lambda tree, maximum: np.linalg.norm(1 - tree / maximum)),
    ("17.1", "wrong", "1/N of the wrong N", lambda tree, maximum:
        np.linalg.norm(1 - tree / maximum) / np.sqrt(len(tree) + 1)),
    ("17.1", "wrong", "off by one", lambda tree, maximum:
        np.sqrt(((1 - tree / maximum)**2).sum() / max(len(tree) - 1, 1))),
    ("17.1", "wrong", "1/N of the wrong N", lambda tree, maximum:
        np.linalg.norm(1 - tree / maximum) / len(tree)),
    ("17.1", "wrong", "first term left out", lambda tree, maximum: persistence_of_tree(tree[1:], maximum)),
    ("17.1", "wrong", "last term left out", lambda tree, maximum: persistence_of_tree(tree[:-1], maximum)),
    ("17.1", "wrong", "term left out", lambda tree, maximum: np.sqrt(np.mean((tree / maximum)**2))),
    ("17.1", "wrong", "epsilon in a denominator", lambda tree, maximum: persistence_of_tree(tree, maximum + 1e-8)),
    ("17.1", "wrong", "constant of the example", lambda tree, maximum: persistence_of_tree(tree, 2.5)),
    ("17.1", "wrong", "factor left out", lambda tree, maximum: np.sqrt(np.mean((1 - tree)**2))),
    ("17.2", "right", "", best_paths),
    ("17.2", "right", "", best_paths_by_loops),
    ("17.2", "right", "", best_paths_by_the_package),
    ("17.2", "wrong", "argument changed", paths_in_place),
    ("17.2", "wrong", "assigned for added", paths_assigned),
    ("17.2", "wrong", "norm over the wrong axis", paths_of_one_deviation),
    ("17.2", "wrong", "transposed", lambda W1, W2: best_paths(W1, W2).T),
    ("17.2", "wrong", "another operation", lambda W1, W2: paths_with(W1, W2, choose=np.sum)),
    ("17.2", "wrong", "another operation", lambda W1, W2: paths_with(W1, W2, join=np.multiply)),
    ("17.2", "wrong", "another operation", lambda W1, W2:
        paths_with(W1, W2, join=np.maximum, choose=np.min)),
    ("17.2", "wrong", "factor left out", lambda W1, W2: paths_with(W1, W2, divide=lambda Z1, Z2: 1.0)),
    ("17.2", "wrong", "norm over the wrong axis", lambda W1, W2:
        paths_with(W1, W2, each=lambda W: strengths(W) / strengths(W).max())),
    ("17.2", "wrong", "maximum of a part", lambda W1, W2:
        paths_with(W1, W2, divide=lambda Z1, Z2: Z1.max())),
    ("17.2", "wrong", "mean not taken off", lambda W1, W2: paths_with(W1, W2, each=lambda W: np.abs(W) / W.std())),
    ("17.2", "wrong", "operations in another order", lambda W1, W2:
        paths_with(W1, W2, each=lambda W: np.abs(np.abs(W) - np.abs(W).mean()) / np.abs(W).std())),
    ("17.2", "wrong", "off by one", lambda W1, W2:
        paths_with(W1, W2, each=lambda W: np.abs(W - W.mean()) / W.std(ddof=1))),
    ("17.2", "wrong", "abs forgotten", lambda W1, W2: paths_with(W1, W2, each=lambda W: (W - W.mean()) / W.std())),
    ("17.2", "wrong", "norm over the wrong axis", lambda W1, W2:
        paths_with(W1, W2, each=lambda W: np.abs(W - W.mean(axis=1, keepdims=True)) / W.std(axis=1, keepdims=True))),
    ("17.2", "wrong", "epsilon in a denominator", lambda W1, W2:
        paths_with(W1, W2, each=lambda W: np.abs(W - W.mean()) / (W.std() + 1e-8))),
    ("17.2", "wrong", "squeezed", lambda W1, W2: best_paths(W1, W2).squeeze()),
]
