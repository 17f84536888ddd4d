"""Product feedback alignment with an orthogonal B: B Bᵀ = I, so the path B·R can come to equal W.

Li, Benna, arXiv 2405.20594. The middle population is then as large as the output, mid = out.
"""

import numpy as np

from feedbackalign.ops import initialisers
from feedbackalign.rules.product.product_feedback_alignment import ProductFeedbackAlignment


class OrthogonalProductFeedbackAlignment(ProductFeedbackAlignment):
    """Product feedback alignment with B orthogonal, mid = out: B Bᵀ = I, so the path can come to equal W."""

    fixed_options = ("expansion",)

    def __init__(self, network, *, rng, **options):
        super().__init__(network, rng=rng, expansion=1, **options)

    def draw_B(self, out, mid, dtype):
        return initialisers.orthogonal((out, mid), self.rng, dtype)


class IdentityProductFeedbackAlignment(ProductFeedbackAlignment):
    """Product feedback alignment with B the identity: the middle population copies the outputs, R acts as KP's B."""

    fixed_options = ("expansion",)

    def __init__(self, network, *, rng, **options):
        super().__init__(network, rng=rng, expansion=1, **options)

    def draw_B(self, out, mid, dtype):
        return np.eye(out, dtype=dtype)

    def orthonormal_rows(self, shape):
        return np.eye(*shape)

    def direct_feedback(self, name):
        """The path: the middle population copies the outputs, so R's synapses come straight from them."""
        return self.feedback_weights(name)
