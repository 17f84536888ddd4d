"""The solve that the rules of this room share, and how a layer's inputs and errors are written as rows for it.

The equations stand in the docstring of `feedbackalign.rules.implicit`. Everything is float64 in here.
"""

import numpy as np

from feedbackalign.layers import Conv2d
from feedbackalign.ops.convolution import as_rows, im2col


def amended(X, R, epsilon, name="epsilon"):
    """((X Xᵀ + εI)⁻¹ R)ᵀ X, by the smaller of the two solves: X (P, n), R (P, out) -> (out, n).

    Eq. 1 and 3. It is the step of the proximal problem, Eq. 4: W − V for R = X Wᵀ − T.

    Parameters
    ----------
    X : array (P, n)
        One row per sample (and position).
    R : array (P, out)
        The move of X Wᵀ that is wanted, uphill as errors are.
    epsilon : float of at least 0
    name : str
        What the refusal calls it.

    Raises
    ------
    ValueError
        At ε = 0, where the rows of X (or its columns, if they are fewer) are not independent.

    With one sample it is the normalised gradient, r x / (ε + ‖x‖²):

    >>> amended(np.array([[3.0, 4.0]]), np.array([[1.0]]), epsilon=0.0)
    array([[0.12, 0.16]])
    """
    samples, inputs = X.shape
    by_samples = samples <= inputs
    matrix = X @ X.T if by_samples else X.T @ X                                 # (P, P) or (n, n)
    if epsilon == 0 and np.linalg.matrix_rank(matrix, hermitian=True) < len(matrix):
        raise ValueError(f"{name}: expected a number above 0, got 0: the {samples} rows of {inputs} inputs depend on "
                         f"each other, and the {len(matrix)}×{len(matrix)} matrix of the solve is singular")
    matrix.flat[::len(matrix) + 1] += epsilon
    if by_samples:
        return np.linalg.solve(matrix, R).T @ X                                 # Eq. 1: (out, P) x (P, n)
    return np.linalg.solve(matrix, X.T @ R).T                                   # Eq. 3: (n, out) -> (out, n)


def input_rows(layer):
    """X̃ of the last forward pass in float64: a row per sample, and per position of a convolution, then 1 for the bias.

    (N, in) -> (N, in [+ 1]);  (N, in, H, W) -> (rows·cols·N, in·kh·kw [+ 1])
    """
    X = layer.input.astype(np.float64)
    if isinstance(layer, Conv2d):
        X = im2col(X, layer.weight.shape[2:], layer.stride, layer.padding).T
    return X if layer.bias is None else np.concatenate([X, np.ones((len(X), 1))], axis=1)


def error_rows(layer, error):
    """An error at the layer's output in float64, in the same order of rows: (N, out, …) -> (P, out)."""
    error = error.astype(np.float64)
    return as_rows(error).T if isinstance(layer, Conv2d) else error


def as_gradients(layer, step):
    """A step of W̃ (out, n [+ 1]) in the layer's own shapes and dtype: {"weight": array, "bias": array}."""
    step, n = step.astype(layer.weight.dtype), layer.weight[0].size
    weight = step[:, :n].reshape(layer.weight.shape)                            # (out, in) or (out, in, kh, kw)
    return {"weight": weight} if layer.bias is None else {"weight": weight, "bias": step[:, n]}
