"""Direct random target projection: every layer gets the target itself, straight through random weights.

Frenkel, Lefebvre, Bol, "Learning without feedback: fixed random learning signals allow for feedforward training of deep
neural networks", arXiv 1909.01311 (Frontiers in Neuroscience 15:629892, 2021).

    forward     x --W--> y                       Eq. 1   y = x Wᵀ + b
    feedback    e_in <--B-- t                    Eq. 2   e_in = t B / N        (N, classes) x (classes, in)
    learning    local to the layer               Eq. 3   ∂W = eᵀ x,  ∂b = Σₙ eₙ

t is the one-hot label (the target vector in regression): no error is computed for the hidden layers, so they may learn
as soon as the forward pass has left them. The sign of the true error at the right class is fixed, and B's random mix of
it is all that a hidden layer knows.

Transported   nothing, not even an error.
Local         both factors of Eq. 3, once the label has been broadcast.
When it is backprop     never.
What it needs           bounded units (`--activation tanh`). The label does not fade when the network is right: it
                        pushes a ReLU for ever, until that is off for good or grows without bound, at chance.

Deviations from the paper
    - B is drawn by the layer's own initialiser over its own shape. The paper trains with Adam and binary cross-entropy.
    - In residual networks identity branches still carry their error.
"""

from feedbackalign.ops.losses import one_hot
from feedbackalign.rules.direct_feedback_alignment import DirectFeedbackAlignment


class DirectRandomTargetProjection(DirectFeedbackAlignment):
    """Fixed random weights B from the label itself straight to every layer's input.

    Parameters
    ----------
    network, rng, density
        As for `DirectFeedbackAlignment`.

    >>> import numpy as np
    >>> from feedbackalign.networks import mlp
    >>> net = mlp([4, 3, 2], rng=np.random.default_rng(0))
    >>> rule = DirectRandomTargetProjection(net, rng=np.random.default_rng(1))
    >>> step = rule.gradients(np.ones((5, 4)), np.array([0, 1, 1, 0, 1]))
    >>> [layer for layer in step.errors]
    ['fc2', 'fc1']
    """

    paper = "Frenkel, Lefebvre, Bol 2021, arXiv 1909.01311"
    sketch = (("target", "below", "B", "fixed"),)
    matches_backprop = "never"
    sent = "label"

    def send_back(self, layer, error):
        B, targets = self.B[layer.name], self.network.targets               # as the last loss saw them
        if targets.ndim == 1:
            targets = one_hot(targets, len(B), B.dtype)                     # (N,) -> (N, classes)
        down = targets.astype(B.dtype, copy=False) @ B / len(targets)       # (N, classes) x (classes, in)     Eq. 2
        return down.reshape(layer.input.shape)

    def match_to_backprop(self):
        raise NotImplementedError(f"{self.name}: nothing makes this rule equal to backprop")
