"""What every layer is: a forward, a backward, a name, and a memory of its last pass that lies open."""

import numpy as np

from feedbackalign.validation import PLAIN, describe, require_dtype, require_floats


class Layer:
    """Base of all layers: no parameters, nothing to remember between passes.

    Attributes
    ----------
    name : str
        Given by the network: kind and order, `fc1`, `conv2`, `relu3`.
    input, error : array or None
        What the last forward pass received, and the last backward pass: ∂L/∂output.
    keeps_error : bool
        False where `error` stays None, so that a deep network's errors do not all lie in memory at once.
    gradients : dict
        {"weight": array, …}: what the last backward pass found for the layer's parameters.
    may_answer_infinity : bool
        Whether infinity is a valid answer of the layer, as the time of a spike that never comes: then only NaN is an
        error there.
    """

    kind = "layer"
    is_weighted = False
    may_answer_infinity = False

    def __init__(self):
        self.name = self.kind
        self.input = None
        self.error = None
        self.keeps_error = True
        self.gradients = {}

    def forward(self, x, training=True):
        raise NotImplementedError(f"{type(self).__name__} does not say what it answers: write forward(x, training)")

    def backward(self, error):
        raise NotImplementedError(f"{type(self).__name__} does not say how an error passes down through it: write "
                                  f"backward(error), ∂L/∂output -> ∂L/∂input")

    def remember_error(self, error):
        """Keep an error that fits the last forward pass in `error`."""
        self.require_error(error)
        self.error = error if self.keeps_error else None

    def require_error(self, error):
        """Refuse an error that has not the shape of the last forward pass's answer."""
        if self.input is None:
            raise ValueError(f"error at {self.name}: expected a forward pass before it, got {describe(error)}")
        if type(error) not in PLAIN or error.shape != self.answer_shape() or error.dtype.char not in "fd":
            require_floats(error, f"error at {self.name}", shape=self.answer_shape())   # its words are costly

    def answer_shape(self):
        """Shape of the last forward pass's answer (N, …)."""
        return (self.input.shape[0], *self.output_shape(self.input.shape[1:]))

    def parameters(self):
        """{"weight": array, …}: the live arrays, empty for layers without parameters."""
        return {}

    def state(self):
        """{attribute: array}: what a resumed run needs besides the parameters."""
        return {}

    def known_input_shape(self):
        """Shape of one sample's input, without N, where the layer knows it by itself; else None."""
        return None

    def output_shape(self, input_shape):
        """Shape of one sample's output, given the shape of one sample's input (both without N)."""
        return input_shape

    def astype(self, dtype):
        """Convert every floating array that the layer holds to float32 or float64, in place."""
        dtype = require_dtype(dtype)
        for attribute, value in vars(self).items():
            if isinstance(value, np.ndarray) and value.dtype.kind == "f":
                setattr(self, attribute, value.astype(dtype))
        return self

    def forget(self):
        """Drop the memory of the last pass."""
        self.input = self.error = None

    def __repr__(self):
        return f"{type(self).__name__}()"
