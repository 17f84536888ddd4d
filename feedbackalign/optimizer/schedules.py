"""Learning rate and weight decay over the steps of a run, and the strong decay at first of the product rules."""

import dataclasses

import numpy as np

from feedbackalign.optimizer.base import each
from feedbackalign.validation import (require_bool, require_instance, require_integer, require_known, require_list,
                                      require_number, store)


@dataclasses.dataclass(frozen=True)
class MultiStep:
    """A value that changes at given steps: `value(step)` is start times the factors of all milestones reached.

    Parameters
    ----------
    start : float or dict
        A dict, one value per layer or parameter, is multiplied whole.
    milestones : tuple of int
        Steps (counted from 0) from which on the next factor holds.
    factor : float
        What each milestone multiplies with.

    >>> schedule = MultiStep(0.01, milestones=(20, 30), factor=0.5)
    >>> [schedule(step) for step in (0, 19, 20, 30)]
    [0.01, 0.01, 0.005, 0.0025]
    """

    start: object
    milestones: tuple = ()
    factor: float = 1.0

    def __post_init__(self):
        store(self, factor=require_number(self.factor, "factor of a schedule", low=0),
              start=each(self.start, lambda start: require_number(start, "start of a schedule", low=0)),
              milestones=tuple(require_list(
                  self.milestones, "milestones", lambda step, what: require_integer(step, what, low=0), least=0)))

    def __call__(self, step):
        step = require_integer(step, "step", low=0)
        scale = self.factor ** sum(step >= milestone for milestone in self.milestones)
        return each(self.start, lambda start: start * scale)


@dataclasses.dataclass(frozen=True)
class StrongPhase:
    """The strong weight decay with which the product rules start, so that R forgets where it began.

    Parameters
    ----------
    decay : float
        λ of the strong phase.
    drop : float
        The strong λ times this is what remains afterwards.
    forgetting : float
        Σ η λ / (1 − μ) over the strong phase: the echo of R's start falls to about e^−forgetting.
    """

    decay: float
    drop: float
    forgetting: float

    def __post_init__(self):
        store(self, **{field: require_number(getattr(self, field), field, low=0, low_open=True)
                       for field in ("decay", "drop", "forgetting")})

    def steps(self, lr, momentum):
        """How many steps it lasts until Σ η λ / (1 − μ) reaches `forgetting`.

        The authors' 938 steps, one epoch of Fashion-MNIST in batches of 64, and 391, one of CIFAR-10 in batches of 128:

        >>> SMALL_NETWORKS.steps(0.01, 0.9), RESNETS.steps(0.1, 0.9)
        (934, 392)
        """
        lr = require_number(lr, "lr", low=0, low_open=True)
        momentum = require_number(momentum, "momentum", low=0, high=1, high_open=True)
        return int(np.ceil(self.forgetting * (1 - momentum) / (lr * self.decay) - 1e-9))


WEAK_DECAY = 1e-4                                       # λ of all other rules
# The authors decay strongly for one epoch. Epochs differ in length, so the phase is given by how far the echo falls.
SMALL_NETWORKS = StrongPhase(0.03, 0.003, 2.8)          # MLP and LeNet: the echo falls to 0.06, then λ = 9e-5
RESNETS = StrongPhase(0.005, 0.02, 1.96)                # ResNet-20 on CIFAR-10: 0.14, then 1e-4
RESNET_18 = StrongPhase(5e-4, 0.2, 2.5)                 # ResNet-18 on ImageNet, 5,005 steps of 256: 0.08, then 1e-4


def decay_schedule(preset, *, strong_first, lr, momentum, strong=SMALL_NETWORKS):
    """Weight decay over steps under one of the two presets.

    Parameters
    ----------
    preset : "authors", "equal", a number or {layer or parameter: number}
        authors: rules that ask for it (the product rules pfa, pfa-o, pfa-i and their subclasses) start with strong
        decay, for as many steps as make them forget R's start, then drop; all other rules have 1e-4 throughout. equal:
        all rules follow the product rules' schedule. Numbers: that decay, for every rule, throughout.
    strong_first : bool
        Whether the rule asks for it: its `strong_decay_first`.
    lr, momentum : float
        At the start; they decide how long the strong phase lasts.
    strong : StrongPhase
        How strong, and how much is to be forgotten.

    >>> decay_schedule("authors", strong_first=False, lr=0.01, momentum=0.9)(0)
    0.0001
    >>> decay_schedule("equal", strong_first=False, lr=0.01, momentum=0.9)(0)
    0.03
    """
    lr = require_number(lr, "lr", low=0, low_open=True)
    momentum = require_number(momentum, "momentum", low=0, high=1, high_open=True)
    strong_first, preset = require_bool(strong_first, "strong_first"), require_decay(preset)
    require_instance(strong, StrongPhase, "strong")
    if not isinstance(preset, str):
        return MultiStep(preset)
    if preset == "authors" and not strong_first:
        return MultiStep(WEAK_DECAY)
    return MultiStep(strong.decay, milestones=(strong.steps(lr, momentum),), factor=strong.drop)


def require_decay(preset):
    """Refuse what is no preset of the weight decay and no number, or dict of numbers, of at least 0."""
    if isinstance(preset, str):
        return require_known(preset, ("authors", "equal"), "decay preset")
    return each(preset, lambda decay: require_number(decay, "decay", low=0))
