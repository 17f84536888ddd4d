"""Answers to the exercises of lesson 3, written from its text alone."""

import numpy as np

import feedbackalign as fa


def feedback_update(error, W, B, v, x):
    return ((error @ B) * (v > 0)).T @ x


def feedback_update_by_loops(error, W, B, v, x):
    gradient = np.zeros((v.shape[1], x.shape[1]))
    for n in range(len(x)):
        for i in range(v.shape[1]):
            if v[n, i] > 0:
                gradient[i] += (error[n] @ B[:, i]) * x[n]
    return gradient


def feedback_update_by_the_package(error, W, B, v, x):
    sent = fa.ops.activations.relu_backward(fa.ops.linear.linear_transport(error, B), v)
    return fa.ops.linear.linear_weight_gradient(sent, x)


def feedback_update_assigned(error, W, B, v, x):
    for n in range(len(x)):
        gradient = np.outer((error[n] @ B) * (v[n] > 0), x[n])
    return gradient


def feedback_update_in_place(error, W, B, v, x):
    v[v > 0] = 1
    v[v < 0] = 0
    return ((error @ B) * v).T @ x


def cosine(u, v):
    return np.vdot(u, v) / (np.linalg.norm(u) * np.linalg.norm(v))


def angle_between(u, v):
    return np.degrees(np.arccos(np.clip(cosine(u, v), -1, 1)))


def angle_by_sums(u, v):
    u, v = [float(number) for number in np.ravel(u)], [float(number) for number in np.ravel(v)]
    product = sum(a * b for a, b in zip(u, v))
    lengths = sum(a * a for a in u)**0.5 * sum(b * b for b in v)**0.5
    return np.arccos(min(1.0, max(-1.0, product / lengths))) * 180 / np.pi


def angle_by_half_angles(u, v):
    u, v = np.ravel(u) / np.linalg.norm(u), np.ravel(v) / np.linalg.norm(v)
    return np.degrees(2 * np.arctan2(np.linalg.norm(u - v), np.linalg.norm(u + v)))


def angle_with_epsilon(u, v):
    return np.degrees(np.arccos(np.vdot(u, v) / (np.linalg.norm(u) * np.linalg.norm(v) + 1e-8)))


def angle_in_place(u, v):
    u /= np.linalg.norm(u)
    v /= np.linalg.norm(v)
    return np.degrees(np.arccos(np.clip((u * v).sum(), -1, 1)))


def angle_by_matrix_norms(u, v):
    lengths = np.linalg.norm(u, 2) * np.linalg.norm(v, 2)
    return np.degrees(np.arccos(np.clip((u * v).sum() / lengths, -1, 1)))


def mean_angle_of_rows(u, v):
    lengths = np.linalg.norm(u, axis=-1) * np.linalg.norm(v, axis=-1)
    return np.degrees(np.arccos(np.clip((u * v).sum(axis=-1) / lengths, -1, 1))).mean()


def angle_of_centred(u, v):
    return angle_between(u - u.mean(), v - v.mean())


ANSWERS = [
    ("3.1", "right", "", feedback_update),
    ("3.1", "right", "", feedback_update_by_loops),
    ("3.1", "right", "", feedback_update_by_the_package),
    ("3.1", "right", "", lambda error, W, B, v, x:
        np.einsum("no,oh,nh,ni->hi", error, B, np.heaviside(v, np.float32(0)), x)),
    ("3.1", "wrong", "W in the place of B", lambda error, W, B, v, x: ((error @ W) * (v > 0)).T @ x),
    ("3.1", "wrong", "slope forgotten", lambda error, W, B, v, x: (error @ B).T @ x),
    ("3.1", "wrong", "slope of the wrong quantity", lambda error, W, B, v, x: ((error @ B) * (error @ B > 0)).T @ x),
    ("3.1", "wrong", "unit for its slope", lambda error, W, B, v, x: ((error @ B) * np.maximum(v, 0)).T @ x),
    ("3.1", "wrong", "slope at the kink", lambda error, W, B, v, x: ((error @ B) * (v >= 0)).T @ x),
    ("3.1", "wrong", "slope of the wrong quantity", lambda error, W, B, v, x: ((error @ B) * (v > 1)).T @ x),
    ("3.1", "wrong", "epsilon in a denominator", lambda error, W, B, v, x:
        ((error @ B) * np.maximum(v, 0) / (np.abs(v) + 1e-8)).T @ x),
    ("3.1", "wrong", "0/0", lambda error, W, B, v, x: ((error @ B) * (v + np.abs(v)) / (2 * v)).T @ x),
    ("3.1", "wrong", "1/N twice", lambda error, W, B, v, x: feedback_update(error, W, B, v, x) / len(x)),
    ("3.1", "wrong", "sign", lambda error, W, B, v, x: -feedback_update(error, W, B, v, x)),
    ("3.1", "wrong", "transposed", lambda error, W, B, v, x: x.T @ ((error @ B) * (v > 0))),
    ("3.1", "wrong", "assigned for added", feedback_update_assigned),
    ("3.1", "wrong", "argument changed", feedback_update_in_place),
    ("3.1", "wrong", "squeezed", lambda error, W, B, v, x: np.squeeze(feedback_update(error, W, B, v, x))),
    ("3.2", "right", "", angle_between),
    ("3.2", "right", "", angle_by_sums),
    ("3.2", "right", "", angle_by_half_angles),
    ("3.2", "right", "", fa.alignment.angle),
    ("3.2", "wrong", "argument changed", angle_in_place),
    ("3.2", "wrong", "no clipping", lambda u, v: np.degrees(np.arccos(cosine(u, v)))),
    ("3.2", "wrong", "shape taken for granted", lambda u, v:
        np.degrees(np.arccos(np.clip(np.trace(u.T @ v) / np.linalg.norm(u) / np.linalg.norm(v), -1, 1)))),
    ("3.2", "wrong", "epsilon in a denominator", angle_with_epsilon),
    ("3.2", "wrong", "abs where a sign belongs", lambda u, v:
        np.degrees(np.arccos(np.clip(np.abs(cosine(u, v)), 0, 1)))),
    ("3.2", "wrong", "clipped where a sign belongs", lambda u, v: np.degrees(np.arccos(np.clip(cosine(u, v), 0, 1)))),
    ("3.2", "wrong", "another operation", lambda u, v:
        np.degrees(np.arcsin(np.sqrt(np.clip(1 - cosine(u, v)**2, 0, 1))))),
    ("3.2", "wrong", "spectral norm", angle_by_matrix_norms),
    ("3.2", "wrong", "norm over the wrong axis", mean_angle_of_rows),
    ("3.2", "wrong", "radians", lambda u, v: np.radians(angle_between(u, v))),
    ("3.2", "wrong", "cosine for the angle", lambda u, v: np.clip(cosine(u, v), -1, 1)),
    ("3.2", "wrong", "term too many", angle_of_centred),
    ("3.2", "wrong", "lower precision", lambda u, v: angle_between(u.astype(np.float32), v.astype(np.float32))),
]
