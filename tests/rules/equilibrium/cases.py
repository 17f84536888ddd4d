"""Networks that settle, for the tests of the settling rules: weights uniform in ±1/√in, scaled down until they do.

Of random networks a quarter never settles, and an estimate at a state that still moves says nothing about the
estimator. So every truth starts from `settled`, which refuses to go on without a free residual of 1e-12.
"""

import numpy as np
from hypothesis import strategies as st

from feedbackalign import layers
from feedbackalign.networks.chains import settling_chain
from feedbackalign.networks import Network, mlp
from feedbackalign.rules.equilibrium.dynamics import settle
from feedbackalign.rules.equilibrium.exact_gradients import settle_exactly
from feedbackalign.rules.equilibrium.truths import relative  # noqa: F401 - for the tests beside this file
from tests.strategies import seeds

SMOOTH_UNITS = ("tanh", "sigmoid", "steep-sigmoid", "dsilu")


def dense(sizes=(10, 12, 9, 5), *, unit="steep-sigmoid", loss="squared-error", top="identity", N=6, seed=0):
    """(net, x, labels): dense layers in float64; under squared error with this unit on top."""
    rng = np.random.default_rng(seed)
    net = mlp(list(sizes), activation=unit, loss=loss, rng=rng, dtype=np.float64)
    if loss == "squared-error" and top != "identity":
        net = Network([*net.layers, layers.ACTIVATIONS[top]()], loss=loss)
    uniform(net, rng)
    return net, rng.random((N, sizes[0])), rng.integers(sizes[-1], size=N)


def image(pool="max", *, unit="steep-sigmoid", loss="cross-entropy", N=4, seed=0, padding=1):
    """(net, x, labels): 1×8×8 images, 4 and 6 channels at 3×3, each pooled 2×2 or not, and a dense top of 3."""
    rng = np.random.default_rng(seed)
    pools = [] if pool == "none" else [layers.POOLINGS[pool](2)]
    stack, shape = [], (1, 8, 8)
    for channels in (4, 6):
        stack += [layers.Conv2d(shape[0], channels, 3, padding=padding, stride=1 if pools else 2, rng=rng,
                                dtype=np.float64), *pools, layers.ACTIVATIONS[unit]()]
        pools = [type(layer)(2) for layer in pools]
        shape = (channels, *(side // 2 for side in shape[1:]))
    stack += [layers.Flatten(), layers.Linear(int(np.prod(shape)), 3, rng=rng, dtype=np.float64)]
    net = Network(stack, input_shape=(1, 8, 8), loss=loss)
    uniform(net, rng)
    return net, rng.random((N, 1, 8, 8)), rng.integers(3, size=N)


def uniform(net, rng):
    """Weights and biases from ±1/√in, as the paper draws them."""
    for layer in net.weighted_layers():
        bound = 1 / np.sqrt(layer.weight[0].size)
        for array in layer.parameters().values():
            array[...] = rng.uniform(-bound, bound, size=array.shape)


def settled(net, x, *, steps=1500, sweep="synchronous", feedback=None, readout=True):
    """Scale the weights down until the free phase settles to 1e-12 -> chain, states, within one synchronous step."""
    for _ in range(12):
        found = settling_chain(net, readout=readout)
        states, _ = settle(found, x, found.rest(len(x)), steps=steps, sweep=sweep, until=1e-15, feedback=feedback)
        _, residual = settle(found, x, states, steps=1, sweep="synchronous", feedback=feedback)
        if residual <= 1e-12:
            return found, states
        for layer in net.weighted_layers():
            layer.weight *= 0.8
            if feedback is not None and layer.name in feedback:
                feedback[layer.name] *= 0.8
    raise AssertionError(f"did not settle: residual {residual:.1e}")


def settled_exactly(net, x, **options):
    found = settling_chain(net)
    states, residual = settle_exactly(found, x, **options)
    assert residual <= 1e-10
    return found, states


@st.composite
def dense_cases(draw, *, losses=("squared-error", "cross-entropy"), units=SMOOTH_UNITS, low=2, max_batch=5):
    """(net, x, labels) of any small sizes."""
    loss = draw(st.sampled_from(losses))
    sizes = draw(st.lists(st.integers(low, 7), min_size=3, max_size=5))
    return dense(sizes, unit=draw(st.sampled_from(units)), loss=loss, N=draw(st.integers(1, max_batch)),
                 seed=draw(seeds))


@st.composite
def image_cases(draw, *, pools=("max", "average", "softmax", "none"), units=("steep-sigmoid", "sigmoid", "dsilu")):
    """(net, x, labels) of the small convolutional network, differently drawn."""
    return image(draw(st.sampled_from(pools)), unit=draw(st.sampled_from(units)), N=draw(st.integers(1, 3)),
                 loss=draw(st.sampled_from(["cross-entropy", "squared-error"])), seed=draw(seeds))
