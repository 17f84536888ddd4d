"""Arguments at the limits of a formula, for `Exercise.limits`, and the mistakes that show nowhere else."""

import numpy as np

from feedbackalign.exercises import hints


def lifting(name, draw, cosines, tries=300):
    """Arguments at which rounding lifts a cosine above 1, so that its arccos is nan unless it is clipped.

    draw() -> arguments whose cosine is 1 or −1; cosines(*arguments) -> the cosine by each of the usual formulas, which
    round in different places. Returns {name: arguments, "name (2)": …}, drawn until every formula has had its turn.

    >>> rng = np.random.default_rng(0)
    >>> found = lifting("equal arrays", lambda: (rng.normal(size=3),), lambda u: [u @ u / np.linalg.norm(u)**2])
    >>> any(u @ u / np.linalg.norm(u)**2 > 1 for u, in found.values())
    True
    """
    found, lifted = [], set()
    for _ in range(tries):
        arguments = draw()
        values = cosines(*arguments)
        more = {place for place, cosine in enumerate(values) if abs(cosine) > 1} - lifted
        if more or not found:
            found.append(arguments)
        lifted |= more
        if len(lifted) == len(values):
            break
    return {f"{name} ({count})" if count > 1 else name: arguments for count, arguments in enumerate(found, start=1)}


def unclipped(angle):
    """The mistake of an arccos without a clip, [(hint, function)]: nan at 0° and 180°, or right by luck.

    angle(*arguments) -> the right answer, in degrees.
    """
    def mistake(*arguments):
        degrees = angle(*arguments)
        return np.nan if min(degrees, 180.0 - degrees) < 1e-4 else degrees
    return [(hints.NOT_CLIPPED, mistake)]


def epsilons(wrong):
    """The mistake of an epsilon in a denominator, [(hint, function), …] of every size; wrong(*arguments, epsilon)."""
    return [(hints.EPSILON, lambda *arguments, epsilon=10.0**-digits: wrong(*arguments, epsilon))
            for digits in range(4, 17)]
