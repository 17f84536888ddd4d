"""The flow as a layer: it converges as Euler does, keeps what it saw, and refuses what would break its promises."""

import copy
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedbackalign import layers
from feedbackalign.layers.flows import FIELDS, MAPS, MatrixFlow, departure
from feedbackalign.networks import Network
from tests.strategies import generators

every_field = pytest.mark.parametrize("flow", FIELDS)


def made(flow="iso", d=4, steps=6, seed=0, **options):
    return MatrixFlow(d, steps, flow=flow, rng=np.random.default_rng(seed), **{"dtype": np.float64, **options})


def passed(layer, N=3, seed=1):
    """The layer after a forward and a backward pass: -> (x, error)."""
    rng = np.random.default_rng(seed)
    x, error = (rng.normal(size=(N, len(layer.W0))).astype(layer.W0.dtype) for _ in range(2))
    layer.forward(x)
    layer.backward(error)
    return x, error


# ------------------------------------------------------------------------------------------------------- what it is

def test_parameters_and_state_have_their_names_and_shapes():
    shapes = {flow: {name: array.shape for name, array in made(flow, gates=4, hidden=8).parameters().items()}
              for flow in FIELDS}
    assert shapes == {"iso": {"Q": (4, 4), "N": (4, 4)}, "free-time": {"S": (6, 4, 4)},
                      "gated": {"a": (4,), "U": (4, 8, 17), "p": (4, 8), "V": (4, 16, 8), "q": (4, 16)}}
    net = Network([made(), layers.Linear(4, 2, rng=np.random.default_rng(0), dtype=np.float64)])
    assert list(net.parameters())[:2] == ["flow1.Q", "flow1.N"] and list(net.state()) == ["flow1.W0"]
    assert net.input_shape == (4,)


@every_field
@given(rng=generators(), d=st.integers(1, 5), steps=st.integers(1, 5))
def test_one_step_after_the_other_by_hand(flow, rng, d, steps):
    layer = MatrixFlow(d, steps, 0.7, flow=flow, activation="tanh", gates=2, hidden=3, rng=rng, dtype=np.float64)
    x = rng.normal(size=(2, d))
    y, X, W, h = layer.forward(x), x, layer.W0, 0.7 / steps
    p = layer.parameters()
    for k in range(steps):
        if flow == "iso":
            H, N_s = W.T @ (p["Q"] + p["Q"].T) @ W, p["N"] + p["N"].T
            B = H @ N_s - N_s @ H
        elif flow == "free-time":
            B = p["S"][k] - p["S"][k].T
        else:
            seen = np.concatenate([[k * h], W.ravel()])
            F = [(V @ np.tanh(U @ seen + shift) + q).reshape(d, d)
                 for U, shift, V, q in zip(p["U"], p["p"], p["V"], p["q"])]
            B = sum(a * (f - f.T) for a, f in zip(p["a"], F))
        X, W = X + h * np.tanh(X @ W.T), W @ exponential(h * B)
    np.testing.assert_allclose(y, X, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(layer.matrices[-1], W, rtol=1e-10, atol=1e-12)


def exponential(A, terms=40):
    """exp(A) by its series."""
    E = term = np.eye(len(A))
    for n in range(1, terms):
        term = term @ A / n
        E = E + term
    return E


def test_the_field_starts_at_a_size_that_one_step_can_follow():
    for flow in FIELDS:
        for d in (8, 32):
            layer = made(flow, d=d, steps=10)
            passed(layer)
            M = layer.turns[0][0]
            assert 0.7 < np.linalg.norm(M - M.T, 2) < 2.2, (flow, d)


@pytest.mark.parametrize("map", MAPS)
def test_it_converges_with_the_first_power_of_the_step(map):
    """Errors halve with h: W and X against a flow of 32 times as many steps."""
    x = np.random.default_rng(2).normal(size=(3, 4))
    ends = {}
    for steps in (16, 32, 64, 1024):
        layer = made(steps=steps, map=map, activation="tanh")
        ends[steps] = layer.forward(x), layer.matrices[-1]
    for part in (0, 1):
        gaps = [np.linalg.norm(ends[steps][part] - ends[1024][part]) for steps in (16, 32, 64)]
        assert all(1.8 < above / below < 2.2 for above, below in zip(gaps, gaps[1:])), gaps


def test_an_euler_step_of_the_matrices_drifts_away():
    """W + h W B is not orthogonal, by about h; exp(hB) keeps it so for a thousand steps."""
    drifts = {}
    for steps in (10, 100, 1000):
        layer = made(d=6, steps=steps)
        passed(layer)
        W = layer.W0
        for M, *_ in layer.turns:
            W = W + layer.h * W @ (M - M.T)
        drifts[steps] = departure(W)
        assert max(departure(matrix) for matrix in layer.matrices) <= 1e-10
    assert min(drifts.values()) > 1e-5
    assert drifts[10] / drifts[100] == pytest.approx(10, rel=0.3)


# ----------------------------------------------------------------------------------------- what it keeps, and loses

@every_field
def test_float32_in_float32_out_and_it_stays_orthogonal(flow):
    for map in MAPS:
        layer, exact = made(flow, d=16, steps=10, map=map, dtype=np.float32), made(flow, d=16, steps=10, map=map)
        passed(layer), passed(exact)
        kept = [layer.states, layer.matrices, layer.errors, layer.start_gradient, *layer.gradients.values()]
        assert {array.dtype for array in kept} == {np.dtype(np.float32)}
        assert max(departure(W) for W in layer.matrices) <= 1e-4
        np.testing.assert_allclose(layer.start_gradient, exact.start_gradient, rtol=1e-3, atol=1e-4)


@every_field
def test_a_copy_goes_on_by_itself(flow):
    layer = made(flow)
    x, error = passed(layer)
    twin = copy.deepcopy(layer)
    assert np.array_equal(twin.backward(error), layer.errors[0])
    twin.W0[...] = np.eye(4)
    twin.forward(x)
    assert not np.array_equal(layer.W0, twin.W0) and not np.array_equal(layer.states, twin.states)


def test_to_another_type_and_back():
    layer = made(dtype=np.float32)
    x, error = passed(layer)
    kept = layer.astype(np.float64).states
    assert kept.dtype == layer.W0.dtype == layer.Q.dtype == np.float64 and layer.gradients == {}
    np.testing.assert_allclose(layer.forward(x.astype(np.float64)), kept[-1], rtol=1e-5, atol=1e-5)


def test_what_a_pass_returns_may_be_written_to():
    layer = made()
    x, error = passed(layer)
    for answer, kept in ((layer.forward(x), layer.states), (layer.backward(error), layer.errors)):
        before = kept.copy()
        answer += 1
        assert np.array_equal(kept, before)


def test_forgetting_drops_the_pass_and_keeps_the_start():
    layer = made()
    passed(layer)
    layer.forget()
    held = [layer.input, layer.error, layer.states, layer.matrices, layer.preactivations, layer.turns, layer.errors,
            layer.start_gradient]
    assert held == [None] * len(held) and departure(layer.W0) < 1e-14


def test_the_state_of_a_network_carries_the_start():
    def net(seed):
        rng = np.random.default_rng(seed)
        return Network([MatrixFlow(4, 3, rng=rng, dtype=np.float64), layers.Linear(4, 2, rng=rng, dtype=np.float64)])
    one, other = net(0), net(1)
    other.load_state(one.state())
    assert np.array_equal(other.layer("flow1").W0, one.layer("flow1").W0)
    assert not np.shares_memory(other.layer("flow1").W0, one.layer("flow1").W0)


def test_the_start_gradient_is_open_after_the_way_down():
    layer = made(activation="tanh")
    x, error = passed(layer)
    found, h = layer.start_gradient.copy(), 1e-6
    for i, j in np.ndindex(4, 4):
        ends = []
        for step in (h, -h):
            layer.W0[i, j] += step
            ends.append((error * layer.forward(x)).sum())
            layer.W0[i, j] -= step
        assert found[i, j] == pytest.approx((ends[0] - ends[1]) / (2 * h), rel=1e-6, abs=1e-8)


def test_nothing_comes_of_nothing():
    """f(0) = 0: a state of zeros stays zero, and |v| has slope 0 there."""
    layer = made()
    assert not layer.forward(np.zeros((2, 4))).any()
    error = np.ones((2, 4))
    assert np.array_equal(layer.backward(error), error) and not layer.start_gradient.any()


# ------------------------------------------------------------------------------------------------------ its promises

def test_the_band_is_void_where_a_step_is_too_long_and_a_warning_says_so():
    with pytest.warns(UserWarning, match="errors have no lower bound: take more steps"):
        layer, longer = made(steps=1), made(steps=2, time=6.0)
    assert layer.band()[0].tolist() == [0.0, 1.0] and layer.band()[1].tolist() == [2.0, 1.0]
    assert longer.band()[0].tolist() == [0.0, 0.0, 1.0]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        steps_by_a_quarter = made(steps=1, time=2.0, activation="sigmoid")             # σ = 1/4
        made(steps=2)
    assert steps_by_a_quarter.band()[0].tolist() == [0.5, 1.0]


@pytest.mark.parametrize("kind", layers.ACTIVATIONS)
def test_no_slope_is_larger_than_its_unit_says(kind):
    unit = layers.ACTIVATIONS[kind]
    assert np.abs(unit.derivative(np.linspace(-12, 12, 4801))).max() <= unit.steepest


@pytest.mark.parametrize("start", [2 * np.eye(4), np.zeros((4, 4)), np.eye(4)[[0, 0, 2, 3]], np.full((4, 4), np.nan)])
def test_a_start_that_is_not_orthogonal_is_refused(start):
    layer = made()
    layer.W0[...] = start
    with pytest.raises(ValueError, match=r"flow.W0: expected an orthogonal matrix, got one where"):
        layer.forward(np.ones((1, 4)))


@every_field
def test_a_flow_that_is_not_finite_is_named_with_its_step(flow):
    layer = made(flow)
    next(iter(layer.parameters().values()))[...] = np.inf
    with np.errstate(invalid="ignore"), pytest.raises(FloatingPointError, match="flow: .* finite at step 0 of 6"):
        layer.forward(np.ones((1, 4)))
    layer = made("free-time")
    layer.S[3, 0, 1] = np.nan
    with pytest.raises(FloatingPointError, match="step 3 of 6"):
        layer.forward(np.ones((1, 4)))


@pytest.mark.parametrize(("options", "says"), [
    ({"d": 0}, "MatrixFlow d"), ({"steps": 0}, "MatrixFlow steps"), ({"time": 0.0}, "MatrixFlow time"),
    ({"flow": "isospectral"}, "unknown flow 'isospectral': did you mean 'iso'"), ({"map": "qr"}, "unknown map"),
    ({"activation": "cos"}, "unknown activation"), ({"gates": 0}, "gates"), ({"hidden": 0}, "hidden"),
    ({"dtype": np.float16}, "dtype: expected")])
def test_bad_arguments_are_refused(options, says):
    with pytest.raises((ValueError, TypeError), match=says):
        made(**options)


def test_inputs_of_another_width_are_refused():
    with pytest.raises(ValueError, match=r"input of flow: expected shape \(N, 4\)"):
        made().forward(np.ones((2, 5)))
    with pytest.raises(ValueError, match="flow1: expected 4 inputs"):
        Network([layers.Linear(3, 5, rng=np.random.default_rng(0)), made()])
