"""Batch normalisation by hand; `tests/layers` holds its gradients against differences."""

import numpy as np

from feedbackalign.ops import normalisation


def test_the_formulas_by_hand():
    """Two channels of two samples: mean 2 and variance 1, then mean 0 and variance 4."""
    x, scale, shift = np.array([[1.0, -2.0], [3.0, 2.0]]), np.array([2.0, 3.0]), np.array([0.5, -1.0])
    y, mean, variance = normalisation.batch_norm_training(x, scale, shift, 0.0)
    assert np.array_equal(mean, [2, 0]) and np.array_equal(variance, [1, 4])
    assert np.array_equal(y, [[-1.5, -4.0], [2.5, 2.0]])
    error = np.array([[1.0, 0.0], [0.0, 2.0]])
    down, scale_gradient, shift_gradient = normalisation.batch_norm_backward(error, x, scale, mean, variance, 0.0)
    assert np.array_equal(scale_gradient, [-1, 2]) and np.array_equal(shift_gradient, [1, 2])
    assert np.array_equal(down, np.zeros((2, 2)))               # of two samples x̂ is ±1, whatever x is
    down, *same = normalisation.batch_norm_backward_running(error, x, scale, mean, variance, 0.0)
    assert np.array_equal(down, [[2, 0], [0, 3]])
    assert np.array_equal(same, [scale_gradient, shift_gradient])
