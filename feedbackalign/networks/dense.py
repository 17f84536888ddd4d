"""Dense networks: the multilayer perceptron and the autoencoder."""

import numpy as np

from feedbackalign.layers import ACTIVATIONS, BatchNorm1d, Linear
from feedbackalign.networks.network import Network
from feedbackalign.validation import require_bool, require_integer, require_known, require_list, require_number


def require_sizes(sizes, least=2):
    """Refuse anything but a list of numbers of units, from the input to the output; -> a list of int."""
    return require_list(sizes, "sizes", lambda units, what: require_integer(units, what, low=1), least=least)


def mlp(sizes, *, activation="relu", loss="cross-entropy", init="xavier-uniform", bias=True, batch_norm=False,
        output_gain=1.0, rng, dtype=np.float32):
    """Dense layers of these sizes with the activation between them; the output is linear.

    Parameters
    ----------
    sizes : list of int
        Input, hidden and output units, for example [784, 512, 512, 10].
    activation : str
        One of relu, leaky-relu, tanh, sigmoid, softplus, abs, sin, identity, hard-sigmoid, soft-clip, steep-sigmoid,
        dsilu.
    loss, init, bias, rng, dtype
        As in `Network` and `Linear`; the weights are drawn layer by layer from the bottom.
    batch_norm : bool
        Batch normalisation before every activation; its shift replaces the bias. It helps networks of many layers.
    output_gain : float
        What the last layer's first weights are multiplied with.

    >>> mlp([4, 3, 2], activation="tanh", rng=np.random.default_rng(0))
    Network(Linear(4, 3), Tanh(), Linear(3, 2))
    """
    require_known(activation, ACTIVATIONS, "activation")
    bias, batch_norm = require_bool(bias, "bias"), require_bool(batch_norm, "batch_norm")
    sizes = require_sizes(sizes)
    layers = []
    for place, (inputs, outputs) in enumerate(zip(sizes, sizes[1:])):
        is_normalised = batch_norm and place < len(sizes) - 2                       # all but the output
        layers.append(Linear(inputs, outputs, bias=bias and not is_normalised, rng=rng, init=init, dtype=dtype))
        layers += [BatchNorm1d(outputs, dtype=dtype)] if is_normalised else []
        layers.append(ACTIVATIONS[activation]())
    layers[-2].weight *= require_number(output_gain, "output_gain", low=0, low_open=True)
    return Network(layers[:-1], loss=loss)                                      # the output stays linear


def autoencoder(sizes, *, activation="tanh", init="xavier-uniform", rng, dtype=np.float32):
    """From the input to a code and back: [64, 32, 8] makes 64-32-8-32-64 with squared error.

    The code and the output are linear, the other layers have the activation.

    >>> autoencoder([6, 4, 2], rng=np.random.default_rng(0))
    Network(Linear(6, 4), Tanh(), Linear(4, 2), Linear(2, 4), Tanh(), Linear(4, 6))
    """
    require_known(activation, ACTIVATIONS, "activation")
    sizes = require_sizes(sizes)
    code = len(sizes) - 1
    sizes = [*sizes, *reversed(sizes[:-1])]
    layers = []
    for index, (inputs, outputs) in enumerate(zip(sizes, sizes[1:]), start=1):
        layers.append(Linear(inputs, outputs, rng=rng, init=init, dtype=dtype))
        if index not in (code, len(sizes) - 1):
            layers.append(ACTIVATIONS[activation]())
    return Network(layers, loss="squared-error")
