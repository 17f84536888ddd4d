"""Target propagation through inverses: exact ones, where the targets are Gauss-Newton's, and what errors do to them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedbackalign.layers import ACTIVATIONS, Linear
from feedbackalign.networks import Network
from feedbackalign.networks.jacobians import damped_pinv, forward, post_jacobians, times
from feedbackalign.rules.targets.target_propagation import DifferenceTargetPropagation, TargetPropagation
from tests.networks.test_jacobians import answer_from
from tests.rules.tools import dense_case, distance, make
from tests.strategies import dense_networks_with_batch, seeds

UNDO = {"tanh": np.arctanh, "leaky-relu": lambda t: np.where(t > 0, t, t / 0.01), "identity": lambda t: t}


class ExactlyUndone:
    """Feedback that is the exact inverse of the layer above: W⁻¹ (s⁻¹(t) − b)."""

    def feedback(self, place):
        layer, unit = self.stages[place + 1]
        return lambda t: (UNDO[unit.kind](t) - layer.bias) @ np.linalg.inv(layer.weight).T


class ExactTargetPropagation(ExactlyUndone, TargetPropagation):
    """Plain, with exact inverses."""


class ExactDifferenceTargetPropagation(ExactlyUndone, DifferenceTargetPropagation):
    """With the difference correction, and exact inverses."""


def invertible(seed, activation):
    """(net, x, y): four square layers with singular values in [0.5, 1.5], squared error."""
    rng = np.random.default_rng(seed)
    n, stack = int(rng.integers(2, 6)), []
    for _ in range(4):
        layer = Linear(n, n, rng=rng, dtype=np.float64)
        U, V = (np.linalg.qr(rng.normal(size=(n, n)))[0] for _ in range(2))
        layer.weight[...] = U * rng.uniform(0.5, 1.5, size=n) @ V
        layer.bias[...] = 0.1 * rng.normal(size=n)
        stack += [layer, ACTIVATIONS[activation]()]
    net = Network(stack[:-1], loss="squared-error")
    return net, 0.5 * rng.normal(size=(1, n)), rng.normal(size=(1, n)), rng


def exact_moves(kind, net, x, y, target_step):
    """(moves, Gauss-Newton's moves, the pass, the output's move) of a rule with exact inverses."""
    rule = make(kind, net, target_step=target_step)
    seen = forward(rule.stages, x)
    top = -target_step * net.sample_errors(seen.output, y)
    newton = [times(damped_pinv(J), top) for J in post_jacobians(rule.stages, seen)[:-1]]
    return rule.moves(seen, top), newton, seen, top


@given(seed=seeds, target_step=st.sampled_from([1e-3, 0.1, 1.0, 30.0]))
def test_in_an_invertible_linear_network_all_targets_are_gauss_newtons(seed, target_step):
    net, x, y, _ = invertible(seed, "identity")
    for kind in (ExactTargetPropagation, ExactDifferenceTargetPropagation):
        moves, newton, seen, _ = exact_moves(kind, net, x, y, target_step)
        for move, exact, h in zip(moves, newton, seen.post[1:]):
            cond = 3.0**3                                   # of the product of three layers above
            assert np.abs(move - exact).max() <= 1e-12 * cond * max(1.0, np.abs(exact).max(), np.abs(h).max())


@given(seed=seeds, activation=st.sampled_from(["tanh", "leaky-relu"]))
def test_a_target_through_exact_inverses_leads_to_the_output_target(seed, activation):
    net, x, y, _ = invertible(seed, activation)
    moves, _, seen, top = exact_moves(ExactTargetPropagation, net, x, y, 4e-3)
    rule = make(ExactTargetPropagation, net, target_step=4e-3)
    for place, move in enumerate(moves):
        reached = answer_from(rule.stages, place, seen.post[place + 1] + move)
        np.testing.assert_allclose(reached, seen.output + top, rtol=0, atol=1e-10)


@given(seed=seeds)
def test_the_distance_to_gauss_newtons_target_falls_with_the_step_squared(seed):
    """Where units are curved. Above the last hidden layer nothing is, and there is no distance."""
    net, x, y, _ = invertible(seed, "tanh")
    gaps = []
    for target_step in (4e-4, 2e-4, 1e-4):
        moves, newton, _, _ = exact_moves(ExactTargetPropagation, net, x, y, target_step)
        gaps.append([np.linalg.norm(move - exact) for move, exact in zip(moves, newton)])
    for large, small in zip(gaps, gaps[1:]):
        assert 3.8 <= large[0] / small[0] <= 4.2
        assert large[2] <= 1e-12


@given(seed=seeds)
def test_units_of_two_slopes_have_no_such_distance_until_a_kink_is_crossed(seed):
    net, x, y, _ = invertible(seed, "leaky-relu")
    moves, newton, seen, _ = exact_moves(ExactTargetPropagation, net, x, y, 1e-3)
    crossed = any(((h > 0) != (h + move > 0)).any() for h, move in zip(seen.post[1:], moves))
    if not crossed:
        for move, exact in zip(moves, newton):
            np.testing.assert_allclose(move, exact, rtol=0, atol=1e-11 * max(1.0, np.abs(exact).max()))


@given(case=dense_networks_with_batch(activations=("tanh", "sigmoid", "softplus")))
def test_difference_forms_move_by_the_product_of_feedback_derivatives(case):
    """−λ J_{g_i} … J_{g_{L−1}} e for small λ, by any feedback."""
    net, x, labels, _ = case
    rule = make("dtp", net, target_step=1e-5)
    seen = forward(rule.stages, x)
    top = -1e-5 * net.sample_errors(seen.output, labels)
    moves, linear = rule.moves(seen, top), top
    for place in reversed(range(len(moves))):
        g = rule.feedback(place)
        slope = g.unit.derivative(g.drive(seen.post[place + 2]))
        linear = slope * (linear @ g.Q.T)                                       # (N, n_{i+1}) -> (N, n_i)
        np.testing.assert_allclose(moves[place], linear, rtol=0, atol=1e-4 * np.abs(linear).max() + 1e-15)


def test_at_zero_error_the_plain_form_moves_unless_its_inverses_are_exact():
    net, x, _, _ = invertible(0, "tanh")
    answer = net.forward(x)
    grads = make("tp", net).gradients(x, answer).grads
    assert all(grads[f"fc{number}.weight"].any() for number in (1, 2, 3)) and not grads["fc4.weight"].any()
    undone = make(ExactTargetPropagation, net).gradients(x, answer).grads       # g_i(h_{i+1}) = h_i: it rests too
    assert max(np.abs(gradient).max() for gradient in undone.values()) < 1e-12


@given(case=dense_networks_with_batch())
def test_every_target_comes_from_the_one_above_by_its_own_feedback(case):
    """Eq. by eq., in the words of the rule's table."""
    net, x, labels, _ = case
    for name in ("tp", "dtp", "dtp-drl"):
        rule = make(name, net, target_step=0.3)
        seen, targets = forward(rule.stages, x), rule.targets_of(x, labels)
        for place in range(len(rule.stages) - 1):
            g, above, h = rule.feedback(place), seen.post[place + 2], seen.post[place + 1]
            expected = g(targets[place + 1]) + (0 if name == "tp" else h - g(above))
            assert distance(targets[place], expected) <= 1e-12


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tp", "dtp", "dtp-drl"])
def test_learned_inverses_come_to_undo_their_layer(name):
    """On a network that can be undone: what the feedback gets wrong falls to a fraction, in every layer."""
    net, _, _, rng = invertible(3, "tanh")
    rule = make(name, net, feedback_lr=5e-3, feedback_decay=0.0, sigma=0.05)
    x = 0.5 * rng.normal(size=(64, net.input_shape[0]))
    for _ in range(1500):
        rule.train_feedback(x)
    losses = rule.losses.running["feedback_loss"]
    assert np.mean(losses[-20:]) < 0.25 * np.mean(losses[:20])


def test_the_synapses_that_lead_back_are_shown_at_the_layer_they_come_from():
    net, _, _ = dense_case(activation="tanh")
    for name in ("tp", "dtp", "dtp-drl"):
        rule = make(name, net)
        assert rule.direct_feedback("fc1") is None
        assert np.array_equal(rule.direct_feedback("fc2"), rule.Q["fc1"].T)
        assert np.array_equal(rule.direct_feedback("fc3"), rule.Q["fc2"].T)
