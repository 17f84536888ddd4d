"""What persistence shows of networks that learnt the digits, and what it does not. Adam at 1e-3, pixels in [0, 1]."""

import numpy as np
import pytest

from feedbackalign import networks, persistence
from feedbackalign.figures import detection_power_rows
from feedbackalign.figures.experiments.detection_power import classifier


def positions(network):
    return [layer["position"] for layer in persistence.persistence_row(network, epoch=30)["layers"].values()]


@pytest.mark.slow
def test_a_linear_layer_is_arranged_and_those_of_a_deep_network_hardly():
    for seed in range(3):
        (linear,) = positions(classifier([], 30, seed)[0])
        deep = positions(classifier([100, 100, 100], 30, seed)[0])
        assert linear >= 0.06, seed
        assert len(deep) == 4 and max(map(abs, deep)) <= 0.06, seed


@pytest.mark.slow
def test_noise_is_detected_by_the_paths_and_not_by_the_output():
    power = {}
    rows = detection_power_rows(seeds=3, noise=(0.0, 0.1), others=(("salt and pepper", 0.1), ("blur", 0.35)),
                                witnesses=("softmax", "dgp", "dgp_var"))
    for row in rows:
        power.setdefault((row["corruption"], row["strength"], row["witness"]), []).append(100 * row["power"])
    assert min(power["noise", 0.1, "dgp_var"]) >= 60
    assert all(paths - output >= 50 for paths, output in zip(power["noise", 0.1, "dgp_var"],
                                                             power["noise", 0.1, "softmax"]))
    for witness in ("softmax", "dgp", "dgp_var"):
        assert max(power["noise", 0.0, witness]) <= 8                   # false alarms
        assert max(power["blur", 0.35, witness]) <= 20                  # none of them sees it
    assert all(paths < output for paths, output in zip(power["salt and pepper", 0.1, "dgp_var"],
                                                       power["salt and pepper", 0.1, "softmax"]))


def test_rescaling_layers_moves_neural_persistence_but_no_answer_or_path():
    network, data, _ = classifier([100, 100, 100], 5, seed=0)
    network.astype(np.float64)
    answers, measured, x = [], [], data.test.x.astype(np.float64)
    for factors in ((1.0, 1.0), (5.0, 0.2)):
        for layer, factor in zip(network.weighted_layers(), factors):
            layer.weight[...] *= factor
        network.layer("fc1").bias[...] *= factors[0]                    # ReLU units: fc2 sees 5 times as much
        answers.append(network.forward(x))
        weights = [layer.weight for layer in network.weighted_layers()]
        measured.append((persistence.network_persistence(weights)[0], persistence.deep_graph_persistence(weights)))
    np.testing.assert_allclose(answers[1], answers[0], rtol=0, atol=1e-12 * np.abs(answers[0]).max())
    (before, paths), (after, same_paths) = measured
    assert abs(after - before) > 0.2 * before and abs(same_paths - paths) < 1e-12


def test_persistence_follows_the_tail_of_the_weights():
    """One weight set to three times the largest moves the number of the whole layer; the arrangement moves nothing."""
    network = networks.mlp([64, 100, 10], rng=np.random.default_rng(0), init="xavier-normal", dtype=np.float64)
    W = network.layer("fc1").weight
    before, shuffled = persistence.neural_persistence(W), np.random.default_rng(1).permutation(W.ravel())
    assert abs(persistence.neural_persistence(shuffled.reshape(W.shape)) - before) < 0.02
    W[0, 0] = 3 * np.abs(W).max()
    assert persistence.neural_persistence(W) - before > 0.2
