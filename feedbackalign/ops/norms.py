"""Lengths of arrays, and what is made of them: distances, deviations, correlations.

A square of 1e200 is infinite and one of 1e-200 is 0, while the lengths themselves are ordinary numbers. So every array
is first brought to entries of at most 1, by a power of two, which rounds nothing. All is computed in float64.
"""

import numpy as np

from feedbackalign.ops.quiet import quiet
from feedbackalign.validation import require_reals


def scaled(array, axis=None):
    """The array in float64 over 2^k, its largest entry from 1/2 to 1, and k; along an axis each has a k of its own.

    >>> scaled(np.array([3.0, 4.0]))[0]
    array([0.375, 0.5  ])
    """
    with quiet():
        array = require_reals(array, "array")
        exponent = np.frexp(np.abs(array).max(axis=axis, keepdims=True, initial=0.0))[1]
        return np.ldexp(array, -exponent), exponent


def norm(array, axis=None):
    """‖array‖ over all entries, a float, or along an axis or two, an array.

    >>> norm([3e200, 4e200]) / 1e200, norm([[3.0, 4.0], [0.0, 0.0]], axis=1)
    (5.0, array([5., 0.]))
    """
    with quiet():
        array, exponent = scaled(array, axis)
        if axis is None:
            return float(np.ldexp(np.linalg.norm(array), exponent.item()))
        return np.ldexp(np.linalg.norm(array, axis=axis), exponent.squeeze(axis))


def unit(array, axis=None):
    """The array over its length: of length 1; nan where it is zero.

    >>> unit(np.array([3e200, 4e200]))
    array([0.6, 0.8])
    """
    with quiet():
        array, _ = scaled(array, axis)
        return array / np.linalg.norm(array, axis=axis, keepdims=True)


def apart(u, v):
    """‖û − v̂‖ and ‖û + v̂‖, û and v̂ being two flat arrays over their lengths; nan where one is zero.

    The squares are safe: no entry is above 2, and what is below 1e-17 is rounding.

    >>> apart(np.array([3e200, 0.0]), np.array([5e-200, 0.0]))
    (0.0, 2.0)
    """
    with quiet():
        u, v = unit(u), unit(v)
        return float(np.linalg.norm(u - v)), float(np.linalg.norm(u + v))


def relative(ours, exact):
    """‖ours − exact‖ / ‖exact‖ over two lists of arrays, each list taken as one vector; absolute where exact is zero.

    >>> round(relative([np.array([1.1e200])], [np.array([1e200])]), 9)
    0.1
    """
    with quiet():
        gap, length = (norm([norm(array) for array in arrays])
                       for arrays in ([mine - array for mine, array in zip(ours, exact)], exact))
        return gap / (length or 1.0)


def deviation(array, axis=None, ddof=0):
    """The standard deviation, a float, or along an axis or two, which stay as axes of length 1.

    >>> deviation(np.array([1e200, 3e200]))
    1e+200
    """
    with quiet():
        array, exponent = scaled(array, axis)
        found = np.ldexp(array.std(axis=axis, ddof=ddof, keepdims=True), exponent)
        return float(found.item()) if axis is None else found


def correlation(u, v):
    """Of the entries of two arrays; nan where there are fewer than two, or one does not vary.

    >>> correlation([1e200, 2e200, 4e200], [2e-200, 4e-200, 8e-200])
    1.0
    """
    with quiet():
        u, v = (scaled(np.ravel(array))[0] for array in (u, v))
        if u.size < 2:
            return float("nan")
        cosine = unit(u - u.mean()) @ unit(v - v.mean())                        # nan where one does not vary
        return float(np.clip(cosine, -1.0, 1.0))                                # beyond is rounding
