"""The checks of lesson 8 accept what is right and name what is wrong."""

import numpy as np
import pytest

from tests.exercises.proof import prove
from tests.solutions import lesson_08 as solutions

LAST, BUT_LAST, BUT_FIRST = slice(-1, None), slice(None, -1), slice(1, None)


def counted(weight, feedback, share=None, of=None, alike=lambda w, b: np.corrcoef(w, b)[0, 1]):
    """share(w, b) of two boolean arrays; the correlation over `of` of them."""
    w, b = weight != 0, feedback != 0
    chosen = w & b if of is None else of(w, b)
    part = (w & b).sum() / w.sum() if share is None else share(w, b)
    return part, alike(weight[chosen], feedback[chosen]) if chosen.sum() > 1 else np.nan


def cosine(w, b):
    return w @ b / np.linalg.norm(w) / np.linalg.norm(b)


def weakened(epsilon):
    return lambda w, b: np.cov(w, b, ddof=0)[0, 1] / (np.std(w) * np.std(b) + epsilon)


def above_zero(weight, feedback):
    both = (weight > 0) & (feedback > 0)
    correlation = np.corrcoef(weight[both], feedback[both])[0, 1] if both.sum() > 1 else np.nan
    return both.sum() / (weight > 0).sum(), correlation


def means_of_all(weight, feedback):
    both = weight * feedback != 0
    return counted(weight, feedback)[0], cosine((weight - weight.mean())[both], (feedback - feedback.mean())[both])


def of_signs(w, b):
    with np.errstate(invalid="ignore"):
        return np.corrcoef(np.sign(w), np.sign(b))[0, 1]


def last_output_counted(weight, feedback):
    for w, b in zip(weight, feedback):
        both = np.count_nonzero(w * b)
    return both / np.count_nonzero(weight), counted(weight, feedback)[1]


def test_8_1():
    def share(part):
        return lambda weight, feedback: counted(weight, feedback, share=part)

    def correlation(alike=lambda w, b: np.corrcoef(w, b)[0, 1], of=None):
        return lambda weight, feedback: counted(weight, feedback, alike=alike, of=of)

    def of_outputs(outputs):
        return lambda weight, feedback: counted(weight[outputs], feedback[outputs])

    prove("8.1", right=[solutions.count_reciprocal, solutions.count_reciprocal_by_loops,
                        solutions.count_reciprocal_by_the_package], kinds={
        "wrong N": [share(lambda w, b: (w & b).mean()), share(lambda w, b: (w & b).sum() / b.sum()),
                    share(lambda w, b: (w & b).sum() / (w | b).sum()),
                    correlation(lambda w, b: np.cov(w, b)[0, 1] / (np.std(w) * np.std(b))),
                    correlation(lambda w, b: np.cov(w, b, ddof=0)[0, 1] / (w.std(ddof=1) * b.std(ddof=1))),
                    correlation(lambda w, b: (w - w.mean()) @ (b - b.mean()) / (w.std() * b.std())),
                    correlation(lambda w, b: (w - w.mean()) @ (b - b.mean()) / (w.std(ddof=1) * b.std(ddof=1)))],
        "overwritten in a loop": last_output_counted,
        "first left out": of_outputs(BUT_FIRST), "last left out": of_outputs(BUT_LAST),
        "epsilon": [correlation(weakened(epsilon)) for epsilon in (1e-6, 1e-8, 1e-12, 1e-30)]},
        own={"all feedback": (share(lambda w, b: b.sum() / w.sum()), "wherever they are"),
             "a number": (share(lambda w, b: int((w & b).sum())), "the number of pairs"),
             "zeros taken in": (correlation(of=lambda w, b: w == w), "a synapse is missing"),
             "zeros of one taken in": (correlation(of=lambda w, b: w), "a synapse is missing"),
             "zeros of the other taken in": (correlation(of=lambda w, b: b), "a synapse is missing"),
             "cosine": (correlation(cosine), "this is a cosine"),
             "square": (correlation(lambda w, b: np.corrcoef(w, b)[0, 1]**2), "the square of"),
             "covariance": (correlation(lambda w, b: np.cov(w, b, ddof=0)[0, 1]), "the covariance"),
             "covariance by n − 1": (correlation(lambda w, b: np.cov(w, b)[0, 1]), "the covariance"),
             "above 0": (above_zero, "a weight below 0 is a synapse too"),
             "both above 0": (lambda weight, feedback: counted(
                 weight, np.where((weight > 0) & (feedback > 0), feedback, 0)), "a weight below 0 is a synapse too"),
             "almost 0": (lambda weight, feedback: counted(
                 np.where(np.isclose(weight, 0), 0, weight), np.where(np.isclose(feedback, 0), 0, feedback)),
                 "however small"),
             "means of all": (means_of_all, "yours are of all entries"),
             "without signs": (correlation(lambda w, b: np.corrcoef(np.abs(w), np.abs(b))[0, 1]), "keeps its sign"),
             "signs alone": (correlation(of_signs), "the signs' correlation"),
             "equal signs": (lambda weight, feedback: counted(weight, np.where(weight * feedback > 0, feedback, 0)),
                             "whatever their signs"),
             "exchanged": (lambda *given: counted(*given)[::-1], "the share comes first"),
             "correlation without its sign": (correlation(lambda w, b: abs(np.corrcoef(w, b)[0, 1])),
                                              "took the absolute value"),
             "share alone": (lambda *given: counted(*given)[0], "2 things")})


def stepped(R, mask, B, error, x, lr, decay, *, by=1.0, shrink=1.0, samples=slice(None), outputs=slice(None)):
    gradient = np.einsum("om,no,ni->mi", B[outputs], error[samples, outputs], x[samples])
    return mask * ((1 - shrink * lr * decay) * R - by * lr * gradient)


def of_a_gradient(gradient):
    return lambda R, mask, B, error, x, lr, decay: np.where(mask, R - lr * (gradient(B, error, x) + decay * R), 0.0)


def last_sample_only(R, mask, B, error, x, lr, decay):
    gradient = np.zeros_like(R)
    for n in range(len(x)):
        gradient = np.outer(error[n] @ B, x[n])
    return mask * (R - lr * (gradient + decay * R))


def last_of_every_loop(R, mask, B, error, x, lr, decay):
    new = R.copy()
    for m, i in np.ndindex(*R.shape):
        for n, o in np.ndindex(*error.shape):
            gradient = error[n, o] * B[o, m] * x[n, i]
        new[m, i] -= lr * (gradient + decay * R[m, i])
    return new * mask


def in_place(R, mask, B, error, x, lr, decay):
    R -= lr * ((error @ B).T @ x + decay * R)
    R *= mask
    return R


@pytest.mark.slow
def test_8_2():
    def only(**which):
        return lambda *given: stepped(*given, **which)

    prove("8.2", right=[solutions.masked_step, solutions.masked_step_by_gradient], kinds={
        "decay's sign": only(shrink=-1.0),
        "sign": [lambda *given: -stepped(*given), only(by=-1.0), only(by=-1.0, shrink=-1.0)],
        "mean twice": [lambda *given: stepped(*given, by=1 / len(given[4])),
                       lambda *given: stepped(*given, by=1 / len(given[4]), shrink=1 / len(given[4]))],
        "absolute value": [lambda *given: np.abs(stepped(*given)), of_a_gradient(
            lambda B, error, x: np.abs(B.T @ error.T @ x))],
        "overwritten in a loop": [last_sample_only, last_of_every_loop, only(outputs=LAST)],
        "first left out": [only(samples=BUT_FIRST), only(outputs=BUT_FIRST)],
        "last left out": [only(samples=BUT_LAST), only(outputs=BUT_LAST)]},
        own={"no mask": (lambda R, mask, *rest: stepped(R, True, *rest), "grow where none exist"),
             "mask on its head": (lambda R, mask, *rest: stepped(R, np.logical_not(mask), *rest), "on its head"),
             "mask of R": (lambda R, mask, *rest: stepped(R, R != 0, *rest),
                           "with synapses that exist and are 0: entry"),
             "mask of R, said": (lambda R, mask, *rest: stepped(R, R != 0, *rest), "ask the mask, not R"),
             "no decay": (only(shrink=0.0), "left out the decay"),
             "decay beside the rate": (lambda *given: stepped(*given, shrink=1 / given[-2]), "multiplies both"),
             "decay after the step": (lambda *given: stepped(*given, shrink=0.0) * (1 - given[-2] * given[-1]),
                                      "of the old R"),
             "no rate": (lambda *given: stepped(*given[:-2], 1.0, given[-1]), "left out the learning rate"),
             "rate at the decay alone": (lambda *given: stepped(*given, by=1 / given[-2]), "not the decay alone"),
             "decay of every sample": (lambda *given: stepped(*given, shrink=len(given[4])),
                                       "not once for every sample"),
             "decay twice": (only(shrink=2.0), "decay adds λ R"),
             "half the decay": (only(shrink=0.5), "decay adds λ R"),
             "decay of the signs": (lambda R, mask, B, error, x, lr, decay: stepped(
                 R, mask, B, error, x, lr, 0.0) - lr * decay * np.sign(R), "yours is of its signs"),
             "signs of B": (lambda R, mask, B, *rest: stepped(R, mask, np.sign(B), *rest), "the signs of B are not B"),
             "means first": (of_a_gradient(lambda B, error, x: np.outer(error.mean(axis=0) @ B, x.mean(axis=0))),
                             "before the product"),
             "sums first": (of_a_gradient(lambda B, error, x: np.outer(error.sum(axis=0) @ B, x.sum(axis=0))),
                            "before the product"),
             "N times": (lambda R, mask, B, error, *rest: stepped(R, mask, B, error, *rest, by=len(error)),
                         "N times the right one"),
             "the change alone": (lambda R, *rest: stepped(R, *rest) - R, "what changes, not the new R"),
             "the gradient alone": (lambda R, mask, B, error, x, lr, decay: mask * (B.T @ error.T @ x),
                                    "the gradient, not the new R"),
             "in place": (in_place, "changes its argument R")})
