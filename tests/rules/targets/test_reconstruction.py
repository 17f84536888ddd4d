"""What feedback learns from noise: its gradients, and the minimisers of its four losses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedbackalign.alignment import angle
from feedbackalign.layers import ACTIVATIONS, Identity
from feedbackalign.networks import mlp
from feedbackalign.networks.jacobians import damped_pinv, dense_chain, forward, post_jacobians
from feedbackalign.rules.targets.reconstruction import Feedback, reconstruction, sent_down, sent_up
from feedbackalign.rules.targets.truths import learnt_from_noise
from tests.networks.test_jacobians import answer_from, matrices
from tests.rules.tools import make
from tests.strategies import SMOOTH, dense_networks_with_batch, seeds


def relative(ours, exact):
    return np.linalg.norm(ours - exact) / np.linalg.norm(exact)


# ------------------------------------------------------------------------------------------------------ up and down

@given(case=dense_networks_with_batch())
def test_what_goes_up_goes_through_the_layers_above(case):
    net, x, _, _ = case
    stages = dense_chain(net)
    seen = forward(stages, x)
    for place in range(len(stages)):
        np.testing.assert_allclose(sent_up(stages, place, seen.post[place + 1]), seen.output, rtol=1e-12, atol=1e-13)
        h = seen.post[place + 1] + 0.1
        np.testing.assert_allclose(sent_up(stages, place, h), answer_from(stages, place, h), rtol=1e-13)


@given(case=dense_networks_with_batch())
def test_without_noise_everything_comes_back_however_bad_the_feedback(case):
    net, x, _, rng = case
    stages = dense_chain(net)
    seen = forward(stages, x)
    feedbacks = [Feedback(rng.normal(size=below.layer.weight.shape[:1] + above.layer.weight.shape[:1]),
                          rng.normal(size=len(below.layer.weight)), below.unit)
                 for below, above in zip(stages, stages[1:])]
    for place in range(len(feedbacks)):
        np.testing.assert_allclose(sent_down(feedbacks, seen.post, place, seen.output), seen.post[place + 1],
                                   rtol=1e-12, atol=1e-12)


# -------------------------------------------------------------------------------------------------------- gradients

@given(seed=seeds, unit=st.sampled_from(SMOOTH), difference=st.booleans(), bias=st.booleans())
def test_the_gradients_are_those_of_the_loss(seed, unit, difference, bias):
    """Central differences in every entry, with arguments that have nothing to do with each other."""
    rng, h = np.random.default_rng(seed), 6e-6
    N, n, inputs = 3, 4, 5
    Q, c = rng.normal(size=(n, inputs)), rng.normal(size=n) if bias else None
    noisy, up = rng.normal(size=(N, n)), rng.normal(size=(N, inputs))
    clean = {"clean": rng.normal(size=(N, n)), "clean_up": rng.normal(size=(N, inputs))} if difference else {}

    def loss():
        return reconstruction(Feedback(Q, c, ACTIVATIONS[unit]()), noisy, up, weight=2.5, **clean)

    _, gradients = loss()
    assert gradients.keys() == ({"Q", "c"} if bias else {"Q"})
    for key, array in (("Q", Q), ("c", c)):
        for entry in np.ndindex(array.shape) if array is not None else ():
            held, losses = array[entry], []
            for moved in (held + h, held - h):
                array[entry] = moved
                losses.append(loss()[0])
            array[entry] = held
            np.testing.assert_allclose(gradients[key][entry], (losses[0] - losses[1]) / (2 * h), rtol=1e-6, atol=1e-6)


def test_the_loss_is_the_batch_mean_summed_over_units():
    g = Feedback(np.zeros((2, 3)), None, Identity())
    loss, _ = reconstruction(g, np.array([[1.0, 2.0], [3.0, 0.0]]), np.ones((2, 3)), weight=10.0)
    assert loss == 10 * (1 + 4 + 9) / 2


# -------------------------------------------------------------------------- the pseudoinverse as what is learnt

@given(seed=seeds, gamma=st.sampled_from([1e-3, 0.1, 1.0, 10.0]))
def test_the_damped_pseudoinverse_minimises_the_loss_of_small_noise(seed, gamma):
    """‖GJ − I‖² + γ‖G‖²: gradient zero at J^†γ, every perturbation higher, and the minimum in closed form."""
    rng = np.random.default_rng(seed)
    out, n = sorted(rng.integers(1, 6, size=2))
    J = matrices(rng, 1, out, n, out)[0]
    G = damped_pinv(J, gamma)

    def loss(G):
        return ((G @ J - np.eye(n)) ** 2).sum() + gamma * (G**2).sum()

    assert np.abs((G @ J - np.eye(n)) @ J.T + gamma * G).max() <= 1e-10
    assert all(loss(G + 0.1 * rng.normal(size=G.shape)) > loss(G) for _ in range(20))
    s = np.linalg.svd(J, compute_uv=False)
    np.testing.assert_allclose(loss(G), (n - out) + (gamma / (s**2 + gamma)).sum(), rtol=0, atol=1e-10)


def isotropic_noise(n):
    """±√n e_k: mean 0, covariance exactly I. (2n, n)"""
    return np.sqrt(n) * np.concatenate([np.eye(n), -np.eye(n)])


@given(seed=seeds)
def test_noise_measures_frobenius_norms(seed):
    """E‖(GJ − I)ε‖² = ‖GJ − I‖², exactly for noise whose covariance is exactly I."""
    rng = np.random.default_rng(seed)
    G, J, noise = rng.normal(size=(5, 3)), rng.normal(size=(3, 5)), isotropic_noise(5)
    rest = G @ J - np.eye(5)
    np.testing.assert_allclose(((noise @ rest.T) ** 2).sum(axis=1).mean(), (rest**2).sum(), rtol=1e-12)


@pytest.mark.slow
def test_gaussian_noise_measures_frobenius_norms():
    rng = np.random.default_rng(0)
    G, J = rng.normal(size=(5, 3)), rng.normal(size=(3, 5))
    rest, noise, noise_out = G @ J - np.eye(5), rng.normal(size=(400_000, 5)), rng.normal(size=(400_000, 3))
    np.testing.assert_allclose(((noise @ rest.T) ** 2).sum(axis=1).mean(), (rest**2).sum(), rtol=1e-2)
    np.testing.assert_allclose(((noise_out @ G.T) ** 2).sum(axis=1).mean(), (G**2).sum(), rtol=1e-2)


def learnt_from(net, x, place, sigma, gamma):
    """The exact minimiser Q of the direct difference loss of one sample, and J^†γ."""
    stages = dense_chain(net)
    seen = forward(stages, x)
    Q, slope = learnt_from_noise(stages, seen, place, sigma, gamma)
    assert np.abs(slope).max() <= 1e-9
    return Q, damped_pinv(post_jacobians(stages, seen)[place][0], gamma)


@pytest.mark.parametrize("seed", range(3))
def test_direct_feedback_learns_the_pseudoinverse_as_noise_vanishes(seed):
    """One sample of a nonlinear network: the error falls with σ²."""
    rng = np.random.default_rng(seed)
    net = mlp([5, 7, 6, 3], activation="tanh", rng=rng, dtype=np.float64)
    x = rng.normal(size=(1, 5))
    for place in (0, 1):
        errors = [relative(*learnt_from(net, x, place, sigma, 0.1)) for sigma in (0.1, 0.05, 0.025, 1e-3)]
        if place == 1:                                      # above it everything is linear
            assert max(errors) < 1e-9
            continue
        for large, small in zip(errors, errors[1:3]):
            assert 3.5 <= large / small <= 4.3
        assert errors[3] < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_the_rule_itself_learns_it_by_stochastic_gradients(seed):
    """A linear network, γ = 0.1 by decay · units / 2, 20,000 updates of ddtp-linear's own feedback phase."""
    rng = np.random.default_rng(seed)
    net = mlp([4, 6, 3], activation="identity", rng=rng, dtype=np.float64)
    gamma, units = 0.1, 6
    rule = make("ddtp-linear", net, feedback_optimizer="sgd", feedback_lr=0.02 * units,
                feedback_decay=2 * gamma / units)
    x = rng.normal(size=(64, 4))
    for step in range(20_000):
        if step == 10_000:
            rule.feedback_optimizer.lr = 0.001 * units
        rule.train_feedback(x)
    stages = dense_chain(net)
    exact = damped_pinv(post_jacobians(stages, forward(stages, x[:1]))[0][0], gamma)
    assert relative(rule.Q["fc1"], exact) < 5e-2
    assert angle(rule.Q["fc1"], exact) < 3


@given(seed=seeds)
def test_the_loss_without_the_difference_learns_another_inverse(seed):
    """C Jᵀ (J C Jᵀ)⁻¹, C the activities' second moment and the noise's: a right inverse, but not the smallest."""
    rng, sigma, (n, out, N) = np.random.default_rng(seed), 0.3, (6, 3, 40)
    J = matrices(rng, 1, out, n, out)[0]
    spread = np.diag(np.geomspace(0.1, 10, n))
    h = rng.normal(size=(N, n)) @ spread @ np.linalg.qr(rng.normal(size=(n, n)))[0]
    noise = sigma * isotropic_noise(n)
    noisy = (h[:, None, :] + noise[None]).reshape(-1, n)                        # every sample with every noise
    C = h.T @ h / N + sigma**2 * np.eye(n)
    Q = C @ J.T @ np.linalg.inv(J @ C @ J.T)
    _, gradients = reconstruction(Feedback(Q, None, Identity()), noisy, noisy @ J.T)
    assert np.abs(gradients["Q"]).max() <= 1e-10 * max(1.0, np.abs(C).max() * np.abs(Q).max())
    np.testing.assert_allclose(J @ Q, np.eye(out), atol=1e-10)
    assert angle(Q, damped_pinv(J)) > 10


def test_the_pseudoinverse_of_a_chain_is_not_the_chain_of_pseudoinverses():
    """Unless the lower layer has full row rank and the upper one full column rank."""
    rng = np.random.default_rng(0)

    def gap(*sizes):
        W1, W2 = (rng.normal(size=(out, inputs)) for inputs, out in zip(sizes, sizes[1:]))
        return angle(damped_pinv(W2 @ W1), damped_pinv(W1) @ damped_pinv(W2))

    assert gap(20, 10, 5) > 10 and gap(20, 20, 5) > 10      # the second although its first layer can be inverted
    assert gap(12, 4, 9) < 1e-8


@given(seed=seeds)
def test_the_chained_loss_makes_the_feedbacks_product_the_pseudoinverse(seed):
    """A linear network, each g at the minimum of its loss, from the top down, without damping."""
    rng = np.random.default_rng(seed)
    sizes = [5, *rng.integers(3, 8, size=3), 3]
    net = mlp(sizes, activation="identity", rng=rng, dtype=np.float64)
    for layer in net.weighted_layers():
        layer.weight[...] = matrices(rng, 1, *layer.weight.shape, min(layer.weight.shape))[0]
    stages = dense_chain(net)
    seen = forward(stages, rng.normal(size=(1, 5)))
    feedbacks, product = [None] * 3, np.eye(3)
    for place in (2, 1, 0):
        h, above = seen.post[place + 1], seen.post[place + 2]
        noise = isotropic_noise(h.shape[1])
        came = sent_down(feedbacks, seen.post, place + 1, sent_up(stages, place, h + noise))
        Q = noise.T @ np.linalg.pinv(came - above, rcond=1e-10).T               # least squares, the smallest
        feedbacks[place] = Feedback(Q, None, Identity())
        rows = np.ones((len(noise), 1))
        _, gradients = reconstruction(feedbacks[place], h + noise, came, clean=rows * h, clean_up=rows * above)
        assert np.abs(gradients["Q"]).max() <= 1e-8
        product = Q @ product                                                   # J_{g_i} … J_{g_{L−1}}
        np.testing.assert_allclose(product, damped_pinv(post_jacobians(stages, seen)[place][0]), atol=1e-9)


@given(seed=seeds)
def test_of_many_samples_a_matrix_learns_an_average(seed):
    """(Σ J)ᵀ (Σ J Jᵀ + γN)⁻¹ zeroes the summed gradient of ‖GJ_n − I‖² + γ‖G‖²."""
    rng, gamma = np.random.default_rng(seed), 0.1
    J = rng.normal(size=(7, 3, 5))
    G = J.sum(axis=0).T @ np.linalg.inv((J @ J.swapaxes(1, 2)).sum(axis=0) + gamma * len(J) * np.eye(3))
    assert np.abs(((G @ J - np.eye(5)) @ J.swapaxes(1, 2) + gamma * G).sum(axis=0)).max() <= 1e-10
