"""Lesson 5, sign symmetry."""

import numpy as np

import feedbackalign as fa


def signed_error(error, weight, M, v):
    return error @ (abs(M) * np.sign(weight)) * (v > 0)


def signed_error_by_loops(error, weight, M, v):
    answer = np.zeros(v.shape)
    for n, i in zip(*np.nonzero(v > 0)):
        for o in range(len(weight)):
            if weight[o, i] > 0:
                answer[n, i] += error[n, o] * abs(M[o, i])
            elif weight[o, i] < 0:
                answer[n, i] -= error[n, o] * abs(M[o, i])
    return answer


def angle_to_signs(weight):
    cosine = np.abs(weight).mean() / np.sqrt(np.mean(weight**2))
    return np.degrees(np.arccos(min(cosine, 1.0)))                          # rounding may lift it just above 1


def angle_to_signs_by_the_package(weight):
    return fa.alignment.angle(weight, np.sign(weight))
