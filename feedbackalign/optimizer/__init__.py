"""Optimisers over named arrays, updated in place: SGD with momentum and weight decay, Adam, and schedules.

The same optimiser trains the network's parameters and those of the rule:

    SGD     v ← μ v + (g + λ θ)      decay is added to the gradient, biases included
            θ ← θ − η v

    Adam    g ← g + λ θ              coupled decay: it passes through the moments
            m ← β₁ m + (1 − β₁) g,   s ← β₂ s + (1 − β₂) g²
            θ ← θ − η (m / (1 − β₁ᵗ)) / (√(s / (1 − β₂ᵗ)) + ε)

`lr` and `weight_decay` may be set anew between steps; each is a number or {layer or parameter: number}. A parameter
whose learning rate is 0 is frozen: neither it nor its moments change, and it does not decay. (Adam's t counts all
steps, those in which it was frozen too.)
"""

from feedbackalign.optimizer.base import Optimizer
from feedbackalign.optimizer.schedules import (RESNET_18, RESNETS, SMALL_NETWORKS, WEAK_DECAY, MultiStep, StrongPhase,
                                               decay_schedule)
from feedbackalign.optimizer.steps import SGD, Adam

__all__ = ["Adam", "MultiStep", "Optimizer", "RESNETS", "RESNET_18", "SGD", "SMALL_NETWORKS", "StrongPhase",
           "WEAK_DECAY", "decay_schedule"]
