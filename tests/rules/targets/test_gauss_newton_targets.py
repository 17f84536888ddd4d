"""The ideal targets: where they lead the output, what they leave alone, and when they are no descent."""

import copy

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from feedbackalign import alignment
from feedbackalign.alignment import angle
from feedbackalign.networks import mlp
from feedbackalign.networks.jacobians import (damped_pinv, dense_chain, forward, post_jacobians, pre_jacobians, slopes,
                                              times)
from tests.networks.test_jacobians import matrices
from tests.rules.tools import backprop, dense_case, make
from tests.strategies import dense_networks_with_batch, seeds


def narrowing(seed, activation, *, N=1, scale=1.0):
    """(net, x, labels): every layer at most as wide as the one below, singular values in [0.5, 2]: full row rank."""
    rng = np.random.default_rng(seed)
    sizes = sorted(rng.integers(2, 9, size=5), reverse=True)
    net = mlp(sizes, activation=activation, rng=rng, dtype=np.float64)
    for layer in net.weighted_layers():
        layer.weight[...] = matrices(rng, 1, *layer.weight.shape, len(layer.weight))[0]
        layer.bias[...] = 0.1 * rng.normal(size=len(layer.bias))
    return net, scale * rng.normal(size=(N, sizes[0])), rng.integers(sizes[-1], size=N)


def moved(net, x, labels, gamma=0.0, target_step=0.1):
    """(stages, pass, errors e, moves) of gnt; the moves scaled to this step."""
    rule = make("gnt", net, gamma=gamma)
    seen = forward(rule.stages, x)
    error = net.sample_errors(seen.output, labels)
    return rule.stages, seen, error, rule.moves(seen, -target_step * error)


@given(seed=seeds, activation=st.sampled_from(["identity", "leaky-relu", "softplus"]))
def test_the_layers_above_made_linear_lead_exactly_to_the_output_target(seed, activation):
    """J (ĥ − h) = −λ e, wherever J has full row rank."""
    net, x, labels = narrowing(seed, activation, N=3)
    stages, seen, error, moves = moved(net, x, labels)
    for J, move in zip(post_jacobians(stages, seen), moves):
        s = np.linalg.svd(J, compute_uv=False)
        cond = float((s[:, 0] / s[:, -1]).max())
        if cond < 1e6:                                      # beyond it small singular values begin to count as zero
            np.testing.assert_allclose(times(J, move), -0.1 * error, rtol=0, atol=1e-10 * cond)


@given(seed=seeds)
def test_one_layers_update_moves_a_linear_output_straight_along_the_error(seed):
    """By −λ ‖h_{i−1}‖² e exactly; backprop's update moves it along −J Jᵀ e."""
    net, x, labels = narrowing(seed, "identity")
    stages, seen, error, moves = moved(net, x, labels)
    turned = []
    for place, (stage, move) in enumerate(zip(stages, moves)):
        below, J = seen.post[place], post_jacobians(stages, seen)[place]
        for direction, step in (("newton", move), ("backprop", -0.1 * times(J.swapaxes(1, 2), error))):
            other = copy.deepcopy(net)
            other.layer(stage.name).weight += step.T @ below
            shift = other.forward(x) - seen.output
            if direction == "newton":
                np.testing.assert_allclose(shift, -0.1 * (below**2).sum() * error, rtol=0,
                                           atol=1e-12 * max(1.0, (below**2).sum() * np.abs(move).max()))
            else:
                turned.append(angle(shift, -error))
    assert len(turned) == len(stages) - 1


def test_backprops_update_alone_turns_the_output_away_from_the_error():
    net, x, labels = narrowing(5, "identity")
    stages, seen, error, _ = moved(net, x, labels)
    turned = [angle(times(J, times(J.swapaxes(1, 2), error)), error) for J in post_jacobians(stages, seen)[:-1]]
    assert max(turned) > 10


@given(seed=seeds, activation=st.sampled_from(["identity", "tanh", "softplus"]), gamma=st.sampled_from([0.0, 0.1]))
def test_no_part_of_the_update_leaves_the_output_as_it_is(seed, activation, gamma):
    """D_i J_hi^†γ e lies in the rows of J_i = J_hi D_i: it has no part in the null space of J_W, whatever the units."""
    net, x, labels = narrowing(seed, activation)
    stages, seen, error, moves = moved(net, x, labels, gamma)
    for J, slope, move in zip(pre_jacobians(stages, seen), slopes(stages, seen), moves):
        s = np.linalg.svd(J, compute_uv=False)
        signal = slope * move                                                   # the update is signalᵀ h_{i−1}
        rest = signal - times(np.linalg.pinv(J, rcond=1e-13), times(J, signal))
        if (s[:, 0] / s[:, -1]).max() < 1e4:
            assert np.abs(rest).max() <= 1e-10 * max(1.0, np.abs(signal).max())


@given(seed=seeds)
def test_in_a_linear_network_no_smaller_update_has_the_same_effect(seed):
    net, x, labels = narrowing(seed, "identity")
    stages, seen, error, moves = moved(net, x, labels)
    for place, (J, move) in enumerate(zip(pre_jacobians(stages, seen), moves)):
        update = move.T @ seen.post[place]                                      # (n, in)
        JW = np.einsum("oi,j->oij", J[0], seen.post[place][0]).reshape(len(J[0]), -1)
        smallest = np.linalg.pinv(JW, rcond=1e-10) @ (JW @ update.ravel())
        np.testing.assert_allclose(update.ravel(), smallest, rtol=0, atol=1e-10 * max(1.0, np.abs(update).max()))


@given(seed=seeds)
def test_strong_damping_turns_it_into_backprop_at_a_rate_of_one_over_gamma(seed):
    rng = np.random.default_rng(seed)
    net = mlp([6, 7, 5, 4, 3], activation="tanh", rng=rng, dtype=np.float64)
    x, labels = rng.normal(size=(8, 6)), rng.integers(3, size=8)
    exact = backprop(net, x, labels)
    hidden = [f"fc{number}.weight" for number in (1, 2, 3)]

    def angles(gamma):
        grads = make("gnt", net, gamma=gamma).gradients(x, labels).grads
        return [angle(grads[name], exact[name]) for name in hidden]

    for near, far in zip(angles(1e4), angles(1e6)):
        assert 99 <= near / far <= 101


@given(case=dense_networks_with_batch(), gamma=st.sampled_from([0.0, 0.1, 3.0]))
def test_its_own_reference_lies_at_zero_degrees(case, gamma):
    net, x, labels, _ = case
    rule = make("gnt", net, gamma=gamma)
    assert list(rule.references(x, labels)) == [f"gauss-newton({gamma:g})", "backprop"]
    angles = alignment.update_angles(rule, x, labels)
    assert all(degrees < 1e-6 or np.isnan(degrees) for degrees in angles.values())


@given(seed=seeds, activation=st.sampled_from(["tanh", "softplus", "identity"]))
def test_in_pre_activations_every_target_lies_downhill(seed, activation):
    """eᵀ J J^† e = ‖e‖² at full row rank; in a linear network pre- and post-activations are the same."""
    net, x, labels = narrowing(seed, activation, N=3)
    stages = dense_chain(net)
    seen = forward(stages, x)
    error = net.sample_errors(seen.output, labels)
    for J in pre_jacobians(stages, seen):
        s = np.linalg.svd(J, compute_uv=False)
        if (s[:, 0] / s[:, -1]).max() < 1e4:
            through = (error * times(J, times(damped_pinv(J), error))).sum(axis=1)
            np.testing.assert_allclose(through, (error**2).sum(axis=1), rtol=1e-10, atol=1e-12)


def test_in_post_activations_saturated_units_can_turn_it_uphill():
    """Why no descent is promised: the slope D_i is read once more than the inverse can make good."""
    rng, uphill, total = np.random.default_rng(0), 0, 0
    for _ in range(100):
        net = mlp([10, 8, 7, 6, 4], activation="tanh", rng=rng, dtype=np.float64)
        x, labels = 2 * rng.normal(size=(1, 10)), rng.integers(4, size=1)
        exact = backprop(net, x, labels)
        grads = make("gnt", net, gamma=0.0).gradients(x, labels).grads
        for number in (1, 2, 3):
            uphill += angle(grads[f"fc{number}.weight"], exact[f"fc{number}.weight"]) > 90
            total += 1
    assert 0.02 * total < uphill < 0.3 * total


def test_it_has_no_feedback_and_learns_none():
    net, x, labels = dense_case(activation="tanh")
    rule = make("gnt", net)
    before = rule.streams()["rng"].bit_generator.state
    rule.before_training([(x, labels)])
    rule.after_batch(x, labels)
    rule.after_epoch([(x, labels)])
    assert rule.plastic() == {} and rule.notes() == {} and rule.streams()["rng"].bit_generator.state == before
    assert slopes(rule.stages, forward(rule.stages, x))[-1].all()
