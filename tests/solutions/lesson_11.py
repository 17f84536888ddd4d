"""Lesson 11, a rule of one's own."""

import numpy as np

import feedbackalign as fa


def best_angle(W, rank):
    values = np.linalg.svd(W, compute_uv=False)
    return float(np.degrees(np.arccos(np.linalg.norm(values[:rank]) / np.linalg.norm(values))))


def best_angle_by_building_it(W, rank):
    left, values, right = np.linalg.svd(W, full_matrices=False)
    return fa.alignment.angle(W, left[:, :rank] * values[:rank] @ right[:rank])


def bottleneck_update(error, x, U):
    return (error @ U).T @ x


def bottleneck_update_from_the_local_one(error, x, U):
    return U.T @ (error.T @ x)
