"""What is exactly true of flows holds at any draw, and flows with one thing wrong are found."""

import numpy as np
import pytest
from hypothesis import given, settings

from feedbackalign import rules
from feedbackalign.layers import flows
from feedbackalign.ops import skew
from feedbackalign.ops.vector_fields import symmetric
from feedbackalign.rules.flows import controls, truths
from tests.rules.tools import wrong_truths
from tests.strategies import seeds

KIND = rules.TABLE["ode-to-ode"]


@pytest.mark.parametrize("truth", truths.ALL)
@settings(max_examples=8)
@given(seed=seeds)
def test_it_holds(truth, seed):
    assert wrong_truths(KIND, [truth], seed) == []


@given(seed=seeds)
def test_in_float32_it_holds_but_for_rounding(seed):
    for flow, x, error in truths.drawn_flows(np.random.default_rng(seed), activations=truths.NEVER_LARGER):
        flow.astype(np.float32)
        flow.forward(x.astype(np.float32))
        flow.backward(error.astype(np.float32))
        assert flow.errors.dtype == flow.matrices.dtype == np.float32
        assert max(map(flows.departure, flow.matrices)) <= 1e-4
        assert max(truths.outside(flow, axis).max() for axis in (2, (1, 2))) <= 1e-5
        if flow.flow == "iso":
            H = flow.matrices.transpose(0, 2, 1) @ symmetric(flow.Q) @ flow.matrices
            np.testing.assert_allclose(np.linalg.eigvalsh(H), np.tile(np.linalg.eigvalsh(H[0]), (len(H), 1)), atol=1e-4)


def test_the_band_is_near_enough_to_be_a_statement():
    """Of the drawn flows some come within three percent of an edge."""
    gaps = []
    for seed in range(20):
        for flow, x, error in truths.drawn_flows(np.random.default_rng(seed), activations=truths.NEVER_LARGER):
            flow.forward(x)
            flow.backward(error)
            gaps.append(float(truths.outside(flow, 2).max()))
    assert -0.03 < max(gaps) < 0


def test_gentle_makes_every_turn_at_most_a_half():
    for flow, x, _ in truths.drawn_flows(np.random.default_rng(3)):
        flow.parameters()["S" if flow.flow == "free-time" else "a" if flow.flow == "gated" else "Q"][...] *= 20
        truths.gentle(flow, x)
        turns = [np.linalg.norm(flow.h * (M - M.T), 2) for M, *_ in flow.turns]
        assert 0.01 < max(turns) <= 0.5


# ----------------------------------------------------------------------------------------------------- wrong versions

def minus_i(G, mu, U):
    return skew.skew_exp_adjoint(G, -mu, U)


def half_turned(self, W, M):
    """E turns W on the way up only half as far as the way down believes."""
    E, *memory = flows.MAPS[self.map][0](0.5 * self.h * (M - M.T))
    return W @ E, E, *memory


def euler_turn(self, W, M):
    E = np.eye(len(W)) + self.h * (M - M.T)
    return W @ E, E, *flows.MAPS[self.map][0](self.h * (M - M.T))[1:]


def without_source(self, Pi, W, M, E, *memory):
    return Pi @ E.T, np.zeros_like(M)


def one_sided(self, Pi, W, M, E, *memory):
    """∂L/∂M without its antisymmetric half."""
    return Pi @ E.T, self.h * flows.MAPS[self.map][1](W.T @ Pi, *memory)


def found(truth, draws=6):
    return any(wrong_truths(KIND, [truth], seed) for seed in range(draws))


@pytest.mark.parametrize(("name", "wrong", "truth"), [
    ("turn", half_turned, truths.adjoint), ("turn", euler_turn, truths.orthogonal),
    ("turn", euler_turn, truths.isospectral), ("turn_back", without_source, truths.adjoint),
    ("turn_back", one_sided, truths.adjoint)])
def test_a_wrong_turn_is_found(name, wrong, truth, monkeypatch):
    monkeypatch.setattr(flows.MatrixFlow, name, wrong)
    assert found(truth)


def test_phi_with_minus_i_is_found(monkeypatch):
    monkeypatch.setitem(flows.MAPS, "exp", (skew.skew_exp, minus_i))
    assert found(truths.adjoint)


def test_a_field_that_is_not_skew_is_found(monkeypatch):
    """Its gradient is right; nothing else that is said of flows is."""
    monkeypatch.setattr(truths, "MatrixFlow", controls.NotSkew)
    assert found(truths.orthogonal) and found(truths.isospectral) and found(truths.bounded, draws=40)


def test_a_band_of_another_width_is_found(monkeypatch):
    right = flows.MatrixFlow.band

    def narrow(self):
        low, high = right(self)
        return high**-1, low**-1                                                # the bounds of the inverse ratio
    monkeypatch.setattr(flows.MatrixFlow, "band", narrow)
    assert found(truths.bounded)


def test_a_step_that_loses_its_h_is_found(monkeypatch):
    monkeypatch.setattr(truths, "central_differences", lambda *given: 1.01 * np.ones_like(given[-1]))
    assert found(truths.adjoint)


@pytest.mark.parametrize("kind", [controls.NotSkew, controls.Constant])
def test_the_way_down_of_the_controls_is_exact(kind):
    rng = np.random.default_rng(0)
    layer = kind(4, 3, activation="tanh", rng=rng, dtype=np.float64)
    x, error = rng.normal(size=(2, 3, 4))
    layer.forward(x)
    down = layer.backward(error)
    given_back = {"x": down, "W0": layer.start_gradient, **layer.gradients}
    for name, array in {"x": x, "W0": layer.W0, **layer.parameters()}.items():
        exact = truths.central_differences(layer, x, error, array)
        np.testing.assert_allclose(given_back[name], exact, rtol=1e-6, atol=1e-8)


def test_the_constant_matrix_is_a_parameter_and_free():
    layer = controls.Constant(4, 3, rng=np.random.default_rng(0), dtype=np.float64)
    assert list(layer.parameters()) == ["W0"] and layer.state() == {}
    layer.W0[...] = 2.0
    layer.forward(np.ones((1, 4)))
    assert all(np.array_equal(W, layer.W0) for W in layer.matrices)
