"""Answers to the exercises of lesson 8, written from its text alone."""

import numpy as np

import feedbackalign as fa


def count_reciprocal(weight, feedback):
    forward = weight != 0
    both = forward & (feedback != 0)
    return both.sum() / forward.sum(), np.corrcoef(weight[both], feedback[both])[0, 1]


def count_reciprocal_by_loops(weight, feedback):
    forward, pairs = 0, []
    for w, b in zip(weight.ravel(), feedback.ravel()):
        forward += w != 0
        if w != 0 and b != 0:
            pairs.append((w, b))
    u, v = np.array(pairs).T
    u, v = u - sum(u) / len(u), v - sum(v) / len(v)
    return len(pairs) / forward, sum(u * v) / (sum(u * u) * sum(v * v))**0.5


def count_reciprocal_by_the_package(weight, feedback):
    both = np.logical_and(weight, feedback)
    return both.sum() / np.count_nonzero(weight), fa.alignment.correlation(weight[both], feedback[both])


def correlation_with(weight, feedback, measure):
    """The right share, and a measure of the weights of the pairs that have both."""
    both = (weight != 0) & (feedback != 0)
    return both.sum() / np.count_nonzero(weight), measure(weight[both], feedback[both])


def share_with(weight, feedback, share):
    """A share of the two masks, and the right correlation."""
    return share(weight != 0, feedback != 0), count_reciprocal(weight, feedback)[1]


def deviations_of_two_kinds(u, v):
    return ((u - u.mean()) * (v - v.mean())).mean() / (u.std(ddof=1) * v.std(ddof=1))


def masked_step(R, mask, B, error, x, lr, decay):
    return np.where(mask, R - lr * ((error @ B).T @ x + decay * R), 0)


def masked_step_by_loops(R, mask, B, error, x, lr, decay):
    new = np.zeros(R.shape)
    for m, i in zip(*np.nonzero(mask)):
        gradient = sum(error[n] @ B[:, m] * x[n, i] for n in range(len(x)))
        new[m, i] = R[m, i] - lr * (gradient + decay * R[m, i])
    return new


def masked_step_by_mask_first(R, mask, B, error, x, lr, decay):
    kept = mask.astype(np.int8)
    return kept * R * (1 - lr * decay) - lr * kept * np.einsum("no,om,ni->mi", error, B, x)


def masked_step_in_place(R, mask, B, error, x, lr, decay):
    R -= lr * ((error @ B).T @ x + decay * R)
    R[~mask] = 0
    return R.copy()


def masked_step_assigned(R, mask, B, error, x, lr, decay):
    for e, seen in zip(error, x):
        gradient = np.outer(e @ B, seen)
    return (R - lr * (gradient + decay * R)) * mask


def mask_by_nonzero(R, mask, B, error, x, lr, decay):
    return (R - lr * ((error @ B).T @ x + decay * R)) * (R != 0)


ANSWERS = [
    ("8.1", "right", "", count_reciprocal),
    ("8.1", "right", "", count_reciprocal_by_loops),
    ("8.1", "right", "", count_reciprocal_by_the_package),
    ("8.1", "wrong", "term too many", lambda weight, feedback:
        (count_reciprocal(weight, feedback)[0], np.corrcoef(weight.ravel(), feedback.ravel())[0, 1])),
    ("8.1", "wrong", "mean not taken off", lambda weight, feedback:
        correlation_with(weight, feedback, lambda u, v: u @ v / np.sqrt((u @ u) * (v @ v)))),
    ("8.1", "wrong", "abs where a sign belongs", lambda weight, feedback:
        correlation_with(weight, feedback, lambda u, v: abs(np.corrcoef(u, v)[0, 1]))),
    ("8.1", "wrong", "clipped where a sign belongs", lambda weight, feedback:
        correlation_with(weight, feedback, lambda u, v: max(np.corrcoef(u, v)[0, 1], 0.0))),
    ("8.1", "wrong", "1/N of the wrong N", lambda weight, feedback:
        correlation_with(weight, feedback, deviations_of_two_kinds)),
    ("8.1", "wrong", "epsilon in a denominator", lambda weight, feedback:
        correlation_with(weight, feedback, lambda u, v: np.cov(u, v, ddof=0)[0, 1] / (u.std() * v.std() + 1e-8))),
    ("8.1", "wrong", "factor left out", lambda weight, feedback:
        correlation_with(weight, feedback, lambda u, v: np.cov(u, v)[0, 1])),
    ("8.1", "wrong", "one sign alone", lambda weight, feedback:
        (((weight > 0) & (feedback > 0)).sum() / (weight > 0).sum(), count_reciprocal(weight, feedback)[1])),
    ("8.1", "wrong", "share of the wrong whole", lambda weight, feedback:
        share_with(weight, feedback, lambda W, B: (W & B).mean())),
    ("8.1", "wrong", "share of the wrong whole", lambda weight, feedback:
        share_with(weight, feedback, lambda W, B: (W & B).sum() / B.sum())),
    ("8.1", "wrong", "share of the wrong whole", lambda weight, feedback:
        share_with(weight, feedback, lambda W, B: (W & B).sum() / (W | B).sum())),
    ("8.1", "wrong", "share of the wrong whole", lambda weight, feedback:
        share_with(weight, feedback, lambda W, B: (W == B).sum() / W.size)),
    ("8.1", "wrong", "constant of the example", lambda weight, feedback:
        share_with(weight, feedback, lambda W, B: (W & B).sum() / 35)),
    ("8.1", "wrong", "answers in another order", lambda weight, feedback: count_reciprocal(weight, feedback)[::-1]),
    ("8.2", "right", "", masked_step),
    ("8.2", "right", "", masked_step_by_loops),
    ("8.2", "right", "", masked_step_by_mask_first),
    ("8.2", "right", "", lambda R, mask, B, error, x, lr, decay:          # R is zero already where no synapse exists
        R - lr * ((error @ B).T @ x * mask + decay * R)),
    ("8.2", "wrong", "mask at the wrong place", lambda R, mask, B, error, x, lr, decay:
        R - lr * ((error @ B).T @ x + decay * R)),
    ("8.2", "wrong", "mask at the wrong place", lambda R, mask, B, error, x, lr, decay:
        mask * R - lr * ((error @ B).T @ x + decay * R)),
    ("8.2", "wrong", "mask by what is not zero", mask_by_nonzero),
    ("8.2", "wrong", "mask at the wrong place", lambda R, mask, B, error, x, lr, decay:
        np.where(mask, 0, R - lr * ((error @ B).T @ x + decay * R))),
    ("8.2", "wrong", "lower precision", lambda R, mask, B, error, x, lr, decay:
        mask * (R - np.float32(lr) * ((error @ B).T @ x + np.float32(decay) * R))),
    ("8.2", "wrong", "decay's sign", lambda R, mask, B, error, x, lr, decay:
        masked_step(R, mask, B, error, x, lr, -decay)),
    ("8.2", "wrong", "decay left out", lambda R, mask, B, error, x, lr, decay:
        masked_step(R, mask, B, error, x, lr, 0)),
    ("8.2", "wrong", "decay without the rate", lambda R, mask, B, error, x, lr, decay:
        mask * ((1 - decay) * R - lr * (error @ B).T @ x)),
    ("8.2", "wrong", "1/N twice", lambda R, mask, B, error, x, lr, decay:
        masked_step(R, mask, B, error / len(x), x, lr, decay)),
    ("8.2", "wrong", "sign", lambda R, mask, B, error, x, lr, decay:
        masked_step(R, mask, B, -error, x, lr, decay)),
    ("8.2", "wrong", "assigned for added", masked_step_assigned),
    ("8.2", "wrong", "argument changed", masked_step_in_place),
    ("8.2", "wrong", "constant of the example", lambda R, mask, B, error, x, lr, decay:
        masked_step(R, mask, B, error, x, 0.2, 0.1)),
    ("8.2", "wrong", "squeezed", lambda R, mask, B, error, x, lr, decay:
        masked_step(R, mask, B, error, x, lr, decay).squeeze()),
]
