"""Rules that learn from the difference of two states: in float32 they learn what they learn in float64."""

import numpy as np
import pytest

from feedbackalign import alignment, rules
from feedbackalign.networks import mlp
from feedbackalign.rules.control.analytic_feedback_control import AnalyticFeedbackControl
from feedbackalign.rules.targets.target_rule import TargetRule
from tests.rules.tools import make

DIFFERENCES = [name for name, kind in rules.TABLE.items()
               if issubclass(kind, AnalyticFeedbackControl) or issubclass(kind, TargetRule) and name != "tp"]
AUTHORS = (3.40e-4, 1.35e-4)                        # target steps of their programs, divided by their 128 samples


def gaps(name, size, **options):
    """Every gradient's relative distance from float64's, at output errors of this length: {"fc1.weight": float, …}."""
    rng = np.random.default_rng(0)
    rule = make(name, mlp([30, 24, 24, 24, 5], activation="tanh", loss="squared-error", rng=rng), **options)
    x, error = rng.normal(size=(16, 30)).astype(np.float32), rng.normal(size=(16, 5))
    targets = (rule.predict(x) + size * error / np.linalg.norm(error, axis=1, keepdims=True)).astype(np.float32)
    found, exact = (kind.gradients(x, targets).grads for kind in (rule, alignment.in_float64(rule)))
    assert {gradient.dtype for gradient in found.values()} == {np.dtype(np.float32)}
    return {key: np.linalg.norm(found[key] - exact[key]) / np.linalg.norm(exact[key]) for key in exact}


def test_these_are_they():
    assert DIFFERENCES == ["dfc", "dfc-ss", "dfc-ssa", "dtp", "dtp-drl", "ddtp-linear", "ddtp-rhl", "ddtp-control",
                           "gnt"]


@pytest.mark.parametrize("name", DIFFERENCES)
def test_in_float32_small_errors_teach_what_they_teach_in_float64(name):
    assert max(gaps(name, 1e-3).values()) < 1e-3


@pytest.mark.parametrize("name", DIFFERENCES)
@pytest.mark.parametrize("size", [1e-3, 1e-4, 1e-5])
def test_only_the_outputs_own_rounding_is_left_as_in_backprop(name, size):
    assert max(gaps(name, size).values()) < 1.5 * max(gaps("bp", size).values())


@pytest.mark.parametrize("name", [name for name in DIFFERENCES if name != "gnt"])           # it has no target step
@pytest.mark.parametrize("step", AUTHORS)
def test_the_authors_target_steps_are_taken_in_float32(name, step):
    assert max(gaps(name, 1e-2, target_step=step).values()) < 1e-3


@pytest.mark.parametrize("signal", ["rates", "voltages", "slopes"])
@pytest.mark.parametrize("name", ["dfc", "dfc-ss", "dfc-ssa"])
def test_so_does_every_signal_of_the_controller(name, signal):
    assert max(gaps(name, 1e-3, signal=signal, own_rates=True).values()) < 1e-3
