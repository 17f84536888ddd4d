"""Lesson 22, few synapses."""

import math

import numpy as np


def sparse_path(weight, B, mask):
    return B @ np.where(mask, B.T @ weight, 0.0)


def sparse_path_by_loops(weight, B, mask):
    path = np.zeros(weight.shape)
    for o, p, m, i in np.ndindex(len(B), len(B), len(mask), mask.shape[1]):
        if mask[m, i]:
            path[o, i] += B[o, m] * B[p, m] * weight[p, i]
    return path


def expected_path(expansion, density):
    return np.degrees(np.arctan2(1.0, np.sqrt(expansion * density))), np.sqrt(density * (density + 1 / expansion))


def expected_path_by_its_two_parts(expansion, density):
    along, across = density, math.sqrt(density / expansion)
    return math.degrees(math.atan2(across, along)), math.hypot(along, across)
