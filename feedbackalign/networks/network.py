"""Networks: a list of layers that a reader can follow, a loss on top, and the exact gradient as a yardstick.

    net.forward(x)                            (N, …) -> (N, out)
    loss, error = net.loss_and_error(…)       the batch mean, and its gradient at the output (N, out)
    net.backward(error)                       the exact gradient of every parameter, by the chain rule

How else the error may travel is the business of `feedbackalign.rules`.
"""

import contextlib

import numpy as np

from feedbackalign.checks import (describe, require_finite, require_floats, require_integer, require_known,
                                  require_labels)
from feedbackalign.layers import (ACTIVATIONS, Conv2d, Flatten, GlobalAvgPool2d, Layer, Linear, MaxPool2d, ReLU)
from feedbackalign.ops import losses
from feedbackalign.ops.convolution import batch_innermost

LOSSES = ("cross-entropy", "squared-error")


class Network:
    """Layers one after the other, and the loss of what comes out.

    Parameters
    ----------
    layers : list of Layer
        Bottom to top. They are named here by kind and order: conv1, relu1, conv2, fc1 …
    input_shape : tuple of int, optional
        Shape of one sample, without N. Known by itself when the lowest layer is Linear; rules that need the sizes
        of images (direct feedback alignment) need it given.
    loss : "cross-entropy" or "squared-error"
        Mean over the batch of the sample losses in `ops.losses`.

    Attributes
    ----------
    targets : array or None
        What the last loss was computed against.

    Raises
    ------
    ValueError, TypeError
        Where layers do not fit each other, or nothing in the list can learn.

    Examples
    --------
    >>> net = mlp([4, 3, 2], rng=np.random.default_rng(0))
    >>> [name for name in net.parameters()]
    ['fc1.weight', 'fc1.bias', 'fc2.weight', 'fc2.bias']
    >>> net.forward(np.zeros((5, 4), dtype=np.float32)).shape
    (5, 2)
    """

    def __init__(self, layers, *, input_shape=None, loss="cross-entropy"):
        self.layers = list(layers)
        self.loss_name = require_known(loss, LOSSES, "loss")
        self.targets = None
        self._name_layers()
        if not self.weighted_layers():
            raise ValueError("layers: expected at least one weighted layer (Linear or Conv2d), got none")
        if input_shape is None and isinstance(self.layers[0], Linear):
            input_shape = (self.layers[0].weight.shape[1],)
        self.input_shape = None if input_shape is None else tuple(input_shape)
        self.shapes = {}                                    # {layer name: (shape in, shape out)} of one sample
        if self.input_shape is not None:
            self._find_shapes()

    def _name_layers(self):
        counts = {}
        for layer in self.layers:
            if not isinstance(layer, Layer):
                raise TypeError(f"layers: expected a list of feedbackalign.layers, got {describe(layer)} in it")
            counts[layer.kind] = counts.get(layer.kind, 0) + 1
            layer.name = f"{layer.kind}{counts[layer.kind]}"
        if len({id(layer) for layer in self.layers}) < len(self.layers):
            raise ValueError("layers: the same layer object stands in the list twice; a layer remembers one pass only")
        dtypes = {layer.weight.dtype for layer in self.weighted_layers()}
        if len(dtypes) > 1:
            raise TypeError(f"layers: expected one dtype in all layers, got {sorted(str(d) for d in dtypes)}")

    def _find_shapes(self):
        shape = self.input_shape
        for layer in self.layers:
            after = layer.output_shape(shape)
            self.shapes[layer.name] = (shape, after)
            shape = after

    # ------------------------------------------------------------------------------------------ what it is made of

    def weighted_layers(self):
        """The layers with synapses, bottom to top."""
        return [layer for layer in self.layers if layer.is_weighted]

    def layer(self, name):
        """The layer of this name; an unknown one is refused with the nearest."""
        by_name = {layer.name: layer for layer in self.layers}
        return by_name[require_known(name, by_name, "layer")]

    def parameters(self):
        """{"fc1.weight": array, …}: live arrays; assign with `[...] =`."""
        return {f"{layer.name}.{key}": array for layer in self.layers for key, array in layer.parameters().items()}

    def masks(self):
        """{"fc1.weight": boolean array, …} for layers some of whose synapses do not exist."""
        return {f"{layer.name}.{key}": mask for layer in self.weighted_layers() for key, mask in layer.masks().items()}

    def state(self):
        """What a network keeps besides its parameters, {name: array}; running statistics, where there are any."""
        return {f"{layer.name}.mask": layer.mask for layer in self.weighted_layers() if layer.mask is not None}

    def load_state(self, state):
        for layer in self.weighted_layers():
            if layer.mask is not None:
                layer.mask[...] = state[f"{layer.name}.mask"]

    @property
    def dtype(self):
        return self.weighted_layers()[0].weight.dtype

    @property
    def outputs(self):
        """Number of output units."""
        return self.weighted_layers()[-1].weight.shape[0]

    def astype(self, dtype):
        """Convert parameters and memories to float32 or float64, in place."""
        for layer in self.layers:
            layer.astype(dtype)
        return self

    # -------------------------------------------------------------------------------------------------- the passes

    def forward(self, x, training=True):
        """What the network answers: x (N, …) -> (N, out).

        x is converted to the network's dtype, and images are laid out once for all layers above.
        `training=False` makes layers with running statistics use them.
        """
        shape = self.input_shape or (None,) * (np.ndim(x) - 1)
        require_floats(x, "x", shape=(None, *shape))
        x = x.astype(self.dtype, copy=False)
        if x.ndim == 4:
            x = batch_innermost(x)
        for layer in self.layers:
            x = layer.forward(x, training)
        return x

    def backward(self, error):
        """The exact gradient of every parameter: error (N, out) -> {"fc1.weight": array, …}.

        The chain rule through every layer's own weights: what all rules are measured against.
        """
        for layer in reversed(self.layers):
            error = layer.backward(error)
        return {f"{layer.name}.{key}": gradient
                for layer in self.layers if layer.parameters() for key, gradient in layer.gradients.items()}

    @contextlib.contextmanager
    def undisturbed(self):
        """Run passes inside and find every layer's memory afterwards as it was: measuring changes nothing."""
        before = [(layer, dict(vars(layer))) for layer in self.layers]
        targets = self.targets
        try:
            yield self
        finally:
            self.targets = targets
            for layer, attributes in before:
                vars(layer).clear()
                vars(layer).update(attributes)

    # ---------------------------------------------------------------------------------------------------- the loss

    def checked_targets(self, output, targets):
        """Targets in the form the loss takes: (N,) labels for cross-entropy, (N, out) floats for squared error."""
        N, out = output.shape
        if self.loss_name == "cross-entropy":
            return require_labels(targets, "targets", count=N, classes=out)
        if isinstance(targets, np.ndarray) and np.issubdtype(targets.dtype, np.integer):
            return losses.one_hot(require_labels(targets, "targets", count=N, classes=out), out, output.dtype)
        require_floats(targets, "targets", shape=(N, out))
        return require_finite(targets, "targets").astype(output.dtype, copy=False)

    def sample_losses(self, output, targets):
        """Loss of each sample: output (N, out) -> (N,)."""
        targets = self.checked_targets(output, targets)
        if self.loss_name == "cross-entropy":
            return losses.cross_entropy(output, targets)
        return losses.squared_error(output, targets)

    def sample_errors(self, output, targets):
        """Gradient of each sample's own loss at the output, without 1/N: (N, out) -> (N, out)."""
        targets = self.checked_targets(output, targets)
        if self.loss_name == "cross-entropy":
            return losses.cross_entropy_error(output, targets)
        return losses.squared_error_error(output, targets)

    def loss(self, output, targets):
        """The batch mean, a float."""
        return float(self.sample_losses(output, targets).mean(dtype=np.float64))

    def loss_error(self, output, targets):
        """∂(mean loss)/∂output, (N, out). The one place where anything is divided by N."""
        self.targets = targets
        return self.sample_errors(output, targets) / len(output)

    def loss_and_error(self, output, targets):
        """The batch mean, and its gradient at the output: (N, out) -> float, (N, out)."""
        return self.loss(output, targets), self.loss_error(output, targets)

    def __repr__(self):
        return f"Network({', '.join(map(repr, self.layers))})"


# ------------------------------------------------------------------------------------------------- named networks

def mlp(sizes, *, activation="relu", loss="cross-entropy", init="xavier-uniform", bias=True, rng, dtype=np.float32):
    """Dense layers of these sizes with the activation between them; the output is linear.

    Parameters
    ----------
    sizes : list of int
        Input, hidden and output units, for example [784, 512, 512, 10].
    activation : str
        One of relu, leaky-relu, tanh, sigmoid, softplus, identity, hard-sigmoid, soft-clip.
    loss, init, bias, dtype
        As in `Network` and `Linear`.
    rng : numpy.random.Generator
        Draws the weights, layer by layer from the bottom.

    Examples
    --------
    >>> mlp([4, 3, 2], activation="tanh", rng=np.random.default_rng(0))
    Network(Linear(4, 3), Tanh(), Linear(3, 2))
    """
    require_known(activation, ACTIVATIONS, "activation")
    sizes = list(sizes)
    if len(sizes) < 2:
        raise ValueError(f"sizes: expected at least an input and an output size, got {sizes}")
    layers = []
    for inputs, outputs in zip(sizes, sizes[1:]):
        layers += [Linear(inputs, outputs, bias=bias, rng=rng, init=init, dtype=dtype), ACTIVATIONS[activation]()]
    return Network(layers[:-1], loss=loss)                                      # the output stays linear


def autoencoder(sizes, *, activation="tanh", init="xavier-uniform", rng, dtype=np.float32):
    """Down to a code and up again, mirrored: [64, 32, 8] makes 64-32-8-32-64 with squared error.

    The code and the output are linear, the layers between have the activation.

    >>> autoencoder([6, 4, 2], rng=np.random.default_rng(0))
    Network(Linear(6, 4), Tanh(), Linear(4, 2), Linear(2, 4), Tanh(), Linear(4, 6))
    """
    require_known(activation, ACTIVATIONS, "activation")
    code = len(sizes) - 1
    sizes = [*sizes, *reversed(sizes[:-1])]
    layers = []
    for index, (inputs, outputs) in enumerate(zip(sizes, sizes[1:]), start=1):
        layers.append(Linear(inputs, outputs, rng=rng, init=init, dtype=dtype))
        if index not in (code, len(sizes) - 1):
            layers.append(ACTIVATIONS[activation]())
    return Network(layers, loss="squared-error")


def lenet_mnist(*, channels=1, classes=10, size=32, init="xavier-uniform", rng, dtype=np.float32):
    """LeNet for 32×32 images (MNIST zero-padded): 6 and 16 channels at 5×5 with pools, 120 at 5×5, 84, classes."""
    make = {"rng": rng, "init": init, "dtype": dtype}
    return Network([
        Conv2d(channels, 6, 5, **make), ReLU(), MaxPool2d(2),                   # (1, 32, 32) -> (6, 14, 14)
        Conv2d(6, 16, 5, **make), ReLU(), MaxPool2d(2),                         # -> (16, 5, 5)
        Conv2d(16, 120, 5, **make), ReLU(), Flatten(),                          # -> (120, 1, 1) -> (120,)
        Linear(120, 84, **make), ReLU(),
        Linear(84, classes, **make),
    ], input_shape=(channels, size, size))


def lenet_cifar(*, channels=3, classes=10, size=32, init="xavier-uniform", rng, dtype=np.float32):
    """A wider LeNet for 32×32 colour images: 32, 64, 128 channels at 3×3 with pools, global average, 256, classes."""
    make = {"rng": rng, "init": init, "dtype": dtype}
    return Network([
        Conv2d(channels, 32, 3, padding=1, **make), ReLU(), MaxPool2d(2),       # (3, 32, 32) -> (32, 16, 16)
        Conv2d(32, 64, 3, padding=1, **make), ReLU(), MaxPool2d(2),             # -> (64, 8, 8)
        Conv2d(64, 128, 3, padding=1, **make), ReLU(), MaxPool2d(2),            # -> (128, 4, 4)
        GlobalAvgPool2d(),                                                      # -> (128,)
        Linear(128, 256, **make), ReLU(),
        Linear(256, classes, **make),
    ], input_shape=(channels, size, size))


def digits_conv(*, channels=1, classes=10, size=8, init="xavier-uniform", rng, dtype=np.float32):
    """A small convolutional network for the 8×8 digits: 8 and 16 channels at 3×3, one pool, 32, classes."""
    make = {"rng": rng, "init": init, "dtype": dtype}
    half = require_integer(size, "size", low=4) // 2
    return Network([
        Conv2d(channels, 8, 3, padding=1, **make), ReLU(), MaxPool2d(2),        # (1, 8, 8) -> (8, 4, 4)
        Conv2d(8, 16, 3, padding=1, **make), ReLU(), Flatten(),                 # -> (16, 4, 4) -> (256,)
        Linear(16 * half * half, 32, **make), ReLU(),
        Linear(32, classes, **make),
    ], input_shape=(channels, size, size))
