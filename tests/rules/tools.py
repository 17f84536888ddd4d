"""What the tests of the rules share: relative equality, everything-is-as-it-was, and networks for every rule."""

import contextlib
import copy
import functools
import inspect

import numpy as np
import pytest

from feedbackalign import check, layers, rules
from feedbackalign.networks import Network, mlp, spiking
from feedbackalign.optimizer import SGD, Optimizer
from feedbackalign.rules.epochs import EpochSums
from feedbackalign.rules.product.closed_form import ClosedForm
from feedbackalign.rules.product.explicit import Explicit
from feedbackalign.training.loop import train_step
from tests.strategies import (dense_networks_with_batch, networks_with_batch, settling_networks_with_batch,
                              spiking_networks_with_batch)

ERROR_SENDERS = [name for name, kind in rules.TABLE.items() if issubclass(kind, rules.ErrorSendingRule)]
CONVOLUTIONS = [(1, 0), (1, 1), (2, 1), (3, 2)]                                 # (stride, padding)


def make(name, net, seed=1000, **options):
    """A rule with a stream of its own: with the seed of the weights B would be W."""
    return rules.make(name, net, rng=np.random.default_rng(seed), **options)


def wrong_truths(kind, truths, seed=0):
    """What of these truths does not hold for a rule of this class."""
    rng = np.random.default_rng(seed)
    rows = [row for truth in truths for row in truth(kind, rng)]
    assert rows
    return [what for what, value, tolerance, *at_least in rows
            if not check.truths.row(what, value, tolerance, at_least=bool(at_least))["passed"]]


def dense_case(sizes=(6, 5, 4, 3), *, N=7, seed=0, dtype=np.float64, density=1.0, **options):
    """(net, x, labels) of a small dense network with random biases."""
    rng = np.random.default_rng(seed)
    net = thinned(mlp(list(sizes), rng=rng, dtype=dtype, **options), density, rng)
    return net, *_batch(net, (sizes[0],), N, rng)


def thinned(net, density, rng):
    """The network with fixed random masks on its weights, below a density of 1."""
    for layer in net.weighted_layers() if density < 1 else ():
        layer.mask = rng.random(layer.weight.shape) < density
        layer.weight *= layer.mask
    return net


def conv_case(stride=2, padding=1, *, N=4, seed=0, dtype=np.float64, density=1.0):
    """(net, x, labels): two convolutions of this stride and padding on 2×7×6 images, then a dense layer."""
    rng = np.random.default_rng(seed)
    make_with = {"rng": rng, "dtype": dtype, "density": density}
    shape, stack = (2, 7, 6), []
    for outputs in (3, 4):
        stack.append(layers.Conv2d(shape[0], outputs, (3, 2), stride=stride, padding=padding, **make_with))
        shape = stack[-1].output_shape(shape)
        stack.append(layers.Tanh())
    net = Network([*stack, layers.Flatten(), layers.Linear(int(np.prod(shape)), 3, **make_with)], input_shape=(2, 7, 6))
    return net, *_batch(net, (2, 7, 6), N, rng)


def residual_case(*, N=4, seed=0, dtype=np.float64):
    """(net, x, labels): a convolution, a residual block with a shortcut of its own and one without, a dense layer."""
    rng = np.random.default_rng(seed)
    make_with = {"rng": rng, "dtype": dtype}
    net = Network([
        layers.Conv2d(2, 3, 3, padding=1, **make_with), layers.Tanh(),                              # (3, 5, 4)
        layers.Residual([layers.Conv2d(3, 4, 3, stride=2, padding=1, **make_with), layers.Tanh(),
                         layers.Conv2d(4, 4, 3, padding=1, **make_with)],
                        shortcut=[layers.Conv2d(3, 4, 1, stride=2, **make_with)]), layers.Tanh(),   # (4, 3, 2)
        layers.Residual([layers.Conv2d(4, 4, 3, padding=1, **make_with), layers.Tanh()]),
        layers.Flatten(), layers.Linear(24, 3, **make_with),
    ], input_shape=(2, 5, 4))
    return net, *_batch(net, (2, 5, 4), N, rng)


def spiking_case(sizes=(6, 5, 4, 3), *, N=7, seed=0, dtype=np.float64, density=1.0, **of_units):
    """(net, x, labels) of neurons that fire once, some of them silent; no units or initialisers to choose."""
    rng = np.random.default_rng(seed)
    net = thinned(spiking(sizes, t_max=4.0, rng=rng, dtype=dtype), density, rng)
    return net, rng.random((N, sizes[0])).astype(dtype), rng.integers(sizes[-1], size=N)


def settling(case):
    """The same case with units that settle, and with weights small enough to."""
    def made(*shapes, **options):
        units = {"activation": "tanh"} if case is dense_case else {}                    # conv_case's are tanh already
        net, x, labels = case(*shapes, **(units | options))
        for layer in net.weighted_layers():
            layer.weight *= 0.5
        return net, x, labels
    return made


SQUARES, RELUS = {"loss": "squared-error"}, {"activation": "relu"}


def relu_case(*shapes, **options):
    """The dense case with ReLU units, whatever others are asked for."""
    return dense_case(*shapes, **(options | RELUS))


# The networks of the shared tests: some families, each rule's found by trying what it takes, in this order.
CASES = {"any": {"residual": residual_case, "dense": dense_case, "conv": conv_case}, "dense": {"dense": dense_case},
         "relu": {"dense": relu_case}, "spiking": {"spiking": spiking_case},
         "settling": {"dense": settling(dense_case), "conv": settling(conv_case)},
         "squared error": {"dense": functools.partial(dense_case, **SQUARES)}}
TRIED = {"dense": functools.partial(dense_case, activation="softplus")}         # instead of the first of its cases
UNITS = {"any": (layers.ReLU, layers.MaxPool2d), "dense": (layers.ReLU, None), "relu": (layers.ReLU, None),
         "spiking": (None, None), "settling": (layers.Tanh, layers.AvgPool2d), "squared error": (layers.ReLU, None)}
DRAWN = {"any": networks_with_batch, "dense": dense_networks_with_batch, "settling": settling_networks_with_batch,
         "relu": functools.partial(dense_networks_with_batch, activations=("relu",)),
         "spiking": spiking_networks_with_batch,
         "squared error": functools.partial(dense_networks_with_batch, losses=["squared-error"])}


@functools.lru_cache(maxsize=None)
def family_of(rule):
    """The first family whose networks this rule, a name or a class, can be made on."""
    for family, cases in CASES.items():
        case = TRIED.get(family, next(iter(cases.values())))
        with contextlib.suppress(ValueError):
            rules.make(rule, case()[0], rng=np.random.default_rng(0))
            return family
    raise ValueError(f"{rule} takes no network of the shared tests: give it a family of its own")


def units_for(rule):
    """(unit, pooling): classes of layers that this rule, a name or a class, takes; None: it takes no pooling."""
    return UNITS[family_of(rule)]


def cases_for(name):
    """{kind: case} of the networks that this rule takes."""
    return CASES[family_of(name)]


def every_case(names):
    """Parametrizes a test with `name` and `case`: every one of these rules on every kind of network that it takes."""
    return pytest.mark.parametrize(("name", "case"), [pytest.param(name, case, id=f"{name}-{kind}")
                                                      for name in names for kind, case in cases_for(name).items()])


def dense_batch(name, **options):
    """(net, x, labels), dense, for this rule; spiking for one that takes nothing else."""
    cases = cases_for(name)
    return cases.get("dense", cases.get("spiking"))(**options)


def conv_batch(name, **options):
    """(net, x, labels), convolutional, for this rule; dense or spiking for one that takes nothing else."""
    return cases_for(name)["conv"](**options) if "conv" in cases_for(name) else dense_batch(name, **options)


def drawn_for(name):
    """Hypothesis: networks of any shape that this rule takes, with a batch, (net, x, labels, rng)."""
    return DRAWN[family_of(name)]()


def cases():
    """One dense case and one convolutional case for each stride and padding."""
    return [dense_case(), *(conv_case(stride, padding) for stride, padding in CONVOLUTIONS)]


def _batch(net, shape, N, rng):
    for name, array in net.parameters().items():
        if name.endswith("bias"):
            array[...] = 0.3 * rng.normal(size=array.shape)
    return rng.normal(size=(N, *shape)).astype(net.dtype), rng.integers(net.outputs, size=N)


def train(rule, x, labels, steps, *, lr=0.05, momentum=0.9, decay=0.05, changing=True):
    """Train on one batch; with `changing`, learning rate and decay change in mid-run. -> [(lr, decay) per step]."""
    optimizer, schedule = SGD(lr=lr, momentum=momentum, weight_decay=decay), []
    for t in range(steps):
        if changing and t == steps // 3:
            optimizer.lr = lr / 2
        if changing and t == steps // 2:
            optimizer.weight_decay = decay / 5
        schedule.append((optimizer.lr, optimizer.weight_decay))
        train_step(rule, optimizer, x, labels)
    return schedule


def echo_of(schedule, momentum):
    """SGD's recursion with gradient zero, by hand: v ← μ v + λ c; c ← c − η v, from c = 1."""
    c, v = 1.0, 0.0
    for lr, decay in schedule:
        v = momentum * v + decay * c
        c = c - lr * v
    return c


def distance(ours, theirs):
    """Largest difference, relative to the largest entry (or to 0.01 where all is smaller than that)."""
    ours, theirs = np.asarray(ours, dtype=np.float64), np.asarray(theirs, dtype=np.float64)
    assert ours.shape == theirs.shape
    return float(np.abs(ours - theirs).max() / max(np.abs(theirs).max(), 0.01))


def assert_close(ours, theirs, tolerance=1e-12):
    """Two dicts of arrays: the keys of `theirs` agree within a relative tolerance."""
    for name in theirs:
        assert distance(ours[name], theirs[name]) <= tolerance, (name, distance(ours[name], theirs[name]))


def backprop(net, x, labels):
    """The exact gradients, through the network's own backward pass, on a copy."""
    net = copy.deepcopy(net)
    return net.backward(net.loss_error(net.forward(x), labels))


def frozen(thing):
    """Everything that an object holds, in a form that `==` compares to the last bit."""
    if isinstance(thing, np.ndarray):
        return thing.dtype.str, thing.shape, thing.tobytes()
    if isinstance(thing, np.random.Generator):
        return repr(thing.bit_generator.state)
    if isinstance(thing, dict):
        return {key: frozen(value) for key, value in thing.items()}
    if isinstance(thing, (list, tuple)):
        return [frozen(value) for value in thing]
    if isinstance(thing, (Network, layers.Layer, rules.Rule, EpochSums, Optimizer, Explicit, ClosedForm)):
        return type(thing).__name__, frozen(vars(thing))
    if inspect.ismethod(thing):                                                 # of the object that answers for a rule
        return thing.__qualname__
    return thing


def replace_weights(net, rng, keep_signs=False):
    """Put noise in the place of every W; with `keep_signs` only its magnitude."""
    for layer in net.weighted_layers():
        noise = rng.normal(size=layer.weight.shape)
        layer.weight[...] = np.abs(noise) * np.sign(layer.weight) if keep_signs else noise


def errors_before_and_after(rule, x, labels, disturb):
    """The errors of two backward passes on one forward pass, `disturb()` being called between them."""
    error = rule.network.loss_error(rule.network.forward(x), labels)
    before = {name: e.copy() for name, e in rule.backward(error).errors.items()}
    disturb()
    return before, rule.backward(error).errors
