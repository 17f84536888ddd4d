"""Answers to the exercises of lesson 15, written from its text alone."""

import numpy as np


def steady_control(J, Q, delta, damping):
    return np.linalg.solve(J @ Q + damping * np.eye(delta.shape[1]), delta[:, :, None])[:, :, 0]


def steady_control_by_loops(J, Q, delta, damping):
    u = np.zeros(delta.shape)
    for n in range(len(J)):
        u[n] = np.linalg.solve(J[n] @ Q + damping * np.identity(len(delta[n])), delta[n])
    return u


def steady_control_by_inverse(J, Q, delta, damping):
    matrices = np.einsum("nou,up->nop", J, Q)
    outputs = np.arange(delta.shape[1])
    matrices[:, outputs, outputs] += np.float64(damping)
    return np.einsum("nop,np->no", np.linalg.inv(matrices), delta)


def one_matrix_for_all(J, Q, delta, damping):
    return np.linalg.solve(J.mean(axis=0) @ Q + damping * np.eye(delta.shape[1]), delta.T).T


def first_matrix_for_all(J, Q, delta, damping):
    return np.linalg.solve(J[0] @ Q + damping * np.eye(delta.shape[1]), delta.T).T


def damping_at_every_entry(J, Q, delta, damping):
    return np.linalg.solve(J @ Q + damping, delta[:, :, None])[:, :, 0]


def transposed_matrix(J, Q, delta, damping):
    matrices = J @ Q + damping * np.eye(delta.shape[1])
    return np.linalg.solve(matrices.transpose(0, 2, 1), delta[:, :, None])[:, :, 0]


def damping_in_place(J, Q, delta, damping):
    u = steady_control(J, Q, delta, damping)
    delta -= damping * u
    return u


def damped_least_squares(J, Q, delta, damping):
    A = J @ Q
    At = A.transpose(0, 2, 1)
    return np.linalg.solve(At @ A + damping * np.eye(delta.shape[1]), At @ delta[:, :, None])[:, :, 0]


def one_step_of_the_inverse(J, Q, delta, damping):
    return (delta - np.einsum("nop,np->no", J @ Q, delta) / (1 + damping)) / (1 + damping)


def control_update(v, v_ff, below, step_size):
    return (np.tanh(v_ff) - np.tanh(v)).T @ below / (len(v) * step_size)


def control_update_by_loops(v, v_ff, below, step_size):
    change = np.zeros((v.shape[1], below.shape[1]))
    for pushed, alone, rates in zip(v, v_ff, below):
        change += np.outer(np.tanh(pushed) - np.tanh(alone), rates)
    return -change / step_size / len(v)


def control_update_by_einsum(v, v_ff, below, step_size):
    return np.einsum("nh,ni->hi", np.tanh(v_ff) - np.tanh(v), below) / np.float64(step_size) / v.shape[0]


def control_update_in_place(v, v_ff, below, step_size):
    v[...] = np.tanh(v_ff) - np.tanh(v)
    return v.T @ below / (len(v) * step_size)


def control_update_assigned(v, v_ff, below, step_size):
    for pushed, alone, rates in zip(v, v_ff, below):
        change = np.outer(np.tanh(alone) - np.tanh(pushed), rates)
    return change / (step_size * len(v))


ANSWERS = [
    ("15.1", "right", "", steady_control),
    ("15.1", "right", "", steady_control_by_loops),
    ("15.1", "right", "", steady_control_by_inverse),
    ("15.1", "wrong", "mean for every one", one_matrix_for_all),
    ("15.1", "wrong", "first value for all", first_matrix_for_all),
    ("15.1", "wrong", "identity and ones swapped", damping_at_every_entry),
    ("15.1", "wrong", "transposed inside", transposed_matrix),
    ("15.1", "wrong", "another operation", damped_least_squares),
    ("15.1", "wrong", "first order for the whole", one_step_of_the_inverse),
    ("15.1", "wrong", "argument changed", damping_in_place),
    ("15.1", "wrong", "term left out", lambda J, Q, delta, damping: steady_control(J, Q, delta, 0)),
    ("15.1", "wrong", "sign of one term", lambda J, Q, delta, damping: steady_control(J, Q, delta, -damping)),
    ("15.1", "wrong", "constant of the example", lambda J, Q, delta, damping: steady_control(J, Q, delta, 0.3)),
    ("15.1", "wrong", "solve left out", lambda J, Q, delta, damping:
        np.einsum("nop,np->no", J @ Q + damping * np.eye(delta.shape[1]), delta)),
    ("15.1", "wrong", "sign", lambda J, Q, delta, damping: -steady_control(J, Q, delta, damping)),
    ("15.1", "wrong", "1/N twice", lambda J, Q, delta, damping: steady_control(J, Q, delta, damping) / len(J)),
    ("15.1", "wrong", "squeezed", lambda J, Q, delta, damping: steady_control(J, Q, delta, damping).squeeze()),
    ("15.2", "right", "", control_update),
    ("15.2", "right", "", control_update_by_loops),
    ("15.2", "right", "", control_update_by_einsum),
    ("15.2", "wrong", "argument changed", control_update_in_place),
    ("15.2", "wrong", "assigned for added", control_update_assigned),
    ("15.2", "wrong", "sign", lambda v, v_ff, below, step_size: -control_update(v, v_ff, below, step_size)),
    ("15.2", "wrong", "unit forgotten", lambda v, v_ff, below, step_size:
        (v_ff - v).T @ below / (len(v) * step_size)),
    ("15.2", "wrong", "unit of the wrong quantity", lambda v, v_ff, below, step_size:
        np.tanh(v_ff - v).T @ below / (len(v) * step_size)),
    ("15.2", "wrong", "first order for the whole", lambda v, v_ff, below, step_size:
        ((v_ff - v) * (1 - np.tanh(v_ff)**2)).T @ below / (len(v) * step_size)),
    ("15.2", "wrong", "term left out", lambda v, v_ff, below, step_size:
        -np.tanh(v).T @ below / (len(v) * step_size)),
    ("15.2", "wrong", "1/N missing", lambda v, v_ff, below, step_size:
        control_update(v, v_ff, below, step_size) * len(v)),
    ("15.2", "wrong", "1/N twice", lambda v, v_ff, below, step_size:
        control_update(v, v_ff, below, step_size) / len(v)),
    ("15.2", "wrong", "1/N of the wrong N", lambda v, v_ff, below, step_size:
        control_update(v, v_ff, below, step_size) * len(v) / v.size),
    ("15.2", "wrong", "step size left out", lambda v, v_ff, below, step_size: control_update(v, v_ff, below, 1)),
    ("15.2", "wrong", "another operation", lambda v, v_ff, below, step_size:
        control_update(v, v_ff, below, 1 / step_size)),
    ("15.2", "wrong", "constant of the example", lambda v, v_ff, below, step_size:
        control_update(v, v_ff, below, 0.05)),
    ("15.2", "wrong", "unit of the wrong quantity", lambda v, v_ff, below, step_size:
        control_update(v, v_ff, np.tanh(below), step_size)),
    ("15.2", "wrong", "transposed", lambda v, v_ff, below, step_size: control_update(v, v_ff, below, step_size).T),
    ("15.2", "wrong", "squeezed", lambda v, v_ff, below, step_size:
        control_update(v, v_ff, below, step_size).squeeze()),
]
