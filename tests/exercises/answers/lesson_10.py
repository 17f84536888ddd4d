"""Answers to the exercises of lesson 10, written from its text alone."""

import numpy as np

import feedbackalign as fa


def delta_angle(weight_angles):
    return np.degrees(np.arccos(np.prod(np.cos(np.radians(weight_angles)))))


def delta_angle_by_loops(weight_angles):
    cosine = 1.0
    for angle in weight_angles:
        cosine *= np.cos(float(angle) / 180 * np.pi)
    return float(np.arccos(cosine)) * 180 / np.pi


def delta_angle_step_by_step(weight_angles):
    found = 0.0
    for angle in weight_angles:
        found = np.degrees(np.arccos(np.cos(np.radians(found)) * np.cos(np.radians(angle))))
    return found


def delta_angle_by_logarithms(weight_angles):
    return np.degrees(np.arccos(np.exp(np.log(np.abs(np.cos(np.radians(weight_angles)))).sum())))


def cosine_of(angles):
    return np.prod(np.cos(np.radians(angles)))


def delta_angle_assigned(weight_angles):
    for angle in weight_angles:
        cosine = np.cos(np.radians(angle))
    return np.degrees(np.arccos(cosine))


def error_below_block(error, v, B1, B2):
    return error + ((error @ B2) * (v > 0)) @ B1


def error_below_block_by_loops(error, v, B1, B2):
    below = error.copy()
    for n in range(len(error)):
        for unit in np.flatnonzero(v[n] > 0):
            below[n] += (error[n] @ B2[:, unit]) * B1[unit]
    return below


def error_below_block_by_the_package(error, v, B1, B2):
    inner = fa.ops.activations.relu_backward(fa.ops.linear.linear_transport(error, B2), v)
    return np.add(error, np.einsum("nh,hi->ni", inner, B1))


def error_below_block_in_place(error, v, B1, B2):
    error += ((error @ B2) * (v > 0)) @ B1
    return error.copy()


def error_below_block_assigned(error, v, B1, B2):
    below = error.copy()
    for unit in range(len(B1)):
        below = error + ((error @ B2[:, unit]) * (v[:, unit] > 0))[:, None] * B1[unit]
    return below


def error_below_block_through_a_relu_at_y(error, v, B1, B2):
    below = error + ((error @ B2) * (v > 0)) @ B1
    return below * (below > 0)


ANSWERS = [
    ("10.1", "right", "", delta_angle),
    ("10.1", "right", "", delta_angle_by_loops),
    ("10.1", "right", "", delta_angle_step_by_step),
    ("10.1", "wrong", "abs where a sign belongs", delta_angle_by_logarithms),
    ("10.1", "wrong", "clipped where a sign belongs", lambda weight_angles:
        np.degrees(np.arccos(np.clip(cosine_of(weight_angles), 0, 1)))),
    ("10.1", "wrong", "assigned for added", delta_angle_assigned),
    ("10.1", "wrong", "another operation", lambda weight_angles: float(np.sum(weight_angles))),
    ("10.1", "wrong", "another operation", lambda weight_angles:
        np.degrees(np.sqrt((np.radians(weight_angles)**2).sum()))),
    ("10.1", "wrong", "mean for a sum", lambda weight_angles:
        np.degrees(np.arccos(np.cos(np.radians(weight_angles)).mean()))),
    ("10.1", "wrong", "first value for all", lambda weight_angles:
        np.degrees(np.arccos(np.cos(np.radians(weight_angles[0]))**len(weight_angles)))),
    ("10.1", "wrong", "mean for every one", lambda weight_angles:
        np.degrees(np.arccos(np.cos(np.radians(np.mean(weight_angles)))**len(weight_angles)))),
    ("10.1", "wrong", "first term left out", lambda weight_angles:
        np.degrees(np.arccos(cosine_of(weight_angles[1:])))),
    ("10.1", "wrong", "last term left out", lambda weight_angles:
        np.degrees(np.arccos(cosine_of(weight_angles[:-1])))),
    ("10.1", "wrong", "constant of the example", lambda weight_angles:
        np.degrees(np.arccos(cosine_of(weight_angles[:3])))),
    ("10.1", "wrong", "too many values", lambda weight_angles:
        np.degrees(np.arccos(np.cumprod(np.cos(np.radians(weight_angles)))))),
    ("10.1", "wrong", "radians", lambda weight_angles: np.arccos(cosine_of(weight_angles))),
    ("10.1", "wrong", "radians", lambda weight_angles:
        np.degrees(np.arccos(np.prod(np.cos(weight_angles))))),
    ("10.1", "wrong", "cosine for the angle", cosine_of),
    ("10.1", "wrong", "another operation", lambda weight_angles:
        np.degrees(np.arcsin(np.prod(np.sin(np.radians(weight_angles)))))),
    ("10.2", "right", "", error_below_block),
    ("10.2", "right", "", error_below_block_by_loops),
    ("10.2", "right", "", error_below_block_by_the_package),
    ("10.2", "wrong", "term left out", lambda error, v, B1, B2: ((error @ B2) * (v > 0)) @ B1),
    ("10.2", "wrong", "term left out", lambda error, v, B1, B2: error.copy()),
    ("10.2", "wrong", "factor left out", lambda error, v, B1, B2: (error + ((error @ B2) * (v > 0)) @ B1) / 2),
    ("10.2", "wrong", "sign", lambda error, v, B1, B2: error - ((error @ B2) * (v > 0)) @ B1),
    ("10.2", "wrong", "slope forgotten", lambda error, v, B1, B2: error + error @ B2 @ B1),
    ("10.2", "wrong", "slope of the wrong quantity", lambda error, v, B1, B2: error + np.maximum(error @ B2, 0) @ B1),
    ("10.2", "wrong", "unit for its slope", lambda error, v, B1, B2: error + ((error @ B2) * np.maximum(v, 0)) @ B1),
    ("10.2", "wrong", "slope at the kink", lambda error, v, B1, B2: error + ((error @ B2) * (v >= 0)) @ B1),
    ("10.2", "wrong", "slope of the wrong quantity", lambda error, v, B1, B2: error + ((error @ B2) * (v > 1)) @ B1),
    ("10.2", "wrong", "order of a product swapped", lambda error, v, B1, B2:
        error + ((error @ B1.T) * (v > 0)) @ B2.T),
    ("10.2", "wrong", "too few values", lambda error, v, B1, B2: error + ((error @ B2) * (v > 0)) @ B2.T),
    ("10.2", "wrong", "1/N twice", lambda error, v, B1, B2: error_below_block(error, v, B1, B2) / len(error)),
    ("10.2", "wrong", "slope applied twice", error_below_block_through_a_relu_at_y),
    ("10.2", "wrong", "assigned for added", error_below_block_assigned),
    ("10.2", "wrong", "argument changed", error_below_block_in_place),
    ("10.2", "wrong", "squeezed", lambda error, v, B1, B2: error_below_block(error, v, B1, B2).squeeze()),
]
