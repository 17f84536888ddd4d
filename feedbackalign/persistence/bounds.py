"""What a layer's persistence owes to the sizes of its weights, and what to the places where they stand.

Move the weights of a matrix around: how far can its persistence go? With w_1 ≥ w_2 ≥ … the sorted |w| over max|w|,

    Eq. 1   low^p  = Σ_{i=1}^{N−1} (1 − w_i)^p            where the N − 1 largest form a tree
    Eq. 2   high^p = Σ_{r=0}^{N−2} (1 − w_{1+M(r)})^p     where the largest fill a growing, nearly square block
            M(0) = 0,  M(r) = max { a·b : a + b − 1 = r, a ≤ out, b ≤ in }

A tree with r edges joins at most an a × b block of a + b − 1 = r, whose M(r) weights all lie among r + 1 units; so edge
r + 1 of the tree is at latest weight 1 + M(r). Both bounds are attained (`low_arrangement`, `high_arrangement`).

    position = (NP − mean NP of shuffled matrices) / (high − low)

is how far the arrangement goes beyond chance: 0 is a matrix like its own shuffles. Girrbach et al. 2023 (arXiv
2307.10865) find little of it in the later layers of deep networks. Shuffles lie almost on the lower bound, so that
persistence without position follows the tail of the weights' distribution. The sharp bounds are derived here; those
papers' own forms were not to be had.
"""

import numpy as np

from feedbackalign.persistence.neural import maximum_of, of_deaths, warned_of
from feedbackalign.persistence.trees import as_matrix, mst_weights
from feedbackalign.validation import require_generator, require_integer


def persistence_bounds(W, p=2, maximum=None, normalised=True, essential=False):
    """Lowest and highest persistence over all arrangements of these weights: (out, in) -> (low, high).

    The arguments are those of `neural_persistence`.

    >>> [round(bound, 12) for bound in persistence_bounds([[1, 0.3], [-2, 0.8], [0.5, -1.2]], normalised=False)]
    [0.877496438739, 0.986154146166]
    """
    W = warned_of(as_matrix(W))
    return _bounds(W, maximum_of([W], maximum), p, normalised, essential)


def _bounds(W, *settings):
    strengths = -np.sort(-np.abs(W), axis=None)                         # (out·in,), descending
    rows, columns = blocks(*W.shape)
    joined = np.concatenate([[0], (rows * columns)[:-1]])               # M(r), r = 0 … N − 2
    return of_deaths(strengths[:len(rows)], *settings), of_deaths(strengths[joined], *settings)


def blocks(out, inputs):
    """The largest block a × b with a + b − 1 = r, for r = 1 … N − 1: -> a (N − 1,), b (N − 1,).

    From one to the next either a or b grows by one.

    >>> [list(map(int, sides)) for sides in blocks(2, 3)]
    [[1, 1, 2, 2], [1, 2, 2, 3]]
    """
    r = np.arange(1, out + inputs)
    rows = np.clip((r + 1) // 2, np.maximum(1, r + 1 - inputs), np.minimum(out, r))
    return rows, r + 1 - rows


def low_arrangement(W):
    """The same weights, the largest along the first row and the first column, which are a tree: (out, in) -> (out, in).

    >>> low_arrangement([[1, 2], [3, -4]])
    array([[-4.,  3.],
           [ 2.,  1.]])
    """
    W = as_matrix(W)
    row, column = np.indices(W.shape)
    return _filled(W, np.minimum(row, column))


def high_arrangement(W):
    """The same weights, the largest in a block that grows by a row or a column at a time: (out, in) -> (out, in).

    >>> high_arrangement([[1, 2, 3], [-6, 5, 4]])
    array([[-6.,  5.,  2.],
           [ 4.,  3.,  1.]])
    """
    W = as_matrix(W)
    rows, columns = blocks(*W.shape)
    first_with_row = np.searchsorted(rows, np.arange(1, W.shape[0] + 1))                # (out,)
    first_with_column = np.searchsorted(columns, np.arange(1, W.shape[1] + 1))          # (in,)
    return _filled(W, np.maximum(first_with_row[:, None], first_with_column))           # (out, 1), (in,) -> (out, in)


def _filled(W, turns):
    """The weights of W, the strongest where the turn comes first: (out, in) -> (out, in)."""
    filled = np.empty(W.size)
    filled[np.argsort(turns, axis=None, kind="stable")] = W.ravel()[np.argsort(-np.abs(W), axis=None, kind="stable")]
    return filled.reshape(W.shape)


def shuffle_gap(W, count, rng):
    """Is the arrangement of these weights more than chance? The layer's own max|w| divides.

    Parameters
    ----------
    W : array (out, in)
    count : int
        Of shuffles, each `rng.permutation(W.ravel())`.
    rng : numpy.random.Generator

    Returns
    -------
    NP, mean, deviation, position : float
        Persistence of W; of the shuffles the mean and the standard deviation (over `count`, not count − 1); and the
        position, None where the bounds are one.

    >>> block = np.kron(np.eye(2), np.ones((4, 5))) + 0.01 * np.random.default_rng(0).random((8, 10))
    >>> NP, mean, deviation, position = shuffle_gap(block, 20, np.random.default_rng(1))
    >>> NP - mean > 4 * deviation, 0.1 < position < 1
    (True, True)
    """
    W = warned_of(as_matrix(W))
    count = require_integer(count, "count", low=1)
    require_generator(rng, "shuffle_gap")
    maximum = maximum_of([W])
    shuffled = [of_deaths(mst_weights(rng.permutation(W.ravel()).reshape(W.shape)), maximum) for _ in range(count)]
    found, mean = of_deaths(mst_weights(W), maximum), float(np.mean(shuffled))
    low, high = _bounds(W, maximum)
    return found, mean, float(np.std(shuffled)), (found - mean) / (high - low) if high > low else None
