"""Lesson 2, convolution as a matrix product: the gradient of a kernel, and the error's way down through it."""

import numpy as np

from feedbackalign.exercises import hints
from feedbackalign.exercises.base import Exercise
from feedbackalign.ops import convolution as conv

# (N, in, out, (H, W), (kh, kw), stride, padding): all sizes different
SIZES = [(4, 2, 3, (8, 7), (3, 2), 2, 1), (3, 4, 2, (5, 6), (2, 3), 1, 2), (2, 3, 5, (7, 9), (4, 2), 3, 0)]
LIMITS = {"one sample": (1, 2, 3, (5, 6), (2, 3), 1, 1), "one channel": (3, 1, 1, (5, 4), (2, 3), 1, 0),
          "a kernel of one pixel": (2, 3, 4, (4, 5), (1, 1), 2, 0), "one position": (3, 2, 4, (3, 4), (3, 4), 1, 0),
          "pixels that no patch meets": (2, 3, 2, (9, 8), (2, 1), 3, 0),
          "a frame as wide as the kernel": (2, 2, 3, (4, 5), (1, 2), 1, 2)}

LAST, BUT_FIRST, BUT_LAST = slice(-1, None), slice(1, None), slice(None, -1)


def kernel_gradient(error, x, kernel, stride, padding):
    """Exercise 2.1. The gradient of a kernel (equation 5).

    error (N, out, rows, cols) is ∂L/∂y, x (N, in, H, W) what the layer had seen, kernel = (kh, kw); stride and padding
    are the same in both directions. Return ∂L/∂weight, (out, in, kh, kw).
    """
    raise NotImplementedError


def _drawn(rng, N, inputs, out, image, kernel, stride, padding):
    rows, cols = (conv.output_size(size, length, stride, padding) for size, length in zip(image, kernel))
    return rng.normal(size=(N, out, rows, cols)), rng.normal(size=(N, inputs, *image)), kernel, stride, padding


def _seen(rng):
    return [_drawn(rng, *sizes) for sizes in SIZES]


def _seen_at_the_limits(rng):
    error, *rest = _drawn(rng, *SIZES[0])
    return {**{limit: _drawn(rng, *sizes) for limit, sizes in LIMITS.items()},
            "a tiny error": (1e-150 * error, *rest), "a huge error": (1e150 * error, *rest)}


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


def _of(error, samples=slice(None), rows=slice(None), cols=slice(None)):
    """The error where these samples and positions alone have one: what a loop over them alone would see."""
    kept = np.zeros_like(error)
    kept[samples, :, rows, cols] = error[samples, :, rows, cols]
    return kept


def _mixed(error, samples_first=False):
    """Rows of the wrong numbers: (N, out, rows, cols) -> (out, N·rows·cols), in another order than im2col's."""
    return (error.swapaxes(0, 1) if samples_first else error).reshape(error.shape[1], -1)


def _product(error, x, kernel, stride, padding, samples_first=False):
    columns = conv.im2col(x, kernel, stride, padding)
    return (_mixed(error, samples_first) @ columns.T).reshape(error.shape[1], x.shape[1], *kernel)


def image_error(error, weight, input_shape, stride, padding):
    """Exercise 2.2. Send the error down through a convolution (equations 3 and 4).

    error (N, out, rows, cols) is ∂L/∂y, weight (out, in, kh, kw), input_shape = (N, in, H, W); stride and padding are
    the same in both directions. Return ∂L/∂x, (N, in, H, W).
    """
    raise NotImplementedError


def _weighted(rng, trial):
    error, x, kernel, stride, padding = trial
    return error, rng.normal(size=(error.shape[1], x.shape[1], *kernel)), x.shape, stride, padding


def _above(rng):
    return [_weighted(rng, trial) for trial in _seen(rng)]


def _above_at_the_limits(rng):
    return {limit: _weighted(rng, trial) for limit, trial in _seen_at_the_limits(rng).items()}


def _sent_down(*given):
    return np.ascontiguousarray(conv.convolution_transport(*given))


def _way_down(error, weight, input_shape, stride, padding, first=0, step=None, add=True, last=False):
    """The same with a frame too wide, so that every mistake has room: -> (N, in, H, W).

    Without `add`, a pixel keeps what its first patch says, or its last one.
    """
    (N, C, H, W), step, (rows, cols) = input_shape, step or stride, error.shape[2:]
    wide = np.zeros((N, C, H + 2 * padding + 30, W + 2 * padding + 30))
    for i, j in sorted(np.ndindex(*weight.shape[2:]), reverse=last):
        tap = wide[:, :, i:i + step * rows:step, j:j + step * cols:step]                    # (N, in, rows, cols)
        sent = np.einsum("norc,oi->nirc", error, weight[:, :, i, j])
        tap[...] = tap + sent if add else sent
    start = padding + first
    return wide[:, :, start:start + H, start:start + W]


def _as_far_as_the_patches(error, weight, shape, stride, padding):
    H, W = ((positions - 1) * stride + length - 2 * padding
            for positions, length in zip(error.shape[2:], weight.shape[2:]))
    return _sent_down(error, weight, shape, stride, padding)[:, :, :H, :W]


def _mean_of_patches(error, weight, shape, stride, padding):
    ones = np.ones((1, 1, *error.shape[2:])), np.ones((1, 1, *weight.shape[2:])), (1, 1, *shape[2:])
    patches = conv.convolution_transport(*ones, stride, padding)                            # (1, 1, H, W)
    return conv.convolution_transport(error, weight, shape, stride, padding) / np.maximum(patches, 1)


def _columns_of(error, weight, shape, stride, padding, samples_first=False):
    columns = weight.reshape(len(weight), -1).T @ _mixed(error, samples_first)
    return np.ascontiguousarray(conv.col2im(columns, shape, weight.shape[2:], stride, padding))


EXERCISES = {
    "2.1": Exercise(task=kernel_gradient, cases=_seen, limits=_seen_at_the_limits, right=_gradient, mistakes=[
        (f"{hints.OFF_BY_ONE} in the padding: the first patch begins `padding` pixels above and left of the image",
         lambda *given: _gradient_of_shifted(*given, first=1)),
        ("the padding is left out: the first patch begins `padding` pixels above and left of the image",
         lambda error, x, kernel, stride, padding: _gradient_of_shifted(error, x, kernel, stride, 0)),
        ("the stride is left out: patch (p, q) begins at pixel (p · stride, q · stride)",
         lambda *given: _gradient_of_shifted(*given, step=1)),
        ("the kernel is flipped, upside down and left to right", lambda *given: _gradient(*given)[..., ::-1, ::-1]),
        ("in and out are exchanged: the axes of a kernel are (out, in, kh, kw)",
         lambda *given: _gradient(*given).swapaxes(0, 1)),
        (hints.mean_twice("positions, and a kernel's gradient is a sum over them"),
         lambda error, *given: _gradient(error, *given) / np.prod(error.shape[2:])),
        (hints.mean_twice("samples and positions, and a kernel's gradient is a sum over both"),
         lambda error, *given: _gradient(error, *given) * error.shape[1] / error.size),
        (hints.MIXED_SAMPLES_AND_CHANNELS, _product),
        (f"{hints.MIXED_SAMPLES_AND_CHANNELS}; here samples and positions, for im2col has the samples innermost",
         lambda *given: _product(*given, samples_first=True)),
        (f"{hints.OVERWRITTEN_IN_LOOP}, over samples and positions",
         lambda error, *given: _gradient(_of(error, LAST, LAST, LAST), *given)),
        (f"{hints.OVERWRITTEN_IN_LOOP}, over positions",
         lambda error, *given: _gradient(_of(error, rows=LAST, cols=LAST), *given)),
        (f"{hints.OVERWRITTEN_IN_LOOP}, over samples", lambda error, *given: _gradient(_of(error, LAST), *given)),
        (f"{hints.FIRST_LEFT_OUT}, the first sample's", lambda error, *given: _gradient(_of(error, BUT_FIRST), *given)),
        (f"{hints.LAST_LEFT_OUT}, the last sample's", lambda error, *given: _gradient(_of(error, BUT_LAST), *given)),
        (f"{hints.FIRST_LEFT_OUT} in each direction, that of row and column 0",
         lambda error, *given: _gradient(_of(error, rows=BUT_FIRST, cols=BUT_FIRST), *given)),
        (f"{hints.LAST_LEFT_OUT} in each direction, that of the last row and column",
         lambda error, *given: _gradient(_of(error, rows=BUT_LAST, cols=BUT_LAST), *given)),
    ]),
    "2.2": Exercise(task=image_error, cases=_above, limits=_above_at_the_limits, right=_sent_down, mistakes=[
        (f"{hints.OFF_BY_ONE} in the padding: `padding` rows and columns are to be cut off on each side",
         lambda *given: _way_down(*given, first=1)),
        ("you cut off nothing at the top and the left: there the padding stands",
         lambda error, weight, shape, stride, padding: _way_down(error, weight, shape, stride, padding, -padding)),
        ("the stride is left out: patch (p, q) begins at pixel (p · stride, q · stride)",
         lambda *given: _way_down(*given, step=1)),
        ("the slice [padding:-padding] is empty where padding is 0: write [padding:padding + H]",
         lambda *given: _sent_down(*given) if given[-1] else _sent_down(*given)[:, :, :0, :0]),
        ("rows and columns that no patch meets belong to the image too, with an error of 0: its size is input_shape",
         _as_far_as_the_patches),
        ("the kernel is flipped, upside down and left to right",
         lambda error, weight, *given: _way_down(error, weight[..., ::-1, ::-1], *given)),
        (hints.MIXED_SAMPLES_AND_CHANNELS, _columns_of),
        (f"{hints.MIXED_SAMPLES_AND_CHANNELS}; here samples and positions, for col2im wants the samples innermost",
         lambda *given: _columns_of(*given, samples_first=True)),
        (hints.mean_twice("patches that a pixel lies in, and it gets the sum of what they say"), _mean_of_patches),
        (f"{hints.OVERWRITTEN_IN_LOOP}: a pixel keeps what its first patch says, and should get the sum",
         lambda *given: _way_down(*given, add=False)),
        (f"{hints.OVERWRITTEN_IN_LOOP}: a pixel keeps what its last patch says, and should get the sum",
         lambda *given: _way_down(*given, add=False, last=True)),
        (f"{hints.OVERWRITTEN_IN_LOOP}: a pixel keeps what the last channel of its first patch says",
         lambda error, weight, *given: _way_down(error[:, LAST], weight[LAST], *given, add=False)),
        (f"{hints.OVERWRITTEN_IN_LOOP}: a pixel keeps what the last channel of its last patch says",
         lambda error, weight, *given: _way_down(error[:, LAST], weight[LAST], *given, add=False, last=True)),
        (f"{hints.OVERWRITTEN_IN_LOOP}, over the channels of the error",
         lambda error, weight, *given: _way_down(error[:, LAST], weight[LAST], *given)),
        (f"{hints.FIRST_LEFT_OUT}, channel 0 of the error",
         lambda error, weight, *given: _way_down(error[:, BUT_FIRST], weight[BUT_FIRST], *given)),
        (f"{hints.LAST_LEFT_OUT}, the last channel of the error",
         lambda error, weight, *given: _way_down(error[:, BUT_LAST], weight[BUT_LAST], *given)),
        (f"{hints.FIRST_LEFT_OUT} in each direction, that of row and column 0",
         lambda error, *given: _way_down(_of(error, rows=BUT_FIRST, cols=BUT_FIRST), *given)),
        (f"{hints.LAST_LEFT_OUT} in each direction, that of the last row and column",
         lambda error, *given: _way_down(_of(error, rows=BUT_LAST, cols=BUT_LAST), *given)),
    ]),
}
