"""PyTorch's eager CPU step on the same networks, as a yardstick, where PyTorch is installed."""

import importlib.util

AVAILABLE = importlib.util.find_spec("torch") is not None                      # imported only where it is measured
MISSING = "PyTorch is not installed here: our side alone"
SIDES = ("PyTorch", "PyTorch channels-last")


def step(model, batch, threads, side):
    """A function that takes one training step of the network of this name: SGD with momentum and decay."""
    import torch
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    network, shape = {"digits": (lambda: mlp(64, 64, 64, 64, 10), (64,)), "lenet": (lenet, (1, 32, 32)),
                      "mlp": (lambda: mlp(784, 512, 512, 10), (784,)), "resnet20": (resnet20, (3, 32, 32))}[model]
    network, x, labels = network(), torch.randn(batch, *shape), torch.randint(0, 10, (batch,))
    if side == "PyTorch channels-last" and x.ndim == 4:
        network, x = (thing.to(memory_format=torch.channels_last) for thing in (network, x))
    sgd = torch.optim.SGD(network.parameters(), lr=1e-3, momentum=0.9, weight_decay=1e-4)

    def one():
        sgd.zero_grad()
        loss = torch.nn.functional.cross_entropy(network(x), labels)
        loss.backward()
        sgd.step()
        return loss.item()
    return one


def convolution(channels, size, batch, threads):
    """A 3×3 layer alone: -> forward, backward (kernel gradient and input error)."""
    import torch
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    layer = torch.nn.Conv2d(channels, channels, 3, padding=1, bias=False)
    x = torch.randn(batch, channels, size, size, requires_grad=True)
    error = torch.randn(batch, channels, size, size)
    answer = layer(x)

    def forward():
        with torch.no_grad():
            layer(x)

    return forward, lambda: torch.autograd.grad(answer, (x, layer.weight), error, retain_graph=True)


def mlp(*sizes):
    from torch import nn
    layers = []
    for inputs, outputs in zip(sizes, sizes[1:]):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def lenet():
    from torch import nn
    return nn.Sequential(nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(),
                         nn.MaxPool2d(2), nn.Conv2d(16, 120, 5), nn.ReLU(), nn.Flatten(),
                         nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10))


def resnet20():
    from torch import nn

    class Block(nn.Module):
        def __init__(self, inputs, outputs, stride):
            super().__init__()
            self.branch = nn.Sequential(
                nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(),
                nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs))
            self.stride, self.more = stride, (outputs - inputs) // 2

        def forward(self, x):
            side = x if self.stride == 1 else nn.functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.more, self.more))
            return nn.functional.relu(self.branch(x) + side)

    layers, inputs = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()], 16
    for outputs, stride in ((16, 1), (32, 2), (64, 2)):
        for block in range(3):
            layers.append(Block(inputs, outputs, stride if block == 0 else 1))
            inputs = outputs
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))
