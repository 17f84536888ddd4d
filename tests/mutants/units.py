"""Mistakes in units, pooling and flattening."""

import numpy as np

from feedbackalign import layers
from feedbackalign.ops import pooling
from tests import assertions
from tests.mutants.table import bare, gradients, kinks, mutant, windows


@mutant("ReLU's slope 1 at 0", "units", layers.ReLU, bare, kinks)
class SlopeAtZero(layers.ReLU):
    def backward(self, error):
        return error * (self.input >= 0)


@mutant("ReLU's slope tested against 1", "units", layers.ReLU, bare, gradients)
class SlopeAboveOne(layers.ReLU):
    def backward(self, error):
        return error * (self.input > 1)


@mutant("ReLU's slope taken from the error", "units", layers.ReLU, bare, gradients)
class SlopeOfError(layers.ReLU):
    def backward(self, error):
        return error * (error > 0)


@mutant("the upstream error changed in place", "units", layers.ReLU, bare, gradients)
class ErrorMutated(layers.ReLU):
    def backward(self, error):
        error *= self.input > 0
        return error


@mutant("x changed in place", "units", layers.ReLU, bare, gradients)
class InputMutated(layers.ReLU):
    def forward(self, x, training=True):
        self.input = x
        return np.maximum(x, 0, out=x)


@mutant("the upstream error ignored", "units", layers.Tanh, bare, gradients)
class ErrorIgnored(layers.Tanh):
    def backward(self, error):
        return self.derivative(self.input)


@mutant("tanh's slope 1 − v² of the pre-activation", "units", layers.Tanh, bare, gradients)
class TanhOfInput(layers.Tanh):
    def backward(self, error):
        return error * (1 - self.input**2)


@mutant("tanh's slope taken at the output", "units", layers.Tanh, bare, gradients)
class TanhTwice(layers.Tanh):
    def backward(self, error):
        return error * self.derivative(np.tanh(self.input))


@mutant("the sigmoid itself for its slope", "units", layers.Sigmoid, bare, gradients)
class SigmoidForSlope(layers.Sigmoid):
    def backward(self, error):
        return error * self.function(self.input)


@mutant("the leak lost on the way down", "units", layers.LeakyReLU, bare, gradients)
class NoLeak(layers.LeakyReLU):
    def backward(self, error):
        return error * (self.input > 0)


@mutant("soft-clip's slope 1", "units", layers.SoftClip, bare, gradients)
class SoftClipTooSteep(layers.SoftClip):
    def backward(self, error):
        return error * ((self.input > 0) & (self.input < 2))


@mutant("max pooling sends the whole error to every tie", "pooling", layers.MaxPool2d, windows,
        assertions.assert_max_pools_with_ties)
class AllTies(layers.MaxPool2d):
    def backward(self, error):
        y, down = self.forward(self.input), np.zeros_like(self.input)
        for n, c, p, q in np.ndindex(y.shape):
            row, col = p * self.stride, q * self.stride
            window = self.input[n, c, row:row + self.size, col:col + self.size]
            down[n, c, row:row + self.size, col:col + self.size] += error[n, c, p, q] * (window == y[n, c, p, q])
        return down


@mutant("max pooling: a pixel that wins twice hears one error only", "pooling", layers.MaxPool2d, windows, gradients)
class OverwrittenWinner(layers.MaxPool2d):
    def backward(self, error):
        down = np.zeros_like(self.input)
        for n, c, p, q in np.ndindex(error.shape):
            i, j = divmod(int(self.winner[n, c, p, q]), self.size)
            down[n, c, p * self.stride + i, q * self.stride + j] = error[n, c, p, q]
        return down


@mutant("average pooling without 1/k²", "pooling", layers.AvgPool2d, windows, gradients)
class SumPoolDown(layers.AvgPool2d):
    def backward(self, error):
        return super().backward(error) * self.size**2


@mutant("softmax pooling with its weights held", "pooling", layers.SoftmaxPool2d, windows, gradients)
class HeldSoftmax(layers.SoftmaxPool2d):
    def backward(self, error):
        entries = pooling.windows(self.input, self.size, self.stride)
        return pooling.back_to_pixels(error * pooling.softmax_weights(entries), self.input.shape, self.stride)


@mutant("softmax pooling: a pixel of two windows hears one only", "pooling", layers.SoftmaxPool2d, windows, gradients)
class LastWindow(layers.SoftmaxPool2d):
    def backward(self, error):
        down = np.zeros_like(self.input)
        for index, entry in enumerate(error * pooling.softmax_slopes(self.input, self.size, self.stride)):
            i, j = divmod(index, self.size)
            rows, cols = entry.shape[2:]
            down[:, :, i:i + self.stride * rows:self.stride, j:j + self.stride * cols:self.stride] = entry
        return down


@mutant("global average pooling without 1/(H·W)", "pooling", layers.GlobalAvgPool2d, bare, gradients)
class GlobalSumDown(layers.GlobalAvgPool2d):
    def backward(self, error):
        return np.broadcast_to(error[:, :, None, None], self.input.shape).copy()


@mutant("flatten in the order H, W, C on the way down", "pooling", layers.Flatten, bare, gradients)
class FlattenBackHWC(layers.Flatten):
    def backward(self, error):
        N, C, H, W = self.input.shape
        return error.reshape(N, H, W, C).transpose(0, 3, 1, 2)


@mutant("flatten in the order H, W, C, up and down alike", "pooling", layers.Flatten, bare, assertions.assert_flattens)
class FlattenHWC(layers.Flatten):
    def forward(self, x, training=True):
        self.input = x
        return x.transpose(0, 2, 3, 1).reshape(len(x), -1)

    def backward(self, error):
        N, C, H, W = self.input.shape
        return error.reshape(N, H, W, C).transpose(0, 3, 1, 2)
