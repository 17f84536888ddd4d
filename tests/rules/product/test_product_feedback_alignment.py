"""Product feedback alignment hop by hop: its two equations, how B and R are drawn, and the floor of the path angle."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedbackalign import alignment
from feedbackalign.networks import mlp
from feedbackalign.rules.product.product_feedback_alignment import ProductFeedbackAlignment
from tests.rules.tools import (assert_close, backprop, conv_case, dense_case, distance, echo_of,
                               errors_before_and_after, frozen, make, replace_weights, train)
from tests.strategies import networks_with_batch

RNG = np.random.default_rng


def two_hop(net, **options):
    return ProductFeedbackAlignment(net, rng=RNG(1000), route="two-hop", **options)


def wide(expansion=10, density=1.0, seed=0):
    """A rule on a single wide layer, 256 -> 100, as in the authors' figure 3."""
    net = mlp([256, 100], rng=RNG(seed), dtype=np.float64)
    return make("pfa", net, seed=seed + 1000, expansion=expansion, density=density)


# ------------------------------------------------------------------------------------------------------- equations

@given(networks_with_batch(), st.integers(1, 4))
def test_with_orthonormal_rows_in_b_and_r_the_mirror_of_w_it_is_backprop(case, expansion):
    net, x, labels, rng = case
    rule = two_hop(net, expansion=expansion)
    for layer in net.weighted_layers():
        out, mid = rule.B[layer.name].shape
        B = np.linalg.qr(rng.normal(size=(mid, mid)))[0][:out]                  # (out, mid), B Bᵀ = I
        rule.set_feedback(layer.name, B=B, R=np.einsum("om,o...->m...", B, layer.weight))
    assert_close(rule.gradients(x, labels).grads, backprop(net, x, labels))


@given(networks_with_batch(), st.integers(1, 4))
def test_r_learns_by_the_middle_population_times_the_activity_it_lands_on(case, expansion):
    """∂R = (e B)ᵀ x, which is Bᵀ ∂W: no error at the middle population is needed."""
    net, x, labels, _ = case
    rule = two_hop(net, expansion=expansion)
    step = rule.gradients(x, labels)
    for layer in net.weighted_layers():
        B, dW = rule.B[layer.name], step.grads[f"{layer.name}.weight"]
        assert distance(step.grads[f"{layer.name}.R"], np.einsum("om,o...->m...", B, dW)) <= 1e-12


def test_the_formula_by_hand():
    net, x, labels = dense_case(activation="identity")
    rule = two_hop(net)
    step = rule.gradients(x, labels)
    e3 = net.loss_error(net.forward(x), labels)
    e2 = (e3 @ rule.B["fc3"]) @ rule.R["fc3"]                                   # (N, 3) -> (N, 30) -> (N, 4)
    e1 = (e2 @ rule.B["fc2"]) @ rule.R["fc2"]                                   # (N, 4) -> (N, 40) -> (N, 5)
    assert_close(step.errors, {"fc3": e3, "fc2": e2, "fc1": e1}, 1e-14)
    assert_close(step.grads, {"fc1.weight": e1.T @ x, "fc1.R": (e1 @ rule.B["fc1"]).T @ x}, 1e-14)


@given(networks_with_batch())
def test_errors_do_not_notice_what_happens_to_w_after_the_forward_pass(case):
    net, x, labels, rng = case
    before, after = errors_before_and_after(two_hop(net), x, labels, lambda: replace_weights(net, rng))
    assert frozen(before) == frozen(after)


# ------------------------------------------------------------------------------------------------ how it is drawn

def test_shapes_of_b_and_r():
    net, _, _ = conv_case()
    rule = two_hop(net, expansion=5)
    assert {name: B.shape for name, B in rule.B.items()} == {"conv1": (3, 15), "conv2": (4, 20), "fc1": (3, 15)}
    assert {name: R.shape for name, R in rule.R.items()} == {
        "conv1": (15, 2, 3, 2), "conv2": (20, 3, 3, 2), "fc1": (15, net.layer("fc1").weight.shape[1])}
    for name in ("pfa-o", "pfa-i"):
        for layer in net.weighted_layers():
            out = len(layer.weight)
            rule = make(name, net)
            assert rule.B[layer.name].shape == (out, out) and rule.R[layer.name].shape == layer.weight.shape


@pytest.mark.parametrize(("expansion", "density"), [(1, 1.0), (10, 1.0), (10, 0.5), (10, 0.1), (3, 0.3)])
def test_entries_of_b_have_variance_one_over_mid_times_density(expansion, density):
    B = wide(expansion, density).B["fc1"]
    mid, kept = 100 * expansion, B[B != 0]
    assert abs(kept.size / B.size - density) < 0.02
    assert abs(np.mean(kept**2) * mid * density - 1) < 0.03
    assert np.abs(kept).max() <= np.sqrt(3 / (mid * density))                   # uniform
    assert abs(np.mean(np.diag(B @ B.T)) - 1) < 0.03                            # E[B Bᵀ] = I


def test_r_is_xavier_uniform_over_its_own_shape_and_knows_nothing_of_w():
    net = mlp([300, 40], rng=RNG(0), dtype=np.float64)
    rule = two_hop(net, expansion=10)
    bound = np.sqrt(6 / (300 + 400))
    assert 0.99 * bound < np.abs(rule.R["fc1"]).max() <= bound
    assert abs(alignment.weight_angles(rule)["fc1"] - 90) < 2
    conv = two_hop(conv_case()[0], expansion=10).R["conv2"]                     # (40, 3, 3, 2)
    assert np.abs(conv).max() <= np.sqrt(6 / (3 * 6 + 40 * 6))


@pytest.mark.parametrize("expansion", [0, -1, 2.5, "ten", True])
def test_an_expansion_outside_its_range_is_refused(expansion):
    with pytest.raises((ValueError, TypeError), match="expansion: expected an integer of at least 1"):
        make("pfa", dense_case()[0], expansion=expansion)


# ------------------------------------------------------------------------------------------------------- the floor

FLOORS = {1: (44.98, 0.45), 10: (17.55, 0.19), 100: (5.71, 0.04)}               # degrees: mean, deviation over draws


@pytest.mark.parametrize("expansion", [1, 10, pytest.param(100, marks=pytest.mark.slow)])
def test_the_floor_of_the_path_angle_is_arctan_of_one_over_root_r(expansion):
    mean, deviation = FLOORS[expansion]
    rules = [wide(expansion, seed=seed) for seed in range(5)]
    floors = [alignment.path_floor(rule.B["fc1"], rule.network.layer("fc1").weight) for rule in rules]
    assert abs(np.degrees(np.arctan(1 / np.sqrt(expansion))) - mean) < 0.1
    assert max(abs(floor - mean) for floor in floors) < 4 * deviation


@pytest.mark.parametrize("expansion", [1, 4, 10])
def test_the_spectrum_of_b_is_marchenko_and_pasturs(expansion):
    """Eigenvalues of B Bᵀ: mean 1, variance 1/r, between (1 − 1/√r)² and (1 + 1/√r)²."""
    values = alignment.spectrum(wide(expansion).B["fc1"])
    assert values.shape == (100,) and (np.diff(values) >= 0).all()
    assert abs(values.mean() - 1) < 0.02
    assert abs(values.var() * expansion - 1) < 0.1
    assert values.min() > (1 - 1 / np.sqrt(expansion))**2 - 0.05
    assert values.max() < (1 + 1 / np.sqrt(expansion))**2 + 0.2
    assert np.abs(alignment.spectrum(make("pfa-o", dense_case()[0]).B["fc1"]) - 1).max() < 1e-14


def masked_difference(rule):
    return {layer.name: rule.R_masks[layer.name] * (
        rule.R[layer.name] - np.tensordot(rule.B[layer.name].T, layer.weight, axes=1))
        for layer in rule.network.weighted_layers()}


@pytest.mark.parametrize("density", [0.5, 0.2])
@pytest.mark.parametrize("case", [dense_case, conv_case])
def test_on_a_masked_r_the_difference_still_fades_by_one_scalar(case, density):
    """SGD works entry by entry: mask ∘ (R − BᵀW) = c · mask ∘ (R_0 − BᵀW_0), so R comes to be mask ∘ BᵀW exactly."""
    net, x, labels = case()
    rule = two_hop(net, density=density)
    start = masked_difference(rule)
    c = echo_of(train(rule, x, labels, 60), 0.9)
    assert abs(c) < 0.99
    assert_close(masked_difference(rule), {key: c * D for key, D in start.items()}, 1e-12)


def sparse_floor(out, r, of_B, of_R):
    """(degrees, norm ratio) of the path B (mask ∘ BᵀW) for random W, B kept with density `of_B`, R with `of_R`.

    The path is d·W (d = of_R) plus noise: from the out − 1 other rows of B, variance d/mid each, and from B's own row,
    (1.8 d/of_B − d²)/mid, a uniform entry's kurtosis being 1.8. For wide layers the former wins: arctan(1/√(r d)).
    """
    d, mid = of_R, r * out
    noise = ((out - 1) * d + 1.8 * d / of_B - d**2) / mid
    return np.degrees(np.arctan(np.sqrt(noise) / d)), np.sqrt(d**2 + noise)


@pytest.mark.parametrize("density", [0.5, 0.1, 0.05])
def test_the_floor_of_a_sparse_path_rises_and_its_norm_falls(density):
    rule = wide(10, density)
    W, B, mask = rule.network.layer("fc1").weight, rule.B["fc1"], rule.R_masks["fc1"]
    rule.set_feedback("fc1", R=mask * (B.T @ W))
    degrees, ratio = sparse_floor(100, 10, density, density)
    assert abs(alignment.weight_angles(rule)["fc1"] - degrees) < 1
    assert abs(alignment.norm_ratios(rule)["fc1"] / ratio - 1) < 0.03


def test_a_wide_layers_sparse_floor_is_arctan_of_one_over_root_r_d():
    """The paper's densities: 24° and .55 at .5, 45° and .14 at .1, 55° and .09 at .05 (r = 10)."""
    for density, degrees, ratio in [(0.5, 24, 0.55), (0.1, 45, 0.14), (0.05, 55, 0.09)]:
        wide_layer = sparse_floor(10**6, 10, density, density)
        assert abs(wide_layer[0] - np.degrees(np.arctan(1 / np.sqrt(10 * density)))) < 0.01
        assert abs(wide_layer[0] - degrees) < 0.5 and abs(wide_layer[1] - ratio) < 0.005


@pytest.mark.parametrize("density", [0.5, 0.1, 0.05])
def test_with_b_alone_masked_the_floor_hardly_moves(density):
    """The entries that are left are larger by as much as they are fewer."""
    rule = wide(10, density)
    floor = alignment.path_floor(rule.B["fc1"], rule.network.layer("fc1").weight)
    assert abs(floor - sparse_floor(100, 10, density, 1.0)[0]) < 0.8
    assert 17 < sparse_floor(512, 10, density, 1.0)[0] < 18.2
