"""Answers to the exercises of lesson 6, written from its text alone."""

import numpy as np

import feedbackalign as fa


def kolen_pollack_step(weight, B, error, x, lr, decay):
    gradient = error.T @ x
    return weight - lr * (gradient + decay * weight), B - lr * (gradient + decay * B)


def kolen_pollack_by_loops(weight, B, error, x, lr, decay):
    new_weight, new_B = (1 - lr * decay) * weight, (1 - lr * decay) * B
    for e, seen in zip(error, x):
        new_weight -= lr * np.outer(e, seen)
        new_B -= lr * np.outer(e, seen)
    return new_weight, new_B


def kolen_pollack_by_the_optimizer(weight, B, error, x, lr, decay):
    synapses = {"W": weight.copy(), "B": B.copy()}
    gradient = fa.ops.linear.linear_weight_gradient(error, x)
    fa.optimizer.SGD(lr=lr, weight_decay=decay).step(synapses, {"W": gradient, "B": gradient})
    return synapses["W"], synapses["B"]


def kolen_pollack_in_place(weight, B, error, x, lr, decay):
    gradient = error.T @ x
    weight -= lr * (gradient + decay * weight)
    B -= lr * (gradient + decay * B)
    return weight, B


def kolen_pollack_assigned(weight, B, error, x, lr, decay):
    for e, seen in zip(error, x):
        gradient = np.outer(e, seen)
    return weight - lr * (gradient + decay * weight), B - lr * (gradient + decay * B)


def decay_after_the_step(weight, B, error, x, lr, decay):
    gradient = error.T @ x
    return (1 - lr * decay) * (weight - lr * gradient), (1 - lr * decay) * (B - lr * gradient)


def difference_decays(weight, B, error, x, lr, decay):
    new = weight - lr * (error.T @ x + decay * weight)
    return new, new + (1 - lr * decay) * np.abs(B - weight)


def mirror_step(B, weight, noise, rate, sigma):
    return (1 - rate * sigma**2) * B + rate * (noise @ weight.T).T @ noise / len(noise)


def mirror_step_by_samples(B, weight, noise, rate, sigma):
    change = np.zeros(B.shape)
    for xi in noise:
        change += np.outer(weight @ xi, xi)
    return B + rate * (change / len(noise) - sigma**2 * B)


def mirror_step_by_covariance(B, weight, noise, rate, sigma):
    covariance = np.einsum("ni,nj->ij", noise, noise) / np.float64(noise.shape[0])
    return B - rate * sigma * sigma * B + rate * weight @ covariance


def mirror_step_assigned(B, weight, noise, rate, sigma):
    for xi in noise:
        change = np.outer(weight @ xi, xi) / len(noise)
    return (1 - rate * sigma**2) * B + rate * change


def mirror_step_in_place(B, weight, noise, rate, sigma):
    B *= 1 - rate * sigma**2
    B += rate * (noise @ weight.T).T @ noise / len(noise)
    return B.copy()


ANSWERS = [
    ("6.1", "right", "", kolen_pollack_step),
    ("6.1", "right", "", kolen_pollack_by_loops),
    ("6.1", "right", "", kolen_pollack_by_the_optimizer),
    ("6.1", "wrong", "decay's sign", lambda weight, B, error, x, lr, decay:
        kolen_pollack_step(weight, B, error, x, lr, -decay)),
    ("6.1", "wrong", "decay left out", lambda weight, B, error, x, lr, decay:
        kolen_pollack_step(weight, B, error, x, lr, 0)),
    ("6.1", "wrong", "decay of the wrong quantity", lambda weight, B, error, x, lr, decay:
        (weight - lr * (error.T @ x + decay * weight), B - lr * (error.T @ x + decay * weight))),
    ("6.1", "wrong", "decay without the rate", lambda weight, B, error, x, lr, decay:
        ((1 - decay) * weight - lr * error.T @ x, (1 - decay) * B - lr * error.T @ x)),
    ("6.1", "wrong", "new value for the old", decay_after_the_step),
    ("6.1", "wrong", "abs where a sign belongs", difference_decays),
    ("6.1", "wrong", "constant of the example", lambda weight, B, error, x, lr, decay:
        kolen_pollack_step(weight, B, error, x, 0.1, 0.3)),
    ("6.1", "wrong", "1/N twice", lambda weight, B, error, x, lr, decay:
        kolen_pollack_step(weight, B, error / len(x), x, lr, decay)),
    ("6.1", "wrong", "sign", lambda weight, B, error, x, lr, decay:
        kolen_pollack_step(weight, B, -error, x, lr, decay)),
    ("6.1", "wrong", "another quantity", lambda weight, B, error, x, lr, decay:
        (lr * (error.T @ x + decay * weight), lr * (error.T @ x + decay * B))),
    ("6.1", "wrong", "term left out", lambda weight, B, error, x, lr, decay:
        (kolen_pollack_step(weight, B, error, x, lr, decay)[0], B.copy())),
    ("6.1", "wrong", "answers in another order", lambda weight, B, error, x, lr, decay:
        kolen_pollack_step(weight, B, error, x, lr, decay)[::-1]),
    ("6.1", "wrong", "assigned for added", kolen_pollack_assigned),
    ("6.1", "wrong", "argument changed", kolen_pollack_in_place),
    ("6.1", "wrong", "squeezed", lambda weight, B, error, x, lr, decay:
        tuple(new.squeeze() for new in kolen_pollack_step(weight, B, error, x, lr, decay))),
    ("6.2", "right", "", mirror_step),
    ("6.2", "right", "", mirror_step_by_samples),
    ("6.2", "right", "", mirror_step_by_covariance),
    ("6.2", "wrong", "law for every case", lambda B, weight, noise, rate, sigma:
        (1 - rate * sigma**2) * B + rate * sigma**2 * weight),
    ("6.2", "wrong", "factor not squared", lambda B, weight, noise, rate, sigma:
        (1 - rate * sigma) * B + rate * weight @ noise.T @ noise / len(noise)),
    ("6.2", "wrong", "another estimate", lambda B, weight, noise, rate, sigma:
        mirror_step(B, weight, noise, rate, noise.std())),
    ("6.2", "wrong", "decay left out", lambda B, weight, noise, rate, sigma: mirror_step(B, weight, noise, rate, 0)),
    ("6.2", "wrong", "decay's sign", lambda B, weight, noise, rate, sigma:
        (1 + rate * sigma**2) * B + rate * weight @ noise.T @ noise / len(noise)),
    ("6.2", "wrong", "decay without the rate", lambda B, weight, noise, rate, sigma:
        (1 - sigma**2) * B + rate * weight @ noise.T @ noise / len(noise)),
    ("6.2", "wrong", "step size left out", lambda B, weight, noise, rate, sigma:
        (1 - rate * sigma**2) * B + weight @ noise.T @ noise / len(noise)),
    ("6.2", "wrong", "1/N missing", lambda B, weight, noise, rate, sigma:
        (1 - rate * sigma**2) * B + rate * weight @ noise.T @ noise),
    ("6.2", "wrong", "1/N of the wrong N", lambda B, weight, noise, rate, sigma:
        (1 - rate * sigma**2) * B + rate * weight @ noise.T @ noise / noise.size),
    ("6.2", "wrong", "sign", lambda B, weight, noise, rate, sigma:
        (1 - rate * sigma**2) * B - rate * weight @ noise.T @ noise / len(noise)),
    ("6.2", "wrong", "another quantity", lambda B, weight, noise, rate, sigma:
        mirror_step(B, B, noise, rate, sigma)),
    ("6.2", "wrong", "assigned for added", mirror_step_assigned),
    ("6.2", "wrong", "argument changed", mirror_step_in_place),
    ("6.2", "wrong", "squeezed", lambda B, weight, noise, rate, sigma:
        np.squeeze(mirror_step(B, weight, noise, rate, sigma))),
]
