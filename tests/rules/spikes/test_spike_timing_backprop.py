"""relpsp, and every other rule of the table on networks of neurons that fire once."""

import numpy as np
import pytest
from hypothesis import given, settings

from feedbackalign import alignment, networks, rules
from feedbackalign.layers import Linear, SpikeTimes, TimesToLogits
from feedbackalign.networks import Network
from feedbackalign.networks.chains import UnfitNetworkError
from feedbackalign.optimizer import SGD
from feedbackalign.rules.base import NEEDS
from feedbackalign.rules.spikes import truths
from feedbackalign.rules.spikes.spike_timing_backprop import SpikeTimingBackprop
from feedbackalign.training.loop import train_step
from tests.rules.tools import assert_close, backprop, dense_case, distance, frozen, make, spiking_case, wrong_truths
from tests.strategies import seeds, spiking_networks_with_batch

WORKING = ("bp", "ode-to-ode", "fa", "dfa", "drtp", "top-only", "kp", "wp", "relpsp")
OFF = {"silent_push": None, "slope_floor": None}


def hardly_firing(seed=0, t_max=3.0):
    """(net, x, labels) with many silent neurons, some of them outputs of the right class, and small S."""
    rng = np.random.default_rng(seed)
    net = networks.spiking([8, 12, 12, 4], t_max=t_max, rng=rng, dtype=np.float64)
    for layer in net.weighted_layers():
        layer.weight[::2] -= layer.weight[::2].mean(axis=1, keepdims=True)
    return net, rng.random((10, 8)), rng.integers(4, size=10)


# ---------------------------------------------------------------------------------------------------- the rule itself

@given(spiking_networks_with_batch())
def test_with_both_options_off_it_is_backprop(case):
    net, x, labels, rng = case
    rule = rules.make("relpsp", net, rng=rng, **OFF)
    assert_close(rule.gradients(x, labels).grads, backprop(net, x, labels), 1e-15)
    angles = alignment.update_angles(rule, x, labels).values()
    assert all(degrees == 0 or np.isnan(degrees) for degrees in angles)                 # nan: all of it silent


@given(spiking_networks_with_batch())
def test_what_the_push_and_the_floor_add(case):
    """By hand, layer by layer: 1/S clipped in both equations, and the silent neurons' shortfall."""
    net, x, labels, rng = case
    kappa, floor = float(rng.uniform(0.1, 2.0)), float(rng.uniform(0.05, 1.5))
    step = rules.make("relpsp", net, rng=rng, silent_push=kappa, slope_floor=floor).gradients(x, labels)
    error = net.layers[-1].backward(net.loss_error(net.forward(x), labels))
    top = net.weighted_layers()[-1]
    for layer in reversed(net.weighted_layers()):
        t, before = layer.input, layer.causal_set()                                     # (N, in), (N, out, in)
        clipped = error / np.maximum(layer.slopes, floor)                               # (N, out)
        lag = np.where(before, np.where(np.isfinite(layer.spikes), layer.spikes, 0.0)[:, :, None]
                       - np.where(np.isfinite(t), t, 0.0)[:, None, :], 0.0)
        silent = np.isinf(layer.spikes)
        if layer is top:
            silent &= np.eye(net.outputs, dtype=bool)[labels]
        shortfall = np.maximum(layer.t_max - np.where(np.isfinite(t), t, np.inf), 0.0) / layer.t_max
        expected = -np.einsum("no,noi->oi", clipped, lag) - kappa / len(x) * silent.T @ shortfall
        assert distance(step.grads[f"{layer.name}.weight"], expected) <= 1e-12
        assert distance(step.errors[layer.name], error) <= 1e-12
        error = np.einsum("no,oi,noi->ni", clipped, layer.weight, before)


def test_a_silent_output_is_pushed_only_for_its_own_class():
    net, x, labels = hardly_firing()
    labels[:] = 2
    rule = make("relpsp", net, slope_floor=None)
    step, exact = rule.gradients(x, labels), backprop(net, x, labels)
    assert np.isinf(net.layer("spike3").spikes).all(axis=0).tolist() == [True, False, True, False]
    pushed = (step.grads["spike3.weight"] != exact["spike3.weight"]).any(axis=1)
    assert pushed.tolist() == [False, False, True, False]


def test_a_push_wakes_neurons_that_backprop_leaves_silent():
    shares = {}
    for name in ("bp", "relpsp"):
        net, x, labels = hardly_firing()
        rule, sgd = make(name, net), SGD(lr=0.05)
        for _ in range(40):
            train_step(rule, sgd, x, labels)
        shares[name] = np.isinf(net.layer("spike1").spikes).mean()
    assert shares["relpsp"] < 0.1 and shares["bp"] > 0.3


def test_its_first_reference_is_the_exact_gradient():
    net, x, labels = hardly_firing()
    rule = make("relpsp", net)
    (name, reference), = rule.references(x, labels).items()
    assert name == "backprop"
    assert_close(reference, backprop(net, x, labels), 1e-15)
    assert max(alignment.update_angles(rule, x, labels).values()) > 1                   # here push and floor bend it


def test_the_trace_says_how_every_layer_fires():
    net, x, labels = hardly_firing()
    rows = make("relpsp", net).trace(x, labels)
    net.forward(x)
    for row in rows:
        layer = net.layer(row["layer"])
        fired, came = np.isfinite(layer.spikes), np.isfinite(layer.input)
        pairs = [layer.input[n, j] < layer.spikes[n, i] for n, i, j in np.ndindex(*layer.causal_set().shape)
                 if fired[n, i] and came[n, j]]
        assert row["silent_share"] == pytest.approx(1 - fired.mean()) and row["silent_share"] > 0.1
        assert row["causal_share"] == pytest.approx(np.mean(pairs)) and 0.1 < row["causal_share"] < 1
        assert row["smallest_slope"] == layer.slopes.min() > 0
    net.layer("spike3").weight[...] = -1.0                                              # no output fires at all
    top = make("relpsp", net).trace(x, labels)[0]
    assert (top["silent_share"], top["causal_share"], top["smallest_slope"]) == (1.0, None, None)


def test_what_it_refuses():
    with pytest.raises(UnfitNetworkError, match=r"fc1 cannot be taken: expected layers of spike times alone") as error:
        make("relpsp", dense_case()[0])
    assert "--model spiking" in error.value.hint
    mixed = Network([SpikeTimes(3, 2, rng=np.random.default_rng(0)), TimesToLogits(4.0),
                     Linear(2, 2, rng=np.random.default_rng(0))])
    with pytest.raises(UnfitNetworkError, match="fc1 cannot be taken"):
        make("relpsp", mixed)
    squared = Network([SpikeTimes(3, 2, rng=np.random.default_rng(0)), TimesToLogits(4.0)], loss="squared-error")
    with pytest.raises(UnfitNetworkError, match="squared error cannot be taken"):
        make("relpsp", squared)
    for option, bad in (("silent_push", -1.0), ("slope_floor", 0.0), ("slope_floor", -0.1), ("silent_push", np.inf)):
        with pytest.raises(ValueError, match=f"{option}: expected a finite number"):
            make("relpsp", spiking_case()[0], **{option: bad})


@given(seeds)
@settings(max_examples=15)
def test_its_own_truths_hold(seed):
    assert wrong_truths(SpikeTimingBackprop, SpikeTimingBackprop.own_truths, seed) == []


class PushesDown(SpikeTimingBackprop):
    def push(self, layer):
        push = super().push(layer)
        return None if push is None else -push


class PushesEveryOutput(SpikeTimingBackprop):
    def push(self, layer):
        return None if self.silent_push is None else np.isinf(layer.spikes) * self.silent_push / len(layer.spikes)


class PushesTheSum(SpikeTimingBackprop):
    def push(self, layer):
        push = super().push(layer)
        return None if push is None else push * len(push)


class CannotBeSwitchedOff(SpikeTimingBackprop):
    def local_gradients(self, layer, error):
        return layer.local_gradients(error, 0.5)


class Accepted(SpikeTimingBackprop):
    """The same rule under another name."""


@pytest.mark.parametrize("wrong", [PushesDown, PushesEveryOutput, PushesTheSum, CannotBeSwitchedOff])
def test_wrong_rules_are_rejected(wrong):
    assert wrong_truths(Accepted, [truths.what_is_added]) == []
    assert wrong_truths(wrong, [truths.what_is_added]) != []


# ---------------------------------------------------------------------------------------- all rules on such a network

@pytest.mark.parametrize("name", ["fa", "kp"])
@given(case=spiking_networks_with_batch())
def test_with_b_equal_to_w_it_is_backprop_through_spikes_too(name, case):
    net, x, labels, _ = case
    rule = make(name, net)
    for layer in net.weighted_layers():
        rule.set_feedback(layer.name, B=layer.weight)
    assert_close(rule.gradients(x, labels).grads, backprop(net, x, labels), 1e-13)


@pytest.mark.parametrize("name", rules.TABLE)
def test_every_rule_takes_spike_times_or_refuses_them_by_name(name):
    net, x, labels = spiking_case(dtype=np.float32)
    if name not in WORKING:
        with pytest.raises(UnfitNetworkError, match=r"^(code1|spike1|logits1) cannot "):
            make(name, net)
        return
    rule = make(name, net)
    before = frozen(net.parameters())
    for _ in range(3):
        step = train_step(rule, SGD(lr=0.01), x, labels)
        assert all(g.dtype == np.float32 and np.isfinite(g).all() for key, g in step.grads.items() if "echo" not in key)
    assert frozen(net.parameters()) != before and net.dtype == np.float32


@pytest.mark.parametrize("name, needs", [("pfa", "mix_outputs"), ("pfa-o", "mix_outputs"), ("pfa-i", "mix_outputs"),
                                         ("np", "noise"), ("wm", "respond"), ("usf", "init"), ("brsf", "init"),
                                         ("frsf", "init")])
def test_what_a_layer_of_spikes_lacks_is_named(name, needs):
    net, _, _ = spiking_case()
    with pytest.raises(UnfitNetworkError, match=rf"spike1 cannot be taken: the rule needs {NEEDS[needs]}, which Spike"):
        make(name, net)
    assert needs in net.layer("spike1").lacks and needs in rules.find(name).needs


def test_feedback_is_drawn_by_the_layers_own_initialiser():
    net = networks.spiking([200, 100, 10], rng=np.random.default_rng(0), dtype=np.float64)
    B = make("fa", net).B["spike1"]
    assert B.mean() * 201 == pytest.approx(3, abs=0.3) and B.std() * 201**0.5 == pytest.approx(1, abs=0.03)
    assert not np.array_equal(B, net.layer("spike1").weight)
