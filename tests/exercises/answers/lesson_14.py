"""Answers to the exercises of lesson 14, written from its text alone."""

import numpy as np

import feedbackalign as fa


def difference_target(h, h_above, target_above, Q, c):
    return h + np.tanh(target_above @ Q.T + c) - np.tanh(h_above @ Q.T + c)


def difference_target_by_loops(h, h_above, target_above, Q, c):
    target = h.copy()
    for n, unit in np.ndindex(*h.shape):
        target[n, unit] += np.tanh(Q[unit] @ target_above[n] + c[unit]) - np.tanh(Q[unit] @ h_above[n] + c[unit])
    return target


def difference_target_by_the_package(h, h_above, target_above, Q, c):
    back = fa.ops.linear.linear(np.stack([target_above, h_above]).reshape(-1, Q.shape[1]), Q, c)
    wanted, found = np.split(fa.ops.activations.tanh(back), 2)
    return h + wanted - found


def difference_target_in_place(h, h_above, target_above, Q, c):
    h += np.tanh(target_above @ Q.T + c)
    h -= np.tanh(h_above @ Q.T + c)
    return h.copy()


def linear_difference_target(h, h_above, target_above, Q, c):
    slope = 1 - np.tanh(h_above @ Q.T + c)**2
    return h + slope * ((target_above - h_above) @ Q.T)


def feedback_gradient(noise, shift, Q):
    return 2 * (shift @ Q.T - noise).T @ shift / len(noise)


def feedback_gradient_by_loops(noise, shift, Q):
    gradient = np.zeros(Q.shape)
    for xi, moved in zip(noise, shift):
        gradient += 2 * np.outer(Q @ moved - xi, moved)
    return gradient / len(noise)


def feedback_gradient_by_moments(noise, shift, Q):
    second, mixed = shift.T @ shift, np.einsum("nh,no->ho", noise, shift)
    return np.float64(2) / noise.shape[0] * (Q @ second - mixed)


def feedback_gradient_assigned(noise, shift, Q):
    for xi, moved in zip(noise, shift):
        gradient = 2 * np.outer(Q @ moved - xi, moved) / len(noise)
    return gradient


ANSWERS = [
    ("14.1", "right", "", difference_target),
    ("14.1", "right", "", difference_target_by_loops),
    ("14.1", "right", "", difference_target_by_the_package),
    ("14.1", "wrong", "argument changed", difference_target_in_place),
    ("14.1", "wrong", "first order for the whole", linear_difference_target),
    ("14.1", "wrong", "term left out", lambda h, h_above, target_above, Q, c: np.tanh(target_above @ Q.T + c)),
    ("14.1", "wrong", "term left out", lambda h, h_above, target_above, Q, c:
        h + np.tanh(target_above @ Q.T + c)),
    ("14.1", "wrong", "term left out", lambda h, h_above, target_above, Q, c:
        np.tanh(target_above @ Q.T + c) - np.tanh(h_above @ Q.T + c)),
    ("14.1", "wrong", "sign", lambda h, h_above, target_above, Q, c:
        difference_target(h, target_above, h_above, Q, c)),
    ("14.1", "wrong", "sign of one term", lambda h, h_above, target_above, Q, c:
        h + np.tanh(target_above @ Q.T + c) + np.tanh(h_above @ Q.T + c)),
    ("14.1", "wrong", "unit forgotten", lambda h, h_above, target_above, Q, c: h + (target_above - h_above) @ Q.T),
    ("14.1", "wrong", "unit of the wrong quantity", lambda h, h_above, target_above, Q, c:
        h + np.tanh((target_above - h_above) @ Q.T)),
    ("14.1", "wrong", "unit of the wrong quantity", lambda h, h_above, target_above, Q, c:
        h + np.tanh((target_above - h_above) @ Q.T + c)),
    ("14.1", "wrong", "broadcast over the wrong axis", lambda h, h_above, target_above, Q, c:
        difference_target(h, h_above, target_above, Q, c[:, None])),
    ("14.1", "wrong", "bias left out", lambda h, h_above, target_above, Q, c:
        difference_target(h, h_above, target_above, Q, 0)),
    ("14.1", "wrong", "unit of the wrong quantity", lambda h, h_above, target_above, Q, c:
        h + np.tanh(target_above @ Q.T) + c - np.tanh(h_above @ Q.T) - c),
    ("14.1", "wrong", "squeezed", lambda h, h_above, target_above, Q, c:
        difference_target(h, h_above, target_above, Q, c).squeeze()),
    ("14.2", "right", "", feedback_gradient),
    ("14.2", "right", "", feedback_gradient_by_loops),
    ("14.2", "right", "", feedback_gradient_by_moments),
    ("14.2", "wrong", "assigned for added", feedback_gradient_assigned),
    ("14.2", "wrong", "factor left out", lambda noise, shift, Q: feedback_gradient(noise, shift, Q) / 2),
    ("14.2", "wrong", "1/N missing", lambda noise, shift, Q: feedback_gradient(noise, shift, Q) * len(noise)),
    ("14.2", "wrong", "1/N of the wrong N", lambda noise, shift, Q:
        feedback_gradient(noise, shift, Q) * len(noise) / noise.size),
    ("14.2", "wrong", "constant of the example", lambda noise, shift, Q:
        2 * (shift @ Q.T - noise).T @ shift / 5),
    ("14.2", "wrong", "sign", lambda noise, shift, Q: -feedback_gradient(noise, shift, Q)),
    ("14.2", "wrong", "sign of one term", lambda noise, shift, Q: feedback_gradient(-noise, shift, Q)),
    ("14.2", "wrong", "term left out", lambda noise, shift, Q: -2 * noise.T @ shift / len(noise)),
    ("14.2", "wrong", "slope of the wrong quantity", lambda noise, shift, Q:
        2 * (shift @ Q.T - noise).T @ noise @ Q / len(noise)),
    ("14.2", "wrong", "transposed", lambda noise, shift, Q: feedback_gradient(noise, shift, Q).T),
    ("14.2", "wrong", "squeezed", lambda noise, shift, Q: feedback_gradient(noise, shift, Q).squeeze()),
]
