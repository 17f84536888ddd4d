"""Units, losses and pooling for complex states: the same formulas, smooth in the complex plane.

A derivative that is taken around a circle of complex nudges needs every function on the way to be holomorphic. So there
is no absolute value, maximum or comparison of complex numbers here and no conjugate; exponentials are kept small by
subtracting the largest *real part*, which is a constant shift and changes nothing. On real arrays these functions agree
with those of `ops`.

    logistic        L(z) = 1 / (1 + exp(−z))                       poles at ±iπ(2k+1)
    steep sigmoid   1 / (1 + exp(−4z + 2))                         poles at 1/2 ± iπ(2k+1)/4
    dsilu           z/2 · L(z) + (1 − z/2) · L(z − 2)              poles at Im z = ±π(2k+1)
    softmax pooling p = Σ zᵢ wᵢ, w = softmax(z) over each window   ∂p/∂zᵢ = wᵢ (1 + zᵢ − p)

Laborieux & Zenke, "Holomorphic equilibrium propagation computes exact gradients through finite size oscillations",
arXiv 2209.00530 (2022), and arXiv 2309.02214 (2023).
"""

import numpy as np

from feedbackalign.ops.convolution import output_size

# ------------------------------------------------------------------------------------------------------- the units


def logistic(z):
    """1 / (1 + exp(−z)), for real or complex z of any shape and size.

    >>> logistic(np.array([0.0, -1e4, 1e4]))
    array([0.5, 0. , 1. ])
    >>> complex(logistic(np.array(1j)).round(6))
    (0.5+0.273151j)
    """
    top = np.maximum(z.real, 0.0)                           # of the two exponents 0 and z
    raised = np.exp(z - top)
    return raised / (np.exp(-top) + raised)


def logistic_slope(z):
    s = logistic(z)
    return s * (1.0 - s)


def steep_sigmoid(z):
    """1 / (1 + exp(−4z + 2)): largest slope 1, at z = 1/2."""
    return logistic(4.0 * z - 2.0)


def steep_sigmoid_slope(z):
    return 4.0 * logistic_slope(4.0 * z - 2.0)


def dsilu(z):
    """z/2 · L(z) + (1 − z/2) · L(z − 2): clip(z/2, 0, 1) made smooth."""
    return 0.5 * z * logistic(z) + (1.0 - 0.5 * z) * logistic(z - 2.0)


def dsilu_slope(z):
    rising, falling = logistic(z), logistic(z - 2.0)
    return (0.5 * (rising - falling) + 0.5 * z * rising * (1.0 - rising)
            + (1.0 - 0.5 * z) * falling * (1.0 - falling))


def tanh(z):
    return 2.0 * logistic(2.0 * z) - 1.0


def tanh_slope(z):
    return 4.0 * logistic_slope(2.0 * z)


def identity(z):
    return z.copy()


def identity_slope(z):
    return np.ones_like(z)


# {kind of the network's unit: (function, slope)}; a unit that is not here has a kink, which no circle can enclose.
UNITS = {"tanh": (tanh, tanh_slope), "sigmoid": (logistic, logistic_slope),
         "steep-sigmoid": (steep_sigmoid, steep_sigmoid_slope), "dsilu": (dsilu, dsilu_slope),
         "identity": (identity, identity_slope)}


# ---------------------------------------------------------------------------------------------------- the readout

def softmax(logits):
    """exp(z) / Σ exp(z) over the last axis: (N, classes) -> (N, classes), real or complex.

    >>> softmax(np.array([[1e4, 1e4, -1e4]]))
    array([[0.5, 0.5, 0. ]])
    """
    raised = np.exp(logits - logits.real.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)


# ------------------------------------------------------------------------------------------------- softmax pooling

def windows(z, size, stride):
    """The entries of every window: (N, C, H, W) -> (size², N, C, rows, cols)."""
    rows, cols = output_size(z.shape[2], size, stride, 0), output_size(z.shape[3], size, stride, 0)
    return np.stack([z[:, :, i:i + stride * rows:stride, j:j + stride * cols:stride]
                     for i in range(size) for j in range(size)])


def back_to_pixels(entries, shape, stride):
    """The adjoint of `windows`: (size², N, C, rows, cols) -> (N, C, H, W) = shape."""
    size = int(round(len(entries) ** 0.5))
    rows, cols = entries.shape[3:]
    z = np.zeros(shape, dtype=entries.dtype)
    for index, entry in enumerate(entries):
        i, j = divmod(index, size)
        z[:, :, i:i + stride * rows:stride, j:j + stride * cols:stride] += entry
    return z


def softmax_weights(entries):
    """softmax over the first axis: (size², …) -> (size², …)."""
    raised = np.exp(entries - entries.real.max(axis=0))
    return raised / raised.sum(axis=0)


def softmax_pool(z, size, stride):
    """p = Σ zᵢ wᵢ, w = softmax(z) over every window: (N, C, H, W) -> (N, C, rows, cols).

    Between average pooling (all entries equal) and max pooling (one far above the others).

    >>> softmax_pool(np.array([[[[0.0, 0.0], [0.0, 30.0]]]]), 2, 2).round(6)
    array([[[[30.]]]])
    """
    entries = windows(z, size, stride)
    return (softmax_weights(entries) * entries).sum(axis=0)


def softmax_slopes(z, size, stride):
    """∂p/∂zᵢ = wᵢ (1 + zᵢ − p) of every entry of every window: (N, C, H, W) -> (size², N, C, rows, cols)."""
    entries = windows(z, size, stride)
    w = softmax_weights(entries)
    return w * (1.0 + entries - (w * entries).sum(axis=0))


def softmax_pool_change(z, direction, size, stride):
    """How p changes where z moves: Σᵢ ∂p/∂zᵢ dᵢ, (N, C, H, W) twice -> (N, C, rows, cols)."""
    return (softmax_slopes(z, size, stride) * windows(direction, size, stride)).sum(axis=0)


def softmax_unpool(signal, z, size, stride):
    """The adjoint of that change at z: signal (N, C, rows, cols) -> (N, C, H, W)."""
    return back_to_pixels(signal * softmax_slopes(z, size, stride), z.shape, stride)


def softmax_unpool_change(signal, z, direction, size, stride):
    """How `softmax_unpool` of a constant signal changes where z moves: -> (N, C, H, W).

    dwᵢ = wᵢ (dᵢ − Σ wⱼ dⱼ),   d(∂p/∂zᵢ) = dwᵢ (1 + zᵢ − p) + wᵢ (dᵢ − dp)
    """
    entries, d = windows(z, size, stride), windows(direction, size, stride)
    w = softmax_weights(entries)
    p = (w * entries).sum(axis=0)
    dw = w * (d - (w * d).sum(axis=0))
    dp = (w * (1.0 + entries - p) * d).sum(axis=0)
    return back_to_pixels(signal * (dw * (1.0 + entries - p) + w * (d - dp)), z.shape, stride)
