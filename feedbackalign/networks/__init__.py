"""Networks: a list of layers that a reader can follow, a loss on top, and the exact gradient as a yardstick."""

from feedbackalign.networks import small
from feedbackalign.networks.convolutional import digits_conv, lenet_cifar, lenet_mnist, settling_conv
from feedbackalign.networks.dense import autoencoder, mlp
from feedbackalign.networks.flows import ode_to_ode
from feedbackalign.networks.network import LOSSES, Network
from feedbackalign.networks.residual import resnet18, resnet20, resnet32, resnet44, resnet56, resnet110
from feedbackalign.networks.spikes import spiking

__all__ = ["LOSSES", "Network", "autoencoder", "digits_conv", "lenet_cifar", "lenet_mnist", "mlp",
           "ode_to_ode", "resnet18", "resnet20", "resnet32", "resnet44", "resnet56",
           "resnet110", "settling_conv", "small", "spiking"]
