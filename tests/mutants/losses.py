"""Mistakes in the loss: its error, and the one place that divides by N."""

import numpy as np

from feedbackalign.networks import Network
from tests.mutants.table import gradients, mutant, network, squared_network


@mutant("no 1/N anywhere", "loss", Network, network, gradients)
class SumOverBatch(Network):
    def loss_error(self, output, targets):
        return self.sample_errors(output, targets)


@mutant("1/N twice", "loss", Network, network, gradients)
class MeanTwice(Network):
    def loss_error(self, output, targets):
        return super().loss_error(output, targets) / len(output)


@mutant("1/classes in place of 1/N", "loss", Network, network, gradients)
class MeanOverClasses(Network):
    def loss_error(self, output, targets):
        return self.sample_errors(output, targets) / output.shape[1]


class OtherErrors(Network):
    """The right losses, and errors that a subclass gets wrong."""

    def sample_losses_and_errors(self, output, targets):
        losses, errors = super().sample_losses_and_errors(output, targets)
        return losses, self.wrong(output, targets, errors)


@mutant("softmax without minus onehot", "loss", Network, network, gradients)
class NoOneHot(OtherErrors):
    def wrong(self, output, targets, errors):
        raised = np.exp(output - output.max(axis=1, keepdims=True))
        return raised / raised.sum(axis=1, keepdims=True)


@mutant("the error of logits that never met a softmax", "loss", Network, network, gradients)
class NoSoftmax(OtherErrors):
    def wrong(self, output, targets, errors):
        return output - np.eye(output.shape[1])[targets]


@mutant("twice the error of half a square", "loss", Network, squared_network, gradients)
class NoHalf(OtherErrors):
    def wrong(self, output, targets, errors):
        return 2.0 * errors


@mutant("target minus output", "loss", Network, squared_network, gradients)
class DeltaUpsideDown(OtherErrors):
    def wrong(self, output, targets, errors):
        return -errors
