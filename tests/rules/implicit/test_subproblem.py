"""The two solvers: never uphill, never too far, and zero gradients where they say so."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedbackalign.rules.implicit import subproblem
from feedbackalign.rules.implicit.solve import amended
from feedbackalign.rules.implicit.subproblem import SubProblem, armijo, conjugate_gradients, newton
from tests.rules.implicit.cases import gap, rows
from tests.strategies import seeds

SOLVERS = {"cg": conjugate_gradients, "newton": lambda problem: newton(problem)[0]}
every_solver = pytest.mark.parametrize("solver", SOLVERS.values(), ids=SOLVERS.keys())


@st.composite
def problems(draw, linear=None):
    """One layer's problem, linear or with ReLUs, with λ = ρ ‖K‖₂."""
    X, R, penalty, rng = draw(rows())
    linear = draw(st.booleans()) if linear is None else linear
    return SubProblem(X, None if linear else rng.normal(size=R.shape), R, penalty)


def natural(seed, samples=30, inputs=10, units=40):
    """A ReLU problem of ordinary size and scale."""
    rng = np.random.default_rng(seed)
    X, W = rng.normal(size=(samples, inputs)), rng.normal(size=(units, inputs)) / np.sqrt(inputs)
    return SubProblem(X, X @ W.T, 0.5 * rng.normal(size=(samples, units)), penalty=1.0)


@every_solver
@given(problem=problems())
def test_the_sum_never_grows_and_the_step_stays_within_its_bound(solver, problem):
    V, start = solver(problem), (problem.R**2).sum()
    assert problem.objective(V, problem.X @ V.T) <= start * (1 + 1e-9)
    assert problem.penalty * (V**2).sum() <= start * (1 + 1e-9)


@given(problems(linear=True))
def test_linear_steps_obey_the_sharper_bound_and_are_stationary(problem):
    V, status = newton(problem)
    assert (V**2).sum() <= (problem.R**2).sum() / (4 * problem.penalty) * (1 + 1e-12)
    assert gap(V, -amended(problem.X, problem.R, problem.penalty)) == 0
    assert list(status) == ["stationary"] * len(V)
    scale = np.linalg.norm(problem.X, ord=2) * np.linalg.norm(problem.R)
    assert np.linalg.norm(problem.gradient(V, problem.X @ V.T)) <= 1e-10 * scale


@given(problems())
def test_the_gradient_is_the_slope_of_the_sum(problem):
    """Central differences, but where a unit changes sides within the step."""
    rng = np.random.default_rng(0)
    shape = problem.R.shape[1], problem.X.shape[1]
    V, D = (rng.normal(size=shape) / np.linalg.norm(problem.X) for _ in range(2))
    moved, along = problem.X @ V.T, problem.X @ D.T
    h = 1e-5
    if problem.z is None or (np.abs(problem.z + moved) > 2 * h * np.abs(along)).all():
        ends = [problem.objective(V + t * D, moved + t * along) for t in (h, -h)]
        slope = (problem.gradient(V, moved) * D).sum()
        assert abs((ends[0] - ends[1]) / (2 * h) - slope) <= 1e-7 * (abs(slope) + sum(ends))


@given(problem=problems(), t=st.floats(-2, 2))
def test_the_sum_on_a_line_is_the_sum(problem, t):
    rng = np.random.default_rng(0)
    V, D = (rng.normal(size=(problem.R.shape[1], problem.X.shape[1])) for _ in range(2))
    on_line = problem.on_line(V, problem.X @ V.T, D, problem.X @ D.T)(t)
    np.testing.assert_allclose(on_line, problem.objective(V + t * D, problem.X @ (V + t * D).T), rtol=1e-10)


# --------------------------------------------------------------------------------------------------------- Newton

@given(problems(linear=False))
def test_newton_has_a_zero_gradient_where_it_says_stationary(problem):
    V, status = newton(problem)
    assert status.shape == (len(V),) and set(status) <= {"stationary", "kink", "limit"}
    slopes = np.linalg.norm(problem.gradient(V, problem.X @ V.T), axis=1)
    scale = np.linalg.norm(problem.X) * np.linalg.norm(problem.R, axis=0)
    assert (slopes[status == "stationary"] <= 1e-8 * scale[status == "stationary"]).all()
    assert (slopes[status != "stationary"] > 0).all()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_newton_stops_at_a_kink_with_a_unit_on_it(seed):
    problem = natural(seed, units=15)
    V, status = newton(problem)
    nearest = np.abs(problem.z + problem.X @ V.T).min(axis=0)
    assert (nearest[status == "kink"] < 1e-6).all()
    assert (status == "stationary").sum() > 1 and (status == "kink").sum() > 1


@given(problems(linear=False))
def test_newton_without_kinks_in_its_way_is_the_linear_solve(problem):
    far = 10 * np.linalg.norm(problem.X, ord=2) * np.linalg.norm(problem.R) / np.sqrt(problem.penalty)
    high = SubProblem(problem.X, np.abs(problem.z) + far + 10 * np.linalg.norm(problem.R), problem.R, problem.penalty)
    V, status = newton(high)
    assert set(status) == {"stationary"}
    assert gap(V, -amended(problem.X, problem.R, problem.penalty)) <= 1e-6
    V, status = newton(SubProblem(problem.X, -high.z, problem.R, problem.penalty))
    assert not V.any() and set(status) == {"stationary"}                        # silent units know only the penalty


def test_newton_finds_a_lower_sum_than_conjugate_gradients_mostly():
    sums = []
    for seed in range(20):
        problem = natural(seed, samples=12, inputs=6, units=4)
        sums.append([problem.objective(V, problem.X @ V.T) for V in (solver(problem) for solver in SOLVERS.values())])
    assert sum(by_newton < by_cg for by_cg, by_newton in sums) > 15


def test_a_step_limit_is_told_where_no_kink_is_near(monkeypatch):
    monkeypatch.setattr(subproblem, "NEWTON_STEPS", 12)
    problem = natural(0)
    V, status = newton(problem)
    nearest = np.abs(problem.z + problem.X @ V.T).min(axis=0)
    assert set(status) == {"stationary", "kink", "limit"} and (nearest[status == "limit"] >= 1e-6).all()


# -------------------------------------------------------------------------------------------- conjugate gradients

def five_steps_by_hand(problem):
    """Fletcher and Reeves in plain loops, over functions of W alone."""
    X, z, R, penalty = problem.X, problem.z, problem.R, problem.penalty

    def f(V):
        after = z + X @ V.T
        return ((np.maximum(after, 0) - np.maximum(z, 0) + R)**2).sum() + penalty * (V**2).sum()

    def slope(V):
        after = z + X @ V.T
        return 2 * ((np.maximum(after, 0) - np.maximum(z, 0) + R) * (after > 0)).T @ X + 2 * penalty * V

    V = np.zeros((R.shape[1], X.shape[1]))
    g = slope(V)
    d = -g
    for _ in range(5):
        if (g * d).sum() >= 0:
            d = -g
        first = min(1.0, f(V) / (0.1 * abs((g * d).sum())))
        t = next((first * 0.6**m for m in itertools.takewhile(lambda m: m <= 50, itertools.count())
                  if f(V + first * 0.6**m * d) <= f(V) + 0.1 * first * 0.6**m * (g * d).sum()), 0.0)
        V = V + t * d
        new = slope(V)
        d, g = -new + (new**2).sum() / (g**2).sum() * d, new
    return V


@given(seeds)
def test_conjugate_gradients_are_fletchers_and_reeves_steps(seed):
    problem = natural(seed, samples=8, inputs=4, units=3)
    assert gap(conjugate_gradients(problem), five_steps_by_hand(problem)) <= 1e-9


@given(seed=seeds, tilt=st.floats(0.01, 1))
def test_the_line_search_takes_the_first_length_that_does(seed, tilt):
    problem = natural(seed, samples=8, inputs=4, units=3)
    V, moved = np.zeros((3, 4)), np.zeros((8, 3))
    g = problem.gradient(V, moved)
    d = -tilt * g
    slope, start = (g * d).sum(), problem.objective(V, moved)
    t = armijo(problem.on_line(V, moved, d, problem.X @ d.T), slope)

    def does(t):
        return problem.objective(V + t * d, moved + t * problem.X @ d.T) <= start + 0.1 * t * slope
    first = min(1.0, start / (0.1 * abs(slope)))
    tried = first * 0.6 ** np.arange(51)
    assert t == pytest.approx(next(length for length in tried if does(length)), rel=1e-12)
    assert not does(1.001 * start / (0.1 * abs(slope)))                         # why nothing longer is tried


def test_a_direction_that_leads_up_is_given_up_for_the_gradient(monkeypatch):
    """A first step that is far too long leaves β so large that the next direction leads up."""
    found = []
    search = subproblem.armijo

    def watched(value, slope):
        found.append(slope)
        return search(value, slope)
    monkeypatch.setattr(subproblem, "armijo", watched)
    for seed in range(40):
        problem = natural(seed)
        problem.R *= 30
        conjugate_gradients(problem)
    assert max(found) < 0


def test_at_a_minimum_neither_solver_moves():
    X = np.random.default_rng(0).normal(size=(6, 4))
    for z in (None, np.ones((6, 2))):
        problem = SubProblem(X, z, np.zeros((6, 2)), 1.0)
        assert not any(solver(problem).any() for solver in SOLVERS.values())
