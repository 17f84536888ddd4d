"""Initial weights have the variance that their names promise, within four standard errors at one fixed seed."""

import numpy as np
import pytest

from feedbackalign.ops import initialisers

SHAPES = [(60, 40), (24, 12, 5, 3)]
KURTOSIS = {"uniform": 9 / 5, "normal": 3.0}                # E[w⁴] / E[w²]²


def promised(shape, init):
    fan_in, fan_out = shape[1] * int(np.prod(shape[2:])), shape[0] * int(np.prod(shape[2:]))
    return 2 / (fan_in + fan_out) if init.startswith("xavier") else 2 / fan_in


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("init", ["xavier-uniform", "xavier-normal", "kaiming-uniform", "kaiming-normal"])
def test_mean_and_variance(shape, init):
    weights = initialisers.draw(shape, np.random.default_rng(7), init, np.float64)
    variance = promised(shape, init)
    assert abs(weights.mean()) < 4 * np.sqrt(variance / weights.size)
    spread = variance * np.sqrt((KURTOSIS[init.split("-")[1]] - 1) / weights.size)
    assert abs((weights**2).mean() - variance) < 4 * spread
    assert initialisers.deviation(shape, init) == pytest.approx(np.sqrt(variance), rel=1e-14)
    if init.endswith("uniform"):
        bound = np.sqrt(3 * variance)
        assert np.abs(weights).max() <= bound and np.abs(weights).max() > 0.99 * bound


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
