"""What the feedback learns asleep: the scheme in loops, where it comes to rest, the mirror, and a network's worth."""

import numpy as np
import pytest

from feedbackalign.alignment import angle
from feedbackalign.networks.jacobians import damped_pinv, forward
from feedbackalign.optimizer import SGD
from feedbackalign.rules.control.diagnostics import condition2, loop_eigenvalues
from feedbackalign.rules.control.dynamics import Controller, Noise
from feedbackalign.rules.control.feedback import drawn_feedback
from feedbackalign.rules.control.sleep import clipped, mirror_change, resting_feedback, sleep_change
from tests.rules.control.cases import joined, network, split

SLEEP = Controller(alpha=0.25, k_p=0.1, dt=0.002, tau=0.01)


class Recorded:
    """A Generator's `standard_normal`, and what it drew."""

    def __init__(self, seed):
        self.rng, self.drawn = np.random.default_rng(seed), []

    def standard_normal(self, shape, dtype):
        self.drawn.append(self.rng.standard_normal(shape, dtype=dtype))
        return self.drawn[-1]


def by_hand(net, x, Q, controller, noise, steps, drawn):
    """The phase for one sample, written out, with the same noise: -> Σ v_fb(t) u(t+1)ᵀ."""
    W, b = [layer.weight for layer in net.weighted_layers()], [layer.bias for layer in net.weighted_layers()]
    r, v = [x], []
    for i in range(len(W)):
        v.append(W[i] @ r[-1] + b[i])
        r.append(np.tanh(v[-1]) if i < len(W) - 1 else v[-1])
    target, u_int, v_fb, total = r[-1].copy(), np.zeros(len(r[-1])), np.zeros(len(Q)), np.zeros_like(Q)
    ends = np.cumsum([0, *map(len, v)])
    for t in range(steps):
        error = target - r[-1]
        u_int = u_int + controller.dt * (error - controller.alpha * u_int)
        u = u_int + controller.k_p * error
        total += np.outer(v_fb, u)
        v_fb = (v_fb + controller.dt / noise.tau * (-v_fb + Q @ u)
                + noise.sigma * np.sqrt(controller.dt) / noise.tau * drawn[t])
        for i in range(len(W)):
            v[i] = v[i] + controller.dt / controller.tau * (-v[i] + W[i] @ r[i] + b[i] + v_fb[ends[i]:ends[i + 1]])
            r[i + 1] = np.tanh(v[i]) if i < len(W) - 1 else v[i]
    return total


def test_it_is_the_scheme_written_in_loops():
    rng = np.random.default_rng(1)
    net, stages, seen = network(rng, (4, 6, 5, 3), samples=2)
    Q, stream = drawn_feedback(stages, rng), Recorded(5)
    noise = Noise(stream, sigma=0.05, tau=0.3)
    ours = np.concatenate(sleep_change(stages, seen, Q, SLEEP, noise, steps=50))
    total = sum(by_hand(net, seen.post[0][n], np.concatenate(Q), SLEEP, noise, 50, [xi[n] for xi in stream.drawn])
                for n in range(2))
    np.testing.assert_allclose(ours, -total / (0.05**2 * 50 * 2), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("floor", "divisor"), [(0.0, 0.05), (0.05, 0.05), (0.2, 0.2)])
def test_less_noise_than_the_floor_is_divided_by_the_floor(floor, divisor):
    rng = np.random.default_rng(1)
    _, stages, seen = network(rng, (4, 6, 5, 3), samples=2)
    Q = drawn_feedback(stages, rng)
    usual, ours = (sleep_change(stages, seen, Q, SLEEP, Noise(np.random.default_rng(5), sigma=0.05), steps=50, **floors)
                   for floors in ({}, {"floor": floor}))
    for change, found in zip(usual, ours):
        np.testing.assert_allclose(found, change * (0.05 / divisor) ** 2, rtol=1e-12)


def test_a_change_is_clipped_to_a_norm_and_keeps_its_direction():
    change = np.random.default_rng(0).normal(size=(5, 3))
    length = np.linalg.norm(change)
    np.testing.assert_allclose(clipped(change, 0.5), 0.5 * change / length)
    assert clipped(change, None) is change and (clipped(change, 2 * length) == change).all()
    assert not clipped(np.zeros((5, 3)), 1.0).any()


def test_early_in_the_night_the_change_leads_to_the_transpose():
    """Before the controller has pushed back, noise and control tell J alone; without hidden feedback to begin with."""
    rng = np.random.default_rng(1)
    _, stages, seen = network(rng, (6, 8, 7, 3))
    seen = forward(stages, np.repeat(seen.post[0], 5000, axis=0))
    Q = [q * 0 for q in drawn_feedback(stages, rng)]
    at_once = Controller(alpha=0.25, k_p=0.1, dt=0.002, tau=0.002)              # else lower layers lag behind
    change = np.concatenate(sleep_change(stages, seen, Q, at_once, Noise(rng, tau=0.3), steps=40))
    assert angle(change, joined(stages, seen)[0].T) < 5


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("alpha", [0.0, 0.3, 10.0, 1000.0])
def test_at_rest_feedback_spans_what_moves_the_output_and_is_stable(alpha, seed):
    rng = np.random.default_rng(seed)
    _, stages, seen = network(rng, (6, 8, 7, 3), "identity")
    J = joined(stages, seen)[0]
    Q = resting_feedback(J, alpha, 0.1)
    A = J @ Q + alpha * np.eye(3)
    sigma = np.linalg.solve(np.kron(A, np.eye(3)) + np.kron(np.eye(3), A), (J @ J.T).ravel()).reshape(3, 3)
    np.testing.assert_allclose(J.T - Q @ sigma - 0.1 * Q, 0, atol=1e-11 * np.abs(Q).max())      # nothing changes there
    assert condition2(stages, seen, split(stages, Q))[0] == pytest.approx(1.0, abs=1e-10)
    assert loop_eigenvalues(stages, seen, split(stages, Q)).min() > 0


def test_with_a_strong_leak_the_rest_is_a_damped_pseudoinverse():
    rng = np.random.default_rng(0)
    _, stages, seen = network(rng, (6, 8, 7, 3), "identity")
    J, gaps = joined(stages, seen)[0], []
    for alpha, gamma in ((100.0, 10.0), (1000.0, 100.0), (10000.0, 1000.0)):
        exact = 2 * alpha * damped_pinv(J, gamma)
        gaps.append(np.linalg.norm(resting_feedback(J, alpha, gamma / (2 * alpha)) - exact) / np.linalg.norm(exact))
    assert gaps[0] > 5 * gaps[1] > 25 * gaps[2] and gaps[1] < 0.05
    weak = resting_feedback(J, 0.01, 1.0)
    assert angle(weak, damped_pinv(J, 0.02)) > 5                # a weak leak: another shape


@pytest.mark.parametrize("samples", [2000, 20_000])
def test_the_mirror_finds_the_transpose_as_fast_as_noise_allows(samples):
    rng = np.random.default_rng(0)
    _, stages, seen = network(rng, (6, 10, 10, 5), "identity")
    seen = forward(stages, np.repeat(seen.post[0], samples, axis=0))
    found = np.concatenate(mirror_change(stages, seen, 0.1, rng))
    predicted = np.degrees(np.sqrt((len(found) + 1) / samples))
    assert predicted / 3 < angle(found, joined(stages, seen)[0].T) < 2 * predicted


def test_the_mirrors_rest_under_decay():
    rng = np.random.default_rng(0)
    _, stages, seen = network(rng, (6, 8, 3), "identity", samples=3000)
    J, Q = joined(stages, seen)[0], np.zeros((11, 3))
    for _ in range(60):
        Q += 0.2 * (np.concatenate(mirror_change(stages, seen, 0.1, rng)) - 0.5 * Q)
    np.testing.assert_allclose(Q, J.T / 0.5, atol=0.1)


# ---------------------------------------------------------------------------------- a network's worth of feedback

@pytest.mark.slow
@pytest.mark.parametrize(("activation", "apart"), [("identity", 15), ("tanh", 20)])
def test_feedback_that_sleeps_comes_to_span_what_moves_the_output(activation, apart):
    """15-10-10-5, all of Q learning: SGD at 0.1 for 1000 phases, then 0.02 for 500."""
    rng = np.random.default_rng(0)
    _, stages, _ = network(rng, (15, 10, 10, 5), activation, bias=False)
    Q = [rng.normal(size=q.shape) * (2 / sum(q.shape)) ** 0.5 for q in drawn_feedback(stages, rng)[:-1]] + [np.eye(5)]
    plastic, probe = {str(i): q for i, q in enumerate(Q)}, forward(stages, rng.uniform(-1, 1, (200, 15)))
    sgd, ratios = SGD(0.1, weight_decay=0.025), []
    for phase in range(1501):
        if phase in (0, 100, 300, 600, 1000, 1500):
            ratios.append(condition2(stages, probe, Q).mean())
        if phase == 1000:
            sgd.lr = 0.02
        seen = forward(stages, rng.uniform(-1, 1, (128, 15)))
        change = sleep_change(stages, seen, Q, SLEEP, Noise(rng, sigma=0.01, tau=0.3), steps=49)
        sgd.step(plastic, {str(i): -array for i, array in enumerate(change)})
    assert ratios[0] < 0.7 and ratios[-1] >= 0.95 and ratios[-1] > ratios[0], ratios
    assert loop_eigenvalues(stages, probe, Q).min() > 0
    mean = joined(stages, probe)                                # the best linear feedback for all samples together
    best = min(angle(np.concatenate(Q), np.linalg.solve(np.einsum("nou,npu->op", mean, mean) / 200 + gamma * np.eye(5),
                                                        mean.mean(axis=0)).T) for gamma in np.logspace(-3, 3, 25))
    assert best < apart


# -------------------------------------------------------------------------------------------------------- bad input

@pytest.mark.parametrize(("controller", "noise", "says"), [
    (SLEEP, {"sigma": 0.0}, "sigma: expected a finite number in"),
    (SLEEP, {"tau": 0.001}, "dt of the sleep phase: expected a step no longer than the noise's time constant 0.001"),
    (Controller(instantaneous=False), {}, "instantaneous: expected True in the sleep phase"),
])
def test_a_sleep_that_teaches_nothing_is_refused(controller, noise, says):
    rng = np.random.default_rng(0)
    _, stages, seen = network(rng, (4, 5, 3))
    with pytest.raises(ValueError, match=says):
        sleep_change(stages, seen, drawn_feedback(stages, rng), controller, Noise(rng, **noise), steps=10)


def test_noise_of_no_size_teaches_the_mirror_nothing():
    rng = np.random.default_rng(0)
    _, stages, seen = network(rng, (4, 5, 3))
    with pytest.raises(ValueError, match="sigma"):
        mirror_change(stages, seen, 0.0, rng)
