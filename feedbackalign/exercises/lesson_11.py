"""Lesson 11, a rule of one's own: how near a low rank comes to W, and what a bottleneck's synapses can learn from."""

import numpy as np

from feedbackalign.exercises.base import Exercise


def best_angle(W, rank):
    """Exercise 11.1. The smallest angle between W and any matrix of this rank (equation 3).

    W (out, in), rank an int of at least 1. Return degrees, a float.
    """
    raise NotImplementedError


def _weights_and_ranks(rng):
    return [(rng.normal(size=(5, 7)), 2), (rng.normal(size=(6, 4)), 1), (rng.normal(size=(8, 6)), 3)]


def _squares(W):
    """Squared singular values of W, the largest first."""
    return np.linalg.svd(W, compute_uv=False)**2


def _degrees(cosine):
    return float(np.degrees(np.arccos(cosine)))


def _by_singular_values(W, rank):
    squares = _squares(W)
    return _degrees(np.sqrt(squares[:rank].sum() / squares.sum()))


def bottleneck_update(error, x, U):
    """Exercise 11.2. The gradient of V when it learns like product feedback's R (equations 1 and 4).

    error (N, out) is the gradient of the mean loss at the layer's output, x (N, in) its input, U (out, rank).
    Return ∂V, (rank, in).
    """
    raise NotImplementedError


def _one_layer(rng):
    return [(rng.normal(size=(N, out)), rng.normal(size=(N, inputs)), rng.normal(size=(out, rank)))
            for N, out, inputs, rank in [(6, 5, 4, 3), (7, 4, 5, 2)]]


def _few_times_input(error, x, U):
    return (error @ U).T @ x                                        # (rank, N) x (N, in) -> (rank, in)


EXERCISES = {
    "11.1": Exercise(task=best_angle, cases=_weights_and_ranks, right=_by_singular_values, mistakes=[
        ("the singular values count by their squares",
         lambda W, rank: _degrees(np.sqrt(np.sqrt(_squares(W))[:rank].sum() / np.sqrt(_squares(W)).sum()))),
        ("this is the cosine's square without its root: Eq. 3 takes the root of both sums",
         lambda W, rank: _degrees(_squares(W)[:rank].sum() / _squares(W).sum())),
        ("this is the cosine; the angle is its arccos",
         lambda W, rank: float(np.sqrt(_squares(W)[:rank].sum() / _squares(W).sum()))),
        ("this is in radians", lambda *given: float(np.radians(_by_singular_values(*given)))),
        ("you kept the smallest singular values; the largest ones are nearest to W",
         lambda W, rank: _degrees(np.sqrt(_squares(W)[-rank:].sum() / _squares(W).sum()))),
        ("you kept one singular value too many", lambda W, rank: _by_singular_values(W, rank + 1)),
    ]),
    "11.2": Exercise(task=bottleneck_update, cases=_one_layer, right=_few_times_input, mistakes=[
        ("this is the mean of something that is a mean already: the error carries 1/N, so only sum over the batch",
         lambda error, x, U: _few_times_input(error, x, U) / len(x)),
        ("you left U out in part: the signs of U are not U",
         lambda error, x, U: _few_times_input(error, x, np.sign(U))),
        ("you left out the input: what arrived at the synapse is x, not ones",
         lambda error, x, U: _few_times_input(error, np.ones_like(x), U)),
    ]),
}
