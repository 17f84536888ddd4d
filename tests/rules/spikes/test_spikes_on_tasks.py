"""Spike times at work: XOR, the digits, and the ramp beside a kernel that decays. Long trainings at fixed seeds."""

import numpy as np
import pytest

from feedbackalign import layers, rules, runs
from feedbackalign.figures.experiments import spike_kernels
from feedbackalign.networks import Network
from feedbackalign.optimizer import Adam
from feedbackalign.training.loop import train_step


def learns_xor(seed):
    """3-4-2: input 1 spikes at 0, input 0 at 1, and the reference at 0."""
    weights, own = (np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(2))
    make = {"t_max": 10.0, "rng": weights, "dtype": np.float64}
    net = Network([layers.LatencyCode(zero_silent=False), layers.SpikeTimes(3, 4, **make),
                   layers.SpikeTimes(4, 2, **make), layers.TimesToLogits(10.0, beta=3.0)], input_shape=(2,))
    x, labels = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]), np.array([0, 1, 1, 0])
    rule, adam = rules.make("relpsp", net, rng=own), Adam(2e-2)
    for _ in range(1500):
        train_step(rule, adam, x, labels)
    return bool((rule.predict(x).argmax(axis=1) == labels).all())


@pytest.mark.slow
def test_most_seeds_learn_xor():
    assert sum(learns_xor(seed) for seed in range(10)) >= 7


@pytest.mark.slow
def test_the_digits_by_spike_times():
    ends = sorted(runs.Run("relpsp", model="spiking", seed=seed).train()[-1]["test_accuracy"] for seed in range(5))
    assert ends[2] >= 0.93 and ends[0] >= 0.90


@pytest.mark.slow
def test_a_decaying_kernel_is_harder_to_train():
    """The same weights and batches. A gradient's peak is the largest |∂W| of a run over the median of its steps."""
    rows = spike_kernels.spike_kernels_rows(seeds=3)
    ends = {(row["kernel"], row["seed"]): row for row in rows if row["epoch"] == 8}
    peaks = spike_kernels.peaks(rows)
    assert np.median([ends["ramp", seed]["test_accuracy"] for seed in range(3)]) >= 0.88
    for seed in range(3):
        ramp, alpha = ends["ramp", seed], ends["alpha", seed]
        assert ramp["test_accuracy"] >= 0.75                                    # without a push an output may be lost
        assert alpha["test_accuracy"] <= ramp["test_accuracy"] - 0.2
        assert alpha["silent_share"]["spike1"] > ramp["silent_share"]["spike1"]
        assert peaks["alpha", seed] >= 2 * peaks["ramp", seed]
    assert np.median([peaks["alpha", seed] / peaks["ramp", seed] for seed in range(3)]) >= 4
