"""Losses of single samples, and their gradients at the network's output.

Nothing here divides by the batch size: the network does that, in one place, so that every gradient of the
package is the gradient of the batch *mean*.

    cross-entropy    ℓ = log Σⱼ exp(zⱼ) − z_label        ∂ℓ/∂z = softmax(z) − onehot(label)
    squared error    ℓ = ½ Σⱼ (yⱼ − tⱼ)²                 ∂ℓ/∂y = y − t
"""

import numpy as np

from feedbackalign.validation import require_dtype


def softmax(logits):
    """exp(z) / Σ exp(z) over the last axis, safe at logits of ±1e4: (N, classes) -> (N, classes).

    Holomorphic: logits may be complex. The largest real part is a constant shift, which changes nothing.

    >>> softmax(np.array([[1e4, 1e4, -1e4]]))
    array([[0.5, 0.5, 0. ]])
    """
    raised = np.exp(logits - logits.real.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)


def one_hot(labels, classes, dtype=np.float64):
    """(N,) integers -> (N, classes) with a single 1 in each row.

    >>> one_hot(np.array([1, 0]), 3)
    array([[0., 1., 0.],
           [1., 0., 0.]])
    """
    rows = np.zeros((len(labels), classes), dtype=require_dtype(dtype))
    rows[np.arange(len(labels)), labels] = 1.0
    return rows


def cross_entropy_and_error(logits, labels):
    """Loss of each sample, and its gradient: logits (N, classes), labels (N,) -> (N,), (N, classes).

    Both from the same exponentials.
    """
    each = np.arange(len(labels))
    top = logits.max(axis=1)                                                    # (N,)
    error = np.exp(logits - top[:, None])                                       # (N, classes)
    total = error.sum(axis=1)                                                   # (N,)
    loss = top + np.log(total) - logits[each, labels]
    error /= total[:, None]                                                     # softmax(z)
    error[each, labels] -= 1.0
    return loss, error


def cross_entropy(logits, labels):
    """Loss of each sample: logits (N, classes), labels (N,) -> (N,)."""
    return cross_entropy_and_error(logits, labels)[0]


def cross_entropy_error(logits, labels):
    """Gradient of each sample's own loss: (N, classes), (N,) -> (N, classes)."""
    return cross_entropy_and_error(logits, labels)[1]


def squared_error_and_error(outputs, targets):
    """Loss of each sample, and its gradient: (N, out), (N, out) -> (N,), (N, out)."""
    error = outputs - targets
    return 0.5 * (error ** 2).sum(axis=1), error


def squared_error(outputs, targets):
    """Loss of each sample: outputs and targets (N, out) -> (N,)."""
    return squared_error_and_error(outputs, targets)[0]


def squared_error_error(outputs, targets):
    """Gradient of each sample's own loss: (N, out), (N, out) -> (N, out)."""
    return squared_error_and_error(outputs, targets)[1]
