"""What a circle of nudges tells, and how exactly: orders of error, mean values, the tangent, the oscillation."""

import numpy as np
import pytest
from hypothesis import given, settings

from feedbackalign.rules.equilibrium.exact_gradients import recurrent_matrix, slopes
from feedbackalign.rules.holomorphic import nudging
from tests.rules.holomorphic.cases import SETTLED, conv_case, dense_case, distance, settle_from, settled_cases

kinds = pytest.mark.parametrize("make", [dense_case, conv_case, lambda: conv_case(pooling="softmax")],
                                ids=["dense", "average pooling", "softmax pooling"])


def slope(xs, ys):
    return float(np.polyfit(np.log(xs), np.log(ys), 1)[0])


@pytest.mark.parametrize("N", [1, 2, 3, 4])
@pytest.mark.parametrize("angle", [0.0, 90.0])
@pytest.mark.parametrize("make", [pytest.param(dense_case, id="dense"),
                                  pytest.param(conv_case, id="conv", marks=pytest.mark.slow)])
def test_the_error_of_N_points_is_of_order_N_in_the_radius(N, angle, make):
    case = make(angle=angle)
    exact, radii = case.tangent().deltas, np.array([0.05, 0.1, 0.2])
    errors = np.array([distance(case.points(r, N).deltas, exact) for r in radii])
    assert errors.min() > 1e-11
    assert abs(slope(radii, errors) - N) <= 0.3
    assert np.all(np.abs(np.log2(errors[1:] / errors[:-1]) - N) <= 0.4)          # half the radius, 2^N less


@kinds
def test_twelve_points_at_a_small_radius_are_the_tangent(make):
    case = make()
    assert distance(case.points(0.05, 12).deltas, case.tangent().deltas) <= 1e-9


@settings(max_examples=10)
@given(settled_cases(activations=("dsilu",)))
def test_twelve_points_are_the_tangent_whatever_the_shape(case):
    assert distance(case.points(0.05, 12).deltas, case.tangent().deltas) <= 1e-9


@settings(max_examples=5)
@given(settled_cases(activations=("dsilu", "tanh")))
def test_the_half_circle_is_the_whole_circle(case):
    for N in (1, 2, 5, 6):
        half, whole = case.points(0.05, N), case.points(0.05, N, nudging.whole_circle)
        assert distance(half.deltas, whole.deltas) <= 1e-12
        assert distance(half.mean, whole.mean) <= 1e-12


@pytest.mark.parametrize("N", range(1, 10))
def test_the_half_circle_counts_every_point_once(N):
    half = nudging.half_circle(0.3, N)
    assert sum(count for _, count in half) == N and len(half) == N // 2 + 1
    points = [beta for beta, _ in half] + [np.conj(beta) for beta, count in half if count == 2]
    for beta, _ in nudging.whole_circle(0.3, N):
        assert sum(abs(beta - point) < 1e-12 for point in points) == 1
    assert all(isinstance(beta, float) for beta, count in half if count == 1)


def test_one_point_is_the_one_sided_and_two_the_symmetric_estimate():
    case, r = dense_case(), 0.1
    plus, minus = case.phase(r)[0], case.phase(-r)[0]
    for delta, a, free in zip(case.points(r, 1).deltas, plus, case.free):
        np.testing.assert_allclose(delta, (a - free) / r, rtol=0, atol=1e-12)
    for delta, a, b in zip(case.points(r, 2).deltas, plus, minus):
        np.testing.assert_allclose(delta, (a - b) / (2 * r), rtol=0, atol=1e-12)


def test_the_mean_of_the_states_is_the_free_state_to_order_N():
    case, radii = dense_case(), np.array([0.1, 0.2, 0.4])
    for N in (2, 3, 4):
        gaps = [distance(case.points(r, N).mean, case.free) for r in radii]
        assert abs(slope(radii, gaps) - N) <= 0.3
    assert distance(case.points(0.05, 6).mean, case.free) <= 1e-9


@kinds
def test_the_tangent_is_the_derivative_by_a_real_nudge(make):
    case, h = make(), 1e-4
    up, down = case.phase(h)[0], case.phase(-h)[0]
    for delta, a, b in zip(case.tangent().deltas, up, down):
        np.testing.assert_allclose(delta, (a - b) / (2 * h), rtol=1e-5, atol=1e-8)


def test_the_tangent_settles_geometrically():
    case = dense_case()
    exact = case.tangent().deltas
    errors = [distance(case.tangent(steps).deltas, exact) for steps in (20, 40, 60)]
    first, second = errors[1] / errors[0], errors[2] / errors[1]
    assert errors[0] > errors[1] > errors[2] > 1e-11 and 0.1 < second / first < 10
    W, _ = recurrent_matrix(case.chain, case.B)
    D = np.concatenate(slopes(case.chain, case.x, case.free, case.B), axis=1)       # (N, n)
    damped_steps = [0.5 * np.eye(len(W)) + 0.5 * d[:, None] * W for d in D]
    slowest = max(np.abs(np.linalg.eigvals(step)).max() for step in damped_steps)
    assert 0.85 < second ** (1 / 20) / slowest < 1.15


def test_a_circle_too_wide_shows_in_the_defect_not_in_the_residual():
    """Every phase settles, the answer of the wide circle is wrong all the same, and the defect says so."""
    case = dense_case((6, 16, 14, 8, 5), activation="steep-sigmoid", angle=0.0)
    exact = case.tangent().deltas
    narrow, wide = case.points(0.02, 8), case.points(2.0, 8)
    assert narrow.residual <= SETTLED and wide.residual <= SETTLED
    assert distance(narrow.deltas, exact) <= 1e-6 and distance(wide.deltas, exact) >= 0.02
    assert nudging.mean_value_defect(narrow, case.free, 0.02) <= 1e-4
    assert nudging.mean_value_defect(wide, case.free, 2.0) >= 0.02


def test_the_defect_bounds_the_error_of_a_circle_from_above():
    """It is one order in the radius larger than the error."""
    case = dense_case()
    exact = case.tangent().deltas
    for N in (2, 3, 4, 6):
        for r in (0.1, 0.5):
            estimate = case.points(r, N)
            error, defect = distance(estimate.deltas, exact), nudging.mean_value_defect(estimate, case.free, r)
            assert 0.3 * error <= defect <= 100 * error


def test_the_defect_of_one_point_is_one_and_of_a_tangent_undefined():
    case = dense_case()
    assert abs(nudging.mean_value_defect(case.points(0.1, 1), case.free, 0.1) - 1) <= 1e-9
    assert nudging.mean_value_defect(case.tangent(), case.free, 0.1) is None
    nothing = nudging.Estimate([np.zeros((1, 2))], [np.zeros((1, 2))])
    assert nudging.mean_value_defect(nothing, [np.zeros((1, 2))], 0.1) is None
    assert nudging.mean_value_defect(nothing, [np.ones((1, 2))], 0.1) == float("inf")


@pytest.mark.slow
def test_the_oscillation_agrees_with_the_points_after_its_first_period():
    case = dense_case()
    options = {"radius": 0.1, "feedback": case.B}
    for N in (2, 3, 4):
        discrete = case.points(0.1, N)
        online = nudging.oscillate(case.chain, case.x, case.targets, points=N, periods=1, steps=300, **options)
        assert distance(online.deltas, discrete.deltas) <= 1e-9
        assert distance(online.mean, discrete.mean) <= 1e-9
    fast = [nudging.oscillate(case.chain, case.x, case.targets, points=4, periods=2, steps=steps, **options)
            for steps in (10, 40)]
    exact = case.points(0.1, 4).deltas
    assert distance(fast[1].deltas, exact) < 0.1 * distance(fast[0].deltas, exact)     # it has to follow
    assert fast[1].residual < fast[0].residual


@pytest.mark.slow
def test_more_periods_of_an_oscillation_only_average():
    case = dense_case()
    options = {"radius": 0.1, "feedback": case.B, "points": 3, "steps": 300}
    one, three = (nudging.oscillate(case.chain, case.x, case.targets, periods=k, **options) for k in (1, 3))
    assert distance(one.deltas, three.deltas) <= 1e-9


def test_a_loss_without_gradient_gives_no_error():
    case = dense_case((3, 5, 4), loss="squared-error", activation="tanh")
    free = case.free
    case.targets = free[-1].copy()
    for radius, N in ((0.1, 1), (0.1, 2), (0.1, 5)):
        estimate = case.points(radius, N)
        assert max(np.abs(delta).max() for delta in estimate.deltas) <= 1e-10
    assert all((delta == 0).all() for delta in case.tangent(50).deltas)


@pytest.mark.parametrize(("radius", "points", "says"), [
    (0.1, 0, "points: expected an integer of at least 1, got 0"),
    (0.1, -2, "points: expected an integer of at least 1, got -2"),
    (0.0, 4, r"radius: expected a finite number in \(0, inf\), got 0\.0"),
    (1e-9, 4, r"radius: expected at least 1\.5e-08"),
    (-0.1, 4, r"radius: expected a finite number in \(0"),
    (1e308, 4, r"radius: expected at most 6\.7e\+07 in float64, got 1e\+308"),
    (float("nan"), 4, "radius: expected a finite number"),
])
def test_a_circle_that_cannot_be_walked_is_refused(radius, points, says):
    with pytest.raises(ValueError, match=says):
        nudging.require_circle(radius, points)


def test_a_phase_is_settled_from_the_free_state():
    """Each point starts from a(0), not from the point before: the order of the points does not matter."""
    case = dense_case()

    def phase(beta):
        return case.rule.settle(case.x, case.free, steps=3, beta=beta, targets=case.targets)

    circle = nudging.half_circle(0.2, 6)
    forth, back = nudging.cauchy_sum(phase, case.free, circle), nudging.cauchy_sum(phase, case.free, circle[::-1])
    assert distance(forth.deltas, back.deltas) <= 1e-14
    assert settle_from(case.rule, case.x, case.free)[1] <= SETTLED
