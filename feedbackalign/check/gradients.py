"""The gradient checker: is what a backward pass says what the forward pass does?

    central differences      ∂f/∂θᵢ ≈ (f(θ + h uᵢ) − f(θ − h uᵢ)) / 2h

at h = 6e-6 in float64, where rounding and curvature are equally small, about 1e-10. The checker uses a random upstream
error (ones miss half of all wrong backwards), runs another batch first (so that a stale memory shows), compares every
entry, and checks that no pass changes its arguments.

At a kink (ReLU at 0, a tie in max pooling) differences mean nothing. Where the step from −h to +h changes which units
are active or which inputs win, the entry is counted and left out; all others must agree.
"""

import copy
import dataclasses

import numpy as np

from feedbackalign.check.diagnosis import Finding, GradientError, common_factor, gradient_error
from feedbackalign.layers import Layer, MatrixFlow
from feedbackalign.networks import Network
from feedbackalign.networks.network import inside
from feedbackalign.ops.quiet import quiet
from feedbackalign.validation import (describe, is_plain, require_dict, require_finite, require_floats,
                                      require_function, require_generator, require_integer, require_list,
                                      require_number, require_plain)

STEP = 6e-6                 # h: about the cube root of float64's rounding error
RTOL, ATOL = 1e-6, 1e-8
KINKS = {"relu": (0.0,), "leaky-relu": (0.0,), "abs": (0.0,), "hard-sigmoid": (0.0, 1.0), "soft-clip": (0.0, 2.0)}


@dataclasses.dataclass(frozen=True)
class GradientReport:
    """How a gradient check went: worst deviation (see `GradientError`), entries compared, entries across a kink."""

    worst: float
    compared: int
    across_kinks: int


def numerical_gradient(function, array, entries=None, h=STEP):
    """Central differences of a number with respect to the entries of an array.

    Parameters
    ----------
    function : callable
        array -> float. It is handed `array` itself with one entry moved, so it may as well read a live parameter.
    array : float64 array
        Left as it was.
    entries : sequence of int, optional
        Flat indices (C order); all if None.
    h : float above 0
        Half the step.

    Returns
    -------
    array
        In `array`'s shape, or one number per entry asked for.

    >>> numerical_gradient(lambda v: float((v**2).sum()), np.array([1.0, -3.0])).round(6)
    array([ 2., -6.])
    """
    if not is_plain(array) or array.dtype != np.float64:
        raise TypeError(f"array: expected a float64 array, got {describe(array)}")
    h = require_number(h, "h", low=0, low_open=True)
    wanted = range(array.size) if entries is None else require_list(
        entries, "entries", lambda entry, what: require_integer(entry, what, low=0, high=array.size - 1), least=0)
    with quiet():
        require_number(require_function(function, "function")(array), "answer of function")
        slopes = np.array([_slope(function, array, entry, h) for entry in wanted], dtype=np.float64)
    return slopes.reshape(array.shape) if entries is None else slopes


def _slope(function, array, entry, h):
    """One central difference; the entry is put back whatever happens."""
    here = array.flat[entry]
    try:
        array.flat[entry] = here + h
        above = float(function(array))
        array.flat[entry] = here - h
        below = float(function(array))
    finally:
        array.flat[entry] = here
    return (above - below) / (2.0 * h)


def check_gradients(subject, x, targets=None, *, gradients=None, rng=None, limit=2000, h=STEP, rtol=RTOL, atol=ATOL):
    """Compare a layer's or a network's backward pass with central differences; raise if they disagree.

    Everything happens on a float64 copy: the subject is left as it was.

    Parameters
    ----------
    subject : Layer or Network
        A layer is checked for its parameters and its input (a residual block for its input: the parameters are its
        layers'), a network for its parameters.
    x : array
        One batch, (N, …).
    targets : array, optional
        For a network: check the gradient of its loss. Without, that of ⟨random error, output⟩.
    gradients : dict, optional
        For a network with targets: check these instead of `backward`'s, for example `rule.gradients(x, targets).grads`;
        they must have been computed in float64.
    rng : numpy.random.Generator, optional
        Draws the upstream error and the sample of entries; default_rng(0) if None.
    limit : int
        Arrays with more entries than this are sampled.
    h, rtol, atol : float
        |given − numerical| ≤ rtol·|numerical| + atol.

    Returns
    -------
    GradientReport

    Raises
    ------
    GradientError
        Naming the worst entry and both numbers, every wrong array, and in a network the layers to suspect; or that x or
        the upstream error was changed, a gradient is missing or of another shape, two backward passes differ, or more
        than half of an array lies at kinks.

    >>> from feedbackalign.layers import Linear
    >>> layer = Linear(3, 2, rng=np.random.default_rng(0))
    >>> report = check_gradients(layer, np.random.default_rng(1).normal(size=(4, 3)))
    >>> report.worst < 1e-6, report.compared, report.across_kinks
    (True, 20, 0)
    """
    _refuse_bad_arguments(subject, x, targets, gradients)
    limit = require_integer(limit, "limit", low=1)
    h, rtol, atol = (require_number(number, what, low=0, low_open=True)
                     for number, what in ((h, "h"), (rtol, "rtol"), (atol, "atol")))
    rng = np.random.default_rng(0) if rng is None else require_generator(rng, "check_gradients")
    subject = copy.deepcopy(subject)
    for layer in _every_layer(subject):
        layer.astype(np.float64)                            # a residual block does not convert what is inside it
        layer.forget()                                      # a layer may have met this x before
    x = np.array(x, dtype=np.float64)
    with quiet():
        score, given = _passes(subject, x, targets, rng)
        if gradients is not None:
            given = {name: gradients.get(name) for name in subject.parameters()}
        arrays = dict(subject.parameters()) | ({"input": x} if isinstance(subject, Layer) else {})
        _refuse_bad_gradients(arrays, given, "backward gave" if gradients is None else "given")
        findings = [_compare(name, array, given.get(name), subject, score, rng, limit, h, rtol, atol)
                    for name, array in arrays.items()]
    worst = max(found.deviation for found in findings)
    if worst > rtol:
        raise gradient_error(subject, findings, rtol, len(x), handed=gradients is not None)
    return GradientReport(worst, sum(found.compared for found in findings), sum(found.across for found in findings))


def _refuse_bad_arguments(subject, x, targets, gradients):
    if not isinstance(subject, (Layer, Network)):
        raise TypeError(f"subject: expected a layer or a network of feedbackalign, got {describe(subject)}")
    if isinstance(subject, Layer) and targets is not None:
        raise ValueError("targets: a layer has no loss; only a network takes targets")
    if gradients is not None:
        require_dict(gradients, "gradients")
    if gradients is not None and targets is None:
        raise ValueError("gradients: expected targets with them, the gradients being those of the network's loss")
    for name, gradient in (gradients or {}).items():
        if require_plain(gradient, f"gradients: {name}").dtype == np.float32:
            raise TypeError(f"gradients: expected float64 arrays, got float32 for {name}, too coarse to compare: call "
                            f"network.astype(np.float64) before the rule is made")
    if not is_plain(x) or x.dtype.kind != "f" or x.ndim < 2:
        require_floats(x, "x", shape=(None, None))
    require_finite(x.astype(np.float64, copy=False), "x")


def _passes(subject, x, targets, rng):
    """One forward and backward pass after another batch's: -> (score at the present values, given gradients)."""
    _refuse_silent_layers(subject, _another_batch(x), rng)
    _backward(subject, subject.forward(_another_batch(x)), targets, rng)                    # a stale memory would show
    before = x.copy()
    output = subject.forward(x)
    if targets is not None:
        def score(_):
            return subject.loss(subject.forward(x), targets)
        given, again = (_collect(subject, subject.backward(subject.loss_error(output, targets))) for _ in range(2))
    else:
        start, upstream = output.copy(), rng.normal(size=output.shape)

        def score(_):                                       # the start is taken off before the sum: fewer digits lost
            return float((upstream * (subject.forward(x) - start)).sum())
        handed = upstream.copy()
        given, again = (_collect(subject, subject.backward(handed)) for _ in range(2))
        if not np.array_equal(handed, upstream):
            raise GradientError("backward changed the upstream error that it was given", where="upstream error")
    if not np.array_equal(x, before):
        raise GradientError("a pass changed the x that it was given", where="input")
    for name, gradient in given.items():
        if not np.array_equal(gradient, again[name], equal_nan=True):
            raise GradientError(f"{name}: a second backward pass gave another gradient", where=name)
    return score, given


def _refuse_silent_layers(subject, x, rng):
    """A pass in which a layer forgot to return what it computed is refused by the layer's name."""
    layers, y = subject.layers if isinstance(subject, Network) else [subject], x
    for layer in layers:
        below, y = y, layer.forward(y)
        if y is None:
            raise GradientError(f"{type(layer).__name__}.forward ({layer.name}) returned None, expected what the layer "
                                f"answers to its input of shape {below.shape}", where="forward")
    error = rng.normal(size=y.shape)
    for layer in reversed(layers):
        error = layer.backward(error)
        if error is None:
            raise GradientError(f"{type(layer).__name__}.backward ({layer.name}) returned None, expected the error at "
                                f"the layer's input, in that one's shape", where="backward")


def _another_batch(x):
    """A batch of x's shape and range that is not x: half its numbers backwards, half noise from a seed of its own.

    A draw from `rng` would not do: x may have been drawn from the same seed. The range takes in 0, and is [0, 1] where
    all of x is 0.
    """
    low, high = float(x.min(initial=0.0)), float(x.max(initial=0.0))
    noise = np.random.default_rng(0x0DDBA7C4).uniform(low, high if high > low else low + 1.0, size=x.shape)
    return 0.5 * (x.reshape(-1)[::-1].reshape(x.shape) + noise)


def _backward(subject, output, targets, rng):
    subject.backward(rng.normal(size=output.shape) if targets is None else subject.loss_error(output, targets))


def _collect(subject, returned):
    """{name: copy of the gradient}: a network returns its parameters' gradients, a layer that of its input."""
    if isinstance(subject, Network):
        return {name: np.array(gradient) for name, gradient in returned.items()}
    own = getattr(subject, "gradients", {}) if subject.parameters() else {}
    return {name: np.array(gradient) for name, gradient in own.items()} | {"input": np.array(returned)}


def _refuse_bad_gradients(arrays, given, gave):
    for name, array in arrays.items():
        if given.get(name) is None:
            raise GradientError(f"{name}: {gave} none", where=name)
        if np.shape(given[name]) != array.shape:
            raise GradientError(f"{name}: expected a gradient of shape {array.shape}, {gave} {describe(given[name])}",
                                where=name)


def _compare(name, array, given, subject, score, rng, limit, h, rtol, atol):
    """-> what comparing the entries of one array found."""
    whole = array.size <= limit
    entries = np.arange(array.size) if whole else np.sort(rng.choice(array.size, limit, replace=False))
    patterns = []

    def watched(values):                                    # which units are active, at +h and then at −h
        value = score(values)
        patterns.append(active_pattern(subject))
        return value

    numerical, kept = [], []
    for entry in entries:
        patterns.clear()
        numerical.append(_slope(watched, array, entry, h))
        kept.append(all(map(np.array_equal, *patterns)))
    kept = np.array(kept)
    if kept.mean() < 0.5:
        raise GradientError(f"{name}: {(~kept).sum()} of {kept.size} entries lie at kinks, where nothing can be "
                            f"compared: draw another x", where=name)
    entries, numerical = entries[kept], np.array(numerical)[kept]
    said = given.reshape(-1)[entries]
    deviation = np.abs(said - numerical) / (np.abs(numerical) + atol / rtol)
    deviation[~np.isfinite(deviation)] = np.inf
    top = int(np.argmax(deviation))
    index = tuple(int(i) for i in np.unravel_index(entries[top], array.shape))
    return Finding(name, f"{name}{list(index)}", float(said[top]), float(numerical[top]), float(deviation[top]),
                   compared=len(entries), across=int((~kept).sum()), wrong=int((deviation > rtol).sum()),
                   factor=common_factor(said, numerical))


def _every_layer(subject):
    """Bottom to top, with those inside residual blocks."""
    return inside(subject.layers if isinstance(subject, Network) else [subject])


def active_pattern(subject):
    """Which side of its kinks every unit is on, which input won every window, and which came before every spike."""
    pattern = []
    for layer in _every_layer(subject):
        is_flow = isinstance(layer, MatrixFlow)                                 # it has a unit inside, at every step
        kind, v = (layer.unit.kind, layer.preactivations) if is_flow else (layer.kind, layer.input)
        pattern += [v > kink for kink in KINKS.get(kind, ())]
        if hasattr(layer, "winner"):
            pattern.append(np.array(layer.winner))
        if hasattr(layer, "causal_set"):
            pattern.append(layer.causal_set())
    return pattern
