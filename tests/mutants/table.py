"""What a mutant is, how they enter the table, and how their subjects are made and checked."""

import dataclasses
import typing

import numpy as np

from feedbackalign import layers
from tests import assertions


@dataclasses.dataclass(frozen=True)
class Mutant:
    """One mistake: what it is, `right` and `wrong` as rng -> subject, and the check (subject, rng) that tells them."""

    name: str
    part: str
    right: typing.Callable
    wrong: typing.Callable
    check: typing.Callable


MUTANTS = []


def mutant(name, part, right_kind, make, check):
    """Enter the decorated class as a mistake in `right_kind`; both are made by `make(kind, rng)`."""
    def enter(wrong_kind):
        MUTANTS.append(Mutant(name, part, lambda rng: make(right_kind, rng), lambda rng: make(wrong_kind, rng), check))
        return wrong_kind
    return enter


def dense(kind, rng):                                       # square, so that a transposed W fits
    return _biased(kind(4, 4, rng=rng, dtype=np.float64), rng)


def sparse_dense(kind, rng):
    return kind(5, 4, density=0.5, rng=rng, dtype=np.float64)


def image(kind, rng):                                       # stride, padding and both sides of the kernel differ
    return _biased(kind(2, 3, (3, 3), stride=2, padding=1, rng=rng, dtype=np.float64), rng)


def image_far(kind, rng):
    return _biased(kind(2, 3, (2, 2), stride=1, padding=2, rng=rng, dtype=np.float64), rng)


def bare(kind, rng):
    return kind()


def windows(kind, rng):                                     # overlapping
    return kind(3, 2)


def network(kind, rng, loss="cross-entropy"):
    make = {"rng": rng, "dtype": np.float64}
    return kind([layers.Linear(6, 5, **make), layers.Tanh(), layers.Linear(5, 4, **make)], loss=loss)


def squared_network(kind, rng):
    return network(kind, rng, loss="squared-error")


def rule(kind, rng):
    return kind


def _biased(layer, rng):
    layer.bias[...] = rng.normal(size=layer.bias.shape)
    return layer


def gradients(subject, rng):
    assertions.assert_gradients(subject, rng)


def kinks(subject, rng):
    assertions.assert_kinks(subject)


def truths(kind, rng):
    assertions.assert_rule(kind)
