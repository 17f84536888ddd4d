"""Answers to the exercises of lesson 7, written from its text alone."""

import numpy as np

import feedbackalign as fa


def product_feedback(x, error, weight, B, R):
    middle = error @ B
    return middle @ R, error.T @ x, middle.T @ x


def product_feedback_by_loops(x, error, weight, B, R):
    below, dW = np.zeros(x.shape), np.zeros(weight.shape)
    for n in range(len(x)):
        below[n] = sum(e * (B[o] @ R) for o, e in enumerate(error[n]))
        dW += np.outer(error[n], x[n])
    return below, dW, B.T @ dW


def product_feedback_by_the_package(x, error, weight, B, R):
    linear = fa.ops.linear
    middle = linear.linear_transport(error, B)
    return (linear.linear_transport(middle, R), linear.linear_weight_gradient(error, x),
            linear.linear_weight_gradient(middle, x))


def product_feedback_with(x, error, B, R, below=1.0, dW=1.0, dR=1.0):
    """The right answer, each part times a number."""
    return below * (error @ B @ R), dW * (error.T @ x), dR * ((error @ B).T @ x)


def slope_of_the_middle(x, error, weight, B, R):
    middle = np.maximum(error @ B, 0)
    return middle @ R, error.T @ x, middle.T @ x


def product_feedback_assigned(x, error, weight, B, R):
    for e, seen in zip(error, x):
        dW = np.outer(e, seen)
    return error @ B @ R, dW, B.T @ dW


def echo_of_the_start(lrs, decays, momentum):
    c, v, echo = 1.0, 0.0, []
    for lr, decay in zip(lrs, decays):
        v = momentum * v + decay * c
        c = c - lr * v
        echo.append(c)
    return np.array(echo)


def echo_by_matrices(lrs, decays, momentum):
    state, echo = np.array([1, 0], dtype=np.float64), np.empty(len(lrs))
    for step in range(len(lrs)):
        speed = np.array([decays[step], momentum])
        state = np.array([state[0] - lrs[step] * (speed @ state), speed @ state])
        echo[step] = state[0]
    return echo


def echo_without_a_velocity(lrs, decays, momentum):
    """v is a sum over the past, Σ_s μ^(t − s) λ_s c_s."""
    c = [np.float64(1)]
    for t in range(len(lrs)):
        v = sum(momentum**(t - s) * decays[s] * c[s] for s in range(t + 1))
        c.append(c[-1] - lrs[t] * v)
    return np.array(c[1:])


def echo_with_c_first(lrs, decays, momentum):
    c, v, echo = 1.0, 0.0, []
    for lr, decay in zip(lrs, decays):
        c, v = c - lr * v, momentum * v + decay * c
        echo.append(c)
    return np.array(echo)


def echo_that_starts_before_the_first(lrs, decays, momentum):
    return np.concatenate([[1.0], echo_of_the_start(lrs, decays, momentum)[:-1]])


def echo_with_the_rate_in_v(lrs, decays, momentum):
    c, v, echo = 1.0, 0.0, []
    for lr, decay in zip(lrs, decays):
        v = momentum * v + lr * decay * c
        c -= v
        echo.append(c)
    return np.array(echo)


def echo_by_integers(lrs, decays, momentum):
    echo, c, v = np.ones_like(lrs, dtype=int), 1.0, 0.0
    for step in range(len(lrs)):
        v = momentum * v + decays[step] * c
        c = c - lrs[step] * v
        echo[step] = c
    return echo


ANSWERS = [
    ("7.1", "right", "", product_feedback),
    ("7.1", "right", "", product_feedback_by_loops),
    ("7.1", "right", "", product_feedback_by_the_package),
    ("7.1", "wrong", "W in the place of B", lambda x, error, weight, B, R:
        (error @ weight, error.T @ x, (error @ B).T @ x)),
    ("7.1", "wrong", "slope of another unit", slope_of_the_middle),
    ("7.1", "wrong", "assigned for added", product_feedback_assigned),
    ("7.1", "wrong", "1/N twice", lambda x, error, weight, B, R:
        product_feedback_with(x, error, B, R, dW=1 / len(x), dR=1 / len(x))),
    ("7.1", "wrong", "1/N twice", lambda x, error, weight, B, R:
        product_feedback_with(x, error, B, R, dR=1 / len(x))),
    ("7.1", "wrong", "sign", lambda x, error, weight, B, R: product_feedback_with(x, error, B, R, dR=-1)),
    ("7.1", "wrong", "term left out", lambda x, error, weight, B, R: product_feedback_with(x, error, B, R, dR=0)),
    ("7.1", "wrong", "transposed", lambda x, error, weight, B, R: (error @ B @ R, x.T @ error, x.T @ (error @ B))),
    ("7.1", "wrong", "answers in another order", lambda x, error, weight, B, R:
        product_feedback_with(x, error, B, R)[::-1]),
    ("7.1", "wrong", "order of a product swapped", lambda x, error, weight, B, R:
        (error @ B @ R, error.T @ x, R @ x.T @ error @ B @ R)),
    ("7.1", "wrong", "factor too many", lambda x, error, weight, B, R:
        product_feedback_with(x, error, B, R, below=np.linalg.norm(weight) / np.linalg.norm(B @ R))),
    ("7.1", "wrong", "squeezed", lambda x, error, weight, B, R:
        tuple(part.squeeze() for part in product_feedback(x, error, weight, B, R))),
    ("7.2", "right", "", echo_of_the_start),
    ("7.2", "right", "", echo_by_matrices),
    ("7.2", "right", "", echo_without_a_velocity),
    ("7.2", "wrong", "old value for the new", echo_with_c_first),
    ("7.2", "wrong", "off by one", echo_that_starts_before_the_first),
    ("7.2", "wrong", "factor at the wrong place", echo_with_the_rate_in_v),
    ("7.2", "wrong", "integers", echo_by_integers),
    ("7.2", "wrong", "term left out", lambda lrs, decays, momentum: np.cumprod(1 - lrs * decays)),
    ("7.2", "wrong", "law for every case", lambda lrs, decays, momentum:
        np.cumprod(1 - lrs * decays / (1 - momentum))),
    ("7.2", "wrong", "another operation", lambda lrs, decays, momentum:
        np.exp(-np.cumsum(lrs * decays) / (1 - momentum))),
    ("7.2", "wrong", "constant of the example", lambda lrs, decays, momentum: echo_of_the_start(lrs, decays, 0.9)),
    ("7.2", "wrong", "first value for all", lambda lrs, decays, momentum:
        echo_of_the_start(np.full(len(lrs), lrs[0]), np.full(len(lrs), decays[0]), momentum)),
    ("7.2", "wrong", "decay's sign", lambda lrs, decays, momentum: echo_of_the_start(lrs, -decays, momentum)),
    ("7.2", "wrong", "factor too many", lambda lrs, decays, momentum:
        echo_of_the_start(lrs, (1 - momentum) * decays, momentum)),
    ("7.2", "wrong", "clipped where a sign belongs", lambda lrs, decays, momentum:
        np.maximum(echo_of_the_start(lrs, decays, momentum), 0)),
    ("7.2", "wrong", "abs where a sign belongs", lambda lrs, decays, momentum:
        np.abs(echo_of_the_start(lrs, decays, momentum))),
    ("7.2", "wrong", "squeezed", lambda lrs, decays, momentum:
        np.squeeze(echo_of_the_start(lrs, decays, momentum))),
    ("7.2", "wrong", "too few values", lambda lrs, decays, momentum:
        echo_of_the_start(lrs, decays, momentum)[-1]),
]
