"""The dense layer's three products against sums written out, and its way down against the adjoint."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from feedbackalign.ops import linear
from tests.strategies import generators

sizes = st.integers(1, 6)


@given(sizes, sizes, sizes, generators())
def test_against_sums_written_out(N, inputs, outputs, rng):
    x, W, b, e = (rng.normal(size=shape) for shape in [(N, inputs), (outputs, inputs), (outputs,), (N, outputs)])
    y = [[b[o] + sum(W[o, i] * x[n, i] for i in range(inputs)) for o in range(outputs)] for n in range(N)]
    down = [[sum(e[n, o] * W[o, i] for o in range(outputs)) for i in range(inputs)] for n in range(N)]
    dW = [[sum(e[n, o] * x[n, i] for n in range(N)) for i in range(inputs)] for o in range(outputs)]
    np.testing.assert_allclose(linear.linear(x, W, b), y, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(linear.linear_transport(e, W), down, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(linear.linear_weight_gradient(e, x), dW, rtol=1e-12, atol=1e-13)


@given(sizes, sizes, sizes, generators())
def test_the_way_down_is_the_adjoint_of_the_way_up(N, inputs, outputs, rng):
    x, W, e = (rng.normal(size=shape) for shape in [(N, inputs), (outputs, inputs), (N, outputs)])
    up, down = linear.linear(x, W) * e, linear.linear_transport(e, W) * x
    assert abs(up.sum() - down.sum()) <= 1e-12 * (1 + np.abs(up).sum())


def test_an_answer_lies_in_memory_row_by_row():
    """So that what passes over it with other rows does not jump, with a bias and without."""
    rng = np.random.default_rng(0)
    x, weight, bias = rng.normal(size=(5, 3)), rng.normal(size=(4, 3)), rng.normal(size=4)
    for y in (linear.linear(x, weight), linear.linear(x, weight, bias)):
        assert y.shape == (5, 4) and y.flags.c_contiguous
