"""What the suite asserts of a layer, a network, a rule or a function; each raises AssertionError, and mutants prove it.

Gradients are the business of `check.gradients`, the rules' truths of `check.truths`. Here stands what central
differences cannot see: values exactly at kinks and ties, arrays that are shared or changed, other orders in memory.
"""

import copy

import numpy as np

from feedbackalign import check, optimizer, rules, training
from feedbackalign.check import truths
from feedbackalign.networks import Network
from tests import oracles

SLOPES_AT_KINKS = {"relu": {0.0: 0.0}, "leaky-relu": {0.0: 0.01}, "hard-sigmoid": {0.0: 0.0, 1.0: 0.0},
                   "soft-clip": {0.0: 0.0, 2.0: 0.0}, "abs": {0.0: 0.0}}


def layer_case(layer, rng):
    """A batch that fits the layer: rows (4, in) where it knows its inputs, else images (3, C, 7, 6)."""
    if layer.known_input_shape():
        return rng.normal(size=(4, *layer.known_input_shape()))
    return rng.normal(size=(3, layer.weight.shape[1] if layer.is_weighted else 2, 7, 6))


def assert_gradients(subject, rng, x=None, targets=None):
    """A layer's backward pass is the derivative of its forward pass; a network's that of its mean loss."""
    if hasattr(subject, "layers"):
        if x is None:
            x = rng.normal(size=(5, *subject.input_shape))
        targets = rng.integers(subject.outputs, size=len(x)) if targets is None else targets
        return check.check_gradients(subject, x, targets, rng=rng)
    return check.check_gradients(subject, layer_case(subject, rng) if x is None else x, rng=rng)


def assert_kinks(layer):
    """At a kink the slope is the one that the table says, exactly."""
    for kink, slope in SLOPES_AT_KINKS[layer.kind].items():
        v = np.full((2, 3), kink)
        layer.forward(v)
        found = layer.backward(np.ones_like(v))
        assert (found == slope).all(), f"{layer.kind} at {kink}: expected slope {slope}, got {found.flat[0]}"


def assert_pools(layer, x, error, oracle):
    """A pooling answers, and sends back, what the loop says; x may hold ties."""
    y, down = oracle(x, error, layer.size, layer.stride)
    np.testing.assert_allclose(layer.forward(x), y, rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(layer.backward(error), down, rtol=1e-13, atol=1e-14)


def assert_max_pools_with_ties(layer, rng):
    x = rng.integers(0, 2, size=(2, 2, 6, 5)).astype(np.float64)
    assert_pools(layer, x, rng.normal(size=(2, *layer.output_shape((2, 6, 5)))), oracles.max_pool)


def assert_convolves(layer, rng):
    """A convolution answers what the naive loop says."""
    x = layer_case(layer, rng)
    expected = oracles.convolution(x, layer.weight, layer.bias, layer.stride, layer.padding)
    answer = layer.forward(x)
    assert answer.shape == expected.shape, f"expected {expected.shape}, got {answer.shape}"
    np.testing.assert_allclose(answer, expected, rtol=1e-12, atol=1e-13)


def assert_flattens(layer, rng):
    """C, H, W in this order, up and down."""
    x = rng.normal(size=(2, 3, 2, 4))
    expected = np.array([[x[n, c, h, w] for c, h, w in np.ndindex(3, 2, 4)] for n in range(2)])
    assert np.array_equal(layer.forward(x), expected)
    assert np.array_equal(layer.backward(expected), x)


def assert_masks_hold(layer, rng):
    """Synapses that do not exist stay at zero through training."""
    net = Network([layer])
    missing = layer.weight == 0
    assert missing.any()
    rule = rules.make("bp", net)
    x, labels = layer_case(layer, rng), rng.integers(net.outputs, size=4)
    for _ in range(3):
        training.train_step(rule, optimizer.SGD(lr=0.1, momentum=0.9, weight_decay=0.01), x, labels)
    assert (layer.weight[missing] == 0).all(), "a synapse that does not exist has learned"


def assert_rule(kind, seed=0):
    """Every truth that applies to the rule (a name or a class), by what it declares."""
    wrong = [row for row in truths.rows([kind], seed) if not row["passed"]]
    assert not wrong, "; ".join(f"{row['what']}: {row['value']:.3g} against {row['tolerance']:.3g}" for row in wrong)


def assert_pure(function, *arguments, **options):
    """The function changes no argument, and nothing that it returns shares memory with one. -> what it returned"""
    before = copy.deepcopy((arguments, options))
    returned = function(*arguments, **options)
    for given, was in zip([*arguments, *options.values()], [*before[0], *before[1].values()]):
        if isinstance(given, np.ndarray):
            assert np.array_equal(given, was), f"{function.__name__} changed an argument"
            for part in returned if isinstance(returned, tuple) else (returned,):
                assert not np.shares_memory(part, given), f"{function.__name__} returned a view of an argument"
    return returned


def orders_in_memory(array):
    """The same array C-ordered, Fortran-ordered, batch innermost, reversed in memory, and as a strided view."""
    last = np.ascontiguousarray(np.moveaxis(array, 0, -1))
    wide = np.repeat(array, 2, axis=-1)
    return {"C": np.ascontiguousarray(array), "Fortran": np.asfortranarray(array), "every second": wide[..., ::2],
            "batch innermost": np.moveaxis(last, -1, 0), "backwards": np.ascontiguousarray(array[::-1])[::-1]}


def assert_layout_does_not_matter(function, *arrays):
    """Whatever the order in memory of each argument, the numbers are the same (a sum's order may round otherwise)."""
    expected = function(*arrays)
    for position, array in enumerate(arrays):
        for name, other in orders_in_memory(array).items():
            returned = function(*arrays[:position], other, *arrays[position + 1:])
            for have, want in zip(_parts(returned), _parts(expected), strict=True):
                np.testing.assert_allclose(have, want, rtol=1e-13, atol=1e-14, err_msg=f"argument {position}: {name}")


def _parts(returned):
    return returned if isinstance(returned, tuple) else (returned,)
