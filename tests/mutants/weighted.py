"""Mistakes in the backward passes of the layers with synapses."""

import numpy as np

from feedbackalign import layers
from feedbackalign.ops import convolution as conv
from tests import assertions
from tests.mutants.table import dense, gradients, image, image_far, mutant, sparse_dense


# -------------------------------------------------------------------------------------------------------- dense layers

@mutant("the weight gradient divided by N once more", "linear", layers.Linear, dense, gradients)
class DoubleMean(layers.Linear):
    def outer(self, signal):
        return super().outer(signal) / len(signal)


@mutant("the bias gradient divided by N once more", "linear", layers.Linear, dense, gradients)
class MeanBias(layers.Linear):
    def local_gradients(self, error):
        return {"weight": self.outer(error), "bias": error.mean(axis=0)}


@mutant("the bias gradient summed over the units", "linear", layers.Linear, dense, gradients)
class BiasOverUnits(layers.Linear):
    def local_gradients(self, error):                       # N = out = 4: the shape does not tell
        return {"weight": self.outer(error), "bias": error.sum(axis=1)}


@mutant("the bias forgotten", "linear", layers.Linear, dense, gradients)
class NoBias(layers.Linear):
    def local_gradients(self, error):
        return {"weight": self.outer(error)}


@mutant("the bias gradient left at zero", "linear", layers.Linear, dense, gradients)
class ZeroBias(layers.Linear):
    def local_gradients(self, error):
        return {"weight": self.outer(error), "bias": np.zeros_like(self.bias)}


@mutant("the way down through W transposed", "linear", layers.Linear, dense, gradients)
class TransposedWeight(layers.Linear):
    def transport(self, error, weights):
        return error @ weights.T


@mutant("the weight gradient transposed", "linear", layers.Linear, dense, gradients)
class TransposedGradient(layers.Linear):
    def outer(self, signal):
        return self.input.T @ signal


@mutant("the weight gradient with the wrong sign", "linear", layers.Linear, dense, gradients)
class WrongSign(layers.Linear):
    def outer(self, signal):
        return -super().outer(signal)


@mutant("the input remembered from the first pass only", "linear", layers.Linear, dense, gradients)
class StaleInput(layers.Linear):
    def forward(self, x, training=True):
        first = self.input
        y = super().forward(x, training)
        self.input = x if first is None else first
        return y


@mutant("gradients added to those of the pass before", "linear", layers.Linear, dense, gradients)
class Accumulating(layers.Linear):
    def local_gradients(self, error):
        local = super().local_gradients(error)
        return {name: local[name] + self.gradients.get(name, 0.0) for name in local}


@mutant("random feedback in the exact gradient", "linear", layers.Linear, dense, gradients)
class RandomFeedback(layers.Linear):
    def transport(self, error, weights):
        return error @ np.random.default_rng(0).normal(size=weights.shape)


@mutant("the mask put on once and then ignored", "linear", layers.Linear, sparse_dense, assertions.assert_masks_hold)
class MaskIgnored(layers.Linear):
    def masks(self):
        return {}


@mutant("the bias gradient scaled by one half", "linear", layers.Linear, dense, gradients)
class HalfBias(layers.Linear):
    def local_gradients(self, error):
        return {"weight": self.outer(error), "bias": 0.5 * error.sum(axis=0)}


# -------------------------------------------------------------------------------------------------------- convolutions

@mutant("the columns remembered from the first pass only", "convolution", layers.Conv2d, image, gradients)
class StaleColumns(layers.Conv2d):
    def forward(self, x, training=True):
        first = self.columns
        y = super().forward(x, training)
        self.columns = self.columns if first is None else first
        return y


@mutant("stride and padding swapped on the way down", "convolution", layers.Conv2d, image_far, gradients)
class StridePaddingSwapped(layers.Conv2d):
    def transport(self, error, weights):                    # the error is cut to the size that this needs
        rows, cols = (conv.output_size(size, length, self.padding, self.stride)
                      for size, length in zip(self.input.shape[2:], weights.shape[2:]))
        return conv.convolution_transport(error[:, :, :rows, :cols], weights, self.input.shape, stride=self.padding,
                                          padding=self.stride)


@mutant("stride and padding swapped, up and down alike", "convolution", layers.Conv2d, image_far,
        assertions.assert_convolves)
class StridePaddingSwappedThroughout(layers.Conv2d):
    def forward(self, x, training=True):
        y, self.columns = conv.convolve(x, self.weight, self.bias, max(self.padding, 1), self.stride)
        return y


@mutant("padding off by one on the way down", "convolution", layers.Conv2d, image_far, gradients)
class PaddingOffByOne(layers.Conv2d):
    def transport(self, error, weights):
        N, _, rows, cols = error.shape
        narrow = conv.convolution_transport(error[:, :, 1:-1, 1:-1], weights, self.input.shape, 1, self.padding - 1)
        return np.roll(narrow, 1, axis=2)


@mutant("the kernel flipped on the way down", "convolution", layers.Conv2d, image, gradients)
class KernelFlipped(layers.Conv2d):
    def transport(self, error, weights):
        return super().transport(error, weights[:, :, ::-1, ::-1])


@mutant("the kernel flipped on the way up, as in a true convolution", "convolution", layers.Conv2d, image,
        assertions.assert_convolves)
class TrueConvolution(layers.Conv2d):
    def forward(self, x, training=True):
        y, self.columns = conv.convolve(x, self.weight[:, :, ::-1, ::-1], self.bias, self.stride, self.padding)
        return y


@mutant("rows and columns of the kernel gradient exchanged", "convolution", layers.Conv2d, image, gradients)
class KernelGradientTransposed(layers.Conv2d):
    def outer(self, signal):
        return super().outer(signal).transpose(0, 1, 3, 2)


@mutant("the bias gradient averaged over positions", "convolution", layers.Conv2d, image, gradients)
class BiasOverPositions(layers.Conv2d):
    def local_gradients(self, error):
        return {"weight": self.outer(error), "bias": error.mean(axis=(2, 3)).sum(axis=0)}


@mutant("overlapping patches overwritten instead of added", "convolution", layers.Conv2d, image, gradients)
class PatchesOverwritten(layers.Conv2d):
    def transport(self, error, weights):
        out, inputs, kh, kw = weights.shape
        N, _, rows, cols = error.shape
        columns = (weights.reshape(out, -1).T @ conv.as_rows(error)).reshape(inputs, kh, kw, rows, cols, N)
        padded = conv.pad(np.zeros((*self.input.shape[1:], N)), self.padding)
        for i, j in np.ndindex(kh, kw):
            conv.tap(padded, i, j, rows, cols, self.stride)[...] = columns[:, i, j]
        H, W = self.input.shape[2:]
        return padded[:, self.padding:self.padding + H, self.padding:self.padding + W].transpose(3, 0, 1, 2)
