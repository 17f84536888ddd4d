"""Batch normalisation a few channels at a time is the readable formula, for rows and images, whatever the blocks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedbackalign.ops import normalisation
from feedbackalign.ops.fast import normalisation as fast

TWICE = ("batch_norm", "batch_norm_training", "batch_norm_backward")


def arguments(shape, rng):
    """{function: what it is called with}"""
    x, error = rng.normal(2.0, 3.0, size=shape), rng.normal(size=shape)
    scale, shift, mean, variance = rng.normal(size=(4, shape[1]))
    fixed = (mean, variance**2, 1e-5)
    _, batch_mean, batch_variance = normalisation.batch_norm_training(x, scale, shift, 1e-5)
    return {"batch_norm": (x, scale, shift, *fixed), "batch_norm_training": (x, scale, shift, 1e-5),
            "batch_norm_backward": (error, x, scale, batch_mean, batch_variance, 1e-5)}


@given(st.integers(2, 6), st.integers(1, 5), st.integers(0, 2**31), st.sampled_from([1, 200, 2**19]))
def test_blocks_of_channels_give_the_numbers_of_the_definition(N, C, seed, block):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fast, "BLOCK", block)
        for shape in ((N, C), (N, C, 2, 3)):
            given_to = arguments(shape, np.random.default_rng(seed))
            for name in TWICE:
                results = [getattr(module, name)(*given_to[name]) for module in (fast, normalisation)]
                found, exact = (part if isinstance(part, tuple) else (part,) for part in results)
                for have, want in zip(found, exact, strict=True):
                    np.testing.assert_allclose(have, want, rtol=1e-11, atol=1e-11)
