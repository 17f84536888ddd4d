"""The checks of lesson 3 accept what is right and name what is wrong."""

import math

import numpy as np
import pytest

from tests.exercises.proof import prove
from tests.solutions import lesson_03 as solutions


def update(through=lambda W, B: B, slope=lambda v, sent: v > 0, samples=slice(None), outputs=slice(None)):
    def wrong(error, W, B, v, x):
        sent = error[:, outputs] @ through(W, B)[outputs]
        return np.einsum("nh,ni->hi", (sent * slope(v, sent))[samples], x[samples])
    return wrong


def assigned(error, W, B, v, x):
    answer = np.zeros((v.shape[1], x.shape[1]))
    for n in range(len(x)):
        answer = np.outer(B.T @ error[n] * (v[n] > 0), x[n])
    return answer


def test_3_1():
    prove("3.1", right=[solutions.feedback_update, solutions.feedback_update_by_samples], kinds={
        "slope left out": update(slope=lambda v, sent: 1.0),
        "slope of the wrong": [update(slope=lambda v, sent: sent > 0), update(slope=lambda v, sent: np.cosh(v)**-2)],
        "epsilon": [update(slope=lambda v, sent: np.maximum(v, 0) / (v + 1e-12)),
                    update(slope=lambda v, sent: np.maximum(v, 0) / (abs(v) + 1e-8))],
        "overwritten in a loop": [assigned, update(outputs=slice(-1, None)),
                                  update(samples=slice(-1, None), outputs=slice(-1, None))],
        "first left out": update(samples=slice(1, None)), "last left out": update(samples=slice(None, -1))},
        own={"W used": (update(lambda W, B: W), "through W: feedback"),
             "W used, without slope": (update(lambda W, B: W, lambda v, sent: 1.0), "and left out the slope"),
             "v as slope": (update(slope=lambda v, sent: v * (v > 0)), "not v"),
             "silent units": (update(slope=lambda v, sent: v <= 0), "wrong way round"),
             "slope at 0": (update(slope=lambda v, sent: v >= 0), "write v > 0, not v >= 0"),
             "0 / 0": (update(slope=lambda v, sent: np.maximum(v, 0) / v), "0 / 0 is nan"),
             "above 1": (update(slope=lambda v, sent: v > 1), "not above 1"),
             "B turned round": (lambda e, W, B, v, x: (e @ B.T * (v > 0)).T @ x, "write the shape")})


def cosine(u, v):
    return np.vdot(u, v) / np.linalg.norm(u) / np.linalg.norm(v)


def degrees(number, least=-1.0):
    return np.degrees(np.arccos(np.clip(number, least, 1)))


def acos(u, v):
    return math.degrees(math.acos((u * v).sum() / (np.linalg.norm(u) * np.linalg.norm(v))))


def by_norms(u, v, e, order=None):
    return degrees(np.vdot(u, v) / ((np.linalg.norm(u, order) + e) * (np.linalg.norm(v, order) + e)))


@pytest.mark.slow
def test_3_2():
    prove("3.2", right=[solutions.angle_between, solutions.angle_between_by_the_package], kinds={
        "absolute value": lambda u, v: degrees(abs(cosine(u, v))),
        "cut off": lambda u, v: degrees(cosine(u, v), least=0),
        "spectral norm": lambda u, v: by_norms(u, v, 0.0, 2),
        "not clipped": [acos, lambda u, v: np.degrees(np.arccos(cosine(u, v))),
                        lambda u, v: np.degrees(np.arccos((u * v).sum() / np.sqrt((u**2).sum() * (v**2).sum())))],
        "epsilon": [lambda u, v: by_norms(u, v, 1e-8), lambda u, v: by_norms(u, v, 1e-12),
                    lambda u, v: degrees(np.vdot(u, v) / (np.linalg.norm(u) * np.linalg.norm(v) + 1e-10))]},
        own={"radians": (lambda u, v: np.arccos(cosine(u, v)), "radians"),
             "cosine": (cosine, "the cosine"),
             "not flattened": (lambda u, v: np.mean([solutions.angle_between(*rows) for rows in zip(u, v)]), "flatten"),
             "lengths left out": (lambda u, v: degrees(np.vdot(u, v)), "lengths"),
             "one length": (lambda u, v: degrees(np.vdot(u, v) / np.linalg.norm(u)), "length of one array; both"),
             "one length twice": (lambda u, v: degrees(np.vdot(u, v) / np.vdot(u, u)), "one array, twice"),
             "no roots": (lambda u, v: degrees(np.vdot(u, v) / np.vdot(u, u) / np.vdot(v, v)), "roots are missing"),
             "other lengths": (lambda u, v: degrees(np.vdot(u, v) / abs(u).sum() / abs(v).sum()), "absolute values"),
             "correlation": (lambda u, v: degrees(np.corrcoef(u.ravel(), v.ravel())[0, 1]) if u.size > 1 else 0.0,
                             "the correlation"),
             "the other side": (lambda u, v: degrees(-cosine(u, v)), "180° minus"),
             "an array": (lambda u, v: np.full(3, solutions.angle_between(u, v)), "should be a number")})
