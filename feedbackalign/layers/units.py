"""Activations as layers: each remembers the pre-activation it saw, and sends the error back through its slope there."""

from feedbackalign.layers.base import Layer
from feedbackalign.ops import activations
from feedbackalign.ops.activations import relu, relu_backward
from feedbackalign.ops.fast.threads import LARGE, in_blocks


class Activation(Layer):
    """An elementwise unit; a subclass names its function and its derivative."""

    function = None
    derivative = None

    def forward(self, x, training=True):
        self.input = x
        return self.function(x)

    def backward(self, error):
        self.error = error if self.keeps_error else None
        return error * self.derivative(self.input)


class ReLU(Activation):
    """max(v, 0), with slope 0 at 0. Large arrays go in blocks, on all threads: the same numbers."""
    kind = "relu"
    function = staticmethod(activations.relu)
    derivative = staticmethod(activations.relu_derivative)

    def forward(self, x, training=True):
        self.input = x
        return in_blocks(relu, x) if x.size >= LARGE else relu(x)

    def backward(self, error):
        self.error = error if self.keeps_error else None
        return in_blocks(relu_backward, error, self.input) if error.size >= LARGE else relu_backward(error, self.input)


class LeakyReLU(Activation):
    """v where positive, 0.01 v elsewhere."""
    kind = "leaky-relu"
    function = staticmethod(activations.leaky_relu)
    derivative = staticmethod(activations.leaky_relu_derivative)


class Tanh(Activation):
    kind = "tanh"
    function = staticmethod(activations.tanh)
    derivative = staticmethod(activations.tanh_derivative)


class Sigmoid(Activation):
    kind = "sigmoid"
    function = staticmethod(activations.sigmoid)
    derivative = staticmethod(activations.sigmoid_derivative)


class Softplus(Activation):
    kind = "softplus"
    function = staticmethod(activations.softplus)
    derivative = staticmethod(activations.softplus_derivative)


class Identity(Activation):
    kind = "identity"
    function = staticmethod(activations.identity)
    derivative = staticmethod(activations.identity_derivative)


class HardSigmoid(Activation):
    """clip(v, 0, 1)."""
    kind = "hard-sigmoid"
    function = staticmethod(activations.hard_sigmoid)
    derivative = staticmethod(activations.hard_sigmoid_derivative)


class SoftClip(Activation):
    """clip(v/2, 0, 1)."""
    kind = "soft-clip"
    function = staticmethod(activations.soft_clip)
    derivative = staticmethod(activations.soft_clip_derivative)


class SteepSigmoid(Activation):
    """1 / (1 + exp(−4(v − 1/2)))."""
    kind = "steep-sigmoid"
    function = staticmethod(activations.steep_sigmoid)
    derivative = staticmethod(activations.steep_sigmoid_derivative)


class DSiLU(Activation):
    """A smooth clip(v/2, 0, 1)."""
    kind = "dsilu"
    function = staticmethod(activations.dsilu)
    derivative = staticmethod(activations.dsilu_derivative)


ACTIVATIONS = {unit.kind: unit for unit in (ReLU, LeakyReLU, Tanh, Sigmoid, Softplus, Identity, HardSigmoid, SoftClip,
                                            SteepSigmoid, DSiLU)}
