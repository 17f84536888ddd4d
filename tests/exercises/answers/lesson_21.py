"""Answers to the exercises of lesson 21, written from its text alone."""

import numpy as np

import feedbackalign as fa


def error_below(x, W, b, step, error):
    return (error * (x @ W.T + b > 0)) @ (W - step)


def error_below_by_loops(x, W, b, step, error):
    below, new = np.zeros(x.shape), np.subtract(W, step)
    for n, unit in np.ndindex(*error.shape):
        if W[unit] @ x[n] + b[unit] > 0:
            below[n] += error[n, unit] * new[unit]
    return below


def error_below_by_the_package(x, W, b, step, error):
    z = fa.ops.linear.linear(x, W, b)
    at_z = fa.ops.activations.relu_backward(error, z)
    return fa.ops.linear.linear_transport(at_z, W) - fa.ops.linear.linear_transport(at_z, step)


def error_below_in_place(x, W, b, step, error):
    slopes = x @ W.T + b > 0
    W -= step
    return (error * slopes) @ W


def error_below_assigned(x, W, b, step, error):
    for unit in range(len(W)):
        slope = x @ W[unit] + b[unit] > 0
        below = (error[:, unit] * slope)[:, None] * (W - step)[unit]
    return below


def implicit_step(x, error, eta, penalty):
    gradient = error.T @ x
    return eta * gradient @ np.linalg.inv(x.T @ x + penalty * np.eye(x.shape[1])), gradient


def implicit_step_by_samples(x, error, eta, penalty):
    E = np.linalg.solve(x @ x.T + penalty * np.identity(len(x)), np.float64(eta) * error)
    return np.einsum("no,ni->oi", E, x), np.einsum("no,ni->oi", error, x)


def implicit_step_by_least_squares(x, error, eta, penalty):
    """‖X Sᵀ − η Δ‖² + λ ‖S‖², one problem for the step S = W − V."""
    rows = np.vstack([x, np.sqrt(penalty) * np.eye(x.shape[1])])
    aims = np.vstack([eta * error, np.zeros((x.shape[1], error.shape[1]))])
    limit = np.zeros((error.shape[1], x.shape[1]))
    for e, seen in zip(error, x):
        limit += np.outer(e, seen)
    return np.linalg.lstsq(rows, aims, rcond=None)[0].T.copy(), limit


def step_with(x, error, eta, penalty, *, scale=1.0, limit=1.0):
    """The right step and its limit, each times a number."""
    step, gradient = implicit_step(x, error, eta, penalty)
    return scale * step, limit * gradient


def explicit_step(x, error, eta, penalty):
    return eta / penalty * error.T @ x, error.T @ x


def damping_at_every_entry(x, error, eta, penalty):
    return eta * error.T @ x @ np.linalg.inv(x.T @ x + penalty), error.T @ x


def limit_by_a_large_penalty(x, error, eta, penalty):
    large = 1e3
    return implicit_step(x, error, eta, penalty)[0], large / eta * implicit_step(x, error, eta, large)[0]


def limit_at_this_penalty(x, error, eta, penalty):
    step = implicit_step(x, error, eta, penalty)[0]
    return step, penalty / eta * step


def limit_of_short_steps(x, error, eta, penalty):
    step = implicit_step(x, error, eta, penalty)[0]
    return step, step / eta


def step_with_a_bias(x, error, eta, penalty):
    E = np.linalg.solve(x @ x.T + 1 + penalty * np.eye(len(x)), eta * error)
    return E.T @ x, error.T @ x


def step_in_place(x, error, eta, penalty):
    gradient = error.T @ x
    error *= eta
    return np.linalg.solve(x.T @ x + penalty * np.eye(x.shape[1]), x.T @ error).T.copy(), gradient


ANSWERS = [
    ("21.1", "right", "", error_below),
    ("21.1", "right", "", error_below_by_loops),
    ("21.1", "right", "", error_below_by_the_package),
    ("21.1", "wrong", "argument changed", error_below_in_place),
    ("21.1", "wrong", "assigned for added", error_below_assigned),
    ("21.1", "wrong", "old value for the new", lambda x, W, b, step, error: (error * (x @ W.T + b > 0)) @ W),
    ("21.1", "wrong", "new value for the old", lambda x, W, b, step, error:
        (error * (x @ (W - step).T + b > 0)) @ (W - step)),
    ("21.1", "wrong", "sign of one term", lambda x, W, b, step, error:
        (error * (x @ W.T + b > 0)) @ (W + step)),
    ("21.1", "wrong", "another quantity", lambda x, W, b, step, error: (error * (x @ W.T + b > 0)) @ step),
    ("21.1", "wrong", "bias left out", lambda x, W, b, step, error: (error * (x @ W.T > 0)) @ (W - step)),
    ("21.1", "wrong", "slope forgotten", lambda x, W, b, step, error: error @ (W - step)),
    ("21.1", "wrong", "0/0", lambda x, W, b, step, error:
        (error * np.maximum(x @ W.T + b, 0) / (x @ W.T + b)) @ (W - step)),
    ("21.1", "wrong", "slope of the wrong quantity", lambda x, W, b, step, error:
        np.maximum(error, 0) @ (W - step)),
    ("21.1", "wrong", "slope of the wrong quantity", lambda x, W, b, step, error: (error @ (W - step)) * (x > 0)),
    ("21.1", "wrong", "unit for its slope", lambda x, W, b, step, error:
        (error * np.maximum(x @ W.T + b, 0)) @ (W - step)),
    ("21.1", "wrong", "slope at the kink", lambda x, W, b, step, error:
        (error * (x @ W.T + b >= 0)) @ (W - step)),
    ("21.1", "wrong", "slope of the wrong quantity", lambda x, W, b, step, error:
        (error * (x @ W.T + b > 1)) @ (W - step)),
    ("21.1", "wrong", "slope of another unit", lambda x, W, b, step, error:
        (error * (1 - np.tanh(x @ W.T + b)**2)) @ (W - step)),
    ("21.1", "wrong", "sign", lambda *arguments: -error_below(*arguments)),
    ("21.1", "wrong", "1/N twice", lambda x, W, b, step, error: error_below(x, W, b, step, error) / len(x)),
    ("21.1", "wrong", "squeezed", lambda *arguments: error_below(*arguments).squeeze()),
    ("21.2", "right", "", implicit_step),
    ("21.2", "right", "", implicit_step_by_samples),
    ("21.2", "right", "", implicit_step_by_least_squares),
    ("21.2", "wrong", "argument changed", step_in_place),
    ("21.2", "wrong", "first order for the whole", explicit_step),
    ("21.2", "wrong", "identity and ones swapped", damping_at_every_entry),
    ("21.2", "wrong", "limit not taken", limit_by_a_large_penalty),
    ("21.2", "wrong", "limit not taken", limit_at_this_penalty),
    ("21.2", "wrong", "limit not taken", limit_of_short_steps),
    ("21.2", "wrong", "term too many", step_with_a_bias),
    ("21.2", "wrong", "sign", lambda *arguments: step_with(*arguments, scale=-1, limit=-1)),
    ("21.2", "wrong", "sign of one term", lambda *arguments: step_with(*arguments, limit=-1)),
    ("21.2", "wrong", "step size left out", lambda x, error, eta, penalty: implicit_step(x, error, 1, penalty)),
    ("21.2", "wrong", "factor too many", lambda x, error, eta, penalty:
        step_with(x, error, eta, penalty, limit=eta)),
    ("21.2", "wrong", "term left out", lambda x, error, eta, penalty: implicit_step(x, error, eta, 1e-9)),
    ("21.2", "wrong", "sign of one term", lambda x, error, eta, penalty: implicit_step(x, error, eta, -penalty)),
    ("21.2", "wrong", "constant of the example", lambda x, error, eta, penalty: implicit_step(x, error, eta, 2.0)),
    ("21.2", "wrong", "1/N twice", lambda x, error, eta, penalty:
        step_with(x, error, eta, penalty, scale=1 / len(x), limit=1 / len(x))),
    ("21.2", "wrong", "1/N twice", lambda x, error, eta, penalty:
        step_with(x, error, eta, penalty, limit=1 / len(x))),
    ("21.2", "wrong", "transposed", lambda *arguments: tuple(part.T for part in implicit_step(*arguments))),
    ("21.2", "wrong", "answers in another order", lambda *arguments: implicit_step(*arguments)[::-1]),
    ("21.2", "wrong", "squeezed", lambda *arguments: tuple(part.squeeze() for part in implicit_step(*arguments))),
]
