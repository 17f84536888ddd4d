"""Neural persistence: how late the parts of a layer's graph grow together, as one number between 0 and 1.

    Eq. 1   a_i = t_i / max|w|                       t_1 ≥ … ≥ t_{N−1}: the edges of the maximum spanning tree
    Eq. 2   NP  = ( Σ_i (1 − a_i)^p )^{1/p}          every part is born at 1 and dies at a_i
    Eq. 3   NP~ = NP / (N − 1)^{1/p}                 the mean over layers is the network's

Rieck et al. 2019 (arXiv 1812.09764). 0 is a layer whose weights are all equally strong, 1 one of which a single weight
counts. It depends on one extreme weight: where max|w| grows, everything else moves towards 1. Weights of inputs that
are always 0 (the black rim of an image) stay as they were drawn; they count, and mean nothing. Biases do not count.

The network's number divides by the largest weight of the *network*; the study of a single layer (`bounds`) by the
layer's own.

Deviation from the published programs: those also count the one part that never dies, with persistence 1, and still
divide by N − 1, so that a constant layer has 1/√(N − 1) and not 0. `essential=True` gives their numbers.
"""

import warnings

import numpy as np

from feedbackalign.persistence.trees import as_matrix, mst_weights
from feedbackalign.validation import describe, require_bool, require_number


def neural_persistence(W, p=2, maximum=None, normalised=True, essential=False):
    """The persistence of one layer.

    Parameters
    ----------
    W : array (out, in)
        Signed weights. A constant, an all-zero and a one-unit layer have values too (0, 1 and what comes), with a
        warning.
    p : number of at least 1
    maximum : number, optional
        What the weights are divided by, at least max|w|; None: max|w| itself.
    normalised : bool
        Equation 3 instead of 2.
    essential : bool
        Count the part that never dies, as the published programs do.

    Returns
    -------
    float

    >>> A = [[0.9, -0.5], [-0.1, 0.7], [0.3, 0.2]]
    >>> round(neural_persistence(A), 12), round(neural_persistence(A, normalised=False), 12)
    (0.415739709642, 0.831479419283)
    """
    W = warned_of(as_matrix(W))
    return of_deaths(mst_weights(W), maximum_of([W], maximum), p, normalised, essential)


def network_persistence(weights, p=2, maximum=None, normalised=True, essential=False):
    """Mean persistence over the layers of a network: [(out, in), …] -> (mean, array of one number a layer).

    All layers are divided by one `maximum`, by default the largest |w| of the network. The rest is as in
    `neural_persistence`.

    >>> mean, layers = network_persistence([np.eye(2), 2 * np.eye(2)])
    >>> round(mean, 12), layers.round(12)
    (0.642228525188, array([0.70710678, 0.57735027]))
    """
    weights = [warned_of(W, f"weights[{place}]") for place, W in enumerate(as_matrices(weights))]
    maximum = maximum_of(weights, maximum)
    layers = np.array([of_deaths(mst_weights(W), maximum, p, normalised, essential) for W in weights])
    return float(layers.mean()), layers


def as_matrices(weights):
    """The weights of several dense layers in float64; at least one."""
    is_list = isinstance(weights, (list, tuple)) or isinstance(weights, np.ndarray) and weights.ndim == 3
    if not is_list or not len(weights):
        raise ValueError(f"weights: expected a list of matrices (out, in), bottom to top, got {describe(weights)}")
    return [as_matrix(W, f"weights[{place}]") for place, W in enumerate(weights)]


def maximum_of(weights, maximum=None):
    """The largest |w| of these matrices, or a given number that is not below it."""
    largest = max(float(np.abs(W).max()) for W in weights)
    return largest if maximum is None else require_number(maximum, "maximum", low=largest)


def of_deaths(deaths, maximum, p=2, normalised=True, essential=False):
    """Equations 1 to 3, from the edges of a tree (N − 1,), not divided yet. Where all weights are 0, so are the a_i."""
    p = require_number(p, "p", low=1)
    lives = 1.0 - deaths / (maximum or 1.0)
    total = float((lives**p).sum()) + require_bool(essential, "essential")
    return float((total / (len(deaths) if require_bool(normalised, "normalised") else 1.0))**(1.0 / p))


def warned_of(W, what="W"):
    """The same matrix, with a warning where its persistence says nothing about a structure."""
    strengths = np.abs(W)
    if not strengths.any():
        warnings.warn(f"{what}: all weights are 0, so every edge of the tree counts as 0", stacklevel=3)
    elif strengths.min() == strengths.max():
        warnings.warn(f"{what}: all weights are equally strong, so all parts join at once", stacklevel=3)
    elif min(W.shape) == 1:
        warnings.warn(f"{what}: one unit on a side, so every weight is in the tree, however they are arranged",
                      stacklevel=3)
    return W
