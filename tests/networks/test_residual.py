"""Residual networks: published sizes, exact gradients, and matched feedback through whole networks."""

import numpy as np
import pytest

from feedbackalign import networks, optimizer, rules, training
from feedbackalign.check.gradients import check_gradients
from feedbackalign.layers import Residual, weighted
from feedbackalign.ops.fast import convolution, normalisation, threads


@pytest.mark.parametrize("make, published", [
    (networks.resnet20, 0.27e6), (networks.resnet32, 0.46e6), (networks.resnet44, 0.66e6),
    (networks.resnet56, 0.85e6), (networks.resnet110, 1.7e6), (networks.resnet18, 11.69e6)])
def test_parameter_counts_are_the_published_ones(make, published):
    count = sum(array.size for array in make(rng=np.random.default_rng(0)).parameters().values())
    assert count == pytest.approx(published, rel=0.02)


def tiny(seed, **options):
    rng = np.random.default_rng(seed)
    return networks.resnet20(channels=1, classes=4, size=8, rng=rng, dtype=np.float64, **options)


def batch(seed, N=3):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(N, 1, 8, 8)), rng.integers(0, 4, N)


def test_layers_inside_blocks_are_named_by_their_block():
    net = tiny(0)
    names = [layer.name for layer in net.weighted_layers()]
    assert len(names) == 20 and names[:3] == ["conv1", "block1.conv1", "block1.conv2"] and names[-1] == "fc1"
    assert "block4.shortcut1" in [layer.name for layer in net.all_layers()]
    assert not any(isinstance(layer, Residual) for layer in net.all_layers())
    assert net.shapes["block4.conv1"] == ((16, 8, 8), (32, 4, 4))
    assert "bias" not in net.layer("block1.conv1").parameters()


@pytest.mark.parametrize("entries", [2, pytest.param(20, marks=pytest.mark.slow)])
@pytest.mark.parametrize("option", ["A", pytest.param("B", marks=pytest.mark.slow)])
def test_gradients_through_the_whole_network(option, entries):
    """So many entries of every array; which of them is drawn."""
    x, labels = batch(1)
    check_gradients(tiny(2, option=option), x, labels, rng=np.random.default_rng(3), limit=entries)


@pytest.mark.parametrize("option", ["A", "B"])
def test_the_rules_walk_finds_what_the_layers_own_backward_finds(option):
    net = tiny(4, option=option)
    x, labels = batch(5)
    exact = net.backward(net.loss_error(net.forward(x), labels))
    walked = rules.make("bp", net).gradients(x, labels).grads
    assert sorted(exact) == sorted(walked) == sorted(net.parameters())
    for name in exact:
        np.testing.assert_allclose(walked[name], exact[name], rtol=1e-12, atol=1e-15, err_msg=name)


@pytest.mark.parametrize("rule, options", [("pfa", {"expansion": 2}), ("pfa-o", {}), ("fa", {}), ("kp", {}),
                                           ("wm", {})])
def test_matched_feedback_is_backprop_through_residual_blocks(rule, options):
    net = tiny(6)
    x, labels = batch(7)
    made = rules.make(rule, net, rng=np.random.default_rng(8), **options)
    made.match_to_backprop()
    exact = rules.make("bp", net).gradients(x, labels).grads
    ours = made.gradients(x, labels).grads
    for name, gradient in exact.items():
        assert np.abs(ours[name] - gradient).max() <= 1e-10 * np.abs(gradient).max(), name


def test_closed_form_and_explicit_route_agree_through_training():
    finals = {}
    for route in ("contracted", "closed-form"):
        net = tiny(9)
        rule = rules.make("pfa", net, rng=np.random.default_rng(10), expansion=2, route=route)
        sgd = optimizer.SGD(0.01, momentum=0.9, weight_decay=0.01)
        for step in range(6):
            training.train_step(rule, sgd, *batch(step, N=4))
        finals[route] = {name: array.copy() for name, array in net.parameters().items()}
    for name, array in finals["contracted"].items():
        np.testing.assert_allclose(finals["closed-form"][name], array, rtol=1e-7, atol=1e-9, err_msg=name)


def test_direct_feedback_leaves_the_identity_branches_their_error():
    """What a weighted layer sends down is replaced; the shortcut beside it still adds the block's own error."""
    net = tiny(11)
    x, labels = batch(12)
    rule = rules.make("dfa", net, rng=np.random.default_rng(13))
    for layer in net.weighted_layers():
        rule.set_feedback(layer.name, B=np.zeros_like(rule.B[layer.name]))
    rule.set_feedback("fc1", B=np.random.default_rng(14).normal(size=rule.B["fc1"].shape))
    errors = rule.gradients(x, labels).errors
    assert np.abs(errors["conv1"]).max() > 0            # came down the shortcuts alone


def test_errors_between_weighted_layers_are_let_go():
    """Each is used once, and together they are as large as all activations; weighted layers keep theirs."""
    net = tiny(15)
    x, labels = batch(16)
    errors = rules.make("bp", net).gradients(x, labels).errors
    for layer in net.all_layers():
        assert layer.error is (errors[layer.name] if layer.is_weighted else None), layer.name


@pytest.mark.parametrize("number", ["1", "2"])
@pytest.mark.parametrize("rule", ["bp", "pfa"])
def test_a_step_row_by_row_and_on_threads_is_the_step_of_the_definition(rule, number, monkeypatch):
    """Through 20 layers, float64: what a large batch takes against what a small one takes, and the same bytes twice."""
    def gradients():
        net = tiny(17)
        made = rules.make(rule, net, rng=np.random.default_rng(18), **({"expansion": 2} if rule == "pfa" else {}))
        return made.gradients(*batch(19)).grads

    reference = gradients()
    for module, name in ((weighted, "LARGE"), (convolution, "BLOCK"), (normalisation, "BLOCK")):
        monkeypatch.setattr(module, name, 512)
    monkeypatch.setenv(threads.VARIABLE, number)
    found, again = gradients(), gradients()
    for name, gradient in reference.items():
        assert np.array_equal(found[name], again[name])
        assert np.abs(found[name] - gradient).max() <= 1e-10 * np.abs(gradient).max(), name


def test_resnet18_halves_its_images_five_times():
    network = networks.resnet18(rng=np.random.default_rng(0))
    shapes = network.shapes
    assert repr(network.layer("pool1")) == "MaxPool2d(3, stride=2, padding=1)"
    assert [shapes[name][1] for name in ("conv1", "pool1", "block2", "block4", "block6", "block8")] == [
        (64, 112, 112), (64, 56, 56), (64, 56, 56), (128, 28, 28), (256, 14, 14), (512, 7, 7)]


@pytest.mark.slow
def test_resnet18_takes_a_product_feedback_step_at_full_size():
    rng = np.random.default_rng(0)
    net = networks.resnet18(rng=rng)
    rule = rules.make("pfa-o", net, rng=rng)
    x, labels = rng.standard_normal((2, 3, 224, 224), dtype=np.float32), np.array([3, 997])
    before = net.parameters()["conv1.weight"].copy()
    loss = training.train_step(rule, optimizer.SGD(0.01), x, labels).loss
    assert np.isfinite(loss) and not np.array_equal(before, net.parameters()["conv1.weight"])
    assert all(np.isfinite(array).all() for array in net.parameters().values())
