"""Networks and feedback for the tests of the controller."""

import numpy as np

from feedbackalign.networks import mlp
from feedbackalign.networks.jacobians import dense_chain, forward, pre_jacobians
from tests.rules.tools import dense_case, make


def golden_case():
    """(stages, seen, δ, Q) of a 2-4-3-2 tanh network whose numbers are formulas; λ = 0.1, ½‖r_L − y‖²."""
    net = mlp([2, 4, 3, 2], activation="tanh", loss="squared-error", rng=np.random.default_rng(0), dtype=np.float64)
    for place, layer in enumerate(net.weighted_layers(), start=1):
        i, j = np.indices(layer.weight.shape)
        layer.weight[...] = 0.8 * np.sin(1 + i + 2 * j + 3 * place)
        layer.bias[...] = 0.1 * np.cos(np.arange(len(layer.bias)) + place)
    x, y = np.cos([[0.0, 1.0]]), np.sin([[0.0, 1.0]])
    stages = dense_chain(net)
    seen = forward(stages, x)
    Q = []
    for place, units in ((1, 4), (2, 3)):
        p, q = np.indices((units, 2))
        Q.append(0.5 * np.cos(2 + p - q + place))
    return stages, seen, -0.1 * (seen.output - y), [*Q, np.eye(2)]


def joined(stages, seen):
    """J = [J_1 … J_L] of every sample, (N, out, units)."""
    return np.concatenate(pre_jacobians(stages, seen), axis=2)


def split(stages, array):
    """(…, units) or (units, out) along its units: bottom to top."""
    ends = np.cumsum([len(stage.layer.weight) for stage in stages])[:-1]
    return np.split(array, ends, axis=0)


def network(rng, sizes, activation="tanh", *, samples=1, gain=1.0, bias=True):
    """(net, stages, seen): Xavier-normal times gain, biases off zero where there are any, inputs of deviation 1."""
    net = mlp(list(sizes), activation=activation, init="xavier-normal", loss="squared-error", bias=bias, rng=rng,
              dtype=np.float64)
    for name, array in net.parameters().items():
        array[...] = 0.3 * rng.normal(size=array.shape) if name.endswith("bias") else gain * array
    stages = dense_chain(net)
    return net, stages, forward(stages, rng.normal(size=(samples, sizes[0])))


def flat(gradients):
    """All arrays of a dict behind each other."""
    return np.concatenate([gradients[name].ravel() for name in sorted(gradients)])


def unstable(name, sign=-1.0, **options):
    """A rule whose control pushes the output away from the target, and a batch."""
    net, x, labels = dense_case(activation="tanh")
    rule = make(name, net, **options)
    rule.set_feedback("fc3", Q=sign * np.eye(3))
    return rule, x, labels
