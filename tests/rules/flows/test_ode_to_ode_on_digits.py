"""Flows learn the digits without leaving their band; taken apart, they leave it. All in float64."""

import numpy as np
import pytest

from feedbackalign import data, rules
from feedbackalign.data import Batches
from feedbackalign.layers import Linear, MatrixFlow
from feedbackalign.layers.flows import departure
from feedbackalign.networks import Network
from feedbackalign.optimizer import SGD, Adam
from feedbackalign.rules.flows.controls import Constant, NotSkew
from feedbackalign.rules.flows.truths import outside
from feedbackalign.training.loop import train_step
from feedbackalign.training.record import evaluate


def trained(kind, flow="iso", *, seed=0, steps=10, epochs=15, optimizer=None):
    """A network 64-16-10 around such a flow, trained on the digits -> what was seen, over all steps.

    test accuracy; how far ‖λ_0‖ … ‖λ_N‖ left the band, per batch and per sample; the largest entry of WᵀW − I; and
    "not finite" where the flow ended so.
    """
    rng = np.random.default_rng(seed)
    make = {"rng": rng, "dtype": np.float64}
    net = Network([Linear(64, 16, **make), kind(16, steps, flow=flow, **make), Linear(16, 10, **make)])
    digits = data.digits().standardised(std=1)                                  # centred, no more
    rule, optimizer = rules.make("ode-to-ode", net), optimizer or Adam(5e-3)
    batches, layer = Batches(digits.train, 64, rng=np.random.default_rng(seed + 50)), net.layer("flow1")
    seen = {"left": -1.0, "drift": 0.0, "ended": "finite", "inverse": 0.0}
    with np.errstate(all="ignore"):
        try:
            for _ in range(epochs):
                for x, labels in batches:
                    train_step(rule, optimizer, x, labels)
                    lengths = np.linalg.norm(layer.errors, axis=(1, 2))
                    seen["left"] = max(seen["left"], outside(layer, (1, 2)).max(), outside(layer, 2).max())
                    seen["drift"] = max(seen["drift"], *(departure(W) for W in layer.matrices))
                    seen["inverse"] = max(seen["inverse"], float((lengths[-1] / lengths).max()))
            seen["accuracy"] = evaluate(rule, digits.test)[1]
        except FloatingPointError:
            seen["ended"] = "not finite"
    return seen


@pytest.mark.slow
@pytest.mark.parametrize("flow", ["iso", "gated", "free-time"])
@pytest.mark.parametrize("seed", range(3))
def test_a_flow_learns_inside_its_band_and_stays_orthogonal(flow, seed):
    seen = trained(MatrixFlow, flow, seed=seed)
    assert seen["accuracy"] >= 0.93 and seen["drift"] <= 1e-10, seen
    assert seen["left"] <= 1e-12 and seen["inverse"] <= 0.9**-10, seen


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_an_unconstrained_matrix_is_as_accurate_and_leaves_the_band(seed):
    seen = trained(Constant, seed=seed)
    assert seen["accuracy"] >= 0.93 and seen["left"] > 0.2 and seen["drift"] > 0.01, seen


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("steps", [10, 50])
def test_a_flow_that_is_not_skew_drifts_or_ends(seed, steps):
    seen = trained(NotSkew, seed=seed, steps=steps, epochs=15 if steps == 10 else 1)
    assert seen["ended"] == "not finite" or seen["drift"] > 0.01, seen
    assert steps == 10 or seen["ended"] == "not finite", seen


@pytest.mark.slow
def test_a_large_rate_of_plain_sgd_does_not_break_it():
    seen = trained(MatrixFlow, optimizer=SGD(0.3))
    assert seen["accuracy"] >= 0.92 and seen["left"] <= 1e-12, seen
    assert trained(NotSkew, optimizer=SGD(0.3))["drift"] > 0.01


@pytest.mark.slow
def test_fifty_steps_stay_inside_too():
    seen = trained(MatrixFlow, steps=50, epochs=10)
    assert seen["accuracy"] >= 0.91 and seen["left"] <= 1e-12 and seen["drift"] <= 1e-10, seen


def test_two_epochs_stay_inside_their_band():
    """The quick part: the band, the drift and the learning, in a quarter of a second."""
    seen = trained(MatrixFlow, epochs=2)
    assert seen["left"] <= 1e-12 and seen["drift"] <= 1e-10 and seen["accuracy"] > 0.7, seen
    assert trained(NotSkew, epochs=2)["drift"] > 0.01
