"""Every measure of alignment against a computation by hand."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedbackalign import alignment, networks, rules
from feedbackalign.layers import Linear
from feedbackalign.networks import Network, mlp
from tests.rules.tools import backprop, conv_case, dense_case, frozen, make

RADIAN = np.degrees(1.0)
seeds = st.integers(0, 2**32 - 1)
scales = st.floats(1e-300, 1e300)


def turned(radians, size, seed):
    """Two vectors at this angle, in random directions of `size` dimensions."""
    basis = np.linalg.qr(np.random.default_rng(seed).normal(size=(size, 2)))[0]
    return basis[:, 0], np.cos(radians) * basis[:, 0] + np.sin(radians) * basis[:, 1]


# ----------------------------------------------------------------------------------------------------------- angle

@given(st.floats(0, np.pi), st.integers(2, 50), seeds)
def test_the_angle_of_two_vectors_turned_by_it(radians, size, seed):
    assert abs(alignment.angle(*turned(radians, size, seed)) - radians * RADIAN) < 1e-13 * 180


@pytest.mark.parametrize("radians", [1e-3, 1e-6, 1e-9, 1e-12])
def test_it_keeps_its_digits_near_0_and_180_degrees(radians):
    """In the plane and along one axis, where the vectors themselves are exact to the last bit."""
    u = np.array([1.0, 0.0])
    for v, expected in [(np.array([1.0, radians]), np.arctan(radians)),
                        (np.array([-1.0, radians]), np.pi - np.arctan(radians))]:
        assert abs(alignment.angle(u, v) - expected * RADIAN) < 1e-13 * (1 if expected < 1 else 180)
    np.testing.assert_allclose(alignment.angle(u, [1.0, radians]), np.arctan(radians) * RADIAN, rtol=1e-6)


def test_exact_values():
    for u, v, degrees in [([1, 0], [1, 0], 0), ([1, 0], [-1, 0], 180), ([1, 0], [0, 1], 90), ([1, 0], [1, 1], 45),
                          ([1, 1, 1], [1, 0, 0], np.arccos(1 / np.sqrt(3)) * RADIAN)]:
        np.testing.assert_allclose(alignment.angle(u, v), degrees, rtol=1e-15, atol=1e-14)
    w = np.random.default_rng(0).normal(size=(30, 40))
    assert alignment.angle(w, w) == 0 and alignment.angle(w, -w) == 180 and alignment.angle(w, 4 * w) == 0


@given(seeds, st.integers(1, 30))
def test_symmetric_and_odd(seed, size):
    u, v = np.random.default_rng(seed).normal(size=(2, size))
    assert alignment.angle(u, v) == alignment.angle(v, u)
    np.testing.assert_allclose(alignment.angle(u, -v), 180 - alignment.angle(u, v), atol=1e-12)
    assert 0 <= alignment.angle(u, v) <= 180


@given(seeds, scales, scales)
def test_lengths_do_not_matter(seed, a, b):
    u, v = np.random.default_rng(seed).normal(size=(2, 12))
    np.testing.assert_allclose(alignment.angle(a * u, b * v), alignment.angle(u, v), rtol=1e-12)


def test_shapes_are_flattened_and_float32_is_measured_in_float64():
    u, v = np.random.default_rng(0).normal(size=(2, 3, 4)).astype(np.float32)
    assert alignment.angle(u, v.reshape(2, 6)) == alignment.angle(u.astype(np.float64), v.ravel())
    assert type(alignment.angle(u, v)) is float


def test_nothing_has_no_direction():
    for u, v in [([0.0, 0], [1, 0]), ([1, 0], [0.0, 0]), ([0, 0], [0, 0])]:
        assert np.isnan(alignment.angle(u, v))


def test_two_sizes_are_refused():
    with pytest.raises(ValueError, match=r"angle: expected u and v of one size, got .* \(2,\) and .* \(3,\)"):
        alignment.angle(np.ones(2), np.ones(3))
    with pytest.raises(TypeError, match="angle: expected an array of real numbers, got complex128 array"):
        alignment.angle(np.ones(2), np.ones(2) * 1j)


def test_an_angle_keeps_its_bits_when_lengths_change_by_powers_of_two():
    u, v = np.random.default_rng(0).normal(size=(2, 5))
    assert alignment.angle(u * 2.0**900, v * 2.0**-900) == alignment.angle(u, v)


# ---------------------------------------------------------------------------------------- of gradients and of errors

@pytest.mark.parametrize("case", [dense_case, conv_case])
def test_update_and_delta_angles_by_hand(case):
    net, x, labels = case()
    rule, exact = make("fa", net), backprop(net, x, labels)
    step = rule.gradients(x, labels)
    assert alignment.update_angles(rule, x, labels) == {
        name: alignment.angle(step.grads[name], exact[name]) for name in exact}
    net.backward(net.loss_error(net.forward(x), labels))
    assert alignment.delta_angles(rule, x, labels) == {
        layer.name: alignment.angle(step.errors[layer.name], layer.error) for layer in net.weighted_layers()}
    assert len(alignment.delta_angles(rule, x, labels)) == 3


def test_they_are_measured_in_float64():
    net, x, labels = dense_case(dtype=np.float32)
    rule = make("fa", net)
    single = alignment.update_angles(rule, x, labels)
    assert alignment.update_angles(make("bp", net), x, labels)["fc1.weight"] == 0.0
    rule.astype(np.float64)
    assert alignment.update_angles(rule, x, labels) == single


def test_the_reference_is_named_and_an_unknown_one_refused():
    net, x, labels = dense_case()
    rule = make("fa", net)
    assert alignment.update_angles(rule, x, labels, to="backprop") == alignment.update_angles(rule, x, labels)
    with pytest.raises(ValueError, match="unknown reference 'backprob': did you mean 'backprop'"):
        alignment.update_angles(rule, x, labels, to="backprob")


def test_a_rules_first_claim_is_taken_unless_another_is_named():
    net, x, labels = dense_case()

    class TwoClaims(type(make("fa", net))):
        def references(self, x, targets):
            own = {name: np.ones_like(array) for name, array in self.network.parameters().items()}
            return {"ones": own} | super().references(x, targets)

    rule = make(TwoClaims, net)
    grads = rule.gradients(x, labels).grads
    own, exact = alignment.update_angles(rule, x, labels), alignment.update_angles(rule, x, labels, to="backprop")
    assert own == {name: alignment.angle(grads[name], np.ones_like(grads[name])) for name in own} != exact


@pytest.mark.parametrize("claims, error, says", [
    ({}, ValueError, "Odd.references: expected at least one {name: gradients}, got none"),
    (None, TypeError, "Odd.references: expected a dict, got None"),
    ({"fc1.weight": np.ones((5, 4))}, TypeError, "Odd.references, fc1.weight: expected a dict, got float64 array"),
    ({"mine": {"fc1.weight": "big"}}, TypeError, "Odd.references, mine: expected an array of real numbers for fc1")])
def test_references_that_are_none_are_refused_by_name(claims, error, says):
    net, x, labels = dense_case()

    class Odd(type(make("fa", net))):
        def references(self, x, targets):
            return claims
    with pytest.raises(error, match=re.escape(says)):
        alignment.update_angles(make(Odd, net), x, labels)


def test_a_parameter_without_gradient_has_no_angle():
    net, x, labels = dense_case()
    net.layer("fc1").bias[...] = -100                               # every unit of the first layer is off
    angles = alignment.update_angles(make("fa", net), x, labels)
    assert np.isnan(angles["fc1.weight"]) and angles["fc3.bias"] == 0


# ------------------------------------------------------------------------------------------- of weights and feedback

def test_weight_angles_and_norm_ratios_by_hand():
    net, x, labels = conv_case()
    fa, pfa = make("fa", net), make("pfa", net)
    for layer in net.weighted_layers():
        name, W = layer.name, layer.weight
        path = np.einsum("om,m...->o...", pfa.B[name], pfa.R[name])
        for rule, feedback in [(fa, fa.B[name]), (pfa, path)]:
            cosine = (W * feedback).sum() / np.sqrt((W**2).sum() * (feedback**2).sum())
            np.testing.assert_allclose(alignment.weight_angles(rule)[name], np.arccos(cosine) * RADIAN, rtol=1e-12)
            np.testing.assert_allclose(alignment.norm_ratios(rule)[name],
                                       np.sqrt((feedback**2).sum() / (W**2).sum()), rtol=1e-12)
    assert alignment.weight_angles(make("wp", net)) == {} == alignment.norm_ratios(make("dfa", net))


def test_a_w_of_zero_has_neither_angle_nor_ratio():
    net, _, _ = dense_case()
    net.layer("fc2").weight[...] = 0
    rule = make("fa", net)
    assert np.isnan(alignment.weight_angles(rule)["fc2"]) and np.isnan(alignment.norm_ratios(rule)["fc2"])


def test_in_float64_is_a_copy():
    net, _, _ = dense_case(dtype=np.float32)
    rule = make("pfa", net)
    before = frozen(rule)
    twin = alignment.in_float64(rule)
    assert twin.R["fc1"].dtype == twin.network.dtype == np.float64 and twin.network is not net
    twin.R["fc1"][...] = 0
    assert frozen(rule) == before


# ------------------------------------------------------------------------------------------------ spectrum and floor

def test_the_spectrum_by_hand():
    B = np.array([[3.0, 4.0, 0.0], [0.0, 0.0, 2.0]])
    np.testing.assert_allclose(alignment.spectrum(B), [4.0, 25.0], rtol=1e-14)
    assert alignment.spectrum(B.astype(np.float32)).dtype == np.float64
    values = alignment.spectrum(np.random.default_rng(0).normal(size=(5, 2)))       # fewer columns than rows
    assert np.abs(values[:3]).max() < 1e-14 < values[3]


@given(seeds)
def test_the_floor_is_the_angle_to_b_b_transposed_w(seed):
    rng = np.random.default_rng(seed)
    B, W = rng.normal(size=(4, 9)), rng.normal(size=(4, 3, 2, 2))
    by_hand = alignment.angle(W, np.einsum("om,pm,pcij->ocij", B, B, W))
    np.testing.assert_allclose(alignment.path_floor(B, W), by_hand, rtol=1e-10)
    Q = np.linalg.qr(B.T)[0].T                                                      # orthonormal rows
    assert alignment.path_floor(Q, W) < 1e-12


# ------------------------------------------------------------------------------------------------------- reciprocity

def one_layer(W):
    layer = Linear(W.shape[1], W.shape[0], rng=np.random.default_rng(0), dtype=np.float64)
    layer.weight[...] = W
    return Network([layer])


def test_the_share_counts_connected_forward_pairs_alone():
    W = np.array([[1.0, 2.0, 0.0], [-1.0, 0.0, 3.0]])
    B = np.array([[5.0, 0.0, 7.0], [-5.0, 9.0, 1.0]])
    rule = make("fa", one_layer(W))
    rule.set_feedback("fc1", B=B)
    share, correlation = alignment.reciprocity(rule)["fc1"]
    assert share == 3 / 4                                           # 4 forward synapses, one without an answer
    np.testing.assert_allclose(correlation, np.corrcoef([1.0, -1.0, 3.0], [5.0, -5.0, 1.0])[0, 1], rtol=1e-14)


def test_the_correlation_of_w_with_itself_its_mirror_and_nothing():
    W = np.random.default_rng(0).normal(size=(4, 3))
    rule = make("fa", one_layer(W))
    for B, share, correlation in [(W, 1.0, 1.0), (-2 * W, 1.0, -1.0), (3 * W + 1, 1.0, 1.0)]:
        rule.set_feedback("fc1", B=B)
        measured = alignment.reciprocity(rule)["fc1"]
        assert measured[0] == share and abs(measured[1] - correlation) < 1e-14
    lonely = np.zeros((4, 3))
    for B in (lonely, np.ones((4, 3)), np.where(W == W[0, 0], 1.0, 0.0)):       # none, no spread, a single pair
        rule.set_feedback("fc1", B=B)
        share, correlation = alignment.reciprocity(rule)["fc1"]
        assert share == (B != 0).mean() and np.isnan(correlation)


def test_a_layer_without_synapses_has_share_0():
    assert alignment.reciprocity(make("fa", one_layer(np.zeros((2, 3)))))["fc1"][0] == 0


@pytest.mark.parametrize(("name", "shares"), [
    ("bp", (1, 1, 1)), ("fa", (1, 1, 1)), ("usf", (1, 1, 1)), ("frsf", (1, 1, 1)), ("brsf", (1, 1, 1)),
    ("kp", (1, 1, 1)), ("wm", (1, 1, 1)), ("pfa-i", (1, 1, 1)), ("pfa", (0, 0, 0)), ("pfa-o", (0, 0, 0)),
    ("dfa", (0, 0, 1)), ("wp", (0, 0, 0)), ("np", (0, 0, 0))])
@pytest.mark.parametrize("case", [dense_case, conv_case])
def test_who_needs_connections_in_both_directions(name, shares, case):
    net, _, _ = case()
    assert tuple(share for share, _ in alignment.reciprocity(make(name, net)).values()) == shares


def test_a_sparse_feedback_answers_a_share_of_the_pairs():
    net, _, _ = dense_case(sizes=(80, 60, 40))
    for density in (0.5, 0.1):
        for name, expected in [("fa", density), ("kp", density), ("usf", density), ("pfa-i", density**2)]:
            share, _ = alignment.reciprocity(make(name, net, density=density))["fc1"]
            assert abs(share - expected) < (0.1 if name == "pfa-i" else 0.03)       # a whole row of its R hangs on a B


def test_what_is_measured_on_has_no_memory_and_takes_none_away():
    """The memory of a large network's last pass would make a float64 copy several times as large."""
    net = networks.mlp([4, 3, 2], rng=np.random.default_rng(0))
    rule = rules.make("fa", net, rng=np.random.default_rng(1))
    rule.gradients(np.ones((5, 4), np.float32), np.zeros(5, np.int64))
    before = [(layer.input, layer.error) for layer in net.all_layers()]
    copied = alignment.in_float64(rule)
    assert all(layer.input is None and layer.error is None for layer in copied.network.all_layers())
    assert copied.network.dtype == np.float64 and rule.network.dtype == np.float32
    after = [(layer.input, layer.error) for layer in net.all_layers()]
    assert all(x is y for one, other in zip(before, after) for x, y in zip(one, other)) and before[0][0] is not None


def test_a_gradient_that_is_rounding_has_no_angle():
    """A bias under batch normalisation moves nothing, and what its gradient shows is the order of a sum."""
    net = mlp([5, 4, 3], batch_norm=True, rng=np.random.default_rng(0))
    for layer in net.weighted_layers():
        layer.bias = np.zeros(len(layer.weight), dtype=net.dtype) if layer.bias is None else layer.bias
    rng = np.random.default_rng(1)
    x, labels = rng.normal(size=(8, 5)), rng.integers(3, size=8)
    rule = make("fa", net)
    angles = alignment.update_angles(rule, x, labels)
    assert np.isnan(angles["fc1.bias"]) and 0 < angles["fc1.weight"] < 180 and angles["fc2.bias"] < 1e-9
    assert alignment.angles_between({"fc1.weight": np.zeros(2)}, {"fc1.weight": np.ones(2)}).keys() == {"fc1.weight"}


@pytest.mark.parametrize("size", [1e-170, 1e160])
def test_what_is_measured_does_not_depend_on_the_size_of_the_weights(size):
    rule = make("fa", mlp([5, 4, 3], rng=np.random.default_rng(0), dtype=np.float64))
    B, W = np.random.default_rng(1).normal(size=(4, 9)), np.random.default_rng(2).normal(size=(4, 3))

    def measured(size):
        return [alignment.norm_ratios(rule), alignment.weight_angles(rule), alignment.reciprocity(rule),
                {"floor": alignment.path_floor(size * B, size * W),
                 "distance": alignment.relative_distance({"a": size * W}, {"a": 3 * size * W})},
                alignment.angles_between({"a.w": size * W, "a.b": size * W[0]},
                                         {"a.w": size * B[:, :3], "a.b": size * W[1]})]

    before = measured(1.0)
    for array in (*rule.network.parameters().values(), *rule.constants().values()):
        array *= size
    for mine, theirs in zip(measured(size), before):
        for name, value in theirs.items():
            np.testing.assert_allclose(mine[name], value, rtol=1e-9, err_msg=name)
