"""The checks of lesson 11 accept what is right and name what is wrong."""

import math

import numpy as np
import pytest

from tests.exercises.proof import prove
from tests.solutions import lesson_11 as solutions

LAST, BUT_LAST, BUT_FIRST = slice(-1, None), slice(None, -1), slice(1, None)


def kept(W, rank, power=2, start=0):
    values = np.linalg.svd(W, compute_uv=False)**power
    return values[start:rank].sum() / values.sum()


def degrees(cosine):
    with np.errstate(invalid="ignore"):
        return float(np.degrees(np.arccos(cosine)))


def nearest(W, rank):
    left, values, right = np.linalg.svd(W, full_matrices=False)
    return left[:, :rank] @ np.diag(values[:rank]) @ right[:rank]


def last_value_only(W, rank):
    values, total = np.linalg.svd(W, compute_uv=False), 0.0
    for value in values[:rank]:
        top = value**2
    for value in values:
        total += value**2
    return degrees(np.sqrt(top / total))


def of_squares(W, rank):
    values = np.linalg.svd(W, compute_uv=False)
    return np.sqrt((values[:rank]**2).sum() / (W**2).sum())


def by_projection(W, rank):
    V = nearest(W, rank)
    return (W * V).sum() / (np.linalg.norm(W) * np.linalg.norm(V))


def beside_the_largest(W, rank):
    values = np.linalg.svd(W, compute_uv=False)
    return np.sqrt((values[:rank]**2).sum()) / np.linalg.norm(W, 2)


def by_lengths(W, rank):
    lengths = np.sort(np.linalg.norm(W, axis=0))[::-1]
    return degrees(np.linalg.norm(lengths[:rank]) / np.linalg.norm(lengths))


def weakened(epsilon):
    return lambda W, rank: degrees(min(1.0, np.sqrt((np.linalg.svd(W, compute_uv=False)[:rank]**2).sum()
                                                    / ((W**2).sum() + epsilon))))


def test_11_1():
    prove("11.1", right=[solutions.best_angle, solutions.best_angle_by_building_it], kinds={
        "off by one": [lambda W, rank: degrees(np.sqrt(kept(W, rank + 1))),
                       lambda W, rank: degrees(np.sqrt(kept(W, rank - 1)))],
        "first left out": [lambda W, rank: degrees(np.sqrt(kept(W, rank, start=1))),
                           lambda W, rank: degrees(np.sqrt(kept(W, rank + 1, start=1)))],
        "overwritten in a loop": last_value_only,
        "spectral norm": lambda W, rank: degrees(beside_the_largest(W, rank)),
        "not clipped": [lambda W, rank: degrees(of_squares(W, rank)), lambda W, rank: degrees(by_projection(W, rank)),
                        lambda W, rank: math.degrees(math.acos(of_squares(W, rank))),
                        lambda W, rank: degrees(np.linalg.norm(nearest(W, rank)) / np.linalg.norm(W))],
        "epsilon": [weakened(1e-8), weakened(1e-12),
                    lambda W, rank: degrees(min(1.0, by_projection(W, rank) / (1 + 1e-10 / np.linalg.norm(W)**2)))],
        "hard-coded": [lambda W, rank, always=always: degrees(np.sqrt(kept(W, always))) for always in (1, 2, 3)]},
        own={"not squared": (lambda W, rank: degrees(np.sqrt(kept(W, rank, power=1))), "by their squares"),
             "fourth powers": (lambda W, rank: degrees(np.sqrt(kept(W, rank, power=4))), "those of their squares"),
             "neither squares nor roots": (lambda W, rank: degrees(kept(W, rank, power=1)), "and then both sums by"),
             "no root": (lambda W, rank: degrees(kept(W, rank)), "without its root"),
             "cosine": (lambda W, rank: float(np.sqrt(kept(W, rank))), "this is the cosine;"),
             "cosine squared": (lambda W, rank: float(kept(W, rank)), "this is the cosine's square;"),
             "radians": (lambda W, rank: float(np.arccos(np.sqrt(kept(W, rank)))), "in radians"),
             "smallest": (lambda W, rank: degrees(np.sqrt(1 - kept(W, min(W.shape) - rank))), "kept the smallest"),
             "means of squares": (lambda W, rank: degrees(np.sqrt(kept(W, rank) * min(W.shape) / rank)), "their means"),
             "no division": (lambda W, rank: degrees(np.sqrt(kept(W, rank) * (W**2).sum())), "by which Eq. 3 divides"),
             "lengths of columns": (by_lengths, "lengths of rows or columns"),
             "lengths of rows": (lambda W, rank: by_lengths(W.T, rank), "lengths of rows or columns"),
             "sine": (lambda W, rank: degrees(np.sqrt(1 - kept(W, rank))), "what is left out"),
             "spectral norm, clipped": (lambda W, rank: degrees(np.clip(beside_the_largest(W, rank), -1, 1)), "zero")},
        without={"twice": "one number has no factor in common with others"})


def update(error, x, U, samples=slice(None), outputs=slice(None)):
    return np.einsum("or,no,ni->ri", U[outputs], error[samples, outputs], x[samples])


def last_sample_only(error, x, U):
    dV = np.zeros((U.shape[1], x.shape[1]))
    for e, entry in zip(error, x):
        dV = np.outer(U.T @ e, entry)
    return dV


def last_of_every_loop(error, x, U):
    dV = np.zeros((U.shape[1], x.shape[1]))
    for n, o, r, i in np.ndindex(*error.shape, *dV.shape):
        dV[r, i] = error[n, o] * U[o, r] * x[n, i]
    return dV


@pytest.mark.slow
def test_11_2():
    def only(**which):
        return lambda *given: update(*given, **which)

    prove("11.2", right=[solutions.bottleneck_update, solutions.bottleneck_update_from_the_local_one], kinds={
        "mean twice": [lambda error, x, U: update(error, x, U) / len(x),
                       lambda error, x, U: update(error, x, U) / U.shape[1],
                       lambda error, x, U: update(error, x, U) / error.shape[1],
                       lambda error, x, U: update(error, x, U) / x.shape[1]],
        "overwritten in a loop": [last_sample_only, last_of_every_loop, only(outputs=LAST)],
        "first left out": [only(samples=BUT_FIRST), only(outputs=BUT_FIRST)],
        "last left out": [only(samples=BUT_LAST), only(outputs=BUT_LAST)]},
        own={"bottleneck alone": (lambda error, x, U: error @ U, "what arrives in the bottleneck"),
             "one sample": (lambda error, x, U: np.outer(error[0] @ U, x[0]), "what one sample says"),
             "signs of U": (lambda error, x, U: update(error, x, np.sign(U)), "signs of U are not U"),
             "no input": (lambda error, x, U: update(error, np.ones(x.shape), U), "left out the input"),
             "W's own update": (lambda error, x, U: error.T @ x, "this is the gradient of W"),
             "means first": (lambda error, x, U: np.outer(error.mean(axis=0) @ U, x.mean(axis=0)), "you summed over"),
             "sums first": (lambda error, x, U: np.outer(error.sum(axis=0) @ U, x.sum(axis=0)), "you summed over"),
             "columns of length one": (lambda error, x, U: update(error, x, U / np.sqrt((U**2).sum(axis=0))),
                                       "length 1"),
             "pseudoinverse": (lambda error, x, U: np.linalg.pinv(U) @ error.T @ x, "pseudoinverse"),
             "U of length one": (lambda error, x, U: update(error, x, U / np.linalg.norm(U)), "one factor")})
