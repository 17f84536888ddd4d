"""The checks of lesson 11 accept what is right and name what is wrong."""

import numpy as np

from tests.exercises.proof import prove
from tests.solutions import lesson_11 as solutions


def kept(W, rank, power=2):
    values = np.linalg.svd(W, compute_uv=False)**power
    return values[:rank].sum() / values.sum()


def degrees(cosine):
    return float(np.degrees(np.arccos(cosine)))


def test_11_1():
    prove("11.1", right=[solutions.best_angle, solutions.best_angle_by_building_it], kind="other",
          own={"not squared": (lambda W, rank: degrees(np.sqrt(kept(W, rank, power=1))), "by their squares"),
               "no root": (lambda W, rank: degrees(kept(W, rank)), "without its root"),
               "cosine": (lambda W, rank: float(np.sqrt(kept(W, rank))), "this is the cosine;"),
               "radians": (lambda W, rank: float(np.arccos(np.sqrt(kept(W, rank)))), "in radians"),
               "smallest": (lambda W, rank: degrees(np.sqrt(1 - kept(W, min(W.shape) - rank))), "kept the smallest"),
               "one too many": (lambda W, rank: degrees(np.sqrt(kept(W, rank + 1))), "one singular value too many"),
               "sine": (lambda W, rank: degrees(np.sqrt(1 - kept(W, rank))), "should be")},
          without={"twice": "one number has no factor in common with others"})


def update(error, x, U):
    return U.T @ error.T @ x


def test_11_2():
    prove("11.2", right=[solutions.bottleneck_update, solutions.bottleneck_update_from_the_local_one],
          kind="feedback update",
          wrong={"twice 1/N": (lambda error, x, U: update(error, x, U) / len(x), "carries 1/N")},
          own={"signs of U": (lambda error, x, U: update(error, x, np.sign(U)), "signs of U are not U"),
               "no input": (lambda error, x, U: update(error, np.ones_like(x), U), "left out the input"),
               "W's own update": (lambda error, x, U: error.T @ x, "shape"),
               "U of length one": (lambda error, x, U: update(error, x, U / np.linalg.norm(U)), "one factor")},
          without={"W used": "no W is given", "derivative left out": "no unit lies between"})
