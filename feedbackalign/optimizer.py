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

import dataclasses

import numpy as np

from feedbackalign.ops.fast.sgd import sgd_in_blocks
from feedbackalign.validation import (describe, is_plain, require_bool, require_dict, require_entries, require_factor,
                                      require_float_array, require_instance, require_integer, require_known,
                                      require_list, require_number, require_plain, store)

__all__ = ["Adam", "MultiStep", "Optimizer", "RESNETS", "RESNET_18", "SGD", "SMALL_NETWORKS", "StrongPhase",
           "WEAK_DECAY", "decay_schedule"]

# Bytes of a parameter from which on SGD updates it in blocks. Medians of whole updates in float32, the three lines
# against blocks: 0.032 and 0.059 ms for bp on 64-64-64-10, equal around 0.8 MB (784 × 256), 1.13 and 0.95 ms for bp on
# 784-512-512-10, 13.8 and 9.7 ms with the R of pfa beside them.
LARGE = 2**20


def each(setting, change):
    """`change` of a number, or of every number of a dict.

    >>> each(2.0, lambda number: 3 * number), each({"fc1": 2.0, "fc2": 0.0}, lambda number: 3 * number)
    (6.0, {'fc1': 6.0, 'fc2': 0.0})
    """
    return {name: change(number) for name, number in setting.items()} if isinstance(setting, dict) else change(setting)


def by_name(setting, what, parameters):
    """{parameter: number} for all parameters: a number is everyone's; of a dict its own name's, else its layer's.

    >>> by_name({"fc1": 0.1, "fc1.bias": 0.0}, "lr", ["fc1.weight", "fc1.bias"])
    {'fc1.weight': 0.1, 'fc1.bias': 0.0}
    """
    if not isinstance(setting, dict):
        return dict.fromkeys(parameters, setting)
    layers = {name: name.rsplit(".", 1)[0] for name in parameters}              # {"fc1.weight": "fc1"}
    for name in setting:
        require_known(name, dict.fromkeys([*layers, *layers.values()]), f"parameter or layer in {what}")
    for name, layer in layers.items():
        if name not in setting and layer not in setting:
            raise ValueError(f"{what}: expected a number for every parameter or its layer, got none for {name} among "
                             f"{', '.join(setting)}")
    return {name: setting[name if name in setting else layer] for name, layer in layers.items()}


class Optimizer:
    """What the two optimisers share: rate and decay of a parameter, and the checks before a step."""

    def __init__(self, lr, weight_decay):
        self.lr = lr
        self.weight_decay = weight_decay

    @property
    def lr(self):
        """Learning rate η: a number above 0, or {layer or parameter: number} for all parameters; there 0 freezes."""
        return self._lr

    @lr.setter
    def lr(self, lr):
        if isinstance(lr, dict):
            self._lr = {name: require_number(rate, f"lr of {name}", low=0) for name, rate in lr.items()}
        else:
            self._lr = require_number(lr, "lr", low=0, low_open=True)

    @property
    def weight_decay(self):
        """Weight decay λ: a number of at least 0, or {layer or parameter: number} for all parameters."""
        return self._weight_decay

    @weight_decay.setter
    def weight_decay(self, weight_decay):
        self._weight_decay = each(weight_decay, lambda decay: require_number(decay, "weight_decay", low=0))

    def moving(self, parameters, gradients):
        """{name: (η, λ)} of every parameter that moves. What is wrong is refused before the first array changes."""
        require_dict(parameters, "parameters"), require_dict(gradients, "gradients")
        for name, theta in parameters.items():
            g = gradients.get(name)
            if not (is_plain(theta) and is_plain(g) and theta.dtype.char in "fd" and g.dtype.char in "fd"
                    and g.shape == theta.shape):
                refuse_gradient(name, theta, gradients)
        rates, decays = by_name(self.lr, "lr", parameters), by_name(self.weight_decay, "weight_decay", parameters)
        return {name: (rate, decays[name]) for name, rate in rates.items() if rate > 0}

    def in_words(self):
        """What of the optimiser never changes during a run; a checkpoint of another one is refused."""
        return type(self).__name__

    def why_not_uniform(self):
        """Why this optimiser does not treat all weights alike and linearly; "" where it does."""
        raise NotImplementedError

    def carries_momentum(self, name=None):
        """Whether any parameter (or the named one) has been updated with momentum before."""
        raise NotImplementedError


def refuse_gradient(name, theta, gradients):
    """Say what is wrong where a parameter is no array, has no gradient, or one of another shape or kind."""
    require_float_array(theta, f"parameters, {name}")
    if name not in gradients:
        raise ValueError(f"gradients: expected one for every parameter, none came for {name}, got "
                         f"{', '.join(gradients) or 'none'}")
    g = require_plain(gradients[name], f"gradient of {name}")                   # a number will do beside a number
    if g.shape != theta.shape or g.dtype.kind not in "buif":
        raise ValueError(f"gradient of {name}: expected shape {theta.shape} as in parameters, got {describe(g)}")


def sgd(theta, g, v, lr, momentum, decay):
    """One step of one parameter θ, in place: gradient g, velocity v before (0 at first) -> the velocity now."""
    v = momentum * v + (g + decay * theta)
    theta -= lr * v
    return v


class SGD(Optimizer):
    """Stochastic gradient descent with momentum and weight decay.

    Parameters
    ----------
    lr : float above 0, or dict
        η; a dict gives one per layer ("fc1") or parameter ("fc1.weight"), and 0 there freezes it.
    momentum : float in [0, 1)
        μ.
    weight_decay : float of at least 0, or dict
        λ, on biases too; a dict gives one per layer or parameter.

    >>> theta = np.array([1.0])
    >>> SGD(lr=0.5).step({"theta": theta}, {"theta": np.array([0.2])})
    >>> theta
    array([0.9])
    """

    def __init__(self, lr, *, momentum=0.0, weight_decay=0.0):
        super().__init__(lr, weight_decay)
        self.momentum = require_number(momentum, "momentum", low=0, high=1, high_open=True)
        self.velocity = {}

    def step(self, parameters, gradients):
        """One update of every parameter, in place: both {name: array}, of the same shapes."""
        velocity = self.velocity if self.momentum else {}                       # without momentum there is no memory
        for name, (lr, decay) in self.moving(parameters, gradients).items():
            theta = parameters[name]
            update = sgd_in_blocks if theta.nbytes >= LARGE else sgd
            velocity[name] = update(theta, gradients[name], velocity.get(name, 0.0), lr, self.momentum, decay)

    def why_not_uniform(self):
        several = {"learning rates": self.lr, "weight decays": self.weight_decay}
        return next((f"the optimiser has several {what}" for what, setting in several.items()
                     if isinstance(setting, dict)), "")

    def in_words(self):
        return f"SGD with momentum {self.momentum:g}"

    def carries_momentum(self, name=None):
        return bool(self.velocity) if name is None else name in self.velocity

    def state(self):
        """{key: array}: momentum, for a run to go on from."""
        return {f"velocity/{name}": np.array(v) for name, v in self.velocity.items()}

    def load_state(self, state):
        self.velocity = {key.removeprefix("velocity/"): np.array(array)
                         for key, array in require_dict(state, "state").items()}


class Adam(Optimizer):
    """Adam with coupled weight decay. Kingma & Ba, arXiv 1412.6980.

    Parameters
    ----------
    lr : float above 0, or dict
        η, as for SGD.
    betas : (float, float) in [0, 1)
        β₁, β₂.
    epsilon : float above 0
    weight_decay : float of at least 0, or dict
        Added to the gradient before the moments.

    >>> theta = np.array([1.0])
    >>> Adam(lr=0.5).step({"theta": theta}, {"theta": np.array([0.2])})
    >>> theta.round(6)
    array([0.5])
    """

    def __init__(self, lr, *, betas=(0.9, 0.999), epsilon=1e-8, weight_decay=0.0):
        super().__init__(lr, weight_decay)
        if not isinstance(betas, (tuple, list)) or len(betas) != 2:
            raise ValueError(f"betas: expected two numbers, got {describe(betas)}")
        self.betas = tuple(require_number(beta, "betas", low=0, high=1, high_open=True) for beta in betas)
        self.epsilon = require_factor(epsilon, "epsilon", np.float32, low_open=True)
        self.first, self.second, self.steps = {}, {}, 0

    def step(self, parameters, gradients):
        """One update of every parameter, in place: both {name: array}, of the same shapes."""
        moving = self.moving(parameters, gradients)
        self.steps += 1
        beta1, beta2 = self.betas
        correction1, correction2 = 1 - beta1**self.steps, 1 - beta2**self.steps
        for name, (lr, decay) in moving.items():
            theta = parameters[name]
            g = gradients[name] + decay * theta
            if name not in self.first:
                self.first[name], self.second[name] = np.zeros_like(theta), np.zeros_like(theta)
            m, s = self.first[name], self.second[name]
            m *= beta1
            m += (1 - beta1) * g
            s *= beta2
            s += (1 - beta2) * g * g
            theta -= lr / correction1 * m / (np.sqrt(s / correction2) + self.epsilon)

    def why_not_uniform(self):
        return "Adam rescales every weight by its own gradients"

    def in_words(self):
        return f"Adam with betas {self.betas[0]:g} and {self.betas[1]:g}, epsilon {self.epsilon:g}"

    def carries_momentum(self, name=None):
        return bool(self.first) if name is None else name in self.first

    def state(self):
        """{key: array}: both moments and the step count."""
        moments = {f"first/{name}": array.copy() for name, array in self.first.items()}
        moments |= {f"second/{name}": array.copy() for name, array in self.second.items()}
        return moments | {"steps": np.array(self.steps)}

    def load_state(self, state):
        self.steps = int(require_entries(state, ("steps",), "state")["steps"])
        self.first = {key.removeprefix("first/"): np.array(a) for key, a in state.items() if key.startswith("first/")}
        self.second = {key.removeprefix("second/"): np.array(a) for key, a in state.items()
                       if key.startswith("second/")}


# ------------------------------------------------------------------------------------------------------- schedules

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
