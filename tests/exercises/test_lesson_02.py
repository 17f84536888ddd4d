"""The checks of lesson 2 accept what is right and name what is wrong."""

import numpy as np
import pytest

from feedbackalign.ops import convolution as conv
from tests.exercises.proof import prove
from tests.solutions import lesson_02 as solutions


def gradient(error, x, kernel, stride, padding, above=None, step=None, mean=1):
    """By loops, from patches that begin `above` pixels above the image and lie `step` apart."""
    above, step, (kh, kw) = padding if above is None else above, step or stride, kernel
    wide = np.pad(x, ((0, 0), (0, 0), (above, 20), (above, 20)))
    answer = np.zeros((error.shape[1], x.shape[1], kh, kw))
    for p, q in np.ndindex(*error.shape[2:]):
        answer += np.tensordot(error[:, :, p, q].T, wide[:, :, p * step:p * step + kh, q * step:q * step + kw], 1)
    return answer / mean


def assigned(order):
    """The loops, with = for +=; what is not in the order is summed over at once."""
    def wrong(error, x, kernel, stride, padding):
        N, _, rows, cols = error.shape
        answer = np.zeros((error.shape[1], x.shape[1], *kernel))
        places = {"n": range(N), "p": range(rows), "q": range(cols)}
        for place in np.ndindex(*(len(places[letter]) for letter in order)):
            kept = np.zeros_like(error)
            at = dict(zip(order, place))
            which = tuple(at.get(letter, slice(None)) for letter in "nopq")
            kept[which] = error[which]
            answer[...] = gradient(kept, x, kernel, stride, padding)
        return answer
    return wrong


def without(which):
    def wrong(error, *given):
        return gradient(np.where(which(*np.indices(error.shape)[[0, 2, 3]], *error.shape), 0.0, error), *given)
    return wrong


def product(error, x, kernel, *given):
    return (error @ conv.im2col(x, kernel, *given).T).reshape(len(error), x.shape[1], *kernel)


def test_2_1():
    prove("2.1", right=[solutions.kernel_gradient, solutions.kernel_gradient_by_loops], kinds={
        "off by one": lambda e, x, k, s, p: gradient(e, x, k, s, p, above=p + 1),
        "mean twice": [lambda error, *given: gradient(error, *given, mean=len(error)),
                       lambda error, *given: gradient(error, *given, mean=error[0, 0].size),
                       lambda error, *given: gradient(error, *given, mean=error[:, 0].size)],
        "samples and channels mixed": [
            lambda error, *given: product(error.reshape(error.shape[1], -1), *given),
            lambda error, *given: product(np.swapaxes(error, 0, 1).reshape(error.shape[1], -1), *given)],
        "overwritten in a loop": [assigned("npq"), assigned("pq"), assigned("n"), assigned("qpn")],
        "first left out": [without(lambda n, p, q, *_: n == 0), without(lambda n, p, q, *_: (p == 0) | (q == 0))],
        "last left out": [without(lambda n, p, q, N, _, rows, cols: n == N - 1),
                          without(lambda n, p, q, N, _, rows, cols: (p == rows - 1) | (q == cols - 1))]},
        own={"padding left out": (lambda *given: gradient(*given, above=0), "padding is left out"),
             "stride left out": (lambda *given: gradient(*given, step=1), "stride is left out"),
             "kernel flipped": (lambda *given: gradient(*given)[:, :, ::-1, ::-1], "flipped"),
             "in and out exchanged": (lambda *given: gradient(*given).swapaxes(0, 1), "in and out are exchanged"),
             "kernel's axes exchanged": (lambda *given: gradient(*given).swapaxes(2, 3), "should have shape")})


def way_down(error, weight, shape, stride, padding, cut=None, step=None):
    """By loops, with `cut` rows and columns cut off at the top and the left."""
    cut, step, (kh, kw) = padding if cut is None else cut, step or stride, weight.shape[2:]
    wide = np.zeros((*shape[:2], shape[2] + 40, shape[3] + 40))
    for i, j, p, q in np.ndindex(kh, kw, *error.shape[2:]):
        wide[:, :, p * step + i, q * step + j] += error[:, :, p, q] @ weight[:, :, i, j]
    return wide[:, :, cut:cut + shape[2], cut:cut + shape[3]]


def assigned_down(order):
    """The loops over kernel (ij), positions (pq) and output channels (o), with = for +=."""
    def wrong(error, weight, shape, stride, padding):
        wide = np.zeros((*shape[:2], shape[2] + 40, shape[3] + 40))
        sizes = dict(zip("ijpqo", (*weight.shape[2:], *error.shape[2:], len(weight))))
        for place in np.ndindex(*(sizes[letter] for letter in order)):
            at = dict(zip(order, place))
            i, j, p, q, o = (at.get(letter, slice(None)) for letter in "ijpqo")
            some, patch = np.atleast_2d(error[:, o, p, q].T).T, np.atleast_2d(weight[o, :, i, j])
            wide[:, :, p * stride + i, q * stride + j] = some @ patch
        return wide[:, :, padding:padding + shape[2], padding:padding + shape[3]]
    return wrong


def last_channel_only(error, weight, *given):
    for o in range(len(weight)):
        answer = way_down(error[:, [o]], weight[[o]], *given)
    return answer


def mean_of_patches(error, weight, *given):
    patches = way_down(np.ones_like(error), np.ones_like(weight), *given) / len(weight)
    return way_down(error, weight, *given) / np.where(patches > 0, patches, 1)


def cut_with_minus(error, weight, shape, stride, padding):
    wide = (*shape[:2], shape[2] + 2 * padding, shape[3] + 2 * padding)
    return way_down(error, weight, wide, stride, padding, cut=0)[:, :, padding:-padding, padding:-padding]


def as_far_as_the_patches(error, weight, shape, stride, padding):
    H, W = (stride * (count - 1) + size - 2 * padding for count, size in zip(error.shape[2:], weight.shape[2:]))
    return way_down(error, weight, (*shape[:2], H, W), stride, padding)


def inside(error):
    """1 where neither row nor column is 0."""
    return np.multiply.outer(np.arange(error.shape[2]) > 0, np.arange(error.shape[3]) > 0)


def columns_of(rows):
    def wrong(error, weight, shape, *given):
        columns = weight.reshape(len(weight), -1).T @ rows(error)
        return 1 * conv.col2im(columns, shape, weight.shape[2:], *given)
    return wrong


@pytest.mark.slow
def test_2_2():
    prove("2.2", right=[solutions.image_error, solutions.image_error_by_the_layer], kinds={
        "off by one": lambda e, w, n, s, p: way_down(e, w, n, s, p, cut=p + 1),
        "mean twice": [lambda error, *given: way_down(error / len(error), *given), mean_of_patches],
        "samples and channels mixed": [columns_of(lambda error: error.reshape(error.shape[1], -1)),
                                       columns_of(lambda error: np.swapaxes(error, 0, 1).reshape(error.shape[1], -1))],
        "overwritten in a loop": [*map(assigned_down, ("ijpq", "pqij", "ijpqo", "opqij", "pqijo")), last_channel_only],
        "first left out": [lambda e, w, *given: way_down(e[:, 1:], w[1:], *given),
                           lambda e, w, *given: way_down(e * inside(e), w, *given)],
        "last left out": [lambda e, w, *given: way_down(e[:, :-1], w[:-1], *given),
                          lambda e, w, *given: way_down(e[:, :, :-1, :-1], w, *given)]},
        own={"nothing cut off": (lambda *given: way_down(*given, cut=0), "cut off nothing"),
             "stride left out": (lambda *given: way_down(*given, step=1), "stride is left out"),
             "kernel flipped": (lambda e, w, *given: way_down(e, np.flip(w, (2, 3)), *given), "flipped"),
             "empty slice": (cut_with_minus, "[padding:padding + H]"),
             "size of the patches": (as_far_as_the_patches, "no patch meets"),
             "the frame left on": (lambda e, w, n, s, p: way_down(
                 e, w, (*n[:2], n[2] + 2, n[3] + 2), s, p, cut=p), "should have shape")})
