"""Homeostasis: what its loss is, three ways to its gradient, and the laws of its decay; dense and convolutional."""

import copy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedbackalign.optimizer import SGD
from feedbackalign.rules.equilibrium.dynamics import from_below, pooled, preactivation
from feedbackalign.rules.equilibrium.exact_gradients import recurrent_matrix
from feedbackalign.rules.holomorphic import homeostasis as homeo
from tests.rules.holomorphic.cases import conv_case, dense_case
from tests.strategies import generators

STANDARD_ERRORS = 5


@st.composite
def matrices(draw):
    """(W, mask, rng): a recurrent matrix, its synapses, zero elsewhere and on the diagonal."""
    rng, n = draw(generators()), draw(st.integers(1, 9))
    mask = (rng.random((n, n)) < draw(st.sampled_from([0.4, 1.0]))) & ~np.eye(n, dtype=bool)
    return rng.normal(size=(n, n)) * mask, mask, rng


def derivative(function, array, h=1e-5):
    """Central differences of a scalar function by every entry of an array, in place."""
    gradient = np.zeros_like(array)
    for place in np.ndindex(array.shape):
        kept, values = array[place], []
        for sign in (1, -1):
            array[place] = kept + sign * h
            values.append(function())
        array[place] = kept
        gradient[place] = (values[0] - values[1]) / (2 * h)
    return gradient


# ------------------------------------------------------------------------------------------- any recurrent matrix

@given(matrices())
def test_the_loss_is_what_the_paper_says_and_twice_the_antisymmetric_part(case):
    W, _, _ = case
    J, A = W - np.eye(len(W)), (W - W.T) / 2
    loss = homeo.homeostatic_loss(W)
    np.testing.assert_allclose(loss, (J**2).sum() - np.trace(J @ J), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(loss, 2 * (A**2).sum(), rtol=1e-12, atol=1e-12)
    assert loss >= 0 and homeo.homeostatic_loss(W + W.T) <= 1e-12


@given(matrices())
def test_unit_vectors_give_the_loss_exactly(case):
    W, _, _ = case
    np.testing.assert_allclose(homeo.probed_losses(W, np.eye(len(W))).sum(), homeo.homeostatic_loss(W), rtol=1e-12,
                               atol=1e-12)


@given(matrices())
def test_every_probe_of_a_symmetric_matrix_gives_zero_loss(case):
    W, _, rng = case
    assert np.abs(homeo.probed_losses(W + W.T, rng.normal(size=(4, len(W))))).max() <= 1e-12 * (1 + len(W) ** 3) * 10


@given(matrices())
def test_the_gradient_is_that_of_the_loss(case):
    W, mask, _ = case
    numeric = derivative(lambda: homeo.homeostatic_loss(W), W) * mask
    np.testing.assert_allclose(homeo.homeostatic_gradient(W, mask), numeric, rtol=1e-6, atol=1e-6)


@given(matrices())
def test_the_full_probe_gradient_is_that_of_the_probed_loss(case):
    W, mask, rng = case
    probes = rng.normal(size=(3, len(W)))
    numeric = derivative(lambda: homeo.probed_losses(W, probes).mean(), W) * mask
    np.testing.assert_allclose(homeo.full_probe_gradient(W, probes, mask), numeric, rtol=1e-6, atol=1e-6)


@given(matrices())
def test_unit_vectors_give_the_gradient_exactly_by_either_probe(case):
    W, mask, _ = case
    basis = np.eye(len(W))
    for estimate in (homeo.full_probe_gradient, homeo.local_probe_gradient):
        np.testing.assert_allclose(len(W) * estimate(W, basis, mask), homeo.homeostatic_gradient(W, mask), rtol=1e-12,
                                   atol=1e-12)


@given(matrices())
def test_the_local_gradient_is_made_at_the_two_ends_of_every_synapse(case):
    """Noise and answer of other neurons may change at will: the entry between i and j stays."""
    W, mask, rng = case
    probes = rng.normal(size=(3, len(W)))
    r = probes @ W.T - probes
    gradient = homeo.local_probe_gradient(W, probes, mask)
    for i, j in np.ndindex(W.shape):
        expected = 2 * np.mean(r[:, i] * probes[:, j] - probes[:, i] * r[:, j]) * mask[i, j]
        np.testing.assert_allclose(gradient[i, j], expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("estimate", [homeo.full_probe_gradient, homeo.local_probe_gradient])
@pytest.mark.parametrize("symmetric", [False, True])
def test_random_probes_are_right_in_the_mean(estimate, symmetric):
    rng = np.random.default_rng(5)
    W = rng.normal(size=(7, 7)) / 3
    W = (W + W.T) / 2 if symmetric else W
    np.fill_diagonal(W, 0)
    mask = W != 0
    estimates = np.stack([estimate(W, rng.normal(size=(1, 7)), mask) for _ in range(4000)])
    gap = estimates.mean(axis=0) - homeo.homeostatic_gradient(W, mask)
    error = estimates.std(axis=0) / np.sqrt(len(estimates))
    assert (np.abs(gap) <= STANDARD_ERRORS * error)[mask].all()
    assert np.abs(estimates[0][mask]).max() > 0.1                       # one probe is not 0, symmetric or not


def test_the_local_estimate_nears_the_gradient_a_little_behind_the_full():
    rng = np.random.default_rng(0)
    W = np.zeros((38, 38))
    W[16:30, :16], W[:16, 16:30] = rng.normal(size=(14, 16)) / 4, rng.normal(size=(16, 14)) / 4
    W[30:, 16:30], W[16:30, 30:] = rng.normal(size=(8, 14)) / 4, rng.normal(size=(14, 8)) / 3
    mask, probes = W != 0, rng.normal(size=(25_000, 38))
    exact = homeo.homeostatic_gradient(W, mask)

    def cosine(estimate, count):
        found = estimate(W, probes[:count], mask)
        return (found * exact).sum() / np.linalg.norm(found) / np.linalg.norm(exact)

    assert 0.9 < cosine(homeo.local_probe_gradient, 250) < cosine(homeo.full_probe_gradient, 250) < 0.99
    assert min(cosine(homeo.local_probe_gradient, None), cosine(homeo.full_probe_gradient, None)) > 0.999
    losses = homeo.probed_losses(W, probes)
    assert 0.2 < losses.std() / homeo.homeostatic_loss(W) < 0.6         # one probe alone: about 0.4
    assert abs(losses.mean() - homeo.homeostatic_loss(W)) <= STANDARD_ERRORS * losses.std() / np.sqrt(len(losses))


def test_a_loop_without_reciprocal_pairs_is_pure_decay():
    """l1 -> l2 -> out -> l1: no synapse has a partner."""
    rng = np.random.default_rng(0)
    W = np.zeros((9, 9))
    W[3:6, :3], W[6:, 3:6], W[:3, 6:] = (rng.normal(size=(3, 3)) for _ in range(3))
    assert np.array_equal(homeo.homeostatic_gradient(W, W != 0), 2 * W)


@pytest.mark.parametrize(("call", "says"), [
    (lambda: homeo.homeostatic_loss(np.ones((2, 3))), "W: expected as many rows"),
    (lambda: homeo.homeostatic_gradient(np.ones((2, 2)), np.ones((2, 2))), "mask: expected a boolean array"),
    (lambda: homeo.homeostatic_gradient(np.ones((2, 2)), np.ones((2, 3), dtype=bool)), r"of shape \(2, 2\)"),
    (lambda: homeo.probed_losses(np.ones((2, 2)), np.ones((4, 3))), r"probes: expected shape \(N, 2\)"),
    (lambda: homeo.local_probe_gradient(np.ones((2, 2)), np.ones(2)), r"probes: expected shape \(N, 2\)"),
])
def test_what_does_not_fit_is_refused(call, says):
    with pytest.raises(ValueError, match=says):
        call()


# ---------------------------------------------------------------------------------------------- chains of layers

def blocks(chain, matrix, places):
    """A gradient of the recurrent matrix, cut into the chain's names."""
    cut = {}
    for n, stage in enumerate(chain.stages[1:], start=1):
        cut[f"{stage.name}.weight"] = matrix[places[n], places[n - 1]]
        cut[f"{stage.name}.B"] = matrix[places[n - 1], places[n]].T
    return cut


def same(ours, theirs, tolerance=1e-12):
    assert ours.keys() == theirs.keys()
    for name in ours:
        np.testing.assert_allclose(ours[name], theirs[name], rtol=0, atol=tolerance, err_msg=name)


def free_of(case, count):
    """The free state of the first sample, for each of so many probes."""
    return [np.repeat(state[:1], count, axis=0) for state in case.free]


def test_a_dense_chain_is_its_recurrent_matrix():
    case, rng = dense_case(), np.random.default_rng(0)
    W, places = recurrent_matrix(case.chain, case.B)
    mask = W != 0
    np.testing.assert_allclose(homeo.chain_loss(case.chain, case.B), homeo.homeostatic_loss(W), rtol=1e-12)
    same(homeo.chain_gradient(case.chain, case.B), blocks(case.chain, homeo.homeostatic_gradient(W, mask), places))
    probes = homeo.draw_probes(case.chain, 5, rng)
    flat, states = np.concatenate(probes, axis=1), free_of(case, 5)
    np.testing.assert_allclose(homeo.probed_chain_loss(case.chain, states, case.B, probes),
                               homeo.probed_losses(W, flat), rtol=1e-11, atol=1e-11)
    for local, estimate in ((True, homeo.local_probe_gradient), (False, homeo.full_probe_gradient)):
        same(homeo.probed_chain_gradient(case.chain, states, case.B, probes, local=local),
             blocks(case.chain, estimate(W, flat, mask), places))
    assert homeo.neurons(case.chain) == len(W)


def unit_vectors(chain):
    """Every unit of the chain on its own: a list of arrays (n, …)."""
    shapes = [state.shape[1:] for state in chain.rest(1)]
    basis, start, probes = np.eye(homeo.neurons(chain)), 0, []
    for shape in shapes:
        probes.append(basis[:, start:start + int(np.prod(shape))].reshape(-1, *shape))
        start += int(np.prod(shape))
    return probes


def columns(function, units, h=1e-30):
    """The derivative of a holomorphic function of one sample, exactly: all units at once, one moved in each row by ih.

    function: [(count, …) complex arrays] -> [arrays (count, …)]; units: a list of arrays (1, …). -> (outputs, inputs)
    """
    sizes = [unit.size for unit in units]
    moved = np.concatenate([unit.ravel() for unit in units])[None] + 1j * h * np.eye(sum(sizes))
    parts = np.split(moved, np.cumsum(sizes)[:-1], axis=1)
    answers = function([part.reshape(-1, *unit.shape[1:]) for part, unit in zip(parts, units)])
    return np.concatenate([answer.reshape(len(moved), -1) for answer in answers], axis=1).imag.T / h


def operator(stage, weights, below):
    """What a stage makes of changes below it, by these weights, as a matrix: (out, in)."""
    def drive(states):
        return [pooled(stage, stage.layer.respond(states[0].reshape(-1, *stage.below_shape), weights))]

    return columns(drive, [below[:1]])


def loss_of_operators(case):
    """Σ ‖upward block − downward block‖² at the free state of the first sample, which is held."""
    return sum(((operator(stage, stage.layer.weight, below) - operator(stage, case.B[stage.name], below)) ** 2).sum()
               for stage, below in zip(case.chain.stages[1:], case.free))


poolings = pytest.mark.parametrize("pooling", [None, "softmax"])


@poolings
def test_a_convolutional_loss_is_that_of_its_operators(pooling):
    case = conv_case(pooling=pooling)
    probes = unit_vectors(case.chain)
    probed = homeo.probed_chain_loss(case.chain, free_of(case, len(probes[0])), case.B, probes).sum()
    np.testing.assert_allclose(probed, loss_of_operators(case), rtol=1e-11)


@poolings
def test_it_is_half_the_square_of_what_the_whole_field_lacks_in_symmetry(pooling):
    """J of all pre-activations by all states. Softmax pooling's action of a layer on itself is symmetric."""
    case = conv_case(pooling=pooling)
    drive = from_below(case.chain.stages[0], case.x[:1])

    def field(states):
        return [preactivation(case.chain, states, n, drive, 0.0, None, case.B) for n in range(len(states))]

    J = columns(field, free_of(case, 1))
    np.testing.assert_allclose(0.5 * ((J - J.T) ** 2).sum(), loss_of_operators(case), rtol=1e-11)
    on_itself = J[:case.free[0][0].size, :case.free[0][0].size]
    assert np.abs(on_itself).max() > 1e-3 if pooling else not on_itself.any()


@poolings
def test_convolutional_gradients_by_unit_vectors_are_the_loss_derivative(pooling):
    """Both forms, kernels and dense weights, W and B: rtol and atol 1e-6 against central differences."""
    case = conv_case(pooling=pooling)
    probes, n = unit_vectors(case.chain), homeo.neurons(case.chain)
    numeric = {}
    for stage in case.chain.stages[1:]:
        numeric[f"{stage.name}.weight"] = derivative(lambda: loss_of_operators(case), stage.layer.weight)
        numeric[f"{stage.name}.B"] = derivative(lambda: loss_of_operators(case), case.B[stage.name])
    for local in (True, False):
        found = homeo.probed_chain_gradient(case.chain, free_of(case, n), case.B, probes, local=local)
        assert found.keys() == numeric.keys()
        for name in found:
            np.testing.assert_allclose(n * found[name], numeric[name], rtol=1e-6, atol=1e-6, err_msg=name)


@poolings
def test_the_full_convolutional_gradient_is_that_of_the_probed_loss(pooling):
    """Each probe at the free state of another sample."""
    case = conv_case(pooling=pooling)
    probes = homeo.draw_probes(case.chain, len(case.x), np.random.default_rng(0))
    found = homeo.probed_chain_gradient(case.chain, case.free, case.B, probes, local=False)
    for stage in case.chain.stages[1:]:
        for name, array in ((f"{stage.name}.weight", stage.layer.weight), (f"{stage.name}.B", case.B[stage.name])):
            numeric = derivative(lambda: homeo.probed_chain_loss(case.chain, case.free, case.B, probes).mean(), array)
            np.testing.assert_allclose(found[name], numeric, rtol=1e-6, atol=1e-6, err_msg=name)


@pytest.mark.slow
@poolings
@pytest.mark.parametrize("local", [True, False])
def test_random_probes_of_a_convolutional_chain_are_right_in_the_mean(local, pooling):
    case, rng = conv_case(pooling=pooling), np.random.default_rng(1)
    n, states = homeo.neurons(case.chain), free_of(case, 10)
    exact = homeo.probed_chain_gradient(case.chain, free_of(case, n), case.B, unit_vectors(case.chain), local=local)
    many = [homeo.probed_chain_gradient(case.chain, states, case.B, homeo.draw_probes(case.chain, 10, rng),
                                        local=local) for _ in range(300)]
    for name in exact:
        estimates = np.stack([estimate[name] for estimate in many])
        error = estimates.std(axis=0) / np.sqrt(len(many))
        assert (np.abs(estimates.mean(axis=0) - n * exact[name]) <= STANDARD_ERRORS * error).all(), name


def test_gradient_steps_shrink_the_difference_and_keep_the_sum():
    case = dense_case()
    n, coefficient, eta = homeo.neurons(case.chain), 5.0, 0.3
    weights = {stage.name: stage.layer.weight for stage in case.chain.stages[1:]}
    before = copy.deepcopy((weights, case.B))
    optimizer = SGD(lr=eta)
    for _ in range(10):
        pull = homeo.chain_gradient(case.chain, case.B)
        parameters = {f"{name}.weight": W for name, W in weights.items()}
        parameters |= {f"{name}.B": B for name, B in case.B.items()}
        optimizer.step(parameters, {name: coefficient / n * gradient for name, gradient in pull.items()})
    for name, W in weights.items():
        apart, together = before[0][name] - before[1][name], before[0][name] + before[1][name]
        np.testing.assert_allclose(W - case.B[name], (1 - 4 * eta * coefficient / n) ** 10 * apart, rtol=1e-12)
        np.testing.assert_allclose(W + case.B[name], together, rtol=1e-13, atol=1e-14)


def test_local_probes_also_keep_the_sum():
    case = conv_case()
    probes = homeo.draw_probes(case.chain, 3, np.random.default_rng(0))
    pull = homeo.probed_chain_gradient(case.chain, free_of(case, 3), case.B, probes)
    for stage in case.chain.stages[1:]:
        assert np.array_equal(pull[f"{stage.name}.weight"], -pull[f"{stage.name}.B"])


def test_synapses_that_do_not_exist_are_left_alone():
    case = dense_case()
    layer = case.chain.stages[1].layer
    layer.mask = np.random.default_rng(0).random(layer.weight.shape) < 0.5
    probes = homeo.draw_probes(case.chain, 2, np.random.default_rng(1))
    for pull in (homeo.chain_gradient(case.chain, case.B),
                 homeo.probed_chain_gradient(case.chain, free_of(case, 2), case.B, probes),
                 homeo.probed_chain_gradient(case.chain, free_of(case, 2), case.B, probes, local=False)):
        for kind in ("weight", "B"):
            gradient = pull[f"{layer.name}.{kind}"]
            assert (gradient[~layer.mask] == 0).all() and (gradient[layer.mask] != 0).all()


def test_a_convolution_has_no_closed_form_and_is_refused_by_name():
    with pytest.raises(ValueError, match="conv2: the closed form takes dense layers"):
        homeo.chain_gradient(conv_case().chain, conv_case().B)
