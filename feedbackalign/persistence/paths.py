"""Deep graph persistence: the persistence of whole paths through a network, from its inputs to its outputs.

    Eq. 1   Z_k = | (W_k − mean) / std |                       layer by layer, over all its weights (ddof 0)
    Eq. 2   Z_k ← Z_k / g,  g the largest Z of the network
    Eq. 3   S   = Z_1 ⊗ Z_2 ⊗ … ⊗ Z_L                          (P ⊗ Q)_ij = max_h min(P_ih, Q_hj)
    Eq. 4   DGP = NP~(S)

S_ij is the strength of the best path from input i to output j, and a path is as strong as its weakest edge. S ≥ t is
the Boolean matrix product of all Z_k ≥ t: a pair joins the graph when a whole path of strong edges leads through it.
Hidden units are no vertices of that graph. A network of one layer has the persistence of its standardised matrix.

Girrbach et al. 2023 (arXiv 2307.10865). Signed weights are centred first, then |·| is taken, so a weight at its layer's
mean has strength 0. DGP does not change where a layer is multiplied by a number (a ReLU network may do that and compute
the same function; neural persistence changes then) or shifted by one. It is not the persistence of the layered graph in
which one may also walk back down: there the parts join earlier.

Which division is the paper's own could not be checked. `rescale=True`, our default, divides S by its largest entry, as
neural persistence divides by the largest weight; `rescale=False` leaves S as equation 3 makes it.
"""

import math
import warnings

import numpy as np

from feedbackalign.persistence.neural import as_matrices, maximum_of, of_deaths
from feedbackalign.persistence.trees import mst_weights
from feedbackalign.validation import describe, require_bool, require_numbers


def maxmin(P, Q):
    """The best path through a middle layer, as strong as its weaker edge: (a, h), (h, b) -> (a, b).

    A matrix product with max for + and min for ·. On Boolean matrices it is the Boolean product.

    >>> maxmin(np.array([[3, 1], [0, 5]]), np.array([[2, 9], [4, 4]]))
    array([[2, 3],
           [4, 4]])
    """
    for given, what in ((P, "P"), (Q, "Q")):
        require_numbers(given, what, shape=(None, None), kinds="biuf")
    P, Q = np.asarray(P), np.asarray(Q)
    if P.shape[1] != Q.shape[0]:
        raise ValueError(f"P, Q: expected matrices (a, h) and (h, b), got {describe(P)} and {describe(Q)}")
    through = np.ascontiguousarray(P.T)                                 # (h, a): row h is what leads to h
    best = np.minimum(through[0][:, None], Q[0])                        # (a, 1), (b,) -> (a, b)
    path = np.empty_like(best)
    for into, out_of in zip(through[1:], Q[1:]):                        # never (a, h, b) at once
        np.minimum(into[:, None], out_of, out=path)
        np.maximum(best, path, out=best)
    return best


def summary_matrix(weights):
    """The strength of the best path from every input to every output: [(out, in), …] -> (inputs, outputs).

    Equations 1 to 3. A layer that does not vary has Z = 0, with a warning; S is then 0. A one-unit layer warns too.

    >>> W1, W2 = np.array([[1, -2, 0.5], [0.3, 0.8, -1.2]]).T, np.array([[0.4, -1.5], [2, 0.1], [-0.6, 0.9]]).T
    >>> summary_matrix([W1, W2]).round(8)
    array([[0.94190838, 0.57894737],
           [0.47368421, 0.36091816]])
    """
    layers = [np.abs(standardised(W, f"weights[{place}]")) for place, W in enumerate(as_chain(weights))]
    S = layers[-1].T                                                    # (out, in) -> (in, out)
    for Z in layers[-2::-1]:                                            # from the output, usually the narrow end
        S = maxmin(Z.T, S)                                              # (in, mid) x (mid, out) -> (in, out)
    return S / (maximum_of(layers) or 1.0)                              # eq. 2; division keeps the order of all paths


def deep_graph_persistence(weights, rescale=True, p=2, maximum=None, normalised=True, essential=False):
    """Equation 4: [(out, in), …] bottom to top -> float, or None where S is 0 and cannot be rescaled.

    `rescale` divides S by its largest entry, or by another `maximum` that is given; without it S stays as it is. The
    other arguments are those of `neural_persistence`.

    >>> W1, W2 = np.array([[1, -2, 0.5], [0.3, 0.8, -1.2]]).T, np.array([[0.4, -1.5], [2, 0.1], [-0.6, 0.9]]).T
    >>> [round(deep_graph_persistence([W1, W2], rescale), 12) for rescale in (True, False)]
    [0.363135356083, 0.390584291095]
    """
    S = summary_matrix(weights)
    maximum = maximum_of([S], maximum)
    largest = maximum if require_bool(rescale, "rescale") else 1.0
    return of_deaths(mst_weights(S), largest, p, normalised, essential) if largest else None


def standardised(W, what="W"):
    """Equation 1 before |·|: mean 0 and deviation 1 over all weights of a layer; 0 where they do not vary.

    >>> standardised(np.array([[1.0, 3.0], [1.0, 3.0]]))
    array([[-1.,  1.],
           [-1.,  1.]])
    """
    if W.min() == W.max():                      # by the values: the deviation of 0.1, 0.1, … is rounding, not 0
        warnings.warn(f"{what}: the weights do not vary, so they are standardised to 0", stacklevel=3)
        return np.zeros_like(W)
    if min(W.shape) == 1:
        warnings.warn(f"{what}: one unit on a side, so all its paths lead through that unit", stacklevel=3)
    W = np.ldexp(W, -math.frexp(float(np.abs(W).max()))[1])             # exact, and no square overflows
    return (W - W.mean()) / W.std()


def as_chain(weights):
    """Matrices of which each takes what the one before it gives."""
    weights = as_matrices(weights)
    for place, (below, above) in enumerate(zip(weights, weights[1:])):
        if above.shape[1] != below.shape[0]:
            raise ValueError(f"weights[{place + 1}]: expected {below.shape[0]} columns, one for each output of the "
                             f"layer below, got shape {above.shape}")
    return weights
