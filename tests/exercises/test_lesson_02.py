"""The checks of lesson 2 accept what is right and name what is wrong."""

import numpy as np

from tests.exercises.proof import prove
from tests.solutions import lesson_02 as solutions


def gradient(error, x, kernel, stride, padding, above=None, step=None):
    """By loops, from patches that begin `above` pixels above the image and lie `step` apart."""
    above, step, (kh, kw) = padding if above is None else above, step or stride, kernel
    wide = np.pad(x, ((0, 0), (0, 0), (above, 20), (above, 20)))
    answer = np.zeros((error.shape[1], x.shape[1], kh, kw))
    for n, o, p, q in np.ndindex(*error.shape):
        answer[o] += error[n, o, p, q] * wide[n, :, p * step:p * step + kh, q * step:q * step + kw]
    return answer


def test_2_1():
    prove("2.1", right=[solutions.kernel_gradient, solutions.kernel_gradient_by_loops], kind="convolution backward",
          wrong={"off-by-one padding": (lambda e, x, k, s, p: gradient(e, x, k, s, p, above=p + 1), "off by one"),
                 "stride left out": (lambda *given: gradient(*given, step=1), "stride is left out"),
                 "kernel flipped": (lambda *given: gradient(*given)[:, :, ::-1, ::-1], "flipped")},
          own={"padding left out": (lambda *given: gradient(*given, above=0), "padding is left out"),
               "mean over positions": (lambda error, *given: gradient(error / error[0, 0].size, *given), "not a mean"),
               "in and out exchanged": (lambda *given: gradient(*given).swapaxes(0, 1), "should have shape")})


def way_down(error, weight, shape, stride, padding, cut=None, step=None, add=True):
    """By loops, with `cut` rows and columns cut off at the top and the left."""
    cut, step, (kh, kw) = padding if cut is None else cut, step or stride, weight.shape[2:]
    wide = np.zeros((*shape[:2], shape[2] + 40, shape[3] + 40))
    for i, j, p, q in np.ndindex(kh, kw, *error.shape[2:]):
        pixel = wide[:, :, p * step + i, q * step + j]
        pixel[...] = add * pixel + error[:, :, p, q] @ weight[:, :, i, j]
    return wide[:, :, cut:cut + shape[2], cut:cut + shape[3]]


def test_2_2():
    prove("2.2", right=[solutions.image_error, solutions.image_error_by_the_layer], kind="convolution backward",
          wrong={"off-by-one padding": (lambda e, w, n, s, p: way_down(e, w, n, s, p, cut=p + 1), "off by one"),
                 "stride left out": (lambda *given: way_down(*given, step=1), "stride is left out"),
                 "kernel flipped": (lambda e, w, *given: way_down(e, np.flip(w, (2, 3)), *given), "flipped")},
          own={"nothing cut off": (lambda *given: way_down(*given, cut=0), "cut off nothing"),
               "assigned": (lambda *given: way_down(*given, add=False), "+="),
               "the frame left on": (lambda e, w, n, s, p: way_down(
                   e, w, (*n[:2], n[2] + 2, n[3] + 2), s, p, cut=p), "should have shape")})
