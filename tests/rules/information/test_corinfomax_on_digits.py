"""Learning the digits: how well, with what angles, and what it needs. All trainings are slow."""

import warnings

import numpy as np
import pytest

from feedbackalign import data, rules, training
from feedbackalign.networks import mlp
from feedbackalign.optimizer import SGD, MultiStep
from feedbackalign.runs.run import Run

pytestmark = pytest.mark.slow
EPOCH = 60                                                                      # steps


def rows_of(seed, **settings):
    return Run("corinfomax", seed=seed, model="corinfomax", **settings).train()


def test_it_learns_the_digits_and_its_predictors_turn_towards_each_other():
    accuracies = []
    for seed in range(3):
        first, *_, last = rows_of(seed)
        accuracies.append(last["test_accuracy"])
        start, end = first["weight_angle"]["fc2"], last["weight_angle"]["fc2"]
        assert 35 <= end <= 85 and end <= start - 15
    assert min(accuracies) >= 0.93 and np.mean(accuracies) >= 0.945


def test_with_a_frozen_hidden_layer_it_learns_less():
    rates = {"fc1": 0.0, "fc2.weight": 0.1, "fc2.Wb": 0.03}
    frozen, whole = ([rows_of(seed, epochs=12, lr=lr)[-1]["test_accuracy"] for seed in range(3)]
                     for lr in (rates, rates | {"fc1": 0.1}))
    assert np.mean(frozen) <= np.mean(whole) - 0.01


def trained(sizes, *, seed=0, epochs, output_gain=1.0, rates=(2.0, 2.0, 2.0), feedback=0.6, **options):
    """A rule after so many epochs on the digits, and its record."""
    digits = data.digits()
    network = mlp(sizes, activation="hard-sigmoid", loss="squared-error", bias=False, output_gain=output_gain,
                  rng=np.random.default_rng([1, seed]))
    rule = rules.make("corinfomax", network, rng=np.random.default_rng([2, seed]), **options)
    lr = {name: feedback if name.endswith("Wb") else rates[int(name[2]) - 1]
          for name in network.parameters() | rule.parameters()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)                            # some outputs are silent at gain 1
        rows = training.train(rule, digits, SGD(lr), epochs=epochs, batch_size=20, rng=np.random.default_rng([3, seed]),
                              lr_at=MultiStep(lr, tuple(range(EPOCH, EPOCH * epochs, EPOCH)), 0.97))
    return rule, rows


@pytest.mark.parametrize("seed", range(3))
def test_the_hidden_update_starts_across_the_gradient_and_turns_to_it(seed):
    _, rows = trained([64, 100, 10], seed=seed, epochs=8)
    cosines = [np.cos(np.radians(rows[epoch]["update_angle"]["fc1.weight"])) for epoch in (0, 8)]
    assert abs(cosines[0]) < 0.25 and cosines[1] > 0.3


def test_of_two_pairs_of_predictors_the_upper_turns_further():
    _, rows = trained([64, 100, 50, 10], epochs=12)
    angles = rows[-1]["weight_angle"]
    assert angles["fc3"] < angles["fc2"] < 90


@pytest.mark.parametrize("seed", range(2))
def test_sparse_layers_learn_too(seed):
    _, rows = trained([64, 100, 10], seed=seed, epochs=12, output_gain=0.25, sets="sparse")
    assert rows[-1]["test_accuracy"] >= 0.92 and rows[-1]["reference"] == "bptt(30)"


@pytest.mark.parametrize("step_size, learns", [(0.05, True), (0.16, False), (0.3, False)])
def test_steps_above_epsilon_do_not_learn(step_size, learns):
    _, rows = trained([64, 100, 10], epochs=4, output_gain=0.25, step_size=step_size)
    assert (rows[-1]["test_accuracy"] > 0.8) if learns else (rows[-1]["test_accuracy"] < 0.2)


def test_lateral_weights_change_nothing_that_can_be_measured():
    def accuracy(seed, lateral):
        _, rows = trained([64, 100, 10], seed=seed, epochs=6, output_gain=0.25, lateral=lateral)
        return rows[-1]["test_accuracy"]

    accuracies = [[accuracy(seed, lateral) for seed in range(2)] for lateral in ("paper", "none")]
    np.testing.assert_allclose(*accuracies, atol=0.006)                         # two digits of 360
    rule, _ = trained([64, 100, 10], epochs=1, output_gain=0.25)
    x, labels = data.digits().batch(100)
    assert all(row["lateral_share"] < 1e-3 for row in rule.trace(x, labels))


def test_the_angle_to_both_gradients_is_recorded():
    _, last = rows_of(0, epochs=1)
    assert last["reference"] == "implicit"
    assert last["backprop_angle"]["fc1.weight"] > last["update_angle"]["fc1.weight"]
