"""The three vector fields: what they are, entry by entry, and their backward passes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedbackalign.check.gradients import numerical_gradient
from feedbackalign.ops import vector_fields as fields
from tests.strategies import generators

PAIRS = {"iso": (fields.iso, fields.iso_backward), "gated": (fields.gated, fields.gated_backward),
         "free-time": (fields.free_time, fields.free_time_backward)}


def arguments(name, rng, d, gates=2, hidden=3):
    """(W, further arguments) of a field; W is any matrix."""
    def draw(*shape):
        return rng.normal(size=shape)
    own = {"iso": lambda: (draw(d, d), draw(d, d)), "free-time": lambda: (draw(d, d),),
           "gated": lambda: (0.4, draw(gates), 0.5 * draw(gates, hidden, d * d + 1), draw(gates, hidden),
                             draw(gates, d * d, hidden), draw(gates, d * d))}
    return draw(d, d), own[name]()


def worst_gradient(name, backward, rng, d):
    """The largest difference from central differences over all arrays, relative to the array's largest slope."""
    value, _ = PAIRS[name]
    W, own = arguments(name, rng, d)
    G = rng.normal(size=(d, d))
    arrays = [W, *(array for array in own if isinstance(array, np.ndarray))]
    gaps = []
    for array, given_back in zip(arrays, backward(G, W, *own), strict=True):
        exact = numerical_gradient(lambda _: float((G * value(W, *own)).sum()), array)
        gaps.append(np.abs(exact - given_back).max() / max(np.abs(exact).max(), 1.0))
    return max(gaps)


@pytest.mark.parametrize("name", PAIRS)
@given(rng=generators(), d=st.integers(1, 4))
def test_the_backward_is_the_derivative(name, rng, d):
    assert worst_gradient(name, PAIRS[name][1], rng, d) <= 1e-7


@given(rng=generators(), d=st.integers(1, 6))
def test_the_iso_field_is_a_double_bracket(rng, d):
    """B = M − Mᵀ is the commutator of H and N_s, both symmetric."""
    W, (Q, N) = arguments("iso", rng, d)
    H, N_s, M = W.T @ (Q + Q.T) @ W, N + N.T, fields.iso(W, Q, N)
    np.testing.assert_allclose(M - M.T, H @ N_s - N_s @ H, atol=1e-12 * max(1.0, np.abs(M).max()))


@given(rng=generators(), d=st.integers(1, 4))
def test_the_gated_field_is_a_sum_of_small_networks(rng, d):
    W, (t, a, U, p, V, q) = arguments("gated", rng, d)
    seen = [t] + [W[i, j] for i in range(d) for j in range(d)]                  # row by row
    M = np.zeros((d, d))
    for gate in range(len(a)):
        hidden = [np.tanh(sum(u * s for u, s in zip(row, seen)) + shift) for row, shift in zip(U[gate], p[gate])]
        for i, j in np.ndindex(d, d):
            M[i, j] += a[gate] * (sum(v * h for v, h in zip(V[gate, i * d + j], hidden)) + q[gate, i * d + j])
    np.testing.assert_allclose(fields.gated(W, t, a, U, p, V, q), M, rtol=1e-12, atol=1e-12)


def test_the_free_time_field_does_not_ask_where_it_is():
    rng = np.random.default_rng(0)
    W, (S,) = arguments("free-time", rng, 3)
    assert np.array_equal(fields.free_time(W, S), S)
    assert not fields.free_time_backward(S, W, S)[0].any()


def iso_halved(G, W, Q, N):
    """∂Q without its transposed half."""
    G_W, _, G_N = fields.iso_backward(G, W, Q, N)
    return G_W, W @ G @ (N + N.T) @ W.T, G_N


def iso_one_factor(G, W, Q, N):
    """∂W through one of the two W alone."""
    _, G_Q, G_N = fields.iso_backward(G, W, Q, N)
    return (Q + Q.T) @ W @ G @ (N + N.T), G_Q, G_N


def gated_without_time(G, W, t, *own):
    return fields.gated_backward(G, W, 0.0, *own)


def gated_by_columns(G, W, t, *own):
    G_W, *rest = fields.gated_backward(G, W, t, *own)
    return G_W.T, *rest


@pytest.mark.parametrize(("name", "wrong"), [("iso", iso_halved), ("iso", iso_one_factor),
                                             ("gated", gated_without_time), ("gated", gated_by_columns)])
def test_a_wrong_backward_is_found(name, wrong):
    assert min(worst_gradient(name, wrong, np.random.default_rng(seed), 3) for seed in range(3)) > 1e-3
