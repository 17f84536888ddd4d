"""Feedback that learns to undo the way up: noise on a layer, its way through the layers above, and back.

Feedback g_i(t) = u(Q_i t + c_i) leads down to layer i: from the layer above it, or straight from the output. It learns
from noise: h' = h_i + σε is sent up, and what comes back should be h'. With q the answer of the layer above to h', and
y' that of the output, y without noise:

    layer by layer           g_i(q) − h'                                Lee et al. 2015
    difference, direct       g_i(y') − g_i(y) + h_i − h'                small noise: ‖J_g J_hi − I‖²
    difference, chained      g_i(t) − g_i(h_{i+1}) + h_i − h',          t came down from y' by the g above, each with
                             its difference correction
    control                  g_i(y') − h'                               direct, without the difference

are the residuals ρ; the loss is the batch mean of ‖ρ‖²/σ², summed over units (control: without 1/σ²). Under the
difference losses the derivative of g becomes the pseudoinverse of the derivative of the way up: for small noise the
minimiser over J_g is J_hi^†γ, γ the weight decay's. The other two losses have no such minimiser: theirs depends on the
activities' covariance.

Only Q_i and c_i of the feedback that is being trained get a gradient; everything else is a constant.
"""

import typing

import numpy as np

from feedbackalign.layers.base import Layer


class Feedback(typing.NamedTuple):
    """g(t) = u(Q t + c): Q (n, in), c (n,) or None, and a unit."""

    Q: np.ndarray
    c: np.ndarray
    unit: Layer

    def drive(self, t):
        """Q t + c: (N, in) -> (N, n)."""
        drive = t @ self.Q.T                                                    # (N, in) x (in, n) -> (N, n)
        return drive if self.c is None else drive + self.c

    def __call__(self, t):
        return self.unit.function(self.drive(t))


def sent_up(stages, start, h):
    """The output when h is layer `start`'s activity, counted from 0: (N, n) -> (N, out). No layer remembers it."""
    for layer, unit in stages[start + 1:]:
        h = unit.function(layer.answer(h))
    return h


def sent_down(feedbacks, post, start, t):
    """From the output down to layer `start`, each g with its difference correction: t (N, out) -> (N, n).

    `feedbacks[k]` leads down to layer k; `post` is that of a clean pass, post[k + 1] layer k's activity.
    """
    for k in reversed(range(start, len(feedbacks))):
        t = feedbacks[k](t) - feedbacks[k](post[k + 2]) + post[k + 1]           # (N, n_{k+1}) -> (N, n_k)
    return t


def reconstruction(g, noisy, up, *, clean=None, clean_up=None, weight=1.0):
    """Loss and gradients of one feedback: batch mean of weight · ‖ρ‖², summed over units.

    Parameters
    ----------
    g : Feedback
    noisy : array (N, n)
        h', what should come back.
    up : array (N, in)
        What of h' arrived where g begins.
    clean, clean_up : arrays (N, n) and (N, in), optional
        h, and what of it arrived there: with them the loss has the difference correction.
    weight : float
        1/σ², for one.

    Returns
    -------
    loss, gradients
        float, {"Q": array, "c": array}; no "c" where g has none.

    Examples
    --------
    >>> from feedbackalign.layers import Identity
    >>> g = Feedback(np.array([[0.5]]), None, Identity())
    >>> reconstruction(g, np.array([[3.0]]), np.array([[2.0]]))
    (4.0, {'Q': array([[-8.]])})
    """
    v = g.drive(up)                                                             # (N, in) -> (N, n)
    residual = g.unit.function(v) - noisy
    if clean is not None:
        v0 = g.drive(clean_up)
        residual = residual + clean - g.unit.function(v0)
    loss = weight * float((residual * residual).sum(dtype=np.float64)) / len(residual)
    r = (2 * weight / len(residual)) * residual
    signal = r * g.unit.derivative(v)
    gradients = {"Q": signal.T @ up, "c": signal.sum(axis=0)}                   # (n, N) x (N, in) -> (n, in)
    if clean is not None:
        signal = r * g.unit.derivative(v0)
        gradients["Q"] -= signal.T @ clean_up
        gradients["c"] -= signal.sum(axis=0)
    if g.c is None:
        del gradients["c"]
    return loss, gradients
