"""Lesson 3, feedback alignment."""

import numpy as np

import feedbackalign as fa


def feedback_update(error, W, B, v, x):
    return (error @ B * (v > 0)).T @ x


def feedback_update_by_samples(error, W, B, v, x):
    update = np.zeros((v.shape[1], x.shape[1]))
    for n in range(len(x)):
        down = np.where(v[n] > 0, B.T @ error[n], 0.0)
        update += np.outer(down, x[n])
    return update


def angle_between(u, v):
    cosine = (u * v).sum() / np.sqrt((u**2).sum() * (v**2).sum())
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))                    # rounding may lift it just above 1


def angle_between_by_the_package(u, v):
    return fa.alignment.angle(u, v)
