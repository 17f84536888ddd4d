"""The settings of the two papers, on a small network: first weights, pooling, rates and decay by layer."""

import numpy as np

from feedbackalign import alignment, layers, rules, training
from feedbackalign.networks import Network
from feedbackalign.optimizer import SGD
from feedbackalign.runs.run import Run
from tests.rules.tools import assert_close, frozen


def images(pool, unit, init):
    """(net, x, labels): two convolutions at 3×3, each pooled, and a readout, on 8×8 images, three alike a class."""
    rng = np.random.default_rng(0)
    make = {"rng": rng, "init": init, "dtype": np.float64}
    net = Network([layers.Conv2d(1, 4, 3, padding=1, **make), pool(2), unit(),
                   layers.Conv2d(4, 8, 3, padding=1, **make), pool(2), unit(),
                   layers.Flatten(), layers.Linear(32, 3, **make)], input_shape=(1, 8, 8))
    labels = np.repeat(np.arange(3), 3)
    return net, (rng.random((3, 1, 8, 8)) > 0.5)[labels] * rng.uniform(0.8, 1.0, size=(9, 1, 8, 8)), labels


def test_equilibrium_propagation_of_2021():
    net, x, labels = images(layers.MaxPool2d, layers.SoftClip, "pytorch-default")
    rule = rules.make("ep", net, rng=np.random.default_rng(1), beta=1.0, free_steps=250, nudged_steps=25,
                      sweep="synchronous")
    sgd = SGD({"conv1": 0.25, "conv2": 0.15, "fc1": 0.05}, momentum=0.9, weight_decay=3e-4)
    angles = alignment.update_angles(rule, x, labels, to="implicit")
    assert max(degrees for name, degrees in angles.items() if name.endswith("weight")) < 30
    losses = [training.train_step(rule, sgd, x, labels).loss for _ in range(4)]
    assert losses == sorted(losses, reverse=True) and max(rule.residuals.running["free"]) < 1e-6


def test_holomorphic_equilibrium_propagation_with_homeostasis_of_2023():
    """B has the rate and the decay of the layer that it belongs to; the readout decays twice as fast as the others."""
    net, x, labels = images(layers.SoftmaxPool2d, layers.DSiLU, "lecun-normal")
    rule = rules.make("hep-homeo", net, rng=np.random.default_rng(1), angle=0.0, mode="tangent", coefficient=15.0,
                      free_steps=250, nudged_steps=40, damping=0.0)
    rates, decays = {"conv1": 0.175, "conv2": 0.105, "fc1": 0.035}, {"conv1": 1e-4, "conv2": 1e-4, "fc1": 2e-4}
    parameters = net.parameters() | rule.parameters()
    before = {name: array.copy() for name, array in parameters.items()}
    sgd = SGD(rates, momentum=0.9, weight_decay=decays)
    first = training.train_step(rule, sgd, x, labels)
    assert first.grads.keys() == before.keys() and "conv2.B" in before
    assert_close(parameters, {
        name: array - rates[name.split(".")[0]] * (first.grads[name] + decays[name.split(".")[0]] * array)
        for name, array in before.items()})
    losses = [first.loss, *(training.train_step(rule, sgd, x, labels).loss for _ in range(3))]
    assert losses == sorted(losses, reverse=True) and max(rule.residuals.running["free"]) < 1e-6


def test_a_run_takes_rates_and_decay_by_layer_and_a_rate_of_0_keeps_a_layer_as_it_was():
    settings = {"model": "settling", "init": "pytorch-default", "hidden": (12, 10), "epochs": 1, "batch_size": 200,
                "lr": {"fc1": 0.0, "fc2": 0.15, "fc3": 0.05}, "decay": {"fc1": 3e-4, "fc2": 3e-4, "fc3": 6e-4}}
    run = Run("ep", **settings)
    rule, data, sgd, stream = run.build()
    start = frozen(rule.network.layer("fc1").parameters())
    assert rule.network.layer("fc1").bias.any(), "the biases are drawn, too"
    rows = training.train(rule, data, sgd, epochs=1, batch_size=200, rng=stream, lr_at=run.lr_at(rule, len(data.train)),
                          decay_at=run.decay_at(rule))
    assert frozen(rule.network.layer("fc1").parameters()) == start
    assert rows[-1]["weight_decay"] == settings["decay"] and rows[-1]["lr"] == settings["lr"]
    assert run.train()[-1]["test_accuracy"] == rows[-1]["test_accuracy"]
