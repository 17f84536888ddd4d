"""Layers: parameters, and what the last forward and backward pass saw.

Every layer has `forward(x)` and `backward(error)`, the error being ∂L/∂(its output). After a pass its memory lies
open in plainly named attributes: `layer.input`, `layer.error`, and for parameters `layer.gradients`.
Images are (N, C, H, W).
"""

from feedbackalign.layers.base import Layer
from feedbackalign.layers.flows import MatrixFlow
from feedbackalign.layers.normalisation import BatchNorm1d, BatchNorm2d
from feedbackalign.layers.pooling import POOLINGS, AvgPool2d, Flatten, GlobalAvgPool2d, MaxPool2d, SoftmaxPool2d
from feedbackalign.layers.residual import PaddedShortcut, Residual
from feedbackalign.layers.spikes import LatencyCode, SpikeTimes, TimesToLogits
from feedbackalign.layers.units import (ACTIVATIONS, Absolute, DSiLU, HardSigmoid, Identity, LeakyReLU, ReLU, Sigmoid,
                                        Sine, SoftClip, Softplus, SteepSigmoid, Tanh)
from feedbackalign.layers.weighted import Conv2d, Linear, WeightedLayer

__all__ = ["ACTIVATIONS", "POOLINGS", "Absolute", "AvgPool2d", "BatchNorm1d", "BatchNorm2d", "Conv2d", "DSiLU",
           "Flatten", "GlobalAvgPool2d", "HardSigmoid", "Identity", "LatencyCode", "Layer", "LeakyReLU", "Linear",
           "MatrixFlow", "MaxPool2d", "PaddedShortcut", "ReLU", "Residual", "Sigmoid", "Sine", "SoftClip",
           "SoftmaxPool2d", "Softplus", "SpikeTimes", "SteepSigmoid", "Tanh", "TimesToLogits", "WeightedLayer"]
