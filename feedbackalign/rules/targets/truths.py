"""What is exactly true of the rules of target propagation, as numbers for `feedbackalign check`.

Every truth takes the rule's class and a Generator and yields (what, value, tolerance).
"""

import numpy as np

from feedbackalign.alignment import angle
from feedbackalign.layers import Identity
from feedbackalign.networks import mlp
from feedbackalign.networks.jacobians import damped_pinv, forward, post_jacobians, times
from feedbackalign.rules.targets.reconstruction import Feedback, reconstruction, sent_up


def feedback_slopes(kind, rng):
    """The gradients that the feedback's optimiser gets are the slopes of its loss, for every entry of Q and c."""
    network, x, _ = curved_network(rng)
    rule = kind(network, rng=rng)
    seen, gaps, h = forward(rule.stages, x), [], 1e-5
    for place, stage in enumerate(rule.hidden):
        clean = seen.post[place + 1]
        noisy = clean + 0.3 * rng.normal(size=clean.shape)
        _, gradients = rule.feedback_gradients(place, seen, noisy)
        for key, gradient in gradients.items():
            array, slopes = rule.plastic()[f"{stage.name}.{key}"], np.empty_like(gradient)
            for entry in np.ndindex(array.shape):
                held, losses = array[entry], []
                for moved in (held + h, held - h):
                    array[entry] = moved
                    losses.append(rule.feedback_gradients(place, seen, noisy)[0])
                array[entry] = held
                slopes[entry] = (losses[0] - losses[1]) / (2 * h)
            gaps.append(np.linalg.norm(slopes - gradient) / np.linalg.norm(slopes))
    yield "gradients of the feedback's loss against central differences", gaps, 1e-6


def rest(kind, rng):
    """Where the output is its target nothing moves."""
    network, x, _ = curved_network(rng)
    grads = kind(network, rng=rng).gradients(x, network.forward(x)).grads
    yield "largest gradient at zero error", [np.abs(gradient).max() for gradient in grads.values()], 0.0


def gauss_newton(kind, rng):
    """The linearised layers above lead from ĥ_i exactly to the output's target; strong damping makes it backprop."""
    network, x, targets = curved_network(rng)
    rule = kind(network, rng=rng, gamma=0.0)
    seen = forward(rule.stages, x)
    top = -network.sample_errors(seen.output, targets)
    gaps = [np.abs(times(J, move) - top).max() for J, move in zip(post_jacobians(rule.stages, seen),
                                                                  rule.moves(seen, top))]
    yield "J (ĥ − h) against −λ e", gaps, 1e-9
    damped = kind(network, rng=rng, gamma=1e6)
    exact = damped.backprop_gradients(x, targets)
    grads = damped.gradients(x, targets).grads
    yield "degrees to backprop at γ = 1e6", [angle(grads[name], gradient) for name, gradient in exact.items()], 1e-3


def pseudoinverse(kind, rng):
    """As noise vanishes, the minimum of Eq. 12 for one sample is J^†γ."""
    network, x, _ = curved_network(rng)
    rule = kind(network, rng=rng, sigma=1e-3)
    seen = forward(rule.stages, x[:1])
    Q, slope = learnt_from_noise(rule.stages, seen, 0, rule.sigma, 0.1)
    yield "gradient of the difference loss and its damping there", np.abs(slope).max(), 1e-7
    exact = damped_pinv(post_jacobians(rule.stages, seen)[0][0], 0.1)
    yield "its minimum at σ = 1e-3 against J^†γ", float(np.linalg.norm(Q - exact) / np.linalg.norm(exact)), 1e-5


# -------------------------------------------------------------------------------------------- what they are measured on

def curved_network(rng):
    """Dense tanh layers under squared error, with biases and a batch: -> (network, x (7, 6), targets (7, 3))."""
    network = mlp((6, 5, 4, 3), activation="tanh", loss="squared-error", rng=rng, dtype=np.float64)
    for layer in network.weighted_layers():
        layer.bias[...] = 0.3 * rng.normal(size=layer.bias.shape)
    return network, rng.normal(size=(7, 6)), rng.normal(size=(7, 3))


def learnt_from_noise(stages, seen, place, sigma, gamma):
    """The minimum over Q of Eq. 12 plus γ‖Q‖² for one sample, by least squares: -> (Q, the gradient there).

    Noise ±σ√n along every axis has covariance σ²I exactly.
    """
    h, n = seen.post[place + 1], seen.post[place + 1].shape[1]
    noise = sigma * np.sqrt(n) * np.concatenate([np.eye(n), -np.eye(n)])                    # (2n, n)
    moved = sent_up(stages, place, h + noise) - seen.output                                 # (2n, out)
    power = len(noise) * sigma**2
    Q = np.linalg.solve(moved.T @ moved / power + gamma * np.eye(moved.shape[1]), moved.T @ noise / power).T
    rows = np.ones((len(noise), 1))
    _, gradients = reconstruction(Feedback(Q, None, Identity()), h + noise, seen.output + moved, clean=rows * h,
                                  clean_up=rows * seen.output, weight=1 / sigma**2)
    return Q, gradients["Q"] + 2 * gamma * Q
