"""Weight mirror: B's fixed point is W, for kernels of any padding and stride too."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedbackalign import alignment, layers
from feedbackalign.networks import Network
from feedbackalign.ops.convolution import tap_counts
from feedbackalign.optimizer import SGD
from feedbackalign.training.loop import train_step
from tests.rules.tools import (CONVOLUTIONS, conv_case, dense_case, distance,
                               errors_before_and_after, frozen, make, replace_weights)
from tests.strategies import networks_with_batch


@given(networks_with_batch())
def test_errors_do_not_notice_what_happens_to_w_after_the_forward_pass(case):
    net, x, labels, rng = case
    before, after = errors_before_and_after(make("wm", net), x, labels, lambda: replace_weights(net, rng))
    assert frozen(before) == frozen(after)


def test_one_mirror_phase_by_hand():
    net, x, labels = dense_case()
    rule = make("wm", net, mirror_rate=0.1, sigma=0.5)
    B, W = rule.B["fc2"].copy(), net.layer("fc2").weight
    stream = np.random.default_rng(5)
    rule.rng = np.random.default_rng(5)
    rule.mirror(net.layer("fc2"), (7, 5))
    noise = 0.5 * stream.standard_normal((7, 5))                                # (N, in), deviation σ
    expected = (1 - 0.1 * 0.25) * B + 0.1 * (noise @ W.T).T @ noise / 7
    np.testing.assert_allclose(rule.B["fc2"], expected, rtol=1e-13)


@pytest.mark.parametrize("sigma", [0.5, 1.0, 2.0])
def test_the_fixed_point_is_w_itself_whatever_sigma_is(sigma):
    """At B = W the mirror phase leaves B where it is on average: within 5 standard errors of the mean push."""
    net, _, _ = dense_case()
    rule, layer, pushes = make("wm", net, sigma=sigma, mirror_rate=0.02), net.layer("fc1"), []
    for _ in range(2000):
        rule.set_feedback("fc1", B=layer.weight)
        rule.mirror(layer, (20, 6))
        pushes.append(rule.B["fc1"] - layer.weight)
    error = np.std(pushes, axis=0) / np.sqrt(len(pushes))
    assert (np.abs(np.mean(pushes, axis=0)) < 5 * error).all()


@pytest.mark.parametrize(("stride", "padding"), CONVOLUTIONS)
def test_a_kernel_is_mirrored_tap_by_tap(stride, padding):
    """Kernel entries meet real pixels at different numbers of positions; each is averaged over its own."""
    rng = np.random.default_rng(0)
    layer = layers.Conv2d(2, 3, (4, 3), stride=stride, padding=padding, rng=rng, dtype=np.float64)
    net = Network([layer, layers.Tanh(), layers.GlobalAvgPool2d()], input_shape=(2, 5, 5))
    rule = make("wm", net, mirror_rate=0.01)
    used = np.broadcast_to(tap_counts((5, 5), (4, 3), stride, padding) > 0, layer.weight.shape)
    for _ in range(1500):
        rule.mirror(layer, (20, 2, 5, 5))
    assert alignment.angle(rule.B["conv1"][used], layer.weight[used]) < 5
    assert abs(np.linalg.norm(rule.B["conv1"][used]) / np.linalg.norm(layer.weight[used]) - 1) < 0.05


def test_without_the_division_by_taps_b_could_not_be_parallel_to_w():
    """The plain sum over positions has the expectation counts ∘ W, which is far from W with padding and stride."""
    layer = layers.Conv2d(2, 3, 3, stride=2, padding=1, rng=np.random.default_rng(0), dtype=np.float64)
    counts = tap_counts((4, 4), (3, 3), 2, 1)
    assert len(np.unique(counts)) > 1
    assert alignment.angle(counts * layer.weight, layer.weight) > 12
    noise, total, mean = np.random.default_rng(1).normal(size=(20000, 2, 4, 4)), 0, 0
    for part in np.split(noise, 10):
        answer = layer.respond(part)
        total = total + layer.outer(answer, part)
        mean = mean + layer.correlate(answer, part) / 10
    assert alignment.angle(total, counts * layer.weight) < 2 < 12 < alignment.angle(total, layer.weight)
    assert alignment.angle(mean, layer.weight) < 2


def test_the_answer_has_no_bias_and_no_nonlinearity():
    net, _, _ = dense_case()
    layer = net.layer("fc1")
    layer.bias[...] = 5
    noise = np.random.default_rng(0).normal(size=(9, 6))
    np.testing.assert_array_equal(layer.respond(noise), noise @ layer.weight.T)


def test_it_follows_a_w_that_learns():
    net, x, labels = conv_case()
    rule, optimizer = make("wm", net, mirror_rate=0.05), SGD(lr=0.02)
    before = alignment.weight_angles(rule)
    for _ in range(300):
        train_step(rule, optimizer, x, labels)
    after = alignment.weight_angles(rule)
    assert min(before.values()) > 60 and max(after.values()) < 35


def test_the_mirror_phase_follows_the_update_on_a_stream_of_its_own():
    net, x, labels = dense_case()
    rule = make("wm", net)
    held = frozen(rule.plastic())
    stream = frozen(rule.rng)
    rule.gradients(x, labels)
    assert frozen(rule.plastic()) == held and frozen(rule.rng) == stream
    train_step(rule, SGD(lr=0.1), x, labels)
    assert frozen(rule.plastic()) != held and frozen(rule.rng) != stream
    assert not rule.parameters() and set(rule.plastic()) == {"fc1.B", "fc2.B", "fc3.B"}


def test_a_masked_b_becomes_the_masked_w():
    net, _, _ = dense_case()
    rule = make("wm", net, density=0.5, mirror_rate=0.01)
    for _ in range(1500):
        rule.mirror(net.layer("fc1"), (20, 6))
    mask = rule.B_masks["fc1"]
    assert alignment.angle(rule.B["fc1"], mask * net.layer("fc1").weight) < 6
    assert not rule.B["fc1"][~mask].any()


@given(rate=st.sampled_from([0, -0.1, 1, 1.5, np.nan, "fast"]))
def test_a_mirror_rate_outside_its_range_is_refused(rate):
    with pytest.raises((ValueError, TypeError), match=r"mirror_rate: expected a finite number in \(0, 1\)"):
        make("wm", dense_case()[0], mirror_rate=rate)


def test_a_sigma_that_would_make_b_explode_is_refused():
    for sigma, says in [(0, "sigma: expected"), (-1, "sigma: expected"), (8.0, "mirror_rate · sigma²")]:
        with pytest.raises(ValueError, match=says):
            make("wm", dense_case()[0], sigma=sigma)
    net, _, _ = dense_case()
    rule = make("wm", net, sigma=7.0)                               # .98: nearly all of B is replaced every time
    for _ in range(50):
        rule.mirror(net.layer("fc1"), (50, 6))
    assert np.isfinite(rule.B["fc1"]).all() and distance(rule.B["fc1"], net.layer("fc1").weight) < 3
