"""Lesson 2, convolution as a matrix product: the gradient of a kernel, and the error's way down through it."""

import numpy as np

from feedbackalign.exercises.base import Exercise
from feedbackalign.ops import convolution as conv

# (N, in, out, (H, W), (kh, kw), stride, padding): all sizes different
SIZES = [(4, 2, 3, (8, 7), (3, 2), 2, 1), (3, 4, 2, (5, 6), (2, 3), 1, 2), (2, 3, 5, (7, 9), (4, 2), 3, 0)]


def kernel_gradient(error, x, kernel, stride, padding):
    """Exercise 2.1. The gradient of a kernel (equation 5).

    error (N, out, rows, cols) is ∂L/∂y, x (N, in, H, W) what the layer had seen, kernel = (kh, kw); stride and padding
    are the same in both directions. Return ∂L/∂weight, (out, in, kh, kw).
    """
    raise NotImplementedError


def _seen(rng):
    cases = []
    for N, inputs, out, image, kernel, stride, padding in SIZES:
        rows, cols = (conv.output_size(size, length, stride, padding) for size, length in zip(image, kernel))
        cases.append((rng.normal(size=(N, out, rows, cols)), rng.normal(size=(N, inputs, *image)), kernel, stride,
                      padding))
    return cases


def _gradient(error, x, kernel, stride, padding):
    shape = (error.shape[1], x.shape[1], *kernel)
    return conv.convolution_weight_gradient(error, conv.im2col(x, kernel, stride, padding), shape)


def _gradient_of_shifted(error, x, kernel, stride, padding, first=0, step=None):
    """Patches that begin `first` pixels too far up and left, `step` apart; wide enough for any mistake."""
    step, (rows, cols) = step or stride, error.shape[2:]
    wide = np.pad(x, ((0, 0), (0, 0), (padding + first, 30), (padding + first, 30)))
    gradient = np.empty((error.shape[1], x.shape[1], *kernel))
    for i, j in np.ndindex(*kernel):
        tap = wide[:, :, i:i + step * rows:step, j:j + step * cols:step]                    # (N, in, rows, cols)
        gradient[:, :, i, j] = np.einsum("norc,nirc->oi", error, tap)
    return gradient


def image_error(error, weight, input_shape, stride, padding):
    """Exercise 2.2. Send the error down through a convolution (equations 3 and 4).

    error (N, out, rows, cols) is ∂L/∂y, weight (out, in, kh, kw), input_shape = (N, in, H, W); stride and padding are
    the same in both directions. Return ∂L/∂x, (N, in, H, W).
    """
    raise NotImplementedError


def _above(rng):
    return [(error, rng.normal(size=(error.shape[1], x.shape[1], *kernel)), x.shape, stride, padding)
            for error, x, kernel, stride, padding in _seen(rng)]


def _sent_down(*given):
    return np.ascontiguousarray(conv.convolution_transport(*given))


def _way_down(error, weight, input_shape, stride, padding, first=0, step=None, add=True):
    """The same with a frame too wide, so that every mistake has room: -> (N, in, H, W)."""
    (N, C, H, W), step, (rows, cols) = input_shape, step or stride, error.shape[2:]
    wide = np.zeros((N, C, H + 2 * padding + 30, W + 2 * padding + 30))
    for i, j in np.ndindex(*weight.shape[2:]):
        tap = wide[:, :, i:i + step * rows:step, j:j + step * cols:step]                    # (N, in, rows, cols)
        sent = np.einsum("norc,oi->nirc", error, weight[:, :, i, j])
        tap[...] = tap + sent if add else sent
    start = padding + first
    return wide[:, :, start:start + H, start:start + W]


EXERCISES = {
    "2.1": Exercise(task=kernel_gradient, cases=_seen, right=_gradient, mistakes=[
        ("the padding is off by one: the first patch begins `padding` pixels above and left of the image, not one more",
         lambda *given: _gradient_of_shifted(*given, first=1)),
        ("the padding is left out: the first patch begins `padding` pixels above and left of the image",
         lambda error, x, kernel, stride, padding: _gradient_of_shifted(error, x, kernel, stride, 0)),
        ("the stride is left out: patch (p, q) begins at pixel (p · stride, q · stride)",
         lambda *given: _gradient_of_shifted(*given, step=1)),
        ("the kernel is flipped, upside down and left to right", lambda *given: _gradient(*given)[..., ::-1, ::-1]),
        ("a kernel's gradient is a sum over all positions, not a mean",
         lambda error, *given: _gradient(error, *given) / np.prod(error.shape[2:])),
    ]),
    "2.2": Exercise(task=image_error, cases=_above, right=_sent_down, mistakes=[
        ("the padding is off by one: of the padded image, `padding` rows and columns are to be cut off on each side",
         lambda *given: _way_down(*given, first=1)),
        ("you cut off nothing at the top and the left: there the padding stands",
         lambda error, weight, shape, stride, padding: _way_down(error, weight, shape, stride, padding, -padding)),
        ("the stride is left out: patch (p, q) begins at pixel (p · stride, q · stride)",
         lambda *given: _way_down(*given, step=1)),
        ("the kernel is flipped, upside down and left to right",
         lambda error, weight, *given: _way_down(error, weight[..., ::-1, ::-1], *given)),
        ("a pixel that lies in several patches gets the sum of what they say: += where you have =",
         lambda *given: _way_down(*given, add=False)),
    ]),
}
