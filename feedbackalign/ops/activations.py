"""Activations and their derivatives: one pair of functions per unit, elementwise on any shape.

`name(v)` is the unit's answer to its pre-activation v; `name_derivative(v)` is its slope there, so that the
error at v is `error * name_derivative(v)`. At a kink the slope is the one from the flat side: 0. (|v| has no flat
side; its slope at 0 is 0, halfway between the two.)
What goes in as float32 comes out as float32.

`tanh`, `sine`, `sigmoid`, `steep_sigmoid`, `dsilu` and `identity` are holomorphic, and so are their derivatives: v may
be complex. The others have a kink or an absolute value in them, and are for real numbers alone.
"""

import numpy as np


def relu(v):
    """max(v, 0): NumPy clips three times as fast as it takes the maximum with a number.

    >>> relu(np.array([-1.0, 0.0, 2.0]))
    array([0., 0., 2.])
    """
    return v.clip(0.0, np.inf)


def relu_derivative(v):
    return (v > 0.0).astype(v.dtype)


def relu_backward(error, v):
    """error · slope, in one pass: error and v of one shape.

    >>> relu_backward(np.array([1.0, 1.0, 1.0]), np.array([-1.0, 0.0, 2.0]))
    array([0., 0., 1.])
    """
    return error * (v > 0.0)


LEAK = 0.01


def leaky_relu(v, leak=LEAK):
    """v where positive, leak · v elsewhere."""
    return np.where(v > 0.0, v, leak * v)


def leaky_relu_derivative(v, leak=LEAK):
    return np.where(v > 0.0, v.dtype.type(1.0), v.dtype.type(leak))


def tanh(v):
    return np.tanh(v)


def tanh_derivative(v):
    return 1.0 - np.tanh(v) ** 2


def sigmoid(v):
    """1 / (1 + exp(−v)), written through tanh so that no exponential overflows.

    >>> sigmoid(np.array([-1000.0, 0.0]))
    array([0. , 0.5])
    >>> complex(sigmoid(np.array(1j)).round(6))
    (0.5+0.273151j)
    """
    return 0.5 * (np.tanh(0.5 * v) + 1.0)


def sigmoid_derivative(v):
    s = sigmoid(v)
    return s * (1.0 - s)


def softplus(v):
    """log(1 + exp(v)), safe for large |v|."""
    return np.maximum(v, 0.0) + np.log1p(np.exp(-np.abs(v)))


def softplus_derivative(v):
    return sigmoid(v)


def absolute(v):
    """|v|, with slope 0 at 0.

    >>> absolute(np.array([-2.0, 0.0, 1.0]))
    array([2., 0., 1.])
    """
    return np.abs(v)


def absolute_derivative(v):
    return np.sign(v)


def sine(v):
    return np.sin(v)


def sine_derivative(v):
    return np.cos(v)


def identity(v):
    return v.copy()


def identity_derivative(v):
    return np.ones_like(v)


def hard_sigmoid(v):
    """clip(v, 0, 1)."""
    return v.clip(0.0, 1.0)


def hard_sigmoid_derivative(v):
    return ((v > 0.0) & (v < 1.0)).astype(v.dtype)


def soft_clip(v):
    """clip(v/2, 0, 1): the unit of the settling networks (Laborieux et al. 2021), slope one half.

    >>> soft_clip(np.array([-1.0, 1.0, 3.0]))
    array([0. , 0.5, 1. ])
    """
    return (0.5 * v).clip(0.0, 1.0)


def soft_clip_derivative(v):
    return 0.5 * ((v > 0.0) & (v < 2.0)).astype(v.dtype)


def steep_sigmoid(v):
    """1 / (1 + exp(−4(v − 1/2))): from 0 to 1 around v = 1/2, largest slope 1."""
    return sigmoid(4.0 * v - 2.0)


def steep_sigmoid_derivative(v):
    s = steep_sigmoid(v)
    return 4.0 * s * (1.0 - s)


def two_sigmoids(v):
    """L(v) and L(v − 2), L the logistic function, from one exponential: half the time where v is complex.

    Below −80 both are 0 but for 1e-34; so no exponential overflows. (The larger of two complex numbers is the one whose
    real part is larger.)
    """
    e = np.exp(-np.maximum(v, -80.0))
    return 1.0 / (1.0 + e), 1.0 / (1.0 + np.e**2 * e)


def dsilu(v):
    """v/2 · L(v) + (1 − v/2) · L(v − 2), L the logistic function: clip(v/2, 0, 1) made smooth."""
    rising, falling = two_sigmoids(v)
    return 0.5 * v * (rising - falling) + falling


def dsilu_derivative(v):
    rising, falling = two_sigmoids(v)
    return (0.5 * (rising - falling) + 0.5 * v * rising * (1.0 - rising)
            + (1.0 - 0.5 * v) * falling * (1.0 - falling))
