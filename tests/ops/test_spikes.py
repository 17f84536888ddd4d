"""First spike times: the exact facts of the closed form and its derivatives, and wrong versions that they reject."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedbackalign.ops import spikes
from tests.strategies import seeds

GRAZES = 1e-9               # a potential that turns this close to ϑ may or may not have reached it


@st.composite
def neurons(draw, max_samples=3):
    """(times (N, in), weight (out, in), threshold, rng): on a grid, where ties are common, or anywhere."""
    rng = np.random.default_rng(draw(seeds))
    N, inputs, outputs = draw(st.integers(1, max_samples)), draw(st.integers(1, 9)), draw(st.integers(1, 6))
    if draw(st.booleans()):
        times, weight = rng.integers(9, size=(N, inputs)) / 8, rng.integers(-8, 9, size=(outputs, inputs)) / 8
        threshold = draw(st.sampled_from([0.25, 1.0, 2.0]))
    else:
        times, weight = rng.random((N, inputs)), rng.normal(0.4, 1.0, size=(outputs, inputs))
        threshold = float(rng.uniform(0.1, 2.0))
    times[rng.random((N, inputs)) < 0.15] = np.inf
    return times, weight, threshold, rng


def by_hand(t, times, w):
    """V(t) of one neuron, input by input."""
    return sum(weight * max(t - time, 0.0) for time, weight in zip(times, w) if np.isfinite(time))


def bisected(times, w, threshold):
    """The first crossing of one neuron by bisection on V, between the inputs in whose interval it lies."""
    ends = sorted({time for time in times if np.isfinite(time)})
    if not ends:
        return np.inf
    if sum(weight for time, weight in zip(times, w) if np.isfinite(time)) > 1e-12 * np.abs(w).sum():
        last = 2 * ends[-1] + 1
        while by_hand(last, times, w) < threshold:
            last *= 2
        ends.append(last)
    for low, high in itertools.pairwise(ends):
        if by_hand(high, times, w) >= threshold:
            for _ in range(70):
                middle = (low + high) / 2
                low, high = (low, middle) if by_hand(middle, times, w) >= threshold else (middle, high)
            return high
    return np.inf


def grazes(times, weight, threshold, touching=False):
    """Whether a neuron's potential is nearly ϑ at one of its inputs, with `touching` also just ϑ; (N, out)."""
    close, least = np.zeros((len(times), len(weight)), bool), -1.0 if touching else 0.0
    for n, i in np.ndindex(*close.shape):
        for t in times[n][np.isfinite(times[n])]:
            close[n, i] |= least < abs(by_hand(t, times[n], weight[i]) - threshold) < GRAZES
        close[n, i] |= least < abs(weight[i][np.isfinite(times[n])].sum()) < GRAZES
    return close


def assert_first_crossings(find, times, weight, threshold):
    """The answer is the first crossing, or infinite where there is none."""
    found = find(times, weight, threshold)
    clear = ~grazes(times, weight, threshold)
    for n, i in np.argwhere(clear):
        exact = bisected(times[n], weight[i], threshold)
        assert found[n, i] == exact or abs(found[n, i] - exact) <= 1e-10 * max(1.0, exact), (n, i)


def answers(times, weight, threshold):
    return spikes.first_spikes(times, weight, threshold)[0]


@given(neurons())
def test_the_closed_form_is_the_first_crossing(case):
    assert_first_crossings(answers, *case[:3])


@given(neurons())
def test_the_potential_is_at_the_threshold_when_a_neuron_fires(case):
    times, weight, threshold, _ = case
    found, slopes = spikes.first_spikes(times, weight, threshold)
    gap = np.abs(spikes.potential(found, times, weight) - threshold)
    fired = np.isfinite(found)
    assert (gap[fired] <= 1e-11 * np.maximum(1.0, 1.0 / slopes[fired])).all()
    assert (slopes[fired] > 0).all() and np.isinf(slopes[~fired]).all()


@given(neurons())
def test_who_is_driven_upwards_in_the_end_always_fires(case):
    times, weight, threshold, _ = case
    found = answers(times, weight, threshold)
    for n, i in np.ndindex(*found.shape):
        total = weight[i][np.isfinite(times[n])].sum()
        assert np.isfinite(found[n, i]) or total <= 1e-12 * np.abs(weight[i]).sum()


def test_on_a_grid_no_spike_is_lost_and_none_is_late():
    """Spikes that fall on the very time of the next input: as integers, exact."""
    rng = np.random.default_rng(0)
    times, weight = rng.integers(6, size=(40, 8)).astype(float), rng.integers(-3, 4, size=(25, 8)).astype(float)
    found = answers(times / 10, weight / 10, 0.2)                               # tenths: no binary number is exact
    on_an_input = 0
    for n, i in np.ndindex(*found.shape):
        exact = bisected(times[n], weight[i], 20.0)                             # the same, in whole numbers
        assert found[n, i] == exact or abs(10 * found[n, i] - exact) < 1e-9, (n, i)
        on_an_input += exact in times[n]
    assert on_an_input > 10


@given(neurons(), st.floats(-3.0, 3.0), st.floats(0.1, 10.0))
def test_shift_and_scale(case, shift, scale):
    """Away from grazing: later inputs, later spikes; slower inputs and a higher ϑ, slower; weights with ϑ, the same."""
    times, weight, threshold, _ = case
    found, slopes = spikes.first_spikes(times, weight, threshold)
    clear = ~grazes(times, weight, threshold, touching=True)                    # no grid survives another unit of time
    for moved, expected in ((answers(times + shift, weight, threshold), found + shift),
                            (answers(scale * times, weight, scale * threshold), scale * found),
                            (answers(times, scale * weight, scale * threshold), found)):
        same = moved == expected                                                # infinite both
        tolerance = 1e-11 * (1 + scale) * np.maximum(1.0, 1.0 / slopes)
        with np.errstate(invalid="ignore"):
            assert (same | (np.abs(moved - expected) <= tolerance) | ~clear).all()


# ------------------------------------------------------------------------------------------------------ derivatives

def derivatives(times, weight, threshold):
    """(∂t_i/∂t_j, ∂t_i/∂w_ij, spikes, slopes) of one sample: (out, in) twice, (out,) twice."""
    found, slopes = spikes.first_spikes(times, weight, threshold)
    out = len(weight)
    by_input = spikes.spike_transport(np.eye(out), *(np.repeat(part, out, axis=0) for part in (found, slopes, times)),
                                      weight)                                   # every neuron alone
    by_weight = spikes.spike_weight_gradient(np.ones((1, out)), found, slopes, times)
    return by_input, by_weight, found[0], slopes[0]


@given(neurons(max_samples=1))
def test_derivatives_add_up(case):
    """Σ_j ∂t_i/∂t_j = 1, for all shift together, and Euler: Σ_j w_ij ∂t_i/∂w_ij = −ϑ/S_i."""
    times, weight, threshold, _ = case
    by_input, by_weight, found, slopes = derivatives(times, weight, threshold)
    fired = np.isfinite(found)
    tolerance = 1e-11 * np.maximum(1.0, 1.0 / slopes[fired])
    assert (np.abs(by_input.sum(axis=1)[fired] - 1.0) <= tolerance).all()
    euler = (weight * by_weight).sum(axis=1)[fired] * slopes[fired]
    assert (np.abs(euler + threshold) <= tolerance).all()


@given(neurons(max_samples=1))
def test_late_inputs_and_silent_neurons_have_no_gradient(case):
    times, weight, threshold, _ = case
    by_input, by_weight, found, _ = derivatives(times, weight, threshold)
    late = ~(times < found[:, None]) | ~np.isfinite(found)[:, None]
    assert not by_input[late].any() and not by_weight[late].any()
    assert (by_input[~late] != 0).sum() == (weight[~late] != 0).sum() and (by_weight[~late] < 0).all()


def differences(times, weight, threshold, margin=1e-3, h=1e-6):
    """Central differences of one sample's spikes: (∂t_i/∂t_j, ∂t_i/∂w_ij, who is far from every kink and graze)."""
    found = answers(times, weight, threshold)[0]
    apart = np.abs(found[:, None] - np.where(np.isfinite(times), times, -9.0)).min(axis=1) > margin
    tops = np.array([[by_hand(t, times[0], w) for t in times[0] if np.isfinite(t)] or [0.0] for w in weight])
    clear = np.isfinite(found) & apart & (np.abs(tops - threshold).min(axis=1) > margin)
    by_input, by_weight = np.zeros(weight.shape), np.zeros(weight.shape)
    for j in np.flatnonzero(np.isfinite(times[0])):
        step = h * (np.arange(times.shape[1]) == j)
        for into, moved in ((by_input, lambda s: answers(times + s, weight, threshold)),  # noqa: B023
                            (by_weight, lambda s: answers(times, weight + s, threshold))):
            into[clear, j] = (moved(step)[0][clear] - moved(-step)[0][clear]) / (2 * h)
    return by_input, by_weight, clear


def assert_derivatives(given_derivatives, times, weight, threshold):
    by_input, by_weight, clear = differences(times, weight, threshold)
    ours = given_derivatives(times, weight, threshold)
    slopes = np.where(clear, ours[3], 1.0)
    for mine, theirs, power in ((ours[0], by_input, 2), (ours[1], by_weight, 3)):
        error = np.abs(mine - theirs)[clear].max(axis=1, initial=0.0)
        assert (error <= 1e-6 * np.maximum(1.0, 1.0 / slopes[clear]) ** power).all()
    return clear.sum()


@settings(max_examples=60)
@given(neurons(max_samples=1))
def test_derivatives_are_central_differences(case):
    assert_derivatives(derivatives, *case[:3])


# ------------------------------------------------------------------------------------------------- wrong versions

def by_interval(times, weight, threshold, take):
    """What stands in the books: c_k of a segment whose own crossing lies inside it; `take` says which valid one."""
    order = np.argsort(times, axis=1)
    t, w = np.take_along_axis(times, order, axis=1), weight.T[order]            # (N, in), (N, in, out)
    S, P = np.cumsum(w, axis=1), np.cumsum(w * t[:, :, None], axis=1)
    ends = np.append(t[:, 1:], np.full((len(t), 1), np.inf), axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        c = (threshold + P) / S
    valid = (S > 0) & (t[:, :, None] <= c) & (c <= ends[:, :, None])
    k = take(valid)
    return np.where(valid.any(axis=1), np.take_along_axis(c, k[:, None, :], axis=1)[:, 0], np.inf)


def first_inside_its_interval(times, weight, threshold):
    return by_interval(times, weight, threshold, lambda valid: valid.argmax(axis=1))


def last_valid(times, weight, threshold):
    return by_interval(times, weight, threshold, lambda valid: valid.shape[1] - 1 - valid[:, ::-1].argmax(axis=1))


def all_causal(times, weight, threshold):
    S = weight.sum(axis=1)
    return np.where(S > 0, (threshold + times @ weight.T) / np.where(S > 0, S, 1.0), np.inf)


@pytest.mark.parametrize("wrong", [last_valid, all_causal])
def test_another_segment_is_rejected(wrong):
    rng = np.random.default_rng(0)
    times, weight = rng.random((10, 8)), rng.normal(0.2, 1.0, size=(10, 8))
    for right in (answers, first_inside_its_interval):                          # of these, away from any grid
        assert_first_crossings(right, times, weight, 0.1)
    with pytest.raises(AssertionError):
        assert_first_crossings(wrong, times, weight, 0.1)


def test_the_interval_test_loses_spikes_on_a_grid():
    rng = np.random.default_rng(0)
    times, weight = rng.integers(17, size=(300, 12)) / 10, rng.integers(-9, 10, size=(300, 12)) / 10
    ours, theirs = answers(times, weight, 0.2), first_inside_its_interval(times, weight, 0.2)
    lost = np.isfinite(ours) & (theirs > np.where(np.isfinite(ours), ours, 0.0) + 1e-6)
    assert lost.sum() > 5
    for n, i in np.argwhere(lost)[:5]:
        assert abs(ours[n, i] - bisected(10 * times[n], 10 * weight[i], 20.0) / 10) < 1e-9


@pytest.mark.parametrize("spoil", [
    lambda by_input, by_weight, *rest: (-by_input, by_weight, *rest),
    lambda by_input, by_weight, *rest: (by_input, -by_weight, *rest),
    lambda by_input, by_weight, found, slopes: (by_input * slopes[:, None], by_weight, found, slopes),
], ids=["∂t/∂t_in", "∂t/∂w", "not over S"])
def test_wrong_derivatives_are_rejected(spoil):
    rng = np.random.default_rng(1)
    times, weight = rng.random((1, 6)), rng.normal(0.5, 0.6, size=(9, 6))
    assert assert_derivatives(derivatives, times, weight, 1.0) > 3
    with pytest.raises(AssertionError):
        assert_derivatives(lambda *case: spoil(*derivatives(*case)), times, weight, 1.0)


def test_derivatives_through_all_inputs_are_rejected():
    rng = np.random.default_rng(1)
    times, weight = rng.random((1, 6)), rng.normal(0.5, 0.6, size=(9, 6))

    def all_inputs(times, weight, threshold):
        by_input, by_weight, found, slopes = derivatives(times, weight, threshold)
        return weight / slopes[:, None], by_weight, found, slopes
    with pytest.raises(AssertionError):
        assert_derivatives(all_inputs, times, weight, 1.0)


# ------------------------------------------------------------------------------------- float32, memory, and silence

@given(neurons())
def test_in_float32_every_sum_is_still_taken_in_float64(case):
    times, weight, threshold, rng = case
    times, weight = times.astype(np.float32), weight.astype(np.float32)
    found, slopes = spikes.first_spikes(times, weight, threshold)
    exact, steep = spikes.first_spikes(times.astype(np.float64), weight.astype(np.float64), threshold)
    assert found.dtype == slopes.dtype == np.float32
    np.testing.assert_array_equal(found, exact.astype(np.float32))
    error = rng.normal(size=found.shape)
    same = (spikes.causal_set(found, times) == spikes.causal_set(exact, times)).all()
    for product, more in ((spikes.spike_weight_gradient, ()), (spikes.spike_transport, (weight,))):
        ours, wide = product(error.astype(np.float32), found, slopes, times, *more), product(
            error, exact, steep, times, *more)
        assert ours.dtype == np.float32
        tolerance = 1e-5 * max(1.0, (1.0 / steep).max()) * max(1.0, np.abs(wide).max(initial=0.0))
        assert not same or np.abs(ours - wide).max() <= tolerance


@pytest.mark.parametrize("tau", [None, 0.5])
def test_samples_may_be_taken_one_at_a_time(monkeypatch, tau):
    rng = np.random.default_rng(0)
    times, weight, error = rng.random((7, 5)), rng.normal(0.6, 0.5, size=(4, 5)), rng.normal(size=(7, 4))

    def everything():
        found = spikes.first_spikes(times, weight, 0.7, 5.0, tau)
        return [*found, spikes.spike_weight_gradient(error, *found, times, tau),
                spikes.spike_transport(error, *found, times, weight, tau)]
    whole = everything()
    monkeypatch.setattr(spikes, "CHUNK", 1)
    assert len(spikes.parts(7, 20)) == 7
    for one, other in zip(whole, everything()):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-14)


def test_who_would_fire_after_t_max_is_silent_and_who_fires_then_is_not():
    times, weight = np.array([[0.0, 0.5]]), np.array([[1.0, 0.0], [0.4, 0.0], [0.5, 0.0]])
    found, slopes = spikes.first_spikes(times, weight, 1.0, 2.0)
    assert found.tolist() == [[1.0, np.inf, 2.0]] and slopes.tolist() == [[1.0, np.inf, 0.5]]


def test_an_input_at_the_very_time_of_the_spike_came_too_late():
    times, weight = np.array([[0.0, 0.5, 1.0]]), np.array([[1.0, 1.0, 1.0]])
    by_input, by_weight, found, slopes = derivatives(times, weight, 1.5)
    assert (found, slopes) == (1.0, 2.0)
    assert by_input.tolist() == [[0.5, 0.5, 0.0]] and by_weight.tolist() == [[-0.5, -0.25, 0.0]]
    assert spikes.causal_set(np.array([[1.0]]), times).tolist() == [[[True, True, False]]]


def test_a_spike_that_is_rounded_onto_an_input_keeps_the_slope_of_its_segment():
    """V stays just below ϑ until a third input lifts it: in float32 the spike and that input are one time."""
    times, weight = np.array([[0.0, 1.0, 2.0]], np.float32), np.array([[1.0, -1.0, 5.0]], np.float32)
    found, slopes = spikes.first_spikes(times, weight, 1.0 + 1e-9)
    assert found.tolist() == [[2.0]] and slopes.tolist() == [[5.0]]


def test_the_push_on_silent_neurons_is_the_shortfall_of_every_input():
    times, push = np.array([[0.0, 1.0, 5.0, np.inf]]), np.array([[2.0, 0.0]])
    np.testing.assert_array_equal(spikes.silent_gradient(push, times, 4.0), [[-2.0, -1.5, 0.0, 0.0], [0, 0, 0, 0]])
    np.testing.assert_array_equal(spikes.silent_gradient(push, times, np.inf), [[-2.0, -2.0, -2.0, 0], [0, 0, 0, 0]])
