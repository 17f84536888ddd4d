"""Arguments for every public function of `ops`, so that what must hold for all of them is tested for all of them."""

import numpy as np

from feedbackalign.ops import (activations, convolution, initialisers, linear, losses, normalisation, pooling, skew,
                               spikes, vector_fields)
from feedbackalign.ops.fast import normalisation as fast_normalisation

VIEW_HELPERS = {"batch_innermost", "pad", "tap", "as_rows", "as_images", "by_channel", "like"}    # may return views
WITHOUT_ARRAYS = {"blocks", "output_size", "tap_counts", "fans", "deviation", "orthogonal", "draw", "draw_bias",
                  "uniform", "normal", "truncated_normal", "parts"}
MODULES = (activations, convolution, initialisers, linear, losses, normalisation, pooling, skew, spikes, vector_fields,
           fast_normalisation)


def public_functions():
    """{name: function} of all that the modules define, helpers that return views left out; fast ones say so."""
    found = {}
    for module in MODULES:
        for name, thing in vars(module).items():
            own = callable(thing) and getattr(thing, "__module__", None) == module.__name__
            if own and not name.startswith("_") and name not in VIEW_HELPERS | WITHOUT_ARRAYS:
                found[f"fast {name}" if name in found else name] = thing
    return found


def latencies(rng, dtype):
    """Times of input spikes (4, 5) and weights (3, 5) under which the last neuron is silent."""
    times, weight = rng.random((4, 5)).astype(dtype), (0.5 + rng.random((3, 5))).astype(dtype)
    times[0, 1] = np.inf
    weight[2] *= -1.0
    return times, weight


def arguments(dtype=np.float64):
    """{name: (arrays and numbers to call it with)}, for every function of `public_functions`."""
    rng = np.random.default_rng(0)

    def draw(*shape):
        return rng.normal(size=shape).astype(dtype)

    x, weight, bias, error = draw(4, 5), draw(3, 5), draw(3), draw(4, 3)
    images, kernel, kernel_bias = draw(2, 3, 6, 5), draw(4, 3, 3, 2), draw(4)
    answer, columns = convolution.convolve(images, kernel, kernel_bias, 2, 1)
    pooled, winner = pooling.max_pool(images, 3, 2)
    labels = np.array([0, 2, 1, 1])
    times, synapses = latencies(rng, dtype)                                     # (4, 5), (3, 5)
    fired, slopes = spikes.first_spikes(times, synapses, 1.0, 20.0)             # (4, 3), one neuron of them silent
    table = {
        "latency_code": (times / 4,), "kernel": (draw(4, 5), 0.5), "kernel_slope": (draw(4, 5),),
        "potential": (fired, times, synapses), "first_spikes": (times, synapses, 1.0, 20.0),
        "spike_weight_gradient": (error, fired, slopes, times),
        "spike_transport": (error, fired, slopes, times, synapses),
        "silent_gradient": (error, times, 20.0), "causal_set": (fired, times),
        "linear": (x, weight, bias), "linear_transport": (error, weight), "linear_weight_gradient": (error, x),
        "im2col": (images, (3, 2), 2, 1), "col2im": (columns, images.shape, (3, 2), 2, 1),
        "convolve": (images, kernel, kernel_bias, 2, 1),
        "convolution_transport": (draw(*answer.shape), kernel, images.shape, 2, 1),
        "convolution_weight_gradient": (draw(*answer.shape), columns, kernel.shape),
        "mix_channels": (draw(2, 3, 4, 5), draw(3, 7)),
        "max_pool": (images, 3, 2), "max_unpool": (draw(*pooled.shape), winner, images.shape, 3, 2),
        "max_pick": (images, winner, 3, 2),
        "average_pool": (images, 3, 2), "average_unpool": (draw(*pooled.shape), images.shape, 3, 2),
        "windows": (images, 3, 2), "back_to_pixels": (draw(9, *pooled.shape), images.shape, 2),
        "softmax_weights": (draw(9, *pooled.shape),), "softmax_pool": (images, 3, 2), "softmax_slopes": (images, 3, 2),
        "softmax_pool_change": (images, draw(*images.shape), 3, 2),
        "softmax_unpool": (draw(*pooled.shape), images, 3, 2),
        "softmax_unpool_change": (draw(*pooled.shape), images, draw(*images.shape), 3, 2),
        "global_average_pool": (images,), "global_average_unpool": (draw(2, 3), images.shape),
        "normalised": (images, bias, draw(3)**2, 1e-5),
        "batch_norm": (images, bias, draw(3), draw(3), draw(3)**2, 1e-5),
        "batch_norm_training": (images, bias, draw(3), 1e-5), "sums_of_products": (error, draw(4, 3)),
        "batch_norm_backward": (draw(*images.shape), images, bias, draw(3), draw(3)**2, 1e-5),
        "batch_norm_backward_running": (draw(*images.shape), images, bias, draw(3), draw(3)**2, 1e-5),
        "softmax": (error,), "one_hot": (labels, 3, dtype), "cross_entropy": (error, labels),
        "cross_entropy_and_error": (error, labels), "squared_error_and_error": (error, draw(4, 3)),
        "cross_entropy_error": (error, labels), "squared_error": (error, draw(4, 3)),
        "squared_error_error": (error, draw(4, 3)),
    }
    M, W, G = (draw(3, 3) for _ in range(3))
    _, mu, U = skew.skew_exp(M - M.T)
    gates = draw(2), draw(2, 4, 10), draw(2, 4), draw(2, 9, 4), draw(2, 9)
    table |= {
        "skew_exp": (M - M.T,), "skew_exp_adjoint": (G, mu, U), "cayley": (M - M.T,), "cayley_adjoint": (G, M),
        "symmetric": (M,), "iso": (W, M, G), "iso_backward": (G, W, M, draw(3, 3)), "free_time": (W, M),
        "free_time_backward": (G, W, M), "gated": (W, 0.3, *gates), "gated_backward": (G, W, 0.3, *gates),
    }
    table |= {f"fast {name}": table[name] for name in ("batch_norm", "batch_norm_training", "batch_norm_backward")}
    units = {name: (draw(4, 5),) for name in public_functions() if getattr(activations, name, None)}
    return table | units | {"relu_backward": (draw(4, 5), draw(4, 5))}
