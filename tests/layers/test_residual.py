"""Residual blocks: both ways down, both kinds of shortcut, and what does not fit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedbackalign.layers import BatchNorm2d, Conv2d, PaddedShortcut, ReLU, Residual, Tanh
from feedbackalign.networks import Network
from tests.assertions import assert_gradients


def block(rng, inputs, outputs, stride, option):
    make = {"rng": rng, "dtype": np.float64}
    branch = [Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False, **make),
              BatchNorm2d(outputs, dtype=np.float64), Tanh(),
              Conv2d(outputs, outputs, 3, padding=1, bias=False, **make), BatchNorm2d(outputs, dtype=np.float64)]
    if option == "identity":
        return Residual(branch)
    if option == "A":
        return Residual(branch, [PaddedShortcut(outputs, stride)])
    return Residual(branch, [Conv2d(inputs, outputs, 1, stride=stride, bias=False, **make),
                             BatchNorm2d(outputs, dtype=np.float64)])


@given(st.sampled_from(["identity", "A", "B"]), st.integers(4, 6), st.integers(0, 2**31))
def test_the_error_comes_down_both_ways(option, size, seed):
    """⟨e, block(x + h v) − block(x − h v)⟩ / 2h = ⟨backward(e), v⟩ for random e and v."""
    rng = np.random.default_rng(seed)
    inputs, outputs, stride = (2, 2, 1) if option == "identity" else (2, 3, 2)
    layer = block(rng, inputs, outputs, stride, option)
    x, v = rng.normal(size=(2, 3, inputs, size, size))
    e, h = rng.normal(size=layer.forward(x).shape), 1e-5
    directional = ((layer.forward(x + h * v) - layer.forward(x - h * v)) * e).sum() / (2 * h)
    layer.forward(x)
    np.testing.assert_allclose((layer.backward(e) * v).sum(), directional, rtol=1e-6, atol=1e-7)


def test_an_empty_branch_side_adds_the_input():
    x = np.random.default_rng(0).normal(size=(2, 3))
    layer = Residual([Tanh()])
    np.testing.assert_array_equal(layer.forward(x), np.tanh(x) + x)
    np.testing.assert_allclose(layer.backward(np.ones_like(x)), 1 - np.tanh(x) ** 2 + 1)


@given(st.integers(1, 3), st.integers(0, 3), st.integers(1, 3), st.integers(3, 7), st.integers(0, 2**31))
def test_the_padded_shortcut_keeps_every_stride_th_pixel(channels, more, stride, size, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(2, channels, size, size + 1))
    layer = PaddedShortcut(channels + more, stride)
    y = layer.forward(x)
    assert y.shape[1:] == layer.output_shape(x.shape[1:])
    below = more // 2
    np.testing.assert_array_equal(y[:, below:below + channels], x[:, :, ::stride, ::stride])
    assert not y[:, :below].any() and not y[:, below + channels:].any()
    e = rng.normal(size=y.shape)
    np.testing.assert_allclose((y * e).sum(), (x * layer.backward(e)).sum(), rtol=1e-12)       # its own adjoint


def test_gradients_of_a_shortcut():
    rng = np.random.default_rng(0)
    assert_gradients(PaddedShortcut(4, 2), rng, rng.normal(size=(2, 3, 4, 5)))


def test_branch_and_shortcut_must_fit():
    rng = np.random.default_rng(0)
    layer = Residual([Conv2d(2, 3, 3, padding=1, rng=rng), ReLU()])
    with pytest.raises(ValueError, match=r"do not fit: \(3, 4, 4\) and \(2, 4, 4\)"):
        layer.output_shape((2, 4, 4))
    with pytest.raises(ValueError, match="at most 2 channels, got 3"):
        PaddedShortcut(2).output_shape((3, 4, 4))


def test_a_branch_is_a_list():
    with pytest.raises(TypeError, match=r"^layers: expected a list, got ReLU\(\)"):
        Residual(ReLU())
    with pytest.raises(TypeError, match="^shortcut: expected a list"):
        Residual([ReLU()], PaddedShortcut(4))


def test_a_block_is_found_by_its_name_too():
    inner = Residual([Tanh()])
    conv = Conv2d(2, 2, 3, padding=1, rng=np.random.default_rng(0))
    net = Network([conv, Residual([inner, ReLU()]), ReLU()], input_shape=(2, 4, 4))
    assert net.layer("block1").layers[0] is inner and net.layer(inner.name) is inner
    assert net.layer("conv1") is conv
    with pytest.raises(ValueError, match="unknown layer 'block2'"):
        net.layer("block2")
