"""Batch normalisation a few channels at a time is the readable formula, whatever the blocks; rows are one pixel."""

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


def in_both(given_to, given_to_definition):
    """(found, exact) of every result of every function."""
    for name in TWICE:
        results = fast.__dict__[name](*given_to[name]), normalisation.__dict__[name](*given_to_definition[name])
        found, exact = (part if isinstance(part, tuple) else (part,) for part in results)
        yield from zip(found, exact, strict=True)


@given(st.integers(2, 6), st.integers(1, 5), st.integers(0, 2**31), st.sampled_from([1, 200, 2**19]))
def test_blocks_of_channels_give_the_numbers_of_the_definition(N, C, seed, block):
    images, rows = (arguments(shape, np.random.default_rng(seed)) for shape in ((N, C, 2, 3), (N, C)))
    pixels = {name: [part[:, :, None, None] if np.ndim(part) == 2 else part for part in given_to]
              for name, given_to in rows.items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fast, "BLOCK", block)
        for have, want in [*in_both(images, images), *in_both(pixels, rows)]:
            np.testing.assert_allclose(have.reshape(want.shape), want, rtol=1e-11, atol=1e-11)
