"""What the tests of implicit steps are drawn on: one layer's rows, and networks of ReLU units."""

import numpy as np
from hypothesis import strategies as st

from feedbackalign.networks import mlp
from tests.strategies import dense_networks_with_batch, seeds

exponents = st.floats(-3, 3)                                # of ρ, where ε = ρ ‖K‖₂


def relu_networks(**options):
    """(net, x, labels, rng): dense ReLU layers of any shape under a linear output, with and without biases."""
    return dense_networks_with_batch(activations=("relu",), **options)


@st.composite
def rows(draw, *, scale=2.0):
    """(X (P, n), R (P, out), ε, rng): any shape, any scale of the inputs, ε = ρ ‖K‖₂."""
    P, n, out = (draw(st.integers(1, 12)) for _ in range(3))
    rng = np.random.default_rng(draw(seeds))
    X = rng.normal(size=(P, n)) * 10 ** rng.uniform(-scale, scale)
    return X, rng.normal(size=(P, out)), 10 ** draw(exponents) * np.linalg.norm(X, ord=2)**2, rng


@st.composite
def independent_rows(draw, *, more_samples):
    """(X (P, n), R (P, out), rng) of full rank, with singular values from 0.1 to 10."""
    few, more, out = draw(st.integers(1, 8)), draw(st.integers(0, 6)), draw(st.integers(1, 5))
    rng = np.random.default_rng(draw(seeds))
    left, _ = np.linalg.qr(rng.normal(size=(few + more, few)))
    right, _ = np.linalg.qr(rng.normal(size=(few, few)))
    X = left * 10 ** rng.uniform(-1, 1, size=few) @ right                       # (few + more, few)
    X = X if more_samples else np.ascontiguousarray(X.T)
    return X, rng.normal(size=(len(X), out)), rng


def one_layer(n, out, *, bias=False, rng, loss="squared-error"):
    """A linear network of one layer."""
    net = mlp([n, out], bias=bias, loss=loss, rng=rng, dtype=np.float64)
    if bias:
        net.layer("fc1").bias[...] = 0.3 * rng.normal(size=out)
    return net


def gap(ours, exact):
    """‖ours − exact‖ / ‖exact‖."""
    return np.linalg.norm(ours - exact) / max(np.linalg.norm(exact), 1e-300)
