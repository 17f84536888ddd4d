"""SGD with momentum and weight decay, and Adam; each updates its arrays in place."""

import numpy as np

from feedbackalign.ops.fast.sgd import sgd_in_blocks
from feedbackalign.optimizer.base import Optimizer
from feedbackalign.validation import describe, require_dict, require_entries, require_factor, require_number

# Bytes of a parameter from which on SGD updates it in blocks. Medians of whole updates in float32, the three lines
# against blocks: 0.032 and 0.059 ms for bp on 64-64-64-10, equal around 0.8 MB (784 × 256), 1.13 and 0.95 ms for bp on
# 784-512-512-10, 13.8 and 9.7 ms with the R of pfa beside them.
LARGE = 2**20


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
        for name, lr, decay in self.moving(parameters, gradients):
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
        for name, lr, decay in moving:
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
