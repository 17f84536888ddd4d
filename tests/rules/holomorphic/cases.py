"""Networks in a settled free state, for what is exactly true of holomorphic nudging: shapes and a seed decide all.

Random networks often do not settle, so the weights are scaled down until they do; the residual is asserted, always.
"""

import numpy as np
from hypothesis import strategies as st

from feedbackalign import layers, rules
from feedbackalign.networks import Network, mlp
from feedbackalign.rules.equilibrium.dynamics import settle
from feedbackalign.rules.holomorphic import nudging
from feedbackalign.rules.holomorphic.holomorphic_equilibrium_propagation import HolomorphicEP

SETTLED = 1e-12
SOON = 300                  # steps in which a free phase has to settle: a margin, so that nudged phases settle as well
LONG = 3000                 # steps that any phase may take; they stop by themselves


class Case:
    """A rule, a batch x with targets as numbers, and the free state."""

    def __init__(self, rule, x, labels):
        self.rule, self.chain, self.labels = rule, rule.chain, labels
        self.x = rule.admit(x)
        for _ in range(60):
            free, residual = settle_from(rule, self.x, self.chain.rest(len(x), np.float64), steps=SOON)
            if residual <= SETTLED and _moves(rule, self.x, free) <= SETTLED:
                break
            scale(rule, 0.85)
        assert _moves(rule, self.x, free) <= SETTLED
        self.free = free
        self.targets = rule.targets(free, labels)

    @property
    def B(self):
        return self.rule.B

    def phase(self, beta):
        """Nudged by β, from the free state until nothing moves -> states, residual."""
        states, residual = settle_from(self.rule, self.x, self.free, beta=beta, targets=self.targets)
        assert residual <= SETTLED, f"the phase nudged by {beta} did not settle: {residual}"
        return states, residual

    def points(self, radius, N, circle=nudging.half_circle):
        return nudging.cauchy_sum(self.phase, self.free, circle(radius, N))

    def tangent(self, steps=LONG):
        found = nudging.tangent(self.chain, self.x, self.free, self.targets, steps=steps, feedback=self.B, until=1e-16)
        assert steps < LONG or found.residual <= SETTLED
        return found


def settle_from(rule, x, states, steps=LONG, damping=0.5, until=2e-15, beta=0.0, **phase):
    """`rule.settle` with another damping: β > 0 raises the loss."""
    return settle(rule.chain, x, states, steps=steps, beta=-beta, feedback=rule.B, sweep="synchronous",
                  damping=damping, until=until, **phase)


def _moves(rule, x, free):
    """How far one undamped step goes from this state."""
    return settle_from(rule, x, free, steps=1, damping=0.0)[1]


def scale(rule, factor):
    for layer in rule.network.weighted_layers():
        layer.weight *= factor
    for B in rule.B.values():
        B *= factor


def dense_case(sizes=(6, 16, 14, 8, 5), *, seed=0, N=4, activation="dsilu", angle=90.0, loss="cross-entropy",
               **options):
    """Dense layers of these sizes; options go to the rule."""
    rng = np.random.default_rng(seed)
    net = mlp(list(sizes), activation=activation, loss=loss, rng=rng, dtype=np.float64)
    _random_biases(net, rng)
    rule = rules.make(HolomorphicEP, net, rng=np.random.default_rng([seed, 1]), angle=angle, **options)
    return Case(rule, rng.normal(size=(N, sizes[0])), rng.integers(sizes[-1], size=N))


def conv_case(*, seed=0, N=3, angle=90.0, pooling=None, activation="dsilu", kind=HolomorphicEP, **options):
    """Two convolutions with average pooling on 2×8×6 images, a dense layer, a readout."""
    rng = np.random.default_rng(seed)
    make = {"rng": rng, "dtype": np.float64}
    unit = layers.ACTIVATIONS[activation]
    pool = layers.MaxPool2d if pooling else layers.AvgPool2d
    net = Network([layers.Conv2d(2, 3, 3, padding=1, **make), pool(2), unit(),
                   layers.Conv2d(3, 4, 2, padding=1, **make), pool(2), unit(), layers.Flatten(),
                   layers.Linear(16, 6, **make), unit(), layers.Linear(6, 4, **make)], input_shape=(2, 8, 6))
    _random_biases(net, rng)
    if pooling:
        options["pooling"] = pooling
    rule = rules.make(kind, net, rng=np.random.default_rng([seed, 1]), angle=angle, **options)
    return Case(rule, rng.normal(size=(N, 2, 8, 6)), rng.integers(4, size=N))


def _random_biases(net, rng):
    for name, array in net.parameters().items():
        if name.endswith("bias"):
            array[...] = 0.3 * rng.normal(size=array.shape)


@st.composite
def settled_cases(draw, activations=("dsilu", "steep-sigmoid", "tanh", "sigmoid"), **options):
    """A dense case of drawn sizes; keyword options go to `dense_case`."""
    hidden = draw(st.lists(st.integers(2, 8), min_size=1, max_size=3))
    sizes = (draw(st.integers(1, 6)), *hidden, draw(st.integers(2, 5)))
    options = {"activation": draw(st.sampled_from(activations)), "seed": draw(st.integers(0, 2**32 - 1)),
               "N": draw(st.integers(1, 4)), **options}
    return dense_case(sizes, **options)


def symmetric(case):
    """The same case with B = W: each is the other's transpose."""
    for name, B in case.B.items():
        B[...] = case.rule.network.layer(name).weight
    return Case(case.rule, case.x, case.labels)


def distance(ours, theirs):
    """Relative, over all layers together."""
    gap = np.sqrt(sum(((a - b) ** 2).sum() for a, b in zip(ours, theirs)))
    return float(gap / np.sqrt(sum((b ** 2).sum() for b in theirs)))
