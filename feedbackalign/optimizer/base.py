"""What the optimisers share: learning rate and decay by parameter, and the checks before a step."""

import itertools

import numpy as np

from feedbackalign.validation import (PLAIN, describe, require_dict, require_float_array, require_known,
                                      require_number, require_plain)

FLOATS = {np.dtype(np.float32), np.dtype(np.float64)}


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
        """(name, η, λ) of every parameter that moves. What is wrong is refused here, before the first array changes."""
        if not (isinstance(parameters, dict) and isinstance(gradients, dict)):
            require_dict(parameters, "parameters"), require_dict(gradients, "gradients")
        for (name, theta), g in zip(parameters.items(), map(gradients.get, parameters)):
            if not (type(g) in PLAIN and np.shape(theta) == g.shape and {theta.dtype, g.dtype} <= FLOATS):
                refuse_gradient(name, theta, gradients)
        if isinstance(self._lr, dict) or isinstance(self._weight_decay, dict):
            rates, decays = by_name(self.lr, "lr", parameters), by_name(self.weight_decay, "weight_decay", parameters)
            return [(name, rates[name], decays[name]) for name in parameters if rates[name] > 0]
        return zip(parameters, itertools.repeat(self._lr), itertools.repeat(self._weight_decay))

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
