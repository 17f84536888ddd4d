"""Lesson 10, depth: what several imprecise layers make of an error, and what a shortcut carries."""

import numpy as np

from feedbackalign.exercises import hints
from feedbackalign.exercises.base import Exercise


def delta_angle(weight_angles):
    """Exercise 10.1. How far off an error is after some layers (equation 1).

    weight_angles (L,) holds θ₁ … θ_L in degrees, the weight angles of the layers that it went down through.
    Return the delta angle in degrees, a float.
    """
    raise NotImplementedError


def _some_layers(rng):
    return [(rng.uniform(10.0, 60.0, size=layers),) for layers in (3, 6, 2)]


def _layers_at_the_limits(rng):
    return {"one layer": (np.array([37.0]),), "an angle above 90°": (np.array([30.0, 125.0, 20.0]),),
            "two angles above 90°": (np.array([100.0, 35.0, 160.0]),), "one layer above 90°": (np.array([140.0]),),
            "a right angle": (np.array([20.0, 90.0, 40.0]),), "angles of 0°": (np.zeros(4),),
            "an angle of 180°": (np.array([180.0, 50.0]),), "thirty layers": (rng.uniform(1.0, 20.0, size=30),)}


def _cosine(weight_angles):
    return np.prod(np.cos(np.radians(weight_angles)))


def _degrees(cosine):
    return float(np.degrees(np.arccos(cosine)))


def _cosines_multiply(weight_angles):
    return _degrees(_cosine(weight_angles))


def error_below_block(error, v, B1, B2):
    """Exercise 10.2. Send an error down through a residual block, by feedback alignment.

    The block's forward pass was y = x + ReLU(v) W2ᵀ with v = x W1ᵀ. B1 (hidden, in) stands in for W1 and B2
    (in, hidden) for W2; the shortcut has no weights. error (N, in) is at y, v (N, hidden).
    Return the error at x, (N, in).
    """
    raise NotImplementedError


def _block(rng, N, inputs, hidden):
    return (rng.normal(size=(N, inputs)), 2 * rng.normal(size=(N, hidden)), rng.normal(size=(hidden, inputs)),
            rng.normal(size=(inputs, hidden)))


def _blocks(rng):
    return [_block(rng, 6, 3, 4), _block(rng, 4, 5, 2)]


def _blocks_at_the_limits(rng):
    error, v, B1, B2 = _block(rng, 5, 4, 3)
    return {"one sample": _block(rng, 1, 3, 4), "one hidden unit": _block(rng, 7, 3, 1),
            "one input": _block(rng, 5, 1, 4), "one sample, input and hidden unit": (
                np.array([[0.7]]), np.array([[1.5]]), np.array([[-0.6]]), np.array([[2.5]])),
            "every unit active": (error, np.abs(v), B1, B2), "no unit active": (error, -np.abs(v), B1, B2),
            "a tiny error": (1e-150 * error, v, B1, B2), "a huge error": (1e150 * error, v, B1, B2),
            "tiny pre-activations": (error, 1e-150 * v, B1, B2), "huge pre-activations": (error, 1e150 * v, B1, B2)}


def _both_ways(error, v, B1, B2):
    return error + _branch(error, v > 0, B1, B2)


def _branch(error, slope, B1, B2, inputs=slice(None), hidden=slice(None)):
    middle = error[:, inputs] @ B2[inputs] * slope              # (N, in) -> (N, hidden)
    return middle[:, hidden] @ B1[hidden]                       # (N, hidden) -> (N, in)


def _sloped(slope):
    """A mistake in the slope alone: slope(error, v, B2) -> (N, hidden)."""
    return lambda error, v, B1, B2: error + _branch(error, slope(error, v, B2), B1, B2)


def _summed(shortcut=1.0, **only):
    """A mistake in a sum: only some inputs, or some hidden units."""
    return lambda error, v, B1, B2: shortcut * error + _branch(error, v > 0, B1, B2, **only)


LAST, BUT_LAST, BUT_FIRST = slice(-1, None), slice(None, -1), slice(1, None)

EXERCISES = {
    "10.1": Exercise(
        task=delta_angle, cases=_some_layers, limits=_layers_at_the_limits, right=_cosines_multiply, tolerance=1e-7,
        at_least=180.0, mistakes=[
            *[("you added the angles; it is their cosines that multiply", mistake) for mistake in (
                lambda angles: float(np.sum(angles)), lambda angles: _degrees(np.cos(np.radians(np.sum(angles)))))],
            *[("you multiplied the angles; it is their cosines that multiply", mistake) for mistake in (
                lambda angles: float(np.prod(angles)), lambda angles: _degrees(np.cos(np.radians(np.prod(angles)))))],
            ("every layer has an angle of its own; you took the mean of them for all",
             lambda angles: _degrees(np.cos(np.radians(np.mean(angles)))**len(angles))),
            ("every layer has an angle of its own; you took the first for all",
             lambda angles: _degrees(np.cos(np.radians(angles[0]))**len(angles))),
            ("it is the cosines that multiply, not their squares", lambda angles: _degrees(_cosine(angles)**2)),
            ("a product begins at 1; yours begins at 0, where it stays", lambda angles: 90.0),
            ("a cosine below 0 has no logarithm: multiply the cosines themselves",
             lambda angles: _degrees(np.exp(np.sum(np.log(np.cos(np.radians(angles))))))),
            ("this is the angle after every layer; the one after all layers is asked, a float",
             lambda angles: np.degrees(np.arccos(np.cumprod(np.cos(np.radians(angles)))))),
            (f"{hints.SIGN}, that of the cosine", lambda angles: _degrees(-_cosine(angles))),
            ("you added the squares of the angles; it is their cosines that multiply",
             lambda angles: float(np.sqrt(np.sum(angles**2)))),
            ("this is the first angle; every layer adds to it", lambda angles: float(angles[0])),
            ("this is the largest angle; every layer adds to it", lambda angles: float(np.max(angles))),
            ("this is the mean of the angles; it is their cosines that multiply",
             lambda angles: float(np.mean(angles))),
            ("this is the cosine; the angle is its arccos", lambda angles: float(_cosine(angles))),
            ("this is the cosine, taken for radians; the angle is its arccos",
             lambda angles: float(np.degrees(_cosine(angles)))),
            ("this is in radians", lambda angles: float(np.radians(_cosines_multiply(angles)))),
            ("NumPy's cos takes radians, and the angles are in degrees",
             lambda angles: _degrees(np.prod(np.cos(angles)))),
            ("NumPy's cos takes radians, and the angles are in degrees; and the answer is in radians",
             lambda angles: float(np.arccos(np.prod(np.cos(angles))))),
            ("you took the mean of the cosines; every layer keeps its share of what the last one kept, so they "
             "multiply", lambda angles: _degrees(np.mean(np.cos(np.radians(angles))))),
            ("you added the cosines; they multiply", lambda angles: _degrees(np.sum(np.cos(np.radians(angles))))),
            ("the angle is the arccos; you took the arcsin",
             lambda angles: float(np.degrees(np.arcsin(_cosine(angles))))),
            ("it is the cosines that multiply; you took the sines",
             lambda angles: float(np.degrees(np.arcsin(np.prod(np.sin(np.radians(angles))))))),
            (f"{hints.ABS} (a sine would have none either): above 90° a cosine is below 0",
             lambda angles: _degrees(abs(_cosine(angles)))),
            (f"{hints.CLIPPED}: above 90° a cosine is below 0",
             lambda angles: _degrees(max(_cosine(angles), 0.0))),
            (f"{hints.OVERWRITTEN_IN_LOOP}, or here *=: only the last layer counts",
             lambda angles: _cosines_multiply(angles[-1:])),
            (f"{hints.FIRST_LEFT_OUT}, the first layer's", lambda angles: _cosines_multiply(angles[1:])),
            (f"{hints.LAST_LEFT_OUT}, the last layer's", lambda angles: _cosines_multiply(angles[:-1])),
        ]),
    "10.2": Exercise(
        task=error_below_block, cases=_blocks, limits=_blocks_at_the_limits, right=_both_ways, mistakes=[
            ("you left out the shortcut: it carries its error as it is, and the two are added", _summed(shortcut=0.0)),
            ("this is the shortcut's error alone: the branch has one too, and the two are added",
             lambda error, v, B1, B2: error),
            ("the error of the shortcut is there twice", _summed(shortcut=2.0)),
            ("the two errors are added; this is their mean", lambda *given: _both_ways(*given) / 2),
            (f"{hints.SIGN}, that of the branch's error: it is added to the shortcut's",
             lambda error, v, B1, B2: error - _branch(error, v > 0, B1, B2)),
            (f"{hints.SIGN}, that of the shortcut's error: it is added to the branch's", _summed(shortcut=-1.0)),
            (f"{hints.SLOPE_LEFT_OUT} of the ReLU", _sloped(lambda error, v, B2: 1.0)),
            ("you multiplied with ReLU(v); its slope, 1 where v > 0, is what belongs there",
             _sloped(lambda error, v, B2: np.maximum(v, 0))),
            ("you multiplied with v; the slope of the ReLU, 1 where v > 0, is what belongs there",
             _sloped(lambda error, v, B2: v)),
            ("the ReLU's kink is at 0, not at 1", _sloped(lambda error, v, B2: v > 1)),
            ("the slope is 1 where v is above 0; yours is 1 where it is below", _sloped(lambda error, v, B2: v < 0)),
            ("the slope is 0 where v is below 0; yours is −1, for it is the sign of v",
             _sloped(lambda error, v, B2: np.sign(v))),
            (hints.slope_of_the_wrong("the error that comes down; it belongs at v"),
             _sloped(lambda error, v, B2: error @ B2 > 0)),
            ("the slope is 1 wherever v is above 0, however small v is", _sloped(lambda error, v, B2: v > 1e-8)),
            (f"{hints.ABS}: the slope is 1 where v > 0, and 0 elsewhere", _sloped(lambda error, v, B2: np.abs(v))),
            (hints.slope_of_the_wrong("a tanh; a ReLU's is 1 where v > 0"),
             _sloped(lambda error, v, B2: 1 - np.tanh(v)**2)),
            (f"{hints.ORDER_SWAPPED}: the error meets B2 first, then B1, and none of them transposed",
             lambda error, v, B1, B2: _both_ways(error, v, B2.T, B1.T)),
            ("the signs of B1 and B2 are not B1 and B2",
             lambda error, v, B1, B2: _both_ways(error, v, np.sign(B1), np.sign(B2))),
            *[(f"{hints.mean_twice('samples')}: each error is sent down as it is, on both ways", mistake)
              for mistake in (lambda error, v, B1, B2: error + _branch(error, v > 0, B1, B2) / len(error),
                              lambda error, v, B1, B2: error / len(error) + _branch(error, v > 0, B1, B2))],
            *[(f"{hints.OVERWRITTEN_IN_LOOP}, over the {which}", mistake) for which, mistake in [
                ("hidden units", _summed(hidden=LAST)), ("inputs", _summed(inputs=LAST)),
                ("inputs and the hidden units", _summed(inputs=LAST, hidden=LAST)),
                ("hidden units, and the shortcut with it", _summed(shortcut=0.0, hidden=LAST))]],
            *[(f"{hint}, {whose}", mistake) for hint, whose, mistake in [
                (hints.FIRST_LEFT_OUT, "the first hidden unit's", _summed(hidden=BUT_FIRST)),
                (hints.FIRST_LEFT_OUT, "the first input's", _summed(inputs=BUT_FIRST)),
                (hints.LAST_LEFT_OUT, "the last hidden unit's", _summed(hidden=BUT_LAST)),
                (hints.LAST_LEFT_OUT, "the last input's", _summed(inputs=BUT_LAST))]],
        ]),
}
