"""Networks: a list of layers that a reader can follow, a loss on top, and the exact gradient as a yardstick.

    net.forward(x)                            (N, …) -> (N, out)
    loss, error = net.loss_and_error(…)       the batch mean, and its gradient at the output (N, out)
    net.backward(error)                       the exact gradient of every parameter, by the chain rule

How else the error may travel is the business of `feedbackalign.rules`.
"""

import contextlib

import numpy as np

from feedbackalign.layers import Residual
from feedbackalign.layers.residual import require_layers
from feedbackalign.ops import losses
from feedbackalign.ops.convolution import batch_innermost
from feedbackalign.validation import (PLAIN, describe, require_bool, require_dtype, require_entries, require_finite,
                                      require_float_array, require_floats, require_known, require_labels,
                                      require_plain, require_shape)

FUNCTIONS = {"cross-entropy": losses.cross_entropy_and_error, "squared-error": losses.squared_error_and_error}
LOSSES = tuple(FUNCTIONS)


class Network:
    """Layers one after the other, and the loss of what comes out.

    Parameters
    ----------
    layers : list of Layer
        Bottom to top. They are named here by kind and order: conv1, relu1, conv2, fc1 …
    input_shape : tuple of int, optional
        Shape of one sample, without N. Needed only where the lowest layer does not know it (Linear and BatchNorm1d do)
        and a rule needs the sizes of all layers, as direct feedback alignment does.
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

    >>> from feedbackalign.layers import Linear, ReLU
    >>> rng = np.random.default_rng(0)
    >>> net = Network([Linear(4, 3, rng=rng), ReLU(), Linear(3, 2, rng=rng)])
    >>> [name for name in net.parameters()]
    ['fc1.weight', 'fc1.bias', 'fc2.weight', 'fc2.bias']
    >>> net.forward(np.zeros((5, 4), dtype=np.float32)).shape
    (5, 2)
    """

    def __init__(self, layers, *, input_shape=None, loss="cross-entropy"):
        self.layers = require_layers(layers, "layers")
        self.loss_name = require_known(loss, LOSSES, "loss")
        self.targets = None
        self._name_layers()
        if not self.weighted_layers():
            raise ValueError("layers: expected at least one weighted layer (Linear or Conv2d), got none")
        if input_shape is None:
            input_shape = self.layers[0].known_input_shape()
        self.input_shape = None if input_shape is None else require_shape(input_shape, "input_shape")
        self.shapes = {}                                    # {layer name: (shape in, shape out)} of one sample
        if self.input_shape is not None:
            self._find_shapes()

    def _name_layers(self):
        name_layers(self.layers)
        self._every = every = inside(self.layers)
        self._weighted = [layer for layer in every if layer.is_weighted]
        if len({id(layer) for layer in every}) < len(every):
            raise ValueError("layers: the same layer object stands in the list twice; a layer remembers one pass only")
        dtypes = {layer.weight.dtype for layer in self.weighted_layers()}
        if len(dtypes) > 1:
            raise TypeError(f"layers: expected one dtype in all layers, got {sorted(str(d) for d in dtypes)}")

    def _find_shapes(self):
        find_shapes(self.layers, self.input_shape, self.shapes)

    # ------------------------------------------------------------------------------------------ what it is made of

    def all_layers(self):
        """Every layer, bottom to top, those inside residual blocks in place of the blocks."""
        return list(self._every)

    def weighted_layers(self):
        """The layers with synapses, bottom to top."""
        return list(self._weighted)

    def layer(self, name):
        """The layer or block of this name; an unknown one is refused with the nearest."""
        by_name = {layer.name: layer for layer in [*blocks(self.layers), *self.all_layers()]}
        return by_name[require_known(name, by_name, "layer")]

    def weighted_layer(self, name):
        """The layer with synapses of this name."""
        for layer in self._weighted if isinstance(name, str) else ():
            if layer.name == name:
                return layer
        require_known(name, [layer.name for layer in self._weighted], "layer")

    def parameters(self):
        """{"fc1.weight": array, …}: live arrays; assign with `[...] =`."""
        return {f"{layer.name}.{key}": array for layer in self._every for key, array in layer.parameters().items()}

    def masks(self):
        """{"fc1.weight": boolean array, …} for layers some of whose synapses do not exist."""
        return {f"{layer.name}.{key}": mask for layer in self.weighted_layers() for key, mask in layer.masks().items()}

    def state(self):
        """What a network keeps besides its parameters, {name: array}: masks, and running statistics."""
        return {f"{layer.name}.{key}": array for layer in self.all_layers() for key, array in layer.state().items()}

    def load_state(self, state):
        """Take over what `state` returned."""
        require_entries(state, self.state(), "state")
        for layer in self.all_layers():
            for key in layer.state():
                array = state[f"{layer.name}.{key}"]
                setattr(layer, key, np.array(require_plain(array, f"{layer.name}.{key}")))

    @property
    def dtype(self):
        return self._weighted[0].weight.dtype

    @property
    def outputs(self):
        """Number of output units."""
        return self._weighted[-1].weight.shape[0]

    def astype(self, dtype):
        """Convert parameters and memories to float32 or float64, in place."""
        dtype = require_dtype(dtype)
        for layer in [*self.all_layers(), *blocks(self.layers)]:
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
        if type(training) is not bool:
            training = require_bool(training, "training")
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
        require_float_array(error, "error")
        for layer in reversed(self.layers):
            error = layer.backward(error)
        return {f"{layer.name}.{key}": gradient
                for layer in self.all_layers() for key, gradient in layer.gradients.items()}

    def forget(self):
        """Drop every layer's memory of the last pass, which is most of what a large network holds."""
        for layer in [*self.all_layers(), *blocks(self.layers)]:
            layer.forget()

    @contextlib.contextmanager
    def undisturbed(self):
        """Run passes inside and find every layer's memory afterwards as it was: measuring changes nothing."""
        before = [(layer, dict(vars(layer))) for layer in [*self.all_layers(), *blocks(self.layers)]]
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
        is_float = type(output) in PLAIN and output.dtype.char in "fdFD"    # complex while a network settles
        if not is_float or output.shape[1:] != (self.outputs,) or not len(output):
            require_float_array(output, "output", kinds="fdFD")
            raise ValueError(f"output: expected shape (N, {self.outputs}), got {describe(output)}")
        N, out = output.shape
        if self.loss_name == "cross-entropy":
            return require_labels(targets, "targets", count=N, classes=out)
        if isinstance(targets, np.ndarray) and np.issubdtype(targets.dtype, np.integer):
            return losses.one_hot(require_labels(targets, "targets", count=N, classes=out), out, output.dtype)
        require_floats(targets, "targets", shape=(N, out))
        return require_finite(targets, "targets").astype(output.dtype, copy=False)

    def sample_losses_and_errors(self, output, targets):
        """Loss of each sample, and its gradient at the output, without 1/N: (N, out) -> (N,), (N, out)."""
        return FUNCTIONS[self.loss_name](output, self.checked_targets(output, targets))

    def sample_losses(self, output, targets):
        """Loss of each sample: output (N, out) -> (N,)."""
        return self.sample_losses_and_errors(output, targets)[0]

    def sample_errors(self, output, targets):
        """Gradient of each sample's own loss at the output, without 1/N: (N, out) -> (N, out)."""
        return self.sample_losses_and_errors(output, targets)[1]

    def loss(self, output, targets):
        """The batch mean, a float."""
        return float(self.sample_losses(output, targets).mean(dtype=np.float64))

    def loss_error(self, output, targets):
        """∂(mean loss)/∂output, (N, out)."""
        return self.loss_and_error(output, targets)[1]

    def loss_and_error(self, output, targets):
        """The batch mean, and its gradient at the output: (N, out) -> float, (N, out).

        The one place where anything is divided by N.
        """
        each, errors = self.sample_losses_and_errors(output, targets)
        self.targets = targets
        return float(each.mean(dtype=np.float64)), errors / len(output)

    def __repr__(self):
        return f"Network({', '.join(map(repr, self.layers))})"


# ------------------------------------------------------------------------------------- lists of layers, with blocks

def inside(layers):
    """The layers of a list from the bottom to the top, with those inside residual blocks in place of the blocks."""
    found = []
    for layer in layers:
        found += inside(layer.layers) + inside(layer.shortcut) if isinstance(layer, Residual) else [layer]
    return found


def blocks(layers):
    """The residual blocks of a list, those inside blocks too: they remember their last pass like any layer."""
    found = []
    for layer in layers:
        if isinstance(layer, Residual):
            found += [layer, *blocks(layer.layers), *blocks(layer.shortcut)]
    return found


def name_layers(layers, prefix="", counts=None):
    """Name every layer by kind and order: conv1, relu1, conv2 …; inside a block block3.conv2."""
    counts = {} if counts is None else counts
    for layer in layers:
        counts[layer.kind] = counts.get(layer.kind, 0) + 1
        layer.name = f"{prefix}{layer.kind}{counts[layer.kind]}"
        if isinstance(layer, Residual):
            inner = {}
            name_layers(layer.layers, f"{layer.name}.", inner)
            name_layers(layer.shortcut, f"{layer.name}.", inner)


def find_shapes(layers, shape, shapes):
    """Fill {name: (shape in, shape out)} of one sample for every layer of the list; -> the shape on top."""
    for layer in layers:
        after = layer.output_shape(shape)
        shapes[layer.name] = (shape, after)
        if isinstance(layer, Residual):
            find_shapes(layer.layers, shape, shapes)
            find_shapes(layer.shortcut, shape, shapes)
        shape = after
    return shape
