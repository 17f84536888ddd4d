"""Initial weights have the variance that their names promise, within four standard errors at one fixed seed."""

import numpy as np
import pytest

from feedbackalign.layers import Conv2d, Linear
from feedbackalign.ops import initialisers

SHAPES = [(60, 40), (24, 12, 5, 3)]
KURTOSIS = {"uniform": 9 / 5, "normal": 3.0}                # E[w⁴] / E[w²]²
CUT_DEVIATION = 0.87962566103423978                         # of a normal number within ±2, as JAX and Keras have it


def promised(shape, init):
    fan_in, fan_out = shape[1] * int(np.prod(shape[2:])), shape[0] * int(np.prod(shape[2:]))
    return {"xavier": 2 / (fan_in + fan_out), "kaiming": 2 / fan_in, "lecun": 1 / fan_in,
            "pytorch": 1 / (3 * fan_in)}[init.split("-")[0]]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("init", [name for name in initialisers.NAMES if name != "orthogonal"])
def test_mean_and_variance(shape, init):
    weights = initialisers.draw(shape, np.random.default_rng(7), init, np.float64)
    variance = promised(shape, init)
    assert abs(weights.mean()) < 4 * np.sqrt(variance / weights.size)
    kurtosis = KURTOSIS["normal" if init.endswith("normal") else "uniform"]     # of the cut normal it is smaller
    spread = variance * np.sqrt((kurtosis - 1) / weights.size)
    assert abs((weights**2).mean() - variance) < 4 * spread
    assert initialisers.deviation(shape, init) == pytest.approx(np.sqrt(variance), rel=1e-14)
    bound = {"uniform": np.sqrt(3 * variance), "default": 1 / np.sqrt(np.prod(shape[1:])),
             "normal": 2 / CUT_DEVIATION * np.sqrt(variance) if init == "lecun-normal" else None}[init.split("-")[1]]
    if bound:
        assert 0.95 * bound < np.abs(weights).max() <= bound * (1 + 1e-12)


def test_a_cut_normal_has_the_shape_of_the_normal_within_two_deviations():
    """Shares of 100,000 numbers within ±1 and ±½ of the normal's deviation, within five standard errors."""
    drawn = CUT_DEVIATION * initialisers.truncated_normal(100_000, np.random.default_rng(0), 1.0)
    for within, share in ((1.0, 0.682689 / 0.954500), (0.5, 0.382925 / 0.954500)):
        assert abs((np.abs(drawn) < within).mean() - share) < 5 * np.sqrt(share * (1 - share) / drawn.size)


@pytest.mark.parametrize("make", [lambda **given: Linear(40, 3000, **given),
                                  lambda **given: Conv2d(8, 3000, (5, 1), **given)])
def test_biases_are_zero_but_for_pytorchs_default(make):
    for init in initialisers.NAMES:
        bias = make(rng=np.random.default_rng(0), init=init, dtype=np.float64).bias
        if init == "pytorch-default":
            assert 0.99 / np.sqrt(40) < np.abs(bias).max() <= 1 / np.sqrt(40) and abs(bias.mean()) < 0.01
        else:
            assert not bias.any(), init


@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (4, 4), (1, 6), (3, 2, 3, 3), (30, 2, 3, 2)])
def test_orthogonal(shape):
    Q = initialisers.orthogonal(shape, np.random.default_rng(1)).reshape(shape[0], -1)
    gram = Q @ Q.T if Q.shape[0] <= Q.shape[1] else Q.T @ Q
    np.testing.assert_allclose(gram, np.eye(len(gram)), atol=1e-14)
    np.testing.assert_allclose(np.sqrt((Q**2).mean()), initialisers.deviation(shape, "orthogonal"), rtol=1e-13)


def test_orthogonal_has_no_preferred_sign():
    """Without the sign correction of QR, the diagonal of 200 draws would be one-sided."""
    rng = np.random.default_rng(0)
    signs = np.array([np.sign(initialisers.orthogonal((3, 3), rng)[0, 0]) for _ in range(200)])
    assert abs(signs.sum()) < 4 * np.sqrt(200)


@pytest.mark.parametrize("init", initialisers.NAMES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_layout_and_repeatability(init, dtype):
    first, second = (initialisers.draw((4, 3, 2, 2), np.random.default_rng(3), init, dtype) for _ in range(2))
    assert first.dtype == dtype and first.flags.c_contiguous and first.shape == (4, 3, 2, 2)
    assert np.array_equal(first, second)


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(ValueError, match="unknown initialiser 'xavier': did you mean 'xavier-"):
        initialisers.draw((2, 2), np.random.default_rng(0), "xavier")
