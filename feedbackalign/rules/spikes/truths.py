"""What is exactly true of first spike times and of their derivatives, measured for `feedbackalign check`."""

import numpy as np

from feedbackalign.alignment import relative_distance
from feedbackalign.networks import spiking
from feedbackalign.ops import spikes


def crossing(kind, rng):
    """A neuron fires when its potential is at ϑ; one whose weights sum to more than 0 always does."""
    times, weight = rng.random((20, 12)), rng.normal(0.1, 0.5, size=(20, 12))
    weight[0] = -np.abs(weight[0])
    found, slopes = spikes.first_spikes(times, weight)
    fired = np.isfinite(found)
    gap = np.abs(spikes.potential(found, times, weight) - 1.0)[fired] * np.minimum(slopes[fired], 1.0)
    yield "potential at the spike against ϑ, relative to 1/S", gap, 1e-11
    yield "neurons that are driven upwards in the end and never fire", (~fired[:, weight.sum(axis=1) > 0]).sum(), 0.0
    yield "neurons that never fire at all", (~fired).sum(), 0.0, "at least"
    later = spikes.first_spikes(times + 0.5, weight)[0]
    yield "all inputs later by 1/2: spikes less 1/2 against spikes, relative to 1/S", \
        np.abs(later[fired] - 0.5 - found[fired]) * np.minimum(slopes[fired], 1.0), 1e-11


def adding_up(kind, rng):
    """Σ_j ∂t_i/∂t_j = 1 and Σ_j w_ij ∂t_i/∂w_ij = −ϑ/S_i."""
    times, weight = rng.random((1, 12)), rng.normal(0.3, 0.5, size=(20, 12))
    found, slopes = spikes.first_spikes(times, weight)
    fired, scale = np.isfinite(found[0]), np.minimum(slopes[0], 1.0)
    alone = [np.repeat(part, len(weight), axis=0) for part in (found, slopes, times)]           # every neuron by itself
    by_input = spikes.spike_transport(np.eye(len(weight)), *alone, weight)                      # (out, in): ∂t_i/∂t_j
    yield "Σ_j ∂t_i/∂t_j against 1", (np.abs(by_input.sum(axis=1) - 1.0) * scale)[fired], 1e-11
    by_weight = spikes.spike_weight_gradient(np.ones(found.shape), found, slopes, times)        # (out, in): ∂t_i/∂w_ij
    euler = (weight * by_weight).sum(axis=1)[fired] * slopes[0, fired]
    yield "S_i Σ_j w_ij ∂t_i/∂w_ij against −ϑ", np.abs(euler + 1.0) * scale[fired], 1e-11


def what_is_added(kind, rng):
    """With both options None the rule is backprop; the push adds what Eq. 8 says, and nothing else."""
    network = spiking([8, 12, 12, 4], t_max=3.0, rng=rng, dtype=np.float64)
    for layer in network.weighted_layers():
        layer.weight[::2] -= layer.weight[::2].mean(axis=1, keepdims=True)                      # these hardly fire
    x, labels = rng.random((10, 8)), rng.integers(4, size=10)
    exact = kind(network, rng=rng, silent_push=None, slope_floor=None)
    reference = exact.backprop_gradients(x, labels)
    yield "both options None: gradients against backprop's, some neurons silent", \
        relative_distance(exact.gradients(x, labels).grads, reference), 1e-12
    pushed = kind(network, rng=rng, slope_floor=None).gradients(x, labels).grads
    expected = dict(reference)
    for layer in network.weighted_layers():
        silent = np.isinf(layer.spikes)                                                         # (N, out)
        if layer is network.weighted_layers()[-1]:
            silent &= np.eye(4, dtype=bool)[labels]
        early = np.maximum(1.0 - np.where(np.isfinite(layer.input), layer.input, np.inf) / layer.t_max, 0.0)
        expected[f"{layer.name}.weight"] = reference[f"{layer.name}.weight"] - silent.T @ early / len(x)
    yield "with the push: gradients against backprop's less the silent neurons' share", \
        relative_distance(pushed, expected), 1e-12
    yield "how far the push takes them from backprop's", relative_distance(pushed, reference), 1e-3, "at least"
