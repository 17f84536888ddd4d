"""Spiking layers: codes, times and logits, their backward passes, and what they refuse."""

import copy

import numpy as np
import pytest
from hypothesis import given

from feedbackalign import check, layers, networks
from feedbackalign.networks import Network
from tests.rules.tools import frozen
from tests.strategies import seeds, spiking_networks_with_batch


def made(inputs=5, outputs=4, seed=0, **options):
    return layers.SpikeTimes(inputs, outputs, rng=np.random.default_rng(seed), dtype=np.float64, **options)


def times(N=3, inputs=5, seed=1):
    return np.random.default_rng(seed).random((N, inputs))


@given(spiking_networks_with_batch())
def test_gradients_of_whole_networks_are_central_differences(case):
    """Entries whose step changes who comes first, or who fires, are told apart."""
    net, x, labels, rng = case
    try:
        assert check.check_gradients(net, x, labels, rng=rng, limit=60).worst <= 1e-6
    except check.GradientError as error:                                        # nearly all of it silent, or at kinks
        assert "lie at kinks" in str(error)


def test_ten_twelve_eleven_four():
    rng = np.random.default_rng(2)
    net = networks.spiking([10, 12, 11, 4], t_max=6.0, beta=1.0, rng=rng, dtype=np.float64)
    x, labels = rng.random((6, 10)), rng.integers(4, size=6)
    report = check.check_gradients(net, x, labels, rng=rng)
    assert report.worst <= 1e-6 and report.compared > 200


@pytest.mark.parametrize("layer", [layers.LatencyCode(), layers.LatencyCode(2.0, zero_silent=False)], ids=repr)
def test_gradients_of_the_code(layer):
    x = np.random.default_rng(0).uniform(0.1, 0.9, size=(4, 3))
    assert check.check_gradients(layer, x).compared == x.size


def test_intensities_become_times():
    x = np.array([[1.0, 0.0, 0.25]])
    assert layers.LatencyCode(2.0).forward(x).tolist() == [[0.0, np.inf, 1.5, 0.0]]
    assert layers.LatencyCode(2.0, zero_silent=False).forward(x).tolist() == [[0.0, 2.0, 1.5, 0.0]]
    code = layers.LatencyCode(2.0)
    code.forward(x)
    assert code.backward(np.array([[1.0, 2.0, 3.0, 4.0]])).tolist() == [[-2.0, 0.0, -6.0]]     # none from silence


def test_times_become_logits():
    readout = layers.TimesToLogits(4.0, beta=2.0)
    assert readout.forward(np.array([[1.5, np.inf, 0.0]])).tolist() == [[-3.0, -8.0, 0.0]]
    assert readout.backward(np.array([[1.0, 1.0, -1.0]])).tolist() == [[-2.0, 0.0, 2.0]]


def test_the_earliest_output_is_the_answer_and_a_later_target_is_pulled_down():
    """∂L/∂t_i = β (1[i = y] − p_i): the opposite sign of a logit's."""
    net = networks.spiking([4, 5, 3], beta=2.0, rng=np.random.default_rng(0), dtype=np.float64)
    x, labels = np.random.default_rng(1).random((6, 4)), np.array([0, 1, 2, 0, 1, 2])
    output = net.forward(x)
    fired = np.where(np.isfinite(net.layer("spike2").spikes), net.layer("spike2").spikes, 4.0)
    np.testing.assert_array_equal(output.argmax(axis=1), fired.argmin(axis=1))
    net.backward(net.sample_errors(output, labels))
    p = np.exp(-2.0 * fired) / np.exp(-2.0 * fired).sum(axis=1, keepdims=True)
    expected = 2.0 * (np.eye(3)[labels] - p)
    silent = np.isinf(net.layer("spike2").spikes)
    np.testing.assert_allclose(net.layer("spike2").error, np.where(silent, 0.0, expected), atol=1e-14)


def test_the_layers_of_the_list_and_the_shapes_of_their_weights():
    net = networks.spiking([64, 32, 16, 10], t_max=6.0, rng=np.random.default_rng(0))
    assert [layer.name for layer in net.layers] == ["code1", "spike1", "spike2", "spike3", "logits1"]
    shapes = {name: array.shape for name, array in net.parameters().items()}
    assert shapes == {"spike1.weight": (32, 65), "spike2.weight": (16, 32), "spike3.weight": (10, 16)}
    assert net.input_shape == (64,) and net.outputs == 10 and net.dtype == np.float32
    weight = net.layer("spike1").weight
    assert abs(weight.mean() * 65 - 3) < 0.5 and abs(weight.std() * 65**0.5 - 1) < 0.05


def test_an_error_through_other_weights_keeps_slopes_and_causal_set():
    layer, t = made(threshold=0.5), times()
    layer.forward(t)
    error, B = np.random.default_rng(3).normal(size=(3, 4)), np.random.default_rng(4).normal(size=(4, 5))
    expected = np.einsum("no,oi,noi->ni", error / layer.slopes, B, layer.causal_set())
    np.testing.assert_allclose(layer.transport(error, B), expected, rtol=1e-13, atol=1e-15)
    layer.weight[...] = 0.0                                                     # nothing of W is read on the way down
    np.testing.assert_allclose(layer.transport(error, B), expected, rtol=1e-13, atol=1e-15)
    assert (~layer.causal_set()).any()


def test_floor_and_push_are_arguments_and_leave_no_trace_in_the_layer():
    layer, t = made(threshold=0.5), times()
    layer.forward(t)
    error, floor = np.random.default_rng(3).normal(size=(3, 4)), float(np.median(layer.slopes))
    before = frozen(layer)
    floored = layer.local_gradients(error, slope_floor=floor)["weight"]
    down = layer.transport(error, layer.weight, slope_floor=floor)
    assert frozen(layer) == before
    scaled = error * layer.slopes / np.maximum(layer.slopes, floor)             # a clip of each neuron's 1/S
    np.testing.assert_allclose(floored, layer.local_gradients(scaled)["weight"], rtol=1e-12)
    np.testing.assert_allclose(down, layer.transport(scaled, layer.weight), rtol=1e-12)
    assert not np.allclose(floored, layer.local_gradients(error)["weight"])


def test_a_silent_neuron_has_no_error_and_no_gradient():
    layer = made(t_max=2.0)
    layer.weight[1] = -1.0
    answer = layer.forward(times())
    assert np.isinf(answer[:, 1]).all() and np.isfinite(answer[:, 0]).all()
    down = layer.backward(np.ones((3, 4)))
    assert np.isfinite(down).all() and not layer.gradients["weight"][1].any() and layer.gradients["weight"][0].any()


@given(seeds)
def test_float32_is_float64_rounded(seed):
    net = networks.spiking([6, 5, 3], rng=np.random.default_rng(seed))
    wide, x = copy.deepcopy(net).astype(np.float64), np.random.default_rng([seed, 1]).random((4, 6), np.float32)
    ours, exact = net.forward(x), wide.forward(x.astype(np.float64))
    assert ours.dtype == net.layer("spike1").input.dtype == net.layer("spike1").spikes.dtype == np.float32
    steep = min(layer.slopes.min() for layer in wide.weighted_layers())
    same = all(np.array_equal(a.causal_set(), b.causal_set()) for a, b in zip(net.weighted_layers(),
                                                                             wide.weighted_layers()))
    if same and steep > 0.05:
        np.testing.assert_allclose(ours, exact, atol=5 * 1e-6 / steep**2)
        assert all(g.dtype == np.float32 for g in net.backward(np.ones_like(ours)).values())


# ---------------------------------------------------------------------------------------------------- what is refused

def refused(make, says, error=ValueError):
    with pytest.raises(error, match=says):
        make()


def test_named_errors():
    rng = np.random.default_rng(0)
    refused(lambda: layers.LatencyCode().forward(np.array([[0.5, 1.5]])), r"0 to 1, got 1.5 at index \(0, 1\); divide")
    refused(lambda: layers.LatencyCode().forward(np.array([[-0.1]])), "from 0 to 1, got -0.1")
    refused(lambda: layers.LatencyCode().forward(np.array([[np.nan]])), "from 0 to 1, got nan")
    refused(lambda: layers.LatencyCode(0.0), "window: expected a finite number")
    refused(lambda: made().forward(np.full((2, 5), np.inf)), "got none: not one neuron .* fired .* a lower threshold")
    refused(lambda: made().forward(np.array([[0.0, np.nan, 0, 0, 0]])), "expected times of spikes .* got nan")
    refused(lambda: made(threshold=0.0), r"threshold: expected a finite number in \(0, inf\), got 0.0")
    refused(lambda: made(threshold=-1.0), "threshold: expected")
    refused(lambda: made(t_max=0.0), "t_max: expected")
    refused(lambda: made(t_max="4"), "t_max: expected", TypeError)
    refused(lambda: made(kernel="alpha"), "t_max: expected a finite number with the alpha kernel")
    refused(lambda: made(kernel="alphas", t_max=4.0), "unknown kernel 'alphas': did you mean 'alpha'")
    refused(lambda: made(kernel="alpha", t_max=4.0, tau=0.0), "tau: expected")
    refused(lambda: layers.TimesToLogits(np.inf), "t_max of the readout: expected a finite number")
    refused(lambda: layers.TimesToLogits(4.0, beta=0.0), "beta: expected")
    refused(lambda: networks.spiking([4, 2], t_max=np.inf, rng=rng), "t_max of the readout: expected a finite number")
    refused(lambda: networks.spiking([4, 2], t_max=1.0, rng=rng), r"encoding window: expected .* \(1, inf\), got 1.0")
    refused(lambda: networks.spiking([4], rng=rng), "sizes: expected at least 2")
    refused(lambda: networks.spiking([4, 3, 2], rng=None), "expected rng=numpy.random.Generator", TypeError)
    refused(lambda: Network([made(5, 4), made(5, 3)]), "spike2: expected 5 inputs per sample, got shape")


def test_a_sample_without_spikes_is_silent_among_others():
    t = times()
    t[1] = np.inf
    answer = made().forward(t)
    assert np.isinf(answer[1]).all() and np.isfinite(answer[0]).all()
