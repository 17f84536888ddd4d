"""The reconstruction losses: feedback learns from noise to undo the way up (Eq. 10 to 13).

The equations stand in the docstring of `feedbackalign.rules.targets`. Only Q_i and c_i of the feedback that is trained
get a gradient; everything else is a constant.
"""

import typing

import numpy as np

from feedbackalign.layers.base import Layer


class Feedback(typing.NamedTuple):
    """g(t) = u(Q t + c): Q (n, in), c (n,) or None, and the unit u."""

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
    """The output if layer `start` (from 0) had the activity h: (N, n) -> (N, out). No layer remembers it."""
    for layer, unit in stages[start + 1:]:
        h = unit.function(layer.answer(h))
    return h


def sent_down(feedbacks, post, start, t):
    """From the output down to layer `start` by Eq. 5: t (N, out) -> (N, n).

    `feedbacks[k]` leads down to layer k, from 0; post[k + 1] is the activity of layer k without noise.
    """
    for k in reversed(range(start, len(feedbacks))):
        t = feedbacks[k](t) - feedbacks[k](post[k + 2]) + post[k + 1]           # (N, n_{k+1}) -> (N, n_k)
    return t


def reconstruction(g, noisy, up, *, clean=None, clean_up=None, weight=1.0):
    """Loss and gradients of one feedback: batch mean of weight · ‖ρ‖², summed over units.

    Parameters
    ----------
    g : Feedback
    noisy, up : arrays (N, n) and (N, in)
        h', which should come back, and the input of g for h'.
    clean, clean_up : arrays (N, n) and (N, in), optional
        h, and the input of g for h: with them the loss has the difference.
    weight : float
        1/σ².

    Returns
    -------
    loss, gradients
        float, {"Q": array, "c": array}; no "c" where g has none.

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
