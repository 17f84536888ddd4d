"""Answers to the exercises of lesson 5, written from its text alone."""

import numpy as np

import feedbackalign as fa


def signed_error(error, weight, M, v):
    return (error @ (np.abs(M) * np.sign(weight))) * (v > 0)


def signed_error_by_loops(error, weight, M, v):
    sent = np.zeros(v.shape)
    for n, i in np.ndindex(*v.shape):
        for o in range(len(weight)):
            if v[n, i] > 0 and weight[o, i] != 0:
                sent[n, i] += error[n, o] * (abs(M[o, i]) if weight[o, i] > 0 else -abs(M[o, i]))
    return sent


def signed_error_of_copied_signs(error, weight, M, v):
    feedback = np.where(weight == 0, np.float32(0), np.copysign(M, weight))
    return fa.ops.activations.relu_backward(fa.ops.linear.linear_transport(error, feedback), v)


def signs_in_place(error, weight, M, v):
    M *= np.sign(M) * np.sign(weight)
    return (error @ M) * (v > 0)


def sign_by_division(error, weight, M, v):
    return (error @ (np.abs(M) * weight / (np.abs(weight) + 1e-8))) * (v > 0)


def angle_to_signs(weight):
    return np.degrees(np.arccos(min(1.0, np.abs(weight).mean() / np.sqrt((weight**2).mean()))))


def angle_to_signs_by_sums(weight):
    magnitudes = [abs(float(w)) for w in weight.ravel()]
    mean, square = sum(magnitudes) / weight.size, sum(w * w for w in magnitudes) / weight.size
    return np.arctan2(max(square - mean * mean, 0.0)**0.5, mean) * 180 / np.pi


def cosine_by_norm(weight, order=None):
    return np.clip(np.abs(weight).sum() / (np.linalg.norm(weight, order) * np.sqrt(weight.size)), -1, 1)


ANSWERS = [
    ("5.1", "right", "", signed_error),
    ("5.1", "right", "", signed_error_by_loops),
    ("5.1", "right", "", signed_error_of_copied_signs),
    ("5.1", "wrong", "abs forgotten", lambda error, weight, M, v: (error @ (M * np.sign(weight))) * (v > 0)),
    ("5.1", "wrong", "sign of zero", lambda error, weight, M, v: (error @ np.copysign(M, weight)) * (v > 0)),
    ("5.1", "wrong", "sign of zero", lambda error, weight, M, v:
        (error @ (np.abs(M) * np.where(weight > 0, 1, -1))) * (v > 0)),
    ("5.1", "wrong", "0/0", lambda error, weight, M, v: (error @ (np.abs(M) * weight / np.abs(weight))) * (v > 0)),
    ("5.1", "wrong", "epsilon in a denominator", sign_by_division),
    ("5.1", "wrong", "W in the place of B", lambda error, weight, M, v: (error @ weight) * (v > 0)),
    ("5.1", "wrong", "factor left out", lambda error, weight, M, v: (error @ np.sign(weight)) * (v > 0)),
    ("5.1", "wrong", "mean for every one", lambda error, weight, M, v:
        (error @ (np.abs(M).mean() * np.sign(weight))) * (v > 0)),
    ("5.1", "wrong", "abs where a sign belongs", lambda error, weight, M, v: (error @ np.abs(M)) * (v > 0)),
    ("5.1", "wrong", "slope forgotten", lambda error, weight, M, v: error @ (np.abs(M) * np.sign(weight))),
    ("5.1", "wrong", "slope of the wrong quantity", lambda error, weight, M, v:
        np.maximum(error @ (np.abs(M) * np.sign(weight)), 0)),
    ("5.1", "wrong", "slope at the kink", lambda error, weight, M, v:
        (error @ (np.abs(M) * np.sign(weight))) * (v >= 0)),
    ("5.1", "wrong", "argument changed", signs_in_place),
    ("5.1", "wrong", "squeezed", lambda error, weight, M, v: signed_error(error, weight, M, v).squeeze()),
    ("5.2", "right", "", angle_to_signs),
    ("5.2", "right", "", angle_to_signs_by_sums),
    ("5.2", "right", "", lambda weight: np.degrees(np.arccos(cosine_by_norm(weight)))),
    ("5.2", "right", "", lambda weight: fa.alignment.angle(weight, np.sign(weight))),
    ("5.2", "wrong", "no clipping", lambda weight:
        np.degrees(np.arccos(np.abs(weight).mean() / np.sqrt((weight**2).mean())))),
    ("5.2", "wrong", "spectral norm", lambda weight:
        np.degrees(np.arccos(cosine_by_norm(weight.reshape(len(weight), -1), 2)))),
    ("5.2", "wrong", "shape taken for granted", lambda weight:
        np.degrees(np.arccos(np.clip(cosine_by_norm(weight, "fro"), -1, 1)))),
    ("5.2", "wrong", "abs forgotten", lambda weight:
        np.degrees(np.arccos(np.clip(weight.mean() / np.sqrt((weight**2).mean()), -1, 1)))),
    ("5.2", "wrong", "root left out", lambda weight:
        np.degrees(np.arccos(np.clip(np.abs(weight).mean() / (weight**2).mean(), -1, 1)))),
    ("5.2", "wrong", "deviation for the root mean square", lambda weight:
        np.degrees(np.arccos(np.clip(np.abs(weight).mean() / weight.std(), -1, 1)))),
    ("5.2", "wrong", "epsilon in a denominator", lambda weight:
        np.degrees(np.arccos(np.abs(weight).mean() / (np.sqrt((weight**2).mean()) + 1e-8)))),
    ("5.2", "wrong", "constant of the example", lambda weight:
        np.degrees(np.arccos(np.clip(np.abs(weight).sum() / np.sqrt(35 * (weight**2).sum()), -1, 1)))),
    ("5.2", "wrong", "law for every case", lambda weight: 30.0),
    ("5.2", "wrong", "operations in another order", lambda weight:
        float(np.mean([angle_to_signs(row) for row in weight]))),
    ("5.2", "wrong", "radians", lambda weight: np.radians(angle_to_signs(weight))),
    ("5.2", "wrong", "cosine for the angle", lambda weight: np.cos(np.radians(angle_to_signs(weight)))),
]
