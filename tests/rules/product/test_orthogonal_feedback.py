"""The two variants with B Bᵀ = I: how B is drawn, what they share with others, and the options that they have."""

import numpy as np
import pytest

from feedbackalign import alignment, rules
from tests.rules.tools import assert_close, conv_case, dense_case, make


def test_orthogonal_and_identity_b():
    net, _, _ = dense_case()
    for layer in net.weighted_layers():
        out = len(layer.weight)
        B = make("pfa-o", net).B[layer.name]
        np.testing.assert_allclose(B @ B.T, np.eye(out), atol=1e-14)
        assert np.abs(B - np.eye(out)).max() > 0.1
        rule = make("pfa-i", net)
        assert np.array_equal(rule.B[layer.name], np.eye(out))
        rule.match_to_backprop()
        assert np.array_equal(rule.B[layer.name], np.eye(out))                  # its middle population stays a copy


def test_pfa_with_identity_b_is_kolen_pollack():
    net, x, labels = conv_case()
    rule, kp = make("pfa-i", net), make("kp", net)
    for layer in net.weighted_layers():
        kp.set_feedback(layer.name, B=rule.R[layer.name])
    ours, theirs = rule.gradients(x, labels), kp.gradients(x, labels)
    assert_close(ours.grads, {key.replace(".B", ".R"): g for key, g in theirs.grads.items()}, 1e-14)


def test_no_pair_of_neurons_is_connected_both_ways():
    net, _, _ = conv_case()
    for name, share in [("pfa", 0.0), ("pfa-o", 0.0), ("pfa-i", 1.0)]:
        assert {s for s, _ in alignment.reciprocity(make(name, net)).values()} == {share}


@pytest.mark.parametrize("name", ["pfa-o", "pfa-i"])
def test_the_middle_population_is_as_large_as_the_output(name):
    net, _, _ = dense_case()
    assert rules.options_of(name) == {"density": 1.0, "route": None}
    with pytest.raises(TypeError, match="expansion"):
        rules.find(name)(net, rng=np.random.default_rng(0), expansion=3)
    rule = make(name, net, density=0.5, route="two-hop")
    assert rule.density == 0.5 and rule.masks() and rule.expansion == 1
