"""Answers to the exercises of lesson 11, written from its text alone."""

import numpy as np

import feedbackalign as fa


def best_angle(W, rank):
    s = np.linalg.svd(W, compute_uv=False)
    return np.degrees(np.arccos(min(1.0, np.sqrt((s[:rank]**2).sum() / (s**2).sum()))))


def best_angle_by_what_is_left(W, rank):
    s = np.linalg.svd(W)[1]
    return float(np.degrees(np.arctan2(np.linalg.norm(s[rank:]), np.linalg.norm(s[:rank]))))


def best_angle_by_the_matrix(W, rank):
    U, s, Vt = np.linalg.svd(W, full_matrices=False)
    near = sum(s[i] * np.outer(U[:, i], Vt[i]) for i in range(min(rank, len(s))))
    return fa.alignment.angle(W, near)


def singular_values(W):
    return np.linalg.svd(W, compute_uv=False)


def angle_of(cosine):
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


def best_angle_by_eigenvalues(W, rank):
    squares = np.linalg.eigvalsh(W @ W.T)[:rank]
    return angle_of(np.sqrt(np.abs(squares).sum() / (W**2).sum()))


def angle_of_the_first_rows(W, rank):
    return angle_of(np.linalg.norm(W[:rank]) / np.linalg.norm(W))


def angle_by_a_loop_over_the_rank(W, rank):
    s = singular_values(W)
    return angle_of(np.sqrt(sum(s[i]**2 for i in range(rank)) / (s**2).sum()))


def bottleneck_update(error, x, U):
    return (error @ U).T @ x


def bottleneck_update_by_loops(error, x, U):
    gradient = np.zeros((U.shape[1], x.shape[1]))
    for n in range(len(x)):
        for o in range(len(U)):
            gradient += error[n, o] * np.outer(U[o], x[n])
    return gradient


def bottleneck_update_by_the_gradient_of_W(error, x, U):
    return U.T @ fa.ops.linear.linear_weight_gradient(error, x)


def bottleneck_update_assigned(error, x, U):
    for n in range(len(x)):
        gradient = np.outer(error[n] @ U, x[n])
    return gradient


def bottleneck_update_of_one_sample(error, x, U):
    return np.outer(error.mean(axis=0) @ U, x.mean(axis=0)) * len(x)


ANSWERS = [
    ("11.1", "right", "", best_angle),
    ("11.1", "right", "", best_angle_by_what_is_left),
    ("11.1", "right", "", best_angle_by_the_matrix),
    ("11.1", "wrong", "no clipping", lambda W, rank:
        np.degrees(np.arccos(np.sqrt((singular_values(W)[:rank]**2).sum()) / np.linalg.norm(W)))),
    ("11.1", "wrong", "root left out", lambda W, rank:
        angle_of((singular_values(W)[:rank]**2).sum() / (singular_values(W)**2).sum())),
    ("11.1", "wrong", "factor not squared", lambda W, rank:
        angle_of(singular_values(W)[:rank].sum() / singular_values(W).sum())),
    ("11.1", "wrong", "spectral norm", lambda W, rank:
        angle_of(np.linalg.norm(singular_values(W)[:rank]) / np.linalg.norm(W, 2))),
    ("11.1", "wrong", "too few values", lambda W, rank: angle_of(np.linalg.norm(W, 2) / np.linalg.norm(W))),
    ("11.1", "wrong", "index past the end", angle_by_a_loop_over_the_rank),
    ("11.1", "wrong", "off by one", lambda W, rank:
        angle_of(np.linalg.norm(singular_values(W)[:rank + 1]) / np.linalg.norm(W))),
    ("11.1", "wrong", "last term left out", lambda W, rank:
        angle_of(np.linalg.norm(singular_values(W)[:rank - 1]) / np.linalg.norm(W))),
    ("11.1", "wrong", "another order", best_angle_by_eigenvalues),
    ("11.1", "wrong", "constant of the example", lambda W, rank: best_angle(W, 2)),
    ("11.1", "wrong", "another quantity", angle_of_the_first_rows),
    ("11.1", "wrong", "epsilon in a denominator", lambda W, rank:
        angle_of(np.linalg.norm(singular_values(W)[:rank]) / (np.linalg.norm(W) + 1e-8))),
    ("11.1", "wrong", "another operation", lambda W, rank: 90 - best_angle(W, rank)),
    ("11.1", "wrong", "radians", lambda W, rank: np.radians(best_angle(W, rank))),
    ("11.1", "wrong", "cosine for the angle", lambda W, rank: np.cos(np.radians(best_angle(W, rank)))),
    ("11.2", "right", "", bottleneck_update),
    ("11.2", "right", "", bottleneck_update_by_loops),
    ("11.2", "right", "", bottleneck_update_by_the_gradient_of_W),
    ("11.2", "wrong", "transposed", lambda error, x, U: x.T @ error @ U),
    ("11.2", "wrong", "sign", lambda error, x, U: -bottleneck_update(error, x, U)),
    ("11.2", "wrong", "1/N twice", lambda error, x, U: bottleneck_update(error, x, U) / len(x)),
    ("11.2", "wrong", "1/N missing", lambda error, x, U: bottleneck_update(error, x, U) * len(x)),
    ("11.2", "wrong", "1/N of the wrong N", lambda error, x, U: bottleneck_update(error, x, U) / U.shape[1]),
    ("11.2", "wrong", "slope of another unit", lambda error, x, U: np.maximum(error @ U, 0).T @ x),
    ("11.2", "wrong", "term left out", lambda error, x, U: (error.T @ x)[:U.shape[1]]),
    ("11.2", "wrong", "another operation", lambda error, x, U: np.linalg.pinv(U) @ error.T @ x),
    ("11.2", "wrong", "assigned for added", bottleneck_update_assigned),
    ("11.2", "wrong", "mean for every one", bottleneck_update_of_one_sample),
    ("11.2", "wrong", "squeezed", lambda error, x, U: bottleneck_update(error, x, U).squeeze()),
]
