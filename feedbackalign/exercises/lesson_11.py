"""Lesson 11, a rule of one's own: how near a low rank comes to W, and what a bottleneck's synapses can learn from."""

import numpy as np

from feedbackalign.exercises import hints
from feedbackalign.exercises.base import Exercise
from feedbackalign.exercises.limits import epsilons, lifting, unclipped
from feedbackalign.exercises.sums import of_two_sums


def best_angle(W, rank):
    """Exercise 11.1. The smallest angle between W and any matrix of this rank (equation 3).

    W (out, in), rank an int of at least 1. Return degrees, a float.
    """
    raise NotImplementedError


def _weights_and_ranks(rng):
    return [(rng.normal(size=(5, 7)), 2), (rng.normal(size=(6, 4)), 1), (rng.normal(size=(8, 6)), 3)]


def _weights_and_ranks_at_the_limits(rng):
    W = rng.normal(size=(5, 4))
    return {**lifting("full rank", lambda: (rng.normal(size=(4, 12)), 4),
                      lambda *given: [formula(*given) for formula in UNCLIPPED]),
            "W of the asked rank": (rng.normal(size=(6, 2)) @ rng.normal(size=(2, 5)), 2),
            "one unit": (rng.normal(size=(1, 6)), 1), "one input": (rng.normal(size=(7, 1)), 1),
            "singular values that are equal": (np.linalg.qr(rng.normal(size=(7, 5)))[0], 3),
            "a rank of one less than all": (rng.normal(size=(4, 6)), 3),
            "tiny weights": (1e-70 * W, 2), "huge weights": (1e70 * W, 3)}


def _squares(W):
    """Squared singular values of W, the largest first."""
    return np.linalg.svd(W, compute_uv=False)**2


def _share(W, rank):
    """Of the squares, in the largest `rank`: the cosine squared."""
    return _squares(W)[:rank].sum() / _squares(W).sum()


def _degrees(cosine):
    return float(np.degrees(np.arccos(cosine)))


def _by_singular_values(W, rank):
    return _degrees(np.clip(np.sqrt(_share(W, rank)), -1, 1))


def _nearest(W, rank):
    left, values, right = np.linalg.svd(W, full_matrices=False)
    return (left[:, :rank] * values[:rank]) @ right[:rank]


# The cosine by the formulas that come to mind. At full rank each of them is above 1 for some W.
UNCLIPPED = (
    lambda W, rank: np.sqrt(_squares(W)[:rank].sum() / (W**2).sum()),
    lambda W, rank: np.linalg.norm(np.linalg.svd(W, compute_uv=False)[:rank]) / np.linalg.norm(W),
    lambda W, rank: (W * _nearest(W, rank)).sum() / (np.linalg.norm(W) * np.linalg.norm(_nearest(W, rank))),
    lambda W, rank: np.linalg.norm(_nearest(W, rank)) / np.linalg.norm(W),
)


def bottleneck_update(error, x, U):
    """Exercise 11.2. The gradient of V when it learns like product feedback's R (equations 1 and 4).

    error (N, out) is the gradient of the mean loss at the layer's output, x (N, in) its input, U (out, rank).
    Return ∂V, (rank, in).
    """
    raise NotImplementedError


def _layer(rng, N, out, inputs, rank):
    return rng.normal(size=(N, out)), rng.normal(size=(N, inputs)), rng.normal(size=(out, rank))


def _layers(rng):
    return [_layer(rng, 6, 5, 4, 3), _layer(rng, 7, 4, 5, 2)]


def _layers_at_the_limits(rng):
    error, x, U = _layer(rng, 5, 4, 3, 2)
    return {"one sample": _layer(rng, 1, 5, 4, 3), "rank 1": _layer(rng, 6, 5, 3, 1),
            "one output": _layer(rng, 4, 1, 5, 3), "one input": _layer(rng, 3, 5, 1, 2),
            "one sample, input and output, at rank 1": _layer(rng, 1, 1, 1, 1),
            "a rank above the outputs": _layer(rng, 5, 2, 3, 4),
            "a tiny error": (1e-150 * error, x, U), "a huge error": (1e150 * error, x, U)}


def _few_times_input(error, x, U, samples=slice(None), outputs=slice(None)):
    few = error[samples, outputs] @ U[outputs]                      # (N, out) x (out, rank) -> (N, rank)
    return few.T @ x[samples]                                       # (rank, N) x (N, in) -> (rank, in)


EXERCISES = {
    "11.1": Exercise(
        task=best_angle, cases=_weights_and_ranks, limits=_weights_and_ranks_at_the_limits, right=_by_singular_values,
        tolerance=1e-7, at_least=180.0, mistakes=[
            *unclipped(_by_singular_values),
            ("the singular values count by their squares",
             lambda W, rank: _degrees(np.sqrt(np.sqrt(_squares(W))[:rank].sum() / np.sqrt(_squares(W)).sum()))),
            ("the singular values count by their squares, not by those of their squares",
             lambda W, rank: _degrees(np.sqrt((_squares(W)**2)[:rank].sum() / (_squares(W)**2).sum()))),
            ("the singular values count by their squares, and then both sums by their roots",
             lambda W, rank: _degrees(np.sqrt(_squares(W))[:rank].sum() / np.sqrt(_squares(W)).sum())),
            ("this is the cosine's square without its root: Eq. 3 takes the root of both sums",
             lambda W, rank: _degrees(_share(W, rank))),
            ("this is the cosine; the angle is its arccos", lambda W, rank: float(np.sqrt(_share(W, rank)))),
            ("this is the cosine's square; the angle is the arccos of its root",
             lambda W, rank: float(_share(W, rank))),
            ("this is in radians", lambda *given: float(np.radians(_by_singular_values(*given)))),
            ("you kept the smallest singular values; the largest ones are nearest to W",
             lambda W, rank: _degrees(np.sqrt(_squares(W)[-rank:].sum() / _squares(W).sum()))),
            ("the cosine is of what is kept; yours is of what is left out",
             lambda W, rank: _degrees(np.sqrt(_squares(W)[rank:].sum() / _squares(W).sum()))),
            (f"{hints.OFF_BY_ONE}: you kept one singular value too many",
             lambda W, rank: _by_singular_values(W, rank + 1)),
            (f"{hints.OFF_BY_ONE}: you kept one singular value too few",
             lambda W, rank: _by_singular_values(W, rank - 1)),
            (f"{hints.FIRST_LEFT_OUT}, the largest singular value's, though as many are kept",
             lambda W, rank: _degrees(np.sqrt(_squares(W)[1:rank + 1].sum() / _squares(W).sum()))),
            (f"{hints.FIRST_LEFT_OUT}, the largest singular value's",
             lambda W, rank: _degrees(np.sqrt(_squares(W)[1:rank].sum() / _squares(W).sum()))),
            (f"{hints.OVERWRITTEN_IN_LOOP}: of the singular values that are kept only the last one counts",
             lambda W, rank: _degrees(np.sqrt(_squares(W)[rank - 1] / _squares(W).sum()))),
            *[(f"{hints.hard_coded('rank')}: of this rank there is one matrix only",
               lambda W, rank, always=always: _by_singular_values(W, always)) for always in (2, 3)],
            (f"{hints.hard_coded('rank')}: only the largest singular value counts",
             lambda W, rank: _by_singular_values(W, 1)),
            ("Eq. 3 has the sums of the squares; you took their means, over unlike many",
             lambda W, rank: _degrees(np.sqrt(_squares(W)[:rank].mean() / _squares(W).mean()))),
            ("you left out the sum of all squares, by which Eq. 3 divides",
             lambda W, rank: _degrees(np.sqrt(_squares(W)[:rank].sum()))),
            *[("these are the lengths of rows or columns, not the singular values",
               lambda W, rank, axis=axis: _degrees(np.sqrt(np.sort((W**2).sum(axis=axis))[::-1][:rank].sum()
                                                           / (W**2).sum()))) for axis in (0, 1)],
            (f"{hints.SPECTRAL_NORM}, of W",
             lambda W, rank: _degrees(np.sqrt(_squares(W)[:rank].sum() / _squares(W)[0]))),
            *epsilons(lambda W, rank, epsilon: _degrees(np.sqrt(
                _squares(W)[:rank].sum() / (_squares(W).sum() + epsilon)))),
            *epsilons(lambda W, rank, epsilon: _degrees(np.sqrt(_share(W, rank)) / (1 + epsilon / np.linalg.norm(W)))),
            *epsilons(lambda W, rank, epsilon: _degrees(np.sqrt(_share(W, rank)) / (1 + epsilon / (W**2).sum()))),
        ]),
    "11.2": Exercise(
        task=bottleneck_update, cases=_layers, limits=_layers_at_the_limits, right=_few_times_input, mistakes=[
            (f"{hints.mean_twice('samples')}, by which the error is divided already, so only sum over the batch",
             lambda error, x, U: _few_times_input(error, x, U) / len(x)),
            (f"{hints.mean_twice('numbers in the bottleneck')}: only samples make a mean, which the error holds",
             lambda error, x, U: _few_times_input(error, x, U) / U.shape[1]),
            (f"{hints.mean_twice('outputs')}: only samples make a mean, which the error holds",
             lambda error, x, U: _few_times_input(error, x, U) / len(U)),
            (f"{hints.mean_twice('inputs')}: only samples make a mean, which the error holds",
             lambda error, x, U: _few_times_input(error, x, U) / x.shape[1]),
            ("this is what arrives in the bottleneck, (N, rank); Eq. 4 multiplies it with x",
             lambda error, x, U: error @ U),
            ("this is what one sample says; the sum goes over all of them",
             lambda *given: _few_times_input(*given, samples=slice(0, 1))),
            ("this is the gradient of W, (out, in): the error is still to be put through U",
             lambda error, x, U: error.T @ x),
            ("you left U out in part: the signs of U are not U",
             lambda error, x, U: _few_times_input(error, x, np.sign(U))),
            ("U is a constant as it is; yours has columns of length 1",
             lambda error, x, U: _few_times_input(error, x, U / np.linalg.norm(U, axis=0))),
            ("the error goes down through U itself, not through its pseudoinverse",
             lambda error, x, U: _few_times_input(error, x, np.linalg.pinv(U).T)),
            ("you left out the input: what arrived at the synapse is x, not ones",
             lambda error, x, U: _few_times_input(error, np.ones_like(x), U)),
            *[("you summed over the batch before the product; each sample has a product of its own",
               lambda error, x, U, first=first, second=second: np.outer(first(error, axis=0) @ U, second(x, axis=0)))
              for first, second in [(np.sum, np.sum), (np.sum, np.mean), (np.mean, np.mean)]],
            *of_two_sums("samples", "outputs", lambda samples, outputs: lambda *given: _few_times_input(
                *given, samples, outputs)),
        ]),
}
