"""One exact forward and backward pass, then gradients that are amended layer by layer: what two rules share.

The equations stand in the docstring of `feedbackalign.rules.implicit`. The errors that go down are backprop's, through
the old W of every layer. Amended is only what a layer does with its own error.
"""

import copy

import numpy as np

from feedbackalign.alignment import angle
from feedbackalign.layers import Conv2d, Linear
from feedbackalign.networks.chains import UnfitNetworkError
from feedbackalign.ops.norms import norm
from feedbackalign.rules.base import Rule, Step
from feedbackalign.rules.implicit.solve import amended, as_gradients, error_rows, input_rows
from feedbackalign.validation import require_finite, require_generator


class AmendingRule(Rule):
    """The gradient that the optimiser gets is the step of Eq. 4; a subclass says how far to move, and which ε.

    Other parameters than those of layers with weights (as of a batch normalisation) keep their mean gradient.
    """

    reads_forward_weights = "yes"

    def __init__(self, network, *, rng):
        super().__init__(network, rng=require_generator(rng, type(self).__name__))
        for layer in network.weighted_layers():
            if not isinstance(layer, (Linear, Conv2d)):
                raise UnfitNetworkError(f"{layer.name} cannot be taken: expected Linear or Conv2d, whose answer is a "
                                        f"matrix product, got {layer!r}", "dense and convolutional models: --model mlp")

    def length(self, N):
        """How far z should move at lr = 1, in a batch of N samples: this number times −Δ."""
        raise NotImplementedError(f"{type(self).__name__} does not say how far z should move: write length()")

    def epsilon_of(self, layer):
        """ε of Eq. 1 at this layer; None where the layer takes a plain gradient step."""
        raise NotImplementedError(f"{type(self).__name__} does not say how the solve is damped: write epsilon_of()")

    # ------------------------------------------------------------------------------------------- the learning phase

    def gradients(self, x, targets):
        require_finite(x, "x")
        loss, error = self.network.loss_and_error(self.network.forward(x), targets)
        step = Step(loss=loss, grads=self.network.backward(error))              # the mean's, where nothing is amended
        for layer in self.network.weighted_layers():
            step.errors[layer.name] = layer.error
            _, _, change = self.amend(layer, len(x))
            step.grads |= {f"{layer.name}.{key}": gradient for key, gradient in as_gradients(layer, change).items()}
        return step

    def amend(self, layer, N):
        """THE RULE, after a backward pass: -> X̃ (P, n), the move that z should make, uphill (P, out), step (out, n)."""
        X = input_rows(layer)
        wanted = self.length(N) * N * error_rows(layer, layer.error)            # N: the error sent down is the mean's
        epsilon = self.epsilon_of(layer)
        if epsilon is None:
            return X, wanted, wanted.T @ X                                      # (out, P) x (P, n)
        return X, wanted, amended(X, wanted, epsilon, f"{self.name}: epsilon at {layer.name}")      # Eq. 1

    def sent_down(self, output, targets):
        self.network.backward(self.network.loss_error(output, targets))
        return {layer.name: layer.error for layer in self.network.weighted_layers()}

    # --------------------------------------------------------------------------------------------- what to look at

    def trace(self, x, targets):
        """One row per layer, from the top.

        How far z should move and how far the step moves it at lr = 1 (lengths, over the batch), the condition of
        K + εI (None where it is singular), the length of the step and its angle to backprop, in degrees.
        """
        twin = copy.deepcopy(self).astype(np.float64)
        exact = twin.backprop_gradients(x, targets)
        grads, rows = twin.gradients(x, targets).grads, []
        for layer in reversed(twin.network.weighted_layers()):
            X, wanted, step = twin.amend(layer, len(x))
            weight = f"{layer.name}.weight"
            rows.append({
                "layer": layer.name,
                "wanted_move": norm(wanted),
                "induced_move": norm(X @ step.T),              # Eq. 2
                "condition": condition(X, twin.epsilon_of(layer)),
                "update_norm": norm(grads[weight]),
                "angle_to_backprop": angle(grads[weight], exact[weight]),
            })
        return rows


def condition(X, epsilon):
    """The condition of K + εI for K = X Xᵀ; None where it is singular, or nothing is solved: X (P, n).

    >>> condition(np.diag([1.0, 3.0]), epsilon=1.0), condition(np.ones((2, 1)), epsilon=0.0)
    (5.0, None)
    """
    if epsilon is None:
        return None
    s = np.linalg.svd(X, compute_uv=False)**2
    smallest = (s[-1] if len(s) == len(X) else 0.0) + epsilon                   # more rows than columns: K is singular
    return float((s[0] + epsilon) / smallest) if smallest > len(X) * np.finfo(float).eps * s[0] else None
