"""Lengths hold at every size of the entries: against math.hypot and against the same arrays at an ordinary size."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import feedbackalign
from feedbackalign.ops.norms import correlation, deviation, norm, relative, scaled, unit

SIZES = (1e-300, 1e-170, 1e-20, 1.0, 1e20, 1e160, 1e300)
every_size = pytest.mark.parametrize("size", SIZES)
arrays = st.integers(0, 2**32 - 1).map(lambda seed: np.random.default_rng(seed).normal(size=(4, 3, 2)))


@every_size
@given(x=arrays)
def test_lengths_scale_with_the_entries(size, x):
    for axis in (None, 1, (1, 2), -1):
        np.testing.assert_allclose(norm(size * x, axis) / size, np.sqrt((x**2).sum(axis=axis)), rtol=1e-13)
        power = np.frexp(size)[1]                       # to scale by it rounds nothing
        np.testing.assert_allclose(np.ldexp(np.squeeze(deviation(size * x, axis)), -power),
                                   np.ldexp(size * x, -power).std(axis=axis), rtol=1e-12)
    assert norm(size * x) == pytest.approx(math.hypot(*(size * x).ravel()), rel=1e-14)
    np.testing.assert_allclose(unit(size * x, axis=1), x / np.sqrt((x**2).sum(axis=1, keepdims=True)), rtol=1e-13)
    exact = np.corrcoef(x[0].ravel(), x[1].ravel())[0, 1]
    assert correlation(size * x[0], x[1] / size) == pytest.approx(exact, abs=1e-12)
    assert relative([size * x, size * x], [size * 2 * x, size * 2 * x]) == pytest.approx(0.5, rel=1e-14)


@given(x=arrays)
def test_at_an_ordinary_size_every_bit_is_numpys(x):
    assert norm(x) == np.linalg.norm(x) and np.array_equal(norm(x, axis=1), np.linalg.norm(x, axis=1))
    assert deviation(x) == x.std()
    assert np.array_equal(np.ldexp(*scaled(x, axis=0)), x)


def test_no_correlation_is_beyond_1():
    """Two unit arrays have products of 1 + 2e-16."""
    rng = np.random.default_rng(0)
    pairs = [(u, sign * u) for u in rng.normal(size=(100, 7)) for sign in (1, -3)]
    assert max(abs(unit(u - u.mean()) @ unit(v - v.mean())) for u, v in pairs) > 1
    assert {abs(correlation(u, v)) <= 1 for u, v in pairs} == {True}


def test_small_types_are_measured_in_float64():
    assert norm(np.full(4, 3e38, dtype=np.float32)) == 2 * float(np.float32(3e38))
    assert norm(np.full(3, 200, dtype=np.uint8)) == pytest.approx(200 * 3**0.5)


def test_zero_empty_and_what_is_not_finite():
    zero = np.zeros((2, 2))
    assert norm(zero) == norm(np.zeros(0)) == deviation(zero) == 0 and np.isnan(unit(zero)).all()
    assert relative([zero + 1], [zero]) == 2
    assert math.isnan(correlation(zero, zero)) and math.isnan(correlation([1], [2]))
    assert norm([1.0, np.inf]) == np.inf and math.isnan(norm([1.0, np.nan])) and math.isnan(relative([np.nan], [1.0]))


@every_size
def test_the_callers_settings_play_no_part(size):
    x, before = size * np.array([[1.0, 1e-200], [3.0, 4.0]]), np.geterr()
    with np.errstate(all="raise"):
        found = norm(x), norm(x, axis=1), deviation(x), unit(x), relative([x], [0.5 * x]), correlation(x[0], x[1])
    assert np.geterr() == before and all(np.isfinite(number).all() for number in found)


def test_lengths_are_taken_at_one_place():
    """Truths measure small cases of their own; a spectral norm, `norm(W, 2)`, squares nothing."""
    package = Path(feedbackalign.__file__).parent
    own = {path.relative_to(package).as_posix() for path in package.rglob("*.py") if path.name != "truths.py"
           for line in path.read_text(encoding="utf-8").splitlines()
           if ("linalg.norm(" in line and ", 2)" not in line) or "corrcoef" in line}
    assert {name for name in own if not name.startswith("exercises/")} == {"ops/norms.py", "rules/perturbation.py"}
