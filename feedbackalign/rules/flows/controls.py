"""What a flow is compared with: the same layer with the one property taken away.

    NotSkew      X_{k+1} as before,  W_{k+1} = W_k + h W_k M_k         the same parameters, M not made skew: W grows
    Constant     X_{k+1} as before,  W_k = W                           no flow at all: one matrix, trained freely
"""

import numpy as np

from feedbackalign.layers import MatrixFlow


class NotSkew(MatrixFlow):
    """The flow led by M itself, by an Euler step: nothing keeps its matrices orthogonal.

    >>> from feedbackalign.layers.flows import departure
    >>> layer = NotSkew(4, steps=10, rng=np.random.default_rng(0), dtype=np.float64)
    >>> y = layer.forward(np.ones((1, 4)))
    >>> departure(layer.matrices[10]) > 0.01
    True
    """

    def turn(self, W, M):
        return (W + self.h * W @ M,)

    def turn_back(self, Pi, W, M):
        G = self.h * Pi                                                         # ∂L/∂(W M)
        return Pi + G @ M.T, W.T @ G


class Constant(MatrixFlow):
    """One unconstrained matrix for all steps; it is the layer's parameter, and starts at an orthogonal W_0."""

    def parameters(self):
        return {"W0": self.W0}

    def state(self):
        return {}

    def check_start(self):
        """It may be any matrix."""

    def lead(self, W, k):
        return np.zeros_like(W)

    def lead_back(self, G, W, k):
        return (0.0,)

    def turn(self, W, M):
        return (W,)

    def turn_back(self, Pi, W, M):
        return Pi, M

    def backward(self, error):
        down = super().backward(error)
        self.gradients = {"W0": self.start_gradient}
        return down
