"""First spikes: every neuron adds up what its input spikes do to its potential, and fires once, when it gets to ϑ.

    potential           V_i(t) = Σ_j w_ij K(t − t_j)          t_j: when input j spikes, infinite if it never does
    spike time          t_i = inf {t : V_i(t) ≥ ϑ}            infinite if that is after t_max, or never: silent
    slope there         S_i = V_i'(t_i) = Σ_j w_ij K'(t_i − t_j)

    ramp kernel         K(s) = max(s, 0)                      V bends at each input and is straight in between
    alpha kernel        K(s) = (s/τ) exp(1 − s/τ), s > 0      rises and decays again: the usual postsynaptic potential

By implicit differentiation of V_i(t_i) = ϑ, with g = ∂L/∂t_i, and 0 wherever input j comes at t_i or later:

    ∂L/∂w_ij = −Σ_N (g_i/S_i) K(t_i − t_j)                    ∂L/∂t_j = Σ_i (g_i/S_i) w_ij K'(t_i − t_j)

`tau` is None for the ramp and τ for the alpha kernel. All is computed in float64 and returned in the times' own dtype,
some samples at a time, so that memory stays bounded: arrays (samples, out, in) hold about `CHUNK` numbers.
"""

import numpy as np

CHUNK = 2**18               # 2 MB in float64: what is worked on together stays in the cache
TINY = 1e-12                # a sum of weights below this share of their magnitudes is rounding
CELLS = 160                 # of the grid on which the alpha kernel's crossings are looked for
PRECISION = 1e-12           # of the bisection


def latency_code(intensities, window=1.0, zero_silent=True):
    """The stronger, the earlier: t = window · (1 − s), and a reference spike at 0: (N, n) in [0, 1] -> (N, n + 1).

    Intensity 0 never spikes, or with zero_silent=False at the end of the window.

    >>> latency_code(np.array([[1.0, 0.25, 0.0]]))
    array([[0.  , 0.75,  inf, 0.  ]])
    """
    times = window * (1.0 - intensities)
    if zero_silent:
        times = np.where(intensities > 0.0, times, times.dtype.type(np.inf))
    return np.concatenate([times, np.zeros_like(times[:, :1])], axis=1)         # (N, n) -> (N, n + 1)


def kernel(lag, tau=None):
    """K(s), what an input adds to the potential of weight 1 when it came `lag` ago; any shape.

    >>> kernel(np.array([-1.0, 0.5, 2.0]))
    array([0. , 0.5, 2. ])
    >>> kernel(np.array([-1.0, 0.5, 2.0]), tau=0.5)
    array([0.        , 1.        , 0.19914827])
    """
    lag = np.maximum(lag, 0.0)
    return lag if tau is None else lag / tau * np.exp(1.0 - lag / tau)


def kernel_slope(lag, tau=None):
    """K'(s): 0 until the input has come, from then on 1 for the ramp."""
    came = (lag > 0.0).astype(lag.dtype)
    if tau is None:
        return came
    lag = np.maximum(lag, 0.0)
    return came * (1.0 - lag / tau) * np.exp(1.0 - lag / tau) / tau


def potential(t, times, weight, tau=None):
    """V of every neuron at times of its own: t (N, out), times (N, in), weight (out, in) -> (N, out)."""
    return _weighted(kernel(_lags(t, times), tau), weight).astype(t.dtype)


def first_spikes(times, weight, threshold=1.0, t_max=np.inf, tau=None):
    """When every neuron fires first, and how steeply its potential rises then.

    Parameters
    ----------
    times : array (N, in)
        When the inputs spike; infinite where one does not.
    weight : array (out, in)
    threshold : float above 0
    t_max : float
        What would fire later stays silent; finite for the alpha kernel.
    tau : float, optional
        None: ramp kernel, in closed form. Else alpha: the first of 160 cells between the sample's first input and t_max
        at whose end V is at ϑ or above, then bisection. A potential that crosses ϑ twice within one cell is missed.

    Returns
    -------
    (spikes, slopes), both (N, out)
        Both infinite where a neuron is silent, so that an error over its slope is 0.

    >>> first_spikes(np.array([[0.0, 1.0]]), np.array([[0.5, 0.5], [-1.0, -1.0]]))
    (array([[1.5, inf]]), array([[ 1., inf]]))
    """
    spikes, slopes = (np.empty((len(times), len(weight)), times.dtype) for _ in range(2))
    find = _crossings_in_cells if tau else _crossings_on_segments
    for part in parts(len(times), max(len(weight), CELLS if tau else 0) * weight.shape[1]):
        t, w = times[part].astype(np.float64), weight.astype(np.float64)
        found, least = find(t, w, threshold, t_max, tau)
        spikes[part] = found = np.where(found <= t_max, found, np.inf).astype(times.dtype)
        rise = _weighted(kernel_slope(_lags(found, t), tau), w)                 # of the inputs that came before
        rise = np.where(rise > TINY * np.abs(w).sum(axis=1), rise, least)       # rounding may leave none to count
        slopes[part] = np.where(np.isfinite(found), rise, np.inf)
    return spikes, slopes


def spike_weight_gradient(error, spikes, slopes, times, tau=None):
    """∂W_ij = −Σ_N (g_i/S_i) K(t_i − t_j): error, spikes, slopes (N, out), times (N, in) -> (out, in)."""
    total, per_slope = np.zeros((spikes.shape[1], times.shape[1])), error.astype(np.float64) / slopes
    for part in parts(len(times), total.size):
        total -= np.einsum("no,noi->oi", per_slope[part], kernel(_lags(spikes[part], times[part]), tau))
    return total.astype(error.dtype)


def spike_transport(error, spikes, slopes, times, weight, tau=None):
    """∂t_j = Σ_i (g_i/S_i) w_ij K'(t_i − t_j), through any weights (out, in): error (N, out) -> (N, in).

    What each neuron's spike time depended on stays as it was: slopes and times are those of the forward pass.
    """
    down, per_slope = np.empty(times.shape), error.astype(np.float64) / slopes
    for part in parts(len(times), weight.size):
        through = weight * kernel_slope(_lags(spikes[part], times[part]), tau)              # (N, out, in)
        down[part] = np.matmul(per_slope[part][:, None, :], through)[:, 0]      # (N, 1, out) x (N, out, in)
    return down.astype(error.dtype)


def silent_gradient(push, times, t_max):
    """−Σ_N push_i · max(t_max − t_j, 0)/t_max: push (N, out), times (N, in) -> (out, in).

    What earlier inputs would have contributed most is pushed up most; an input that never came is not.
    """
    came = np.isfinite(times)
    share = came * np.maximum(1.0 - np.where(came, times, 0.0) / t_max, 0.0)    # (N, in)
    return -(push.T @ share.astype(push.dtype))                                 # (out, N) x (N, in) -> (out, in)


def causal_set(spikes, times):
    """Which inputs came before the spike, strictly; none for a silent neuron: (N, out), (N, in) -> (N, out, in)."""
    return _lags(spikes, times) > 0.0


def parts(samples, entries):
    """Slices over the batch with about CHUNK numbers in each, `entries` being those of one sample."""
    step = max(1, CHUNK // entries)
    return [slice(start, start + step) for start in range(0, samples, step)]


def _lags(spikes, times):
    """t_i − t_j in float64: (N, out), (N, in) -> (N, out, in); minus infinity where one of the two is silent."""
    spikes = np.where(np.isfinite(spikes), spikes, -np.inf)
    return np.subtract(spikes[:, :, None], times[:, None, :], dtype=np.float64)


def _weighted(each, weight):
    """Σ_j w_ij each_ij: (N, out, in), (out, in) -> (N, out)."""
    return np.einsum("noi,oi->no", each, weight)


def _crossings_on_segments(times, weight, threshold, t_max, tau):
    """The ramp: between its k-th and its next input a potential is S_k t − P_k, sums over the first k inputs.

    The first k is taken for which S_k is positive and ϑ is reached by the next input's time; on the last segment a
    positive S_k is enough. -> (crossings, S_k), (N, out) both.
    """
    order = np.argsort(times, axis=1, kind="stable")                            # (N, in)
    t = np.take_along_axis(times, order, axis=1)
    came = np.isfinite(t)                                                       # those that never come are sorted last
    ends = np.concatenate([t[:, 1:], np.full_like(t[:, :1], np.inf)], axis=1)   # t_(k+1)
    t, is_last = np.where(came, t, 0.0), ~np.isfinite(ends)
    w = weight.T[order] * came[:, :, None]                                      # (N, in, out)
    S, P = _running_sums(w), _running_sums(w * t[:, :, None])
    reached = S * np.where(is_last, 0.0, ends)[:, :, None] - P >= threshold
    rises = S > TINY * _running_sums(np.abs(w))
    valid = rises & (reached | is_last[:, :, None])
    k = valid.argmax(axis=1)                                                    # (N, out): the first
    fires = valid.any(axis=1)
    S, P = (np.take_along_axis(sums, k[:, None, :], axis=1)[:, 0] for sums in (S, P))       # (N, out)
    crossings = (threshold + P) / np.where(fires, S, 1.0)
    crossings = np.clip(crossings, np.take_along_axis(t, k, axis=1), np.take_along_axis(ends, k, axis=1))
    return np.where(fires, crossings, np.inf), S


def _running_sums(terms):
    """Sums over the first k inputs, for every k: what np.cumsum does along axis 1, in a fifth of its time."""
    sums = terms.copy()                                                         # (N, in, out)
    for k in range(1, terms.shape[1]):
        sums[:, k] += sums[:, k - 1]
    return sums


def _crossings_in_cells(times, weight, threshold, t_max, tau):
    """Any kernel: bracket on a grid, then bisect in all brackets at once. -> (crossings, the least slope)."""
    start = times.min(axis=1, initial=t_max)[:, None]                           # (N, 1)
    grid = start + (t_max - start) * np.linspace(0.0, 1.0, CELLS + 1)           # (N, cells + 1)
    V = kernel(grid[:, :, None] - times[:, None, :], tau) @ weight.T            # (N, cells + 1, in) x (in, out)
    reached = V[:, 1:] >= threshold                                             # (N, cells, out)
    n, i = np.nonzero(reached.any(axis=1))                                      # (pairs,): the neurons that fire
    cell = reached.argmax(axis=1)[n, i]
    low, high, t, w = grid[n, cell], grid[n, cell + 1], times[n], weight[i]     # (pairs,) twice, (pairs, in) twice
    for _ in range(int(np.ceil(np.log2(max((high - low).max(initial=0.0) / PRECISION, 1.0))))):
        middle = 0.5 * (low + high)
        above = (kernel(middle[:, None] - t, tau) * w).sum(axis=1) >= threshold
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    crossings = np.full((len(times), len(weight)), np.inf)
    crossings[n, i] = high
    return crossings, TINY * np.abs(weight).sum(axis=1)
