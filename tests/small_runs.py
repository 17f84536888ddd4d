"""Runs of a few milliseconds: eleven samples, ten parameters or so, and everything that a run of any size has."""

import dataclasses

import numpy as np

from feedbackalign import networks, optimizer, rules, training
from feedbackalign.data import Dataset, Split
from feedbackalign.ops.activations import sigmoid
from tests.rules.tools import family_of, units_for

TIMES = ("seconds", "seconds_per_step")                                 # what may differ between two equal runs


def classification(samples=11, inputs=4, classes=3):
    """Noisy classes: 11 samples make an odd last batch at batch size 4."""
    rng = np.random.default_rng(5)

    def split(count):
        labels = np.arange(count) % classes
        x = rng.normal(size=(count, inputs)) + 2 * np.eye(classes, inputs)[labels]      # (N, inputs)
        return Split(x.astype(np.float32), labels)
    return Dataset("noisy classes", train=split(samples), validation=None, test=split(7), classes=classes)


def regression(samples=11, inputs=4, outputs=3):
    rng = np.random.default_rng(6)
    teacher = rng.normal(size=(outputs, inputs))

    def split(count):
        x = rng.normal(size=(count, inputs))
        return Split(x.astype(np.float32), (x @ teacher.T).astype(np.float32))
    return Dataset("linear teacher", train=split(samples), validation=None, test=split(7), classes=None)


def of_intensities(data):
    """The same samples squeezed into (0, 1)."""
    def squeezed(split):
        return Split(sigmoid(split.x), split.targets)
    return dataclasses.replace(data, train=squeezed(data.train), test=squeezed(data.test))


class SmallRun:
    """A rule, its data, optimiser and stream, made anew and always the same; `train` takes what training.train does.

    Another `draw` gives other weights, other feedback and another order of the samples.
    """

    def __init__(self, rule="pfa", *, opt=None, data=None, draw=0, **options):
        self.data, family = data or classification(), family_of(rule)
        if family == "spiking":
            self.data = of_intensities(self.data)
        loss = "cross-entropy" if self.data.classes and family != "squared error" else "squared-error"
        # A network that settles has its readout outside, and feedback only between two settling layers.
        sizes, weights = [4, 5, 4, 3] if family == "settling" else [4, 5, 3], np.random.default_rng([1, draw])
        self.network = networks.spiking(sizes, rng=weights) if family == "spiking" else \
            networks.mlp(sizes, activation=units_for(rule)[0].kind, loss=loss, rng=weights)
        if "pretraining" in rules.options_of(rule):
            options = {"pretraining": 20} | options
        self.rule = rules.make(rule, self.network, rng=np.random.default_rng([2, draw]), **options)
        self.optimizer = opt or optimizer.SGD(0.05, momentum=0.9, weight_decay=0.01)
        self.rng = np.random.default_rng([3, draw])

    def train(self, epochs=3, **arguments):
        settings = {"batch_size": 4, "rng": self.rng} | arguments
        return training.train(self.rule, self.data, self.optimizer, epochs=epochs, **settings)

    def bytes(self):
        """All that training changed, as {name: bytes}."""
        arrays = {f"network/{name}": array for name, array in self.network.parameters().items()}
        arrays |= {f"rule/{name}": array for name, array in self.rule.state().items()}
        arrays |= {f"optimizer/{name}": array for name, array in self.optimizer.state().items()}
        return {name: array.tobytes() for name, array in arrays.items()} | {"stream": str(self.rng.bit_generator.state)}


class Killed(Exception):
    """Thrown by a test in the middle of a run."""


def kill_at(step):
    """A progress callback that ends the run after this many of its steps (rows are not counted)."""
    left = [step]

    def progress(news):
        if "steps" in news:
            left[0] -= 1
            if left[0] == 0:
                raise Killed
    return progress


def without_times(rows):
    return [{key: value for key, value in row.items() if key not in TIMES} for row in rows]
