"""Angles, norm ratios, spectra, reciprocity: every measure of alignment, each defined once.

    update angle     between one parameter's gradient under a rule and under a named reference
    delta angle      between the error at one layer's output under a rule and backprop's
    weight angle     between W and the feedback that replaces it on the way down: B, or the path B·R
    norm ratio       ‖feedback‖ / ‖W‖

Angles are in degrees. Measuring works on a float64 copy of rule and network and changes nothing.
"""

import copy

import numpy as np

from feedbackalign.networks import Network
from feedbackalign.ops.norms import apart, correlation, norm, relative, scaled
from feedbackalign.ops.quiet import quiet
from feedbackalign.validation import (describe, require_arrays, require_entries, require_finite, require_known,
                                      require_numbers, require_reals)

__all__ = ["angle", "angles_between", "delta_angles", "in_float64", "norm_ratios", "path_floor", "reciprocity",
           "relative_distance", "spectrum", "update_angles", "weight_angles"]

ROUNDING = 1e-13            # of the largest gradient of a layer: a shorter one is zero


def angle(u, v):
    """Degrees between two arrays, both flattened; nan where one of them is zero.

    Computed as 2·atan2(‖û − v̂‖, ‖û + v̂‖) with unit vectors û, v̂, which keeps its digits near 0° and 180°
    (arccos of the cosine loses everything below about 1e-6 degrees).

    >>> round(angle([1.0, 0.0], [1.0, 1.0]), 9)
    45.0
    """
    u, v = require_reals(u, "u of an angle"), require_reals(v, "v of an angle")
    if u.size != v.size:
        raise ValueError(f"angle: expected u and v of one size, got {describe(u)} and {describe(v)}")
    return float(np.degrees(2.0 * np.arctan2(*apart(u.ravel(), v.ravel()))))


def angles_between(gradients, reference):
    """Degrees between two gradients, per parameter: {"fc1.weight": degrees, …}; nan where one is zero or missing.

    Zero is a gradient that is rounding beside the largest of its layer, as that of a bias under batch normalisation.

    >>> angles_between({"fc1.weight": np.ones(2), "fc1.bias": np.array([1e-17, 0.0])},
    ...                {"fc1.weight": np.ones(2), "fc1.bias": np.array([0.0, 1e-17])})
    {'fc1.weight': 0.0, 'fc1.bias': nan}
    """
    for name in require_arrays(reference, "reference"):
        if name in require_arrays(gradients, "gradients") and np.shape(gradients[name]) != np.shape(reference[name]):
            raise ValueError(f"gradients, reference: expected arrays of one shape, got {np.shape(gradients[name])} and "
                             f"{np.shape(reference[name])} for {name}")
    zeros = _zeros(gradients) | _zeros(reference)
    return {name: angle(gradients[name], exact) if name in gradients and name not in zeros else float("nan")
            for name, exact in reference.items()}


def _zeros(gradients):
    """Names of the gradients that are rounding beside the largest of their layer."""
    lengths = {name: norm(gradient) for name, gradient in gradients.items()}
    largest = {}
    for name, length in lengths.items():
        layer = name.rpartition(".")[0]
        largest[layer] = max(length, largest.get(layer, 0.0))
    return {name for name, length in lengths.items() if length <= ROUNDING * largest[name.rpartition(".")[0]]}


def relative_distance(ours, exact):
    """The largest ‖ours − exact‖ / ‖exact‖ over the arrays of `exact`, {name: array}; absolute where exact is zero.

    >>> relative_distance({"a": np.array([1.1, 0.0])}, {"a": np.array([1.0, 0.0])}) < 0.11
    True
    """
    require_entries(require_arrays(ours, "ours"), require_arrays(exact, "exact"), "ours")
    for name, array in exact.items():
        if np.shape(ours[name]) != np.shape(array):
            raise ValueError(f"ours, exact: expected arrays of one shape, got {np.shape(ours[name])} and "
                             f"{np.shape(array)} for {name}")
    return float(np.max([relative([ours[name]], [array]) for name, array in exact.items()]))        # NaN stays NaN


def require_rule(rule):
    """Refuse what brings no network along: rules stand above this file."""
    if not isinstance(getattr(rule, "network", None), Network):
        raise TypeError(f"rule: expected a rule made by feedbackalign.rules.make, got {describe(rule)}")
    return rule


def in_float64(rule):
    """A copy of the rule and its network in float64, to measure on; it remembers no pass."""
    with require_rule(rule).network.undisturbed() as network:
        network.forget()                                # a copy of the last pass would be larger than all weights
        return copy.deepcopy(rule).astype(np.float64)


def update_angles(rule, x, targets, to=None):
    """Degrees between the rule's gradient and a reference's, per parameter that the reference covers.

    Both are taken before momentum and decay, at the same parameters, on the batch x, targets, in float64. `to` is a
    name in `rule.references`, by default the first. Returns {"fc1.weight": degrees, …}, nan where a gradient is zero.

    >>> import feedbackalign as fa
    >>> net = fa.networks.mlp([4, 3, 2], rng=np.random.default_rng(0))
    >>> rule = fa.rules.make("fa", net, rng=np.random.default_rng(1))
    >>> x, labels = np.random.default_rng(2).normal(size=(8, 4)), np.array([0, 1] * 4)
    >>> [name for name, degrees in update_angles(rule, x, labels, to="backprop").items() if degrees > 1]
    ['fc1.weight', 'fc1.bias']
    """
    with quiet():
        step, references = require_rule(rule).beside_references(x, targets)
        to = next(iter(references)) if to is None else require_known(to, references, "reference")
        return angles_between(step.grads, references[to])


def delta_angles(rule, x, targets):
    """Degrees between the error at each layer's output under the rule and under backprop: {"fc1": degrees, …}.

    Empty for rules that send no error.
    """
    network = copy.deepcopy(require_rule(rule).network).astype(np.float64)
    require_finite(x, "x")
    with quiet():
        network.backward(network.loss_error(network.forward(x), targets))
        errors = in_float64(rule).gradients(x, targets).errors
    return {name: angle(error, network.layer(name).error) for name, error in errors.items()}


def weight_angles(rule):
    """Degrees between W and the feedback that replaces it: {"fc1": degrees, …}.

    For product feedback alignment this is the *path angle*, between W and B·R. Layers where nothing replaces W (direct
    feedback, perturbation) are left out.
    """
    return {name: degrees for name, (degrees, _) in weights_and_feedback(rule).items()}


def norm_ratios(rule):
    """‖feedback‖ / ‖W‖ per layer: {"fc1": number, …}; nan where W is zero."""
    return {name: ratio for name, (_, ratio) in weights_and_feedback(rule).items()}


def weights_and_feedback(rule):
    """What `weight_angles` and `norm_ratios` say, together: {"fc1": (degrees, ratio), …}.

    The product B·R is made only once for both.
    """
    found = {}
    for layer in require_rule(rule).network.weighted_layers():
        feedback = rule.feedback_weights(layer.name)
        if feedback is None:
            continue
        if np.shape(feedback) != layer.weight.shape:
            raise ValueError(f"{type(rule).__name__}.feedback_weights({layer.name!r}): expected W's shape "
                             f"{layer.weight.shape}, got {describe(feedback)}")
        length = norm(layer.weight)
        found[layer.name] = angle(layer.weight, feedback), norm(feedback) / length if length else float("nan")
    return found


def spectrum(B):
    """Eigenvalues of B Bᵀ, ascending: B (out, mid) -> (out,).

    For a random B with E[B Bᵀ] = I and expansion r = mid/out they have mean 1 and variance 1/r, and lie between
    the Marchenko-Pastur edges (1 ± 1/√r)². The path angle of product feedback alignment floors at arctan(1/√r).

    >>> spectrum(np.eye(2))
    array([1., 1.])
    """
    B = require_numbers(B, "B", shape=(None, None))
    return np.linalg.eigvalsh(B @ B.T)


def path_floor(B, weight):
    """Degrees between W and B Bᵀ W: the path angle after R has forgotten its start."""
    B, weight = require_numbers(B, "B", shape=(None, None)), require_numbers(weight, "weight")
    if weight.ndim < 2 or len(weight) != len(B):
        raise ValueError(f"B, weight: expected (out, mid) and (out, in, …), got {B.shape} and {weight.shape}")
    (B, _), (weight, _) = scaled(B), scaled(weight)
    flat = weight.reshape(len(weight), -1)                                          # (out, in·kh·kw)
    return angle(flat, B @ (B.T @ flat))


def reciprocity(rule):
    """Do pairs of neurons have synapses in both directions? {"fc1": (share, correlation), …}.

    share is the part of the forward synapses (W ≠ 0) beside which there is a *direct* feedback synapse too; correlation
    is that of the two weights over the pairs that have both, nan if there are fewer than two. Each rule says which of
    its synapses are direct (`rule.direct_feedback`): B of feedback alignment is, the path of product feedback alignment
    through a middle population is not.
    """
    measured = {}
    for layer in require_rule(rule).network.weighted_layers():
        forward = layer.weight.ravel().astype(np.float64)
        direct = rule.direct_feedback(layer.name)
        feedback = np.zeros_like(forward) if direct is None else direct.ravel().astype(np.float64)
        connected = forward != 0
        both = connected & (feedback != 0)
        share = float(both.sum() / max(connected.sum(), 1))
        measured[layer.name] = (share, correlation(forward[both], feedback[both]))
    return measured
