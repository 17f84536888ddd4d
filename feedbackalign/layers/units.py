"""Activations as layers: each keeps its pre-activation, and multiplies the error with its slope there."""

from feedbackalign.layers.base import Layer
from feedbackalign.ops import activations
from feedbackalign.ops.activations import relu_backward
from feedbackalign.validation import require_float_array


class Activation(Layer):
    """An elementwise unit; a subclass names its function and its derivative, whose size nowhere exceeds `steepest`."""

    function = derivative = None
    steepest = 1.0

    def forward(self, x, training=True):
        self.input = require_float_array(x, f"input of {self.name}")
        return self.function(x)

    def answer_shape(self):
        return self.input.shape

    def backward(self, error):
        self.remember_error(error)
        return error * self.derivative(self.input)


class ReLU(Activation):
    """max(v, 0), with slope 0 at 0."""
    kind = "relu"
    function, derivative = staticmethod(activations.relu), staticmethod(activations.relu_derivative)

    def backward(self, error):
        self.remember_error(error)
        return relu_backward(error, self.input)


class LeakyReLU(Activation):
    """v where positive, 0.01 v elsewhere."""
    kind = "leaky-relu"
    function, derivative = staticmethod(activations.leaky_relu), staticmethod(activations.leaky_relu_derivative)


class Tanh(Activation):
    kind = "tanh"
    function, derivative = staticmethod(activations.tanh), staticmethod(activations.tanh_derivative)


class Sigmoid(Activation):
    kind = "sigmoid"
    steepest = 0.25
    function, derivative = staticmethod(activations.sigmoid), staticmethod(activations.sigmoid_derivative)


class Softplus(Activation):
    kind = "softplus"
    function, derivative = staticmethod(activations.softplus), staticmethod(activations.softplus_derivative)


class Absolute(Activation):
    """|v|, with slope 0 at 0."""
    kind = "abs"
    function, derivative = staticmethod(activations.absolute), staticmethod(activations.absolute_derivative)


class Sine(Activation):
    kind = "sin"
    function, derivative = staticmethod(activations.sine), staticmethod(activations.sine_derivative)


class Identity(Activation):
    kind = "identity"
    function, derivative = staticmethod(activations.identity), staticmethod(activations.identity_derivative)


class HardSigmoid(Activation):
    """clip(v, 0, 1)."""
    kind = "hard-sigmoid"
    function, derivative = staticmethod(activations.hard_sigmoid), staticmethod(activations.hard_sigmoid_derivative)


class SoftClip(Activation):
    """clip(v/2, 0, 1)."""
    kind = "soft-clip"
    steepest = 0.5
    function, derivative = staticmethod(activations.soft_clip), staticmethod(activations.soft_clip_derivative)


class SteepSigmoid(Activation):
    """1 / (1 + exp(−4(v − 1/2)))."""
    kind = "steep-sigmoid"
    function, derivative = staticmethod(activations.steep_sigmoid), staticmethod(activations.steep_sigmoid_derivative)


class DSiLU(Activation):
    """A smooth clip(v/2, 0, 1)."""
    kind = "dsilu"
    function, derivative = staticmethod(activations.dsilu), staticmethod(activations.dsilu_derivative)


ACTIVATIONS = {unit.kind: unit for unit in (ReLU, LeakyReLU, Tanh, Sigmoid, Softplus, Absolute, Sine, Identity,
                                            HardSigmoid, SoftClip, SteepSigmoid, DSiLU)}
